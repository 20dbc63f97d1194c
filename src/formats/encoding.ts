/** What the encoders of all volume formats have in common: the types that are written, and voxels as their bytes. */

import { HOST_IS_LITTLE_ENDIAN, swapBytes } from './bytes.ts';

export interface VoxelEncodeOptions {
  /** float32 for maps, uint8 for masks and labels. */
  readonly datatype: 'float32' | 'uint8';
  /** A line about where it comes from, as far as the format has room for it. */
  readonly description?: string;
  readonly signal?: AbortSignal;
}

const PIECE_VOXELS = 2 ** 28;

/**
 * Voxels as they stand in a little-endian file; in pieces, since Node 20 has no Uint8Array of 4 GiB or more.
 * @throws RangeError when a value for uint8 is not an integer in 0…255.
 */
export function voxelBytes(data: Float32Array, datatype: VoxelEncodeOptions['datatype']): Uint8Array[] {
  return datatype === 'uint8' ? [toUint8(data)] : littleEndianBytes(data);
}

/** A description as one line of a header that is made of text. */
export function oneLine(description: string): string {
  return description.replace(/\s+/g, ' ').trim();
}

function toUint8(data: Float32Array): Uint8Array {
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    bytes[i] = data[i];
    if (bytes[i] !== data[i]) {
      throw new RangeError(`Value ${data[i]} at index ${i} is not an integer from 0 to 255, as uint8 needs.`);
    }
  }
  return bytes;
}

/** In pieces: Node 20 has no Uint8Array of 4 GiB or more. */
function littleEndianBytes(data: Float32Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += PIECE_VOXELS) {
    const piece = data.subarray(start, start + PIECE_VOXELS);
    if (HOST_IS_LITTLE_ENDIAN) {
      pieces.push(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
      continue;
    }
    const bytes = new Uint8Array(piece.slice().buffer);
    swapBytes(bytes, Float32Array.BYTES_PER_ELEMENT);
    pieces.push(bytes);
  }
  return pieces;
}
