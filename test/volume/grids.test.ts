import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gridDistance } from '../../src/volume/grids.ts';
import type { Shape } from '../../src/volume/volume.ts';

const number = fc.double({ min: -10, max: 10, noNaN: true });
const geometry = fc
  .array(number, { minLength: 12, maxLength: 12 })
  .map((rows) => ({ affine: [...rows, 0, 0, 0, 1] }));
const side = fc.integer({ min: 1, max: 4 });

test('is the largest distance between two places of one voxel', () => {
  fc.assert(
    fc.property(geometry, geometry, fc.tuple(side, side, side), (a, b, shape: Shape) => {
      const place = ({ affine }: typeof a, at: readonly number[]) =>
        [0, 4, 8].map((row) => at.reduce((sum, index, i) => sum + affine[row + i] * index, 0));
      let largest = 0;
      for (let z = 0; z < shape[0]; z++) {
        for (let y = 0; y < shape[1]; y++) {
          for (let x = 0; x < shape[2]; x++) {
            const [p, q] = [place(a, [x, y, z, 1]), place(b, [x, y, z, 1])];
            largest = Math.max(largest, Math.hypot(...p.map((value, i) => value - q[i])));
          }
        }
      }
      expect(gridDistance(a, b, shape)).toBeCloseTo(largest, 8);
    }),
  );
});

test('is 0 for one place said twice, and a shift for a shift', () => {
  const affine = [1, 0, 0, 5, 0, 2, 0, 6, 0, 0, 3, 7, 0, 0, 0, 1];
  expect(gridDistance({ affine }, { affine: [...affine] }, [9, 9, 9])).toBe(0);
  const shifted = affine.map((value, i) => (i === 3 ? value + 3 : i === 7 ? value - 4 : value));
  expect(gridDistance({ affine }, { affine: shifted }, [9, 9, 9])).toBe(5);
});
