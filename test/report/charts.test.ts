import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import type { Chart } from '../../src/report/chart.ts';
import { studyCharts } from '../../src/report/charts.ts';
import { histogram } from '../../src/report/histogram.ts';
import { seriesColours, seriesStyle } from '../../src/report/series.ts';
import type { StudyReport } from '../../src/report/study.ts';
import { pageColours } from '../../src/report/style.ts';
import { syntheticStudy } from '../support/study.ts';

const report = syntheticStudy({ encoders: 2 });
const charts = studyCharts(report);

function drawn({ svg }: Chart): Element {
  return parseHTML(`<body>${svg}</body>`).document.querySelector('svg')!;
}
const marks = (chart: Chart, kind: string) => drawn(chart).querySelectorAll(`g[aria-label="${kind}"]`);
/** Corners of the path of a line, in pixels from the upper left. */
function corners(line: Element): [x: number, y: number][] {
  const path = line.querySelector('path')!.getAttribute('d')!;
  let [x, y] = [0, 0];
  return [...path.matchAll(/([MLHV])([-\d.,]+)/g)].map(([, command, numbers]) => {
    const [a, b] = numbers.split(',').map(Number);
    [x, y] = command === 'H' ? [a, y] : command === 'V' ? [x, a] : [a, b];
    return [x, y];
  });
}

describe('studyCharts', () => {
  test('has a chart for each encoder, and one for all where they share it', () => {
    expect(charts.training.map(({ title }) => title)).toEqual(['Training loss', 'Validation AUC']);
    expect(charts.logits).toHaveLength(2);
    expect(charts.froc).toHaveLength(2);
    expect(charts.layers.map(({ title }) => title)).toEqual([
      'Dice by layer: R-10-T, FBN',
      'F1-score by layer: R-10-T, FBN',
      'Dice by layer: R-10-T, GN',
      'F1-score by layer: R-10-T, GN',
    ]);
    const boxes = studyCharts(syntheticStudy({ encoders: 1, truth: 'boxes' }));
    expect(boxes.layers.map(({ title }) => title)).toEqual(['MaxIoU by layer', 'F1-score by layer']);
  });

  test('draws a line for each curve with all its points', () => {
    const [loss, auc] = charts.training;
    const lines = [...marks(loss, 'line')];
    expect(lines).toHaveLength(2);
    expect(lines.map((line) => corners(line).length)).toEqual([81, 81]);
    expect([...marks(auc, 'line')].map((line) => corners(line).length)).toEqual([9, 9]);
    expect(marks(auc, 'dot')[0].querySelectorAll('path, circle')).toHaveLength(9);
    expect(auc.legend.map(({ name }) => name)).toEqual(['R-10-T, FBN', 'R-10-T, GN']);
  });

  test('draws layers where their numbers are, with bars as long as their deviations', () => {
    const [dice] = charts.layers;
    const layered = report.results.filter(({ encoder, layer }) => encoder === 'R-10-T, FBN' && layer);
    expect(marks(dice, 'line')).toHaveLength(3);
    const bars = [...drawn(dice).querySelectorAll('g[aria-label="rule"] line')].filter(
      (bar) => bar.getAttribute('x1') === null || bar.getAttribute('x1') === bar.getAttribute('x2'),
    );
    expect(bars).toHaveLength(12);
    expect(drawn(dice).querySelectorAll('g[aria-label="dot"] > *')).toHaveLength(12);
    const points = [...marks(dice, 'line')].flatMap(corners);
    const values = layered.map(({ evaluation }) => evaluation.summary.dice!);
    // Heights are linear in the values: two of them fix the rest.
    const [a, b] = [0, 3];
    const scale = (points[b][1] - points[a][1]) / (values[b].mean - values[a].mean);
    expect(scale).toBeLessThan(0);
    for (const [i, { mean }] of values.entries()) {
      expect(points[i][1]).toBeCloseTo(points[a][1] + scale * (mean - values[a].mean), 1);
    }
    for (const [i, bar] of bars.entries()) {
      const length = Number(bar.getAttribute('y2')) - Number(bar.getAttribute('y1'));
      expect(Math.abs(length)).toBeCloseTo(Math.abs(2 * scale * values[i].deviation), 1);
    }
    // Points of one layer stand together, those of the next to the right.
    const places = [0, 1, 2, 3].map((layer) => [0, 4, 8].map((method) => points[method + layer][0]));
    for (let layer = 1; layer < 4; layer++) {
      expect(Math.min(...places[layer]) - Math.max(...places[layer - 1])).toBeGreaterThan(50);
    }
  });

  test('draws a method without layers from side to side', () => {
    const [dice] = charts.layers;
    expect(dice.caption).toContain('ToNNO, which has no layer');
    expect(dice.legend.map(({ name }) => name)).toContain('ToNNO');
    const level = [...drawn(dice).querySelectorAll('g[aria-label="rule"]')].filter((group) =>
      /series-2/.test(group.getAttribute('stroke') ?? ''),
    );
    expect(level).toHaveLength(1);
    expect(level[0].querySelector('title')!.textContent).toMatch(/^ToNNO: 0\.3\d\d$/);
    expect(marks(dice, 'rect')).toHaveLength(1);
  });

  test('draws FROC curves that never fall, from 1/16 to 16', () => {
    const lines = [...marks(charts.froc[0], 'line')];
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      const path = corners(line);
      for (let i = 1; i < path.length; i++) {
        expect(path[i][0]).toBeGreaterThanOrEqual(path[i - 1][0]);
        expect(path[i][1]).toBeLessThanOrEqual(path[i - 1][1]);
      }
      expect([path[0][0], path[path.length - 1][0]]).toEqual([48, 446]);
    }
    const labels = drawn(charts.froc[0]).querySelectorAll('g[aria-label="x-axis tick label"] text');
    expect([...labels].map(({ textContent }) => textContent)).toEqual('1/8 1/4 1/2 1 2 4 8'.split(' '));
  });

  test('has neither ids nor colours of its own nor styles', () => {
    const all = [...charts.training, ...charts.logits, ...charts.layers, ...charts.froc];
    const markup = all.map(({ svg, legend }) => svg + legend.map(({ key }) => key).join('')).join('');
    expect(/\sid=|<style|url\(/.test(markup)).toBe(false);
    const colours = [...markup.matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(([, colour]) => colour);
    const known = new Set(Object.keys(pageColours).map((name) => `var(--${name})`));
    expect([...new Set(colours)].filter((colour) => !known.has(colour)).sort()).toEqual([
      'currentColor',
      'none',
    ]);
  });

  test('is left out where there is nothing to draw', () => {
    const bare: StudyReport = {
      ...report,
      encoders: [{ name: 'E', description: '', curve: [{ step: 0, loss: Number.NaN }] }],
      results: [],
    };
    expect(studyCharts(bare)).toEqual({ training: [], logits: [], layers: [], froc: [] });
  });
});

describe('histogram', () => {
  test('counts every value once, in its bin', () => {
    const lists = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const { edges, shares } = histogram([a, b])!;
        expect(edges[0]).toBeLessThanOrEqual(Math.min(...a, ...b));
        expect(edges[edges.length - 1]).toBeGreaterThanOrEqual(Math.max(...a, ...b));
        for (const [list, values] of [a, b].entries()) {
          expect(shares[list].reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
          for (const [bin, share] of shares[list].entries()) {
            const last = bin === edges.length - 2;
            const inBin = values.filter(
              (value) =>
                value >= edges[bin] && (value < edges[bin + 1] || (last && value === edges[bin + 1])),
            );
            expect(share).toBeCloseTo(inBin.length / values.length, 9);
          }
        }
      }),
      {
        // Numbers between which there is next to nothing, or that only their last digits tell apart.
        examples: [
          [[0], [3e-323, -7.4e-323]],
          [[-5e-324], [40.00000000000001]],
          [[1e6, 1e6 - 2 ** -33], [1e6]],
        ],
      },
    );
  });

  test('has round edges, and none where there is no finite value', () => {
    const { edges } = histogram([[0, 3.97], []])!;
    expect(edges.slice(0, 3)).toEqual([0, 0.1, 0.2]);
    expect(edges.at(-1)).toBe(4);
    expect(histogram([[Number.NaN], []])).toBeUndefined();
    expect(histogram([[2, 2], []])!.shares[1].every((share) => share === 0)).toBe(true);
  });
});

describe('seriesStyle', () => {
  test('sets the first 24 series apart, and eight of them without colours', () => {
    const styles = Array.from({ length: 24 }, (_, i) => seriesStyle(i));
    expect(new Set(styles.map((style) => JSON.stringify(style))).size).toBe(24);
    const plain = styles.slice(0, seriesColours.length).map(({ symbol, dashes }) => `${symbol} ${dashes}`);
    expect(new Set(plain).size).toBe(8);
  });
});
