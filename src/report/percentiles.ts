/**
 * Percentiles of large arrays from an even sample of at most about a million values. One value is taken from each
 * of equally long stretches, at a place that wanders through the stretch, so that a sample never falls into step
 * with the rows of a volume. Values that are not finite do not count.
 */

const SAMPLE_SIZE = 2 ** 20;

/** The fractional part of the golden ratio: its multiples wander most evenly. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Percentiles, with linear interpolation between neighbours as in numpy.percentile.
 * @param percents each from 0 to 100.
 * @param magnitude whether to take those of |value|.
 * @returns one number for each percent; all 0 when no value is finite.
 */
export function percentiles(
  values: Float32Array,
  percents: readonly number[],
  { magnitude = false }: { magnitude?: boolean } = {},
): number[] {
  const sorted = sample(values, magnitude).sort();
  const last = sorted.length - 1;
  return percents.map((percent) => {
    if (last < 0) return 0;
    const place = (percent / 100) * last;
    const below = Math.floor(place);
    const above = Math.min(below + 1, last);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  });
}

function sample(values: Float32Array, magnitude: boolean): Float32Array {
  const count = Math.min(values.length, SAMPLE_SIZE);
  const stretch = values.length / Math.max(count, 1);
  const taken = new Float32Array(count);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const value = values[Math.floor((i + ((i * GOLDEN) % 1)) * stretch)];
    if (Number.isFinite(value)) taken[kept++] = magnitude ? Math.abs(value) : value;
  }
  return taken.subarray(0, kept);
}
