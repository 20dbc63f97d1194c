/** From folds and cases to what a table shows: mean and spread over folds, and intervals over patients. */
import type { Random } from '../geometry/random.ts';
import { bootstrapIntervals, type Statistic } from './bootstrap.ts';
import { rocAuc } from './classification.ts';
import { type CaseResult, type Fold, type MetricName, metrics, type Summary } from './evaluation.ts';
import { groupByPatient } from './folds.ts';
import { meanMetrics } from './measurement.ts';

/**
 * Each metric that at least one fold has, over those that have it. The intervals are those of the cases' own numbers:
 * means over positive cases, rates from the share of folds that called a case right, the AUC of maxima.
 */
export function summarise(
  folds: readonly Fold[],
  cases: readonly CaseResult[],
  resamples: number,
  random: Random,
): Partial<Record<MetricName, Summary>> {
  const patients = groupByPatient(
    cases.map((_, i) => i),
    (i) => cases[i].patient,
  );
  const means = meanMetrics(folds.map((fold) => fold.metrics));
  const names = (Object.keys(metrics) as MetricName[]).filter((name) => means[name] !== undefined);
  const known = Object.entries(statistics(cases)).filter(([name]) => names.includes(name as MetricName));
  const intervals: Partial<Record<MetricName, readonly [number, number]>> = bootstrapIntervals<MetricName>(
    [...patients.values()],
    Object.fromEntries(known),
    resamples,
    random,
  );
  return Object.fromEntries(
    names.map((name) => {
      const values = folds.flatMap((fold) => fold.metrics[name] ?? []);
      const interval = intervals[name];
      const { mean, deviation } = spread(values);
      return [name, { mean, deviation, ...(interval && { interval }) }];
    }),
  );
}

/** Mean and sample standard deviation, which is 0 for a single value. */
function spread(values: readonly number[]): Summary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

function statistics(cases: readonly CaseResult[]): Partial<Record<MetricName, Statistic>> {
  const overPositives = (name: MetricName): Statistic => meanOf((i) => cases[i].metrics[name]);
  const rightly = (label: 0 | 1): Statistic =>
    meanOf((i) => {
      const { calledPositive, folds } = cases[i];
      if (cases[i].label !== label || folds === 0) return undefined;
      return label === 1 ? calledPositive : 1 - calledPositive;
    });
  const [sensitivity, specificity] = [rightly(1), rightly(0)];
  return {
    precision: overPositives('precision'),
    recall: overPositives('recall'),
    f1: overPositives('f1'),
    dice: overPositives('dice'),
    maxIou: overPositives('maxIou'),
    averagePrecision: overPositives('averagePrecision'),
    sensitivity,
    specificity,
    balancedAccuracy: (drawn) => {
      const [a, b] = [sensitivity(drawn), specificity(drawn)];
      return a === undefined || b === undefined ? undefined : (a + b) / 2;
    },
    auc: (drawn) => {
      const labels = drawn.map((i) => cases[i].label);
      if (!labels.includes(0) || !labels.includes(1)) return undefined;
      return rocAuc(
        drawn.map((i) => cases[i].maximum),
        labels,
      );
    },
  };
}

/** The mean over the drawn cases that have the value. */
function meanOf(value: (index: number) => number | undefined): Statistic {
  return (drawn) => {
    let [sum, count] = [0, 0];
    for (const index of drawn) {
      const own = value(index);
      if (own === undefined) continue;
      sum += own;
      count++;
    }
    return count === 0 ? undefined : sum / count;
  };
}
