/** Files of the format's own library and of torch.save come from scripts/fixtures/safetensors_files.py. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TonnoError } from '../../src/errors.ts';
import { concatenate } from '../../src/formats/bytes.ts';
import {
  floats,
  isFloating,
  readSafetensors,
  type WritableTensor,
  writeSafetensors,
} from '../../src/formats/safetensors.ts';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../fixtures/safetensors/${name}`, import.meta.url)));
const utf8 = (text: string) => new TextEncoder().encode(text);
const bitsOf = (values: Float32Array) => [
  ...new Uint32Array(values.buffer, values.byteOffset, values.length),
];

/** A file with any header. */
function build(header: unknown, data = new Uint8Array(0)): Uint8Array {
  const text = typeof header === 'string' ? utf8(header) : utf8(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return concatenate([length, text, data]);
}

const entry = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: offsets,
});

describe('a file of the Python library', () => {
  const { tensors, metadata } = readSafetensors(fixture('types.safetensors'), 'types.safetensors');
  const expected: Record<string, { shape: number[]; float32?: number[]; integers?: string[] }> = JSON.parse(
    readFileSync(new URL('../fixtures/safetensors/expected.json', import.meta.url), 'utf8'),
  );

  test('has these arrays and texts', () => {
    expect([...tensors.keys()].sort()).toEqual(Object.keys(expected).sort());
    expect(tensors.size).toBe(16);
    expect(metadata).toEqual({ format: 'pt' });
    for (const [name, { dtype }] of tensors) {
      if (/^[A-Z]+\d*$/.test(name)) expect(dtype).toBe(name);
    }
  });

  test.each(Object.entries(expected))('%s has PyTorch’s values', (name, { shape, float32, integers }) => {
    const tensor = tensors.get(name)!;
    expect(tensor.shape).toEqual(shape);
    expect(isFloating(tensor)).toBe(float32 !== undefined);
    if (float32) expect(withoutPayload(bitsOf(floats(tensor)))).toEqual(withoutPayload(float32));
    else {
      expect(Array.from(tensor.data, String)).toEqual(integers);
      expect(() => floats(tensor)).toThrow(
        new RangeError(`${tensor.dtype} is no type of floating-point numbers.`),
      );
    }
  });

  test('is written with the same bytes', () => {
    const bytes = fixture('plain.safetensors');
    const plain = readSafetensors(bytes, 'plain.safetensors');
    expect(plain.tensors.size).toBe(7);
    const written = writeSafetensors(plain.tensors as Map<string, WritableTensor>, plain.metadata);
    expect(Buffer.from(written).equals(bytes)).toBe(true);
  });
});

/** What a NaN carries beside being one is nobody's concern, and engines may change it. */
function withoutPayload(bits: readonly number[]): number[] {
  return bits.map((b) => ((b & 0x7fffffff) >>> 0 > 0x7f800000 ? 0x7fc00000 : b));
}

describe('widening', () => {
  const widen = (dtype: 'F16' | 'BF16', data: Uint16Array) => floats({ dtype, shape: [data.length], data });

  test('every half is its formula', () => {
    const values = widen(
      'F16',
      Uint16Array.from({ length: 65536 }, (_, i) => i),
    );
    // From one finite number to the next the step is 2⁻²⁴ at first, and doubles every 1024 numbers.
    let expected = 0;
    for (let i = 0; i < 0x7c00; i++) {
      expect(values[i]).toBe(expected);
      expect(values[0x8000 + i]).toBe(-expected);
      expected += 2 ** (Math.max(1, i >> 10) - 25);
    }
    expect(expected).toBe(65536);
    expect([values[0x7c00], values[0xfc00]]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect(values.filter(Number.isNaN)).toHaveLength(2 * 1023);
  });

  test('a bfloat16 is the upper half of a float32', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const bits = bitsOf(widen('BF16', all));
    expect(bits).toHaveLength(65536);
    expect(bits.findIndex((value, i) => value !== i * 65536)).toBe(-1);
  });
});

const counts = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
const lengthOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
const values = (length: number) => ({ minLength: length, maxLength: length });
/** No NaN with a payload: what is compared are bytes. */
const writable = counts.chain((shape): fc.Arbitrary<WritableTensor> => {
  const length = values(lengthOf(shape));
  const data = fc.oneof(
    fc.float32Array({ ...length, noNaN: true }),
    fc.float64Array({ ...length, noNaN: true }),
    fc.int32Array(length),
    fc.bigInt64Array(length),
    fc.uint8Array(length),
  );
  return data.map((array) => ({ data: array as WritableTensor['data'], shape }));
});
const names = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('__proto__', 'constructor', '10', '2', '"', 'layer1.0.conv1.weight'),
);
const files = fc.uniqueArray(fc.tuple(names, writable), { selector: ([name]) => name, maxLength: 6 });

describe('writing', () => {
  test('and reading gives the same, at any place in a buffer, as bytes or as a Node Buffer', () => {
    fc.assert(
      fc.property(
        files,
        fc.dictionary(names, fc.string({ unit: 'binary' })),
        fc.integer({ min: 0, max: 8 }),
        fc.boolean(),
        (entries, metadata, shift, node) => {
          const written = writeSafetensors(new Map(entries), metadata);
          const moved = concatenate([new Uint8Array(shift), written]);
          const bytes = node ? Buffer.from(moved.buffer).subarray(shift) : moved.subarray(shift);
          const read = readSafetensors(bytes, 'a.safetensors');
          expect([...read.tensors.keys()].sort()).toEqual(entries.map(([name]) => name).sort());
          for (const [name, { data, shape }] of entries) {
            const tensor = read.tensors.get(name)!;
            expect(tensor.shape).toEqual(shape);
            expect(tensor.data.constructor).toBe(data.constructor);
            expect(tensor.data).toEqual(data);
          }
          expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort());
        },
      ),
    );
  });

  test('gives equal bytes for equal input, aligned for every type', () => {
    fc.assert(
      fc.property(files, (entries) => {
        const bytes = writeSafetensors(new Map(entries));
        expect(writeSafetensors(new Map(entries))).toEqual(bytes);
        const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
        expect(start % 8).toBe(0);
        for (const { data } of readSafetensors(bytes, 'a').tensors.values()) {
          // Nothing had to be copied.
          expect(data.buffer).toBe(bytes.buffer);
        }
      }),
    );
  });

  test('keeps the order, also of names that are numbers', () => {
    const one = { data: Uint8Array.of(1), shape: [1] };
    const two = { data: Float64Array.of(2), shape: [] };
    const bytes = writeSafetensors(
      new Map<string, WritableTensor>([
        ['b', one],
        ['10', two],
        ['a', one],
      ]),
    );
    const header = new TextDecoder().decode(bytes.subarray(8, bytes.length - 10));
    expect(header).toBe(
      '{"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},"10":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}}'.padEnd(
        160,
      ),
    );
    expect([...bytes.subarray(-10)]).toEqual([0, 0, 0, 0, 0, 0, 0, 64, 1, 1]);
  });

  test('of nothing is a file', () => {
    const bytes = writeSafetensors(new Map());
    expect(bytes).toEqual(build('{}      '));
    expect(readSafetensors(bytes, 'a')).toEqual({ tensors: new Map(), metadata: {} });
  });

  test('refuses a shape that does not fit, and the name that the format keeps', () => {
    const data = new Float32Array(5);
    expect(() => writeSafetensors(new Map([['w', { data, shape: [2, 3] }]]))).toThrow(
      new RangeError('The array "w" of shape [2, 3] has 5 values.'),
    );
    expect(() => writeSafetensors(new Map([['__metadata__', { data, shape: [5] }]]))).toThrow(
      new RangeError('An array cannot be called __metadata__.'),
    );
  });
});

describe('refuses', () => {
  const refusal = (bytes: Uint8Array): string => {
    try {
      readSafetensors(bytes, 'w.safetensors');
    } catch (error) {
      expect(error).toBeInstanceOf(TonnoError);
      return (error as TonnoError).message;
    }
    throw new Error('It was read.');
  };
  const damaged = (what: string) =>
    `w.safetensors: This safetensors file is damaged. ${what} Copy or download it again.`;
  const four = new Uint8Array(16);

  test('an empty file', () => {
    expect(refusal(new Uint8Array(0))).toBe('w.safetensors: The file is empty. Copy or download it again.');
  });

  test('every beginning of a file, and a file with something behind it', () => {
    const whole = fixture('types.safetensors');
    const start = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    for (let length = 1; length < whole.length; length++) {
      const expected =
        length < start
          ? `The file ends after ${length} bytes, within the header of a safetensors file.`
          : /^The file ends within the array ".+", after \d+ of at least \d+ bytes of data\./;
      const message = refusal(whole.subarray(0, length)).replace('w.safetensors: ', '');
      expect(message).toMatch(expected);
      expect(message).toContain('It was cut off: copy or download it again.');
    }
    expect(refusal(concatenate([whole, four]))).toBe(damaged("The last 16 bytes are no array's."));
  });

  test.each([
    ['{"a":', 'Its header is no JSON.'],
    ['{"a": }', 'Its header is no JSON.'],
    [{ a: null }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: [1] }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: {} }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: entry('4', [0, 16]) }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: entry([-4], [0, 16]) }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: entry([4.5], [0, 18]) }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: entry([4], [0]) }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: entry([4], [0, 16, 16]) }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: entry([4], [-16, 0]) }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: entry([4], [0, 16], 7) }, 'Its header does not give type, shape and place of the array "a".'],
    [{ a: entry([3], [0, 16]) }, 'The array "a" has bytes 0 to 16, but [3] of F32 are 12 bytes.'],
    [{ a: entry([4], [16, 0]) }, 'The array "a" has bytes 16 to 0, but [4] of F32 are 16 bytes.'],
    [{ a: entry([2 ** 40, 2 ** 40], [0, 16]) }, /^The array "a" has bytes 0 to 16, but \[1099511627776, /],
    [{ a: entry([2], [0, 8]), b: entry([3], [4, 16]) }, 'The arrays "a" and "b" overlap.'],
    [{ b: entry([2], [0, 8]), a: entry([2], [0, 8]) }, 'The arrays "b" and "a" overlap.'],
    [{ b: entry([2], [8, 16]), a: entry([1], [0, 4]) }, '4 bytes before the array "b" are no array\'s.'],
    [{ a: entry([2], [0, 8]) }, "The last 8 bytes are no array's."],
    [{ __metadata__: { epoch: 3 } }, 'Its __metadata__ are not all texts.'],
    [{ __metadata__: ['a'] }, 'Its __metadata__ are not all texts.'],
    [{ __metadata__: null }, 'Its __metadata__ are not all texts.'],
  ])('the header %j', (header, what) => {
    const message = refusal(build(header, four));
    if (typeof what === 'string') expect(message).toBe(damaged(what));
    else expect(message.replace(/^.* is damaged\. /, '')).toMatch(what);
  });

  test('a header that is no text', () => {
    expect(refusal(build('{}', four).fill(0xff, 9))).toBe(damaged('Its header is no JSON.'));
  });

  test.each(['F8_E4M3', 'C64', 'toString', ''])('the type "%s"', (dtype) => {
    expect(refusal(build({ 'fc.bias': entry([16], [0, 16], dtype) }, four))).toBe(
      `w.safetensors: The array "fc.bias" is of type ${dtype}, which is not known here. Save it as float32 (F32).`,
    );
  });

  const convert =
    'Convert it in Python: safetensors.torch.save_file(torch.load(…), …), or take model.safetensors.';
  const lfs = utf8('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 21\n');
  test.each([
    [
      'pickle.pt',
      fixture('pickle.pt'),
      `This is a zip archive (as torch.save writes .pt, .pth and .bin files), not a safetensors file. ${convert}`,
    ],
    [
      'pickle-old.pt',
      fixture('pickle-old.pt'),
      `This is a Python pickle (as old versions of torch.save write), which is never loaded. ${convert}`,
    ],
    [
      'a Git LFS pointer',
      lfs,
      'This is a Git LFS pointer, not the file it points to. Fetch the file with git lfs pull.',
    ],
    [
      'a page of HTML',
      utf8('<!DOCTYPE html><html></html>'),
      'This is not a safetensors file. Give a .safetensors file, as timm and Hugging Face keep weights.',
    ],
  ])('%s', (_, bytes, message) => {
    expect(refusal(bytes)).toBe(`w.safetensors: ${message}`);
  });

  test('but not a header whose length begins like a pickle', () => {
    const bytes = build('{}'.padEnd(0x280));
    expect([...bytes.subarray(0, 2)]).toEqual([0x80, 2]);
    expect(readSafetensors(bytes, 'a').tensors.size).toBe(0);
  });
});
