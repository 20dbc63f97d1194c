import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  defaultPreprocessing,
  type Preprocessing,
  prepareVolume,
  validatePreprocessing,
} from '../../src/encoders/preprocessing.ts';
import { EncoderError, VolumeError } from '../../src/errors.ts';
import { channelStatistics } from '../../src/volume/statistics.ts';
import { createVolume, type Volume } from '../../src/volume/volume.ts';

const encoder = (channels: number) => ({ name: 'net.onnx', channels });
const settings = (changes: Partial<Preprocessing>): Preprocessing => ({
  ...defaultPreprocessing,
  ...changes,
});
const voxels = 8;
const volumeOf = (...channels: number[][]): Volume =>
  createVolume(Float32Array.from(channels.flat()), [2, 2, 2], { channels: channels.length });
const rising = [1, 2, 3, 4, 5, 6, 7, 12];
const mixed = [-3, 0, 0, 1, 40, 2, -7, 9];

/** The definition, straight from the docstring of Preprocessing; voxel `undefined` is outside. */
function pixelByDefinition(volume: Volume, p: Preprocessing, c: number, voxel: number | undefined): number {
  const v = volume.channels === 1 ? 0 : c;
  const { minimum, maximum, mean, std } = channelStatistics(volume)[v];
  const normalise = (x: number) =>
    p.normalise === 'zscore'
      ? (x - mean) / std
      : p.normalise === 'range'
        ? (x - minimum) / (maximum - minimum)
        : x;
  const outside = p.outside === 'minimum' ? normalise(minimum) : p.outside;
  const normalised = voxel === undefined ? outside : normalise(volume.data[v * voxels + voxel]);
  const pick = (list: readonly number[], i: number) => list[list.length === 1 ? 0 : i];
  return (normalised * pick(p.scale, v) - pick(p.mean, c)) / pick(p.std, c);
}

function expectDefinition(volume: Volume, p: Preprocessing, channels: number) {
  const prepared = prepareVolume(volume, p, encoder(channels));
  expect(prepared.gain).toHaveLength(channels);
  for (let c = 0; c < channels; c++) {
    for (const voxel of [undefined, 0, 1, 2, 3, 4, 5, 6, 7]) {
      // What the sampler gives at a voxel's centre, and 0 outside.
      const sample = voxel === undefined ? 0 : prepared.volume.data[prepared.source[c] * voxels + voxel];
      const expected = pixelByDefinition(volume, p, c, voxel);
      expect(Math.abs(prepared.gain[c] * sample + prepared.offset[c] - expected)).toBeLessThan(
        1e-5 * (1 + Math.abs(expected)),
      );
    }
  }
}

describe('pixels are (normalised · scale − mean) / std, inside and outside', () => {
  const normalisations = ['none', 'zscore', 'range'] as const;
  const outsides = [0, -1.5, 'minimum'] as const;
  const all = normalisations.flatMap((normalise) => outsides.map((outside) => ({ normalise, outside })));
  test.each(all)('$normalise, outside $outside', (changes) => {
    expectDefinition(volumeOf(rising), settings(changes), 1);
    expectDefinition(volumeOf(mixed), settings({ ...changes, scale: [255], mean: [104, 117, 123] }), 3);
    const each = settings({ ...changes, scale: [2, -3], mean: [1, 2], std: [0.5, 4] });
    expectDefinition(volumeOf(rising, mixed), each, 2);
  });

  test('for any values', () => {
    const channel = fc.array(fc.integer({ min: -2000, max: 3000 }), { minLength: voxels, maxLength: voxels });
    const number = fc.integer({ min: -50, max: 50 }).map((i) => i / 8);
    const p = fc.record({
      normalise: fc.constantFrom(...normalisations),
      scale: fc.tuple(number),
      mean: fc.tuple(number, number),
      std: fc.tuple(number.filter((s) => s !== 0)),
      outside: fc.oneof(number, fc.constant('minimum' as const)),
    });
    const varied = channel.filter((values) => new Set(values).size > 1);
    fc.assert(fc.property(varied, varied, p, (a, b, given) => expectDefinition(volumeOf(a, b), given, 2)));
  });
});

describe('nothing is copied when nothing is to be done', () => {
  test.each<[string, number[], Partial<Preprocessing>]>([
    ['the default', rising, {}],
    ['what belongs to the encoder', rising, { mean: [1, 2, 3], std: [4] }],
    ['a scale', rising, { scale: [255] }],
    ['a smallest value that is 0', mixed.map(Math.abs), { outside: 'minimum' }],
    ['a range that is 0 to 1', mixed.map((v) => (v > 1 ? 1 : 0)), { normalise: 'range' }],
  ])('%s', (_, values, changes) => {
    const volume = volumeOf(values);
    expect(prepareVolume(volume, settings(changes), encoder(3)).volume).toBe(volume);
  });

  test('otherwise the given volume stays as it was', () => {
    const volume = volumeOf(rising);
    const prepared = prepareVolume(volume, settings({ normalise: 'zscore' }), encoder(1)).volume;
    expect(Array.from(volume.data)).toEqual(rising);
    expect(prepared.geometry).toBe(volume.geometry);
  });
});

test('the smallest value is exactly 0 where it is the background', () => {
  const { volume } = prepareVolume(
    volumeOf(mixed),
    settings({ normalise: 'zscore', outside: 'minimum' }),
    encoder(1),
  );
  expect(Math.min(...volume.data)).toBe(0);
});

describe('channels', () => {
  test('one channel is repeated, equal numbers go one to one', () => {
    expect(prepareVolume(volumeOf(rising), settings({}), encoder(3)).source).toEqual([0, 0, 0]);
    expect(prepareVolume(volumeOf(rising, mixed), settings({}), encoder(2)).source).toEqual([0, 1]);
  });

  test.each([
    [
      2,
      3,
      'net.onnx: This encoder takes images of 3 channels, but the volume has 2 channels. Give a volume of one channel or 3 channels.',
    ],
    [
      2,
      1,
      'net.onnx: This encoder takes images of one channel, but the volume has 2 channels. Give a volume of one channel.',
    ],
  ])('%i channels do not fit an encoder of %i', (channels, wanted, message) => {
    const volume = volumeOf(...Array(channels).fill(rising));
    expect(() => prepareVolume(volume, settings({}), encoder(wanted))).toThrow(EncoderError);
    expect(() => prepareVolume(volume, settings({}), encoder(wanted))).toThrow(message);
    expect(() => prepareVolume({ ...volume, name: 'a.nii.gz' }, settings({}), encoder(wanted))).toThrow(
      'but a.nii.gz has 2 channels',
    );
  });
});

describe('what cannot be normalised', () => {
  const flat = Array(voxels).fill(7);
  test.each<[string, Volume, Partial<Preprocessing>, string]>([
    [
      'a constant volume by its deviation',
      volumeOf(flat),
      { normalise: 'zscore' },
      'volume: All voxels are 7, so it cannot be normalised ("zscore").',
    ],
    [
      'a constant channel by its range',
      volumeOf(rising, flat),
      { normalise: 'range' },
      'volume, channel 1: All voxels are 7, so it cannot be normalised ("range").',
    ],
    [
      'voxels that are no numbers',
      volumeOf([...rising.slice(1), Number.NaN]),
      { outside: 'minimum' },
      'volume: Some voxels are infinite or no numbers',
    ],
  ])('%s', (_, volume, changes, message) => {
    const prepare = () => prepareVolume(volume, settings(changes), encoder(volume.channels));
    expect(prepare).toThrow(VolumeError);
    expect(prepare).toThrow(message);
  });
});

describe('cropping', () => {
  // Above 4 are voxels 4 to 7 of `rising`, and of `mixed` number 4 and 7.
  const upper = [5, 6, 7, 12];

  test('leaves the box of what is above a value, with the channel that it is told', () => {
    const volume = volumeOf(rising, mixed);
    const byFirst = prepareVolume(volume, settings({ crop: { channel: 0, above: 4 } }), encoder(2));
    expect(byFirst.box).toEqual({ from: [1, 0, 0], to: [2, 2, 2] });
    expect([...byFirst.volume.data]).toEqual([...upper, ...mixed.slice(4)]);
    const bySecond = prepareVolume(volume, settings({ crop: { channel: 1, above: 8 } }), encoder(2));
    expect(bySecond.box).toEqual({ from: [1, 0, 0], to: [2, 2, 2] });
    const single = prepareVolume(volume, settings({ crop: { channel: 1, above: 9 } }), encoder(2));
    expect(single.box).toEqual({ from: [1, 0, 0], to: [2, 1, 1] });
    expect([...single.volume.data]).toEqual([5, 40]);
  });

  test('comes before everything that looks at the whole volume', () => {
    const crop = { channel: 0, above: 4 };
    const cropped = { ...settings({ normalise: 'zscore', outside: 'minimum' }), crop };
    const { volume, offset } = prepareVolume(volumeOf(rising), cropped, encoder(1));
    const mean = upper.reduce((a, b) => a + b) / 4;
    const std = Math.sqrt(upper.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4);
    const expected = upper.map((value) => (value - mean) / std);
    volume.data.forEach((value, i) => {
      expect(value + offset[0]).toBeCloseTo(expected[i], 5);
    });
  });

  test('of what came cropped is nothing', () => {
    const crop = settings({ crop: { channel: 0, above: 4 } });
    const once = prepareVolume(volumeOf(rising), crop, encoder(1)).volume;
    const twice = prepareVolume(once, crop, encoder(1));
    expect(twice.volume).toBe(once);
    expect(twice.box).toEqual({ from: [0, 0, 0], to: [1, 2, 2] });
  });

  test('refuses to leave nothing, and a channel that is not there', () => {
    const volume = volumeOf(rising);
    const by = (channel: number, above: number) => () =>
      prepareVolume(volume, settings({ crop: { channel, above } }), encoder(1));
    expect(by(0, 12)).toThrow(VolumeError);
    expect(by(0, 12)).toThrow('volume: No voxel is above 12, so that nothing is left when it is cropped.');
    expect(by(1, 0)).toThrow(EncoderError);
    expect(by(1, 0)).toThrow('crops by channel 1 of a volume of one channel. Channels count from 0');
  });
});

describe('settings that make no sense', () => {
  test.each<[Partial<Preprocessing>, string]>([
    [{ scale: [] }, 'has 0 numbers for "scale". Give one number, or one for each channel of the volume (2).'],
    [{ scale: [1, 2, 3] }, 'has 3 numbers for "scale"'],
    [
      { mean: [1, 2] },
      'has 2 numbers for "mean". Give one number, or one for each channel of the encoder (3).',
    ],
    [{ std: [1, 0, 1] }, 'has a 0 in "std", which pixels are divided by.'],
    [{ mean: [Number.NaN] }, 'has "mean" NaN. Give finite numbers.'],
    [{ outside: Number.NEGATIVE_INFINITY }, 'has "outside" -Infinity.'],
    [{ normalise: 'minmax' as 'range' }, 'normalises by "minmax". Choose none, zscore or range.'],
  ])('%j', (changes, message) => {
    expect(() => validatePreprocessing(settings(changes), encoder(3), 2)).toThrow(
      `net.onnx: Its preprocessing ${message}`,
    );
  });

  test('without a volume only the encoder’s channels are checked', () => {
    expect(() => validatePreprocessing(settings({ scale: [1, 2] }), encoder(3))).not.toThrow();
    expect(() => validatePreprocessing(defaultPreprocessing, encoder(3), 1)).not.toThrow();
  });
});
