/**
 * The charts of a study as SVG: what was learned, how slices are told apart, how good each method is at each layer, what
 * sensitivity costs in false positives. They are drawn by Observable Plot in a document without a screen, in the page's
 * own colours, and hold no ids, so that any number of them stand in one page. Same study, same markup.
 */
import { type MetricName, metrics } from '../evaluation/evaluation.ts';
import { type Chart, type ChartPoint, type ChartSeries, drawLines, drawSteps } from './chart.ts';
import { histogram } from './histogram.ts';
import {
  bestResult,
  byEncoder,
  byMethod,
  casesPhrase,
  type EncoderResults,
  layerTitle,
  meanOf,
  overlapMetric,
  resultTitle,
} from './results.ts';
import { seriesStyle } from './series.ts';
import type { StudyEncoder, StudyReport, StudyResult, TrainingPoint } from './study.ts';

/** The charts by what they are about; a list is empty where the study has nothing for it. */
export interface StudyCharts {
  /** Loss and AUC by step, a line for each encoder. */
  readonly training: readonly Chart[];
  /** Logits of slices by class (Fig. 2a), a chart for each encoder. */
  readonly logits: readonly Chart[];
  /** Overlap, then F1-score, by layer (Fig. 5), a pair for each encoder. */
  readonly layers: readonly Chart[];
  /** FROC curves, a chart for each encoder. */
  readonly froc: readonly Chart[];
}

/** All charts that a study has numbers for. */
export function studyCharts(report: StudyReport): StudyCharts {
  const groups = byEncoder(report);
  const methods = [...byMethod(report.results).keys()];
  const several = groups.length > 1;
  return {
    training: [trainingChart(report.encoders, 'loss'), trainingChart(report.encoders, 'auc')].flatMap(
      present,
    ),
    logits: report.encoders.map(logitChart).flatMap(present),
    layers: groups.flatMap((group) => layerCharts(group, methods, several)),
    froc: groups.map((group) => frocChart(group, methods, several)).flatMap(present),
  };
}

function present<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

const TRAINING = {
  loss: {
    title: 'Training loss',
    label: 'Loss',
    about: 'Binary cross-entropy of the training slices by training step.',
  },
  auc: {
    title: 'Validation AUC',
    label: 'AUC',
    about:
      'Area under the ROC curve of the validation volumes, scored by their highest slice, by training step.',
  },
} as const;

function trainingChart(encoders: readonly StudyEncoder[], value: keyof typeof TRAINING): Chart | undefined {
  const { title, label, about } = TRAINING[value];
  const series = encoders.map(({ name, curve = [] }, i): ChartSeries => {
    const points = curve.flatMap((point: TrainingPoint): ChartPoint[] => {
      const y = point[value];
      return y !== undefined && Number.isFinite(y) ? [{ x: point.step, y }] : [];
    });
    return { name, points, style: seriesStyle(i) };
  });
  const shown = series.filter(({ points }) => points.length > 0);
  if (shown.length === 0) return undefined;
  const values = shown.flatMap(({ points }) => points.map(({ y }) => y));
  return drawLines({
    title,
    caption: about,
    description: shown.map(({ name, points }) => `${name}: ${ends(points)}`).join('; '),
    series: shown,
    symbols: value === 'auc' && shown.every(({ points }) => points.length <= 40),
    x: { label: 'Step' },
    y: { label, domain: value === 'auc' ? [Math.min(0.5, ...values), 1] : [0, Math.max(...values)] },
  });
}

/** "0.69 at step 0, 0.12 at step 4000". */
function ends(points: readonly ChartPoint[]): string {
  const said = [points[0], ...(points.length > 1 ? [points[points.length - 1]] : [])];
  return said.map(({ x, y }) => `${Number(y.toPrecision(3))} at step ${x}`).join(', ');
}

function logitChart({ name, logits }: StudyEncoder): Chart | undefined {
  if (!logits) return undefined;
  const bins = histogram([logits.negative, logits.positive]);
  if (!bins) return undefined;
  const counts = [logits.negative, logits.positive].map(({ length }) => length);
  return drawSteps({
    title: `Logits of slices: ${name}`,
    caption: `How often the encoder gives a slice which logit, by the label of the volume that the slice is of: ${counts[0]} slices of negative and ${counts[1]} of positive volumes, each class as shares of its own.`,
    description: `Medians: negative ${median(logits.negative)}, positive ${median(logits.positive)}.`,
    edges: bins.edges,
    series: [
      {
        name: 'negative volumes',
        shares: bins.shares[0],
        style: { colour: 'var(--negative)', symbol: 'square' },
      },
      {
        name: 'positive volumes',
        shares: bins.shares[1],
        style: { colour: 'var(--positive)', symbol: 'square' },
      },
    ],
    x: { label: 'Logit' },
    y: { label: 'Share of slices' },
  });
}

function median(values: readonly number[]): string {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length > 0 ? String(Number(sorted[sorted.length >> 1].toPrecision(3))) : 'unknown';
}

/** Distance between series at one layer, in layers, so that their error bars do not hide one another. */
const DODGE = 0.07;

function layerCharts(group: EncoderResults, methods: readonly string[], several: boolean): Chart[] {
  const overlap = overlapMetric(group.all);
  const layers = [
    ...new Set(group.all.flatMap(({ layer }) => (layer === undefined ? [] : [layerTitle(layer)]))),
  ];
  if (layers.length < 2) return [];
  const charts = [overlap, 'f1' as const].map((metric) =>
    layerChart(group, metric, layers, methods, several),
  );
  return charts.flatMap(present);
}

function layerChart(
  { encoder, all }: EncoderResults,
  metric: MetricName,
  layers: readonly string[],
  methods: readonly string[],
  several: boolean,
): Chart | undefined {
  const present = [...byMethod(all.filter((result) => meanOf(result, metric) !== undefined))];
  if (present.length === 0) return undefined;
  const layered = present.filter(([, results]) => results.some(({ layer }) => layer !== undefined));
  const series = present.map(([name, results]): ChartSeries => {
    const place = layered.findIndex(([method]) => method === name);
    const shift = (place - (layered.length - 1) / 2) * DODGE;
    const points = results.map((result): ChartPoint => {
      const { mean, deviation } = result.evaluation.summary[metric]!;
      const x = result.layer === undefined ? 0 : layers.indexOf(layerTitle(result.layer)) + shift;
      return { x, y: mean, low: mean - deviation, high: mean + deviation };
    });
    const constant = results.every(({ layer }) => layer === undefined);
    return { name, points, constant, style: seriesStyle(methods.indexOf(name)) };
  });
  const { title } = metrics[metric];
  const tops = series.flatMap(({ points }) => points.map(({ high = 0 }) => high));
  const flat = series.filter(({ constant }) => constant).map(({ name }) => name);
  return drawLines({
    title: `${title} by layer${several ? `: ${encoder}` : ''}`,
    caption: [
      `${title} of each method at each layer, on ${casesPhrase(all)}; bars: ± standard deviation over folds.`,
      flat.length > 0 &&
        `From side to side: ${flat.join(', ')}, which ${flat.length > 1 ? 'have' : 'has'} no layer, with ${flat.length > 1 ? 'their' : 'its'} deviation as a band.`,
    ]
      .filter(Boolean)
      .join(' '),
    description: present
      .map(([name, results]) => `${name}: ${results.map((result) => layerValue(result, metric)).join(', ')}`)
      .join('; '),
    series,
    symbols: true,
    x: {
      label: 'Layer',
      domain: [-0.3, layers.length - 0.7],
      ticks: layers.map((layer, i) => [i, layer.replace(/^layer /, '')]),
    },
    y: { label: title, domain: [0, Math.max(...tops, 0.1)] },
  });
}

function layerValue(result: StudyResult, metric: MetricName): string {
  const value = meanOf(result, metric)!.toFixed(2);
  return result.layer === undefined ? value : `${layerTitle(result.layer)} ${value}`;
}

/** False positives a volume between which the curves are drawn: the score is their mean over 1/8 to 8. */
const FROC_DOMAIN = [1 / 16, 16] as const;
const FROC_TICKS = ['1/8', '1/4', '1/2', '1', '2', '4', '8'].map((name, i) => [i - 3, name] as const);

function frocChart(
  { encoder, all, baseline }: EncoderResults,
  methods: readonly string[],
  several: boolean,
): Chart | undefined {
  const best = [...byMethod(all).values()].flatMap((results) => present(bestResult(results)));
  const curves = best.filter(({ evaluation }) => evaluation.froc && evaluation.froc.sensitivity.length > 0);
  if (curves.length === 0) return undefined;
  const series = curves.map((result): ChartSeries => {
    const points = frocPoints(result);
    return { name: resultTitle(result), points, style: seriesStyle(methods.indexOf(result.method)) };
  });
  return drawLines({
    title: `FROC curves${several ? `: ${encoder}` : ''}`,
    caption: `Share of true lesions found against false positives a volume, as the high threshold falls, on ${casesPhrase(curves)}; each method at its best layer${baseline ? ', baselines included' : ''}.`,
    description: curves
      .map((result) => {
        const score = meanOf(result, 'froc');
        return `${resultTitle(result)}${score === undefined ? '' : ` ${score.toFixed(2)}`}`;
      })
      .join(', '),
    series,
    symbols: false,
    steps: true,
    x: { label: 'False positives a volume', domain: [-4, 4], ticks: FROC_TICKS },
    y: { label: 'Lesion sensitivity', domain: [0, 1] },
  });
}

/** A curve over log₂ as far as it lies within the chart: what it reached before is where it begins. */
function frocPoints({ evaluation }: StudyResult): ChartPoint[] {
  const { falsePositives, sensitivity } = evaluation.froc!;
  const [from, to] = FROC_DOMAIN;
  const all = falsePositives.map((x, i) => ({ x, y: sensitivity[i] })).sort((a, b) => a.x - b.x || a.y - b.y);
  const before = all.filter(({ x }) => x <= from).at(-1)?.y ?? 0;
  const within = all.filter(({ x }) => x > from && x < to);
  const last = within.at(-1)?.y ?? before;
  return [{ x: from, y: before }, ...within, { x: to, y: last }].map(({ x, y }) => ({ x: Math.log2(x), y }));
}
