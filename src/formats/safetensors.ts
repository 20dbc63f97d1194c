/**
 * Safetensors files hold named arrays: eight bytes with the length of a JSON header, the header, and then the bytes of
 * all arrays without a gap. timm's weights come as such, and the weights of trainings are kept as such.
 * Format: https://github.com/huggingface/safetensors, "Format".
 */
import { TonnoError } from '../errors.ts';
import { HOST_IS_LITTLE_ENDIAN, swapBytes } from './bytes.ts';
import { fromHalf } from './half.ts';

/** What holds the values of each type. JavaScript has no 16-bit floats before 2025: their bits are kept. */
const arrays = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/** The format's name of a type of numbers. */
export type SafeDtype = keyof typeof arrays;

/** An array to be written, in C order: as F32, F64, I32, I64 or U8. */
export interface WritableTensor {
  readonly data: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
  readonly shape: readonly number[];
}

/** An array in C order. */
export interface SafeTensor {
  readonly dtype: SafeDtype;
  readonly shape: readonly number[];
  /** Of F16 and BF16 the bits; `floats` makes numbers of them. */
  readonly data: WritableTensor['data'] | BigUint64Array | Uint32Array | Uint16Array | Int16Array | Int8Array;
}

export interface Safetensors {
  /** By name, in the order of the header. */
  readonly tensors: Map<string, SafeTensor>;
  readonly metadata: Record<string, string>;
}

/** Bytes that hold the header's length, and what the header is padded to a multiple of. */
const WORD = 8;
const METADATA = '__metadata__';
const AGAIN = 'Copy or download it again.';

/**
 * The arrays in a safetensors file. Their data are views into `bytes`, which must not be changed afterwards, or copies
 * where they do not lie where typed arrays must.
 * @param name what errors call the file.
 * @throws TonnoError when it is another kind of file, cut off or damaged, or has a type that is not known here.
 */
export function readSafetensors(bytes: Uint8Array, name: string): Safetensors {
  const { header, data } = splitHeader(bytes, name);
  const { [METADATA]: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw damaged(name, `Its ${METADATA} are not all texts.`);
  }
  const parts = Object.entries(entries).map(([tensor, entry]) => partOf(tensor, entry, name));
  refuseGaps(parts, data.length, name);
  const tensors = new Map(
    parts.map(({ tensor, dtype, shape, begin, end }): [string, SafeTensor] => [
      tensor,
      { dtype, shape, data: typed(dtype, data.subarray(begin, end)) },
    ]),
  );
  return { tensors, metadata: metadata as Record<string, string> };
}

/**
 * A safetensors file of arrays in the given order; equal input gives equal bytes. The bytes of wide numbers come first,
 * as in the files of the format's own library, so that each array lies where typed arrays must.
 * @throws RangeError when a shape does not fit its data, or a name is the one that the format keeps for itself.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const offsets = new Map<string, number>();
  let total = 0;
  const byWidth = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  for (const [name, { data }] of byWidth) {
    offsets.set(name, total);
    total += data.byteLength;
  }
  const header = encodeHeader(tensors, offsets, metadata);
  const bytes = new Uint8Array(WORD + header.length + total);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, WORD);
  for (const [name, { data }] of tensors) {
    const begin = WORD + header.length + offsets.get(name)!;
    const target = bytes.subarray(begin, begin + data.byteLength);
    target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    if (!HOST_IS_LITTLE_ENDIAN) swapBytes(target, data.BYTES_PER_ELEMENT);
  }
  return bytes;
}

/** Whether an array holds floating-point numbers. */
export function isFloating({ dtype }: SafeTensor): boolean {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16' || dtype === 'F64';
}

/**
 * The values of a floating-point array as float32: F32 as they are (the same array), F16 and BF16 exactly, F64 rounded.
 * @throws RangeError for integers and booleans.
 */
export function floats({ dtype, data }: SafeTensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  if (dtype === 'F16') return Float32Array.from(data as Uint16Array, fromHalf);
  if (dtype !== 'BF16') throw new RangeError(`${dtype} is no type of floating-point numbers.`);
  // The upper half of a float32.
  return new Float32Array(Uint32Array.from(data as Uint16Array, (bits) => bits << 16).buffer);
}

/** An array as the header describes it: bytes begin…end of the data. */
interface Part {
  readonly tensor: string;
  readonly dtype: SafeDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function splitHeader(bytes: Uint8Array, name: string): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length === 0) throw new TonnoError(name, 'The file is empty.', { remedy: AGAIN });
  // Every header is a JSON object, and begins with its brace.
  if (bytes.length > WORD && bytes[WORD] !== 0x7b) throw otherFile(bytes, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length > WORD ? WORD + Number(view.getBigUint64(0, true)) : WORD;
  if (bytes.length <= WORD || end > bytes.length) {
    throw new TonnoError(
      name,
      `The file ends after ${bytes.length} bytes, within the header of a safetensors file.`,
      { remedy: `It was cut off: ${AGAIN.toLowerCase()}` },
    );
  }
  try {
    // JSON.parse takes what begins with a brace for an object or nothing.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(WORD, end));
    return { header: JSON.parse(text), data: bytes.subarray(end) };
  } catch (cause) {
    throw damaged(name, 'Its header is no JSON.', cause);
  }
}

function partOf(tensor: string, entry: unknown, name: string): Part {
  const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
  if (typeof dtype !== 'string' || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw damaged(name, `Its header does not give type, shape and place of the array "${tensor}".`);
  }
  if (!isKnown(dtype)) {
    throw new TonnoError(name, `The array "${tensor}" is of type ${dtype}, which is not known here.`, {
      remedy: 'Save it as float32 (F32).',
    });
  }
  const [begin, end] = offsets;
  const length = shape.reduce((product, n) => product * n, arrays[dtype].BYTES_PER_ELEMENT);
  if (end - begin !== length) {
    throw damaged(
      name,
      `The array "${tensor}" has bytes ${begin} to ${end}, but [${shape.join(', ')}] of ${dtype} are ${length} bytes.`,
    );
  }
  return { tensor, dtype, shape, begin, end };
}

/** As the format wants it: every byte of the data belongs to one array. */
function refuseGaps(parts: readonly Part[], available: number, name: string): void {
  let covered = 0;
  let before = '';
  for (const { tensor, begin, end } of parts.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered) throw damaged(name, `The arrays "${before}" and "${tensor}" overlap.`);
    if (begin > covered)
      throw damaged(name, `${begin - covered} bytes before the array "${tensor}" are no array's.`);
    if (end > available) {
      throw new TonnoError(
        name,
        `The file ends within the array "${tensor}", after ${available} of at least ${end} bytes of data.`,
        { remedy: `It was cut off: ${AGAIN.toLowerCase()}` },
      );
    }
    covered = end;
    before = tensor;
  }
  if (covered < available) throw damaged(name, `The last ${available - covered} bytes are no array's.`);
}

function typed(dtype: SafeDtype, bytes: Uint8Array): SafeTensor['data'] {
  const array = arrays[dtype];
  const size = array.BYTES_PER_ELEMENT;
  if (HOST_IS_LITTLE_ENDIAN && bytes.byteOffset % size === 0) {
    return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / size);
  }
  // Slicing a Node Buffer does not copy.
  const copy = Uint8Array.from(bytes);
  if (!HOST_IS_LITTLE_ENDIAN) swapBytes(copy, size);
  return new array(copy.buffer);
}

/** Put together by hand: objects would move names that are numbers to the front. */
function encodeHeader(
  tensors: ReadonlyMap<string, WritableTensor>,
  offsets: ReadonlyMap<string, number>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries = [...tensors].map(([name, { data, shape }]) => {
    if (name === METADATA) throw new RangeError(`An array cannot be called ${METADATA}.`);
    if (shape.reduce((product, n) => product * n, 1) !== data.length) {
      throw new RangeError(`The array "${name}" of shape [${shape.join(', ')}] has ${data.length} values.`);
    }
    const begin = offsets.get(name)!;
    const entry = { dtype: typeOf(data), shape, data_offsets: [begin, begin + data.byteLength] };
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (Object.keys(metadata).length > 0) entries.unshift(`"${METADATA}":${JSON.stringify(metadata)}`);
  const text = new TextEncoder().encode(`{${entries.join(',')}}`);
  const padded = new Uint8Array(Math.ceil(text.length / WORD) * WORD).fill(0x20);
  padded.set(text);
  return padded;
}

function typeOf(data: WritableTensor['data']): SafeDtype {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Int32Array) return 'I32';
  return data instanceof BigInt64Array ? 'I64' : 'U8';
}

/** What people give for a safetensors file by mistake, told by its first bytes. */
const others: readonly { magic: string; problem: string; remedy: string }[] = [
  {
    magic: 'PK\u0003\u0004',
    problem: 'This is a zip archive (as torch.save writes .pt, .pth and .bin files), not a safetensors file.',
    remedy: 'Convert it in Python: safetensors.torch.save_file(torch.load(…), …), or take model.safetensors.',
  },
  {
    magic: '\u0080',
    problem: 'This is a Python pickle (as old versions of torch.save write), which is never loaded.',
    remedy: 'Convert it in Python: safetensors.torch.save_file(torch.load(…), …), or take model.safetensors.',
  },
  {
    magic: 'version https://git-lfs',
    problem: 'This is a Git LFS pointer, not the file it points to.',
    remedy: 'Fetch the file with git lfs pull.',
  },
];

function otherFile(bytes: Uint8Array, name: string): TonnoError {
  const head = String.fromCharCode(...bytes.subarray(0, 32));
  const { problem, remedy } = others.find(({ magic }) => head.startsWith(magic)) ?? {
    problem: 'This is not a safetensors file.',
    remedy: 'Give a .safetensors file, as timm and Hugging Face keep weights.',
  };
  return new TonnoError(name, problem, { remedy });
}

function damaged(name: string, what: string, cause?: unknown): TonnoError {
  return new TonnoError(name, `This safetensors file is damaged. ${what}`, { remedy: AGAIN, cause });
}

function isKnown(dtype: string): dtype is SafeDtype {
  return Object.hasOwn(arrays, dtype);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
