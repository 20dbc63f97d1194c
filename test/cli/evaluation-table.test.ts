import { describe, expect, test } from 'vitest';
import { evaluationTable } from '../../src/cli/evaluation-table.ts';
import type { EvaluatedSeries } from '../../src/cli/folder-evaluation.ts';
import { defaultProtocol, type Evaluation, type MetricName } from '../../src/evaluation/evaluation.ts';
import { csvBytes } from '../../src/report/csv.ts';

type Numbers = Partial<Record<MetricName, readonly [mean: number, deviation: number]>>;

function series(title: string, layer: string | undefined, numbers: Numbers): EvaluatedSeries {
  const summary = Object.fromEntries(
    Object.entries(numbers).map(([name, [mean, deviation]]) => [name, { mean, deviation }]),
  );
  const nothing = { truth: 'masks', notes: [], folds: [], cases: [] } as const;
  const evaluation: Evaluation = { settings: defaultProtocol, ...nothing, summary };
  return { name: '', title, layer, heatmaps: new Map(), notes: [], evaluation };
}

const paper: Numbers = {
  precision: [0.87, 0.05],
  recall: [1, 0],
  f1: [0.0049, 0.104],
  dice: [0.58, 0.17],
  balancedAccuracy: [0.94, 0.02],
  auc: [0.9, 0.1],
};

test('a table has the paper’s columns, methods and layers', () => {
  const { dice, ...without } = paper;
  expect(
    evaluationTable([series('ToNNO', undefined, paper), series('Tomographic LayerCAM', '2', without)]),
  ).toEqual([
    'method                layer  Precision    Recall       F1     Dice       BA',
    'ToNNO                          .87±.05  1.00±.00  .00±.10  .58±.17  .94±.02',
    'Tomographic LayerCAM  2        .87±.05  1.00±.00  .00±.10        –  .94±.02',
  ]);
});

test('volumes alone leave room for more about them', () => {
  const [header] = evaluationTable([
    series('ToNNO', undefined, { balancedAccuracy: [0.5, 0], sensitivity: [1, 0], auc: [0.5, 0.1] }),
  ]);
  expect(header).toBe('method       BA  Sensitivity      AUC');
});

test('whatever the names, it stays within 79 columns and keeps the end of a layer', () => {
  const full = Object.fromEntries(Object.keys(paper).map((name) => [name, [1, 0]])) as Numbers;
  for (const title of ['ToNNO', 'Tomographic GradCAM++ (gaussian:0.0625)', 'x'.repeat(200)]) {
    for (const layer of ['4', '/backbone/layers/layers.3/layers.3.0/Relu_1_output_0']) {
      const lines = evaluationTable([series(title, layer, full), series('ToNNO', undefined, full)]);
      for (const line of lines) expect(line.length).toBeLessThan(80);
      expect(lines[1]).toContain(layer === '4' ? ' 4 ' : 'ut_0');
    }
  }
});

describe('comma-separated text', () => {
  test('keeps numbers exactly, leaves empty what is not known and quotes what needs it', () => {
    const text = new TextDecoder().decode(
      csvBytes([
        ['a', 'b, c', ' d'],
        [0.1 + 0.2, undefined, 'e "f"\n'],
      ]),
    );
    expect(text).toBe('a,"b, c"," d"\n0.30000000000000004,,"e ""f""\n"\n');
  });
});
