/**
 * One chart: lines with points, error bars and bands, or outlined histograms, drawn by Observable Plot into markup.
 * Every series is drawn by marks of its own with the page's variables as colours, so that light, dark and paper are a
 * matter of the page's style alone; the legend is a list beside the drawing, so that its text is text.
 */

import type { Markish, PlotOptions } from '@observablehq/plot';
import * as Plot from '@observablehq/plot';
import { chartDocument } from './document.ts';
import type { Histogram } from './histogram.ts';
import { html } from './html.ts';
import type { SeriesStyle } from './series.ts';

/** A drawing with what must be said about it. */
export interface Chart {
  readonly title: string;
  /** What it shows and on which cases, as sentences. */
  readonly caption: string;
  /** The values that matter, for those who do not see it. */
  readonly description: string;
  /** An svg element without ids and styles, whose colours are variables of the page (style.ts). */
  readonly svg: string;
  /** An svg element as high as text for each series, and its name. */
  readonly legend: readonly { readonly key: string; readonly name: string }[];
}

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** Ends of an error bar. */
  readonly low?: number;
  readonly high?: number;
}

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly ChartPoint[];
  readonly style: SeriesStyle;
  /** Drawn from side to side at its first point's height, with its error bar as a band. */
  readonly constant?: boolean;
}

interface Axis {
  readonly label: string;
  readonly domain?: readonly [number, number];
}

interface LinesInput extends Pick<Chart, 'title' | 'caption' | 'description'> {
  readonly series: readonly ChartSeries[];
  /** Whether points are marked. */
  readonly symbols: boolean;
  /** Whether a line keeps its height up to the next point. */
  readonly steps?: boolean;
  readonly x: Axis & {
    /** Where ticks stand, and their names; default: round numbers. */
    readonly ticks?: readonly (readonly [at: number, name: string])[];
  };
  readonly y: Axis & { readonly domain: readonly [number, number] };
}

/** Pixels of a drawing at its full size; it shrinks with the page. */
const WIDTH = 460;
const HEIGHT = 300;
const SYMBOL_RADIUS = 4;

/** A chart of lines. */
export function drawLines(input: LinesInput): Chart {
  const { title, caption, description, series, symbols, steps = false, x, y } = input;
  const curve = steps ? 'step-after' : 'linear';
  const marks = series.flatMap(({ name, points, constant, style }): Markish[] => {
    const { colour, dashes, symbol } = style;
    const line = { stroke: colour, strokeWidth: 2, ...(dashes && { strokeDasharray: dashes }) };
    if (constant) {
      const { y: height, low, high } = points[0];
      const band = low !== undefined && high !== undefined && high > low;
      return [
        ...(band ? [Plot.rect([0], { y1: [low], y2: [high], fill: colour, fillOpacity: 0.12 })] : []),
        Plot.ruleY([height], { ...line, title: [`${name}: ${shown(height)}`] }),
      ];
    }
    const bars = points.filter(({ low, high }) => low !== undefined && high !== undefined && high > low);
    return [
      ...(bars.length > 0
        ? [Plot.ruleX(bars, { x: 'x', y1: 'low', y2: 'high', stroke: colour, strokeWidth: 1.25 })]
        : []),
      Plot.line(points, { x: 'x', y: 'y', curve, ...line }),
      ...(symbols
        ? [
            Plot.dot(points, {
              x: 'x',
              y: 'y',
              symbol: symbol as 'circle',
              r: SYMBOL_RADIUS,
              fill: colour,
              stroke: 'var(--card)',
              strokeWidth: 1,
              title: (point: ChartPoint) => `${name}: ${shown(point.y)}`,
            }),
          ]
        : []),
    ];
  });
  const names = new Map(x.ticks);
  return {
    title,
    caption,
    description,
    svg: draw(title, description, {
      x: {
        label: x.label,
        ...(x.domain && { domain: [...x.domain] }),
        ...(x.ticks
          ? { ticks: [...names.keys()], tickFormat: (at: number) => names.get(at)! }
          : { ticks: 5 }),
      },
      y: { label: y.label, domain: [...y.domain], nice: true, ticks: 6 },
      marks,
    }),
    legend: series.map(({ name, style, constant }) => ({ name, key: lineKey(style, symbols && !constant) })),
  };
}

interface StepsInput extends Pick<Chart, 'title' | 'caption' | 'description'> {
  readonly edges: Histogram['edges'];
  readonly series: readonly {
    readonly name: string;
    readonly shares: readonly number[];
    readonly style: SeriesStyle;
  }[];
  readonly x: Axis;
  readonly y: Axis;
}

/** A chart of histograms over one another, each filled thinly below its outline. */
export function drawSteps({ title, caption, description, edges, series, x, y }: StepsInput): Chart {
  const marks = series.flatMap(({ shares, style: { colour, dashes } }): Markish[] => {
    const outline = [
      { x: edges[0], y: 0 },
      ...shares.map((share, i) => ({ x: edges[i], y: share })),
      { x: edges[shares.length], y: shares[shares.length - 1] },
      { x: edges[shares.length], y: 0 },
    ];
    return [
      Plot.areaY(outline, { x: 'x', y: 'y', curve: 'step-after', fill: colour, fillOpacity: 0.22 }),
      Plot.line(outline, {
        x: 'x',
        y: 'y',
        curve: 'step-after',
        stroke: colour,
        strokeWidth: 1.75,
        ...(dashes && { strokeDasharray: dashes }),
      }),
    ];
  });
  return {
    title,
    caption,
    description,
    svg: draw(title, description, {
      x: { label: x.label, domain: [edges[0], edges[edges.length - 1]], ticks: 6 },
      y: { label: y.label, nice: true, ticks: 5, tickFormat: '~%' },
      marks,
    }),
    legend: series.map(({ name, style }) => ({ name, key: areaKey(style) })),
  };
}

function draw(title: string, description: string, { x, y, marks = [] }: PlotOptions): string {
  const options: PlotOptions = {
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 48,
    marginRight: 14,
    marginTop: 30,
    marginBottom: 42,
    x: { ...x, labelArrow: 'none', labelAnchor: 'center', labelOffset: 36, line: true },
    y: { ...y, labelArrow: 'none', grid: true },
    marks: [...marks],
  };
  return markup(options, `${title}. ${description}`);
}

function lineKey({ colour, symbol, dashes }: SeriesStyle, marked: boolean): string {
  const line = { stroke: colour, strokeWidth: 2, ...(dashes && { strokeDasharray: dashes }) };
  return key([
    Plot.line([0, 1], { x: [0, 1], y: [0.5, 0.5], ...line }),
    ...(marked
      ? [Plot.dot([0], { x: [0.5], y: [0.5], symbol: symbol as 'circle', r: SYMBOL_RADIUS, fill: colour })]
      : []),
  ]);
}

function areaKey({ colour }: SeriesStyle): string {
  const extent = { x1: [0.15], x2: [0.85], y1: [0.1], y2: [0.9] };
  return key([Plot.rect([0], { ...extent, fill: colour, fillOpacity: 0.22, stroke: colour })]);
}

function key(marks: Markish[]): string {
  return markup({
    width: 30,
    height: 14,
    margin: 0,
    x: { domain: [0, 1], axis: null },
    y: { domain: [0, 1], axis: null },
    marks,
  });
}

/** @param said what a screen reader says in place of the drawing; without it, it is passed over. */
function markup(options: PlotOptions, said?: string): string {
  const drawing = Plot.plot({ ...options, document: chartDocument(), className: 'plot' });
  // The page styles its charts; a style element in each of them would say the same a dozen times.
  for (const style of [...drawing.querySelectorAll('style')]) style.remove();
  // Not every document escapes attributes as a page of any text needs it.
  const role =
    said === undefined ? html`<svg aria-hidden="true"` : html`<svg role="img" aria-label="${said}"`;
  return role.markup + drawing.outerHTML.slice('<svg'.length);
}

function shown(value: number): string {
  return value.toFixed(3);
}
