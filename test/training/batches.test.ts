import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Samplable } from '../../src/geometry/layout.ts';
import { randomStreams } from '../../src/geometry/random.ts';
import { sampleSlice } from '../../src/geometry/sampler.ts';
import { type BatchLayout, cutBatches } from '../../src/training/batches.ts';
import { VolumeCache } from '../../src/training/cases.ts';
import { BalancedCases, type DrawnSlice, drawStep, paperAugmentation } from '../../src/training/draw.ts';
import { caseOf, noise } from './support.ts';

/** Five cases of two classes; their volumes are all different. */
const cases = (channels: number, encoderChannels: number, preprocessing = {}) =>
  [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
    [0, 0],
  ].map((labels, index) =>
    caseOf(`case ${index}`, labels, (i, c) => noise(i + 1000 * index + 400 * c), {
      channels,
      encoderChannels,
      preprocessing,
    }),
  );
const balanced = new BalancedCases([
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
  [0, 0],
]);
const draw = (volumes: number, slices: number, seed = 0) =>
  drawStep(balanced, { volumes, slices, augmentation: paperAugmentation }, randomStreams(seed, 1)[0]);

const plain: BatchLayout = {
  size: { rows: 4, columns: 5 },
  channels: 1,
  layout: 'nchw',
  microBatch: 1000,
  fixed: false,
};

/** Trilinear value at a point of the cube [−1, 1]³, 0 outside, by the definition. */
function valueAt({ data, shape }: Samplable, channel: number, point: readonly number[]): number {
  const [depth, height, width] = shape;
  const p = point.map((x, axis) => ((x + 1) / 2) * (shape[axis] - 1));
  const voxel = (d: number, h: number, w: number) =>
    d < 0 || h < 0 || w < 0 || d >= depth || h >= height || w >= width
      ? 0
      : data[((channel * depth + d) * height + h) * width + w];
  const low = p.map(Math.floor);
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    const at = low.map((l, axis) => l + ((corner >> axis) & 1));
    const weight = p.reduce((product, x, axis) => product * (1 - Math.abs(x - at[axis])), 1);
    sum += weight * voxel(at[0], at[1], at[2]);
  }
  return sum;
}

/** Pixel (i, j) of a slice. */
function pixelAt({ origin, u, v }: DrawnSlice, { rows, columns }: BatchLayout['size'], i: number, j: number) {
  const [a, b] = [(2 * i) / (rows - 1) - 1, (2 * j) / (columns - 1) - 1];
  return [0, 1, 2].map((axis) => origin[axis] + a * u[axis] + b * v[axis]);
}

describe('pixels', () => {
  test.each([
    'nchw',
    'nhwc',
  ] as const)('are the volume’s values on the plane, scaled and shaded (%s)', async (layout) => {
    const preprocessing = { scale: [2, 3], mean: [0.5, -1], std: [4, 0.5], outside: -0.25 };
    const own = cases(2, 2, preprocessing);
    const cache = new VolumeCache(own, 1e6);
    const drawn = draw(2, 3);
    const settings: BatchLayout = { ...plain, channels: 2, layout };
    const [{ pixels, dims, count }] = await cutBatches(drawn, own, cache, settings);
    expect(dims).toEqual(layout === 'nchw' ? [6, 2, 4, 5] : [6, 4, 5, 2]);
    expect(count).toBe(6);
    expect(pixels).toHaveLength(6 * 40);
    let n = 0;
    for (const { index, slices } of drawn) {
      const { volume } = await own[index].load();
      for (const slice of slices) {
        for (let c = 0; c < 2; c++) {
          for (let i = 0; i < 4; i++) {
            for (let j = 0; j < 5; j++) {
              // −0.25 lies outside, and what is cut is what differs from it.
              const value = valueAt(volume, c, pixelAt(slice, settings.size, i, j)) - 0.25;
              const seen = (value * preprocessing.scale[c] - preprocessing.mean[c]) / preprocessing.std[c];
              const at = layout === 'nchw' ? ((n * 2 + c) * 4 + i) * 5 + j : ((n * 4 + i) * 5 + j) * 2 + c;
              expect(pixels[at]).toBeCloseTo(slice.gain * seen + slice.shift, 4);
            }
          }
        }
        n++;
      }
    }
  });

  test('are those of sampleSlice bit for bit where nothing is scaled, one channel shown three times', async () => {
    const own = cases(1, 3);
    const drawn = draw(2, 4, 5).map((volume) => ({
      ...volume,
      slices: volume.slices.map((slice) => ({ ...slice, gain: 1, shift: 0 })),
    }));
    const [{ pixels }] = await cutBatches(drawn, own, new VolumeCache(own, 0), { ...plain, channels: 3 });
    const expected: number[] = [];
    for (const { index, slices } of drawn) {
      const { volume } = await own[index].load();
      for (const slice of slices) {
        const values = new Float32Array(20);
        sampleSlice(volume, slice, plain.size, values);
        expected.push(...values, ...values, ...values);
      }
    }
    expect([...pixels]).toEqual(expected);
  });
});

describe('micro-batches', () => {
  const own = cases(1, 1);
  const cache = new VolumeCache(own, 1e6);
  const steps = fc.record({
    volumes: fc.integer({ min: 1, max: 5 }),
    slices: fc.integer({ min: 2, max: 9 }),
    microBatch: fc.integer({ min: 1, max: 50 }),
    seed: fc.nat(100),
  });

  test('hold the slices in their order, in as few parts as can be, nearly equal', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async ({ volumes, slices, microBatch, seed }) => {
        const drawn = draw(volumes, slices, seed);
        const [whole] = await cutBatches(drawn, own, cache, plain);
        const parts = await cutBatches(drawn, own, cache, { ...plain, microBatch });
        expect(parts).toHaveLength(Math.ceil((volumes * slices) / microBatch));
        expect(parts.flatMap(({ pixels }) => [...pixels])).toEqual([...whole.pixels]);
        expect(parts.flatMap(({ labels }) => [...labels])).toEqual([...whole.labels]);
        const counts = parts.map(({ count }) => count);
        expect(Math.max(...counts)).toBeLessThanOrEqual(microBatch);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        for (const { dims, count } of parts) expect(dims).toEqual([count, 1, 4, 5]);
      }),
      { numRuns: 40 },
    );
  });

  test('of a fixed number are filled up at the end with their own slices again, which count for nothing', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async ({ volumes, slices, microBatch, seed }) => {
        const drawn = draw(volumes, slices, seed);
        const total = volumes * slices;
        const [whole] = await cutBatches(drawn, own, cache, plain);
        const parts = await cutBatches(drawn, own, cache, { ...plain, microBatch, fixed: true });
        expect(parts.map(({ count }) => count)).toEqual(
          Array.from({ length: Math.ceil(total / microBatch) }, (_, b) =>
            Math.min(microBatch, total - b * microBatch),
          ),
        );
        for (const { dims, pixels, labels, count } of parts) {
          expect(dims).toEqual([microBatch, 1, 4, 5]);
          expect([pixels.length, labels.length]).toEqual([microBatch * 20, microBatch * 2]);
          for (let i = count * 20; i < pixels.length; i++) expect(pixels[i]).toBe(pixels[i % (count * 20)]);
        }
        const filled = parts.flatMap(({ pixels, count }) => [...pixels.subarray(0, count * 20)]);
        expect(filled).toEqual([...whole.pixels]);
        const labels = parts.flatMap(({ labels, count }) => [...labels.subarray(0, count * 2)]);
        expect(labels).toEqual([...whole.labels]);
      }),
      { numRuns: 40 },
    );
  });

  test('have the labels of the case that each slice came from', async () => {
    const drawn = draw(4, 3, 9);
    const [{ labels }] = await cutBatches(drawn, own, cache, plain);
    expect([...labels]).toEqual(
      drawn.flatMap(({ index, slices }) => slices.flatMap(() => own[index].labels)),
    );
    expect(new Set(labels)).toEqual(new Set([0, 1]));
  });

  test('have memory of their own, so that they can be handed over', async () => {
    const parts = await cutBatches(draw(2, 4), own, cache, { ...plain, microBatch: 3 });
    const buffers = new Set(parts.map(({ pixels }) => pixels.buffer));
    expect(buffers.size).toBe(parts.length);
    for (const { pixels } of parts) expect(pixels.buffer.byteLength).toBe(pixels.byteLength);
  });

  test('a volume that cannot be read is told with its own error', async () => {
    const broken = own.map((given, index) =>
      index === 1 || index === 2 || index === 3
        ? { ...given, load: () => Promise.reject(new Error(`no ${given.name}`)) }
        : given,
    );
    await expect(cutBatches(draw(2, 2), broken, new VolumeCache(broken, 0), plain)).rejects.toThrow(
      /^no case [123]$/,
    );
  });
});
