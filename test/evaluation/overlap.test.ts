import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestDice, dice, iou } from '../../src/evaluation/overlap.ts';

/** By trying every value as the threshold. */
function byTrying(values: readonly number[], mask: readonly number[]): number {
  const size = mask.filter((m) => m > 0.5).length;
  return Math.max(
    0,
    ...values.map((threshold) => {
      const marked = values.filter((v) => v >= threshold).length;
      const hit = values.filter((v, i) => v >= threshold && mask[i] > 0.5).length;
      return (2 * hit) / (marked + size);
    }),
  );
}

describe('Dice and intersection over union', () => {
  it('are those of sets counted by hand', () => {
    expect(dice(2, 3, 5)).toBe(1 / 2);
    expect(iou(2, 3, 5)).toBe(1 / 3);
    expect([dice(0, 0, 0), iou(0, 0, 0)]).toEqual([0, 0]);
  });

  it('tell the same: Dice = 2·IoU / (1 + IoU)', () => {
    const count = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(count, count, count, (shared, a, b) => {
        const overlap = iou(shared, shared + a, shared + b);
        expect(dice(shared, shared + a, shared + b)).toBeCloseTo((2 * overlap) / (1 + overlap), 14);
      }),
    );
  });
});

describe('the best Dice', () => {
  it('is 1 where a threshold separates, and the threshold is the lowest value in the mask', () => {
    expect(bestDice([0.1, 0.9, 0.3, 0.8], [0, 1, 0, 1])).toEqual({ dice: 1, threshold: 0.8 });
  });

  it('marks all of equal values or none', () => {
    expect(bestDice([1, 1, 0], [1, 0, 0])).toEqual({ dice: 2 / 3, threshold: 1 });
  });

  it('of an empty mask is 0', () => {
    expect(bestDice([1, 2], [0, 0]).dice).toBe(0);
  });

  it('is that of the best of all thresholds', () => {
    const voxel = fc.tuple(fc.integer({ min: -4, max: 4 }), fc.integer({ min: 0, max: 1 }));
    fc.assert(
      fc.property(fc.array(voxel, { minLength: 1, maxLength: 30 }), (voxels) => {
        const [values, mask] = [voxels.map(([v]) => v), voxels.map(([, m]) => m)];
        const { dice, threshold } = bestDice(values, mask);
        expect(dice).toBeCloseTo(byTrying(values, mask), 12);
        if (dice > 0) expect(values).toContain(threshold);
      }),
    );
  });
});
