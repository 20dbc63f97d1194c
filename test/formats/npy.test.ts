import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatenate } from '../../src/formats/bytes.ts';
import { decodeNpy, decodeNpyVolume, encodeNpyHeader } from '../../src/formats/npy.ts';

const latin1 = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A .npy file with any header text, as numpy.lib.format describes it. */
function buildNpy(dictionary: string, data: ArrayBuffer | Uint8Array, version = 1): Uint8Array {
  const text = `${dictionary}\n`;
  const length = version === 1 ? new Uint8Array(2) : new Uint8Array(4);
  const view = new DataView(length.buffer);
  if (version === 1) view.setUint16(0, text.length, true);
  else view.setUint32(0, text.length, true);
  return concatenate([
    latin1('\x93NUMPY'),
    Uint8Array.of(version, 0),
    length,
    latin1(text),
    data instanceof Uint8Array ? data : new Uint8Array(data),
  ]);
}

/** What numpy 1.26 saves for np.arange(3, dtype='<f4')[None] / 2. */
const SAVED = concatenate([
  latin1(
    `\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }${' '.repeat(58)}\n`,
  ),
  new Uint8Array(Float32Array.of(0, 0.5, 1).buffer),
]);

describe('encodeNpyHeader', () => {
  test('is what NumPy writes', () => {
    expect(encodeNpyHeader([1, 3])).toEqual(SAVED.slice(0, 128));
  });

  test('is as long for any first dimension, so that it can be set right later', () => {
    expect(encodeNpyHeader([0, 4, 128, 128]).length).toBe(128);
    expect(encodeNpyHeader([9_999_999_999, 4, 128, 128]).length).toBe(128);
    expect(encodeNpyHeader([5], 256).length).toBe(256);
  });

  test('refuses a shape that does not fit, and a length that NumPy would not align', () => {
    expect(() => encodeNpyHeader([1, 3], 64)).toThrow(
      new RangeError('A .npy header of 64 bytes cannot hold the shape (1, 3).'),
    );
    expect(() => encodeNpyHeader([1], 100)).toThrow(RangeError);
  });
});

describe('decodeNpy', () => {
  test('reads what NumPy saved', () => {
    expect(decodeNpy(SAVED, 'a.npy')).toEqual({ data: Float32Array.of(0, 0.5, 1), shape: [1, 3] });
  });

  test('reads back any shape, at any place in a buffer, as bytes or as a Node Buffer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }),
        fc.integer({ min: 0, max: 7 }),
        fc.boolean(),
        (shape, shift, node) => {
          const count = shape.reduce((product, length) => product * length, 1);
          const data = Float32Array.from({ length: count }, (_, i) => i / 3);
          const all = concatenate([
            new Uint8Array(shift),
            encodeNpyHeader(shape),
            new Uint8Array(data.buffer),
          ]);
          const bytes = node ? Buffer.from(all.buffer).subarray(shift) : all.subarray(shift);
          const read = decodeNpy(bytes, 'a.npy');
          expect(read).toEqual({ data, shape });
          expect(read.data.buffer.byteLength).toBe(data.byteLength);
        },
      ),
    );
  });

  test.each([1, 2, 3])('rounds float64 to float32, from version %i', (version) => {
    const values = Float64Array.of(0.1, -1e-300, 1e10);
    const bytes = buildNpy(
      "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
      values.buffer,
      version,
    );
    expect([...decodeNpy(bytes, 'a.npy').data]).toEqual([...values].map(Math.fround));
  });

  test('brings Fortran order of up to four axes into C order', () => {
    const ordered = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }";
    const bytes = buildNpy(ordered, Uint8Array.of(0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 255, 255));
    expect(decodeNpy(bytes, 'a.npy')).toEqual({ data: Float32Array.of(1, 2, 3, 4, 5, -1), shape: [2, 3] });
  });

  test('rounds 64-bit integers where that is allowed', () => {
    const bytes = buildNpy(
      "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }",
      BigInt64Array.of(-3n, 2n ** 40n + 1n).buffer,
    );
    expect([...decodeNpy(bytes, 'a.npy', { int64: 'convert' }).data]).toEqual([-3, 2 ** 40]);
  });

  test('ignores bytes behind the array', () => {
    expect(decodeNpy(concatenate([SAVED, new Uint8Array(5)]), 'a.npy').shape).toEqual([1, 3]);
  });

  const header = (descr: string, order = 'False', shape = '(1, 2)') =>
    `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
  test.each([
    ['nothing', new Uint8Array(0), 'This is not a .npy file. Save the array with numpy.save.'],
    ['text', latin1('1,2,3\n4,5,6\n'), 'This is not a .npy file. Save the array with numpy.save.'],
    [
      'a cut preamble',
      SAVED.slice(0, 8),
      'The file ends within its .npy header. It was cut off: copy or write it again.',
    ],
    [
      'a cut header',
      SAVED.slice(0, 60),
      'The file ends within its .npy header. It was cut off: copy or write it again.',
    ],
    [
      'cut data',
      SAVED.slice(0, -5),
      'The file ends after 7 of the 12 bytes of an array (1, 3) of float32. It was cut off: copy or write it again.',
    ],
    [
      'version 9',
      buildNpy(header("'<f4'"), new Uint8Array(8), 9),
      'This .npy file has version 9; 1, 2 and 3 are known. Save the array with numpy.save.',
    ],
    [
      'Fortran order of five axes',
      buildNpy(header("'<f4'", 'True', '(1, 1, 1, 1, 2)'), new Uint8Array(8)),
      'This .npy file is in Fortran order. Save numpy.ascontiguousarray(array).',
    ],
    ...["'<i8'", "'>u8'"].map((descr): [string, Uint8Array, string] => [
      descr,
      buildNpy(header(descr), new Uint8Array(16)),
      `Its voxels are ${descr[2] === 'i' ? 'int64' : 'uint64'}, which float32 cannot hold exactly. Convert it to a smaller type, or allow rounding (int64: 'convert'; on the command line --int64 convert).`,
    ]),
    [
      'objects',
      buildNpy(header("'|O'"), new Uint8Array(80)),
      'This .npy file holds pickled Python objects, which are never loaded. Save a float32 array.',
    ],
    ...["'<c8'", "'<M8'", "'<U3'", "'|V4'"].map((descr): [string, Uint8Array, string] => [
      descr,
      buildNpy(header(descr), new Uint8Array(80)),
      `The values of this .npy file are ${descr.slice(1, -1)}, not one real number each. Convert them with array.astype('<f4').`,
    ]),
    [
      'records',
      buildNpy(header("[('a', '<f4')]"), new Uint8Array(80)),
      "The values of this .npy file are a record, not one real number each. Convert them with array.astype('<f4').",
    ],
    [
      'a damaged header',
      buildNpy("{'descr': '<f4', 'shape': (1, -2)}", new Uint8Array(8)),
      'The header of this .npy file is damaged. Write it again.',
    ],
  ])('refuses %s', (_, bytes, sentences) => {
    expect(() => decodeNpy(bytes, 'a.npy')).toThrow(
      expect.objectContaining({ name: 'VolumeError', subject: 'a.npy', message: `a.npy: ${sentences}` }),
    );
  });
});

describe('decodeNpyVolume', () => {
  test.each([
    ['(6,)', 'Its array (6) has 1 axes; a volume has three, or four with channels first.'],
    ['(1, 1, 1, 2, 3)', 'Its array (1, 1, 1, 2, 3) has 5 axes'],
    ['(2, 0, 3)', 'Its array (2, 0, 3) is empty.'],
    ['(99999, 99999, 99999)', 'would take'],
    ['(2, 3, 4)', 'ends after 6 of the 24 bytes of voxels that its header announces (2×3×4 uint8)'],
  ])('refuses %s', async (shape, sentence) => {
    const bytes = buildNpy(
      `{'descr': '|u1', 'fortran_order': False, 'shape': ${shape}, }`,
      new Uint8Array(6),
    );
    await expect(decodeNpyVolume(bytes, 'a.npy')).rejects.toThrow(sentence);
  });
});
