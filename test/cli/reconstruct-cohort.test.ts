/** Heatmaps of the cases of a cohort: which are made, what they are called, and what is refused. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { caseStem, caseStems } from '../../src/cli/case-names.ts';
import { cohortCases } from '../../src/cli/cohort-cases.ts';
import { heatmapPaths, reconstructCases } from '../../src/cli/reconstruction.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { planMethods } from '../../src/reconstruction/methods.ts';
import { filesIn, newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { blobVolume, readJson, writeTinyCohort } from '../support/cohorts.ts';
import { MATCHED_FILTER, readVolumeFile, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const resnet = fileURLToPath(new URL('../fixtures/network/resnet10t_gn.onnx', import.meta.url));
const small = ['--size', 16, '-L', 4, '-M', 8];
const mean = ['-r', 'mean', ...small];
let table: string;
beforeAll(async () => {
  table = await writeTinyCohort(join(folder, 'tiny'), { train: 2, validation: 3 });
});

describe.concurrent('--cohort', () => {
  test.each([
    [[], ['validation-1', 'validation-2', 'validation-3']],
    [
      ['--split', 'train'],
      ['train-1', 'train-2'],
    ],
    [
      ['--split', 'all'],
      ['train-1', 'train-2', 'validation-1', 'validation-2', 'validation-3'],
    ],
  ])('%j makes heatmaps of %j', async (split, names) => {
    const out = newFolder(folder);
    const { stdout, stderr } = await succeed([
      'reconstruct',
      '--cohort',
      table,
      ...split,
      ...mean,
      '-o',
      out,
    ]);
    expect(stdout).toBe(names.map((name) => `${join(out, name)}_desc-tonno_heatmap.nii.gz\n`).join(''));
    expect(stderr).toBe('');
    expect(filesIn(out)).toHaveLength(2 * names.length);
  });

  test('gives each case what its image alone would have been given, and says whose it is', async () => {
    const [out, alone] = [newFolder(folder), newFolder(folder)];
    const options = ['-e', MATCHED_FILTER, ...small];
    await succeed(['reconstruct', '--cohort', table, ...options, '-o', out]);
    const image = join(folder, 'tiny', 'images', 'validation-2.nii.gz');
    await succeed(['reconstruct', image, ...options, '-o', alone]);
    const name = 'validation-2_desc-tonno_heatmap';
    expect((await readVolumeFile(join(out, `${name}.nii.gz`))).data).toEqual(
      (await readVolumeFile(join(alone, `${name}.nii.gz`))).data,
    );
    const [ours, theirs] = [readJson(out, `${name}.json`), readJson(alone, `${name}.json`)];
    expect(ours.case).toEqual({
      name: 'validation-2',
      cohort: table,
      images: ['images/validation-2.nii.gz'],
    });
    for (const record of [ours, theirs]) {
      for (const key of ['case', 'started', 'seconds', 'slicesPerSecond']) delete record[key];
    }
    expect(ours).toEqual(theirs);
  });

  test('joins the files of a case as its channels', async () => {
    const several = await writeTinyCohort(newFolder(folder), { train: 2, validation: 1, files: 3 });
    const out = newFolder(folder);
    await succeed(['reconstruct', '--cohort', several, ...mean, '-o', out]);
    const heatmap = await readVolumeFile(join(out, 'validation-1_desc-tonno_heatmap.nii.gz'));
    expect(heatmap.channels).toBe(3);
    expect(readJson(out, 'validation-1_desc-tonno_heatmap.json').case.images).toHaveLength(3);
  });

  test('a case that cannot be read does not cost the others their turn', async () => {
    const own = newFolder(folder);
    const broken = await writeTinyCohort(own, { train: 2, validation: 2 });
    const image = join(own, 'images', 'validation-1.nii.gz');
    writeFileSync(image, 'This is no volume.');
    const out = newFolder(folder);
    const { code, stdout, stderr } = await tonno(['reconstruct', '--cohort', broken, ...mean, '-o', out]);
    expect([code, stdout]).toEqual([1, `${join(out, 'validation-2_desc-tonno_heatmap.nii.gz')}\n`]);
    expect(stderr).toBe(
      `error: ${image}: This is not a volume of a known format but text. Give NIfTI (.nii, .nii.gz), DICOM, NRRD (.nrrd), MetaImage (.mha) or .npy.\n1 of 2 volumes failed.\n`,
    );
  });

  test('voxels that are not finite are told once, and recorded', async () => {
    const own = newFolder(folder);
    const broken = await writeTinyCohort(own, { train: 2, validation: 1 });
    const image = join(own, 'images', 'validation-1.nii.gz');
    const volume = blobVolume(1, true);
    volume.data.fill(Number.NaN, 100, 103);
    await writeVolume(image, volume);
    const out = newFolder(folder);
    const args = ['reconstruct', '--cohort', broken, ...mean, '-o', out];
    const { stderr } = await succeed([...args, '--nan', 'zero']);
    expect(stderr).toBe(`warning: ${image}: 3 voxels that were not finite are 0 now.\n`);
    expect(readJson(out, 'validation-1_desc-tonno_heatmap.json').notFiniteSetToZero).toBe(3);
  });
});

describe.concurrent('what is refused', () => {
  const refused = async (...args: (string | number)[]) => {
    const out = newFolder(folder);
    const { code, stdout, stderr } = await tonno(['reconstruct', ...args, ...mean, '-o', out]);
    expect([stdout, filesIn(out)]).toEqual(['', []]);
    return [code, stderr];
  };

  test('volumes beside a cohort, and a split without one', async () => {
    expect(await refused('scan.nii', '--cohort', table)).toEqual([
      2,
      'error: --cohort: There are volumes beside the cohort: scan.nii. Give one or the other.\n',
    ]);
    expect(await refused('scan.nii', '--split', 'train')).toEqual([
      2,
      'error: --split: Volumes that are named one by one have no split. Leave it out, or give a --cohort.\n',
    ]);
  });

  test('a cohort whose files are missing, before anything is made', async () => {
    const own = newFolder(folder);
    const lacking = await writeTinyCohort(own, { train: 2, validation: 2 });
    rmSync(join(own, 'images', 'train-1.nii.gz'));
    const [code, stderr] = await refused('--cohort', lacking, '--split', 'all');
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: ${join(own, 'images', 'train-1.nii.gz')}: There is no such file or folder. Check the path.\n`,
    );
  });

  test('a split without cases', async () => {
    const none = await writeTinyCohort(newFolder(folder), { train: 2, validation: 0 });
    expect(await refused('--cohort', none)).toEqual([
      1,
      `error: ${none}: The split validation has no case. Choose another one with --split.\n`,
    ]);
  });
});

describe('names of files', () => {
  test('are those of cases wherever a file may be called so', () => {
    expect(caseStem('sub-01_ses-2.b+c')).toBe('sub-01_ses-2.b+c');
    expect(caseStem('Müller')).toBe('Müller');
    expect(caseStem('a/b c?')).toBe('a%2Fb%20c%3F');
    expect(caseStem('..')).toBe('%2E.');
  });

  test('lead back to the case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        const stem = caseStem(name);
        expect(stem).not.toMatch(/[/\\:*?"<>|\s\p{Cc}]|^\./u);
        expect(decodeURIComponent(stem)).toBe(name);
      }),
    );
  });

  test('that differ in capitals alone are refused', () => {
    const row = { patient: 'p', split: 'train', labels: [1], images: ['a.nii'] } as const;
    const cases = [
      { ...row, name: 'A1', line: 2 },
      { ...row, name: 'a1', line: 3 },
    ];
    expect(() => caseStems(cases, 'c.csv')).toThrow(
      'c.csv, line 3: Files of case a1 would have the names of those of case A1 (line 2) wherever capitals do not count. Give one of them another name.',
    );
  });
});

describe('reconstructCases', () => {
  const run = { terminal: new Terminal(true), signal: new AbortController().signal };

  test('skips what need not be done, and says beforehand which files it will write', async () => {
    const own = join(newFolder(folder), 'new');
    mkdirSync(own);
    const cases = await cohortCases(table, { split: 'all' });
    const engineOptions = { encoder: resnet, device: 'cpu', layer: ['1', '3'], threads: 1 };
    const plans = planMethods(['tonno', 'cam'], { directions: 2, slices: 4 });
    const job = { cases, engineOptions, plans, folder: own, run };
    const heard: string[] = [];
    const { heatmaps, failed, skipped } = await reconstructCases({
      ...job,
      skip: async (name) => name !== 'train-2',
      onHeatmap: ({ heatmap }) => heard.push(heatmap),
    });
    expect(failed).toEqual([]);
    expect(skipped).toEqual(['train-1', 'validation-1', 'validation-2', 'validation-3']);
    const paths = heatmapPaths('train-2', job);
    expect(paths.map((path) => path.slice(own.length + 1))).toEqual([
      'train-2_desc-tonno_heatmap.nii.gz',
      'train-2_desc-cam_cam-layercam_layer-1_heatmap.nii.gz',
      'train-2_desc-cam_cam-layercam_layer-3_heatmap.nii.gz',
    ]);
    expect(heard).toEqual(heatmaps.map(({ heatmap }) => heatmap));
    expect([...heard].sort()).toEqual([...paths].sort());
    for (const path of paths) expect(readFileSync(path).length).toBeGreaterThan(0);
    expect(filesIn(own)).toHaveLength(6);
  });

  test('opens no encoder when there is nothing to do', async () => {
    const cases = await cohortCases(table, { split: 'train' });
    const job = { cases, engineOptions: { encoder: 'none.onnx', device: 'cpu' }, run, folder };
    const plans = planMethods(['tonno'], {});
    expect(await reconstructCases({ ...job, plans, skip: async () => true })).toEqual({
      heatmaps: [],
      failed: [],
      skipped: ['train-1', 'train-2'],
    });
  });
});
