import { describe, expect, it } from 'vitest';
import { rocAuc } from '../../src/evaluation/classification.ts';
import { connectedComponents } from '../../src/evaluation/components.ts';
import { defaultProtocol } from '../../src/evaluation/evaluation.ts';
import { evaluate, thresholdsOf } from '../../src/evaluation/protocol.ts';
import { bestHigh, bestLow, lowGrid } from '../../src/evaluation/thresholds.ts';
import { meanScores, startTuning, tunedLow, tuneOn } from '../../src/evaluation/tuning.ts';
import { goldenCase, goldenCases, goldenEvaluation, goldenPlans, goldenShape } from './support.ts';

const { labels, folds, mean } = goldenEvaluation;
const maxima = labels.map((_, i) => Math.max(...goldenCase(i).heatmap));
const inspected = maxima.map((maximum, i) => ({ maximum, mean: 0, hasTruth: labels[i] === 1 }));

describe('the golden evaluation', () => {
  it('has so many lesions in each mask', () => {
    const counts = labels.map((_, i) => connectedComponents(goldenCase(i).mask, goldenShape).count);
    expect(counts).toEqual(goldenEvaluation.components);
  });

  it('has this area under the ROC curve', () => {
    expect(rocAuc(maxima, labels)).toBeCloseTo(goldenEvaluation.auc_of_maximum, 15);
  });

  describe.each(folds.map((fold, k) => ({ k, fold })))('fold $k', ({ k, fold }) => {
    const own = fold.fit.map((i) => maxima[i]);

    it('has this high threshold and grid of low ones', () => {
      const high = bestHigh(
        own,
        fold.fit.map((i) => labels[i]),
        5,
      );
      expect(high).toBe(fold.tau);
      expect(lowGrid(high, 0, 20)).toHaveLength(20);
      lowGrid(high, 0, 20).forEach((low, i) => {
        expect(low).toBeCloseTo(fold.low_grid[i], 14);
      });
    });

    it('has this Dice at each low threshold, and the best of them', () => {
      const tuning = startTuning(goldenPlans[k], inspected, labels, defaultProtocol);
      for (const i of fold.masks_for_low) tuneOn(i, goldenCase(i), [tuning], defaultProtocol);
      const scores = meanScores(fold.masks_for_low.map((i) => tuning.scores.get(i) ?? []));
      scores.forEach((score, i) => {
        expect(score).toBeCloseTo(fold.low_grid_dice[i], 14);
      });
      expect(tunedLow(tuning)).toBeCloseTo(fold.low, 14);
      expect(bestLow(fold.low_grid, fold.low_grid_dice)).toBe(fold.low);
    });

    it('has these numbers of each case, and this balanced accuracy', async () => {
      const evaluation = await evaluate(goldenCases(), {}, { folds: [goldenPlans[k]] });
      const [own] = evaluation.folds;
      for (const i of fold.measure) {
        const { metrics } = evaluation.cases[i];
        const expected = fold.cases[i];
        expect(metrics.precision).toBe(expected?.precision);
        expect(metrics.recall).toBe(expected?.recall);
        expect(metrics.dice === undefined).toBe(expected === undefined);
        if (!expected) continue;
        expect(metrics.f1).toBeCloseTo(expected.f1, 15);
        expect(metrics.dice).toBeCloseTo(expected.dice, 15);
      }
      expect(own.metrics.balancedAccuracy).toBeCloseTo(fold.balanced_accuracy, 15);
      expect(own.high).toBe(fold.tau);
      expect(own.low).toBeCloseTo(fold.low, 14);
      const measured = `case-${fold.measure[0]}`;
      expect(thresholdsOf(evaluation, measured)).toEqual({ low: own.low, high: own.high });
      expect(thresholdsOf(evaluation, `case-${fold.fit[0]}`)).toBeUndefined();
    });
  });

  it('has these means over all folds', async () => {
    const { summary, folds: done, truth, notes } = await evaluate(goldenCases(), {}, { folds: goldenPlans });
    expect(truth).toBe('masks');
    expect(done).toHaveLength(10);
    for (const name of ['precision', 'recall', 'f1', 'dice'] as const) {
      expect(summary[name]?.mean).toBeCloseTo(mean[name], 14);
    }
    expect(summary.balancedAccuracy?.mean).toBeCloseTo(mean.ba, 14);
    expect(notes).toEqual(['In 9 of 10 folds fewer than 5 cases with a mask tuned the low threshold τ′.']);
  });
});
