import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeNpy } from '../../src/formats/npy.ts';
import { VERSION } from '../../src/version.ts';
import { filesIn, newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { relativeError } from '../support/compare.ts';
import {
  headerBytes,
  MATCHED_FILTER,
  oddPlacement,
  placed,
  placementBytes,
  readVolumeFile,
  unevenVolume,
  writeVolume,
} from '../support/volumes.ts';

const folder = temporaryFolder();
const scan = join(folder, 'scan.nii');
const small = ['--size', 16, '-L', 6, '-M', 8];
const encoder = ['-e', MATCHED_FILTER, ...small];
const kept = newFolder(folder);
const profiles = join(kept, 'scan_desc-tonno_profiles.npy');
const heatmap = join(kept, 'scan_desc-tonno_heatmap.nii.gz');
/** As files converted from LPS have it, with a qform that nobody set. */
const signedZeros = {
  ...oddPlacement,
  qformCode: 0,
  pixdim: [-1, 1.5, 2, 2.5] as const,
  quatern: [Number.NaN, -0, 0] as const,
  qoffset: [-0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const,
  srow: [-1.5, -0, 0, 31.5, -0, -2, -0, -40.25, 0, -0, 2.5, 7.75],
};

const reconstruct = (out: string, ...options: (string | number)[]) =>
  succeed(['reconstruct', scan, ...encoder, ...options, '-o', out]);
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

beforeAll(async () => {
  await writeVolume(scan, unevenVolume([12, 11, 10], placed(signedZeros)));
  const { stdout } = await reconstruct(kept, '--keep-profiles');
  expect(stdout).toBe(`${heatmap}\n${profiles}\n`);
});

describe.concurrent('kept profiles', () => {
  test('are written beside the heatmap with their record', () => {
    expect(filesIn(kept)).toEqual([
      'scan_desc-tonno_heatmap.json',
      'scan_desc-tonno_heatmap.nii.gz',
      'scan_desc-tonno_profiles.json',
      'scan_desc-tonno_profiles.npy',
    ]);
    expect(json(join(kept, 'scan_desc-tonno_profiles.json'))).toMatchObject({
      plan: { method: 'tonno', directions: 6, slices: 8, filter: 'gaussian:0.04', seed: 0 },
      directionsDone: 6,
      margin: 1,
      sliceSize: [16, 16],
      planeMeasure: 1,
      grid: { shape: [12, 11, 10] },
      heatmap: json(join(kept, 'scan_desc-tonno_heatmap.json')),
    });
  });

  test('hold one number for each direction and slice, and one slice beyond either end', () => {
    const bytes = readFileSync(profiles);
    const { shape, data } = decodeNpy(bytes, profiles);
    expect(shape).toEqual([6, 10, 1, 1, 1]);
    expect(data.every(Number.isFinite)).toBe(true);
    expect(new Set(data).size).toBeGreaterThan(30);
    // As NumPy reads it: magic, version 1.0, a dictionary of fixed length, 4 bytes a number.
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x93NUMPY\x01\x00');
    expect(bytes.subarray(10, 128).toString('latin1').trimEnd()).toBe(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 10, 1, 1, 1), }",
    );
    expect(bytes).toHaveLength(128 + 4 * 60);
  });

  test('are those of the directions done when a time limit ends it', async () => {
    const out = newFolder(folder);
    await reconstruct(out, '-L', 2000, '-M', 100, '-t', '0s', '--keep-profiles');
    const { directionsDone } = json(join(out, 'scan_desc-tonno_heatmap.json'));
    const path = join(out, 'scan_desc-tonno_profiles.npy');
    expect(directionsDone).toBeLessThan(2000);
    expect(decodeNpy(readFileSync(path), path).shape).toEqual([directionsDone, 102, 1, 1, 1]);
    const { stdout } = await succeed(['filter', path, '-f', 'gaussian:0.04']);
    const again = await readVolumeFile(stdout.trim());
    const before = await readVolumeFile(join(out, 'scan_desc-tonno_heatmap.nii.gz'));
    expect(relativeError(again.data, before.data)).toBeLessThan(1e-6);
  });

  test('of maps keep their rows and columns', async () => {
    const out = newFolder(folder);
    const pooled = ['-r', 'pooled:4', '-m', 'tomographic-cam', ...small];
    await succeed(['reconstruct', scan, ...pooled, '--keep-profiles', '-o', out]);
    const path = join(out, 'scan_desc-tomographic-cam_profiles.npy');
    expect(decodeNpy(readFileSync(path), path).shape).toEqual([6, 10, 1, 4, 4]);
    const { stdout } = await succeed(['filter', path, '-f', 'gaussian:0.04']);
    const before = await readVolumeFile(join(out, 'scan_desc-tomographic-cam_heatmap.nii.gz'));
    expect((await readVolumeFile(stdout.trim())).data).toEqual(before.data);
  });

  test('of stacks of different lengths fit in no array', async () => {
    const out = newFolder(folder);
    const cam = ['-r', 'pooled:4', '-m', 'cam-3axes', '--size', 16];
    const outcome = await tonno(['reconstruct', scan, ...cam, '--keep-profiles', '-o', out]);
    expect(outcome).toMatchObject({
      code: 2,
      stdout: '',
      stderr:
        'error: --keep-profiles: The stacks of this method have different numbers of slices, which one array cannot hold. Leave it out, or use a method with directions all over the sphere.\n',
    });
    expect(filesIn(out)).toEqual([]);
  });
});

describe.concurrent('filtering again', () => {
  test('with the same filter gives the same heatmap', async () => {
    const out = newFolder(folder);
    const { stdout, stderr } = await succeed(['filter', profiles, '-f', 'gaussian:0.04', '-o', out]);
    const path = join(out, 'scan_desc-tonno_filter-gaussian-0.04_heatmap.nii.gz');
    expect([stdout, stderr]).toEqual([`${path}\n`, '']);
    const [again, before] = [await readVolumeFile(path), await readVolumeFile(heatmap)];
    expect(again.shape).toEqual([12, 11, 10]);
    expect(relativeError(again.data, before.data)).toBeLessThan(1e-6);
    expect(filesIn(out)).toEqual([
      'scan_desc-tonno_filter-gaussian-0.04_heatmap.json',
      'scan_desc-tonno_filter-gaussian-0.04_heatmap.nii.gz',
    ]);
  });

  test.each([
    'hann:0.8',
    'second-difference',
    'none',
    'gaussian:0.2',
  ])('with %s gives what a reconstruction with it gives', async (filter) => {
    const [fresh, out] = [newFolder(folder), newFolder(folder)];
    await reconstruct(fresh, '-f', filter);
    const { stdout } = await succeed(['filter', profiles, '-f', filter, '-o', out]);
    const wanted = await readVolumeFile(join(fresh, 'scan_desc-tonno_heatmap.nii.gz'));
    expect(relativeError((await readVolumeFile(stdout.trim())).data, wanted.data)).toBeLessThan(1e-6);
  });

  test('places the heatmap where the volume was, bit for bit, although it comes through JSON', async () => {
    const out = newFolder(folder);
    const { stdout } = await succeed(['filter', profiles, '-f', 'none', '-o', out]);
    expect(placementBytes(stdout.trim())).toBe(placementBytes(scan));
    expect(headerBytes(stdout.trim()).readUInt32LE(284)).toBe(0x80000000);
  });

  test('says in record and header which filter it was, and keeps what else was recorded', async () => {
    const out = newFolder(folder);
    const { stdout } = await succeed(['filter', profiles, '-f', 'hann:0.5', '-o', out, '--json']);
    const { command, outputs } = JSON.parse(stdout);
    const before = json(join(kept, 'scan_desc-tonno_heatmap.json'));
    const record = json(outputs[0].sidecar);
    const { data } = await readVolumeFile(outputs[0].heatmap);
    expect([command, outputs.length]).toEqual(['filter', 1]);
    expect(record).toEqual({
      ...before,
      filter: 'hann:0.5',
      filteredFrom: 'scan_desc-tonno_profiles.npy',
      seconds: expect.any(Number),
      heatmap: {
        file: 'scan_desc-tonno_filter-hann-0.5_heatmap.nii.gz',
        minimum: Math.min(...data),
        maximum: Math.max(...data),
      },
    });
    const descrip = headerBytes(outputs[0].heatmap).subarray(148, 228).toString('latin1').split('\0')[0];
    expect(descrip).toBe(`tonno ${VERSION} tonno L=6 hann:0.5`);
  });
});

describe.concurrent('what cannot be filtered again', () => {
  /** A copy of the kept profiles that can be damaged. */
  function copy(): { npy: string; record: string; out: string } {
    const own = newFolder(folder);
    cpSync(kept, own, { recursive: true });
    const stem = join(own, 'scan_desc-tonno_profiles');
    return { npy: `${stem}.npy`, record: `${stem}.json`, out: newFolder(folder) };
  }

  async function refusal(npy: string, out: string, filter = 'none'): Promise<[number | null, string]> {
    const { code, stdout, stderr } = await tonno(['filter', npy, '-f', filter, '-o', out]);
    expect(stdout).toBe('');
    expect(stderr).not.toContain('    at ');
    expect(filesIn(out)).toEqual([]);
    return [code, stderr];
  }

  test('an unknown filter', async () => {
    const { npy, out } = copy();
    expect(await refusal(npy, out, 'ramp')).toEqual([
      2,
      'error: filter "ramp": There is no such filter. Filters are none, second-difference, gaussian:WIDTH, hann:WIDTH.\n',
    ]);
  });

  test('profiles that were measured without the slices beyond the ends', async () => {
    const [own, out] = [newFolder(folder), newFolder(folder)];
    await reconstruct(own, '-f', 'none', '--keep-profiles');
    const npy = join(own, 'scan_desc-tonno_profiles.npy');
    expect(decodeNpy(readFileSync(npy), npy).shape).toEqual([6, 8, 1, 1, 1]);
    expect(await refusal(npy, out, 'second-difference')).toEqual([
      2,
      `error: --filter second-difference: ${npy} has no slices beyond the ends, which this filter needs. Measure again with this filter.\n`,
    ]);
  });

  test('profiles whose record is missing', async () => {
    const { npy, record, out } = copy();
    rmSync(record);
    expect(await refusal(npy, out)).toEqual([
      1,
      `error: ${record}: There is no such file or folder. Check the path.\n`,
    ]);
  });

  test.each<[string, (record: Record<string, unknown>) => unknown, string]>([
    ['cut off', (record) => JSON.stringify(record).slice(0, 300), 'It is not JSON.'],
    ['empty', () => '', 'It is not JSON.'],
    ['null', () => null, 'It does not describe profiles.'],
    ['about something else', () => ({ name: 'sub-01' }), 'It does not describe profiles.'],
    [
      'of another run',
      (record) => ({ ...record, directionsDone: 7 }),
      'It speaks of 7 directions of 8 slices, but the array beside it is 6×10×1×1×1.',
    ],
    [
      'of another number of slices',
      (record) => ({ ...record, plan: { ...(record.plan as object), slices: 9 } }),
      'It speaks of 6 directions of 9 slices, but the array beside it is 6×10×1×1×1.',
    ],
    ['without a margin', (record) => ({ ...record, margin: undefined }), 'It does not describe profiles.'],
    [
      'of an unknown method',
      (record) => ({ ...record, plan: { ...(record.plan as object), method: 'toString' } }),
      'It does not describe profiles.',
    ],
  ])('profiles whose record is %s', async (_, damage, problem) => {
    const { npy, record, out } = copy();
    const damaged = damage(json(record));
    writeFileSync(record, typeof damaged === 'string' ? damaged : JSON.stringify(damaged));
    expect(await refusal(npy, out)).toEqual([
      1,
      `error: ${record}: ${problem.replace('NPY', npy)} Keep the .npy and the .json of one run together, unchanged.\n`,
    ]);
  });

  test('profiles that are cut off', async () => {
    const { npy, out } = copy();
    writeFileSync(npy, readFileSync(npy).subarray(0, 200));
    expect(await refusal(npy, out)).toEqual([
      1,
      `error: ${npy}: The file ends after 72 of the 240 bytes of an array (6, 10, 1, 1, 1) of float32. It was cut off: copy or write it again.\n`,
    ]);
  });

  test('a file that is no .npy', async () => {
    const out = newFolder(folder);
    expect(await refusal(heatmap, out)).toEqual([
      1,
      `error: ${heatmap}: This is not a .npy file. Save the array with numpy.save.\n`,
    ]);
  });
});
