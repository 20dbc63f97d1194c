import { readFile } from 'node:fs/promises';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { VolumeError } from '../../../src/errors.ts';
import { looksLikeDicom, readDicom } from '../../../src/formats/dicom/object.ts';
import { gunzip, inflate } from '../../../src/formats/dicom/unpack.ts';
import { type DicomElements, dicomDataSet, dicomFile } from '../../support/dicom.ts';

const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const BIG = '1.2.840.10008.1.2.2';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const JPEG = '1.2.840.10008.1.2.4.50';

const read = async (bytes: Uint8Array) => (await readDicom(bytes, 'test.dcm')).dataset;

async function problemOf(bytes: Uint8Array): Promise<string> {
  try {
    await readDicom(bytes, 'test.dcm');
  } catch (error) {
    expect(error).toBeInstanceOf(VolumeError);
    expect((error as VolumeError).subject).toBe('test.dcm');
    expect((error as VolumeError).remedy).toMatch(/\.$/);
    return (error as VolumeError).problem;
  }
  throw new Error('it was read');
}

describe.each([
  ['explicit', EXPLICIT],
  ['implicit', IMPLICIT],
  ['big-endian', BIG],
])('elements, %s', (_, transferSyntax) => {
  test('are found by tag, with numbers by their types', async () => {
    const dataset = await read(
      dicomFile(
        {
          '00080008': { vr: 'CS', value: ['ORIGINAL', 'PRIMARY', 'AXIAL'] },
          '00080018': { vr: 'UI', value: '1.2.34' },
          '00080050': { vr: 'SH', value: '' },
          '00100010': { vr: 'PN', value: ' Doe^Jane ' },
          '00180050': { vr: 'DS', value: [2.5] },
          '00189087': { vr: 'FD', value: [1000.125] },
          '00200013': { vr: 'IS', value: ['-7 '] },
          '00200032': { vr: 'DS', value: ['-1.5e2', ' 0.25', '+3 '] },
          '00209165': { vr: 'AT', value: [0x00200032, 0x7fe00010] },
          '00280009': { vr: 'AT', value: [0x00181063] },
          '00280010': { vr: 'US', value: [65535] },
          '00289503': { vr: 'SS', value: [-2, 3] },
          '00080304': { vr: 'US', value: [1] },
          '00280008': { vr: 'IS', value: ['1A'] },
          '00540410': { vr: 'SH', value: ['a', '', 'b'] },
          '00660016': { vr: 'OF', value: [1, 2] },
          '00700023': { vr: 'CS', value: 'X' },
        },
        { transferSyntax },
      ),
    );
    expect(dataset.strings('00080008')).toEqual(['ORIGINAL', 'PRIMARY', 'AXIAL']);
    expect(dataset.string('00080008')).toBe('ORIGINAL');
    expect(dataset.string('00080018')).toBe('1.2.34');
    expect(dataset.string('00100010')).toBe('Doe^Jane');
    expect(dataset.number('00180050')).toBe(2.5);
    expect(dataset.number('00189087')).toBe(1000.125);
    expect(dataset.number('00200013')).toBe(-7);
    expect(dataset.numbers('00200032')).toEqual([-150, 0.25, 3]);
    expect(dataset.strings('00209165')).toEqual(['00200032', '7fe00010']);
    expect(dataset.numbers('00280009')).toEqual([0x00181063]);
    expect(dataset.number('00280010')).toBe(65535);
    expect(dataset.string('00280010')).toBe('65535');
    expect(dataset.numbers('00289503')).toEqual([-2, 3]);
    expect(dataset.strings('00540410')).toEqual(['a', '', 'b']);
    // Empty and absent are the same; what is no number is none.
    expect(dataset.has('00080050')).toBe(false);
    expect(dataset.string('00080050')).toBeUndefined();
    expect(dataset.strings('00080050')).toEqual([]);
    expect(dataset.number('00181111')).toBeUndefined();
    expect(dataset.numbers('00181111')).toEqual([]);
    expect(dataset.bytes('00181111')).toBeUndefined();
    expect(dataset.number('00280008')).toBeUndefined();
    expect(dataset.numbers('00280008')).toEqual([Number.NaN]);
    expect(dataset.sequence('00080008')).toEqual([]);
    // The header is there too, and little-endian whatever follows.
    expect(dataset.string('00020010')).toBe(transferSyntax);
    expect(dataset.bytes('00020001')).toEqual(Uint8Array.of(0, 1));
    expect([...dataset.bytes('00280010')!]).toEqual([255, 255]);
  });

  test.each([
    true,
    false,
  ])('of the pixels’ type follow Pixel Representation, in items too (signed: %s)', async (signed) => {
    const vr = signed ? 'SS' : 'US';
    const value = signed ? -2000 : 63536;
    const dataset = await read(
      dicomFile(
        {
          '00280103': { vr: 'US', value: [signed ? 1 : 0] },
          '00280120': { vr, value: [value] },
          '00283000': { vr: 'SQ', value: [{ '00283002': { vr, value: [16, value, 16] } }] },
        },
        { transferSyntax },
      ),
    );
    expect(dataset.number('00280120')).toBe(value);
    expect(dataset.sequence('00283000')[0].numbers('00283002')).toEqual([16, value, 16]);
  });

  test.each([true, false])('in sequences, with or without lengths (%s)', async (undefinedLengths) => {
    const inner: DicomElements = {
      '00081150': { vr: 'UI', value: '1.2.3' },
      '00081199': { vr: 'SQ', value: [{ '00081155': { vr: 'UI', value: '9.8' } }, {}] },
    };
    const dataset = await read(
      dicomFile(
        {
          '00080005': { vr: 'CS', value: 'ISO_IR 192' },
          '00081115': { vr: 'SQ', value: [inner, { '00100010': { vr: 'PN', value: 'Müller' } }] },
          '00081140': { vr: 'SQ', value: [] as DicomElements[] },
          // A sequence that no dictionary knows.
          '00091010': { vr: 'SQ', value: [{ '00091011': { vr: 'LO', value: 'private' } }, {}] },
          '00280010': { vr: 'US', value: [5] },
        },
        { transferSyntax, undefinedLengths },
      ),
    );
    const items = dataset.sequence('00081115');
    expect(items.map((item) => item.string('00081150'))).toEqual(['1.2.3', undefined]);
    expect(items[0].sequence('00081199').map((item) => item.string('00081155'))).toEqual(['9.8', undefined]);
    expect(items[1].string('00100010')).toBe('Müller');
    expect(dataset.sequence('00081140')).toEqual([]);
    expect(dataset.sequence('00091010').map((item) => item.string('00091011'))).toEqual([
      'private',
      undefined,
    ]);
    expect(dataset.number('00280010')).toBe(5);
  });
});

describe('odd but whole files', () => {
  const body: DicomElements = {
    '00080016': { vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' },
    '00280010': { vr: 'US', value: [3] },
  };

  test.each([
    ['explicit', EXPLICIT],
    ['implicit', IMPLICIT],
    ['big-endian', BIG],
  ])('without preamble and header, %s: seen from the first element', async (_, transferSyntax) => {
    const bytes = dicomFile(body, { transferSyntax, preamble: false });
    expect(looksLikeDicom(bytes)).toBe(true);
    const object = await readDicom(bytes, 'test.dcm');
    expect(object.transferSyntax).toBe(transferSyntax);
    expect(object.dataset.number('00280010')).toBe(3);
  });

  test('with a header that names no syntax', async () => {
    const header = dicomDataSet({ '00020013': { vr: 'SH', value: 'TEST' } });
    const bytes = Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      header,
      dicomDataSet(body, { transferSyntax: IMPLICIT }),
    ]);
    expect((await readDicom(bytes, 'test.dcm')).transferSyntax).toBe(IMPLICIT);
  });

  test('that say explicit and are implicit', async () => {
    const whole = dicomFile(body);
    const explicit = dicomDataSet(body);
    const bytes = Buffer.concat([
      whole.subarray(0, whole.length - explicit.length),
      dicomDataSet(body, { transferSyntax: IMPLICIT }),
    ]);
    expect((await read(bytes)).number('00280010')).toBe(3);
  });

  test('in gzip', async () => {
    expect((await read(gzipSync(dicomFile(body)))).number('00280010')).toBe(3);
  });

  test('deflated, padded to even length', async () => {
    const head = dicomFile({}, { transferSyntax: DEFLATED });
    const packed = deflateRawSync(dicomDataSet(body));
    for (const padding of [0, 1]) {
      const bytes = Buffer.concat([head, packed, Buffer.alloc(padding)]);
      const object = await readDicom(bytes, 'test.dcm');
      expect(object.transferSyntax).toBe(DEFLATED);
      expect(object.dataset.number('00280010')).toBe(3);
      expect(object.dataset.string('00020010')).toBe(DEFLATED);
    }
  });

  test('filled up with zeros', async () => {
    for (const zeros of [2, 512]) {
      expect((await read(Buffer.concat([dicomFile(body), Buffer.alloc(zeros)]))).number('00280010')).toBe(3);
    }
  });

  test('with value representations of 64 bits, and of unknown kind', async () => {
    const dataset = await read(
      dicomFile({
        '00091001': { vr: 'SV', value: [-5, 2 ** 40] },
        '00091002': { vr: 'UV', value: [7] },
        '00280010': { vr: 'UN', value: Uint8Array.of(4, 1) },
        '00281050': { vr: 'UN', value: new TextEncoder().encode('40\\400 ') },
        '7fe00001': { vr: 'OV', value: new Uint8Array(16) },
      }),
    );
    expect(dataset.numbers('00091001')).toEqual([-5, 2 ** 40]);
    expect(dataset.number('00091002')).toBe(7);
    expect(dataset.number('00280010')).toBe(260);
    expect(dataset.numbers('00281050')).toEqual([40, 400]);
    expect(dataset.bytes('7fe00001')).toHaveLength(16);
  });

  test('with a sequence of unknown kind, written without value representations', async () => {
    const items = dicomDataSet(
      { '00081140': { vr: 'SQ', value: [{ '00081155': { vr: 'UI', value: '1.9' } }] } },
      { transferSyntax: IMPLICIT },
    ).subarray(8);
    const dataset = await read(dicomFile({ '00081140': { vr: 'UN', value: items } }));
    expect(dataset.sequence('00081140').map((item) => item.string('00081155'))).toEqual(['1.9']);
  });

  test('with text whose backslashes are no separators', async () => {
    const dataset = await read(
      dicomFile({
        '00104000': { vr: 'LT', value: 'C:\\scans ' },
        '00080005': { vr: 'CS', value: 'ISO_IR 13' },
        '00081030': { vr: 'LO', value: Uint8Array.of(0x83, 0x5c, 0x5c, 0x41) },
      }),
    );
    expect(dataset.strings('00104000')).toEqual(['C:\\scans']);
    // The second byte of a katakana is that of a backslash.
    expect(dataset.strings('00081030')).toEqual(['ソ', 'A']);
  });

  test('from the middle of a buffer, as Node hands them out', async () => {
    const file = dicomFile(body);
    const pool = Buffer.alloc(file.length + 20);
    pool.set(file, 7);
    expect((await read(pool.subarray(7, 7 + file.length))).number('00280010')).toBe(3);
  });
});

describe('what is no DICOM, or not whole', () => {
  const file = dicomFile({
    '00080016': { vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' },
    '00081140': { vr: 'SQ', value: [{ '00081155': { vr: 'UI', value: '1.9' } }] },
    '00280010': { vr: 'US', value: [3] },
  });

  test.each([
    ['nothing', new Uint8Array(0), 'The file is empty.'],
    ['text', new TextEncoder().encode('NRRD0004\ntype: float\n'), 'This is not a DICOM file.'],
    ['NIfTI', Uint8Array.of(0x5c, 1, 0, 0, ...new Uint8Array(348)), 'This is not a DICOM file.'],
    ['zeros', new Uint8Array(500), 'This is not a DICOM file.'],
    ['.npy', new TextEncoder().encode('\x93NUMPY\x01\x00v\x00{}'), 'This is not a DICOM file.'],
    ['a mark alone', file.subarray(0, 132), 'There is no data set behind the header of the file.'],
    ['a header alone', dicomFile({}), 'There is no data set behind the header of the file.'],
    [
      'half a value',
      file.subarray(0, -1),
      `The file ends within the element (0028,0010), after ${file.length - 1} bytes.`,
    ],
    ['half a tag', file.subarray(0, -8), 'The file ends within an element, after'],
    ['half an item', file.subarray(0, -14), 'The file ends within the element (0008,1140), after'],
    ['gzip cut off', gzipSync(file).subarray(0, 60), 'The compressed data stop before their end'],
    [
      'deflate cut off',
      Buffer.concat([dicomFile({}, { transferSyntax: DEFLATED }), deflateRawSync(file).subarray(0, 50)]),
      'Its deflated data set is damaged or cut off.',
    ],
    [
      'an unknown value representation',
      Buffer.from(file).fill('Q', file.length - 6, file.length - 4),
      'The element (0028,0010) has no value representation that DICOM knows',
    ],
    [
      'an item longer than its sequence',
      dicomFile(
        { '00081140': { vr: 'UN', value: Uint8Array.of(0xfe, 0xff, 0, 0xe0, 90, 0, 0, 0, 1, 2) } },
        { transferSyntax: IMPLICIT },
      ),
      'The file ends within the element (0008,1140), after',
    ],
    [
      'an element longer than its item',
      // Its length, before four bytes of value and ten of what follows the sequence.
      dicomFile(
        {
          '00081140': { vr: 'SQ', value: [{ '00081155': { vr: 'UI', value: '1.9 ' } }] },
          '00280010': { vr: 'US', value: [3] },
        },
        { transferSyntax: IMPLICIT },
      ).with(-18, 14),
      'The element (0008,1140) at byte',
    ],
    [
      'a sequence without its end',
      dicomFile(
        { '00081140': { vr: 'SQ', value: [{ '00081155': { vr: 'UI', value: '1.9' } }] } },
        { undefinedLengths: true },
      ).subarray(0, -8),
      'The file ends within the element (0008,1140), after',
    ],
    [
      'pixel data with something else among the fragments',
      Buffer.concat([
        dicomFile(
          { '7fe00010': { vr: 'OB', value: [new Uint8Array(0), new Uint8Array(4)] } },
          { transferSyntax: JPEG },
        ).subarray(0, -8),
        Uint8Array.of(8, 0, 8, 0, 0, 0, 0, 0),
      ]),
      'The element (7FE0,0010) at byte',
    ],
  ])('%s', async (_, bytes, problem) => {
    expect((await problemOf(bytes)).slice(0, problem.length)).toBe(problem);
  });

  test('sequences nested a hundred thousand deep', async () => {
    const level = Buffer.from('0800401153510000fffffffffeff00e0ffffffff', 'hex');
    const bytes = Buffer.concat([dicomFile({}), ...Array.from({ length: 100_000 }, () => level)]);
    expect(await problemOf(bytes)).toMatch(
      /^(The sequences in the element \(0008,1140\) are nested too deeply|The file ends within)/,
    );
  });

  test('a damaged sequence that nobody had asked for', async () => {
    const dataset = await read(
      dicomFile({ '00091140': { vr: 'UN', value: Uint8Array.of(0xfe, 0xff, 0, 0xe0, 90, 0, 0, 0, 1, 2) } }),
    );
    expect(() => dataset.sequence('00091140')).toThrow(VolumeError);
  });

  test('names of files say nothing, and heads of other formats are told apart', async () => {
    expect(looksLikeDicom(file.subarray(0, 132))).toBe(true);
    expect(looksLikeDicom(file.subarray(0, 131))).toBe(false);
    expect(looksLikeDicom(gzipSync(file))).toBe(false);
    expect(looksLikeDicom(new Uint8Array(0))).toBe(false);
    const nifti = await readFile(new URL('../../fixtures/nifti/int64.nii', import.meta.url));
    expect(looksLikeDicom(nifti)).toBe(false);
    expect(looksLikeDicom(new TextEncoder().encode('ObjectType = Image\nNDims = 3\n'))).toBe(false);
  });
});

describe('packed bytes', () => {
  const zeros = new Uint8Array(3 << 20);

  test('unpack to what they were', async () => {
    const noise = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i * 31) >>> 7);
    expect(Buffer.compare(await inflate(deflateRawSync(noise), 'x'), noise)).toBe(0);
    expect(Buffer.compare(await gunzip(gzipSync(noise), 'x'), noise)).toBe(0);
  });

  test('unpack no further than the bound', async () => {
    await expect(inflate(deflateRawSync(zeros), 'x', 1 << 20)).rejects.toThrow(
      'It unpacks to more than 1 MiB.',
    );
    await expect(gunzip(gzipSync(zeros), 'x', 1 << 20)).rejects.toThrow('It unpacks to more than 1 MiB.');
    expect(await inflate(deflateRawSync(zeros), 'x', 3 << 20)).toHaveLength(3 << 20);
    expect(await gunzip(gzipSync(zeros), 'x', 3 << 20)).toHaveLength(3 << 20);
  });
});
