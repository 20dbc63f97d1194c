/** The numbers of a folder of heatmaps: against answers that are known, against the library, and what is refused. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EvaluationCase } from '../../src/evaluation/evaluation.ts';
import { evaluate } from '../../src/evaluation/protocol.ts';
import {
  createVolume,
  type Geometry,
  type Shape,
  spacing,
  type Volume,
  voxelCount,
} from '../../src/volume/volume.ts';
import { filesIn, newFolder, start, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { readJson, writeTinyCohort } from '../support/cohorts.ts';
import { MATCHED_FILTER, oddPlacement, placed, readVolumeFile, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const shape: Shape = [9, 10, 12];
const CASES = 12;
const names = Array.from({ length: CASES }, (_, i) => `case-${i + 1}`);
const isPositive = (i: number) => i % 2 === 0;
/** What precedes `_heatmap` after a case's name. */
const NOISY = 'desc-tomographic-cam_cam-layercam_layer-2';

/** One or two boxes, each case's own. */
function truth(i: number): Uint8Array {
  const mask = new Uint8Array(voxelCount(shape));
  const fill = (d0: number, h0: number, w0: number, side: number) => {
    for (let d = d0; d < d0 + side; d++) {
      for (let h = h0; h < h0 + side; h++) {
        for (let w = w0; w < w0 + side; w++) mask[(d * shape[1] + h) * shape[2] + w] = 1;
      }
    }
  };
  if (isPositive(i)) fill(1 + (i % 3), 1, 1, 2 + (i % 2));
  if (i % 4 === 0) fill(5, 6, 7, 3);
  return mask;
}

/** Noise of the case's own, higher where the truth is. */
function noisy(i: number): Float32Array {
  let state = (i + 1) * 7919;
  return Float32Array.from(truth(i), (inside) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return 0.3 * inside + state / 2 ** 31;
  });
}

const volume = (data: ArrayLike<number>, geometry: Geometry = placed(oddPlacement)) =>
  createVolume(Float32Array.from(data), shape, { geometry });

interface Made {
  readonly root: string;
  readonly table: string;
  /** Path of a heatmap. */
  readonly heatmap: (name: string, series?: string) => string;
}

/** A cohort with masks of its positives, and its heatmaps: the masks themselves as ToNNO's, and noisy ones. */
async function make({ masks = true }: { masks?: boolean } = {}): Promise<Made> {
  const root = newFolder(folder);
  for (const one of ['masks', 'heatmaps']) mkdirSync(join(root, one));
  const heatmap = (name: string, series = 'desc-tonno') =>
    join(root, 'heatmaps', `${name}_${series}_heatmap.nii.gz`);
  const rows = ['case,patient,split,label,image,mask'];
  for (const [i, name] of names.entries()) {
    const mask = masks && isPositive(i) ? `masks/${name}.nii.gz` : '';
    // The paper's cohorts have several cases a patient.
    rows.push(`${name},patient-${i < 2 ? 0 : i},validation,${isPositive(i) ? 1 : 0},none.nii,${mask}`);
    if (mask) await writeVolume(join(root, mask), volume(truth(i)));
    await writeVolume(heatmap(name), volume(truth(i)));
    await writeVolume(heatmap(name, NOISY), volume(noisy(i)));
  }
  rows.push('other,,train,1,none.nii,');
  const table = join(root, 'cohort.csv');
  writeFileSync(table, `${rows.join('\n')}\n`);
  return { root, table, heatmap };
}

const csv = (...path: string[]): Record<string, string>[] =>
  parse(readFileSync(join(...path), 'utf8'), { columns: true });

describe('a folder of heatmaps', () => {
  let made: Made;
  let out: string;
  let stdout: string;
  let stderr: string;
  beforeAll(async () => {
    made = await make();
    out = join(made.root, 'heatmaps', 'evaluation');
    const args = ['evaluate', join(made.root, 'heatmaps'), '--cohort', made.table, '--folds', 5, '--seed', 3];
    ({ stdout, stderr } = await succeed(args));
  });
  const results = () => readJson(out, 'metrics.json').results;

  test('gives the numbers that it must where the heatmap is the mask', () => {
    expect(results()[0]).toMatchObject({ name: 'desc-tonno', title: 'ToNNO', method: 'tonno' });
    const { summary, folds } = results()[0].evaluation;
    for (const name of ['precision', 'recall', 'f1', 'dice', 'balancedAccuracy', 'auc', 'averagePrecision']) {
      expect([name, summary[name].mean, summary[name].deviation]).toEqual([name, 1, 0]);
    }
    // Halfway between the positives' 1 and the negatives' 0.
    expect(folds.map(({ high }: { high: number }) => high)).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
  });

  test('gives what the library gives, for each method on the same folds', async () => {
    const cases = names.map(
      (name, i): EvaluationCase => ({
        name,
        patient: `patient-${i < 2 ? 0 : i}`,
        label: isPositive(i) ? 1 : 0,
        load: async () => ({
          heatmap: noisy(i),
          shape,
          spacing: spacing(placed(oddPlacement)),
          ...(isPositive(i) && { mask: truth(i) }),
        }),
      }),
    );
    const expected = await evaluate(cases, { folds: 5, seed: 3 });
    const [first, second, ...others] = results();
    expect(others).toEqual([]);
    expect(second).toEqual({
      name: NOISY,
      title: 'Tomographic LayerCAM',
      method: 'tomographic-cam',
      cam: 'layercam',
      layer: '2',
      evaluation: JSON.parse(JSON.stringify(expected)),
    });
    const { dice, f1 } = expected.summary;
    expect(dice!.mean).toBeGreaterThan(0.1);
    expect(dice!.mean).toBeLessThan(1);
    expect(f1!.mean).toBeLessThan(1);
    const halves = (one: typeof first) => one.evaluation.folds.map(({ fit }: { fit: string[] }) => fit);
    expect(halves(first)).toEqual(halves(second));
  });

  test('has a row for each method, each case and each fold', () => {
    const [tonno, noise] = results();
    const methods = csv(out, 'metrics.csv');
    expect(
      methods.map(({ heatmaps, method, cam, layer, truth, cases }) => [
        heatmaps,
        method,
        cam,
        layer,
        truth,
        cases,
      ]),
    ).toEqual([
      ['desc-tonno', 'tonno', '', '', 'masks', '12'],
      [NOISY, 'tomographic-cam', 'layercam', '2', 'masks', '12'],
    ]);
    expect(methods[0]).toMatchObject({ dice_mean: '1', dice_deviation: '0', maxIou_mean: '' });
    const { mean, deviation, interval } = noise.evaluation.summary.dice;
    expect([
      methods[1].dice_mean,
      methods[1].dice_deviation,
      methods[1].dice_low,
      methods[1].dice_high,
    ]).toEqual([mean, deviation, ...interval].map(String));
    const cases = csv(out, 'cases.csv');
    expect(cases).toHaveLength(2 * CASES);
    const [first] = noise.evaluation.cases;
    expect(cases[CASES]).toMatchObject({
      heatmaps: NOISY,
      case: 'case-1',
      patient: 'patient-0',
      label: '1',
      maximum: String(first.maximum),
      called_positive: String(first.calledPositive),
      true_volume_mm3: String(first.trueVolume),
      dice: String(first.metrics.dice),
    });
    expect(cases[1]).toMatchObject({ case: 'case-2', label: '0', true_volume_mm3: '', dice: '' });
    const folds = csv(out, 'folds.csv');
    expect(folds).toHaveLength(10);
    const { high, low, metrics } = noise.evaluation.folds[4];
    expect(folds[9]).toMatchObject({
      fold: '5',
      high: String(high),
      low: String(low),
      tuned_on: String(noise.evaluation.folds[4].tunedOn.length),
      f1: String(metrics.f1),
    });
    expect(tonno.evaluation.notes).toEqual(noise.evaluation.notes);
  });

  test('says it in 80 columns, and where the files are', () => {
    const lines = stdout.trimEnd().split('\n');
    expect(Math.max(...lines.slice(0, 3).map((line) => line.length))).toBeLessThan(80);
    expect(lines[0]).toMatch(/^method +layer +Precision +Recall +F1 +Dice +BA$/);
    expect(lines[1]).toMatch(/^ToNNO +1\.00±\.00 +1\.00±\.00 +1\.00±\.00 +1\.00±\.00 +1\.00±\.00$/);
    expect(lines[2]).toMatch(/^Tomographic LayerCAM +2( +1?\.\d\d±\.\d\d){5}$/);
    const { mean, deviation } = results()[1].evaluation.summary.dice;
    expect(lines[2]).toContain(` ${mean.toFixed(2).slice(1)}±${deviation.toFixed(2).slice(1)} `);
    expect(lines.slice(3)).toEqual(
      ['metrics.csv', 'cases.csv', 'folds.csv', 'metrics.json'].map((name) => join(out, name)),
    );
    // Three positives in half of twelve cases are fewer than the five masks that A.7 has.
    expect(stderr).toMatch(/^warning: In 5 of 5 folds fewer than 5 cases with a mask tuned/);
  });

  test('is found in the folder around it as well, and told as one JSON object', async () => {
    const own = newFolder(folder);
    const args = ['evaluate', made.root, '--cohort', made.table, '--folds', 5, '--seed', 3, '-o', own];
    const { stdout } = await succeed([...args, '--json']);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      command: 'evaluate',
      cohort: { file: made.table, split: 'validation', label: 'label', cases: CASES },
      files: { metrics: join(own, 'metrics.csv') },
    });
    expect(told.results).toEqual(results());
    for (const name of filesIn(out)) {
      expect([name, readFileSync(join(own, name), 'utf8')]).toEqual([
        name,
        readFileSync(join(out, name), 'utf8'),
      ]);
    }
  });
});

describe('heatmaps of reconstruct', () => {
  test('without masks are judged by the volumes alone, which is said', async () => {
    const own = newFolder(folder);
    const table = await writeTinyCohort(own, { train: 0, validation: 8 });
    const heatmaps = join(own, 'heatmaps');
    const small = ['--size', 16, '-L', 4, '-M', 8];
    await succeed(['reconstruct', '--cohort', table, '-e', MATCHED_FILTER, ...small, '-o', heatmaps]);
    const { stdout, stderr } = await succeed(['evaluate', own, '--cohort', table]);
    expect(stderr).toContain('warning: No case has a mask or a bounding box: ');
    expect(stdout).toMatch(/^method +BA +Sensitivity +Specificity +AUC\n/);
    const [{ evaluation }] = readJson(own, 'evaluation', 'metrics.json').results;
    const maxima = await Promise.all(
      evaluation.cases.map(async ({ name }: { name: string }) => {
        const { data } = await readVolumeFile(join(heatmaps, `${name}_desc-tonno_heatmap.nii.gz`));
        return data.reduce((a, b) => Math.max(a, b));
      }),
    );
    expect(evaluation.cases.map(({ maximum }: { maximum: number }) => maximum)).toEqual(maxima);
    expect(evaluation.summary.dice).toBeUndefined();
  });

  test('that were made in different ways are told, not mixed in silence', async () => {
    const own = newFolder(folder);
    const table = await writeTinyCohort(own, { train: 0, validation: 8 });
    const all = ['reconstruct', '--cohort', table, '-r', 'mean', '--size', 16, '-M', 8, '-o', own];
    await succeed([...all, '-L', 4]);
    const one = join(own, 'images', 'validation-1.nii.gz');
    await succeed(['reconstruct', one, '-r', 'mean', '--size', 16, '-M', 8, '-o', own, '-L', 5]);
    const { stderr } = await succeed(['evaluate', own, '--cohort', table]);
    expect(stderr).toContain(
      'warning: The heatmaps desc-tonno were not all made alike: the number of directions differs.\n',
    );
  });

  test('are measured by boxes where the cohort has boxes', async () => {
    const made = await make({ masks: false });
    const rows = readFileSync(made.table, 'utf8').trimEnd().split('\n').slice(1, -1);
    const boxed = rows.map((row, i) => `${row},${isPositive(i) ? boxOf(truth(i)) : ''}`);
    writeFileSync(made.table, `case,patient,split,label,image,mask,box\n${boxed.join('\n')}\n`);
    for (const name of names) rmSync(made.heatmap(name, NOISY));
    const { stdout } = await succeed(['evaluate', made.root, '--cohort', made.table, '--masks', 2]);
    expect(stdout).toMatch(/^method +Precision +Recall +F1 +MaxIoU +BA\n/);
    const [{ evaluation }] = readJson(made.root, 'evaluation', 'metrics.json').results;
    expect(evaluation.truth).toBe('boxes');
    // Each case with one lesion has the box around it; those with two have the box around both, which none of them fills.
    for (const row of evaluation.cases) {
      const i = names.indexOf(row.name);
      if (isPositive(i) && i % 4 !== 0 && row.folds > 0)
        expect([row.name, row.metrics.maxIou]).toEqual([row.name, 1]);
      if (i % 4 === 0 && row.folds > 0) expect(row.metrics.maxIou).toBeLessThan(1);
    }
  });
});

/** The smallest box around a mask, as the cohort writes it. */
function boxOf(mask: Uint8Array): string {
  const at = [...mask.keys()].filter((voxel) => mask[voxel] !== 0);
  const [, height, width] = shape;
  return [
    (voxel: number) => Math.floor(voxel / (height * width)),
    (voxel: number) => Math.floor(voxel / width) % height,
    (voxel: number) => voxel % width,
  ]
    .map((axis) => at.map(axis))
    .map((found) => `${Math.min(...found)}:${Math.max(...found) + 1}`)
    .join(' ');
}

describe('what is refused, before any number', () => {
  let made: Made;
  beforeAll(async () => {
    made = await make();
  });

  /** Evaluates a copy of the folder that something was done to. */
  async function refused(spoil: (copy: Made) => unknown, ...more: (string | number)[]) {
    const root = newFolder(folder);
    for (const one of ['masks', 'heatmaps']) {
      mkdirSync(join(root, one));
      for (const name of filesIn(join(made.root, one)))
        copyFileSync(join(made.root, one, name), join(root, one, name));
    }
    const table = join(root, 'cohort.csv');
    copyFileSync(made.table, table);
    const heatmap = (name: string, series?: string) =>
      join(root, 'heatmaps', made.heatmap(name, series).slice(dirname(made.heatmap('')).length + 1));
    await spoil({ root, table, heatmap });
    const args = ['evaluate', root, '--cohort', table, '--folds', 2, ...more];
    const { code, stdout, stderr } = await tonno(args);
    expect(stdout).toBe('');
    expect(filesIn(join(root, 'evaluation'))).toEqual([]);
    expect(stderr).not.toContain('fault in tonno');
    return { code, stderr: stderr.replaceAll(root, 'ROOT') };
  }

  async function change(path: string, how: (volume: Volume) => Volume) {
    await writeVolume(path, how(await readVolumeFile(path)));
  }

  test('a heatmap that is missing', async () => {
    expect(await refused(({ heatmap }) => rmSync(heatmap('case-5', NOISY)))).toEqual({
      code: 1,
      stderr: `error: ROOT: Of the heatmaps ${NOISY}, 1 of 12 are missing: those of case case-5. Make them, or take the others of that name away.\n`,
    });
  });

  test('a folder without heatmaps of these cases', async () => {
    const none = await refused(({ heatmap }) => {
      for (const name of names) {
        rmSync(heatmap(name));
        rmSync(heatmap(name, NOISY));
      }
    });
    expect(none).toEqual({
      code: 1,
      stderr:
        'error: ROOT: There is no heatmap in it; looked for were names such as case-1_desc-tonno_heatmap.nii.gz. Make them with tonno reconstruct --cohort.\n',
    });
    const others = await refused(() => {}, '--split', 'train');
    expect(others.stderr).toContain(
      'ROOT: None of its 24 heatmaps is of one of the 1 cases; looked for were names such as other_desc-tonno_heatmap.nii.gz.',
    );
  });

  test('voxels that are not finite', async () => {
    const { code, stderr } = await refused(({ heatmap }) =>
      change(heatmap('case-4', NOISY), (own) => {
        own.data[7] = Number.NaN;
        return own;
      }),
    );
    expect(code).toBe(1);
    expect(stderr).toContain(
      `ROOT/heatmaps/case-4_${NOISY}_heatmap.nii.gz: 1 of its 1080 voxels are not finite.`,
    );
  });

  test('a heatmap of another shape than the mask', async () => {
    const { code, stderr } = await refused(({ heatmap }) =>
      writeVolume(
        heatmap('case-3'),
        createVolume(new Float32Array(8), [2, 2, 2], { geometry: placed(oddPlacement) }),
      ),
    );
    expect([code, stderr]).toEqual([
      1,
      'error: ROOT/heatmaps/case-3_desc-tonno_heatmap.nii.gz: It has 2 × 2 × 2 voxels, and the mask of case case-3, ROOT/masks/case-3.nii.gz, has 9 × 10 × 12. Resample image and mask to one grid and make the heatmap again.\n',
    ]);
  });

  test('a mask that lies elsewhere, flipped or shifted, but not one whose affine was rounded', async () => {
    const { srow } = oddPlacement;
    const moved = (to: readonly number[]) => (own: Volume) => ({
      ...own,
      geometry: placed({ ...oddPlacement, srow: to }),
    });
    const shifted = srow.map((value, i) => (i === 3 ? value + 0.5 : value));
    const { code, stderr } = await refused(({ root }) =>
      change(join(root, 'masks', 'case-1.nii.gz'), moved(shifted)),
    );
    expect([code, stderr]).toEqual([
      1,
      'error: ROOT/heatmaps/case-1_desc-tonno_heatmap.nii.gz: It lies elsewhere in the world than the mask of case case-1, ROOT/masks/case-1.nii.gz: voxels are up to 0.500 mm apart. Register and resample image and mask to one grid and make the heatmap again.\n',
    ]);
    const flipped = srow.map((value, i) => (i % 4 === 0 ? -value : value));
    const mirrored = await refused(({ root }) =>
      change(join(root, 'masks', 'case-1.nii.gz'), moved(flipped)),
    );
    expect(mirrored.stderr).toContain('It lies elsewhere in the world than the mask of case case-1');

    const { root, table } = await make();
    const rounded = srow.map((value, i) => (i === 3 ? value + 0.01 : value));
    await change(join(root, 'masks', 'case-1.nii.gz'), moved(rounded));
    await succeed(['evaluate', root, '--cohort', table, '--folds', 2]);
  });

  test('a mask that cannot be read', async () => {
    const text = await refused(({ root }) => writeFileSync(join(root, 'masks', 'case-3.nii.gz'), 'no mask'));
    expect([text.code, text.stderr]).toEqual([
      1,
      'error: ROOT/masks/case-3.nii.gz: This is not a volume of a known format but text. Give NIfTI (.nii, .nii.gz), DICOM, NRRD (.nrrd), MetaImage (.mha) or .npy.\n',
    ]);
    const cut = await refused(({ root }) => {
      const path = join(root, 'masks', 'case-3.nii.gz');
      writeFileSync(path, readFileSync(path).subarray(0, -20));
    });
    expect(cut.code).toBe(1);
    expect(cut.stderr).toContain('error: case-3: It cannot be loaded. ROOT/masks/case-3.nii.gz: ');
    const gone = await refused(({ root }) => rmSync(join(root, 'masks', 'case-3.nii.gz')));
    expect(gone.stderr).toBe(
      'error: ROOT/masks/case-3.nii.gz: There is no such file or folder. Check the path.\n',
    );
  });

  test('one heatmap in two places', async () => {
    const twice = await refused(({ root, heatmap }) =>
      copyFileSync(heatmap('case-2'), join(root, 'case-2_desc-tonno_heatmap.nii.gz')),
    );
    expect([twice.code, twice.stderr]).toEqual([
      1,
      'error: ROOT/heatmaps/case-2_desc-tonno_heatmap.nii.gz: It is the same heatmap of case case-2 as ROOT/case-2_desc-tonno_heatmap.nii.gz. Take one of the two away.\n',
    ]);
  });

  test('a record that is none', async () => {
    const { code, stderr } = await refused(({ heatmap }) =>
      writeFileSync(heatmap('case-2').replace('.nii.gz', '.json'), '{'),
    );
    expect([code, stderr]).toEqual([
      1,
      'error: ROOT/heatmaps/case-2_desc-tonno_heatmap.json: It is not JSON, and does not say what the heatmap beside it is. Make the heatmap again, or take the record away.\n',
    ]);
  });

  test('a box that ends behind the volume', async () => {
    const { code, stderr } = await refused(({ table }) => {
      const [header, first, ...rows] = readFileSync(table, 'utf8').trimEnd().split('\n');
      const bare = rows.map((row) => row.replace(/masks.*/, ''));
      const boxed = [
        `${header},box`,
        `${first.replace(/masks.*/, '')},0:9 0:11 0:12`,
        ...bare.map((row) => `${row},`),
      ];
      writeFileSync(table, boxed.join('\n'));
    });
    expect([code, stderr]).toEqual([
      1,
      'error: ROOT/heatmaps/case-1_desc-tonno_heatmap.nii.gz: It has 10 voxels along axis 1, and the box of case case-1 (line 2 of the cohort) ends at 11. Give the box in voxels of the image, in the order of the array’s axes.\n',
    ]);
  });

  test('a label that was not chosen, or is not there', async () => {
    const several = ({ table }: Made) =>
      writeFileSync(
        table,
        readFileSync(table, 'utf8')
          .replace('label,image', 'label:core,label:rim,image')
          .replace(/,([01]),none/g, ',$1,$1,none'),
      );
    expect(await refused(several)).toEqual({
      code: 2,
      stderr: 'error: ROOT/cohort.csv: The cohort has 2 labels. Choose one with --label: core, rim.\n',
    });
    expect((await refused(several, '--label', 'edge')).stderr).toContain('The cohort has no label "edge".');
  });
});

describe.skipIf(process.platform === 'win32')('an interruption (skipped on Windows, which has none)', () => {
  test('in the middle leaves no file', async () => {
    const { root, table } = await make();
    const out = join(root, 'evaluation');
    // Far more folds than anyone wants, so that it is still at it.
    const run = start(['evaluate', root, '--cohort', table, '--folds', 1000]);
    while (!existsSync(out) && run.process.exitCode === null) await wait(5);
    run.process.kill('SIGINT');
    const { code, stdout, stderr } = await run.outcome;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'Stopping; nothing unfinished is kept. (Once more to stop at once.)\nInterrupted by SIGINT.\n',
    );
    expect(filesIn(out)).toEqual([]);
  });
});
