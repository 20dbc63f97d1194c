/** A profile's lines and the range that they are shown in. */
import { expect, it } from 'vitest';
import { polylines, valueRange } from '../../../src/app/viewer/profile-lines.ts';

it('leaves gaps where nothing was measured', () => {
  const lines = polylines(Float32Array.of(1, 2, Number.NaN, 4), 8, (value) => 10 * value);
  expect(lines).toEqual(['1.00,10.00 3.00,20.00', '7.00,40.00']);
  expect(polylines(new Float32Array(3).fill(Number.NaN), 8, (value) => value)).toEqual([]);
});

it('always shows zero, and a range where all values are one', () => {
  expect(valueRange(Float32Array.of(2, 4, Number.NaN))).toMatchObject({ lowest: 2, highest: 4 });
  expect(valueRange(Float32Array.of(2, 4)).low).toBeLessThan(0);
  expect(valueRange(Float32Array.of(-3, -1)).high).toBeGreaterThan(0);
  for (const values of [Float32Array.of(0, 0), Float32Array.of(Number.NaN), new Float32Array(0)]) {
    const { low, high } = valueRange(values);
    expect(high).toBeGreaterThan(low);
  }
});
