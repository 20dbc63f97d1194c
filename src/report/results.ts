/**
 * Order in a study's results: which belong to one encoder, which layer of a method is its best, which result is the
 * baseline. Tables and charts ask here, so that they always speak of the same rows. The paper says only that the best
 * layer was chosen (Table 2); here it is the one of the greatest F1-score and, where they are equal, of the greater
 * overlap, then balanced accuracy, then the one that comes first.
 */
import type { MetricName } from '../evaluation/evaluation.ts';
import type { StudyReport, StudyResult } from './study.ts';

/** The results of one encoder. */
export interface EncoderResults {
  readonly encoder: string;
  /** As they stand in the study. */
  readonly all: readonly StudyResult[];
  /** The best of the results that may be the baseline. */
  readonly baseline?: StudyResult;
  /** The baseline where there is one, then the best layer of each method that is none. */
  readonly best: readonly StudyResult[];
}

/** "layer 2" for "2", "layer2" and "layer 2"; any other name as it is. */
export function layerTitle(layer: string): string {
  const number = /^(?:layer[\s_-]*)?(\d+)$/i.exec(layer.trim());
  return number ? `layer ${number[1]}` : layer;
}

/** "Tomographic LayerCAM (layer 2)". */
export function resultTitle({ method, layer }: Pick<StudyResult, 'method' | 'layer'>): string {
  return layer === undefined ? method : `${method} (${layerTitle(layer)})`;
}

/** A metric's mean over the folds; undefined where it could not be worked out. */
export function meanOf({ evaluation }: StudyResult, metric: MetricName): number | undefined {
  const mean = evaluation.summary[metric]?.mean;
  return mean !== undefined && Number.isFinite(mean) ? mean : undefined;
}

/** The metric of overlap that a study's truth allows: that of boxes where only boxes were drawn. */
export function overlapMetric(results: readonly StudyResult[]): 'dice' | 'maxIou' {
  const has = (metric: MetricName) => results.some((result) => meanOf(result, metric) !== undefined);
  return has('maxIou') && !has('dice') ? 'maxIou' : 'dice';
}

/** The best of some results: F1-score first, then overlap, then balanced accuracy, then whatever came first. */
export function bestResult(results: readonly StudyResult[]): StudyResult | undefined {
  const keys = (result: StudyResult) =>
    [
      meanOf(result, 'f1'),
      meanOf(result, 'dice') ?? meanOf(result, 'maxIou'),
      meanOf(result, 'balancedAccuracy'),
    ].map((value) => value ?? Number.NEGATIVE_INFINITY);
  const exceeds = (a: readonly number[], b: readonly number[]) => {
    const first = a.findIndex((value, i) => value !== b[i]);
    return first >= 0 && a[first] > b[first];
  };
  return results.reduce<StudyResult | undefined>(
    (best, result) => (best && !exceeds(keys(result), keys(best)) ? best : result),
    undefined,
  );
}

/** The methods of some results in their order, each with its results. */
export function byMethod(results: readonly StudyResult[]): Map<string, StudyResult[]> {
  const methods = new Map<string, StudyResult[]>();
  for (const result of results) methods.set(result.method, [...(methods.get(result.method) ?? []), result]);
  return methods;
}

/** The results encoder by encoder, in the order of the study; encoders without any are left out. */
export function byEncoder({ encoders, results }: StudyReport): EncoderResults[] {
  const names = new Set([...encoders.map(({ name }) => name), ...results.map(({ encoder }) => encoder)]);
  return [...names]
    .map((encoder) => {
      const all = results.filter((result) => result.encoder === encoder);
      const baseline = bestResult(all.filter((result) => result.baseline));
      const others = byMethod(all.filter((result) => !result.baseline));
      const best = [...others.values()].flatMap((layers) => bestResult(layers) ?? []);
      return { encoder, all, ...(baseline && { baseline }), best: baseline ? [baseline, ...best] : best };
    })
    .filter(({ all }) => all.length > 0);
}

/** "80 cases, 40 of them positive": those that the results were measured on. */
export function casesPhrase(results: readonly StudyResult[]): string {
  const range = (counts: readonly number[]) => {
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    return least === most ? `${most}` : `${least} to ${most}`;
  };
  if (results.length === 0) return 'no cases';
  const cases = range(results.map(({ evaluation }) => evaluation.cases.length));
  const positives = range(
    results.map(({ evaluation }) => evaluation.cases.filter(({ label }) => label === 1).length),
  );
  return `${cases} ${cases === '1' ? 'case' : 'cases'}, ${positives} of them positive`;
}
