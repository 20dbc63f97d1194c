/**
 * NumPy's .npy files hold one array: a line of text about it, padded to a round length, and then its bytes. The
 * header written here has a fixed length, so that a file can grow and its first dimension be set right afterwards.
 * As a volume an array has three axes, or channels before them; of its place in the world it says nothing.
 * Format: numpy.lib.format, versions 1 to 3.
 */

import { VolumeError } from '../errors.ts';
import type { Shape } from '../volume/volume.ts';
import {
  type ByteReader,
  type ByteSource,
  HOST_IS_LITTLE_ENDIAN,
  latin1,
  swapBytes,
  withReader,
} from './bytes.ts';
import {
  type DecodedVolume,
  int64Problem,
  refuse,
  sizeProblem,
  type VolumeHeader,
  type VoxelLimits,
  type VoxelOptions,
} from './decoding.ts';
import {
  readVoxels,
  rearrange,
  settleNotFinite,
  storedBytes,
  VOXEL_ARRAYS,
  type VoxelType,
  widen,
} from './voxels.ts';

/** An array in C order. */
export interface NpyArray {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

const MAGIC = '\x93NUMPY';
/** Magic, two bytes of version, two bytes of header length. */
const PREAMBLE = 10;
/** NumPy aligns the data to 64 bytes. */
const ALIGNMENT = 64;
/** More text than any array's description has. */
const LONGEST_HEADER = 2 ** 20;

/**
 * The header of a little-endian float32 array in C order, to be followed by its bytes.
 * @param length of the header in bytes, a multiple of 64.
 * @throws RangeError when the shape does not fit in `length` bytes.
 */
export function encodeNpyHeader(shape: readonly number[], length = 2 * ALIGNMENT): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const room = length - PREAMBLE - 1;
  if (length % ALIGNMENT !== 0 || dictionary.length > room || room > 0xffff) {
    throw new RangeError(`A .npy header of ${length} bytes cannot hold the shape ${tuple}.`);
  }
  const header = new Uint8Array(length);
  const encode = (text: string, at: number) => {
    for (let i = 0; i < text.length; i++) header[at + i] = text.charCodeAt(i);
  };
  encode(MAGIC, 0);
  header[6] = 1;
  new DataView(header.buffer).setUint16(8, length - PREAMBLE, true);
  encode(`${dictionary.padEnd(room)}\n`, PREAMBLE);
  return header;
}

/**
 * The array in a .npy file of any type of real numbers, in C order, rounded to float32; 64-bit integers are refused unless
 * `int64` is 'convert'. Bytes behind the array are ignored, as NumPy does.
 * @param name what errors call the file.
 * @throws VolumeError for anything else.
 */
export function decodeNpy(bytes: Uint8Array, name: string, limits: VoxelLimits = {}): NpyArray {
  const { dictionary, offset } = splitFile(bytes, name);
  const { type, endian, fortran, shape } = describe(dictionary, name, limits);
  const count = countOf(shape);
  const length = storedBytes({ type, count });
  const available = bytes.length - offset;
  if (length > available) {
    throw new VolumeError(
      name,
      `The file ends after ${available} of the ${length} bytes of an array (${shape.join(', ')}) of ${type}.`,
      { remedy: 'It was cut off: copy or write it again.' },
    );
  }
  // A view could start at any byte, and slicing a Node Buffer does not copy.
  const raw = new Uint8Array(length);
  raw.set(bytes.subarray(offset, offset + length));
  const stored = new VOXEL_ARRAYS[type](raw.buffer);
  if ((endian === 'little') !== HOST_IS_LITTLE_ENDIAN) swapBytes(raw, stored.BYTES_PER_ELEMENT);
  const data = stored instanceof Float32Array ? stored : new Float32Array(count);
  if (data !== stored) widen(stored, data, type);
  return { data: fortran ? transposed(data, shape) : data, shape };
}

/** What a .npy header says, as a volume's. */
interface NpyVolumeHeader extends VolumeHeader {
  readonly datatype: VoxelType;
  readonly fortran: boolean;
  readonly array: readonly number[];
}

/** What a user must know of any volume from a .npy file. */
const NO_PLACE =
  'A .npy file says nothing of place and spacing: its axes are taken as superior, anterior and right, its voxels as cubes of 1 mm.';

export function looksLikeNpy(head: Uint8Array): boolean {
  return latin1(head.subarray(0, MAGIC.length)) === MAGIC;
}

/**
 * The header of a .npy file that holds a volume, [D, H, W] or [C, D, H, W], at the reader's position; the reader then stands
 * behind it.
 * @throws VolumeError when it is no .npy file, or holds what cannot become a volume.
 */
export async function parseNpyHeader(
  reader: ByteReader,
  name: string,
  limits: VoxelLimits = {},
): Promise<NpyVolumeHeader> {
  const preamble = await reader.peek(PREAMBLE + 2);
  const { start, offset } = readPreamble(preamble, name);
  const bytes = new Uint8Array(offset);
  if ((await reader.readInto(bytes)) < offset) throw cutInHeader(name);
  const { type, endian, fortran, shape: array } = describe(latin1(bytes.subarray(start)), name, limits);
  if (array.length !== 3 && array.length !== 4) {
    throw new VolumeError(
      name,
      `Its array (${array.join(', ')}) has ${array.length} axes; a volume has three, or four with channels first.`,
      { remedy: 'Save the array of one volume, [D, H, W] or [C, D, H, W].' },
    );
  }
  if (array.some((length) => length < 1)) {
    throw new VolumeError(name, `Its array (${array.join(', ')}) is empty.`, { remedy: 'Save it again.' });
  }
  const count = countOf(array);
  const extent = extentOf(array, type);
  refuse(name, sizeProblem(Math.max(4 * count, storedBytes({ type, count })), extent, limits));
  return {
    format: '.npy',
    datatype: type,
    endian,
    encoding: 'raw',
    fortran,
    array,
    channels: array.length === 4 ? array[0] : 1,
    shape: array.slice(-3) as unknown as Shape,
    affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    notes: [NO_PLACE],
  };
}

/**
 * The volume in a .npy file of three axes, [D, H, W], or four, [C, D, H, W], of any type of real numbers, in C or Fortran
 * order. Its affine is the identity, and a note says so.
 * @param name what errors call the file.
 * @throws VolumeError when it is damaged, cut off, or holds something else.
 */
export async function decodeNpyVolume(
  source: ByteSource,
  name: string,
  options: VoxelOptions = {},
): Promise<DecodedVolume> {
  return withReader(source, name, options.signal, (reader) => decodeNpyFrom(reader, name, options));
}

/** The same from a reader that stands at the file's start; whoever opened it closes it. */
export async function decodeNpyFrom(
  reader: ByteReader,
  name: string,
  options: VoxelOptions = {},
): Promise<DecodedVolume> {
  const header = await parseNpyHeader(reader, name, options);
  const { datatype: type, endian, fortran, array, channels, shape, affine, notes } = header;
  const extent = extentOf(array, type);
  const stored = await readVoxels(reader, { type, endian, count: countOf(array), extent }, name);
  const data = fortran ? transposed(stored, array) : stored;
  const notFinite = settleNotFinite(data, name, options.nan);
  return { volume: { name, data, channels, shape, geometry: { affine } }, notFinite, notes };
}

/** An array of up to four axes in C order that is stored in Fortran order. */
function transposed(data: Float32Array, shape: readonly number[]): Float32Array {
  if (shape.length < 2) return data;
  // The first axis is the fastest one; what is missing before it is one long.
  const missing = 4 - shape.length;
  const place = (axis: number) => (axis < missing ? shape.length : axis - missing);
  return rearrange(data, [...shape, 1], [place(0), place(1), place(2), place(3)]);
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function extentOf(shape: readonly number[], type: VoxelType): string {
  return `${shape.join('×')} ${type}`;
}

/** Types by what stands behind the byte order in `descr`. */
const TYPES: Readonly<Record<string, VoxelType>> = {
  b1: 'uint8',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};
/** Axes that can be brought into another order. */
const MOST_TRANSPOSED = 4;

interface Description {
  readonly type: VoxelType;
  readonly endian: 'little' | 'big';
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

function describe(dictionary: string, name: string, limits: VoxelLimits): Description {
  const descr = /'descr'\s*:\s*(?:'([^']*)'|(\[))/.exec(dictionary);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(dictionary)?.[1];
  const tuple = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(dictionary)?.[1];
  if (!descr || order === undefined || tuple === undefined) {
    throw new VolumeError(name, 'The header of this .npy file is damaged.', { remedy: 'Write it again.' });
  }
  const text = descr[1] ?? 'a record';
  if (text.endsWith('O')) {
    throw new VolumeError(name, 'This .npy file holds pickled Python objects, which are never loaded.', {
      remedy: 'Save a float32 array.',
    });
  }
  const [, byteOrder, code] = /^([<>|])(\w+)$/.exec(text) ?? [];
  const type = code !== undefined && Object.hasOwn(TYPES, code) ? TYPES[code] : undefined;
  if (type === undefined) {
    const plain = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 20);
    throw new VolumeError(name, `The values of this .npy file are ${plain}, not one real number each.`, {
      remedy: "Convert them with array.astype('<f4').",
    });
  }
  refuse(name, int64Problem(type, limits));
  const shape = tuple
    .split(',')
    .filter((length) => length.trim())
    .map(Number);
  const fortran = order === 'True' && shape.length > 1;
  if (fortran && shape.length > MOST_TRANSPOSED) {
    throw new VolumeError(name, 'This .npy file is in Fortran order.', {
      remedy: 'Save numpy.ascontiguousarray(array).',
    });
  }
  return { type, endian: byteOrder === '>' ? 'big' : 'little', fortran, shape };
}

function splitFile(bytes: Uint8Array, name: string): { dictionary: string; offset: number } {
  const { start, offset } = readPreamble(bytes, name);
  if (bytes.length < offset) throw cutInHeader(name);
  return { dictionary: latin1(bytes.subarray(start, offset)), offset };
}

/** Where the header's text begins, and where the array does. */
function readPreamble(bytes: Uint8Array, name: string): { start: number; offset: number } {
  if (!looksLikeNpy(bytes)) {
    throw new VolumeError(name, 'This is not a .npy file.', { remedy: 'Save the array with numpy.save.' });
  }
  const version = bytes[6];
  // Version 2 and 3 count the header's length in four bytes.
  const start = version === 1 ? PREAMBLE : PREAMBLE + 2;
  if (bytes.length < start) throw cutInHeader(name);
  if (version < 1 || version > 3) {
    throw new VolumeError(name, `This .npy file has version ${version}; 1, 2 and 3 are known.`, {
      remedy: 'Save the array with numpy.save.',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LONGEST_HEADER) {
    throw new VolumeError(name, 'The header of this .npy file is damaged.', { remedy: 'Write it again.' });
  }
  return { start, offset: start + length };
}

function cutInHeader(name: string): VolumeError {
  return new VolumeError(name, 'The file ends within its .npy header.', {
    remedy: 'It was cut off: copy or write it again.',
  });
}
