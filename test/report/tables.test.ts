import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MetricName, Summary } from '../../src/evaluation/evaluation.ts';
import { bestResult, layerTitle } from '../../src/report/results.ts';
import type { StudyReport, StudyResult } from '../../src/report/study.ts';
import { tableCsv } from '../../src/report/table-csv.ts';
import { tableHtml } from '../../src/report/table-html.ts';
import { escapeLatex, tableLatex } from '../../src/report/table-latex.ts';
import { isMetric, type MetricCell, studyTables, type Table } from '../../src/report/tables.ts';
import { syntheticEvaluation, syntheticStudy } from '../support/study.ts';

/** A result with these means, the deviation 0.01 and no interval. */
function result(
  method: string,
  layer: string | undefined,
  means: Partial<Record<MetricName, number>>,
  { baseline = false, encoder = 'E' } = {},
): StudyResult {
  const summary = Object.fromEntries(
    Object.entries(means).map(([name, mean]): [string, Summary] => [name, { mean, deviation: 0.01 }]),
  );
  const evaluation = { ...syntheticEvaluation(0.5, 0.5, 0), summary };
  return { encoder, method, ...(layer !== undefined && { layer }), baseline, evaluation };
}

const study = (results: StudyResult[]): StudyReport => ({
  ...syntheticStudy({ encoders: 1 }),
  encoders: [],
  results,
});

/** The rows of the paper's Table 6 that Table 2 is made of, and some that it leaves out. */
const multipleSclerosis = study(
  (
    [
      ['GradCAM', '1', true, [0.04, 0.27, 0.06, 0.04, 0.57]],
      ['LayerCAM', '1', true, [0.76, 0.78, 0.73, 0.41, 0.89]],
      ['LayerCAM', '2', true, [0.51, 0.5, 0.48, 0.24, 0.91]],
      ['ToNNO', undefined, false, [0.82, 0.88, 0.82, 0.53, 0.9]],
      ['Averaged LayerCAM', '1', false, [0.86, 0.87, 0.84, 0.52, 0.91]],
      ['Averaged LayerCAM', '2', false, [0.66, 0.7, 0.65, 0.3, 0.9]],
      ['Tomographic LayerCAM', '1', false, [0.77, 0.86, 0.78, 0.55, 0.88]],
      ['Tomographic LayerCAM', '2', false, [0.87, 0.87, 0.84, 0.58, 0.94]],
      ['Tomographic LayerCAM', '3', false, [0.83, 0.9, 0.84, 0.57, 0.93]],
    ] as const
  ).map(([method, layer, baseline, [precision, recall, f1, dice, balancedAccuracy]]) =>
    result(method, layer, { precision, recall, f1, dice, balancedAccuracy }, { baseline }),
  ),
);

const tableOf = (report: StudyReport, id: string) => studyTables(report).find((table) => table.id === id)!;

/** What a reader sees of a table's metrics, without spread. */
function shown({ rows }: Table): string[] {
  return rows.map((row) =>
    row
      .filter((cell) => cell !== 'E')
      .map((cell) => {
        if (!isMetric(cell)) return cell ?? '';
        const difference = cell.difference === undefined ? '' : ` ${Math.round(100 * cell.difference)}`;
        return `${cell.best ? '*' : ''}${cell.mean}${difference}`;
      })
      .join(' | '),
  );
}

describe('studyTables', () => {
  test('makes the paper’s Table 2 of the rows of its Table 6', () => {
    const table = tableOf(multipleSclerosis, 'methods');
    expect(shown(table)).toEqual([
      'LayerCAM | layer 1 | 0.76 | 0.78 | 0.73 | 0.41 | 0.89',
      'ToNNO |  | 0.82 6 | *0.88 10 | 0.82 9 | 0.53 12 | 0.9 1',
      'Averaged LayerCAM | layer 1 | 0.86 10 | 0.87 9 | *0.84 11 | 0.52 11 | 0.91 2',
      'Tomographic LayerCAM | layer 2 | *0.87 11 | 0.87 9 | *0.84 11 | *0.58 17 | *0.94 5',
    ]);
    expect(table.columns.map(({ title }) => title)).toEqual([
      'Encoder',
      'Method',
      'Layer',
      'Precision',
      'Recall',
      'F1-score',
      'Dice',
      'Balanced accuracy',
    ]);
  });

  test('has every method and layer, the best of all in bold', () => {
    const table = tableOf(multipleSclerosis, 'layers');
    expect(table.rows).toHaveLength(9);
    const best = shown(table).filter((row) => row.includes('*'));
    expect(best).toEqual([
      'Averaged LayerCAM | layer 1 | 0.86 | 0.87 | *0.84 | 0.52 | 0.91',
      'Tomographic LayerCAM | layer 2 | *0.87 | 0.87 | *0.84 | *0.58 | *0.94',
      'Tomographic LayerCAM | layer 3 | 0.83 | *0.9 | *0.84 | 0.57 | 0.93',
    ]);
  });

  test('takes values that are printed alike for equal', () => {
    const report = study([
      result('LayerCAM', '1', { f1: 0.5049 }, { baseline: true }),
      result('ToNNO', undefined, { f1: 0.4951 }),
      result('Other', undefined, { f1: 0.494 }),
    ]);
    const cells = tableOf(report, 'methods').rows.map((row) => row[5] as MetricCell);
    expect(cells.map(({ best }) => best)).toEqual([true, true, false]);
    expect(cells.map(({ difference }) => difference)).toEqual([undefined, 0, -0.01]);
    const markup = tableHtml(tableOf(report, 'methods')).markup;
    expect(markup).toContain('<strong>0.50</strong> <span class="same">(=)</span>');
    expect(markup).toContain('0.49 <span class="worse">(−0.01)</span>');
  });

  test('shows a metric that could not be worked out as a dash and compares nothing with it', () => {
    const report = study([
      result('LayerCAM', '1', { f1: 0.4 }, { baseline: true }),
      result('ToNNO', undefined, { f1: 0.5, dice: 0.3 }),
    ]);
    const table = tableOf(report, 'methods');
    expect(table.rows[0][6]).toBeUndefined();
    expect((table.rows[1][6] as MetricCell).difference).toBeUndefined();
    expect(tableHtml(table).markup).toContain('<td class="number">–</td>');
    expect(tableLatex(table)).toContain('& -- &');
  });

  test('knows MaxIoU by the truth, and encoders by the method they are compared with', () => {
    const boxes = studyTables(syntheticStudy({ encoders: 3, truth: 'boxes' }));
    const encoders = boxes.find(({ id }) => id === 'encoders')!;
    expect(encoders.columns.map(({ id }) => id)).toEqual([
      'encoder',
      'layer',
      'f1',
      'maxIou',
      'balancedAccuracy',
    ]);
    expect(encoders.rows.map(([encoder]) => encoder)).toEqual(['R-10-T, FBN', 'R-10-T, GN', 'R-50, GN']);
    expect(encoders.rows.every(([, layer]) => layer === undefined)).toBe(true);
    const [, other] = studyTables(syntheticStudy({ encoders: 2 }), { method: 'Tomographic LayerCAM' });
    expect(other.rows.map(([, layer]) => layer)).toEqual(['layer 3', 'layer 3']);
    expect(studyTables(syntheticStudy({ encoders: 1 })).map(({ id }) => id)).not.toContain('encoders');
  });

  test('says nothing of a spread over a single fold', () => {
    const one = result('ToNNO', undefined, { f1: 0.5 });
    const { evaluation } = one;
    const table = tableOf(
      study([{ ...one, evaluation: { ...evaluation, folds: evaluation.folds.slice(0, 1) } }]),
      'layers',
    );
    expect(table.caption).toContain('One fold, on 40 cases');
    expect(tableHtml(table).markup).toContain('<td class="number">0.50</td>');
    expect(tableLatex(table)).toContain('& 0.50 & --');
    expect(tableCsv(table)).toContain(',0.5,,,,');
  });

  test('counts the cohort', () => {
    expect(tableOf(multipleSclerosis, 'cohort').rows).toEqual([
      ['training', 80, 80, 160, 160],
      ['validation', 20, 20, 40, 40],
    ]);
  });
});

describe('bestResult', () => {
  test('prefers F1-score, then overlap, then balanced accuracy, then what came first', () => {
    const a = result('a', '1', { f1: 0.5, dice: 0.3, balancedAccuracy: 0.9 });
    const b = result('b', '2', { f1: 0.5, dice: 0.4, balancedAccuracy: 0.1 });
    const c = result('c', '3', { f1: 0.4, dice: 0.9, balancedAccuracy: 1 });
    expect(bestResult([a, b, c])).toBe(b);
    expect(bestResult([c, a])).toBe(a);
    const d = result('d', '4', { balancedAccuracy: 0.9 });
    expect(bestResult([d, result('e', '5', { balancedAccuracy: 0.9 })])).toBe(d);
    expect(bestResult([d, result('e', '5', { balancedAccuracy: 0.95 })])?.method).toBe('e');
    expect(bestResult([d, c])).toBe(c);
    expect(bestResult([])).toBeUndefined();
  });

  test('layers are titled as the paper does', () => {
    expect(['2', 'layer2', 'Layer 2', 'features.3/Relu'].map(layerTitle)).toEqual([
      'layer 2',
      'layer 2',
      'layer 2',
      'features.3/Relu',
    ]);
  });
});

describe('tableCsv', () => {
  test('holds every number with all its digits', () => {
    const report = syntheticStudy();
    for (const table of studyTables(report)) {
      const rows: Record<string, string>[] = parse(tableCsv(table), { columns: true });
      expect(rows).toHaveLength(table.rows.length);
      for (const [r, row] of rows.entries()) {
        for (const [c, { id, kind }] of table.columns.entries()) {
          const cell = table.rows[r][c];
          if (kind !== 'metric') expect(row[id]).toBe(cell === undefined ? '' : String(cell));
          else if (isMetric(cell)) {
            expect(Number(row[id])).toBe(cell.mean);
            expect(Number(row[`${id}_sd`])).toBe(cell.deviation);
            expect([row[`${id}_low`], row[`${id}_high`]].map(Number)).toEqual(cell.interval);
          } else expect(row[id]).toBe('');
        }
      }
    }
    const layers = parse(tableCsv(tableOf(report, 'layers')), { columns: true }) as Record<string, string>[];
    const { evaluation } = report.results[5];
    expect(Number(layers[5].f1)).toBe(evaluation.summary.f1!.mean);
    expect(layers[5].layer).toBe('layer 1');
  });

  test('gives any text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'",;\r\n a★') }), (encoder) => {
        const report = study([result('ToNNO', undefined, { f1: 0.5 }, { encoder: `x${encoder}x` })]);
        const csv = tableCsv(tableOf(report, 'layers'));
        const rows: string[][] = parse(csv, { record_delimiter: ['\r\n', '\r', '\n'] });
        expect(rows[1][0]).toBe(`x${encoder}x`);
      }),
    );
  });
});

describe('tableLatex', () => {
  test('escapes what LaTeX would take for commands, and writes signs with commands', () => {
    expect(escapeLatex('a & b_c 5 % #1 $x {y} ~ ^ \\')).toBe(
      'a \\& b\\_c 5 \\% \\#1 \\$x \\{y\\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{}',
    );
    expect(escapeLatex('GradCAM ★ Lin’s 0.1–0.2 ± 3 × 4 −1 τ′ é')).toBe(
      "GradCAM $\\star$ Lin's 0.1--0.2 $\\pm$ 3 $\\times$ 4 $-$1 $\\tau$$'$ é",
    );
  });

  test('no character of this field is left that the usual fonts lack', () => {
    const text = tableLatex(tableOf(syntheticStudy(), 'further'));
    const beyondLatin = (character: string) => character.charCodeAt(0) > 0x17f;
    expect([...text].filter(beyondLatin)).toEqual([]);
    const signs = '★⋆’‘“”–—…−±×·≤≥≈≠→∞√°′²³αβγδεθλμπρστφχψωΔΘΛΣΦΨΩ';
    expect([...escapeLatex(signs)].filter(beyondLatin)).toEqual([]);
  });

  test('is a booktabs table with as many cells in each row as it has columns', () => {
    const text = tableLatex(tableOf(multipleSclerosis, 'methods'));
    expect(text).toContain('\\begin{tabular}{lccccc}');
    for (const rule of ['toprule', 'midrule', 'bottomrule']) expect(text).toContain(`\\${rule}`);
    expect(text).toContain(
      'LayerCAM (layer 1) & 0.76 {\\scriptsize $\\pm$ 0.01} & 0.78 {\\scriptsize $\\pm$ 0.01} &',
    );
    expect(text).toContain('\\textbf{0.58 (+0.17)} {\\scriptsize $\\pm$ 0.01}');
    const lines = text.split('\n').filter((line) => line.endsWith('\\\\'));
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line.match(/(?<!\\)&/g)).toHaveLength(5);
    const opened = text.match(/(?<!\\)\{/g)!.length;
    expect(text.match(/(?<!\\)\}/g)).toHaveLength(opened);
  });

  test('names an encoder once and rules between two', () => {
    const text = tableLatex(tableOf(syntheticStudy({ encoders: 2 }), 'methods'));
    expect(text.match(/R-10-T, FBN/g)).toHaveLength(1);
    expect(text.match(/\\midrule/g)).toHaveLength(2);
    expect(text).toContain('{llccccc}');
  });
});
