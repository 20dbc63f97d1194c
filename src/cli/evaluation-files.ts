/**
 * The numbers of an evaluation as files: metrics.csv with a row for each series of heatmaps, cases.csv and folds.csv with a
 * row for each of its cases and folds, and metrics.json with everything.
 */
import { join } from 'node:path';
import { type MetricName, type Metrics, metrics } from '../evaluation/evaluation.ts';
import { type Cell, csvBytes } from '../report/csv.ts';
import { VERSION } from '../version.ts';
import { jsonBytes, prepareFolder, writeWhole } from './files.ts';
import type { EvaluatedSeries, FolderEvaluation } from './folder-evaluation.ts';

/** Paths of what was written. */
export interface EvaluationFiles {
  readonly metrics: string;
  readonly cases: string;
  readonly folds: string;
  readonly json: string;
}

/**
 * Writes the four files, all or none.
 * @param table path of the cohort, for the record.
 */
export async function writeEvaluation(
  folder: string,
  { split, label, series }: FolderEvaluation,
  table: string,
): Promise<EvaluationFiles> {
  const files: EvaluationFiles = {
    metrics: join(folder, 'metrics.csv'),
    cases: join(folder, 'cases.csv'),
    folds: join(folder, 'folds.csv'),
    json: join(folder, 'metrics.json'),
  };
  await prepareFolder(folder);
  const record = {
    software: { name: 'tonno', version: VERSION, node: process.version },
    cohort: { file: table, split, label },
    settings: series[0].evaluation.settings,
    results: series.map(seriesRecord),
  };
  await writeWhole({
    [files.json]: jsonBytes(record),
    [files.folds]: csvBytes(foldRows(series)),
    [files.cases]: csvBytes(caseRows(series)),
    [files.metrics]: csvBytes(metricRows(series)),
  });
  return files;
}

/** A series with its numbers, for JSON. */
export function seriesRecord({
  name,
  title,
  method,
  cam,
  layer,
  filter,
  evaluation,
}: EvaluatedSeries): Record<string, unknown> {
  return { name, title, method, cam, layer, filter, evaluation };
}

const names = Object.keys(metrics) as MetricName[];
const SERIES = ['heatmaps', 'method', 'cam', 'layer'];
const seriesCells = ({ name, method, cam, layer }: EvaluatedSeries): Cell[] => [name, method, cam, layer];
const metricCells = (own: Metrics): Cell[] => names.map((name) => own[name]);

function metricRows(series: readonly EvaluatedSeries[]): Cell[][] {
  const parts = ['mean', 'deviation', 'low', 'high'];
  const header = [
    ...SERIES,
    'truth',
    'cases',
    ...names.flatMap((name) => parts.map((part) => `${name}_${part}`)),
  ];
  const rows = series.map((one) => {
    const { truth, cases, summary } = one.evaluation;
    const numbers = names.flatMap((name): Cell[] => {
      const { mean, deviation, interval = [] } = summary[name] ?? {};
      return [mean, deviation, interval[0], interval[1]];
    });
    return [...seriesCells(one), truth, cases.length, ...numbers];
  });
  return [header, ...rows];
}

function caseRows(series: readonly EvaluatedSeries[]): Cell[][] {
  const facts = ['case', 'patient', 'label', 'maximum', 'folds', 'called_positive', 'true_volume_mm3'];
  const rows = series.flatMap((one) =>
    one.evaluation.cases.map((row) => [
      ...seriesCells(one),
      ...[row.name, row.patient, row.label, row.maximum, row.folds, row.calledPositive, row.trueVolume],
      ...metricCells(row.metrics),
    ]),
  );
  return [[...SERIES, ...facts, ...names], ...rows];
}

function foldRows(series: readonly EvaluatedSeries[]): Cell[][] {
  const rows = series.flatMap((one) =>
    one.evaluation.folds.map(({ high, low, tunedOn, measure, metrics: own }, i) => [
      ...seriesCells(one),
      ...[i + 1, high, low, tunedOn.length, measure.length],
      ...metricCells(own),
    ]),
  );
  return [[...SERIES, 'fold', 'high', 'low', 'tuned_on', 'measured', ...names], ...rows];
}
