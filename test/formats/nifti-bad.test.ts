import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { decodeNifti, niftiProblems, readNiftiHeader } from '../../src/formats/nifti.ts';
import { type Build, buildNifti, failure, inPieces } from './build.ts';

const text = (words: string) => new TextEncoder().encode(words);
const good = buildNifti();

describe('what is no NIfTI header', () => {
  test.each([
    ['an empty file', new Uint8Array(0), 'scan.nii: The file is empty. Copy or download it again.'],
    [
      'text',
      text('subject,age\n1,63\n'),
      'scan.nii: This is not a NIfTI file but text. Give a .nii or .nii.gz file.',
    ],
    ['a PNG image', text('\x89PNG\r\n\x1a\n').slice(1), /^scan.nii: This is not a NIfTI file/],
    ['a real PNG signature', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), /file but a PNG image\./],
    ['a JPEG image', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), /file but a JPEG image\./],
    ['a ZIP archive', Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), /file but a ZIP archive\./],
    ['HDF5', Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10), /file but HDF5\./],
    ['NRRD', text('NRRD0004\ntype: float\n'), /file but NRRD\./],
    ['MetaImage', text('ObjectType = Image\nNDims = 3\n'), /file but MetaImage\./],
    [
      'DICOM',
      new Uint8Array(200).fill(0).with(128, 68).with(129, 73).with(130, 67).with(131, 77),
      /but DICOM\./,
    ],
    ['three bytes', Uint8Array.of(92, 1, 0), /^scan.nii: This is not a NIfTI file\./],
    [
      'a cut header',
      good.slice(0, 200),
      'scan.nii: The file ends within its NIfTI header, after 200 of 348 bytes. It was cut off: copy or download it again.',
    ],
    ['a cut NIfTI-2 header', buildNifti({ version: 2 }).slice(0, 400), /after 400 of 540 bytes/],
    [
      'Analyze 7.5',
      buildNifti({ magic: '\0\0\0\0' }),
      'scan.nii: This is an Analyze 7.5 header, which does not say which side is left. Convert the image to NIfTI with a program that knows its orientation.',
    ],
    [
      'a NIfTI-2 file transferred as text',
      buildNifti({ version: 2, magic: 'n+2\0\n\x1a\n\0' }),
      'scan.nii: The signature of its NIfTI-2 header is damaged. It may have been transferred as text: copy or download it again as binary.',
    ],
  ])('%s', async (_, bytes, message) => {
    for (const read of [readNiftiHeader, decodeNifti]) {
      const { source, state } = inPieces(bytes, 64);
      const error = await failure(read(source, 'scan.nii'));
      expect(error).toMatchObject({ name: 'VolumeError', subject: 'scan.nii' });
      if (typeof message === 'string') expect(error.message).toBe(message);
      else expect(error.message).toMatch(message);
      expect(state.closed).toBe(true);
    }
  });
});

const CONNECTIVITY = { version: 2, lengths: [1, 1, 1, 1, 2, 2], fields: { intent_code: 3001 } } as const;
const qform = { qform_code: 1, sform_code: 0 };

describe('headers whose voxels cannot be used', () => {
  test.each<[string, Build, string]>([
    [
      'a pair of files',
      { magic: 'ni1\0' },
      'This is the header of a .hdr/.img pair, whose voxels are in another file. Convert the pair to one .nii or .nii.gz file.',
    ],
    [
      'a NIfTI-2 pair',
      { version: 2, magic: 'ni2\0\r\n\x1a\n' },
      'This is the header of a .hdr/.img pair, whose voxels are in another file. Convert the pair to one .nii or .nii.gz file.',
    ],
    [
      'CIFTI',
      CONNECTIVITY,
      'This is a CIFTI file (intent code 3001), a matrix over the cortex and not a volume. Give a volumetric .nii or .nii.gz file.',
    ],
    [
      'no axes',
      { fields: { dim: [0, 2, 2, 2] } },
      'Its header says that it has 0 axes; NIfTI has 1 to 7. Its header is damaged: copy or download it again.',
    ],
    [
      'eight axes',
      { fields: { dim: [8, 2, 2, 2] } },
      'Its header says that it has 8 axes; NIfTI has 1 to 7. Its header is damaged: copy or download it again.',
    ],
    [
      'an axis of length 0',
      { fields: { dim: [3, 2, 0, 2] } },
      'Its axes have lengths 2×0×2. Its header is damaged: copy or download it again.',
    ],
    [
      'a negative axis',
      { fields: { dim: [3, 2, 2, -5] } },
      'Its axes have lengths 2×2×-5. Its header is damaged: copy or download it again.',
    ],
    [
      'a negative axis in NIfTI-2',
      { version: 2, fields: { dim: [3, 2, 2, -5] } },
      'Its axes have lengths 2×2×-5. Its header is damaged: copy or download it again.',
    ],
    [
      'time and vectors',
      { lengths: [2, 2, 2, 2, 3] },
      'Its axes have lengths 2×2×2×2×3; only the fourth or the fifth may hold channels. Split it into files of three axes, or of four with channels on the fourth.',
    ],
    [
      'a sixth axis',
      { lengths: [2, 2, 2, 1, 1, 3] },
      'Its axes have lengths 2×2×2×1×1×3; only the fourth or the fifth may hold channels. Split it into files of three axes, or of four with channels on the fourth.',
    ],
    [
      'an unknown type',
      { fields: { datatype: 77 } },
      'Its voxel type has the code 77, which NIfTI does not have. Its header is damaged: copy or download it again.',
    ],
    ...(
      [
        ['binary', 1, 1],
        ['complex64', 32, 64],
        ['RGB', 128, 24],
        ['float128', 1536, 128],
        ['complex128', 1792, 128],
        ['complex256', 2048, 256],
        ['RGBA', 2304, 32],
      ] as const
    ).map(([name, datatype, bitpix]): [string, Build, string] => [
      name,
      { fields: { datatype, bitpix } },
      `Its voxels are ${name}, not one ordinary number each. Convert it to float32 or an integer type.`,
    ]),
    [
      'int64',
      { type: 'int64' },
      "Its voxels are int64, which float32 cannot hold exactly. Convert it to a smaller type, or allow rounding (int64: 'convert'; on the command line --int64 convert).",
    ],
    [
      'uint64',
      { type: 'uint64' },
      "Its voxels are uint64, which float32 cannot hold exactly. Convert it to a smaller type, or allow rounding (int64: 'convert'; on the command line --int64 convert).",
    ],
    [
      'a type that contradicts bitpix',
      { type: 'int16', fields: { bitpix: 32 } },
      'Its header contradicts itself: int16 voxels have 16 bits, not 32. Its header is damaged: copy or download it again.',
    ],
    ...[0, 348, 351, 400.5, Number.NaN, Number.POSITIVE_INFINITY, -352, 1e15].map(
      (offset): [string, Build, string] => [
        `a vox_offset of ${offset}`,
        { fields: { vox_offset: offset } },
        `Its voxels cannot begin at byte ${Math.fround(offset)} (vox_offset); the header ends at byte 352. Write the file again with a program that sets its header right.`,
      ],
    ),
    [
      'a vox_offset within a NIfTI-2 header',
      { version: 2, fields: { vox_offset: 352 } },
      'Its voxels cannot begin at byte 352 (vox_offset); the header ends at byte 544. Write the file again with a program that sets its header right.',
    ],
    [
      'a shift that is not finite',
      { fields: { scl_slope: 2, scl_inter: Number.POSITIVE_INFINITY } },
      'Its values are to be scaled by 2 and shifted by Infinity (scl_slope, scl_inter). Write the file again with a program that sets its header right.',
    ],
    [
      'no form and a voxel size of 0',
      { fields: { sform_code: 0, pixdim: [1, 1, 0, 1] } },
      'Its voxel sizes (pixdim) are 1, 0, 1, and its position in the world depends on them. Write the file again with a program that sets its header right.',
    ],
    [
      'a qform and a voxel size that is NaN',
      { fields: { ...qform, pixdim: [1, 1, Number.NaN, 1] } },
      'Its voxel sizes (pixdim) are 1, NaN, 1, and its qform depends on them. Write the file again with a program that sets its header right.',
    ],
    [
      'a qform and a negative voxel size',
      { fields: { ...qform, pixdim: [1, -1, 1, 1] } },
      'Its voxel sizes (pixdim) are -1, 1, 1, and its qform depends on them. Write the file again with a program that sets its header right.',
    ],
    [
      'a qfac of 3',
      { fields: { ...qform, pixdim: [3, 1, 1, 1] } },
      'The sign of its third axis (pixdim[0]) is 3; a qform needs 1 or -1. Write the file again with a program that sets its header right.',
    ],
    [
      'a quaternion that is none',
      { fields: { ...qform, quatern: [1, 1, 0] } },
      'The quaternion of its qform (1, 1, 0) is not a rotation. Write the file again with a program that sets its header right.',
    ],
    [
      'a quaternion with NaN',
      { fields: { ...qform, quatern: [0, Number.NaN, 0] } },
      'The quaternion of its qform (0, NaN, 0) is not a rotation. Write the file again with a program that sets its header right.',
    ],
    [
      'an offset that is not finite',
      { fields: { ...qform, qoffset: [0, Number.POSITIVE_INFINITY, 0] } },
      'Its affine (from the qform) has numbers that are not finite. Write the file again with a program that sets its header right.',
    ],
    [
      'a sform with NaN',
      { fields: { srow: [1, 0, 0, 0, 0, Number.NaN] } },
      'Its affine (from the sform) has numbers that are not finite. Write the file again with a program that sets its header right.',
    ],
    [
      'a sform of zeros',
      { fields: { srow: new Array(12).fill(0) } },
      'Its affine (from the sform) is singular: the voxels have no volume. Write the file again with a program that sets its header right.',
    ],
    [
      'a sform with two parallel axes',
      { fields: { srow: [1, 1, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0] } },
      'Its affine (from the sform) is singular: the voxels have no volume. Write the file again with a program that sets its header right.',
    ],
  ])('%s', async (_, build, sentences) => {
    const { source, state } = inPieces(buildNifti(build), 100);
    expect(await failure(decodeNifti(source, 'scan.nii'))).toMatchObject({
      name: 'VolumeError',
      message: `scan.nii: ${sentences}`,
    });
    expect(state.closed).toBe(true);

    const info = await readNiftiHeader(buildNifti(build), 'scan.nii');
    const problems = niftiProblems(info).map(({ problem, remedy }) => `${problem} ${remedy}`);
    expect(problems[0]).toBe(sentences);
  });

  test('all problems are listed, and none for a good file', async () => {
    const bad = buildNifti({ fields: { datatype: 77, vox_offset: 3, srow: new Array(12).fill(0) } });
    expect(niftiProblems(await readNiftiHeader(bad, 'bad')).map(({ problem }) => problem)).toEqual([
      'Its voxel type has the code 77, which NIfTI does not have.',
      'Its voxels cannot begin at byte 3 (vox_offset); the header ends at byte 352.',
      'Its affine (from the sform) is singular: the voxels have no volume.',
    ]);
    expect(niftiProblems(await readNiftiHeader(good, 'good'))).toEqual([]);
  });

  test('a voxel size that nothing depends on may be anything', async () => {
    const bytes = buildNifti({ fields: { pixdim: [0, Number.NaN, 0, -1] } });
    expect((await decodeNifti(bytes, 'sform')).volume.shape).toEqual([2, 2, 2]);
  });

  test('a NIfTI-2 axis longer than 2³² is named as it is, in both byte orders', async () => {
    for (const little of [true, false]) {
      const fields = { dim: [3, 2 ** 33 + 2 ** 31, 1, 1] };
      const info = await readNiftiHeader(buildNifti({ version: 2, little, fields }), 'long');
      expect(info.shape[2]).toBe(2 ** 33 + 2 ** 31);
    }
  });
});

describe('size', () => {
  const huge = buildNifti({ type: 'float32', fields: { dim: [3, 3000, 3000, 500] }, values: [] });

  test('is judged before anything is allocated', async () => {
    const allocated: number[] = [];
    const Real = Float32Array;
    vi.stubGlobal(
      'Float32Array',
      new Proxy(Real, {
        construct(target, parameters) {
          allocated.push(Number(parameters[0]));
          return Reflect.construct(target, parameters);
        },
      }),
    );
    try {
      expect((await failure(decodeNifti(huge, 'huge.nii'))).message).toBe(
        "huge.nii: Its voxels (3000×3000×500 float32) would take 18.0 GB, more than the limit of 8.6 GB. Crop or resample it, or raise the library's limit maxBytes if there is memory for it.",
      );
    } finally {
      vi.unstubAllGlobals();
    }
    expect(allocated).toEqual([]);
  });

  test('counts float32 for a smaller type and the file for a larger one', async () => {
    const refuse = (type: string, maxBytes: number) =>
      failure(decodeNifti(buildNifti({ type, lengths: [10, 10, 10] }), 'cube', { maxBytes }));
    expect((await refuse('uint8', 3999)).message).toMatch(/\(10×10×10 uint8\) would take 0.0 MB/);
    expect((await refuse('float64', 7999)).message).toMatch(/10×10×10 float64/);
    const { volume } = await decodeNifti(buildNifti({ lengths: [10, 10, 2] }), 'cube', { maxBytes: 800 });
    expect(volume.data.length).toBe(200);
  });

  test('counts channels, and survives dims whose product is beyond all bounds', async () => {
    const fields = { dim: [4, 2 ** 62, 2 ** 62, 2 ** 62, 7] };
    const error = await failure(decodeNifti(buildNifti({ version: 2, fields }), 'absurd'));
    expect(error).toMatchObject({ name: 'VolumeError', message: expect.stringContaining('would take') });
  });

  test('that no array can have ends in a sentence too', async () => {
    const Real = Float32Array;
    const fields = { dim: [3, 100, 100, 100] };
    vi.stubGlobal(
      'Float32Array',
      class extends Real {
        constructor(length: number) {
          if (length >= 1e6) throw new RangeError('Invalid typed array length');
          super(length);
        }
      },
    );
    try {
      const error = await failure(decodeNifti(buildNifti({ fields }), 'big.nii'));
      expect(error).toMatchObject({
        name: 'VolumeError',
        message:
          'big.nii: There is no memory for its voxels (100×100×100 uint8, 4.0 MB as float32). Crop or resample it, or use a machine with more memory.',
        cause: expect.any(RangeError),
      });
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test('that a header only announces is not allocated: the array grows with what arrives', async () => {
    const allocated: number[] = [];
    const counting = new Proxy(Float32Array, {
      construct(Real, [first, ...rest]) {
        if (typeof first === 'number') allocated.push(first);
        return new Real(first, ...rest);
      },
    });
    vi.stubGlobal('Float32Array', counting);
    try {
      const fields = { dim: [3, 1200, 1200, 1200] };
      for (const bytes of [buildNifti({ fields }), gzipSync(buildNifti({ fields }))]) {
        const error = await failure(decodeNifti(bytes, 'big.nii'));
        expect(error.message).toMatch('ends after 8 of the 1728000000 bytes');
      }
    } finally {
      vi.unstubAllGlobals();
    }
    expect(allocated).not.toEqual([]);
    expect(Math.max(...allocated)).toBeLessThanOrEqual(2 ** 22);
  });
});

describe('voxels', () => {
  const int16 = buildNifti({ type: 'int16', lengths: [4, 4, 4] });

  test.each([
    [
      'header only',
      int16.slice(0, 352),
      'The file has a header but no voxels; the header announces 4×4×4 int16.',
    ],
    ['nothing behind the header fields', int16.slice(0, 348), 'The file has a header but no voxels; the'],
    [
      'cut off',
      int16.slice(0, 352 + 77),
      'The file ends after 77 of the 128 bytes of voxels that its header',
    ],
    [
      'packed when it was cut off',
      gzipSync(int16.slice(0, 400)),
      'The file ends after 48 of the 128 bytes of vox',
    ],
    [
      'cut off after packing',
      gzipSync(int16).subarray(0, 90),
      /The compressed data stop before their end, after unpacking to \d+ bytes\. The file was cut off: copy/,
    ],
    [
      'without its last byte',
      gzipSync(int16).subarray(0, -1),
      /The compressed data stop before their end, after unpacking to \d+ bytes\. The file was cut off: copy/,
    ],
    [
      'with a bad checksum',
      ((packed) => packed.with(packed.length - 7, packed.at(-7)! ^ 1))(Uint8Array.from(gzipSync(int16))),
      /The compressed data are damaged \(.+\), after unpacking to \d+ bytes\. Copy or download the file again\./,
    ],
  ])('%s', async (_, bytes, sentence) => {
    const { source, state } = inPieces(bytes, 50);
    const error = await failure(decodeNifti(source, 'scan.nii'));
    expect(error).toMatchObject({ name: 'VolumeError', subject: 'scan.nii' });
    if (typeof sentence === 'string') expect(error.message).toContain(`scan.nii: ${sentence}`);
    else expect(error.message).toMatch(sentence);
    expect(state.closed).toBe(true);
  });

  test('with a bad checksum, far behind the voxels', async () => {
    // What follows does not compress, so that the checksum is many pieces away when the voxels are there.
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => Math.sin(i * i) * 1e6);
    bytes.set(good);
    const packed = Uint8Array.from(gzipSync(bytes));
    packed[packed.length - 7] ^= 1;
    expect((await failure(decodeNifti(packed, 'scan.nii.gz'))).message).toMatch(
      /^scan.nii.gz: The compressed data are damaged \(.+\), after unpacking to \d{5,} bytes\./,
    );
  });

  test('float32 that is cut off', async () => {
    const bytes = buildNifti({ type: 'float32' }).slice(0, -3);
    expect((await failure(decodeNifti(bytes, 'scan.nii'))).message).toBe(
      'scan.nii: The file ends after 29 of the 32 bytes of voxels that its header announces (2×2×2 float32). It was cut off: copy or download it again.',
    );
  });

  test('a packed file that goes on and on is stopped', async () => {
    const bytes = new Uint8Array(2 ** 27);
    bytes.set(good);
    const { source, state } = inPieces(gzipSync(bytes), 1000);
    expect((await failure(decodeNifti(source, 'bomb.nii.gz'))).message).toBe(
      'bomb.nii.gz: The file goes on for more than 16.8 MB behind the voxels that its header announces (2×2×2 uint8). Header and voxels do not belong together: write the file again.',
    );
    expect(state.closed).toBe(true);
    expect(state.pulled).toBeLessThan(90);
  });

  test('that are not finite are counted and refused, or made 0', async () => {
    const values = [1, Number.NaN, Number.POSITIVE_INFINITY, -1e300, 5, 6, 7, 8];
    const bytes = buildNifti({ type: 'float64', values });
    expect((await failure(decodeNifti(bytes, 'scan.nii'))).message).toBe(
      "scan.nii: 3 of its 8 voxels are NaN or infinite in float32. Replace them in the file, or have them read as 0 (nan: 'zero'; on the command line --nan zero).",
    );
    const { volume, notFinite } = await decodeNifti(bytes, 'scan.nii', { nan: 'zero' });
    expect([[...volume.data], notFinite]).toEqual([[1, 0, 0, 0, 5, 6, 7, 8], 3]);
  });
});
