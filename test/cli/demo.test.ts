/** The main job on few cases, with the encoder that ships: what `npm start -- --quick` does. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { beforeAll, describe, expect, test } from 'vitest';
import { newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { readJson } from '../support/cohorts.ts';

const folder = temporaryFolder();

interface Result {
  readonly title: string;
  readonly layer?: string;
  readonly summary: Record<'f1' | 'dice' | 'balancedAccuracy' | 'auc', { readonly mean: number }>;
}

describe('the quick demo', () => {
  const out = newFolder(folder);
  let stderr = '';
  let results: readonly Result[] = [];
  let said: Record<string, unknown> = {};

  beforeAll(async () => {
    const outcome = await succeed(['demo', '--quick', '--out', out, '--json'], { timeout: 540_000 });
    stderr = outcome.stderr;
    said = JSON.parse(outcome.stdout);
    results = said.results as Result[];
  }, 600_000);

  const best = (title: string, metric: 'f1' | 'dice') =>
    Math.max(
      ...results.filter((result) => result.title === title).map(({ summary }) => summary[metric].mean),
    );

  test('says what it is doing', () => {
    expect(said).toMatchObject({ command: 'demo', study: out, report: join(out, 'report.html') });
    expect(stderr).toMatch(
      /^A study on phantoms .*: little more than a minute .*\n\[1\/\d\] Making the cohort of phantoms\n/,
    );
    expect(stderr).toContain('phantom-encoder.onnx: 1 channel, class 0 (label), on cpu');
  });

  test('every method and layer is there, in the order of Table 2', () => {
    expect(results.map(({ title, layer }) => [title, layer].filter(Boolean).join(' '))).toEqual([
      ...['1', '2', '3', '4'].map((layer) => `LayerCAM ${layer}`),
      'ToNNO',
      ...['1', '2', '3', '4'].map((layer) => `Averaged LayerCAM ${layer}`),
      ...['1', '2', '3', '4'].map((layer) => `Tomographic LayerCAM ${layer}`),
    ]);
  });

  test('the encoder, which has seen none of these phantoms, tells them apart', () => {
    const tonno = results.find(({ title }) => title === 'ToNNO')!;
    expect(tonno.summary.auc.mean).toBeGreaterThan(0.9);
  });

  test('the order is the paper’s: averaged and tomographic maps above slice-wise ones, ToNNO above the best of these', () => {
    for (const method of ['Averaged LayerCAM', 'Tomographic LayerCAM']) {
      expect(best(method, 'dice')).toBeGreaterThan(best('LayerCAM', 'dice') + 0.1);
      expect(best(method, 'f1')).toBeGreaterThan(best('LayerCAM', 'f1'));
    }
    expect(best('ToNNO', 'f1')).toBeGreaterThan(best('LayerCAM', 'f1'));
  });

  test('slice-wise maps fade with depth and tomographic ones do not', () => {
    const dice = (title: string, layer: string) =>
      results.find((result) => result.title === title && result.layer === layer)!.summary.dice.mean;
    expect(dice('LayerCAM', '4')).toBeLessThan(0.2);
    expect(dice('Tomographic LayerCAM', '4')).toBeGreaterThan(0.35);
  });

  test('the report shows cases, methods and numbers', () => {
    const { document } = parseHTML(readFileSync(join(out, 'report.html'), 'utf8'));
    expect(document.querySelectorAll('img').length).toBeGreaterThanOrEqual(6 + 1 + 1);
    expect(document.querySelectorAll('table').length).toBeGreaterThanOrEqual(4);
    expect(existsSync(join(out, 'tables', 'methods.csv'))).toBe(true);
    expect(readdirSync(join(out, 'cohort')).length).toBe(1);
  });
});

test('the encoder that ships says how it was trained, and the record beside it agrees', () => {
  const record = readJson(new URL('../../assets/phantom-encoder.json', import.meta.url).pathname) as {
    command: string;
    training: { options: { seed: number; steps: number } };
    cohort: { settings: { train: number } };
  };
  expect(record.command).toBe('npm start');
  expect(record.training.options).toMatchObject({ seed: 0, steps: 3000 });
  expect(record.cohort.settings.train).toBe(160);
});

test('a demo into a folder that is a file ends with a sentence', async () => {
  const { code, stderr } = await tonno(['demo', '--out', '/dev/null/demo']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/\nerror: .*\n$/);
});
