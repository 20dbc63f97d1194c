/**
 * The tables of a study as data: what stands in which column, which value is the best, how far it is from the baseline.
 * How they look is decided elsewhere (table-html.ts, table-csv.ts, table-latex.ts), from the same numbers. Values are
 * compared as they are printed: two that read alike are both the best, and a difference is that of the printed values.
 */
import { type MetricName, metrics } from '../evaluation/evaluation.ts';
import {
  bestResult,
  byEncoder,
  casesPhrase,
  type EncoderResults,
  layerTitle,
  overlapMetric,
} from './results.ts';
import type { StudyReport, StudyResult } from './study.ts';

/** Decimals of a printed metric, as in the paper's tables. */
const DECIMALS = 2;

/** A column of text, of metrics or of whole numbers. */
export interface TableColumn {
  /** For files and programs: "balancedAccuracy". */
  readonly id: string;
  /** For readers: "Balanced accuracy". */
  readonly title: string;
  readonly kind: 'text' | 'metric' | 'count';
  /** Set in parentheses behind the column before it, as "(layer 2)"; a column of its own in CSV. */
  readonly aside?: true;
}

/** A metric over the folds. */
export interface MetricCell {
  readonly mean: number;
  /** Over the folds; absent where there is only one. */
  readonly deviation?: number;
  /** 95 %. */
  readonly interval?: readonly [low: number, high: number];
  /** To the baseline, between the printed values; absent in the baseline's own row and where it has no value. */
  readonly difference?: number;
  /** Whether no printed value of its column, within its group where the table has groups, is greater. */
  readonly best: boolean;
}

/** Text, a whole number, a metric, or nothing where it could not be worked out. */
export type TableCell = string | number | MetricCell | undefined;

export interface Table {
  /** "methods", "encoders", "layers", "further" or "cohort". */
  readonly id: string;
  readonly title: string;
  /** What it shows and on which cases, as sentences. */
  readonly caption: string;
  readonly columns: readonly TableColumn[];
  /** As long as there are columns. */
  readonly rows: readonly (readonly TableCell[])[];
  /** Whether the first column names the group that a row belongs to; rows of a group follow one another. */
  readonly grouped: boolean;
  /** Whether the intervals are shown to readers beside the deviations. */
  readonly intervals: boolean;
}

export interface StudyTablesOptions {
  /** The method that encoders are compared by; default: ToNNO, or the first that is no baseline. */
  readonly method?: string;
}

/** A metric as it is printed, with a true minus sign. */
export function formatMetric(value: number): string {
  const digits = Math.abs(value).toFixed(DECIMALS);
  return value < 0 && Number(digits) !== 0 ? `−${digits}` : digits;
}

/** A difference as the paper prints it: "+0.06", "−0.06" or "=". */
export function formatDifference(difference: number): string {
  if (printed(difference) === 0) return '=';
  return difference > 0 ? `+${formatMetric(difference)}` : formatMetric(difference);
}

/** The value that a reader sees. */
function printed(value: number): number {
  return Number(value.toFixed(DECIMALS));
}

/** Whether a cell holds a metric. */
export function isMetric(cell: TableCell): cell is MetricCell {
  return typeof cell === 'object';
}

/**
 * The tables of a study: each method's best layer against the baseline (as Table 2); the encoders (as Tables 1 and 4),
 * where there are several; all methods and layers (as Tables 5 to 9); further metrics; the cohort (as Table 3). Those
 * that would have no row are left out.
 */
export function studyTables(report: StudyReport, { method }: StudyTablesOptions = {}): Table[] {
  const groups = byEncoder(report);
  const tables = [
    methodsTable(groups),
    encodersTable(groups, method ?? comparedMethod(report.results)),
    layersTable(groups),
    furtherTable(groups),
    cohortTable(report),
  ];
  return tables.flatMap((table) => (table && table.rows.length > 0 ? [table] : []));
}

const ENCODER: TableColumn = { id: 'encoder', title: 'Encoder', kind: 'text' };
const METHOD: TableColumn = { id: 'method', title: 'Method', kind: 'text' };
const LAYER: TableColumn = { id: 'layer', title: 'Layer', kind: 'text', aside: true };

const FURTHER = Object.keys(metrics).filter((name) => !metrics[name as MetricName].paper) as MetricName[];

function metricColumns(names: readonly MetricName[]): TableColumn[] {
  return names.map((name) => ({ id: name, title: metrics[name].title, kind: 'metric' }));
}

/** The columns of the paper's tables: Dice or, where the truth is boxes, MaxIoU. */
function paperMetrics(results: readonly StudyResult[]): MetricName[] {
  return ['precision', 'recall', 'f1', overlapMetric(results), 'balancedAccuracy'];
}

function methodsTable(groups: readonly EncoderResults[]): Table {
  const shown = groups.flatMap(({ best }) => best);
  const names = paperMetrics(shown);
  const baselines = groups.some(({ baseline }) => baseline);
  const layered = shown.some(({ layer }) => layer !== undefined);
  return {
    id: 'methods',
    title: layered ? 'Each method at its best layer' : 'The methods',
    caption: sentences(
      layered
        ? 'The layer of each method is that of its best F1-score (where equal, of its best overlap).'
        : 'Every method once.',
      `${spread(shown)}, on ${casesPhrase(shown)}.`,
      baselines && 'In parentheses the difference to the baseline, which stands first.',
      `${BEST}${groups.length > 1 ? ' for each encoder' : ''}.`,
    ),
    columns: [ENCODER, METHOD, LAYER, ...metricColumns(names)],
    rows: groups.flatMap(({ encoder, best, baseline }) => {
      const cells = metricCells(best, names, baseline);
      return best.map((result, i) => [encoder, ...naming(result), ...cells[i]]);
    }),
    grouped: true,
    intervals: false,
  };
}

function comparedMethod(results: readonly StudyResult[]): string | undefined {
  const own = results.filter(({ baseline }) => !baseline).map(({ method }) => method);
  return own.includes('ToNNO') ? 'ToNNO' : (own[0] ?? results[0]?.method);
}

function encodersTable(groups: readonly EncoderResults[], method: string | undefined): Table | undefined {
  const shown = groups.flatMap(
    ({ all }) => bestResult(all.filter((result) => result.method === method)) ?? [],
  );
  if (groups.length < 2) return undefined;
  const names: MetricName[] = ['f1', overlapMetric(shown), 'balancedAccuracy'];
  const cells = metricCells(shown, names);
  return {
    id: 'encoders',
    title: 'The encoders',
    caption: sentences(
      `Compared by ${method}${shown.some(({ layer }) => layer) ? ' at its best layer' : ''}.`,
      `${spread(shown)}, on ${casesPhrase(shown)}.`,
      `${BEST}.`,
    ),
    columns: [ENCODER, LAYER, ...metricColumns(names)],
    rows: shown.map((result, i) => [result.encoder, naming(result)[1], ...cells[i]]),
    grouped: false,
    intervals: true,
  };
}

function layersTable(groups: readonly EncoderResults[]): Table {
  return resultsTable(groups, {
    id: 'layers',
    title: 'All methods and layers',
    names: paperMetrics(groups.flatMap(({ all }) => all)),
    about: 'Every method at every layer.',
  });
}

function furtherTable(groups: readonly EncoderResults[]): Table | undefined {
  const all = groups.flatMap((group) => group.all);
  if (!all.some(({ evaluation }) => FURTHER.some((name) => evaluation.summary[name]))) return undefined;
  return resultsTable(groups, {
    id: 'further',
    title: 'Further metrics',
    names: FURTHER,
    about: 'What readers of the field expect beside the columns of the paper.',
  });
}

function resultsTable(
  groups: readonly EncoderResults[],
  { id, title, names, about }: { id: string; title: string; names: readonly MetricName[]; about: string },
): Table {
  const all = groups.flatMap((group) => group.all);
  const intervals = all.some(({ evaluation }) => names.some((name) => evaluation.summary[name]?.interval));
  return {
    id,
    title,
    caption: sentences(
      about,
      `${spread(all)}${intervals ? ', in brackets the 95 % interval over patients' : ''}, on ${casesPhrase(all)}.`,
      `${BEST}${groups.length > 1 ? ' for each encoder' : ''}.`,
    ),
    columns: [ENCODER, METHOD, LAYER, ...metricColumns(names)],
    rows: groups.flatMap((group) => {
      const cells = metricCells(group.all, names);
      return group.all.map((result, i) => [group.encoder, ...naming(result), ...cells[i]]);
    }),
    grouped: true,
    intervals: true,
  };
}

function cohortTable({ cohort }: StudyReport): Table {
  const { name, modality, volumes, splits } = cohort;
  return {
    id: 'cohort',
    title: 'Cohort',
    caption: sentences(
      `${[name, modality].filter(Boolean).join(', ')}${volumes ? `: volumes of ${volumes}` : ''}.`,
      'Numbers of volumes by label, and of patients, in each split.',
    ),
    columns: [
      { id: 'split', title: 'Split', kind: 'text' },
      { id: 'positives', title: 'Positive', kind: 'count' },
      { id: 'negatives', title: 'Negative', kind: 'count' },
      { id: 'volumes', title: 'Volumes', kind: 'count' },
      { id: 'patients', title: 'Patients', kind: 'count' },
    ],
    rows: splits.map(({ split, positives, negatives, patients }) => [
      split,
      positives,
      negatives,
      positives + negatives,
      patients,
    ]),
    grouped: false,
    intervals: false,
  };
}

const BEST = 'Bold: the best of its column';

function sentences(...parts: readonly (string | false)[]): string {
  return parts.filter(Boolean).join(' ');
}

/** "Mean ± standard deviation over 10 folds". */
function spread(results: readonly StudyResult[]): string {
  const folds = Math.max(0, ...results.map(({ evaluation }) => evaluation.folds.length));
  return folds === 1 ? 'One fold' : `Mean ± standard deviation over ${folds} folds`;
}

function naming(result: StudyResult): [method: string, layer: string | undefined] {
  return [result.method, result.layer === undefined ? undefined : layerTitle(result.layer)];
}

/** The cells of a group's rows, so that the best of each column is known. */
function metricCells(
  results: readonly StudyResult[],
  names: readonly MetricName[],
  baseline?: StudyResult,
): (MetricCell | undefined)[][] {
  const columns = names.map((name) => {
    const summaries = results.map(({ evaluation }) => {
      const summary = evaluation.summary[name];
      return summary && Number.isFinite(summary.mean) ? summary : undefined;
    });
    const values = summaries.flatMap((summary) => (summary ? [printed(summary.mean)] : []));
    // With a single value there is nothing to be better than.
    const greatest = values.length > 1 ? Math.max(...values) : Number.NaN;
    const reference = baseline && summaries[results.indexOf(baseline)];
    return summaries.map((summary, i): MetricCell | undefined => {
      if (!summary) return undefined;
      const { mean, deviation, interval } = summary;
      const difference =
        reference && results[i] !== baseline ? printed(printed(mean) - printed(reference.mean)) : undefined;
      return {
        mean,
        ...(results[i].evaluation.folds.length > 1 && { deviation }),
        ...(interval && { interval }),
        ...(difference !== undefined && { difference }),
        best: printed(mean) === greatest,
      };
    });
  });
  return results.map((_, row) => columns.map((column) => column[row]));
}
