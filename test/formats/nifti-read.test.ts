import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { decodeNifti, encodeNifti, readNiftiHeader } from '../../src/formats/nifti.ts';
import { axisCodes } from '../../src/volume/volume.ts';
import { buildNifti, failure, inPieces } from './build.ts';

const FIXTURES = new URL('../fixtures/nifti/', import.meta.url);
/** Real files, which are not part of the repository. */
const REAL = new URL('../../../shared/data/nifti/', import.meta.url);

interface Expected {
  readonly version: 1 | 2;
  readonly endian: string;
  readonly datatype: string;
  readonly channels: number;
  readonly shape: number[];
  readonly affine: number[];
  readonly axes: string;
  readonly qformCode: number;
  readonly sformCode: number;
  readonly units: number;
  readonly description: string;
}

const fixtures: Record<string, Expected & { values: (number | null)[] }> = JSON.parse(
  await readFile(new URL('expected.json', FIXTURES), 'utf8'),
);
const real: Record<string, Expected & { min: number; max: number; mean: number; notFinite: number }> =
  JSON.parse(await readFile(new URL('real.json', FIXTURES), 'utf8'));

async function expectInfo(url: URL, expected: Expected) {
  const info = await readNiftiHeader(await readFile(url), 'header');
  const { nifti, affine } = info.geometry;
  expect({ ...info, ...nifti, axes: axisCodes(info.geometry) }).toMatchObject({
    version: expected.version,
    endian: expected.endian,
    datatype: expected.datatype,
    channels: expected.channels,
    shape: expected.shape,
    axes: expected.axes,
    qformCode: expected.qformCode,
    sformCode: expected.sformCode,
    units: expected.units,
    description: expected.description.trim(),
    compressed: url.pathname.endsWith('.gz'),
    pair: false,
  });
  // The sform is stored; a qform is reckoned, in another order than nibabel's.
  expectNumbers(affine, expected.affine, expected.sformCode > 0 ? 0 : 1e-12);
}

function expectNumbers(actual: readonly number[], expected: readonly number[], tolerance: number) {
  const scale = Math.max(...expected.map(Math.abs));
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(tolerance * scale);
  });
}

describe('files made by nibabel', () => {
  test.each(Object.entries(fixtures))('%s', async (name, expected) => {
    const url = new URL(name, FIXTURES);
    await expectInfo(url, expected);
    const { volume, info, notFinite } = await decodeNifti(createReadStream(url), name, {
      nan: 'zero',
      int64: 'convert',
    });
    expect([...volume.data]).toEqual(expected.values.map((value) => value ?? 0));
    expect(notFinite).toBe(expected.values.filter((value) => value === null).length);
    expect(volume).toMatchObject({
      name,
      shape: expected.shape,
      channels: expected.channels,
      geometry: info.geometry,
    });
  });

  test('the qform does not matter beside a sform, whatever their codes', async () => {
    const { geometry, affineSource } = await readNiftiHeader(
      await readFile(new URL('qform-over-sform.nii', FIXTURES)),
      'both',
    );
    expect(affineSource).toBe('sform');
    expect(geometry.nifti.qformCode).toBeGreaterThan(geometry.nifti.sformCode);
    expect(geometry.affine.slice(0, 12)).toEqual(geometry.nifti.srow);
  });
});

const hasReal = existsSync(REAL);
describe.skipIf(!hasReal)(
  `real files${hasReal ? '' : ' (skipped: ../shared/data/nifti is not there)'}`,
  () => {
    test.each(Object.entries(real))('%s', async (path, expected) => {
      const url = new URL(path, REAL);
      await expectInfo(url, expected);
      const { volume, notFinite } = await decodeNifti(createReadStream(url), path, { nan: 'zero' });
      let [min, max, sum] = [Infinity, -Infinity, 0];
      for (const value of volume.data) {
        min = Math.min(min, value);
        max = Math.max(max, value);
        sum += value;
      }
      expect([min, max, notFinite]).toEqual([expected.min, expected.max, expected.notFinite]);
      expectNumbers([sum / volume.data.length], [expected.mean], 1e-9);
    });

    test.each([
      ['analyze.hdr', /analyze.hdr: This is an Analyze 7.5 header, which does not say which side is left\./],
      [
        'nifti1.hdr',
        /nifti1.hdr: This is the header of a .hdr\/.img pair, whose voxels are in another file\./,
      ],
      ['nifti2.hdr', /nifti2.hdr: This is the header of a .hdr\/.img pair/],
      [
        'row_major.dconn.nii',
        /: This is a CIFTI file \(intent code 3001\), a matrix over the cortex and not a vol/,
      ],
      [
        'test.mgz',
        /test.mgz: This is not a NIfTI file but MGH \(FreeSurfer\)\. Give a .nii or .nii.gz file\./,
      ],
      ['resampled_anat_moved.nii', /: 153 of its 1071 voxels are NaN or infinite in float32\. Replace them/],
    ])('%s is refused', async (name, message) => {
      const error = await failure(decodeNifti(createReadStream(new URL(`nibabel/${name}`, REAL)), name));
      expect(error).toMatchObject({ name: 'VolumeError', message: expect.stringMatching(message) });
    });

    test.each(['nifti1.hdr', 'row_major.dconn.nii'])('the header of %s can be described', async (name) => {
      const info = await readNiftiHeader(await readFile(new URL(`nibabel/${name}`, REAL)), name);
      expect(info.version).toBe(name === 'nifti1.hdr' ? 1 : 2);
    });
  },
);

describe('reading', () => {
  test('the header of a packed file takes little of it, and the source is closed', async () => {
    const data = Float32Array.from({ length: 64 ** 3 }, (_, i) => Math.sin(i * i));
    const geometry = { affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
    const bytes = await encodeNifti(
      { data, channels: 1, shape: [64, 64, 64], geometry },
      { datatype: 'float32', gzip: true },
    );
    const { source, state } = inPieces(bytes, 1024);
    const info = await readNiftiHeader(source, 'packed');
    expect(info).toMatchObject({
      shape: [64, 64, 64],
      dataBytes: 4 * 64 ** 3,
      compressed: true,
      voxOffset: 352,
    });
    expect(state.closed).toBe(true);
    expect(state.pulled * 1024).toBeLessThan(100_000);
    expect(bytes.length).toBeGreaterThan(500_000);
  });

  test('passes over extensions, and ignores what comes behind the voxels', async () => {
    const bytes = buildNifti({ extension: 64, values: [1, 2, 3, 4, 5, 6, 7, 8, 99, 99, 99] });
    const { volume, info } = await decodeNifti(bytes, 'extended');
    expect([...volume.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(volume.data.buffer.byteLength).toBe(32);
    expect(info.voxOffset).toBe(416);
  });

  test('does not keep or change the bytes it was given', async () => {
    const bytes = buildNifti({ type: 'float32', values: [1, 2, 3, Number.NaN, 5, 6, 7, 8] });
    const before = bytes.slice();
    const { volume } = await decodeNifti(bytes, 'kept', { nan: 'zero' });
    volume.data.fill(-1);
    expect(bytes).toEqual(before);
  });

  test.each([
    [{ qform_code: 1, sform_code: 0, pixdim: [0, 2, 2, 2] }, 2, 'a qfac of 0 means 1'],
    [{ qform_code: 1, sform_code: 0, pixdim: [-1, 2, 2, 2] }, -2, 'a qfac of -1 mirrors z'],
  ])('%j: %s (%s)', async (fields, z) => {
    const { geometry } = await readNiftiHeader(buildNifti({ fields }), 'qfac');
    expect(geometry.affine).toEqual([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, z, 0, 0, 0, 0, 1]);
  });

  test('a quaternion longer than 1 by rounding is a half turn', async () => {
    const fields = { qform_code: 1, sform_code: 0, quatern: [0, 0, 1 + 2 ** -23] };
    for (const version of [1, 2] as const) {
      const { volume } = await decodeNifti(buildNifti({ version, fields }), 'half turn');
      expectNumbers(volume.geometry.affine, [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], 1e-12);
    }
  });

  test.each([
    [1, 1000],
    [2, 1],
    [3, 0.001],
    [0, 1],
    [1 + 8, 1000],
  ])('unit code %i is %d mm', async (units, scale) => {
    const fields = { xyzt_units: units, srow: [2, 0, 0, 10, 0, 2, 0, 20, 0, 0, 2, 30] };
    const { geometry } = await readNiftiHeader(buildNifti({ fields }), 'units');
    expectNumbers(
      geometry.affine.slice(0, 12),
      fields.srow.map((value) => value * scale),
      1e-12,
    );
    expect(geometry.nifti.units).toBe(units);
  });

  test('text fields end at their NUL and are UTF-8', async () => {
    const bytes = buildNifti();
    bytes.set(new TextEncoder().encode('Größe\0rest'), 148);
    expect((await readNiftiHeader(bytes, 'text')).description).toBe('Größe');
  });

  test('stops at a signal', async () => {
    const signal = AbortSignal.abort(new Error('Enough.'));
    expect((await failure(decodeNifti(buildNifti(), 'stopped', { signal }))).message).toBe('Enough.');
  });
});
