/** What the encoders of all volume formats have in common: the types that are written, and voxels as their bytes. */

import { HOST_IS_LITTLE_ENDIAN, swapBytes } from './bytes.ts';

/** Integers that are written, the smallest first, with the least and the largest of them. */
export const WRITTEN_RANGES = { uint8: [0, 255], int16: [-32768, 32767] } as const;
const INTEGER_ARRAYS = { uint8: Uint8Array, int16: Int16Array } as const;
/** Types that are written. */
export type WrittenType = 'float32' | keyof typeof WRITTEN_RANGES;

export interface VoxelEncodeOptions {
  /** float32 for maps, uint8 for masks and labels, int16 for what was measured in whole numbers. */
  readonly datatype: WrittenType;
  /** A line about where it comes from, as far as the format has room for it. */
  readonly description?: string;
  readonly signal?: AbortSignal;
}

const PIECE_VOXELS = 2 ** 28;

/**
 * Voxels as they stand in a little-endian file; in pieces, since Node 20 has no Uint8Array of 4 GiB or more.
 * @throws RangeError when a value is not an integer of the type's range.
 */
export function voxelBytes(data: Float32Array, datatype: WrittenType): Uint8Array[] {
  if (datatype === 'float32') return littleEndianBytes(data);
  const whole = new INTEGER_ARRAYS[datatype](data.length);
  for (let i = 0; i < data.length; i++) {
    whole[i] = data[i];
    if (whole[i] !== data[i]) {
      const [least, most] = WRITTEN_RANGES[datatype];
      throw new RangeError(
        `Value ${data[i]} at index ${i} is not an integer from ${least} to ${most}, as ${datatype} needs.`,
      );
    }
  }
  const bytes = new Uint8Array(whole.buffer);
  if (!HOST_IS_LITTLE_ENDIAN) swapBytes(bytes, whole.BYTES_PER_ELEMENT);
  return [bytes];
}

/** A description as one line of a header that is made of text. */
export function oneLine(description: string): string {
  return description.replace(/\s+/g, ' ').trim();
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
