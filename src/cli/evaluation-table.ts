/** The numbers of an evaluation in 80 columns: mean ± deviation over the folds, as in the paper's Table 2. */
import { type MetricName, metrics } from '../evaluation/evaluation.ts';
import type { EvaluatedSeries } from './folder-evaluation.ts';
import { columnsOf } from './table.ts';

/** Columns of a terminal that nobody has made wider, less one that some wrap at. */
const WIDTH = 79;
/** Spaces between columns. */
const GAP = 2;
/** As few letters as a title or a layer keeps where there is no room. */
const LEAST = 5;

/** Headers that are shorter than the metrics' titles. */
const headers: Partial<Record<MetricName, string>> = { f1: 'F1', balancedAccuracy: 'BA' };

/** A header and a row for each series. */
export function evaluationTable(series: readonly EvaluatedSeries[]): string[] {
  const names = columns(series);
  const numbers = [
    names.map((name) => headers[name] ?? metrics[name].title),
    ...series.map(({ evaluation }) => names.map((name) => shown(evaluation.summary[name]))),
  ];
  const titles = ['method', ...series.map((one) => one.title)];
  const layers = ['layer', ...series.map(({ layer }) => layer ?? '')];
  const hasLayers = series.some(({ layer }) => layer !== undefined);
  const widths = names.map((_, column) => longest(numbers.map((cells) => cells[column])));
  const room = WIDTH - widths.reduce((sum, width) => sum + width + GAP, 0);
  const layerRoom = hasLayers ? GAP + Math.min(longest(layers), LEAST) : 0;
  const titleWidth = Math.max(LEAST, Math.min(longest(titles), room - layerRoom));
  const layerWidth = Math.max(LEAST, room - titleWidth - GAP);
  const rows = numbers.map((cells, i) => [
    cutEnd(titles[i], titleWidth),
    ...(hasLayers ? [cutStart(layers[i], layerWidth)] : []),
    ...cells,
  ]);
  return columnsOf(rows, hasLayers ? [0, 1] : [0]);
}

/** The paper's metrics, as far as they are known; where only the volumes' labels are, what else they tell. */
function columns(series: readonly EvaluatedSeries[]): MetricName[] {
  const known = (Object.keys(metrics) as MetricName[]).filter((name) =>
    series.some(({ evaluation }) => evaluation.summary[name] !== undefined),
  );
  const paper = known.filter((name) => metrics[name].paper);
  return paper.length > 1 ? paper : known;
}

/** ".72±.05": five columns leave no room for a 0 before the point. */
function shown(summary: { readonly mean: number; readonly deviation: number } | undefined): string {
  if (!summary) return '–';
  const two = (value: number) => value.toFixed(2).replace(/^(-?)0\./, '$1.');
  return `${two(summary.mean)}±${two(summary.deviation)}`;
}

const longest = (texts: readonly string[]) => Math.max(...texts.map((text) => text.length));

function cutEnd(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Names of layers differ at their end. */
function cutStart(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(1 - length)}`;
}
