/** A whole study on the disk: what it makes, what it does not make again, how it goes on, what it refuses. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { parseHTML } from 'linkedom';
import { beforeAll, describe, expect, test } from 'vitest';
import { newFolder, start, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { readJson, writeTinyCohort } from '../support/cohorts.ts';
import { MATCHED_FILTER } from '../support/volumes.ts';

const folder = temporaryFolder();

const train = { width: 0.125, size: 32, volumes: 2, slices: 4, steps: 4, lr: 1e-3 };
const heatmaps = {
  method: ['tonno', 'cam', 'tomographic-cam'],
  layer: '1',
  size: 32,
  directions: 6,
  slices: 8,
};
const given = { name: 'by hand', file: MATCHED_FILTER };
const experiment = {
  title: 'A study of <two> encoders',
  cohort: { phantom: { train: 4, validation: 8, size: 40, seed: 3 } },
  encoders: [{ name: 'Trained here', train }, given],
  heatmaps: [heatmaps],
  evaluation: { folds: 3 },
  report: { gallery: 2, seeds: [0, 1], grid: { slices: [6, 8], directions: [4, 6] } },
};

function write(value: unknown): string {
  const path = join(newFolder(folder, 'file-'), 'experiment.json');
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

const steps = (study: string) =>
  ['cohort', 'encoders', 'logits', 'heatmaps', 'evaluations', 'views'].map(
    (kind) => readdirSync(join(study, kind)).length,
  );

/** Files of steps, and when they were written. */
const madeIn = (study: string) =>
  readdirSync(study, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes('/') && !name.startsWith('tables'))
    .sort()
    .map((name) => `${name} ${statSync(join(study, name)).mtimeMs}`);

describe('a study', () => {
  const study = newFolder(folder, 'study-');
  let result: { results: { encoder: string; title: string; layer?: string; summary: object }[] };
  let stderr = '';

  beforeAll(async () => {
    const outcome = await succeed(['experiment', write(experiment), '--out', study, '--json'], {
      timeout: 200_000,
    });
    result = JSON.parse(outcome.stdout);
    stderr = outcome.stderr;
  }, 240_000);

  test('makes cohort, encoders, heatmaps, numbers and views, each in a folder of its kind', () => {
    // Of six views one is both: seed 0 with 8 slices and 6 directions.
    expect(steps(study)).toEqual([1, 1, 2, 2, 2, 5]);
    const [made] = readdirSync(join(study, 'heatmaps'));
    const heatmaps = readdirSync(join(study, 'heatmaps', made)).filter((name) => name.endsWith('.nii.gz'));
    expect(heatmaps).toHaveLength(8 * 3);
    expect(stderr).toContain('[1/14] Making the cohort of phantoms\n');
    expect(stderr).toMatch(/\[8\/14\] Evaluating 3 kinds of heatmaps · about [\d:]+ left in all\n/);
  });

  test('tells the numbers of its evaluations', () => {
    expect(
      result.results.map(({ encoder, title, layer }) => [encoder, title, layer].filter(Boolean).join(', ')),
    ).toEqual(
      ['Trained here', 'by hand'].flatMap((encoder) => [
        `${encoder}, LayerCAM, 1`,
        `${encoder}, ToNNO`,
        `${encoder}, Tomographic LayerCAM, 1`,
      ]),
    );
    const numbers = readdirSync(join(study, 'evaluations')).map((name) =>
      readJson(join(study, 'evaluations', name, 'metrics.json')),
    ) as { results: { evaluation: { summary: object } }[] }[];
    const summaries = numbers.flatMap(({ results }) => results.map(({ evaluation }) => evaluation.summary));
    for (const { summary } of result.results) expect(summaries).toContainEqual(summary);
  });

  test('its report has everything in one file that needs no other', () => {
    const html = readFileSync(join(study, 'report.html'), 'utf8');
    const { document } = parseHTML(html);
    expect(document.querySelector('h1')!.textContent).toBe('A study of <two> encoders');
    expect(document.querySelectorAll('img').length).toBe(2 + 1 + 2 + 2);
    for (const image of document.querySelectorAll('img'))
      expect(image.getAttribute('src')).toMatch(/^data:image\/png/);
    const outside = [...document.querySelectorAll('script[src], link[href], img, iframe')].filter((element) =>
      /^(https?:)?\/\//.test(element.getAttribute('src') ?? element.getAttribute('href') ?? ''),
    );
    expect(outside).toEqual([]);
    expect(html).toContain('Trained here');
    expect(html).toContain('heatmaps[0].directions');
  });

  test('its tables hold the same numbers', () => {
    expect(readdirSync(join(study, 'tables'))).toEqual(
      ['cohort', 'encoders', 'further', 'layers', 'methods'].flatMap((name) => [
        `${name}.csv`,
        `${name}.tex`,
      ]),
    );
    const rows: Record<string, string>[] = parse(readFileSync(join(study, 'tables', 'layers.csv')), {
      columns: true,
    });
    expect(rows).toHaveLength(6);
    const first = result.results[0].summary as Record<string, { mean: number }>;
    expect(Object.values(rows[0]).map(Number)).toContain(first.balancedAccuracy.mean);
  });

  test('run again it makes nothing again', async () => {
    const before = madeIn(study);
    const report = readFileSync(join(study, 'report.html'));
    const again = await succeed(['experiment', write(experiment), '--out', study, '--json'], {
      timeout: 60_000,
    });
    expect(again.stderr.match(/ is there already\./g)).toHaveLength(14);
    expect(JSON.parse(again.stdout)).toEqual(result);
    expect(madeIn(study)).toEqual(before);
    expect(readFileSync(join(study, 'report.html')).equals(report)).toBe(true);
  });

  test('tonno report makes the same report again', async () => {
    const report = readFileSync(join(study, 'report.html'));
    rmSync(join(study, 'report.html'));
    const { stdout } = await succeed(['report', study], { timeout: 60_000 });
    expect(stdout).toContain(join(study, 'report.html'));
    expect(readFileSync(join(study, 'report.html')).equals(report)).toBe(true);
  });

  test('another protocol is another evaluation of the same heatmaps', async () => {
    const other = write({ ...experiment, evaluation: { folds: 4 } });
    const { stderr: said } = await succeed(['experiment', other, '--out', study], { timeout: 100_000 });
    expect(said.match(/ is there already\./g)).toHaveLength(12);
    expect(steps(study)).toEqual([1, 1, 2, 2, 4, 5]);
  });

  test('a report without its numbers says which are gone', async () => {
    const [numbers] = readdirSync(join(study, 'evaluations'));
    for (const name of readdirSync(join(study, 'evaluations'))) {
      rmSync(join(study, 'evaluations', name, 'metrics.json'));
    }
    const { code, stderr: said } = await tonno(['report', study]);
    expect(code).toBe(1);
    expect(said).toContain('metrics.json: There is no such file');
    expect(numbers).toBeDefined();
  });
});

test('stopped in the middle of its heatmaps, it goes on behind those that are there', async () => {
  const table = await writeTinyCohort(newFolder(folder, 'cohort-'), { train: 2, validation: 12 });
  const study = join(folder, 'stopped');
  const file = write({
    title: 'Stopped',
    cohort: table,
    encoders: [given],
    heatmaps: [{ method: 'tonno', size: 32, directions: 100, slices: 32 }],
    evaluation: { folds: 2 },
  });
  const heatmapsThere = () => {
    const kind = join(study, 'heatmaps');
    const [made] = existsSync(kind) ? readdirSync(kind) : [];
    if (!made) return [];
    return readdirSync(join(kind, made))
      .filter((name) => /^[^.].*\.nii\.gz$/.test(name))
      .map((name) => join(kind, made, name));
  };
  const first = start(['experiment', file, '--out', study], { timeout: 150_000 });
  await expect
    .poll(() => heatmapsThere().length, { timeout: 120_000, interval: 20 })
    .toBeGreaterThanOrEqual(2);
  first.process.kill('SIGINT');
  const { code, stderr } = await first.outcome;
  expect(code).toBe(1);
  expect(stderr).toContain('Interrupted by SIGINT.');
  const kept = heatmapsThere();
  expect(kept.length).toBeLessThan(12);
  expect(existsSync(join(study, 'study.json'))).toBe(false);
  const times = kept.map((path) => statSync(path).mtimeMs);

  await succeed(['experiment', file, '--out', study], { timeout: 100_000 });
  expect(heatmapsThere()).toHaveLength(12);
  expect(kept.map((path) => statSync(path).mtimeMs)).toEqual(times);
  expect(existsSync(join(study, 'report.html'))).toBe(true);
}, 200_000);

describe('what is wrong with an experiment is said before anything is made', () => {
  const base = { title: 'x', cohort: { phantom: {} }, encoders: [given], heatmaps: [heatmaps] };
  test.each([
    ['no JSON', '{"title":', 'experiment.json: It is not JSON.'],
    ['a key without a meaning', { ...base, colour: 1 }, 'Unrecognized key: "colour".'],
    [
      'an encoder of neither kind',
      { ...base, encoders: [{ name: 'a' }] },
      'encoders[0]: It needs either "file" or "train".',
    ],
    ['two encoders of one name', { ...base, encoders: [given, given] }, 'Two encoders are called "by hand".'],
    [
      'a setting without a meaning',
      { ...base, encoders: [{ name: 'a', train: { widht: 1 } }] },
      'encoders[0].train: There is no setting "widht".',
    ],
    [
      'a setting that the command refuses',
      { ...base, heatmaps: [{ method: 'tonno', directions: 1 }] },
      'It must be a whole number from 2 to 20000.',
    ],
    ['a method that is none', { ...base, heatmaps: [{ method: 'tono' }] }, 'Allowed choices are tonno'],
    [
      'an encoder beside the encoders',
      { ...base, heatmaps: [{ ...heatmaps, encoder: 'a.onnx' }] },
      'It has a setting "encoder".',
    ],
    ['a protocol that is none', { ...base, evaluation: { folds: 0 } }, 'evaluation: '],
    ['a cohort that is not there', { ...base, cohort: 'nowhere.csv' }, 'nowhere.csv: There is no such file'],
    [
      'a layer that a given encoder does not have',
      { ...base, heatmaps: [{ ...heatmaps, layer: '1,2' }] },
      'matched-filter.onnx: There is no layer 2',
    ],
    [
      'an encoder that is not there',
      { ...base, encoders: [{ name: 'a', file: 'no.onnx' }] },
      'no.onnx: There is no such file',
    ],
  ])('%s', async (_, value, message) => {
    const out = join(folder, 'refused');
    const { code, stderr, stdout } = await tonno(['experiment', write(value), '--out', out]);
    expect(stderr).toContain(message);
    expect(code).toBeGreaterThan(0);
    expect(stdout).toBe('');
    expect(existsSync(out)).toBe(false);
  });

  test('a report of what is no study', async () => {
    const { code, stderr } = await tonno(['report', folder]);
    expect(code).toBe(1);
    expect(stderr).toContain('It is no study: there is no study.json in it.');
  });
});
