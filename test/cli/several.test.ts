/** Several volumes in one call, and what goes to stdout and what to stderr. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { filesIn, newFolder, start, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { MATCHED_FILTER, readVolumeFile, unevenVolume, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const small = ['--size', 16, '-L', 6, '-M', 8];
const mean = ['-r', 'mean', ...small];
const first = join(folder, 'case_1', 'image.nii.gz');
const second = join(folder, 'case_2', 'image.nii.gz');
const bad = join(folder, 'case_3', 'image.nii.gz');

beforeAll(async () => {
  for (const name of ['case_1', 'case_2', 'case_3']) mkdirSync(join(folder, name));
  await writeVolume(first, unevenVolume([12, 11, 10]));
  await writeVolume(second, unevenVolume([7, 8, 9]));
  writeFileSync(bad, 'This is no volume.');
});

test('volumes of the same name in different folders get results of different names', async () => {
  const out = newFolder(folder);
  const { stdout, stderr } = await succeed(['reconstruct', first, second, ...mean, '-o', out]);
  expect(stdout.split('\n')).toEqual([
    join(out, 'case_1_image_desc-tonno_heatmap.nii.gz'),
    join(out, 'case_2_image_desc-tonno_heatmap.nii.gz'),
    '',
  ]);
  expect(stderr).toBe('');
  expect(filesIn(out)).toEqual([
    'case_1_image_desc-tonno_heatmap.json',
    'case_1_image_desc-tonno_heatmap.nii.gz',
    'case_2_image_desc-tonno_heatmap.json',
    'case_2_image_desc-tonno_heatmap.nii.gz',
  ]);
  const shapes = stdout
    .trim()
    .split('\n')
    .map(async (path) => (await readVolumeFile(path)).shape);
  expect(await Promise.all(shapes)).toEqual([
    [12, 11, 10],
    [7, 8, 9],
  ]);
});

test('two inputs that nothing tells apart are refused before one overwrites the other', async () => {
  const out = newFolder(folder);
  const unpacked = join(folder, 'case_1', 'image.nii');
  await writeVolume(unpacked, unevenVolume([7, 8, 9]));
  for (const twin of [unpacked, first]) {
    expect(await tonno(['reconstruct', first, twin, ...mean, '-o', out])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `error: ${twin}: Its results would have the same names as those of ${first}. Give the two in separate calls, with an --out of their own.\n`,
    });
  }
  expect(filesIn(out)).toEqual([]);
});

describe.concurrent('a bad volume among good ones', () => {
  const refusal = `${bad}: This is not a volume of a known format but text. Give NIfTI (.nii, .nii.gz), DICOM, NRRD (.nrrd), MetaImage (.mha) or .npy.`;

  test('does not cost the others their turn', async () => {
    const out = newFolder(folder);
    const outcome = await tonno(['reconstruct', first, bad, second, ...mean, '-o', out]);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout.split('\n')).toEqual([
      join(out, 'case_1_image_desc-tonno_heatmap.nii.gz'),
      join(out, 'case_2_image_desc-tonno_heatmap.nii.gz'),
      '',
    ]);
    expect(outcome.stderr).toBe(`error: ${refusal}\n1 of 3 volumes failed.\n`);
    expect(filesIn(out)).toHaveLength(4);
  });

  test('is one entry of the one JSON object on stdout', async () => {
    const out = newFolder(folder);
    const args = ['reconstruct', first, bad, '-e', MATCHED_FILTER, ...small, '-o', out, '--json'];
    const { code, stdout, stderr } = await tonno(args);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual(['command', 'outputs', 'failed']);
    expect(result.failed).toEqual([{ volume: bad, error: refusal }]);
    expect(result.outputs).toHaveLength(1);
    expect(result.outputs[0]).toMatchObject({
      volume: first,
      heatmap: join(out, 'case_1_image_desc-tonno_heatmap.nii.gz'),
      sidecar: join(out, 'case_1_image_desc-tonno_heatmap.json'),
      method: 'tonno',
      directionsDone: 6,
      device: 'cpu',
    });
    expect(stderr).toMatch(/^matched-filter\.onnx: .*\nerror: .*\n1 of 2 volumes failed\.\n$/);
  });

  test('a wrong option is wrong for all of them, so none is begun', async () => {
    const out = newFolder(folder);
    const { code, stderr } = await tonno(['reconstruct', first, second, ...mean, '-f', 'hann:2', '-o', out]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'error: filter "hann:2": A cut-off above 1 lies beyond the highest frequency. Filters are none, second-difference, gaussian:WIDTH, hann:WIDTH.\n',
    );
    expect(filesIn(out)).toEqual([]);
  });
});

test('--json may stand before the name of the command or behind it', async () => {
  for (const [before, behind] of [
    [['--json'], []],
    [[], ['--json']],
  ]) {
    const out = newFolder(folder);
    const { stdout } = await succeed([...before, 'reconstruct', first, ...mean, '-o', out, ...behind]);
    expect(JSON.parse(stdout).outputs).toHaveLength(1);
  }
});

describe.concurrent('without work to do', () => {
  test('help and version go to stdout and are no failure', async () => {
    const help = await succeed(['reconstruct', '--help']);
    expect(help.stdout).toContain('Usage: tonno reconstruct [options] <volume...>');
    expect(help.stdout).toContain('paper     L = 2000 (1000 on maps), M = 100, second-difference');
    expect(help.stderr).toBe('');
    expect((await succeed(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [[], 'Usage: tonno [options] [command]'],
    [['reconstrct', 'x.nii'], "error: unknown command 'reconstrct'"],
    [
      ['reconstruct'],
      'error: reconstruct: There is nothing to make heatmaps of. Name volumes, or give a --cohort.',
    ],
    [['reconstruct', 'x.nii', '--sise', '3'], "error: unknown option '--sise'"],
    [['filter', 'x.npy'], "error: required option '-f, --filter <name>' not specified"],
  ])('%j is wrong usage', async (args, message) => {
    const { code, stdout, stderr } = await tonno(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });
});

test('whoever stops reading stdout does not stop the work', async () => {
  const out = newFolder(folder);
  const run = start(['reconstruct', first, second, ...mean, '-o', out]);
  run.process.stdout!.destroy();
  expect(await run.outcome).toMatchObject({ code: 0, stderr: '' });
  expect(filesIn(out)).toHaveLength(4);
});

test.skipIf(process.platform !== 'linux')(
  'a result that cannot be printed is a failure (skipped where there is no /dev/full)',
  async () => {
    const { code, stderr } = await tonno(['info', first], {
      through: ['sh', '-c', 'exec "$@" > /dev/full', 'sh'],
    });
    expect(code).toBe(1);
    expect(stderr).toBe('error: stdout: The disk is full. Make room or choose another place with --out.\n');
  },
);

test('one bad volume alone: the object on stdout says so as well', async () => {
  const out = newFolder(folder);
  const { code, stdout, stderr } = await tonno(['reconstruct', bad, ...mean, '-o', out, '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ outputs: [], failed: [{ volume: bad }] });
  expect(stderr).not.toContain('volumes failed');
});

test('one bad profiles file does not cost the others their turn', async () => {
  const out = newFolder(folder);
  const kept = await succeed(['reconstruct', first, ...mean, '-o', out, '--keep-profiles']);
  const [, npy] = kept.stdout.trim().split('\n');
  const again = newFolder(folder);
  const { code, stdout } = await tonno(['filter', bad, npy, '-f', 'hann:0.5', '-o', again, '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    outputs: [{ filter: 'hann:0.5' }],
    failed: [{ profiles: bad }],
  });
  expect(filesIn(again)).toHaveLength(2);
});
