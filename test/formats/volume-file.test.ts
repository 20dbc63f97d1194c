/** Files of all formats through the one function that recognises them, against what their own libraries read. */
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { DecodedVolume } from '../../src/formats/decoding.ts';
import { decodeVolume, readVolumeGrid, recogniseFormat } from '../../src/formats/volume-file.ts';
import { buildNifti, failure, inPieces } from './build.ts';

const FIXTURES = new URL('../fixtures/formats/', import.meta.url);
/** Real files, which are not part of the repository. */
const REAL = new URL('../../../shared/data/', import.meta.url);
const absent = !existsSync(REAL);

interface Expected {
  readonly affine: number[];
  readonly channels: number;
  readonly shape: number[];
}
interface RealFacts extends Expected {
  readonly minimum: number;
  readonly maximum: number;
  readonly sum: number;
  readonly notFinite: number;
  readonly probes: [place: number[], value: number][];
}

const read = async (name: string) => JSON.parse(await readFile(new URL(name, FIXTURES), 'utf8'));
const fixtures: Record<string, Expected & { values: number[] }> = await read('expected.json');
const real: Record<string, RealFacts | null> = await read('real.json');

const options = {
  int64: 'convert',
  companion: async (name: string) => createReadStream(new URL(name, FIXTURES)),
} as const;

function expectPlace({ volume }: DecodedVolume, { affine, channels, shape }: Expected) {
  expect(volume).toMatchObject({ channels, shape });
  const scale = Math.max(...affine.map(Math.abs));
  const off = volume.geometry.affine.map((value, i) => Math.abs(value - affine[i]) / scale);
  // The libraries reckon with directions and spacings, in another order.
  expect(Math.max(...off)).toBeLessThan(1e-12);
}

describe('files made by SimpleITK, NumPy and by hand', () => {
  test.each(Object.entries(fixtures))('%s', async (name, expected) => {
    const url = new URL(name, FIXTURES);
    const decoded = await decodeVolume(createReadStream(url), name, options);
    expectPlace(decoded, expected);
    expect(decoded.volume.name).toBe(name);
    expect([...decoded.volume.data]).toEqual(expected.values.map((value) => Math.fround(value)));
    // Nothing depends on the name, the pieces that bytes come in, or gzip around the whole.
    const bytes = await readFile(url);
    for (const source of [inPieces(bytes, 7).source, gzipSync(bytes)]) {
      expect((await decodeVolume(source, name, options)).volume).toEqual(decoded.volume);
    }
    const { volume } = decoded;
    expect(await readVolumeGrid(bytes, name, options)).toMatchObject({
      channels: volume.channels,
      shape: volume.shape,
      affine: volume.geometry.affine,
    });
  });

  test('a file without a place says how it was taken', async () => {
    const notes = async (name: string) =>
      (await decodeVolume(await readFile(new URL(name, FIXTURES)), name, options)).notes;
    expect(await notes('int16.nrrd')).toEqual([]);
    expect(await notes('int16.mha')).toEqual([]);
    expect(await notes('spacings.nrrd')).toEqual([
      'It does not say how it lies in the world: its axes are taken to go left, posterior and superior, as ITK and 3D Slicer take them.',
    ]);
    expect(await notes('channels.npy')).toEqual([
      'A .npy file says nothing of place and spacing: its axes are taken as superior, anterior and right, its voxels as cubes of 1 mm.',
    ]);
  });
});

/** Real files that cannot become volumes, and what is said of them. */
const REFUSED: Readonly<Record<string, string>> = {
  'nifti/nibabel/analyze.hdr': 'This is an Analyze 7.5 header, which does not say which side is left.',
  'nifti/nibabel/nifti1.hdr': 'This is the header of a .hdr/.img pair, whose voxels are in another file.',
  'nifti/nibabel/nifti2.hdr': 'This is the header of a .hdr/.img pair, whose voxels are in another file.',
  'nifti/nibabel/row_major.dconn.nii': 'This is a CIFTI file (intent code 3001)',
  'nifti/nibabel/test.mgz': 'This is not a volume of a known format but gzip of MGH (FreeSurfer).',
};

describe.skipIf(absent)('real files (skipped where ../shared/data is absent)', () => {
  test.each(Object.entries(real))('%s', async (name, expected) => {
    const source = createReadStream(new URL(name, REAL));
    if (expected === null) {
      const error = await failure(decodeVolume(source, name));
      expect(error).toMatchObject({
        name: 'VolumeError',
        problem: expect.stringContaining(REFUSED[name]),
        remedy: expect.stringMatching(/\.$/),
      });
      return;
    }
    const decoded = await decodeVolume(source, name, { nan: 'zero' });
    expectPlace(decoded, expected);
    expect(decoded.notFinite).toBe(expected.notFinite);
    const { data, shape } = decoded.volume;
    const [depth, height, width] = shape;
    for (const [[c, d, h, w], value] of expected.probes) {
      expect(data[((c * depth + d) * height + h) * width + w]).toBe(value);
    }
    let sum = 0;
    let [minimum, maximum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of data) {
      sum += value;
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
    }
    if (expected.notFinite === 0) expect([minimum, maximum]).toEqual([expected.minimum, expected.maximum]);
    expect(Math.abs(sum - expected.sum)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected.sum)));
  });

  test('all that are refused are', () => {
    const refused = Object.entries(real).filter(([, facts]) => facts === null);
    expect(refused.map(([name]) => name).sort()).toEqual(Object.keys(REFUSED).sort());
  });
});

describe('what is no volume is told what it looks like', () => {
  const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const mgh = new Uint8Array(400);
  [1, 4, 5, 6, 1, 3].forEach((value, i) => {
    new DataView(mgh.buffer).setInt32(4 * i, value);
  });
  const tar = new Uint8Array(512).fill(0x61, 0, 9);
  tar.set(bytes('ustar'), 257);
  const WANTED = 'Give NIfTI (.nii, .nii.gz), DICOM, NRRD (.nrrd), MetaImage (.mha) or .npy.';

  test.each([
    ['nothing', new Uint8Array(0), 'The file is empty. Copy or download it again.'],
    ['a PNG', bytes('\x89PNG\r\n\x1a\n'), 'but a PNG image. A picture is one slice'],
    ['a JPEG', bytes('\xff\xd8\xff\xe0'), 'but a JPEG image.'],
    ['a TIFF', bytes('II*\0abc'), 'but a TIFF image.'],
    ['a zip', bytes('PK\x03\x04'), 'but a ZIP archive. Unpack it, and give the files in it.'],
    ['HDF5', bytes('\x89HDF\r\n\x1a\n'), 'but HDF5. Where it is MINC, convert it with mnc2nii'],
    ['MINC 1', bytes('CDF\x01\0\0\0\0'), 'but NetCDF. Where it is MINC'],
    ['MGH', mgh, 'but MGH (FreeSurfer). Convert it with mri_convert FILE OUT.nii.gz.'],
    ['MGZ', gzipSync(mgh), 'but gzip of MGH (FreeSurfer).'],
    ['a packed archive', gzipSync(tar), 'but gzip of a tar archive. Unpack it'],
    ['gzip of nothing', gzipSync(new Uint8Array(0)), 'but gzip of an empty file.'],
    ['gzip of noise', gzipSync(Uint8Array.of(1, 2, 3, 200)), 'but gzip of something else.'],
    ['a pointer', bytes('version https://git-lfs.github.com/spec/v1\n'), 'git lfs pull'],
    ['a web page', bytes('<!DOCTYPE html><html>'), 'but a web page. Download the file itself.'],
    ['zeros', new Uint8Array(1000), 'but nothing but zeros.'],
    ['text', bytes('subject,age\n'), `but text. ${WANTED}`],
    ['noise', Uint8Array.of(1, 2, 3, 200), `This is not a volume of a known format. ${WANTED}`],
  ])('%s', async (_, file, sentence) => {
    const error = await failure(decodeVolume(file, 'scan'));
    expect(error.name).toBe('VolumeError');
    expect(error.message).toContain(sentence);
  });

  test('an Analyze header is refused as one', async () => {
    const error = await failure(decodeVolume(buildNifti({ magic: '\0\0\0\0' }), 'scan.hdr'));
    expect(error.message).toContain('Analyze 7.5');
  });
});

test('formats are recognised by their first bytes', async () => {
  const head = async (name: string) => (await readFile(new URL(name, FIXTURES))).subarray(0, 352);
  expect(recogniseFormat(await head('int16.nrrd'))).toBe('nrrd');
  expect(recogniseFormat(await head('detached.nhdr'))).toBe('nrrd');
  expect(recogniseFormat(await head('int16.mha'))).toBe('metaimage');
  expect(recogniseFormat(await head('big-f4.npy'))).toBe('npy');
  expect(recogniseFormat(buildNifti())).toBe('nifti');
  expect(recogniseFormat(buildNifti({ version: 2, little: false }))).toBe('nifti');
  expect(recogniseFormat(gunzipSync(gzipSync('text')))).toBeUndefined();
});
