import fc from 'fast-check';
import { expect, test } from 'vitest';
import { channelStatistics } from '../../src/volume/statistics.ts';
import { createVolume } from '../../src/volume/volume.ts';

const line = (...values: number[]) => createVolume(Float32Array.from(values), [1, 1, values.length]);

test('each channel has its own', () => {
  const volume = createVolume(Float32Array.of(1, 2, 3, 6, -1, -1, 1, 1), [2, 1, 2], { channels: 2 });
  expect(channelStatistics(volume)).toEqual([
    { minimum: 1, maximum: 6, mean: 3, std: Math.sqrt(3.5) },
    { minimum: -1, maximum: 1, mean: 0, std: 1 },
  ]);
});

test('equal voxels have no deviation at all', () => {
  for (const value of [0.1, -1e30, 1 / 3]) {
    const [{ std, mean }] = channelStatistics(line(...Array(1001).fill(value)));
    expect([std, mean]).toEqual([0, Math.fround(value)]);
  }
});

test('a large mean does not swallow a small deviation', () => {
  // 2²³ ± 1: the squares have 46 digits, their mean minus the squared mean has none left.
  const values = Array.from({ length: 100_000 }, (_, i) => 2 ** 23 + (i % 2 ? 1 : -1));
  const [{ mean, std }] = channelStatistics(line(...values));
  expect(mean).toBe(2 ** 23);
  expect(std).toBeCloseTo(1, 12);
});

test('shifting and scaling by powers of two shift and scale them', () => {
  const whole = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 50 });
  fc.assert(
    fc.property(whole, fc.integer({ min: -500, max: 500 }), (values, shift) => {
      const [a] = channelStatistics(line(...values));
      const [b] = channelStatistics(line(...values.map((v) => 4 * v + shift)));
      expect(b.minimum).toBe(4 * a.minimum + shift);
      expect(b.maximum).toBe(4 * a.maximum + shift);
      expect(b.mean).toBeCloseTo(4 * a.mean + shift, 8);
      expect(b.std).toBeCloseTo(4 * a.std, 8);
    }),
  );
});

test('voxels that are no numbers show', () => {
  const [{ minimum, maximum, mean, std }] = channelStatistics(line(1, Number.NaN, 2));
  expect([minimum, maximum, mean, std]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  const [infinite] = channelStatistics(line(1, Number.POSITIVE_INFINITY));
  expect(infinite.maximum).toBe(Number.POSITIVE_INFINITY);
  expect([infinite.mean, infinite.std]).toEqual([Number.NaN, Number.NaN]);
});
