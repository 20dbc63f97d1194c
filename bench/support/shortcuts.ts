/**
 * Ways to cheat on a cohort: numbers of a whole volume that tell nothing about shapes. Where one of them separates
 * the classes, a network need not learn what a lesion looks like.
 */
import type { Volume } from 'tonno';

/** Levels at which voxels are counted; the body is 1. */
const LEVELS = Array.from({ length: 39 }, (_, i) => 0.2 + 0.1 * i);
const PERCENTS = [50, 90, 95, 97, 98, 99, 99.5, 99.9, 99.99];

/** Maximum, mean, standard deviation, percentiles and voxels above each level, by name. */
export function shortcuts({ data }: Pick<Volume, 'data'>): Record<string, number> {
  const sorted = data.slice().sort();
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  const found: Record<string, number> = {
    maximum: sorted[sorted.length - 1],
    mean,
    std: Math.sqrt(variance),
  };
  for (const percent of PERCENTS) {
    found[`${percent}th percentile`] = sorted[Math.round((percent / 100) * (sorted.length - 1))];
  }
  for (const level of LEVELS)
    found[`voxels > ${level.toFixed(1)}`] = sorted.length - firstAbove(sorted, level);
  return found;
}

/** Dice coefficient of a mask and the voxels above each level. */
export function thresholdDice(
  { data }: Pick<Volume, 'data'>,
  mask: Pick<Volume, 'data'>,
): Record<string, number> {
  const inMask = data.filter((_, i) => mask.data[i] === 1).sort();
  const sorted = data.slice().sort();
  return Object.fromEntries(
    LEVELS.map((level) => {
      const hit = inMask.length - firstAbove(inMask, level);
      const marked = sorted.length - firstAbove(sorted, level);
      return [level.toFixed(1), (2 * hit) / (marked + inMask.length)];
    }),
  );
}

/** The place of the first value above `level` in an ascending array. */
function firstAbove(sorted: Float32Array, level: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] > level) high = middle;
    else low = middle + 1;
  }
  return low;
}
