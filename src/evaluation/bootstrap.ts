/**
 * How far a number would vary had other patients come: patients are drawn with replacement, as many as there are, and the
 * number is worked out from their cases again and again (Efron's percentile interval, 1979).
 */
import type { Random } from '../geometry/random.ts';

/** A number of some cases (by index, one that was drawn twice stands there twice); undefined where it has none. */
export type Statistic = (cases: readonly number[]) => number | undefined;

export type Interval = readonly [low: number, high: number];

/**
 * 95 % intervals of several numbers from the same draws.
 * @param patients the indices of each patient's cases.
 * @returns without those that fewer than half of the draws give, and empty for fewer than two patients.
 */
export function bootstrapIntervals<Name extends string>(
  patients: readonly (readonly number[])[],
  statistics: Readonly<Partial<Record<Name, Statistic>>>,
  resamples: number,
  random: Random,
): Partial<Record<Name, Interval>> {
  if (patients.length < 2 || resamples < 1) return {};
  const names = Object.keys(statistics) as Name[];
  const found = new Map(names.map((name) => [name, [] as number[]]));
  for (let draw = 0; draw < resamples; draw++) {
    const cases: number[] = [];
    for (let i = 0; i < patients.length; i++) cases.push(...patients[random.below(patients.length)]);
    for (const name of names) {
      const value = statistics[name]?.(cases);
      if (value !== undefined) found.get(name)?.push(value);
    }
  }
  const intervals: Partial<Record<Name, Interval>> = {};
  for (const [name, values] of found) {
    if (2 * values.length < resamples) continue;
    values.sort((a, b) => a - b);
    intervals[name] = [quantile(values, 0.025), quantile(values, 0.975)];
  }
  return intervals;
}

/** Linear between neighbours, as NumPy's. @param sorted ascending, not empty. */
export function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}
