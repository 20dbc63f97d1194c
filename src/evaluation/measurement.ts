/**
 * The numbers of a fold. Cases come one after the other, each for all folds that measure it; what a fold keeps of a case
 * is small, and once all have come it is worked up into the fold's metrics.
 */
import { averagePrecision } from './average-precision.ts';
import {
  type CaseMeasures,
  findCandidates,
  frocScores,
  measureAt,
  type Truth,
  truthOf,
} from './candidates.ts';
import { ratesAt, rocAuc } from './classification.ts';
import { concordance } from './concordance.ts';
import type { CaseData, EvaluationCase, MetricName, Metrics, ProtocolSettings } from './evaluation.ts';
import { type Froc, type FrocVolume, froc, highestAlarms } from './froc.ts';

/** A fold with its thresholds and what it has seen so far. */
export interface MeasuredFold {
  readonly measure: readonly number[];
  readonly high: number;
  readonly low: number;
  /** Metrics of its cases, by index: of those alone that have a truth. */
  readonly cases: Map<number, Metrics>;
  readonly volumes: FrocVolume[];
  /** Volumes in mm³ of matched lesions. */
  readonly matched: (readonly [truth: number, predicted: number])[];
}

/** What a case says without a threshold. */
export interface WholeCase {
  readonly metrics: Metrics;
  /** mm³. */
  readonly trueVolume?: number;
}

/** Measures one case under every fold that has it in its second half. */
export function measureCase(
  index: number,
  { label }: EvaluationCase,
  data: CaseData,
  folds: readonly MeasuredFold[],
  { connectivity, iou }: ProtocolSettings,
): WholeCase {
  const truth = label === 1 ? truthOf(data, connectivity) : undefined;
  const voxel = data.spacing[0] * data.spacing[1] * data.spacing[2];
  const precision = truth && data.mask ? averagePrecision(data.heatmap, data.mask) : undefined;
  const metrics: Metrics = precision === undefined ? {} : { averagePrecision: precision };
  const own = folds.filter(({ measure }) => measure.includes(index));
  // A positive case without truth says nothing about lesions: its candidates are neither true nor false.
  if (truth || label === 0) {
    for (const low of new Set(own.map((fold) => fold.low))) {
      const candidates = findCandidates(data, low, connectivity, truth);
      const scores = frocScores(candidates, truth?.count ?? 0, iou);
      for (const fold of own.filter((candidate) => candidate.low === low)) {
        fold.volumes.push({
          ...scores,
          falsePositives: highestAlarms(scores.falsePositives, fold.measure.length),
        });
        if (!truth) continue;
        const measures = measureAt(candidates, truth, fold.high, iou);
        fold.cases.set(index, { ...overlapMetrics(measures, truth), ...metrics });
        fold.matched.push(...measures.matched.map(([a, b]) => [a * voxel, b * voxel] as const));
      }
    }
  }
  if (!data.mask) return { metrics };
  const trueVoxels = data.mask.reduce((sum, value) => sum + (value !== 0 ? 1 : 0), 0);
  return { metrics, trueVolume: trueVoxels * voxel };
}

function overlapMetrics({ precision, recall, f1, overlap }: CaseMeasures, { kind }: Truth): Metrics {
  return { precision, recall, f1, ...(kind === 'mask' ? { dice: overlap } : { maxIou: overlap }) };
}

/** A fold's metrics, once all its cases have been measured. */
export function foldMetrics(
  { measure, high, cases, volumes, matched }: MeasuredFold,
  maxima: readonly number[],
  labels: readonly (0 | 1)[],
): { readonly metrics: Metrics; readonly froc?: Froc } {
  const curve = froc(volumes);
  const overlap = meanMetrics(measure.flatMap((index) => cases.get(index) ?? []));
  const agreement = concordance(matched);
  return {
    metrics: {
      ...overlap,
      ...classification(
        measure.map((i) => maxima[i]),
        measure.map((i) => labels[i]),
        high,
      ),
      ...(curve && { froc: curve.mean }),
      ...(agreement !== undefined && { volumeAgreement: agreement }),
    },
    froc: curve,
  };
}

/** Whether the cases are called what they are, when one is positive whose maximum is above τ. */
function classification(maxima: readonly number[], labels: readonly (0 | 1)[], high: number): Metrics {
  if (new Set(labels).size < 2) return {};
  const called = maxima.map((maximum) => (maximum > high ? 1 : 0));
  const { sensitivity, specificity } = ratesAt(called, labels, 1);
  return {
    balancedAccuracy: (sensitivity + specificity) / 2,
    sensitivity,
    specificity,
    auc: rocAuc(maxima, labels),
  };
}

/** The mean of each metric over those that have it. */
export function meanMetrics(all: readonly Metrics[]): Metrics {
  const names = [...new Set(all.flatMap((metrics) => Object.keys(metrics)))] as MetricName[];
  return Object.fromEntries(
    names.map((name) => {
      const values = all.flatMap((metrics) => metrics[name] ?? []);
      return [name, values.reduce((sum, value) => sum + value, 0) / values.length];
    }),
  );
}
