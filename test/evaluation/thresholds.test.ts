import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestHigh, bestLow, fixedLow, lowGrid } from '../../src/evaluation/thresholds.ts';

/** (weight · sensitivity + specificity) / (weight + 1), a case being positive above the threshold. */
function weighted(
  maxima: readonly number[],
  labels: readonly number[],
  threshold: number,
  weight: number,
): number {
  const share = (label: number, called: boolean) => {
    const own = maxima.filter((_, i) => labels[i] === label);
    return own.filter((maximum) => maximum > threshold === called).length / own.length;
  };
  return (weight * share(1, true) + share(0, false)) / (weight + 1);
}

const cohorts = fc
  .array(fc.tuple(fc.integer({ min: -6, max: 6 }), fc.constantFrom(0, 1)), { minLength: 2, maxLength: 20 })
  .filter((rows) => new Set(rows.map(([, label]) => label)).size === 2)
  .map((rows) => ({ maxima: rows.map(([m]) => m / 2), labels: rows.map(([, label]) => label) }));

describe('the high threshold', () => {
  it('is the largest of the best candidates', () => {
    fc.assert(
      fc.property(cohorts, fc.constantFrom(1, 5), ({ maxima, labels }, weight) => {
        const sorted = [...new Set(maxima)].sort((a, b) => a - b);
        const candidates = [
          sorted[0] - 1e-6,
          ...sorted.slice(1).map((upper, i) => (sorted[i] + upper) / 2),
          (sorted.at(-1) ?? 0) + 1e-6,
        ];
        const scores = candidates.map((candidate) => weighted(maxima, labels, candidate, weight));
        const best = Math.max(...scores);
        const expected = candidates.findLast((_, i) => best - scores[i] < 1e-12);
        expect(bestHigh(maxima, labels, weight)).toBe(expected);
      }),
    );
  });

  it('weighs sensitivity five times in the paper', () => {
    // To find the positive at 1 costs all three negatives: worth it when sensitivity weighs 5, not when it weighs 1.
    const [maxima, labels] = [
      [1, 2, 3, 4, 5],
      [1, 0, 0, 0, 1],
    ];
    expect(bestHigh(maxima, labels, 5)).toBe(1 - 1e-6);
    expect(bestHigh(maxima, labels, 1)).toBe(4.5);
  });

  it('separates neighbouring float32 values', () => {
    const lower = 1;
    const upper = 1 + 2 ** -23;
    const high = bestHigh([lower, upper], [0, 1], 5);
    expect(lower > high).toBe(false);
    expect(upper > high).toBe(true);
    const above = bestHigh([upper, upper + 2 ** -23], [0, 1], 5);
    expect([upper > above, upper + 2 ** -23 > above]).toEqual([false, true]);
  });

  it('lies beyond even very large maxima', () => {
    expect(bestHigh([1e30, 1e30], [0, 1], 5)).toBeLessThan(1e30);
  });

  it('needs both classes', () => {
    expect(() => bestHigh([1, 2], [1, 1], 5)).toThrow('threshold: There is no negative case.');
    expect(() => bestHigh([1, 2], [0, 0], 5)).toThrow('threshold: There is no positive case.');
  });
});

describe('the low threshold', () => {
  it('is tried in the middles of equal steps from 0', () => {
    expect(lowGrid(2, -7, 4)).toEqual([0.25, 0.75, 1.25, 1.75]);
  });

  it('is tried from the mean where the high one is not above 0', () => {
    expect(lowGrid(-1, -3, 4)).toEqual([-2.75, -2.25, -1.75, -1.25]);
    expect(lowGrid(0, -2, 2)).toEqual([-1.5, -0.5]);
  });

  it('is the high one where even the mean is above it', () => {
    expect(lowGrid(-1, 3, 2)).toEqual([-1, -1]);
  });

  it('is never above the high one', () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(number, number, (high, mean) => {
        for (const low of [...lowGrid(high, mean, 20), fixedLow(high, mean, 0.5)]) {
          expect(low).toBeLessThanOrEqual(high);
        }
      }),
    );
  });

  it('is a share of the way without masks', () => {
    expect(fixedLow(2, 1, 0.5)).toBe(1);
    expect(fixedLow(-1, -3, 0.5)).toBe(-2);
    expect(fixedLow(2, 1, 0.25)).toBe(0.5);
  });

  it('is the smallest of the best', () => {
    expect(bestLow([0.1, 0.2, 0.3, 0.4], [0.5, 0.7, 0.7, 0.6])).toBe(0.2);
    expect(bestLow([0.1, 0.2], [0, 0])).toBe(0.1);
  });
});
