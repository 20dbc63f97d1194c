import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { strokeVoxels } from '../../../src/app/desk/brush.ts';
import type { Stroke } from '../../../src/app/protocol.ts';
import type { Shape, Vector } from '../../../src/volume/volume.ts';

type Line = Pick<Stroke, 'points' | 'radius'>;
const voxels = (line: Line, shape: Shape, spacing: Vector) =>
  [...new Set(strokeVoxels(line, shape, spacing))].sort((a, b) => a - b);

/** The least distance from a voxel to a segment by thirds: a distance along a straight line is convex. */
function distance(voxel: Vector, a: Vector, b: Vector, spacing: Vector): number {
  const at = (t: number) =>
    Math.hypot(...voxel.map((x, axis) => (x - a[axis] - t * (b[axis] - a[axis])) * spacing[axis]));
  let [low, high] = [0, 1];
  for (let i = 0; i < 80; i++) {
    const [first, second] = [(2 * low + high) / 3, (low + 2 * high) / 3];
    if (at(first) < at(second)) high = second;
    else low = first;
  }
  return at((low + high) / 2);
}

const size = (max: number) => fc.integer({ min: 1, max });
const shapes = fc.tuple(size(5), size(6), size(7));
const millimetres = fc.double({ min: 0.4, max: 4, noNaN: true });
const along = (max: number) => fc.double({ min: -2, max: max + 2, noNaN: true });
const point: fc.Arbitrary<Vector> = fc.tuple(along(5), along(6), along(7));

describe('strokeVoxels', () => {
  // Numbers and sums of indices by NumPy, every voxel of the grid being measured.
  test.each<[string, Shape, Vector, Line, number, number]>([
    ['a ball', [9, 9, 9], [1, 1, 1], { points: [[4, 4, 4]], radius: 2.5 }, 81, 29_484],
    ['a ball in flat voxels', [9, 12, 20], [3, 1.5, 0.7], { points: [[4, 6, 10]], radius: 4 }, 89, 97_010],
    ['a ball in a corner', [9, 12, 20], [3, 1.5, 0.7], { points: [[0, 0, 0]], radius: 4 }, 24, 2328],
    [
      'a line between voxels',
      [9, 12, 20],
      [3, 1.5, 0.7],
      {
        points: [
          [1.5, 2, 3],
          [7, 9.25, 16],
        ],
        radius: 2.2,
      },
      120,
      136_305,
    ],
    [
      'a line with a corner',
      [9, 12, 20],
      [3, 1.5, 0.7],
      {
        points: [
          [1, 2, 3],
          [1, 9, 16],
          [7, 9, 16],
        ],
        radius: 2.2,
      },
      178,
      157_474,
    ],
  ])('%s: as many as NumPy counts', (_, shape, spacing, line, count, sum) => {
    const found = voxels(line, shape, spacing);
    expect(found).toHaveLength(count);
    expect(found.reduce((total, voxel) => total + voxel, 0)).toBe(sum);
  });

  it('gives all voxels within the radius of the line, and no other', () => {
    fc.assert(
      fc.property(
        shapes,
        fc.tuple(millimetres, millimetres, millimetres),
        fc.array(point, { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0, max: 6, noNaN: true }),
        (shape, spacing, points, radius) => {
          const found = new Set(voxels({ points, radius }, shape, spacing));
          let index = 0;
          for (let d = 0; d < shape[0]; d++) {
            for (let h = 0; h < shape[1]; h++) {
              for (let w = 0; w < shape[2]; w++, index++) {
                const distances = points.map((a, i) =>
                  distance([d, h, w], a, points[Math.min(i + 1, points.length - 1)], spacing),
                );
                const least = Math.min(...distances);
                const taken = found.delete(index);
                if (Math.abs(least - radius) > 1e-6) expect(taken).toBe(least < radius);
              }
            }
          }
          expect(found.size).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('takes the voxel that it is on, with the smallest of brushes', () => {
    expect(voxels({ points: [[1, 2, 3]], radius: 0 }, [2, 3, 4], [1, 1, 1])).toEqual([23]);
    expect(voxels({ points: [], radius: 9 }, [2, 3, 4], [1, 1, 1])).toEqual([]);
  });
});
