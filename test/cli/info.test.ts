import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildNifti } from '../formats/build.ts';
import { classifier, node, onnx, value } from '../onnx/fixture.ts';
import { newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { MATCHED_FILTER, oddPlacement, placed, unevenVolume, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const file = (name: string, bytes: Uint8Array | string) => {
  const path = join(newFolder(folder), name);
  writeFileSync(path, bytes);
  return path;
};
const facts = async (...args: string[]) => JSON.parse((await succeed(['info', '--json', ...args])).stdout);

describe.concurrent('a volume', () => {
  const path = join(newFolder(folder), 'scan.nii.gz');
  const volume = unevenVolume([12, 11, 10], placed(oddPlacement), 2);
  beforeAll(() => writeVolume(path, volume));

  test('is described for programs', async () => {
    const { srow } = oddPlacement;
    const length = (c: number) => Math.hypot(srow[c], srow[4 + c], srow[8 + c]);
    const described = await facts(path);
    expect(described).toMatchObject({
      kind: 'volume',
      file: path,
      format: 'NIfTI-1',
      compressed: true,
      endian: 'little',
      datatype: 'float32',
      dims: [10, 11, 12, 2],
      shape: [12, 11, 10],
      channels: 2,
      axes: 'SAL',
      spacing: [length(2), length(1), length(0)],
      affine: [...srow, 0, 0, 0, 1],
      affineSource: 'sform',
      qformCode: 1,
      sformCode: 4,
      problems: [],
    });
    const voxels = 12 * 11 * 10;
    const channels = [volume.data.subarray(0, voxels), volume.data.subarray(voxels)];
    const mean = (data: Float32Array) => data.reduce((sum, v) => sum + v / voxels, 0);
    expect(described.values).toHaveLength(2);
    for (const [c, data] of channels.entries()) {
      const { minimum, maximum, mean: mu, std } = described.values[c];
      expect([minimum, maximum]).toEqual([Math.min(...data), Math.max(...data)]);
      expect(mu).toBeCloseTo(mean(data), 5);
      expect(std).toBeCloseTo(Math.sqrt(mean(data.map((v) => (v - mu) ** 2))), 5);
    }
  });

  test('is described for people', async () => {
    const plain = file(
      'scan.nii',
      buildNifti({ type: 'int16', lengths: [4, 3, 2], fields: { scl_slope: 2 } }),
    );
    const { stdout, stderr } = await succeed(['info', plain]);
    expect(stdout.split('\n')).toEqual([
      plain,
      '  format    NIfTI-1, little-endian, int16 × 2 + 0',
      '  shape     2 × 3 × 4 (axis 0 × 1 × 2)',
      '  axes      SAR: the world directions in which axis 0, 1, 2 increase',
      '  spacing   1 × 1 × 1 mm',
      '  affine           1         0         0         0',
      '                   0         1         0         0',
      '                   0         0         1         0',
      '            from sform; qform code 0, sform code 1',
      '  values    2 to 48, mean 25, deviation 13.844',
      '',
    ]);
    expect(stderr).toBe('');
  });

  test('of which only the header is wanted is not read further', async () => {
    const cut = file('cut.nii', buildNifti({ lengths: [40, 30, 20] }).subarray(0, 352));
    const described = await facts('--header', cut);
    expect(described).toMatchObject({ shape: [20, 30, 40], problems: [] });
    expect(described).not.toHaveProperty('values');
  });

  test('with voxels that are not finite has a range all the same, and a problem', async () => {
    const values = [1, Number.NaN, Number.POSITIVE_INFINITY, 4, 5, 6, 7, -8];
    const described = await facts(file('scan.nii', buildNifti({ type: 'float32', values })));
    expect(described.values[0]).toMatchObject({ minimum: -8, maximum: 7 });
    expect(described.problems).toEqual(['2 voxels are not finite; they count as 0 here.']);
  });
});

describe.concurrent('a volume that cannot be used is described with all its problems, which is no failure', () => {
  test.each([
    [
      'RGB with a singular affine',
      buildNifti({ fields: { datatype: 128, bitpix: 24, srow: new Array(12).fill(0) } }),
      [
        'Its voxels are RGB, not one ordinary number each. Convert it to float32 or an integer type.',
        'Its affine (from the sform) is singular: the voxels have no volume. Write the file again with a program that sets its header right.',
      ],
    ],
    [
      'an axis of length 0',
      buildNifti({ fields: { dim: [3, 2, 0, 2] } }),
      ['Its axes have lengths 2×0×2. Its header is damaged: copy or download it again.'],
    ],
  ])('%s', async (_, bytes, problems) => {
    const path = file('scan.nii', bytes);
    const described = await facts(path);
    expect(described.problems).toEqual(problems);
    expect(described).not.toHaveProperty('values');
    const { stdout, code } = await tonno(['info', path]);
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(-1 - problems.length, -1)).toEqual(
      problems.map((problem) => `  problem   ${problem}`),
    );
  });

  test('one that is cut off', async () => {
    const path = file('scan.nii', buildNifti({ lengths: [4, 3, 2] }).subarray(0, 360));
    expect((await facts(path)).problems).toEqual([
      `${path}: The file ends after 8 of the 24 bytes of voxels that its header announces (4×3×2 uint8). It was cut off: copy or download it again.`,
    ]);
  });
});

describe.concurrent('a model', () => {
  test('is described for programs, down to its layers', async () => {
    const described = await facts(MATCHED_FILTER);
    expect(described).toMatchObject({
      kind: 'model',
      file: MATCHED_FILTER,
      producer: 'tonno',
      opset: 17,
      inputs: [{ name: 'slices', type: 'float32 [n, 1, rows, columns]' }],
      outputs: [{ name: 'logit', type: 'float32 [n, 1]' }],
      problems: [],
      encoder: {
        sha256: createHash('sha256').update(readFileSync(MATCHED_FILTER)).digest('hex'),
        input: 'slices',
        output: 'logit',
        layout: 'nchw',
        channels: 1,
        outputs: 1,
        classes: ['bright blob'],
        activation: 'none',
      },
    });
    expect(described.encoder).not.toHaveProperty('model');
    expect(described.layers).toMatchObject([
      { number: 1, tensor: 'evidence', operator: 'Relu', stride: { rows: 1, columns: 1 }, channels: 2 },
    ]);
  });

  test('is described for people', async () => {
    const tail = [node('Softmax', 'logit', 'y', { axis: 1 })];
    const metadata = { 'tonno.classes': '["healthy", "lesion"]' };
    const path = file('net.onnx', onnx({ ...classifier({ tail }), metadata }));
    const { stdout } = await succeed(['info', path]);
    expect(stdout.split('\n')).toEqual([
      path,
      '  format    ONNX, opset 17, 5 nodes',
      '  input     x: float32 [n, 1, 16, 16]',
      '  output    y: float32 [n, 2]',
      '  encoder   1 channel (nchw), slices of 16 × 16, any batch, 2 classes, its final softmax is taken off',
      '  classes   healthy, lesion',
      '  metadata  tonno.classes = ["healthy", "lesion"]',
      '  layers    1  r (Relu): stride 1, 16 × 16, 4 channels',
      '',
    ]);
  });

  test('that is no encoder is described with what is wrong with it', async () => {
    const path = file('net.onnx', onnx({ ...classifier(), inputs: [value('x', ['n', 7])] }));
    const described = await facts(path);
    expect(described.inputs).toEqual([{ name: 'x', type: 'float32 [n, 7]' }]);
    expect(described).not.toHaveProperty('encoder');
    expect(described.problems).toEqual([
      `${path}: This network has no image input, which is a float32 tensor of rank 4. Its inputs are x: float32 [n, 7]. Give a network for 2D images [n, channels, rows, columns].`,
    ]);
  });
});

describe.concurrent('what is neither', () => {
  const NO_MODEL = (what: string) =>
    `It is no volume of a known format but ${what}, and cannot be read as an ONNX model:`;
  test.each([
    [
      'a text file',
      () => file('notes.txt', 'subject,age\n1,63\n'),
      `${NO_MODEL('text')} This is no ONNX model. Give an`,
    ],
    ['an empty file', () => file('empty.onnx', ''), `${NO_MODEL('an empty file')} `],
    [
      'packed text',
      () => file('notes.txt.gz', gzipSync('subject,age\n1,63\n')),
      'This is not a volume of a known format but gzip of text. Give NIfTI (.nii, .nii.gz), DICOM, NRRD (.nrrd), MetaImage (.mha) or .npy.\n',
    ],
    [
      'a folder',
      () => newFolder(folder),
      'It is an empty folder. Name the volumes in it, or the folder of a DICOM series.\n',
    ],
    ['a missing file', () => join(folder, 'nothing'), 'There is no such file or folder. Check the path.\n'],
    [
      'a path through a file',
      () => join(file('notes.txt', 'x'), 'scan.nii'),
      'A part of its path is a file, not a folder. Check the path.\n',
    ],
  ])('%s is refused by name', async (_, make, problem) => {
    const path = make();
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await tonno(['info', path, ...json]);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr.slice(0, `error: ${path}: ${problem}`.length)).toBe(`error: ${path}: ${problem}`);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});
