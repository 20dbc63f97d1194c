import fc from 'fast-check';
import { expect, test } from 'vitest';
import { invertAffine, mapPoint, type Point } from '../../src/volume/affine.ts';

const number = fc.double({ min: -10, max: 10, noNaN: true });
const point = fc.tuple(number, number, number);

test('the inverse takes each point back', () => {
  fc.assert(
    fc.property(fc.array(number, { minLength: 12, maxLength: 12 }), point, (rows, at: Point) => {
      const affine = [...rows, 0, 0, 0, 1];
      // Diagonally dominant, so that rounding stays small.
      for (const i of [0, 5, 10]) affine[i] += affine[i] < 0 ? -25 : 25;
      const back = mapPoint(invertAffine(affine), mapPoint(affine, at));
      for (let i = 0; i < 3; i++) expect(back[i]).toBeCloseTo(at[i], 9);
    }),
  );
});

test('a point goes where the columns lead', () => {
  const affine = [1, 10, 100, 0.5, 2, 20, 200, 0.25, 3, 30, 300, 0.125, 0, 0, 0, 1];
  expect(mapPoint(affine, [1, 2, 3])).toEqual([321.5, 642.25, 963.125]);
});

test('what has no inverse is refused', () => {
  expect(() => invertAffine([1, 2, 0, 0, 2, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])).toThrow(RangeError);
  expect(() => invertAffine([Number.NaN, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])).toThrow(RangeError);
});
