/**
 * The evaluation of A.7, the same for every method and layer. In each of ten folds the thresholds τ and τ′ are chosen on
 * one half of the cases and numbers are measured on the other; the numbers are averaged over cases and then over folds.
 * Heatmaps are loaded one at a time, three times at most: to be checked, to tune, to be measured.
 *
 * What A.7 leaves open is settled so: candidates for τ are halfway between neighbouring maxima and 10⁻⁶ beyond both
 * ends, of equal ones the largest is taken; a case is positive when its maximum is above τ. Candidates for τ′ are the
 * middles of 20 equal steps from 0 to τ (from the mean of the heatmaps where τ ≤ 0), of equal ones the smallest is taken.
 * Precision, recall and F1-score are 0 where nothing is predicted. Components touch by faces, edges and corners.
 */
import { TonnoError } from '../errors.ts';
import { randomStreams } from '../geometry/random.ts';
import type { Thresholds } from './binarisation.ts';
import type { CaseResult, Evaluation, EvaluationCase, Fold, ProtocolSettings } from './evaluation.ts';
import { drawFolds, type FoldPlan } from './folds.ts';
import { meanCurve } from './froc.ts';
import { type InspectedCase, inspectCases, loadCase } from './inspection.ts';
import { foldMetrics, type MeasuredFold, meanMetrics, measureCase, type WholeCase } from './measurement.ts';
import { notesOn } from './notes.ts';
import { completeSettings } from './settings.ts';
import { summarise } from './summary.ts';
import { startTuning, tunedLow, tuneOn } from './tuning.ts';

export interface EvaluationProgress {
  readonly stage: 'checking' | 'tuning' | 'measuring';
  /** Cases of this stage. */
  readonly done: number;
  readonly total: number;
}

export interface EvaluateOptions {
  /** Folds by indices of cases, instead of drawn ones: then `settings.folds` and `settings.masks` count for nothing. */
  readonly folds?: readonly FoldPlan[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

/**
 * Evaluates heatmaps against labels and, where there are any, masks or boxes.
 * @param settings the paper's where not given.
 * @throws TonnoError that names the case that is not in order, before any number; or the class of which there are too few
 *   cases. UsageError for a setting out of range. The signal's reason when it is aborted.
 */
export async function evaluate(
  cases: readonly EvaluationCase[],
  settings: Partial<ProtocolSettings> = {},
  { folds: given, signal, onProgress }: EvaluateOptions = {},
): Promise<Evaluation> {
  const complete = completeSettings(settings);
  const report = (stage: EvaluationProgress['stage'], total: number) => {
    let done = 0;
    return () => onProgress?.({ stage, done: ++done, total });
  };
  const { truth, inspected } = await inspectCases(cases, {
    signal,
    onCase: report('checking', cases.length),
  });
  const [bootstrapStream, ...foldStreams] = randomStreams(complete.seed, 1 + complete.folds);
  const plans =
    given ??
    drawFolds(
      cases.map(({ name, patient, label }, i) => ({ name, patient, label, hasTruth: inspected[i].hasTruth })),
      foldStreams,
      complete.masks,
    );
  const labels = cases.map((one) => one.label);
  const tunings = plans.map((plan) => startTuning(plan, inspected, labels, complete));
  const tuning = indicesOf(plans.map((plan) => plan.masks));
  const tuned = report('tuning', tuning.length);
  for (const index of tuning) {
    const data = await loadCase(cases[index], signal);
    if (!inspected[index].hasTruth) {
      throw new TonnoError(cases[index].name, 'It has no mask or box to tune the low threshold.');
    }
    tuneOn(index, data, tunings, complete);
    tuned();
  }
  const measured = tunings.map(
    (fold): MeasuredFold => ({
      measure: fold.plan.measure,
      high: fold.high,
      low: tunedLow(fold),
      cases: new Map(),
      volumes: [],
      matched: [],
    }),
  );
  // Without lesions that are known there is nothing in a heatmap but its maximum.
  const measuring = truth === 'none' ? [] : cases.map((_, i) => i);
  const whole = new Map<number, WholeCase>();
  const done = report('measuring', measuring.length);
  for (const index of measuring) {
    const data = await loadCase(cases[index], signal);
    whole.set(index, measureCase(index, cases[index], data, measured, complete));
    done();
  }
  const maxima = inspected.map((one) => one.maximum);
  const results = measured.map((fold) => foldMetrics(fold, maxima, labels));
  const folds = measured.map(
    ({ high, low, measure }, k): Fold => ({
      fit: plans[k].fit.map((i) => cases[i].name),
      measure: measure.map((i) => cases[i].name),
      tunedOn: plans[k].masks.map((i) => cases[i].name),
      high,
      low,
      metrics: results[k].metrics,
    }),
  );
  const caseResults = cases.map((one, i) => caseResult(one, i, inspected[i], whole.get(i), measured));
  const froc = meanCurve(results.flatMap((result) => result.froc?.curve ?? []));
  return {
    settings: complete,
    truth,
    notes: notesOn(truth, folds, caseResults, inspected, complete),
    summary: summarise(folds, caseResults, complete.resamples, bootstrapStream),
    folds,
    cases: caseResults,
    ...(froc && { froc }),
  };
}

/**
 * The thresholds of the first fold that measured a case: none that the case itself helped to choose, so that pictures made
 * with them are honest. Undefined where no fold measured it.
 */
export function thresholdsOf({ folds }: Evaluation, caseName: string): Thresholds | undefined {
  const fold = folds.find(({ measure }) => measure.includes(caseName));
  return fold && { low: fold.low, high: fold.high };
}

/** Each index once, ascending. */
function indicesOf(lists: readonly (readonly number[])[]): number[] {
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

function caseResult(
  { name, patient, label }: EvaluationCase,
  index: number,
  { maximum }: InspectedCase,
  whole: WholeCase | undefined,
  folds: readonly MeasuredFold[],
): CaseResult {
  const own = folds.filter(({ measure }) => measure.includes(index));
  const called = own.filter(({ high }) => maximum > high).length;
  return {
    name,
    patient,
    label,
    maximum,
    folds: own.length,
    calledPositive: own.length === 0 ? 0 : called / own.length,
    metrics: { ...meanMetrics(own.flatMap((fold) => fold.cases.get(index) ?? [])), ...whole?.metrics },
    ...(whole?.trueVolume !== undefined && { trueVolume: whole.trueVolume }),
  };
}
