import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundingBox, cropVolume, uncropVolume } from '../../src/volume/crop.ts';
import { createVolume, type Shape, type Vector } from '../../src/volume/volume.ts';

/** Millimetres of the voxel (d, h, w). */
function place(a: readonly number[], [d, h, w]: Vector): number[] {
  return [0, 4, 8].map((r) => a[r] * w + a[r + 1] * h + a[r + 2] * d + a[r + 3]);
}

const affine = [0.9, 0.1, 0, -20, -0.2, 1.4, 0.3, 7, 0, -0.1, 3, 11, 0, 0, 0, 1];

/** A grid, a box in it, and two channels of numbers. */
const cases = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape as Shape),
      ends: fc.tuple(
        ...shape.map((length) =>
          fc
            .tuple(fc.integer({ min: 0, max: length - 1 }), fc.integer({ min: 1, max: length }))
            .map(([a, b]) => (a < b ? [a, b] : [b - 1, a + 1]))
            .map(([a, b]) => [a, Math.min(b, length)]),
        ),
      ),
    }),
  )
  .map(({ shape, ends }) => ({
    shape,
    box: {
      from: ends.map(([from]) => from) as unknown as Vector,
      to: ends.map(([, to]) => to) as unknown as Vector,
    },
  }));

function numbered(shape: Shape, channels: number) {
  const count = channels * shape[0] * shape[1] * shape[2];
  return createVolume(
    Float32Array.from({ length: count }, (_, i) => i + 1),
    shape,
    { channels, geometry: { affine } },
  );
}

describe('cropVolume', () => {
  it('leaves every voxel where it was in the world, with its value', () => {
    fc.assert(
      fc.property(cases, ({ shape, box }) => {
        const volume = numbered(shape, 2);
        const part = cropVolume(volume, box);
        for (let c = 0; c < 2; c++) {
          for (let d = box.from[0]; d < box.to[0]; d++) {
            for (let h = box.from[1]; h < box.to[1]; h++) {
              for (let w = box.from[2]; w < box.to[2]; w++) {
                const inner: Vector = [d - box.from[0], h - box.from[1], w - box.from[2]];
                const whole = volume.data[((c * shape[0] + d) * shape[1] + h) * shape[2] + w];
                const [depth, height, width] = part.shape;
                expect(part.data[((c * depth + inner[0]) * height + inner[1]) * width + inner[2]]).toBe(
                  whole,
                );
                const [x, y, z] = place(part.geometry.affine, inner);
                const [X, Y, Z] = place(affine, [d, h, w]);
                expect(Math.hypot(x - X, y - Y, z - Z)).toBeLessThan(1e-9);
              }
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is undone by uncropVolume, but for what lay outside', () => {
    fc.assert(
      fc.property(cases, ({ shape, box }) => {
        const volume = numbered(shape, 2);
        const back = uncropVolume(cropVolume(volume, box).data, 2, box, shape, -1);
        const into = new Float32Array(back.length).fill(-1);
        expect(uncropVolume(cropVolume(volume, box).data, 2, box, shape, 7, into)).toBe(into);
        expect(into).toEqual(back);
        const inside = back.filter((value) => value !== -1);
        expect([...inside]).toEqual([...cropVolume(volume, box).data]);
        expect(back.every((value, i) => value === -1 || value === volume.data[i])).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses boxes that are empty or reach outside', () => {
    const volume = numbered([2, 3, 4], 1);
    expect(() => cropVolume(volume, { from: [0, 0, 0], to: [2, 3, 5] })).toThrow(
      'no part of a grid of 2 × 3 × 4',
    );
    expect(() => cropVolume(volume, { from: [1, 0, 0], to: [1, 3, 4] })).toThrow('1:1');
    expect(() => uncropVolume(new Float32Array(3), 1, { from: [0, 0, 0], to: [1, 1, 2] }, [2, 3, 4])).toThrow(
      'has 2 values, not 3',
    );
  });
});

describe('boundingBox', () => {
  it('holds all voxels above a value and has one on each of its sides', () => {
    fc.assert(
      fc.property(cases, fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 }), ({ shape }, places) => {
        const count = shape[0] * shape[1] * shape[2];
        const data = new Float32Array(2 * count).fill(Number.NaN);
        const marked = places.map((place) => place % count);
        for (const place of marked) data[count + place] = 1;
        const box = boundingBox({ data, shape }, 0.5, 1)!;
        const at = marked.map((place) => [
          Math.floor(place / (shape[1] * shape[2])),
          Math.floor(place / shape[2]) % shape[1],
          place % shape[2],
        ]);
        for (let axis = 0; axis < 3; axis++) {
          expect(box.from[axis]).toBe(Math.min(...at.map((one) => one[axis])));
          expect(box.to[axis]).toBe(Math.max(...at.map((one) => one[axis])) + 1);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is undefined where nothing is above the value', () => {
    expect(boundingBox(numbered([2, 2, 2], 1), 8)).toBeUndefined();
  });
});
