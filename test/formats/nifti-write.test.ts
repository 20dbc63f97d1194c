import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeNifti, encodeNifti, readNiftiHeader } from '../../src/formats/nifti.ts';
import { createVolume, type Volume } from '../../src/volume/volume.ts';
import { buildNifti, failure } from './build.ts';

const FIXTURES = new URL('../fixtures/nifti/', import.meta.url);
const IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const float32 = { datatype: 'float32' } as const;

/** Where the fields that place the voxels lie, in bytes. */
const PLACEMENT = {
  1: [
    [76, 92],
    [123, 124],
    [252, 328],
  ],
  2: [
    [104, 136],
    [344, 496],
    [500, 504],
  ],
} as const;

async function rewritten(bytes: Uint8Array): Promise<Uint8Array> {
  const { volume } = await decodeNifti(bytes, 'input', { nan: 'zero', int64: 'convert' });
  return encodeNifti(volume, float32);
}

function placementBytes(bytes: Uint8Array, version: 1 | 2): number[][] {
  return PLACEMENT[version].map(([start, end]) => [...bytes.subarray(start, end)]);
}

describe('geometry.nifti', () => {
  test.each([
    'int16-sform.nii',
    'float64-v2.nii',
    'int16-scaled.nii.gz',
    'qform-only.nii',
    'qform-over-sform.nii',
    'sheared.nii',
    'channels-4d.nii.gz',
    'no-form.nii',
    'micrometres.nii',
  ])('%s: is written back bit for bit', async (name) => {
    const file = await readFile(new URL(name, FIXTURES));
    const input = file[0] === 0x1f ? gunzipSync(file) : file;
    const { version } = await readNiftiHeader(input, name);
    const output = await rewritten(input);
    expect(placementBytes(output, version)).toEqual(placementBytes(input, version));
    expect((await readNiftiHeader(output, name)).version).toBe(version);
  });

  test('any bits come back, with both versions', async () => {
    const float = fc.float({ noNaN: true, noDefaultInfinity: true });
    const floats = (length: number) => fc.array(float, { minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1 as const, 2 as const),
        floats(4),
        floats(6),
        floats(3),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 255 }),
        async (version, pixdim, quatern, offsets, qformCode, units) => {
          const input = buildNifti({
            version,
            fields: {
              pixdim,
              quatern,
              qform_code: qformCode,
              sform_code: 4,
              xyzt_units: units,
              srow: [-2, -0, 0.1, offsets[0], 0, 2, 0, offsets[1], 0, 0, 2, offsets[2]],
            },
          });
          expect(placementBytes(await rewritten(input), version)).toEqual(placementBytes(input, version));
        },
      ),
      { numRuns: 100 },
    );
  });

  test.each([
    'int16-big.nii',
    'float32-big.nii.gz',
    'uint16-v2-big.nii.gz',
  ])('%s: is written back value for value, in little-endian', async (name) => {
    const input = await readFile(new URL(name, FIXTURES));
    const before = await readNiftiHeader(input, name);
    const after = await readNiftiHeader(await rewritten(input), name);
    expect(after.geometry).toEqual(before.geometry);
    expect([before.endian, after.endian]).toEqual(['big', 'little']);
  });

  test('an axis too long for NIfTI-1 makes the file NIfTI-2 in the same place', async () => {
    const { volume } = await decodeNifti(await readFile(new URL('qform-only.nii', FIXTURES)), 'short');
    const long = createVolume(new Float32Array(32768), [1, 1, 32768], { geometry: volume.geometry });
    const info = await readNiftiHeader(await encodeNifti(long, float32), 'long');
    expect(info).toMatchObject({ version: 2, shape: [1, 1, 32768] });
    expect(info.geometry.nifti).toEqual({ ...volume.geometry.nifti, version: 2 });
    const fits = createVolume(new Float32Array(32767), [1, 1, 32767], { geometry: volume.geometry });
    expect((await readNiftiHeader(await encodeNifti(fits, float32), 'fits')).version).toBe(1);
  });

  test('that does not agree with the affine is refused', async () => {
    const { volume } = await decodeNifti(buildNifti(), 'input');
    const moved = volume.geometry.affine.with(3, 7);
    const stale = { ...volume, geometry: { ...volume.geometry, affine: moved } };
    expect(await failure(encodeNifti(stale, float32))).toMatchObject({
      name: 'RangeError',
      message:
        'The NIfTI fields of this geometry place its voxels elsewhere than its affine; leave them out when the affine changes.',
    });
  });
});

describe('a volume that never was NIfTI', () => {
  const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
  const size = fc.double({ min: 0.1, max: 10, noNaN: true });
  const offset = fc.double({ min: -500, max: 500, noNaN: true });

  /** Row-major rotation about z, y, x in turn, times zooms, of which one may be negative. */
  function affineOf([a, b, c]: number[], [x, y, z]: number[], offsets: number[]): number[] {
    const [ca, sa, cb, sb, cc, sc] = [a, b, c].flatMap((t) => [Math.cos(t), Math.sin(t)]);
    const r = [
      [ca * cb, ca * sb * sc - sa * cc, ca * sb * cc + sa * sc],
      [sa * cb, sa * sb * sc + ca * cc, sa * sb * cc - ca * sc],
      [-sb, cb * sc, cb * cc],
    ];
    return [...r.flatMap((row, i) => [row[0] * x, row[1] * y, row[2] * z, offsets[i]]), 0, 0, 0, 1];
  }

  /** The same file, read as if it had no sform. */
  function withoutSform(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    copy[254] = 0;
    return copy;
  }

  test('gets a sform, and a qform that says the same of any rotation with zooms', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(angle, angle, angle),
        fc.tuple(size, size, size),
        fc.tuple(offset, offset, offset),
        fc.constantFrom(1, -1),
        async (angles, sizes, offsets, side) => {
          const affine = affineOf(angles, [side * sizes[0], sizes[1], sizes[2]], offsets);
          const volume = createVolume(new Float32Array(1), [1, 1, 1], { geometry: { affine } });
          const bytes = await encodeNifti(volume, float32);
          const info = await readNiftiHeader(bytes, 'both');
          expect(info.geometry.nifti).toMatchObject({ qformCode: 2, sformCode: 2, units: 2, version: 1 });
          const { geometry, affineSource } = await readNiftiHeader(withoutSform(bytes), 'qform');
          expect(affineSource).toBe('qform');
          affine.forEach((value, i) => {
            expect(info.geometry.affine[i]).toBe(Math.fround(value) + 0);
            // The fourth component of a quaternion is the root of a float32 difference.
            expect(Math.abs(geometry.affine[i] - value)).toBeLessThan(0.01);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test.each([
    ['identity', IDENTITY],
    ['half turn about x', [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]],
    ['half turn about y', [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]],
    ['half turn about z', [-2, 0, 0, 9, 0, -2, 0, 9, 0, 0, 3, 9, 0, 0, 0, 1]],
    ['mirrored', [-2, 0, 0, 9, 0, 2, 0, 9, 0, 0, 3, 9, 0, 0, 0, 1]],
    ['sagittal', [0, 0, 2, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1]],
    ['turned inside out', [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]],
  ])('%s: the qform is exact', async (_, affine) => {
    const volume = createVolume(new Float32Array(1), [1, 1, 1], { geometry: { affine } });
    const { geometry } = await readNiftiHeader(withoutSform(await encodeNifti(volume, float32)), 'qform');
    affine.forEach((value, i) => {
      expect(geometry.affine[i]).toBeCloseTo(value, 6);
    });
  });

  test('with sheared axes has a sform only', async () => {
    const affine = [1, 0.2, 0, 5, 0, 1, 0, 6, 0, 0, 2, 7, 0, 0, 0, 1];
    const volume = createVolume(new Float32Array(1), [1, 1, 1], { geometry: { affine } });
    const { geometry } = await readNiftiHeader(await encodeNifti(volume, float32), 'sheared');
    expect(geometry.nifti).toMatchObject({ qformCode: 0, sformCode: 2 });
    expect(geometry.affine).toEqual(affine.map(Math.fround));
    expect(geometry.nifti.pixdim).toEqual([1, 1, Math.fround(Math.hypot(0.2, 1)), 2]);
  });

  test.each([
    ['singular', [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]],
    ['not finite', IDENTITY.with(3, Number.NaN)],
    ['too short', [1]],
  ])('and whose affine is %s is refused', async (_, affine) => {
    const volume = createVolume(new Float32Array(1), [1, 1, 1], { geometry: { affine } });
    expect(await failure(encodeNifti(volume, float32))).toMatchObject({
      name: 'RangeError',
      message: `No voxels can be placed by the affine [${affine.join(', ')}].`,
    });
  });
});

describe('the file', () => {
  const data = Float32Array.from({ length: 2 * 3 * 4 * 5 }, (_, i) => i);
  const volume: Volume = createVolume(data, [3, 4, 5], { channels: 2 });

  test('has the fields that nifti1.h asks for', async () => {
    const bytes = await encodeNifti(volume, { datatype: 'float32', description: 'a heatmap' });
    const view = new DataView(bytes.buffer);
    const shorts = (at: number, count: number) =>
      Array.from({ length: count }, (_, i) => view.getInt16(at + 2 * i, true));
    expect(view.getInt32(0, true)).toBe(348);
    expect(shorts(40, 8)).toEqual([4, 5, 4, 3, 2, 1, 1, 1]);
    expect(shorts(68, 3)).toEqual([0, 16, 32]);
    expect([108, 112, 116, 124, 128].map((at) => view.getFloat32(at, true))).toEqual([352, 1, 0, 0, 0]);
    expect(new TextDecoder('latin1').decode(bytes.subarray(344, 352))).toBe('n+1\0\0\0\0\0');
    expect(bytes.length).toBe(352 + 4 * data.length);
    expect([...new Float32Array(bytes.slice(352).buffer)]).toEqual([...data]);
  });

  test('is the same twice, packed and not', async () => {
    for (const gzip of [true, false]) {
      const write = () => encodeNifti(volume, { datatype: 'float32', gzip });
      const [first, second] = [await write(), await write()];
      expect(second).toEqual(first);
      expect(first[0]).toBe(gzip ? 0x1f : 0x5c);
      expect([...(await decodeNifti(first, 'again')).volume.data]).toEqual([...data]);
    }
  });

  test('holds whole numbers as int16, and nothing else as int16', async () => {
    const whole = { ...volume, data: volume.data.map((_, i) => ((i * 7919) % 65536) - 32768) };
    const bytes = await encodeNifti(whole, { datatype: 'int16' });
    const { volume: back, info } = await decodeNifti(bytes, 'int16.nii');
    expect([info.datatype, info.bits, info.dataBytes]).toEqual(['int16', 16, 2 * whole.data.length]);
    expect(back.data).toEqual(whole.data);
    for (const value of [-32769, 32768, 0.5, Number.NaN]) {
      const wrong = { ...volume, data: whole.data.map((own, i) => (i === 1 ? value : own)) };
      expect(await failure(encodeNifti(wrong, { datatype: 'int16' }))).toMatchObject({
        message: `Value ${value} at index 1 is not an integer from -32768 to 32767, as int16 needs.`,
      });
    }
  });

  test('holds masks as uint8, and nothing else as uint8', async () => {
    const bytes = await encodeNifti(volume, { datatype: 'uint8' });
    expect(bytes.length).toBe(352 + data.length);
    const { info, volume: again } = await decodeNifti(bytes, 'mask');
    expect([info.datatype, info.bits, info.channels]).toEqual(['uint8', 8, 2]);
    expect([...again.data]).toEqual([...data]);
    for (const value of [-1, 256, 0.5, Number.NaN, 1e10, 2 ** 32]) {
      const wrong = createVolume(new Float32Array([0, value]), [1, 1, 2]);
      expect(await failure(encodeNifti(wrong, { datatype: 'uint8' }))).toMatchObject({
        name: 'RangeError',
        message: `Value ${value} at index 1 is not an integer from 0 to 255, as uint8 needs.`,
      });
    }
  });

  test.each([
    ['', ''],
    ['tonno 0.1.0 tomographic', 'tonno 0.1.0 tomographic'],
    ['x'.repeat(100), 'x'.repeat(79)],
    ['é'.repeat(50), 'é'.repeat(39)],
    [`${'x'.repeat(77)}🐟`, 'x'.repeat(77)],
    [`${'x'.repeat(75)}🐟x`, `${'x'.repeat(75)}🐟`],
    ['a\0b', 'ab'],
  ])('cuts the description %j on a character', async (description, expected) => {
    const bytes = await encodeNifti(volume, { datatype: 'uint8', description });
    expect((await readNiftiHeader(bytes, 'described')).description).toBe(expected);
    // The field's last byte and its neighbour stay NUL.
    expect([...bytes.subarray(227, 252)]).toEqual(new Array(25).fill(0));
  });

  test('a part of a larger buffer is written, not the buffer', async () => {
    const part = createVolume(data.subarray(5, 13), [2, 2, 2]);
    const again = await decodeNifti(await encodeNifti(part, float32), 'part');
    expect([...again.volume.data]).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test('packing stops at a signal', async () => {
    const signal = AbortSignal.abort(new Error('Enough.'));
    const error = await failure(encodeNifti(volume, { datatype: 'float32', gzip: true, signal }));
    expect(error.message).toBe('Enough.');
  });
});
