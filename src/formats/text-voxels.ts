/** Voxels that are written as text: numbers with white space between them, or bytes as pairs of hexadecimal digits. */

import { VolumeError } from '../errors.ts';
import { type ByteReader, latin1 } from './bytes.ts';
import { AGAIN } from './decoding.ts';
import { GrowingArray, type StoredVoxels, VOXEL_ARRAYS, type VoxelType } from './voxels.ts';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NOT_FINITE = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
]);
/** Longer ones are no numbers; they are not looked at, since looking takes time that grows with the square. */
const LONGEST_WORD = 400;
/** So much text is taken apart at a time. */
const PIECE_BYTES = 1 << 16;

/**
 * The next `count` numbers, rounded to float32.
 * @throws VolumeError when there are fewer, or when one cannot be a voxel of the type.
 */
export async function readTextVoxels(
  reader: ByteReader,
  stored: StoredVoxels,
  name: string,
): Promise<Float32Array> {
  const { type, count } = stored;
  const array = new GrowingArray(stored, name);
  let room = array.room();
  let at = 0;
  const take = (words: readonly string[]) => {
    for (const word of words) {
      if (word === '' || array.filled + at === count) continue;
      if (at === room.length) {
        array.filled += at;
        room = array.room();
        at = 0;
      }
      room[at++] = voxelOf(word, type, name);
    }
  };
  let rest = '';
  for await (const piece of reader.rest()) {
    for (let start = 0; start < piece.length; start += PIECE_BYTES) {
      const words = (rest + latin1(piece.subarray(start, start + PIECE_BYTES))).split(/[\s,]+/);
      rest = words.pop()!;
      take(words);
      if (rest.length > LONGEST_WORD) take([rest]);
    }
    if (array.filled + at === count) break;
  }
  take([rest]);
  array.filled += at;
  if (array.filled < count) {
    throw new VolumeError(
      name,
      `The file ends after ${array.filled} of the ${count} voxels that its header announces (${stored.extent}).`,
      { remedy: AGAIN },
    );
  }
  return array.data;
}

function voxelOf(word: string, type: VoxelType, name: string): number {
  const short = word.length <= LONGEST_WORD;
  const known = short ? NOT_FINITE.get(word.toLowerCase().replace(/^[+-]/, '')) : undefined;
  const value = known ?? (short && NUMBER.test(word) ? Number(word) : undefined);
  const signed = known !== undefined && word.startsWith('-') ? -known : value;
  if (signed === undefined || !fits(signed, type)) {
    const plain = word.slice(0, 20).replace(/[^\x20-\x7e]/g, '?');
    throw new VolumeError(name, `Among its voxels is "${plain}", which is no ${type}.`, {
      remedy: 'Write the file again.',
    });
  }
  return signed;
}

function fits(value: number, type: VoxelType): boolean {
  if (type.startsWith('float')) return true;
  const bits = 8 * VOXEL_ARRAYS[type].BYTES_PER_ELEMENT;
  const [least, most] = type.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  return Number.isInteger(value) && value >= least && value <= most;
}

/**
 * The bytes that are written as hexadecimal digits, white space left out.
 * @throws VolumeError for any other character.
 */
export async function* hexBytes(reader: ByteReader, name: string): AsyncGenerator<Uint8Array> {
  let high = -1;
  for await (const piece of reader.rest()) {
    const bytes = new Uint8Array((piece.length >> 1) + 1);
    let length = 0;
    for (const code of piece) {
      if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) continue;
      const digit = digitOf(code);
      if (digit < 0) {
        throw new VolumeError(name, 'Among its voxels are characters that are no hexadecimal digits.', {
          remedy: 'Write the file again.',
        });
      }
      if (high < 0) {
        high = digit;
      } else {
        bytes[length++] = 16 * high + digit;
        high = -1;
      }
    }
    yield bytes.subarray(0, length);
  }
}

function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? 10 + letter : -1;
}
