import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { VolumeError } from '../../../src/errors.ts';
import { decodeFrame, frameCount } from '../../../src/formats/dicom/frames.ts';
import { type DicomObject, readDicom } from '../../../src/formats/dicom/object.ts';
import { type DicomElements, type DicomValue, dicomFile } from '../../support/dicom.ts';

const FIXTURES = new URL('../../fixtures/dicom/', import.meta.url);
const RLE = '1.2.840.10008.1.2.5';
const JPEG_LOSSLESS = '1.2.840.10008.1.2.4.70';
const JPEG_LS = '1.2.840.10008.1.2.4.80';
const JPEG_2000 = '1.2.840.10008.1.2.4.90';
const BIG = '1.2.840.10008.1.2.2';

interface Image {
  rows?: number;
  columns?: number;
  frames?: string;
  allocated?: number;
  stored?: number;
  highBit?: number;
  signed?: number;
  more?: DicomElements;
}

/** An image's elements; without pixels when they are not given. */
function image(pixels: DicomValue | undefined, vr = 'OW', options: Image = {}): DicomElements {
  const { rows = 2, columns = 3, frames, allocated = 16, stored = allocated, highBit = stored - 1 } = options;
  return {
    '00280002': { vr: 'US', value: [1] },
    '00280004': { vr: 'CS', value: 'MONOCHROME2' },
    ...(frames === undefined ? {} : { '00280008': { vr: 'IS', value: frames } }),
    '00280010': { vr: 'US', value: [rows] },
    '00280011': { vr: 'US', value: [columns] },
    '00280100': { vr: 'US', value: [allocated] },
    '00280101': { vr: 'US', value: [stored] },
    '00280102': { vr: 'US', value: [highBit] },
    '00280103': { vr: 'US', value: [options.signed ?? 0] },
    ...(pixels === undefined ? {} : { '7fe00010': { vr, value: pixels } }),
    ...options.more,
  };
}

const objectOf = (elements: DicomElements, transferSyntax?: string): Promise<DicomObject> =>
  readDicom(dicomFile(elements, { transferSyntax }), 'test.dcm');

async function valuesOf(elements: DicomElements, transferSyntax?: string, index = 0): Promise<number[]> {
  return [...(await decodeFrame(await objectOf(elements, transferSyntax), index)).values];
}

async function problemOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(VolumeError);
  return (error as VolumeError).problem;
}

const six = [1, 2, 3, 4, 5, 60000];

describe('uncompressed frames', () => {
  test('are found by their place', async () => {
    const elements = image([...six, 7, 8, 9, 10, 11, 12], 'OW', { frames: '2' });
    const object = await objectOf(elements);
    expect(frameCount(object)).toBe(2);
    expect(await decodeFrame(object, 0)).toEqual({ rows: 2, columns: 3, values: Uint16Array.from(six) });
    expect([...(await decodeFrame(object, 1)).values]).toEqual([7, 8, 9, 10, 11, 12]);
    expect(await problemOf(decodeFrame(object, 2))).toBe(
      'It has 2 frames; there is none of number 2, from 0.',
    );
    expect(await problemOf(decodeFrame(object, -1))).toMatch(/^It has 2 frames/);
    expect(await problemOf(decodeFrame(object, 0.5))).toMatch(/^It has 2 frames/);
  });

  test('do not change the file', async () => {
    const object = await objectOf(image([0xf001, 2, 3, 4, 5, 6], 'OW', { stored: 12, signed: 1 }), BIG);
    const before = [...object.dataset.bytes('7fe00010')!];
    const { values } = await decodeFrame(object, 0);
    values.fill(99);
    expect([...object.dataset.bytes('7fe00010')!]).toEqual(before);
    expect((await decodeFrame(object, 0)).values[0]).toBe(1);
  });

  test('have values by Bits Stored, High Bit and Pixel Representation', async () => {
    const cells = [0xf800, 0x0800, 0x07ff, 0x0fff, 0x1000, 0x8000];
    expect(await valuesOf(image(cells, 'OW', { stored: 12 }))).toEqual([2048, 2048, 2047, 4095, 0, 0]);
    expect(await valuesOf(image(cells, 'OW', { stored: 12, signed: 1 }))).toEqual([
      -2048, -2048, 2047, -1, 0, 0,
    ]);
    // Values that lie above, as old scanners wrote them.
    const left = { stored: 12, highBit: 15 };
    expect(await valuesOf(image(cells, 'OW', left))).toEqual([0xf80, 0x080, 0x07f, 0x0ff, 0x100, 0x800]);
    expect(await valuesOf(image(cells, 'OW', { ...left, signed: 1 }))).toEqual([
      -128, 128, 127, 255, 256, -2048,
    ]);
    const bytes = Uint8Array.of(0x9f, 0x10, 0x0f, 0xff, 0, 0x1f);
    expect(await valuesOf(image(bytes, 'OB', { allocated: 8, stored: 5, signed: 1 }))).toEqual([
      -1, -16, 15, -1, 0, -1,
    ]);
    const wide = [2 ** 31, 2 ** 32 - 1, 0, 1, 2 ** 31 - 1, 7];
    expect(await valuesOf(image(wide, 'OL', { allocated: 32 }))).toEqual(wide);
    expect(await valuesOf(image(wide, 'OL', { allocated: 32, signed: 1 }))).toEqual(
      wide.map((value) => value | 0),
    );
  });

  test('of single bytes written as big-endian words are turned around, across frames', async () => {
    const bytes = Uint8Array.of(2, 1, 4, 3, 6, 5);
    const options = { rows: 1, columns: 3, frames: '2', allocated: 8 };
    expect(await valuesOf(image(bytes, 'OW', options), BIG)).toEqual([1, 2, 3]);
    expect(await valuesOf(image(bytes, 'OW', options), BIG, 1)).toEqual([4, 5, 6]);
    expect(await valuesOf(image(bytes, 'OB', options), BIG, 1)).toEqual([3, 6, 5]);
  });

  test('of floating point keep what is no number', async () => {
    const elements = image(undefined, 'OW', { allocated: 32 });
    const float = { ...elements, '7fe00008': { vr: 'OF', value: [1.5, Number.NaN, -0.25, Infinity, 0, 1] } };
    expect(await valuesOf(float)).toEqual([1.5, Number.NaN, -0.25, Infinity, 0, 1]);
    expect(await valuesOf(float, BIG)).toEqual([1.5, Number.NaN, -0.25, Infinity, 0, 1]);
    const double = {
      ...image(undefined, 'OW', { allocated: 64 }),
      '7fe00009': { vr: 'OD', value: [Math.PI, 1e-300, 3, 4, 5, 6] },
    };
    expect(await valuesOf(double, BIG)).toEqual([Math.PI, 1e-300, 3, 4, 5, 6]);
  });

  test('of MONOCHROME1 and with padding stay as they are', async () => {
    const more: DicomElements = {
      '00280004': { vr: 'CS', value: 'MONOCHROME1' },
      '00280120': { vr: 'US', value: [60000] },
    };
    expect(await valuesOf(image(six, 'OW', { more }))).toEqual(six);
  });

  test('may be followed by a block’s rest of zeros, and by nothing else', async () => {
    expect(await valuesOf(image([...six, ...new Array(200).fill(0)]))).toEqual(six);
    for (const rest of [[0, 1], new Array(256).fill(0)]) {
      expect(await problemOf(valuesOf(image([...six, ...rest])))).toMatch(
        /^Its pixel data have \d+ bytes, where 12 are due/,
      );
    }
  });
});

describe('descriptions that make no sense are sentences', () => {
  const eight = { allocated: 8 };
  test.each<[string, DicomElements, string]>([
    ['no pixels', image(undefined), 'It has no pixels.'],
    [
      'too few',
      image(six.slice(1)),
      'Its pixel data have 10 bytes, where 12 are due (1 × 2 × 3 pixels of 16 bits).',
    ],
    [
      'too many rows',
      image(six, 'OW', { rows: 65535, columns: 65535 }),
      'Its pixel data have 12 bytes, where 8589672450 are due',
    ],
    [
      'too many frames',
      image(six, 'OW', { frames: '2147483647' }),
      'Its pixel data have 12 bytes, where 25769803764 are due',
    ],
    [
      'no rows',
      image(six, 'OW', { rows: 0 }),
      'Rows (0028,0010) is "0", where a whole number from 1 to 65535 is due.',
    ],
    ['no frames', image(six, 'OW', { frames: '0' }), 'Number of Frames (0028,0008) is "0"'],
    ['half a frame', image(six, 'OW', { frames: '1.5' }), 'Number of Frames (0028,0008) is "1.5"'],
    ['bits allocated', image(six, 'OW', { allocated: 12 }), 'Its pixels have 12 bits allocated'],
    [
      'bits stored',
      image(six, 'OW', { stored: 17 }),
      'Bits Stored (0028,0101) is "17", where a whole number from 1 to 16 is due.',
    ],
    [
      'high bit',
      image(six, 'OW', { stored: 12, highBit: 10 }),
      'High Bit (0028,0102) is "10", where a whole number from 11 to 15 is due.',
    ],
    ['representation', image(six, 'OW', { signed: 2 }), 'Pixel Representation (0028,0103) is "2"'],
    [
      'floats of 16 bits',
      { ...image(undefined), '7fe00008': { vr: 'OF', value: [1, 2, 3] } },
      'Its pixels have 16 bits allocated',
    ],
    [
      'RGB',
      image(new Uint8Array(18), 'OB', {
        ...eight,
        more: { '00280002': { vr: 'US', value: [3] }, '00280004': { vr: 'CS', value: 'RGB' } },
      }),
      'It is an image in colour (RGB, 3 samples a pixel)',
    ],
    [
      'a palette',
      image(new Uint8Array(6), 'OB', {
        ...eight,
        more: { '00280004': { vr: 'CS', value: 'PALETTE COLOR' } },
      }),
      'It is an image in colour (PALETTE COLOR)',
    ],
  ])('%s', async (_, elements, problem) => {
    const found = await problemOf(decodeFrame(await objectOf(elements), 0));
    expect(found.slice(0, problem.length)).toBe(problem);
  });

  test('a missing one is named', async () => {
    for (const [tag, name] of [
      ['00280010', 'Rows (0028,0010)'],
      ['00280011', 'Columns (0028,0011)'],
      ['00280100', 'Bits Allocated (0028,0100)'],
      ['00280101', 'Bits Stored (0028,0101)'],
      ['00280103', 'Pixel Representation (0028,0103)'],
    ]) {
      const { [tag]: _, ...rest } = image(six);
      expect(await problemOf(valuesOf(rest))).toBe(`${name} is missing.`);
    }
  });

  test('frames are counted only when the pixels are as many', async () => {
    expect(frameCount(await objectOf(image(undefined)))).toBe(0);
    expect(frameCount(await objectOf(image(six)))).toBe(1);
    const short = await objectOf(image(six, 'OW', { frames: '3' }));
    expect(() => frameCount(short)).toThrow('Its pixel data have 12 bytes, where 36 are due');
    const colour = image(new Uint8Array(18), 'OB', {
      allocated: 8,
      more: { '00280002': { vr: 'US', value: [3] } },
    });
    expect(frameCount(await objectOf(colour))).toBe(1);
  });
});

describe('compressed frames', () => {
  const empty = new Uint8Array(0);
  const fixture = async (name: string) => readDicom(await readFile(new URL(name, FIXTURES)), name);
  /** The only fragment of a file's only frame. */
  async function streamOf(name: string): Promise<Uint8Array> {
    const value = (await fixture(name)).dataset.bytes('7fe00010')!;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    const first = 8 + view.getUint32(4, true);
    return value.slice(first + 8, first + 8 + view.getUint32(first + 4, true));
  }

  /** Runs and literals by hand: 2 × 3 cells of 32 bits, from the highest byte down. */
  const segments = [
    [251, 1],
    [0, 7, 128, 252, 8],
    [5, 1, 2, 3, 4, 5, 6, 0],
    [2, 9, 9, 9, 254, 255],
  ];
  function rle(parts = segments, count = parts.length): Uint8Array {
    const header = new Uint32Array(16);
    header[0] = count;
    let at = 64;
    parts.forEach((part, i) => {
      header[1 + i] = at;
      at += part.length;
    });
    return Uint8Array.from([...new Uint8Array(header.buffer), ...parts.flat()]);
  }
  const words = [1, 2, 3, 4, 5, 6].map((middle, i) => {
    const bytes = [1, i === 0 ? 7 : 8, middle, i < 3 ? 9 : 255];
    return ((bytes[0] * 256 + bytes[1]) * 256 + bytes[2]) * 256 + bytes[3];
  });

  test('RLE unpacks runs and literals', async () => {
    expect(await valuesOf(image([empty, rle()], 'OB', { allocated: 32 }), RLE)).toEqual(words);
  });

  test.each<[string, Uint8Array, Image, string]>([
    ['a header cut off', rle().subarray(0, 50), { allocated: 32 }, 'ends within its header'],
    ['segments for another cell', rle(), { allocated: 16 }, 'has 4 segments, where 2 are due'],
    [
      'more segments than can be',
      rle(segments, 1000),
      { allocated: 32 },
      'has 1000 segments, where 4 are due',
    ],
    [
      'a segment that is short',
      rle([...segments.slice(0, 3), [2, 9, 9, 9]]),
      { allocated: 32 },
      'has a segment 3 that ends after 3 of 6 bytes',
    ],
    [
      'a segment cut off',
      rle([...segments.slice(0, 3), [5, 9, 9]]),
      { allocated: 32 },
      'has a segment 3 that ends after 0 of 6 bytes',
    ],
    [
      'a run cut off',
      rle([...segments.slice(0, 3), [251]]),
      { allocated: 32 },
      'has a segment 3 that ends after 0 of 6 bytes',
    ],
    [
      'a segment that is long',
      rle([...segments.slice(0, 3), [129, 9]]),
      { allocated: 32 },
      'has a segment 3 that is too long',
    ],
    [
      'a huge image',
      rle(),
      { allocated: 32, rows: 65535, columns: 65535 },
      'is too short for 65535 × 65535 pixels',
    ],
  ])('RLE with %s', async (_, stream, options, problem) => {
    expect(await problemOf(valuesOf(image([empty, stream], 'OB', options), RLE))).toBe(
      `Frame 1 cannot be read: its RLE Lossless (${RLE}) ${problem}.`,
    );
  });

  test('RLE with a segment outside', async () => {
    const stream = rle();
    new DataView(stream.buffer).setUint32(12, 4000, true);
    expect(await problemOf(valuesOf(image([empty, stream], 'OB', { allocated: 32 }), RLE))).toContain(
      'has a segment 1 that lies outside of it',
    );
  });

  test.each<[string, string, string, Image]>([
    [
      'jpeg-lossless.dcm',
      JPEG_LOSSLESS,
      'JPEG Lossless, process 14, selection value 1',
      { rows: 20, columns: 24, signed: 1 },
    ],
    ['jpeg-ls-near.dcm', JPEG_LS, 'JPEG-LS Lossless', { rows: 20, columns: 24, stored: 12 }],
    ['jpeg-2000-16.dcm', JPEG_2000, 'JPEG 2000 Lossless', { rows: 33, columns: 36 }],
  ])('%s: sizes are compared before anything is decoded, and damage is a sentence', async (name, syntax, said, options) => {
    const stream = await streamOf(name);
    const problem = (changed: Image, bytes = stream) =>
      problemOf(valuesOf(image([empty, bytes], 'OB', { ...options, ...changed }), syntax));
    const { rows = 0, columns = 0 } = options;
    expect(await problem({ rows: 65535, columns: 65535 })).toBe(
      `Frame 1 cannot be read: its ${said} (${syntax}) is of ${rows} rows and ${columns} columns, where the data set says 65535 and 65535.`,
    );
    for (const other of [{ rows: rows + 1 }, { columns: columns - 1 }]) {
      expect(await problem(other)).toContain(`is of ${rows} rows and ${columns} columns, where`);
    }
    expect(await problem({ allocated: 8, stored: 8 })).toMatch(
      /has 1[26] bits a sample, where the data set says 8\.$/,
    );
    expect(await problem({}, stream.subarray(0, stream.length >> 1))).toMatch(/(cut off|damaged)/);
    expect(await problem({}, stream.subarray(0, 20))).toMatch(/(ends within its header|does not begin)/);
    expect(await problem({}, stream.subarray(4))).toMatch(/does not begin as JPEG/);
    expect(await problem({}, empty)).toMatch(/does not begin as JPEG/);
    // Damage behind the header, which only the decoder meets.
    const inner = stream.slice();
    inner.fill(0xff, stream.indexOf(0x93, 100) - 4, stream.length - 20);
    expect(await problem({}, inner)).toMatch(/damaged|rows|table|segment/);
    // A codec that has failed does not spoil what comes after it.
    const values = await valuesOf(image([empty, stream], 'OB', options), syntax);
    expect(values).toEqual([...(await decodeFrame(await fixture(name), 0)).values]);
  });

  test('many codestreams at once do not get into each other', async () => {
    const names = [
      'jpeg-2000.dcm',
      'jpeg-2000-16.dcm',
      'jpeg-ls-signed.dcm',
      'jpeg-ls-8.dcm',
      'jpeg-2000-8.dcm',
    ];
    const objects = await Promise.all(names.map(fixture));
    const alone: number[][] = [];
    for (const object of objects) alone.push([...(await decodeFrame(object, 0)).values]);
    const together = await Promise.all(objects.map((object) => decodeFrame(object, 0)));
    expect(together.map(({ values }) => [...values])).toEqual(alone);
  });

  test('a JP2 file around a codestream is taken off', async () => {
    const stream = await streamOf('jpeg-2000-16.dcm');
    const box = (type: string, content: Uint8Array) => {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(content.length + 8);
      head.write(type, 4, 'latin1');
      return Buffer.concat([head, content]);
    };
    const jp2 = Buffer.concat([
      box('jP  ', Buffer.from([13, 10, 0x87, 10])),
      box('ftyp', Buffer.from('jp2 ')),
      box('jp2c', stream),
    ]);
    const options = { rows: 33, columns: 36 };
    expect(await valuesOf(image([empty, Uint8Array.from(jp2)], 'OB', options), JPEG_2000)).toEqual(
      await valuesOf(image([empty, stream], 'OB', options), JPEG_2000),
    );
    const hollow = Buffer.concat([
      box('jP  ', Buffer.from([13, 10, 0x87, 10])),
      box('free', Buffer.alloc(8)),
    ]);
    expect(
      await problemOf(valuesOf(image([empty, Uint8Array.from(hollow)], 'OB', options), JPEG_2000)),
    ).toContain('is a JP2 file without a codestream');
  });

  test('a header of JPEG Lossless is believed only as far as it makes sense', async () => {
    const stream = await streamOf('jpeg-lossless.dcm');
    const find = (marker: number) => stream.findIndex((byte, i) => byte === 0xff && stream[i + 1] === marker);
    const [sof, sos, dht] = [0xc3, 0xda, 0xc4].map(find);
    const changed = (at: number, value: number) => {
      const copy = stream.slice();
      copy[at] = value;
      return problemOf(
        valuesOf(image([empty, copy], 'OB', { rows: 20, columns: 24, signed: 1 }), JPEG_LOSSLESS),
      );
    };
    expect(await changed(sof + 1, 0xc0)).toContain('is of another process than lossless with Huffman codes');
    expect(await changed(sof + 9, 3)).toContain('has 3 components');
    expect(await changed(sof + 11, 0x22)).toContain('has samples that are no pixels');
    expect(await changed(sos + 6, 0x30)).toContain('lacks its Huffman table');
    expect(await changed(sos + 7, 9)).toContain('has a damaged header');
    expect(await changed(sos + 9, 2)).toContain('leaves out the lowest bits (point transform)');
    expect(await changed(dht + 5, 200)).toContain('has a damaged table');
    expect(await changed(stream.length - 1, 0)).toContain('is damaged or cut off');
  });

  test('fragments are told apart by the table or by how codestreams begin', async () => {
    const whole = await fixture('jpeg-2000.dcm');
    for (const name of ['fragments-table.dcm', 'fragments.dcm', 'extended-table.dcm']) {
      const object = await fixture(name);
      for (const index of [0, 1]) {
        expect((await decodeFrame(object, index)).values).toEqual((await decodeFrame(whole, index)).values);
      }
    }
  });

  test('a table that points beside the fragments is not followed', async () => {
    const stream = await streamOf('jpeg-ls-near.dcm');
    const half = stream.length >> 1;
    const parts = [stream.slice(0, half), stream.slice(half), stream.slice(0, half), stream.slice(half)];
    const options = { rows: 20, columns: 24, stored: 12, frames: '2' };
    const table = Uint8Array.of(0, 0, 0, 0, 5, 0, 0, 0);
    const values = await valuesOf(image([table, ...parts], 'OB', options), JPEG_LS, 1);
    expect(values).toEqual([...(await decodeFrame(await fixture('jpeg-ls-near.dcm'), 0)).values]);
    const mixed = [parts[0], parts[1], parts[1], parts[1]];
    expect(await problemOf(valuesOf(image([empty, ...mixed], 'OB', options), JPEG_LS))).toBe(
      'It cannot be told which of its 4 fragments belong to which of its 2 frames.',
    );
  });

  test('only the table tells apart the fragments of what has no beginning', async () => {
    const [first, second] = [rle(), rle([...segments.slice(0, 3), [5, 6, 5, 4, 3, 2, 1]])];
    const pieces = [first.slice(0, 66), first.slice(66), second.slice(0, 70), second.slice(70)];
    const offset = pieces[0].length + pieces[1].length + 16;
    const options = { allocated: 32, frames: '2' };
    const table = Uint8Array.from([0, 0, 0, 0, offset, 0, 0, 0]);
    const read = (index: number) => valuesOf(image([table, ...pieces], 'OB', options), RLE, index);
    expect(await read(0)).toEqual(words);
    expect(await read(1)).toEqual(words.map((word, i) => word - (word % 256) + 6 - i));
    expect(await problemOf(valuesOf(image([empty, ...pieces], 'OB', options), RLE))).toMatch(
      /^It cannot be told/,
    );
  });

  test('fragments that are missing, or none at all', async () => {
    const options = { allocated: 32, frames: '3' };
    expect(await problemOf(valuesOf(image([empty, rle()], 'OB', options), RLE))).toBe(
      'Its pixel data have 1 fragments for 3 frames: 2 are missing.',
    );
    expect(await problemOf(valuesOf(image(six), RLE))).toBe(
      `Its transfer syntax, RLE Lossless (${RLE}), is compressed, but its pixel data are not.`,
    );
  });

  test('syntaxes that are not read are named, with what to do', async () => {
    const problem = async (syntax: string) => {
      const object = await objectOf(image([empty, Uint8Array.of(1, 2)], 'OB'), syntax);
      const error: VolumeError = await decodeFrame(object, 0).catch((reason) => reason);
      return `${error.problem} ${error.remedy}`;
    };
    expect(await problem('1.2.840.10008.1.2.4.50')).toBe(
      'Its pixels are in JPEG Baseline (1.2.840.10008.1.2.4.50), which is not supported here. Rewrite it uncompressed first: gdcmconv --raw IN OUT, or dcmdjpeg IN OUT.',
    );
    expect(await problem('1.2.840.10008.1.2.4.201')).toBe(
      'Its pixels are in High-Throughput JPEG 2000 Lossless (1.2.840.10008.1.2.4.201), which is not supported here. Rewrite it uncompressed first: gdcmconv --raw IN OUT.',
    );
    expect(await problem('1.2.3.4')).toMatch(
      /^Its pixels are in "1\.2\.3\.4", which is not supported here\./,
    );
  });
});
