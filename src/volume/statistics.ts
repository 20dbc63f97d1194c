/** Minimum, maximum, mean and standard deviation of each channel of a volume, in float64. */
import { type Volume, voxelCount } from './volume.ts';

export interface Statistics {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Of the population: divided by the number of voxels. Exactly 0 when all voxels are equal. */
  readonly std: number;
}

/** One entry a channel. All four are NaN where a voxel is NaN; infinite voxels leave mean and deviation without a value. */
export function channelStatistics({ data, channels, shape }: Volume): Statistics[] {
  const voxels = voxelCount(shape);
  return Array.from({ length: channels }, (_, c) => statistics(data.subarray(c * voxels, (c + 1) * voxels)));
}

function statistics(values: Float32Array): Statistics {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (const value of values) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    sum += value;
  }
  const mean = sum / values.length;
  if (Number.isNaN(mean) && values.some(Number.isNaN)) {
    return { minimum: Number.NaN, maximum: Number.NaN, mean, std: Number.NaN };
  }
  if (minimum === maximum) return { minimum, maximum, mean: minimum, std: 0 };
  // Two passes, because E[x²] − E[x]² loses all digits where the mean is large against the deviation; the sum of
  // the deviations, 0 in exact arithmetic, takes the rounding of the mean back out (Chan, Golub & LeVeque 1983).
  let squares = 0;
  let rest = 0;
  for (const value of values) {
    const deviation = value - mean;
    squares += deviation * deviation;
    rest += deviation;
  }
  const variance = (squares - (rest * rest) / values.length) / values.length;
  return { minimum, maximum, mean: mean + rest / values.length, std: Math.sqrt(Math.max(variance, 0)) };
}

/** The least and the largest of some values, which are finite. */
export function extremes(data: Float32Array): { minimum: number; maximum: number } {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  for (const value of data) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  return { minimum, maximum };
}
