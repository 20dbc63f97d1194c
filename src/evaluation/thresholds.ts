/**
 * The two thresholds of A.7. The high one, τ, is chosen by the maxima of heatmaps and scan-level labels alone: it makes the
 * weighted balanced accuracy largest. The low one, τ′ < τ, is chosen from a grid by a few masks or boxes, or is a fixed
 * share of the way to τ where there are none.
 */
import { TonnoError } from '../errors.ts';

/** How far the outermost candidates for τ lie beyond the lowest and the highest maximum. */
const BEYOND = 1e-6;

/**
 * τ: the threshold with the largest weighted balanced accuracy (weight · sensitivity + specificity) / (weight + 1), a case
 * being positive when its maximum is above it. Candidates lie halfway between neighbouring maxima and beyond both ends;
 * of equal ones the largest is taken. Halfway is rounded to float32, the heatmaps' own precision.
 * @param maxima of the heatmaps, float32 values.
 * @param labels 0 or 1.
 * @throws TonnoError when one of the classes is missing.
 */
export function bestHigh(
  maxima: ArrayLike<number>,
  labels: ArrayLike<number>,
  sensitivityWeight: number,
): number {
  const order = Array.from(maxima, (_, i) => i).sort((a, b) => maxima[b] - maxima[a]);
  const positives = order.filter((i) => labels[i] === 1).length;
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) {
    throw new TonnoError('threshold', `There is no ${positives === 0 ? 'positive' : 'negative'} case.`, {
      remedy: 'Give cases of both classes.',
    });
  }
  let [found, alarms] = [0, 0];
  // The weighted balanced accuracy but for a factor: whole numbers where the weight is one, so that ties are ties.
  const score = () => sensitivityWeight * found * negatives + (negatives - alarms) * positives;
  let best = { high: beyond(maxima[order[0]], 1), score: score() };
  for (let i = 0; i < order.length; i++) {
    if (labels[order[i]] === 1) found++;
    else alarms++;
    const here = maxima[order[i]];
    const next = order[i + 1] === undefined ? undefined : maxima[order[i + 1]];
    if (next === here || score() <= best.score) continue;
    best = { high: next === undefined ? beyond(here, -1) : between(next, here), score: score() };
  }
  return best.high;
}

function beyond(maximum: number, side: 1 | -1): number {
  // A step of 10⁻⁶ vanishes beside very large maxima.
  return maximum + side * Math.max(BEYOND, 2 * Number.EPSILON * Math.abs(maximum));
}

function between(lower: number, upper: number): number {
  const middle = Math.fround((lower + upper) / 2);
  // Between neighbouring float32 values there is none; the lower one is not above itself and separates as well.
  return middle < upper ? middle : lower;
}

/**
 * Where the way to τ begins: at 0, or, where τ is not above 0, at the mean of the heatmaps' values, and at τ itself where
 * even that is above τ (constant heatmaps).
 * @param mean of the values of the heatmaps that τ was chosen by.
 */
function origin(high: number, mean: number): number {
  return high > 0 ? 0 : Math.min(mean, high);
}

/** The candidates for τ′, ascending: the middles of `count` equal steps of the way to τ. */
export function lowGrid(high: number, mean: number, count: number): number[] {
  const start = origin(high, mean);
  return Array.from({ length: count }, (_, k) => start + ((high - start) * (k + 0.5)) / count);
}

/** τ′ where nothing tunes it: a share of the way to τ. */
export function fixedLow(high: number, mean: number, share: number): number {
  const start = origin(high, mean);
  return start + (high - start) * share;
}

/** The candidate with the highest score; of equal ones the smallest. */
export function bestLow(grid: readonly number[], scores: readonly number[]): number {
  let best = 0;
  for (let k = 1; k < grid.length; k++) if (scores[k] > scores[best]) best = k;
  return grid[best];
}
