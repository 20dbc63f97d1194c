import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisDirections } from '../../src/geometry/directions.ts';
import { type Plane, sampleSlice } from '../../src/geometry/sampler.ts';
import { Stack } from '../../src/geometry/stack.ts';
import { createVolume, type Shape, type Vector } from '../../src/volume/volume.ts';

function slice(data: Float32Array, shape: Shape, plane: Plane, rows: number, columns: number, channels = 1) {
  const out = new Float32Array(channels * rows * columns).fill(Number.NaN);
  sampleSlice({ data, shape, channels }, plane, { rows, columns }, out);
  return out;
}

/** Trilinear interpolation with zero padding, written for clearness: the definition, point by point. */
function reference(data: Float32Array, [D, H, W]: Shape, plane: Plane, rows: number, columns: number) {
  const voxel = (z: number, y: number, x: number) =>
    z < 0 || y < 0 || x < 0 || z >= D || y >= H || x >= W ? 0 : data[(z * H + y) * W + x];
  return Float32Array.from({ length: rows * columns }, (_, p) => {
    const i = (2 * Math.floor(p / columns)) / (rows - 1) - 1;
    const j = (2 * (p % columns)) / (columns - 1) - 1;
    const at = [0, 1, 2].map((a) => plane.origin[a] + i * plane.u[a] + j * plane.v[a]);
    const [z, y, x] = at.map((c, a) => ((c + 1) / 2) * ([D, H, W][a] - 1));
    let sum = 0;
    for (const dz of [0, 1])
      for (const dy of [0, 1])
        for (const dx of [0, 1]) {
          const [kz, ky, kx] = [Math.floor(z) + dz, Math.floor(y) + dy, Math.floor(x) + dx];
          sum += (1 - Math.abs(z - kz)) * (1 - Math.abs(y - ky)) * (1 - Math.abs(x - kx)) * voxel(kz, ky, kx);
        }
    return sum;
  });
}

const coordinate = fc.double({ min: -1.6, max: 1.6, noNaN: true });
const vector: fc.Arbitrary<Vector> = fc.tuple(coordinate, coordinate, coordinate);
const lengths = fc.tuple(
  fc.integer({ min: 2, max: 7 }),
  fc.integer({ min: 2, max: 7 }),
  fc.integer({ min: 2, max: 7 }),
);

describe('slice sampler', () => {
  it('agrees with the definition for any plane, also skewed, scaled and shifted ones', () => {
    fc.assert(
      fc.property(
        lengths,
        fc.record({ origin: vector, u: vector, v: vector }),
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 2, max: 9 }),
        fc.infiniteStream(fc.float({ min: -5, max: 5, noNaN: true })),
        (shape, plane, rows, columns, values) => {
          const data = Float32Array.from(
            { length: shape[0] * shape[1] * shape[2] },
            () => values.next().value,
          );
          const got = slice(data, shape, plane, rows, columns);
          const want = reference(data, shape, plane, rows, columns);
          for (let i = 0; i < want.length; i++) expect(got[i]).toBeCloseTo(want[i], 4);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives back the planes of voxels along every axis, exactly', () => {
    const shape: Shape = [4, 5, 6];
    const data = Float32Array.from({ length: 120 }, (_, i) => Math.sin(i) * 10);
    for (const axis of [0, 1, 2] as const) {
      const [direction] = axisDirections(shape, [axis]);
      const [rows, columns] = shape.filter((_, a) => a !== axis);
      const stack = new Stack({ data, shape, channels: 1 }, direction, { rows, columns }, 0);
      const slices = stack.cut(0, stack.count);
      expect(stack.count).toBe(shape[axis]);
      let worst = 0;
      for (let z = 0; z < 4; z++)
        for (let y = 0; y < 5; y++)
          for (let x = 0; x < 6; x++) {
            const index = [z, y, x];
            const m = index[axis];
            const [i, j] = index.filter((_, a) => a !== axis);
            worst = Math.max(
              worst,
              Math.abs(slices[(m * rows + i) * columns + j] - data[(z * 5 + y) * 6 + x]),
            );
          }
      expect(worst).toBeLessThan(1e-5);
    }
  });

  it('fades to zero over one voxel outside', () => {
    const shape: Shape = [3, 3, 3];
    const data = new Float32Array(27).fill(8);
    // One voxel is 1 in normalised coordinates here; rows run along axis 1 at s = 1 + t.
    const value = (t: number) =>
      slice(data, shape, { origin: [1 + t, 0, 0], u: [0, 0.5, 0], v: [0, 0, 0.5] }, 3, 3)[4];
    expect([0, 0.25, 0.5, 0.999, 1, 1.5].map(value).map((v) => Math.round(v * 1000) / 1000)).toEqual([
      8, 6, 4, 0.008, 0, 0,
    ]);
  });

  it('samples each channel alike', () => {
    const shape: Shape = [4, 4, 4];
    const one = Float32Array.from({ length: 64 }, (_, i) => i % 7);
    const both = new Float32Array(128);
    both.set(one);
    both.set(
      one.map((v) => -4 * v),
      64,
    );
    const plane: Plane = { origin: [0.1, 0.2, -0.1], u: [0.7, 0.3, 0.2], v: [-0.2, 0.9, 0.4] };
    const single = slice(one, shape, plane, 6, 5);
    const pair = slice(both, shape, plane, 6, 5, 2);
    expect(pair.slice(0, 30)).toEqual(single);
    expect(pair.slice(30)).toEqual(single.map((v) => -4 * v));
  });

  it('refuses slices that cannot span the volume', () => {
    const volume = createVolume(new Float32Array(8), [2, 2, 2]);
    const [direction] = axisDirections([2, 2, 2], [0]);
    expect(() => new Stack(volume, direction, { rows: 1, columns: 5 }, 0)).toThrow(/at least 2 pixels/);
  });
});
