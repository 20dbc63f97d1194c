/** What was measured, as a picture of Dice against encoder calls and as a table of the settings that none beats. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { Result } from './measure.ts';

/** One cohort's results. */
export interface Measured {
  readonly cohort: string;
  readonly layer: string;
  readonly results: readonly Result[];
}

export const calls = ({ slices, directions }: Pick<Result, 'slices' | 'directions'>) => slices * directions;

/** Those that no cheaper or equally dear setting beats, the cheapest first. */
export function frontier(results: readonly Result[]): Result[] {
  const ordered = [...results].sort((a, b) => calls(a) - calls(b) || b.dice - a.dice);
  let best = 0;
  return ordered.filter(({ dice }) => {
    const better = dice > best + 0.002;
    if (better) best = dice;
    return better;
  });
}

/** The cheapest of which no setting is more than a hundredth better. */
export function cheapestGood(results: readonly Result[]): Result {
  const best = Math.max(...results.map(({ dice }) => dice));
  return results
    .filter(({ dice }) => dice >= best - 0.01)
    .sort((a, b) => calls(a) - calls(b) || b.dice - a.dice)[0];
}

/** Settings that were measured on every cohort, with the mean of their numbers. */
export function pooled(measured: readonly Measured[]): Measured {
  const [first, ...others] = measured;
  const results = first.results.flatMap((result) => {
    const same = others.flatMap(
      ({ results }) =>
        results.find((other) =>
          (['method', 'slices', 'directions', 'filter'] as const).every((key) => other[key] === result[key]),
        ) ?? [],
    );
    if (same.length < others.length) return [];
    const mean = (key: 'dice' | 'bestDice') =>
      [result, ...same].reduce((sum, one) => sum + one[key], 0) / measured.length;
    return [{ ...result, dice: mean('dice'), bestDice: mean('bestDice') }];
  });
  const layer = [...new Set(measured.map((one) => one.layer))].join(' and ');
  return { cohort: 'Mean of both', layer, results };
}

const METHODS = ['ToNNO', 'Tomographic LayerCAM'] as const;
/** What begins a filter's name, what it is called, and its colour. */
const FILTERS = [
  ['second-difference', 'second difference', '#b42318'],
  ['gaussian', 'Gaussian', '#175cd3'],
  ['hann', 'Hann', '#0e7a55'],
] as const;
/** Pixels from a panel's side to their names. */
const LEGEND = [10, 145, 225] as const;
const kindOf = ({ filter }: Result) => filter.split(':')[0];

/** An SVG file: a panel for each method and cohort. */
export function drawSettings(measured: readonly Measured[]): string {
  const { document } = parseHTML('<html><body></body></html>');
  const points = measured.flatMap(({ cohort, results }) =>
    results.map((result) => ({ ...result, cohort, calls: calls(result), filter: kindOf(result) })),
  );
  const lines = measured.flatMap(({ cohort, results }) =>
    METHODS.flatMap((method) =>
      frontier(results.filter((result) => result.method === method)).map((result) => ({
        ...result,
        cohort,
        calls: calls(result),
      })),
    ),
  );
  const panel = { fx: 'cohort', fy: 'method', x: 'calls', y: 'dice' };
  const svg = Plot.plot({
    document,
    width: 960,
    height: 620,
    marginBottom: 48,
    marginLeft: 56,
    marginRight: 155,
    style: { background: 'white', color: '#1d2733', fontSize: '13px', fontFamily: 'sans-serif' },
    x: {
      type: 'log',
      label: 'encoder calls a volume (M × L)',
      labelAnchor: 'center',
      labelOffset: 38,
      ticks: [500, 1000, 2000, 5000, 10_000, 20_000, 40_000],
      tickFormat: 's',
      grid: true,
    },
    y: { label: '↑ Dice', grid: true },
    fx: { label: null },
    fy: { label: null },
    color: { domain: FILTERS.map(([kind]) => kind), range: FILTERS.map(([, , colour]) => colour) },
    marks: [
      Plot.frame({ stroke: '#c8d0da' }),
      Plot.line(lines, { ...panel, curve: 'step-after', stroke: '#98a2b3', strokeWidth: 1.5 }),
      Plot.dot(points, { ...panel, stroke: 'filter', r: 2.5 }),
      ...FILTERS.map(([, name, colour], i) =>
        Plot.text([`○ ${name}`], {
          fill: colour,
          frameAnchor: 'bottom-left',
          textAnchor: 'start',
          dx: LEGEND[i],
          dy: -10,
          fontWeight: 600,
        }),
      ),
    ],
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('role', 'img');
  const title = document.createElement('title');
  title.textContent = 'Dice against encoder calls, by method and cohort';
  svg.prepend(title);
  return `${svg.outerHTML}\n`;
}

/** Markdown: for each cohort and method the settings of its frontier. */
export function settingsTables(measured: readonly Measured[]): string {
  return measured
    .flatMap(({ cohort, layer, results }) =>
      METHODS.map((method) => {
        const own = results.filter((result) => result.method === method);
        const good = cheapestGood(own);
        const rows = frontier(own).map((result) => {
          const { slices, directions, filter, dice, bestDice } = result;
          const cells = [
            calls(result),
            slices,
            directions,
            `\`${filter}\``,
            dice.toFixed(3),
            bestDice.toFixed(3),
          ];
          return `| ${cells.map((cell) => (result === good ? `**${cell}**` : cell)).join(' | ')} |`;
        });
        const title = method === 'ToNNO' ? method : `${method}, layer ${layer}`;
        return `### ${cohort}: ${title}\n\n| calls | M | L | filter | Dice | best threshold a case |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`;
      }),
    )
    .join('\n');
}
