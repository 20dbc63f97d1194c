import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { hysteresis } from '../../src/evaluation/binarisation.ts';
import { connectedComponents } from '../../src/evaluation/components.ts';
import { heatmaps } from './support.ts';

const thresholds = fc
  .tuple(fc.integer({ min: -4, max: 10 }), fc.integer({ min: -4, max: 10 }))
  .map(([a, b]) => ({ low: Math.min(a, b) + 0.5, high: Math.max(a, b) + 0.5 }));

describe('two thresholds', () => {
  it('keep what is above the low one and reaches above the high one, both strictly', () => {
    const heatmap = Float32Array.of(2, 5, 3, 2, 3, 4, 3, 2, 6, 0);
    const { mask, components } = hysteresis(heatmap, [1, 1, 10], { low: 2, high: 4 });
    expect([...mask]).toEqual([0, 1, 1, 0, 0, 0, 0, 0, 1, 0]);
    expect([...components.labels]).toEqual([0, 1, 1, 0, 0, 0, 0, 0, 2, 0]);
    expect([...components.sizes]).toEqual([2, 1]);
  });

  it('never change whether a volume is called positive: exactly when its maximum is above the high one', () => {
    fc.assert(
      fc.property(
        heatmaps(4),
        thresholds,
        fc.constantFrom(6, 18, 26),
        ({ heatmap, shape }, own, connectivity) => {
          const { mask } = hysteresis(heatmap, shape, { ...own, connectivity });
          expect(mask.includes(1)).toBe(Math.max(...heatmap) > own.high);
        },
      ),
    );
  });

  it('give whole components of the low threshold, numbered as the mask’s own', () => {
    fc.assert(
      fc.property(heatmaps(4), thresholds, ({ heatmap, shape }, { low, high }) => {
        const { mask, components } = hysteresis(heatmap, shape, { low, high });
        const above = connectedComponents(
          Uint8Array.from(heatmap, (v) => (v > low ? 1 : 0)),
          shape,
        );
        const kept = new Set(above.labels.filter((label, i) => label > 0 && heatmap[i] > high));
        expect([...mask]).toEqual([...above.labels].map((label) => (kept.has(label) ? 1 : 0)));
        expect(components).toEqual(connectedComponents(mask, shape));
      }),
    );
  });

  it('are one threshold when they are equal', () => {
    const { mask } = hysteresis(Float32Array.of(1, 2, 3), [1, 1, 3], { low: 2, high: 2 });
    expect([...mask]).toEqual([0, 0, 1]);
  });

  it('must be in order', () => {
    expect(() => hysteresis(Float32Array.of(1), [1, 1, 1], { low: 2, high: 1 })).toThrow(UsageError);
    expect(() => hysteresis(Float32Array.of(1), [1, 1, 1], { low: Number.NaN, high: 1 })).toThrow(UsageError);
    expect(() => hysteresis(Float32Array.of(1), [1, 1, 2], { low: 0, high: 1 })).toThrow('1 voxels');
  });
});
