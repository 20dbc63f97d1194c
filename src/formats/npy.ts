/**
 * NumPy's .npy files hold one array: a line of text about it, padded to a round length, and then its bytes. The
 * header written here has a fixed length, so that a file can grow and its first dimension be set right afterwards.
 * Format: numpy.lib.format, versions 1 to 3.
 */

import { VolumeError } from '../errors.ts';
import { HOST_IS_LITTLE_ENDIAN, swapBytes } from './bytes.ts';

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
 * The array in a .npy file of little-endian float32 or float64 in C order; float64 is rounded to float32. Bytes
 * behind the array are ignored, as NumPy does.
 * @param name what errors call the file.
 * @throws VolumeError for anything else.
 */
export function decodeNpy(bytes: Uint8Array, name: string): NpyArray {
  const { dictionary, offset } = readHeader(bytes, name);
  const descr = /'descr'\s*:\s*(?:'([^']*)'|(\[))/.exec(dictionary);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(dictionary)?.[1];
  const tuple = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(dictionary)?.[1];
  if (!descr || order === undefined || tuple === undefined) {
    throw new VolumeError(name, 'The header of this .npy file is damaged.', { remedy: 'Write it again.' });
  }

  const type = descr[1] ?? 'a record';
  if (type.endsWith('O')) {
    throw new VolumeError(name, 'This .npy file holds pickled Python objects, which are never loaded.', {
      remedy: 'Save a float32 array.',
    });
  }
  if (type !== '<f4' && type !== '<f8') {
    throw new VolumeError(
      name,
      `The values of this .npy file are ${type}, not float32 (<f4) or float64 (<f8).`,
      {
        remedy: "Convert them with array.astype('<f4').",
      },
    );
  }
  const shape = tuple
    .split(',')
    .filter((length) => length.trim())
    .map(Number);
  if (order === 'True' && shape.length > 1) {
    throw new VolumeError(name, 'This .npy file is in Fortran order.', {
      remedy: 'Save numpy.ascontiguousarray(array).',
    });
  }

  const size = type === '<f4' ? 4 : 8;
  const count = shape.reduce((product, length) => product * length, 1);
  const available = bytes.length - offset;
  if (count * size > available) {
    throw new VolumeError(
      name,
      `The file ends after ${available} of the ${count * size} bytes of an array (${shape.join(', ')}) of ${type}.`,
      { remedy: 'It was cut off: copy or write it again.' },
    );
  }
  // A view could start at any byte, and slicing a Node Buffer does not copy.
  const raw = new Uint8Array(count * size);
  raw.set(bytes.subarray(offset, offset + raw.length));
  if (!HOST_IS_LITTLE_ENDIAN) swapBytes(raw, size);
  const data = size === 4 ? new Float32Array(raw.buffer) : new Float32Array(new Float64Array(raw.buffer));
  return { data, shape };
}

function readHeader(bytes: Uint8Array, name: string): { dictionary: string; offset: number } {
  if (String.fromCharCode(...bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw new VolumeError(name, 'This is not a .npy file.', { remedy: 'Save the array with numpy.save.' });
  }
  const version = bytes[6];
  // Version 2 and 3 count the header's length in four bytes.
  const start = version === 1 ? PREAMBLE : PREAMBLE + 2;
  const truncated = new VolumeError(name, 'The file ends within its .npy header.', {
    remedy: 'It was cut off: copy or write it again.',
  });
  if (bytes.length < start) throw truncated;
  if (version < 1 || version > 3) {
    throw new VolumeError(name, `This .npy file has version ${version}; 1, 2 and 3 are known.`, {
      remedy: 'Save the array with numpy.save.',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const offset = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < offset) throw truncated;
  return { dictionary: new TextDecoder().decode(bytes.subarray(start, offset)), offset };
}
