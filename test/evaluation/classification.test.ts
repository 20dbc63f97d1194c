import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TonnoError } from '../../src/errors.ts';
import { balancedAccuracy, ratesAt, rocAuc } from '../../src/evaluation/classification.ts';

/** Drawn by NumPy, with ties; scipy.stats.mannwhitneyu(positives, negatives).statistic is U_SCIPY. */
const scores = [
  -1.7, 0.7, -1.2, 0.2, -0.5, 0.1, 0.6, 0.7, -0.6, 0.4, 0.8, -1.6, 0.5, -0.2, -0.2, -1.3, 0.0, 0.0, 0.5, -0.2,
  -0.4, -0.3,
];
const labels = [0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1];
const U_SCIPY = 88;

/** Both classes, scores with many ties and infinities. */
const cases = fc
  .array(
    fc.tuple(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true })), fc.constantFrom(0, 1)),
    {
      minLength: 2,
      maxLength: 40,
    },
  )
  .map((rows) => ({ scores: rows.map(([score]) => score), labels: rows.map(([, label]) => label) }))
  .filter((drawn) => new Set(drawn.labels).size === 2);

describe('rocAuc', () => {
  test('is what SciPy and scikit-learn say', () => {
    expect(rocAuc(scores, labels)).toBe(U_SCIPY / (9 * 13));
    // The example in scikit-learn's documentation of roc_auc_score.
    expect(rocAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
  });

  test('is 1, 0 and one half where it must be', () => {
    expect(rocAuc(new Float32Array([3, 1, 2]), new Uint8Array([1, 0, 0]))).toBe(1);
    expect(rocAuc([1, 2, Number.POSITIVE_INFINITY], [1, 0, 0])).toBe(0);
    expect(rocAuc([7, 7, 7, 7], [1, 0, 0, 1])).toBe(0.5);
    expect(rocAuc([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0], [0, 1, 1])).toBe(0.75);
  });

  test('counts pairs', () => {
    fc.assert(
      fc.property(cases, (drawn) => {
        let won = 0;
        let pairs = 0;
        drawn.scores.forEach((p, i) => {
          drawn.scores.forEach((n, j) => {
            if (drawn.labels[i] !== 1 || drawn.labels[j] !== 0) return;
            pairs++;
            won += p > n ? 1 : p === n ? 0.5 : 0;
          });
        });
        expect(rocAuc(drawn.scores, drawn.labels)).toBe(won / pairs);
      }),
    );
  });

  test('knows only the order of scores', () => {
    fc.assert(
      fc.property(cases, (drawn) => {
        const sorted = [...new Set(drawn.scores)].sort((a, b) => (a < b ? -1 : 1));
        const monotone = drawn.scores.map((score) => sorted.indexOf(score) ** 3 - 5);
        expect(rocAuc(monotone, drawn.labels)).toBe(rocAuc(drawn.scores, drawn.labels));
      }),
    );
  });

  test('turns round with the labels and with the sign', () => {
    fc.assert(
      fc.property(cases, (drawn) => {
        const auc = rocAuc(drawn.scores, drawn.labels);
        const flipped = drawn.labels.map((label) => 1 - label);
        expect(rocAuc(drawn.scores, flipped)).toBeCloseTo(1 - auc, 12);
        const negated = drawn.scores.map((score) => -score);
        expect(rocAuc(negated, drawn.labels)).toBeCloseTo(1 - auc, 12);
      }),
    );
  });
});

describe('sensitivity, specificity and balanced accuracy', () => {
  test('are what they are by hand, the threshold itself being positive', () => {
    const own = [0.9, 0.5, 0.2, 0.5, 0.4, 0.1, 0];
    const truth = [1, 1, 1, 0, 0, 0, 0];
    expect(ratesAt(own, truth, 0.5)).toEqual({ sensitivity: 2 / 3, specificity: 3 / 4 });
    expect(balancedAccuracy(own, truth, 0.5)).toBeCloseTo(17 / 24, 15);
    expect(ratesAt(own, truth, 0.51)).toEqual({ sensitivity: 1 / 3, specificity: 1 });
  });

  test('give scikit-learn’s balanced_accuracy_score', () => {
    // The example in its documentation: y_true = [0, 1, 0, 0, 1, 0], y_pred = [0, 1, 0, 0, 0, 1].
    expect(balancedAccuracy([0, 1, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0], 0.5)).toBe(0.625);
  });

  test('are at chance when everything is called the same', () => {
    expect(ratesAt(scores, labels, Number.NEGATIVE_INFINITY)).toEqual({ sensitivity: 1, specificity: 0 });
    expect(ratesAt(scores, labels, Number.POSITIVE_INFINITY)).toEqual({ sensitivity: 0, specificity: 1 });
    expect(balancedAccuracy(scores, labels, Number.POSITIVE_INFINITY)).toBe(0.5);
  });

  test('have the area under their curve', () => {
    fc.assert(
      fc.property(cases, (drawn) => {
        // Trapezoids under (1 − specificity, sensitivity) from the highest threshold to below the lowest score.
        const levels = [...new Set(drawn.scores)].sort((a, b) => (a > b ? -1 : 1));
        let area = 0;
        let [x, y] = [0, 0];
        for (const level of levels) {
          const { sensitivity, specificity } = ratesAt(drawn.scores, drawn.labels, level);
          area += ((1 - specificity - x) * (sensitivity + y)) / 2;
          [x, y] = [1 - specificity, sensitivity];
        }
        expect(area).toBeCloseTo(rocAuc(drawn.scores, drawn.labels), 12);
      }),
    );
  });
});

describe('what cannot be scored', () => {
  test.each<[string, number[], number[], string]>([
    ['a score that is NaN', [0, Number.NaN], [0, 1], 'Score 2 of 2 is not a number.'],
    ['a label that is neither', [0, 1, 2], [0, 1, 2], 'Label 3 of 3 is 2, neither 0 nor 1.'],
    ['positives alone', [0, 1], [1, 1], 'There is no negative case among 2.'],
    ['negatives alone', [0, 1, 2], [0, 0, 0], 'There is no positive case among 3.'],
    ['nothing', [], [], 'There is no positive case among 0.'],
    ['unequal numbers', [1], [1, 0], 'There are 1 scores but 2 labels.'],
  ])('%s', (_, own, truth, problem) => {
    for (const score of [
      () => rocAuc(own, truth),
      () => ratesAt(own, truth, 0),
      () => balancedAccuracy(own, truth, 0),
    ]) {
      expect(score).toThrow(TonnoError);
      expect(score).toThrow(
        `classification: ${problem} Give one score for each case, and cases of both classes.`,
      );
    }
  });

  test('a threshold that is NaN', () => {
    expect(() => ratesAt(scores, labels, Number.NaN)).toThrow('The threshold is not a number.');
  });
});
