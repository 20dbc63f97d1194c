import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PixelLayout, type PixelScaling, toPixels, writePixels } from '../../src/encoders/pixels.ts';
import type { SliceSize } from '../../src/geometry/sampler.ts';

const number = fc.float({ min: -4, max: 4, noNaN: true });
const list = (length: number) => fc.array(number, { minLength: length, maxLength: length });

interface Case {
  readonly size: SliceSize;
  readonly count: number;
  readonly spare: number;
  readonly encoder: PixelLayout;
  readonly scaling: PixelScaling;
  readonly slices: Float32Array;
}

/** Any volume for any encoder: channels shown once, twice or not at all. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    rows: fc.integer({ min: 2, max: 4 }),
    columns: fc.integer({ min: 2, max: 4 }),
    count: fc.integer({ min: 1, max: 3 }),
    spare: fc.nat(2),
    volumeChannels: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 3 }),
    layout: fc.constantFrom('nchw' as const, 'nhwc' as const),
  })
  .chain(({ rows, columns, count, spare, volumeChannels, channels, layout }) =>
    fc.record({
      size: fc.constant({ rows, columns }),
      count: fc.constant(count),
      spare: fc.constant(spare),
      encoder: fc.constant({ channels, layout }),
      scaling: fc.record({
        volume: fc.constant({ channels: volumeChannels }),
        source: fc.array(fc.nat(volumeChannels - 1), { minLength: channels, maxLength: channels }),
        gain: fc.oneof(fc.constant(Array<number>(channels).fill(1)), list(channels)),
        offset: fc.oneof(fc.constant(Array<number>(channels).fill(0)), list(channels)),
      }),
      slices: list(count * volumeChannels * rows * columns).map((values) => Float32Array.from(values)),
    }),
  )
  // What is in place already is in its order.
  .map((given) =>
    given.encoder.channels === given.scaling.volume.channels
      ? { ...given, scaling: { ...given.scaling, source: given.scaling.source.map((_, c) => c) } }
      : given,
  );

/** The value of one pixel, by the definition. */
function pixel(
  { size, scaling, slices }: Case,
  m: number,
  c: number,
  i: number,
  shade = { gain: 1, shift: 0 },
) {
  const { source, gain, offset, volume } = scaling;
  const area = size.rows * size.columns;
  const value = slices[(m * volume.channels + source[c]) * area + i];
  return shade.gain * (gain[c] * value + offset[c]) + shade.shift;
}

/** Where the encoder has it. */
function place({ size, encoder: { channels, layout } }: Case, m: number, c: number, i: number): number {
  const area = size.rows * size.columns;
  return layout === 'nchw' ? (m * channels + c) * area + i : (m * area + i) * channels + c;
}

/** That each pixel of the images lies where it must; the rest is 0. */
function expectPixels(given: Case, actual: Float32Array, places: number) {
  const { size, encoder, count } = given;
  const area = size.rows * size.columns;
  expect(actual).toHaveLength(places * encoder.channels * area);
  for (let m = 0; m < places; m++) {
    for (let c = 0; c < encoder.channels; c++) {
      for (let i = 0; i < area; i++) {
        const expected = m < count ? pixel(given, m, c, i) : 0;
        expect(actual[place(given, m, c, i)]).toBeCloseTo(expected, 4);
      }
    }
  }
}

describe('pixels of an encoder', () => {
  it('are scaled, repeated and laid out, and places without a slice are 0', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { slices, count, spare, size, encoder, scaling } = given;
        const before = slices.slice();
        const actual = toPixels(slices, count, count + spare, size, encoder, scaling);
        expectPixels(given, actual, count + spare);
        expect(slices).toEqual(before);
      }),
    );
  });

  it('are the slices themselves where nothing is to be done', () => {
    const slices = Float32Array.from({ length: 12 }, (_, i) => i);
    const size = { rows: 2, columns: 3 };
    const plain = { volume: { channels: 1 }, source: [0], gain: [1], offset: [0] };
    for (const layout of ['nchw', 'nhwc'] as const) {
      expect(toPixels(slices, 2, 2, size, { channels: 1, layout }, plain)).toBe(slices);
    }
    const two = { volume: { channels: 2 }, source: [0, 1], gain: [1, 1], offset: [0, 0] };
    expect(toPixels(slices, 1, 1, size, { channels: 2, layout: 'nchw' }, two)).toBe(slices);
    expect(toPixels(slices, 1, 1, size, { channels: 2, layout: 'nhwc' }, two)).toEqual(
      Float32Array.of(0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11),
    );
    expect(toPixels(slices, 2, 3, size, { channels: 1, layout: 'nchw' }, plain)).toEqual(
      Float32Array.from({ length: 18 }, (_, i) => (i < 12 ? i : 0)),
    );
  });

  it('of one slice are written at a place and nowhere else, shaded as the encoder would see them', () => {
    const shades = fc.record({ gain: number, shift: number });
    fc.assert(
      fc.property(cases, fc.nat(9), shades, (given, at, shade) => {
        const { size, encoder, scaling, slices } = given;
        const length = encoder.channels * size.rows * size.columns;
        const out = new Float32Array(at + length + 5).fill(77);
        const own = slices.subarray(0, scaling.volume.channels * size.rows * size.columns);
        writePixels(own, size, encoder, scaling, out, at, shade);
        for (let c = 0; c < encoder.channels; c++) {
          for (let i = 0; i < size.rows * size.columns; i++) {
            expect(out[at + place(given, 0, c, i)]).toBeCloseTo(pixel(given, 0, c, i, shade), 4);
          }
        }
        expect([...out.subarray(0, at), ...out.subarray(at + length)]).toEqual(Array(at + 5).fill(77));
      }),
    );
  });
});
