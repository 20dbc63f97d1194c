/** Masks and tables of lesions: voxel by voxel and millimetre by millimetre on heatmaps made by hand. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readNiftiHeader } from '../../src/formats/nifti.ts';
import { createVolume, type Shape, type Vector, voxelCount } from '../../src/volume/volume.ts';
import { filesIn, newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { readJson } from '../support/cohorts.ts';
import { oddPlacement, placed, placementBytes, readVolumeFile, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const shape: Shape = [5, 6, 8];
const at = ([d, h, w]: Vector) => (d * shape[1] + h) * shape[2] + w;

/** One voxel; three with a corner between two of them; two that do not reach .8. All else is 0.3 or less. */
const voxels: [Vector, number][] = [
  [[1, 2, 3], 0.875],
  [[3, 3, 4], 0.5],
  [[3, 3, 5], 0.9375],
  [[4, 4, 6], 0.375],
  [[0, 0, 0], 0.75],
  [[0, 0, 1], 0.75],
  [[1, 2, 4], 0.25],
];
const lesionVoxels = voxels.slice(0, 4).map(([voxel]) => at(voxel));

/** A heatmap in a folder of its own, in an oblique and sheared grid whose first axis is flipped. */
async function heatmapFile(name = 'a_desc-tonno_heatmap.nii.gz', channels = 1): Promise<string> {
  const data = new Float32Array(channels * voxelCount(shape)).fill(0.125);
  for (const [voxel, value] of voxels) data[at(voxel)] = value;
  const path = join(newFolder(folder), name);
  await writeVolume(path, createVolume(data, shape, { channels, geometry: placed(oddPlacement) }));
  return path;
}
const thresholds = ['--high', 0.8125, '--low', 0.25];

/** |det| of oddPlacement's srow, by hand: −1.5·(2·2.5 + .5·.5) − .25·(.125·2.5 − .5·.0625) − .125·(−.0625 − .125). */
const VOXEL = 7.921875;

/** The table as numbers, a lesion a row. */
const lesionsOf = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number));

describe('one heatmap', () => {
  test('becomes a mask in its own grid, bit for bit, and nothing else changes', async () => {
    const path = await heatmapFile();
    const out = newFolder(folder);
    const { stdout, stderr } = await succeed(['segment', path, ...thresholds, '-o', out]);
    expect(stderr).toBe('');
    expect(filesIn(out)).toEqual([
      'a_desc-tonno_lesions.csv',
      'a_desc-tonno_mask.json',
      'a_desc-tonno_mask.nii.gz',
    ]);
    const mask = join(out, 'a_desc-tonno_mask.nii.gz');
    const info = await readNiftiHeader(readFileSync(mask), mask);
    expect(info).toMatchObject({ datatype: 'uint8', shape, channels: 1, slope: 1, inter: 0 });
    expect(info.geometry.nifti).toEqual(oddPlacement);
    expect(placementBytes(mask)).toBe(placementBytes(path));
    const bytes = gunzipSync(readFileSync(mask)).subarray(info.voxOffset);
    const marked = [...bytes.keys()].filter((voxel) => bytes[voxel] !== 0);
    expect(marked).toEqual([...lesionVoxels].sort((a, b) => a - b));
    expect(new Set(bytes)).toEqual(new Set([0, 1]));
    expect(stdout).toBe(
      `${[
        mask,
        join(out, 'a_desc-tonno_lesions.csv'),
        '  lesion   mm³  voxels  maximum  x mm   y mm  z mm',
        '       2  23.8       3   0.9375  24.4  -31.3  14.7',
        '       1   7.9       1   0.8750  27.4  -35.4   9.4',
      ].join('\n')}\n`,
    );
  });

  test('has a table with volumes, maxima, centres in the world and highest voxels', async () => {
    const path = await heatmapFile();
    await succeed(['segment', path, ...thresholds]);
    const table = path.replace('_heatmap.nii.gz', '_lesions.csv');
    const header = 'number,volume_mm3,voxels,maximum,x_mm,y_mm,z_mm,peak_axis0,peak_axis1,peak_axis2';
    expect(readFileSync(table, 'utf8').split('\n')[0]).toBe(header);
    const [first, second, ...others] = lesionsOf(table);
    expect(others).toEqual([]);
    // srow · (w, h, d, 1) for (d, h, w) = (1, 2, 3): −1.5·3 + .25·2 − .125·1 + 31.5, and so on.
    expect(first).toEqual([1, VOXEL, 1, 0.875, 27.375, -35.375, 9.4375, 1, 2, 3]);
    expect(second.slice(0, 4)).toEqual([2, 3 * VOXEL, 3, 0.9375]);
    expect(second.slice(7)).toEqual([3, 3, 5]);
    // The mean voxel is (d, h, w) = (10/3, 10/3, 5).
    const [d, h, w] = [10 / 3, 10 / 3, 5];
    expect(second[4]).toBeCloseTo(-1.5 * w + 0.25 * h - 0.125 * d + 31.5, 10);
    expect(second[5]).toBeCloseTo(0.125 * w + 2 * h + 0.5 * d - 40.25, 10);
    expect(second[6]).toBeCloseTo(0.0625 * w - 0.5 * h + 2.5 * d + 7.75, 10);
  });

  test('has a record with the settings, and all of it is the one JSON object', async () => {
    const path = await heatmapFile();
    const { stdout } = await succeed(['segment', path, ...thresholds, '--json']);
    const record = readJson(path.replace('_heatmap.nii.gz', '_mask.json'));
    expect(record).toMatchObject({
      heatmap: { file: path, shape, minimum: 0.125, maximum: 0.9375 },
      high: 0.8125,
      low: 0.25,
      connectivity: 26,
      mask: { file: 'a_desc-tonno_mask.nii.gz', lesions: 2, leftOut: 0, voxels: 4, volume: 4 * VOXEL },
      table: 'a_desc-tonno_lesions.csv',
    });
    const { command, outputs, failed } = JSON.parse(stdout);
    expect([command, failed]).toEqual(['segment', []]);
    expect(outputs).toHaveLength(1);
    expect(outputs[0]).toMatchObject({
      ...record,
      heatmap: path,
      mask: path.replace('_heatmap', '_mask'),
      table: path.replace('_heatmap.nii.gz', '_lesions.csv'),
    });
    expect(outputs[0].lesions.map(({ voxels }: { voxels: number }) => voxels)).toEqual([1, 3]);
  });

  test('loses what hangs on by a corner where corners do not count', async () => {
    const path = await heatmapFile();
    await succeed(['segment', path, ...thresholds, '--connectivity', 18]);
    const sizes = lesionsOf(path.replace('_heatmap.nii.gz', '_lesions.csv')).map(([, , size]) => size);
    expect(sizes).toEqual([1, 2]);
  });

  test('loses lesions of less than a volume, and says how many', async () => {
    const path = await heatmapFile();
    const args = ['segment', path, ...thresholds, '--min-volume'];
    await succeed([...args, VOXEL + 0.001]);
    const table = path.replace('_heatmap.nii.gz', '_lesions.csv');
    expect(lesionsOf(table).map(([number, , size]) => [number, size])).toEqual([[1, 3]]);
    expect(readJson(path.replace('_heatmap.nii.gz', '_mask.json')).mask).toMatchObject({
      lesions: 1,
      leftOut: 1,
    });
    await succeed([...args, VOXEL]);
    expect(lesionsOf(table)).toHaveLength(2);
  });

  test('without a lesion becomes an empty mask and a header', async () => {
    const path = await heatmapFile();
    const { stdout } = await succeed(['segment', path, '--high', 0.9375, '--low', 0.3]);
    expect(stdout).toContain('\n  no lesion; the heatmap’s maximum is 0.9375\n');
    const mask = await readVolumeFile(path.replace('_heatmap', '_mask'));
    expect(mask.data.every((value) => value === 0)).toBe(true);
    expect(lesionsOf(path.replace('_heatmap.nii.gz', '_lesions.csv'))).toEqual([]);
  });
});

describe('several heatmaps', () => {
  test('of one name in folders of their own are told apart in one folder', async () => {
    const [one, two] = [await heatmapFile(), await heatmapFile()];
    const out = newFolder(folder);
    await succeed(['segment', one, two, ...thresholds, '-o', out]);
    expect(filesIn(out).filter((name) => name.endsWith('_mask.nii.gz'))).toHaveLength(2);
    await succeed(['segment', one, two, ...thresholds]);
    for (const path of [one, two]) expect(existsSync(path.replace('_heatmap', '_mask'))).toBe(true);
  });

  test('whose results would have one name are refused before anything is written', async () => {
    const path = await heatmapFile();
    const twin = path.replace('_heatmap', '');
    copyFileSync(path, twin);
    const { code, stderr } = await tonno(['segment', path, twin, ...thresholds]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .*Its results would have the same names as those of /);
    expect(filesIn(join(path, '..'))).toHaveLength(2);
  });

  test('one that cannot be used does not cost the others their turn', async () => {
    const [good, bad] = [await heatmapFile(), await heatmapFile('b_heatmap.nii', 2)];
    const { code, stderr } = await tonno(['segment', bad, good, ...thresholds]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: ${bad}: It has 2 channels; a heatmap of one finding has one. Write the channel that is meant to a file of its own.\n1 of 2 heatmaps failed.\n`,
    );
    expect(filesIn(join(bad, '..'))).toEqual(['b_heatmap.nii']);
    expect(filesIn(join(good, '..'))).toHaveLength(4);
  });
});

describe.concurrent('what is refused', () => {
  test.each([
    [0.5, 0.5],
    [-1, 0],
  ])('--high %d with --low %d', async (high, low) => {
    const path = await heatmapFile();
    const { code, stdout, stderr } = await tonno(['segment', path, `--high=${high}`, `--low=${low}`]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      `error: --low ${low}: It is not below --high ${high}. A lesion reaches above the high threshold and ends at the low one.\n`,
    );
    expect(filesIn(join(path, '..'))).toHaveLength(1);
  });

  test('voxels that are not finite', async () => {
    const path = await heatmapFile();
    const volume = await readVolumeFile(path);
    volume.data.set([Number.NaN, Number.POSITIVE_INFINITY], 7);
    await writeVolume(path, volume);
    const { code, stderr } = await tonno(['segment', path, ...thresholds]);
    expect([code, stderr]).toEqual([
      1,
      `error: ${path}: 2 of its 240 voxels are not finite. No threshold can be laid on them: make the heatmap again.\n`,
    ]);
    expect(filesIn(join(path, '..'))).toHaveLength(1);
  });

  test('a mask in the way that was not made here', async () => {
    const path = await heatmapFile();
    const drawn = path.replace('_heatmap', '_mask');
    writeFileSync(drawn, 'drawn by hand');
    const { code, stderr } = await tonno(['segment', path, ...thresholds]);
    expect([code, stderr]).toEqual([
      1,
      `error: ${drawn}: It is there already, without a a_desc-tonno_mask.json that says how it was made. Give another folder with --out.\n`,
    ]);
    expect(readFileSync(drawn, 'utf8')).toBe('drawn by hand');
    const out = join(newFolder(folder), 'new');
    mkdirSync(out);
    await succeed(['segment', path, ...thresholds, '-o', out]);
    // Made once, it may be made again.
    await succeed(['segment', path, ...thresholds, '-o', out]);
  });

  test.each([
    [['--high', 'x', '--low', 0], 'It must be a number.'],
    [['--high', 1], "required option '--low <value>' not specified"],
    [['--high', 1, '--low', 0, '--connectivity', 7], 'It must be 6 (faces), 18 (edges as well) or 26'],
    [['--high', 1, '--low', 0, '--min-volume', 0], 'It must be a number above 0.'],
  ])('%j', async (args, message) => {
    const { code, stderr } = await tonno(['segment', 'x.nii', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
