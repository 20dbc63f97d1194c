/** tonno convert and what tonno info says of the same files. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { addConvert } from '../../src/cli/convert.ts';
import { addInfo } from '../../src/cli/info.ts';
import { readVolume } from '../../src/cli/volumes.ts';
import { readDicom } from '../../src/formats/dicom/object.ts';
import { encodeNifti } from '../../src/formats/nifti.ts';
import { decodeVolume, recogniseFormat } from '../../src/formats/volume-file.ts';
import { createVolume } from '../../src/volume/volume.ts';
import { buildNifti, failure } from '../formats/build.ts';
import { text } from '../formats/dicom/slices.ts';
import { filesIn, newFolder, temporaryFolder, tonno } from '../support/cli.ts';
import { structureSet, writeSeries } from '../support/dicom-files.ts';
import { inProcess } from '../support/in-process.ts';
import {
  headerBytes,
  oddPlacement,
  placed,
  placementBytes,
  unevenVolume,
  writeVolume,
} from '../support/volumes.ts';

const folder = temporaryFolder();
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const convert = (...args: string[]) => inProcess(addConvert, ['convert', ...args]);
const info = (...args: string[]) => inProcess(addInfo, ['info', ...args]);
const read = async (path: string) => (await decodeVolume(readFileSync(path), path)).volume;

const series = writeSeries(newFolder(folder));
/** Two voxels of the second plane and one of the third. */
const marked = [12 + 5, 12 + 6, 24 + 0];
const mask = createVolume(
  Float32Array.from({ length: 48 }, (_, i) => Number(marked.includes(i))),
  [4, 3, 4],
  { geometry: { affine: [-1.5, 0, 0, -5, 0, -2, 0, -7, 0, 0, 2, 11, 0, 0, 0, 1] } },
);
const maskFile = async () => {
  const path = join(newFolder(folder), 'mask.nii.gz');
  writeFileSync(path, await encodeNifti(mask, { datatype: 'uint8', gzip: true }));
  return path;
};

describe('a volume', () => {
  test.each([
    ['.nii', 'nifti'],
    ['.nii.gz', 'nifti'],
    ['.nrrd', 'nrrd'],
    ['.mha', 'metaimage'],
  ] as const)('becomes %s with the same values in the same place', async (ending, format) => {
    for (const source of [series, fixture('channels.mha'), fixture('big-raw.nrrd'), fixture('fortran.npy')]) {
      const out = join(newFolder(folder), `deep/scan${ending}`);
      const { printed, result } = await convert(source, out);
      expect(printed).toEqual([out]);
      const { volume } = await readVolume(source);
      const written = await read(out);
      expect(written).toMatchObject({ channels: volume.channels, shape: volume.shape });
      expect([...written.data]).toEqual([...volume.data]);
      const scale = Math.max(...volume.geometry.affine.map(Math.abs));
      written.geometry.affine.forEach((value, i) => {
        // NIfTI-1 keeps an affine in float32.
        expect(Math.abs(value - volume.geometry.affine[i])).toBeLessThanOrEqual(1e-7 * scale);
      });
      expect(result).toMatchObject({ command: 'convert', source, out, shape: volume.shape });
      expect(filesIn(join(out, '..'))).toEqual([`scan${ending}`]);
      const { format: seen } = await decodeVolume(readFileSync(out), out);
      expect(seen).toBe(format);
    }
  });

  test('of NIfTI keeps every field of its place, bit for bit', async () => {
    const [source, out] = [join(newFolder(folder), 'in.nii'), join(newFolder(folder), 'out.nii.gz')];
    await writeVolume(source, unevenVolume([4, 5, 6], placed(oddPlacement)));
    await convert(source, out);
    expect(placementBytes(out)).toBe(placementBytes(source));
  });

  test('of whole numbers is written in the smallest integers that hold them', async () => {
    const datatype = async (values: number[], ...options: string[]) => {
      const source = join(newFolder(folder), 'scan.nii');
      const out = join(newFolder(folder), 'out.nii');
      writeFileSync(source, buildNifti({ type: 'float32', lengths: [values.length, 1, 1], values }));
      await convert(source, out, ...options);
      expect([...(await read(out)).data]).toEqual(values);
      return headerBytes(out).readInt16LE(70);
    };
    const [UINT8, INT16, FLOAT32] = [2, 4, 16];
    expect(await datatype([0, 1, 255])).toBe(UINT8);
    expect(await datatype([0, 1, 256])).toBe(INT16);
    expect(await datatype([-1, 1])).toBe(INT16);
    expect(await datatype([0, 40_000])).toBe(FLOAT32);
    expect(await datatype([0, 0.5])).toBe(FLOAT32);
    expect(await datatype([0, 1, 255], '--type', 'float32')).toBe(FLOAT32);
    expect(await datatype([0, 1, 255], '--type', 'int16')).toBe(INT16);
  });

  test('with voxels that are no numbers has them replaced only where that is asked for', async () => {
    const source = join(newFolder(folder), 'scan.nii');
    writeFileSync(source, buildNifti({ type: 'float32', lengths: [2, 1, 1], values: [Number.NaN, 3] }));
    const out = join(newFolder(folder), 'out.nrrd');
    expect((await failure(convert(source, out))).message).toContain('1 of its 2 voxels are NaN');
    const { said } = await convert(source, out, '--nan', 'zero');
    expect(said).toEqual([`${source}: 1 voxels that were not finite are 0 now.`]);
    expect([...(await read(out)).data]).toEqual([0, 3]);
  });

  test('says what is to be known of how it was read', async () => {
    const { said, result } = await convert(fixture('spacings.nrrd'), join(newFolder(folder), 'out.mha'));
    expect(said).toEqual([expect.stringContaining('does not say how it lies in the world')]);
    expect(result.notes).toHaveLength(1);
  });

  test('of several files has their channels', async () => {
    const out = join(newFolder(folder), 'both.nrrd');
    await convert(`${fixture('little-i2.npy')};${fixture('little-f4.npy')}`, out);
    expect((await read(out)).channels).toBe(2);
  });
});

describe('a mask', () => {
  test('becomes a segmentation of its series and comes back the same, on the grid of the series', async () => {
    const out = join(newFolder(folder), 'seg.dcm');
    const { result } = await convert(await maskFile(), out, '--reference', series, '--label', 'Tumour');
    expect(result.format).toBe('DICOM Segmentation');
    const { dataset } = await readDicom(readFileSync(out), out);
    const [segment] = dataset.sequence('00620002');
    expect([dataset.string('00080060'), segment.string('00620005')]).toEqual(['SEG', 'Tumour']);
    expect([segment.string('00620008'), segment.string('00620009')]).toEqual(['AUTOMATIC', 'tonno']);
    const back = join(newFolder(folder), 'mask.nrrd');
    const { said } = await convert(out, back, '--reference', series);
    expect(said).toEqual([]);
    const again = await read(back);
    expect(again.shape).toEqual([4, 3, 4]);
    expect([...again.data]).toEqual([...mask.data]);
    expect(again.geometry.affine).toEqual(mask.geometry.affine);
  });

  test('is described as a segmentation: its grid, its segments and how much is in them', async () => {
    const out = join(newFolder(folder), 'seg.dcm');
    await convert(await maskFile(), out, '--reference', series, '--label', 'Tumour');
    const { printed, result } = await info(out);
    expect(printed).toContain('  format    DICOM Segmentation');
    // Three voxels of 1.5 × 2 × 2 mm.
    expect(printed).toContain('  segment   1 Tumour: 3 voxels, 0.02 ml, automatic');
    expect(result).toMatchObject({
      kind: 'segments',
      segmentation: 'BINARY',
      shape: [2, 3, 4],
      problems: [],
    });
    expect(result.segments).toEqual([
      expect.objectContaining({
        number: 1,
        label: 'Tumour',
        voxels: 3,
        millilitres: expect.closeTo(0.018, 9),
      }),
    ]);
  });

  test('comes back on a grid of its own where the series is not given, and says so', async () => {
    const out = join(newFolder(folder), 'seg.dcm');
    await convert(await maskFile(), out, '--reference', series, '--algorithm', 'manual');
    const back = join(newFolder(folder), 'mask.nii');
    const { said, result } = await convert(out, back);
    expect(said).toEqual([expect.stringContaining('give the series with --reference')]);
    expect(result.segments).toEqual(['Lesion']);
    // Its two planes alone.
    expect((await read(back)).shape).toEqual([2, 3, 4]);
  });

  test('is made of the contours of a region', async () => {
    const path = join(newFolder(folder), 'rs.dcm');
    const square = (left: number) =>
      [
        [left - 0.4, 0.6],
        [left + 1.4, 0.6],
        [left + 1.4, 1.4],
        [left - 0.4, 1.4],
      ] as const;
    writeFileSync(
      path,
      structureSet({ GTV: { plane: 1, corners: square(1) }, Organ: { plane: 2, corners: square(2) } }),
    );
    const out = join(newFolder(folder), 'gtv.nii.gz');
    const { result } = await convert(path, out, '--reference', series, '--roi', 'GTV');
    expect(result).toMatchObject({ segments: ['GTV'], type: 'uint8' });
    const { data, geometry } = await read(out);
    expect([...data.keys()].filter((i) => data[i] !== 0)).toEqual([12 + 5, 12 + 6]);
    expect(geometry.affine).toEqual(mask.geometry.affine);
    const unclear = await failure(convert(path, out, '--reference', series));
    expect(unclear.message).toMatch(/GTV.*Organ/s);
    const described = await info(path);
    expect(described.printed).toContain('  region    1 GTV: 1 contour');
    expect(described.result).toMatchObject({
      kind: 'contours',
      regions: [
        { number: 1, name: 'GTV', contours: 1 },
        { number: 2, name: 'Organ', contours: 1 },
      ],
    });
    expect((await failure(convert(path, out, '--roi', 'GTV'))).message).toContain(
      `--reference: ${path} has contours, which need the series that they were drawn on.`,
    );
  });

  test('chooses its series by --series in a folder of several', async () => {
    const both = writeSeries(newFolder(folder));
    writeSeries(both, { planes: 2, first: 50, more: { '0020000e': text('9.9', 'UI') } });
    const out = join(newFolder(folder), 'seg.dcm');
    const path = await maskFile();
    expect((await failure(convert(path, out, '--reference', both))).message).toContain('It holds 2 series:');
    await convert(path, out, '--reference', both, '--series', '1.2.3');
    expect(existsSync(out)).toBe(true);
  });
});

describe('what is refused', () => {
  const nifti = join(newFolder(folder), 'scan.nii');
  writeFileSync(nifti, buildNifti());
  const out = join(newFolder(folder), 'out.nrrd');

  test.each([
    ['a name that says no format', [nifti, 'out.png'], 'out.png: The end of its name does not say'],
    [
      'a header without its voxels',
      [nifti, 'out.mhd'],
      'Let it end with one of .nii.gz, .nii, .nrrd, .mha, .dcm.',
    ],
    ['a segmentation of no series', [nifti, 'out.dcm'], '--reference: A mask in DICOM belongs to a series.'],
    ['a series for a volume', [nifti, out, '--reference', series], `--reference: ${nifti} is a volume`],
    ['a region of a volume', [nifti, out, '--roi', 'GTV'], `--roi: ${nifti} is no RT Structure Set.`],
    ['a label for a volume', [nifti, out, '--label', 'Lesion'], '--label: A .nrrd file has no place for it.'],
    ['a type for bits', [nifti, 'out.dcm', '--reference', series, '--type', 'uint8'], '--type: A DICOM Seg'],
    [
      'a type that does not fit',
      [fixture('float32.nrrd'), out, '--type', 'uint8'],
      'is no integer from 0 to 255',
    ],
    ['a missing file', [join(folder, 'missing.nii'), out], 'There is no such file or folder.'],
    ['a folder for a result', [nifti, `${newFolder(folder)}.nii/..`], 'The end of its name'],
    ['a mask of another place', [nifti, 'out.dcm', '--reference', series], nifti],
  ])('%s', async (_, args, sentence) => {
    const error = await failure(convert(...args));
    expect(['UsageError', 'TonnoError', 'VolumeError']).toContain(error.name);
    expect(error.message).toContain(sentence);
    expect(existsSync(out)).toBe(false);
    expect(existsSync('out.dcm')).toBe(false);
  });

  test('to write over what is read, under any name, or over a file of its series', async () => {
    const bytes = readFileSync(nifti);
    expect((await failure(convert(nifti, nifti))).message).toContain(
      'It would be written over what is read.',
    );
    expect(readFileSync(nifti)).toEqual(bytes);
    const own = writeSeries(newFolder(folder));
    const inside = join(own, 'plane.dcm');
    copyFileSync(join(own, readdirSync(own)[0]), inside);
    const error = await failure(convert(await maskFile(), inside, '--reference', own));
    expect(error.message).toContain(`It would be written over a file of ${own}.`);
  });
});

describe('tonno info', () => {
  test('describes NRRD, MetaImage and .npy', async () => {
    const { printed, result } = await info(fixture('spacings.nrrd'));
    expect(printed).toEqual([
      fixture('spacings.nrrd'),
      '  format    NRRD0001, raw, little-endian, int16',
      '  shape     3 × 4 × 5 (axis 0 × 1 × 2)',
      '  axes      SPL: the world directions in which axis 0, 1, 2 increase',
      '  spacing   2.5 × 1.5 × 0.5 mm',
      '  affine        -0.5         0         0         0',
      '                   0      -1.5         0         0',
      '                   0         0       2.5         0',
      expect.stringMatching(/^ {2}values {4}-?\d+ to \d+, mean/),
      expect.stringMatching(/^ {2}note {6}It does not say how it lies in the world/),
    ]);
    expect(result).toMatchObject({
      kind: 'volume',
      format: 'NRRD0001',
      axes: 'SPL',
      channels: 1,
      problems: [],
    });
    const mha = await info(fixture('channels.mha'), '--header');
    expect(mha.result).toMatchObject({
      format: 'MetaImage',
      encoding: 'zlib',
      channels: 2,
      values: undefined,
    });
    const npy = await info(fixture('big-f8.npy'));
    expect(npy.result).toMatchObject({
      format: '.npy',
      endian: 'big',
      datatype: 'float64',
      shape: [3, 4, 5],
    });
    expect(npy.result.values).toHaveLength(1);
    const detached = await info(fixture('detached.mhd'));
    expect(detached.result).toMatchObject({ dataFile: 'detached.raw', problems: [] });
  });

  test('lists the series of a folder, each with its place, and what it passes over', async () => {
    const path = writeSeries(newFolder(folder));
    writeSeries(path, {
      planes: 2,
      first: 50,
      more: { '0020000e': text('9.9', 'UI'), '0008103e': text('late') },
    });
    writeFileSync(join(path, 'notes.txt'), 'of no interest');
    const all = await info(path);
    expect(all.result).toMatchObject({
      kind: 'dicom',
      objects: 6,
      series: [
        { uid: '1.2.3', number: 4, modality: 'MR', objects: 4, shape: [4, 3, 4], spacing: [2, 2, 1.5] },
        { uid: '9.9', description: 'late', objects: 2, shape: [2, 3, 4], problems: [] },
      ],
      passedOver: [{ name: 'notes.txt', reason: 'It is not DICOM.' }],
    });
    expect(all.printed).toContain('  format    DICOM, 6 objects, 2 series');
    expect(all.printed).toContain('  number    4, MR, 4 objects');
    const one = await info(path, '--series', 'late');
    expect(one.result.series).toMatchObject([{ uid: '9.9', values: [{ minimum: 0, maximum: 123 }] }]);
  });

  test('describes a series that is none with what is wrong', async () => {
    const path = writeSeries(newFolder(folder), { planes: 5 });
    // The plane in the middle: its name is (7 · 2 + 3) mod 10.
    const names = readdirSync(path);
    const middle = names.find((name) => name === 'IM70')!;
    writeFileSync(join(path, middle), readFileSync(join(path, middle)).subarray(0, 250));
    const { result } = await info(path);
    expect(result.passedOver).toMatchObject([{ name: join(path, middle) }]);
    const [found] = result.series as { problems: string[] }[];
    expect(found.problems).toHaveLength(1);
  });
});

test('a reconstruction takes a series and an array as it takes NIfTI, and records how they were read', async () => {
  const out = newFolder(folder);
  const array = fixture('channels.npy');
  const outcome = await tonno([
    'reconstruct',
    series,
    array,
    '-r',
    'mean',
    '-L',
    4,
    '-M',
    5,
    '-s',
    8,
    '--out',
    out,
  ]);
  const heatmap = join(out, `${series.split('/').at(-1)}_desc-tonno_heatmap.nii.gz`);
  expect(outcome.stdout).toContain(heatmap);
  const { shape, geometry } = await read(heatmap);
  expect(shape).toEqual([4, 3, 4]);
  expect(geometry.affine).toEqual(mask.geometry.affine);
  expect(outcome.stderr).toContain(`${array}: A .npy file says nothing of place and spacing`);
  const record = JSON.parse(readFileSync(join(out, 'channels_desc-tonno_heatmap.json'), 'utf8'));
  expect(record.inputNotes).toEqual([expect.stringContaining('A .npy file says nothing of place')]);
  expect(record.input.file).toBe(array);
});

test('the command line has it all', async () => {
  const out = join(newFolder(folder), 'scan.nii.gz');
  const outcome = await tonno(['convert', series, out, '--json']);
  expect([outcome.code, outcome.stderr]).toEqual([0, '']);
  expect(JSON.parse(outcome.stdout)).toMatchObject({ out, type: 'int16', axes: 'SPL' });
  expect(recogniseFormat(headerBytes(out))).toBe('nifti');
  const refused = await tonno(['convert', series, 'out.jpg']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('error: out.jpg: The end of its name does not say');
});
