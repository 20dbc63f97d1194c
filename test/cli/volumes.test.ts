/** What every command takes for a volume. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { resultNames } from '../../src/cli/files.ts';
import { readMask } from '../../src/cli/heatmap-file.ts';
import { readGrid, readVolume } from '../../src/cli/volumes.ts';
import { buildNifti, failure } from '../formats/build.ts';
import { items, text } from '../formats/dicom/slices.ts';
import { newFolder, temporaryFolder } from '../support/cli.ts';
import { structureSet, writeSeries } from '../support/dicom-files.ts';

const folder = temporaryFolder();
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const write = (name: string, bytes: Uint8Array | string) => {
  const path = join(newFolder(folder), name);
  writeFileSync(path, bytes);
  return path;
};

/** World of a series of `writeSeries`: DICOM's x and y have the other sign. */
const AFFINE = [-1.5, 0, 0, -5, 0, -2, 0, -7, 0, 0, 2, 11, 0, 0, 0, 1];

describe('a file', () => {
  test('is told by what is in it', async () => {
    const nifti = write('scan.nrrd', gzipSync(buildNifti()));
    expect((await readVolume(nifti)).volume).toMatchObject({ name: nifti, shape: [2, 2, 2] });
    const nrrd = join(newFolder(folder), 'scan.nii.gz');
    copyFileSync(fixture('int16.nrrd'), nrrd);
    expect((await readVolume(nrrd)).volume).toMatchObject({ name: nrrd, shape: [3, 4, 5] });
  });

  test('with voxels in another one finds it where the header lies', async () => {
    for (const header of ['detached.mhd', 'detached.nhdr', 'detached-packed.mhd']) {
      const { volume } = await readVolume(fixture(header));
      expect(volume.shape).toEqual([3, 4, 5]);
    }
    const alone = join(newFolder(folder), 'scan.mhd');
    copyFileSync(fixture('detached.mhd'), alone);
    const error = await failure(readVolume(alone));
    expect(error.message).toMatch(/detached\.raw: There is no such file or folder\. Check the path\.$/);
  });

  test('of an integer mask is a mask whatever its format', async () => {
    expect((await readMask(fixture('b1.npy'))).every((value) => value === 0 || value === 1)).toBe(true);
  });

  test('of DICOM is a volume by itself, packed or not', async () => {
    const series = writeSeries(newFolder(folder), { planes: 1, more: { '00180050': text('5', 'DS') } });
    const [name] = readdirSync(series);
    const bytes = readFileSync(join(series, name));
    const { volume, notes } = await readVolume(write('plane.dcm.gz', gzipSync(bytes)));
    expect(volume.shape).toEqual([1, 3, 4]);
    expect(notes).toEqual(['It is a single plane, 5 mm thick by its Slice Thickness.']);
  });

  test('of regions is refused with the command that makes a mask of it', async () => {
    const path = write('rs.dcm', structureSet({ GTV: { plane: 1, corners: [[0, 0]] } }));
    const error = await failure(readVolume(path));
    expect(error.message).toBe(
      `${path}: This is an RT Structure Set, which holds regions and not an image. Make a mask file of it: tonno convert FILE MASK.nii.gz --reference FOLDER_OF_ITS_SERIES.`,
    );
  });
});

describe('a folder', () => {
  test('of its series that is no plane is told of: at an end nothing else would show that it is missing', async () => {
    const own = writeSeries(newFolder(folder), { planes: 3 });
    const colour = writeSeries(newFolder(folder), {
      planes: 4,
      more: { '00280002': { vr: 'US', value: 3 } },
    });
    const last = readdirSync(colour).find((name) => !readdirSync(own).includes(name))!;
    copyFileSync(join(colour, last), join(own, last));
    const { volume, notes } = await readVolume(own);
    expect(volume.shape[0]).toBe(3);
    expect(notes).toContain(`${join(own, last)} is passed over. It is a picture in colour.`);
  });

  test('is a DICOM series, whatever else lies in it', async () => {
    const path = writeSeries(newFolder(folder));
    writeFileSync(join(path, 'notes.txt'), 'of no interest');
    writeFileSync(join(path, '.DS_Store'), 'of none either');
    mkdirSync(join(path, 'other'));
    writeSeries(join(path, 'other'), { more: { '0020000e': text('9.9', 'UI') } });
    const { volume } = await readVolume(path);
    expect(volume).toMatchObject({ name: path, channels: 1, shape: [4, 3, 4] });
    expect(volume.geometry.affine).toEqual(AFFINE);
    const values = [0, 1, 2, 3].flatMap((d) =>
      [0, 1, 2].flatMap((h) => [0, 1, 2, 3].map((w) => 100 * d + 10 * h + w)),
    );
    expect([...volume.data]).toEqual(values);
    expect(await readGrid(path)).toMatchObject({ shape: [4, 3, 4], geometry: { affine: AFFINE } });
  });

  test('with two series lists them until one is chosen', async () => {
    const path = writeSeries(newFolder(folder));
    const more = {
      '0020000e': text('9.9', 'UI'),
      '00200011': text('7', 'IS'),
      '0008103e': text('late phase'),
    };
    writeSeries(path, { planes: 2, first: 50, more });
    const error = await failure(readVolume(path));
    expect(error.message).toContain('It holds 2 series:');
    expect(error.message).toContain('9.9, number 7, MR, "late phase", 2 files');
    for (const series of ['9.9', '7', 'late']) {
      expect((await readVolume(path, { series })).volume.shape).toEqual([2, 3, 4]);
    }
  });

  test('of PET is SUV, and says so, unless that is not wanted', async () => {
    const pet = {
      '00080021': text('20260101', 'DA'),
      '00080022': text('20260101', 'DA'),
      '00080031': text('120000', 'TM'),
      '00080032': text('120000', 'TM'),
      '00101030': text('70', 'DS'),
      '00281052': text('0', 'DS'),
      '00281053': text('500', 'DS'),
      '00540016': items({
        '00181072': text('120000', 'TM'),
        '00181074': text('350000000', 'DS'),
        '00181075': text('6586.2', 'DS'),
      }),
      '00541001': text('BQML', 'CS'),
      '00541102': text('START', 'CS'),
    };
    const path = writeSeries(newFolder(folder), { modality: 'PT', more: pet });
    // 500 Bq/ml in 70 kg that were given 350 MBq this moment.
    const { volume, notes } = await readVolume(path);
    expect(volume.data[1]).toBeCloseTo((500 * 70_000) / 350e6, 6);
    expect(notes.some((note) => note.includes('SUV'))).toBe(true);
    expect((await readVolume(path, { suv: false })).volume.data[1]).toBe(500);
  });

  test('without DICOM names what there is instead', async () => {
    const path = newFolder(folder);
    for (const name of ['image', 'mask']) mkdirSync(join(path, name));
    expect((await failure(readVolume(path))).message).toBe(
      `${path}: It is a folder without DICOM files in it; folders in it (image, mask) are not looked into. Name the folder of one series, or a file.`,
    );
    const empty = newFolder(folder);
    expect((await failure(readVolume(empty))).message).toBe(
      `${empty}: It is an empty folder. Name the volumes in it, or the folder of a DICOM series.`,
    );
  });

  test('with a damaged file in it is refused by that file', async () => {
    const path = writeSeries(newFolder(folder));
    const [name] = readdirSync(path);
    writeFileSync(join(path, name), readFileSync(join(path, name)).subarray(0, 300));
    expect((await failure(readVolume(path))).message).toContain(join(path, name));
  });
});

describe('several with semicolons between them', () => {
  test('are channels of one volume, with what is to be known of each', async () => {
    const [one, two] = [fixture('little-i2.npy'), fixture('little-f4.npy')];
    const joined = await readVolume(`${one};${two}`);
    expect(joined.volume).toMatchObject({ name: `${one};${two}`, channels: 2, shape: [3, 4, 5] });
    expect(joined.notes).toEqual([
      expect.stringMatching(`${one}: A .npy file says nothing of place`),
      expect.stringMatching(`${two}: A .npy file says nothing of place`),
    ]);
    const first = (await readVolume(one)).volume.data;
    expect([...joined.volume.data.subarray(0, first.length)]).toEqual([...first]);
  });

  test('are refused when they lie elsewhere', async () => {
    const error = await failure(readVolume(`${fixture('int16.nrrd')};${fixture('little-f4.npy')}`));
    expect(error.message).toContain('It lies elsewhere in the world than');
  });

  test('are one where a file has such a name', async () => {
    const path = write('a;b.nii', buildNifti());
    expect((await readVolume(path)).volume.shape).toEqual([2, 2, 2]);
  });
});

test('names of results leave the ends of all formats away, and are a folder’s own', () => {
  const names = (...paths: string[]) => resultNames(paths);
  expect(names('a/scan.nii.gz', 'a/mr.nrrd', 'a/ct.mha', 'a/pet.npy', 'a/one.dcm.gz', 'a/two.mhd')).toEqual([
    ...['scan', 'mr', 'ct', 'pet', 'one', 'two'],
  ]);
  expect(names('patient/1.2.840.113619', 'patient/PET/')).toEqual(['1.2.840.113619', 'PET']);
  expect(names('p1/PET', 'p2/PET')).toEqual(['p1_PET', 'p2_PET']);
  expect(names('p1/ct.nii.gz;p1/pet.nii.gz')).toEqual(['ct']);
});
