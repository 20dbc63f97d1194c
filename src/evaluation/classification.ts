/**
 * How well scores tell cases with a finding from cases without, by scan-level labels alone. Scores are any numbers of
 * which higher means more likely positive; labels are 0 or 1, one a score.
 */
import { TonnoError } from '../errors.ts';

/**
 * Area under the ROC curve: the share of pairs of a positive and a negative in which the positive scores higher, ties
 * counting one half (Mann & Whitney 1947; Hanley & McNeil 1982). 0.5 is chance; no order of scores matters but theirs.
 * @throws TonnoError when a score is NaN, a label is neither 0 nor 1, or one of the two classes is missing.
 */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const { positives, negatives } = check(scores, labels);
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[a] - scores[b]);
  // Twice the number of pairs won: whole numbers, exact whatever the order of equal scores.
  let twice = 0;
  let below = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    let tied = 0;
    while (end < order.length && scores[order[end]] === scores[order[start]])
      tied += 1 - labels[order[end++]];
    twice += (end - start - tied) * (2 * below + tied);
    below += tied;
    start = end;
  }
  return twice / (2 * positives * negatives);
}

/** Shares of the cases of each class that are called what they are. */
export interface Rates {
  /** Of the positives. */
  readonly sensitivity: number;
  /** Of the negatives. */
  readonly specificity: number;
}

/**
 * Sensitivity and specificity when every score of at least `threshold` is called positive.
 * @throws TonnoError as `rocAuc` does, and when the threshold is NaN.
 */
export function ratesAt(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): Rates {
  const { positives, negatives } = check(scores, labels);
  if (Number.isNaN(threshold)) throw refusal('The threshold is not a number.');
  let [found, spared] = [0, 0];
  for (let i = 0; i < scores.length; i++) {
    if (labels[i] === 1 && scores[i] >= threshold) found++;
    if (labels[i] === 0 && scores[i] < threshold) spared++;
  }
  return { sensitivity: found / positives, specificity: spared / negatives };
}

/**
 * The mean of sensitivity and specificity: accuracy as if both classes were equally large. 0.5 is chance.
 * @throws TonnoError as `ratesAt` does.
 */
export function balancedAccuracy(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  threshold: number,
): number {
  const { sensitivity, specificity } = ratesAt(scores, labels, threshold);
  return (sensitivity + specificity) / 2;
}

/**
 * The threshold at which the balanced accuracy is largest, halfway between two scores; of equal ones the lowest.
 * @throws TonnoError as `rocAuc` does.
 */
export function bestThreshold(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
): { readonly threshold: number; readonly balancedAccuracy: number } {
  check(scores, labels);
  const sorted = Float64Array.from(new Set(Array.from(scores))).sort();
  const between = (i: number) => (i === 0 ? sorted[0] : (sorted[i - 1] + sorted[i]) / 2);
  let best = { threshold: Number.NEGATIVE_INFINITY, balancedAccuracy: 0 };
  for (let i = 0; i < sorted.length; i++) {
    const found = balancedAccuracy(scores, labels, between(i));
    if (found > best.balancedAccuracy) best = { threshold: between(i), balancedAccuracy: found };
  }
  return best;
}

function check(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
): { positives: number; negatives: number } {
  if (scores.length !== labels.length) {
    throw refusal(`There are ${scores.length} scores but ${labels.length} labels.`);
  }
  let positives = 0;
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) throw refusal(`Score ${i + 1} of ${scores.length} is not a number.`);
    if (labels[i] !== 0 && labels[i] !== 1) {
      throw refusal(`Label ${i + 1} of ${labels.length} is ${labels[i]}, neither 0 nor 1.`);
    }
    positives += labels[i];
  }
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) {
    throw refusal(`There is no ${positives === 0 ? 'positive' : 'negative'} case among ${scores.length}.`);
  }
  return { positives, negatives };
}

function refusal(problem: string): TonnoError {
  return new TonnoError('classification', problem, {
    remedy: 'Give one score for each case, and cases of both classes.',
  });
}
