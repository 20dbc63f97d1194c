/**
 * Compressed bytes to plain ones, never more than a bound: a few kilobytes can unpack to gigabytes. Two kinds occur
 * around DICOM: whole files in gzip, and data sets in the deflated transfer syntax, which have no frame of their own.
 */

import { VolumeError } from '../../errors.ts';
import { ByteReader, concatenate } from '../bytes.ts';

/** Larger files come uncompressed, or with compressed frames. */
export const MOST_UNPACKED = 1 << 29;
const PIECE = 1 << 20;
/** Deflate grows at most about a thousandfold, so one piece to 16 MiB. */
const DEFLATED_PIECE = 1 << 14;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** @throws VolumeError when the bytes are cut off, damaged, or unpack to more than `most`. */
export async function gunzip(bytes: Uint8Array, name: string, most = MOST_UNPACKED): Promise<Uint8Array> {
  const reader = await ByteReader.open(bytes, name);
  try {
    const parts: Uint8Array[] = [];
    for (let total = 0; ; ) {
      const piece = new Uint8Array(PIECE);
      const length = await reader.readInto(piece);
      total += length;
      if (total > most) throw tooLarge(name, most, 'Unpack it with gunzip first.');
      parts.push(piece.subarray(0, length));
      if (length < PIECE) return concatenate(parts);
    }
  } finally {
    await reader.close();
  }
}

/** @throws VolumeError when the bytes are cut off, damaged, or unpack to more than `most`. */
export async function inflate(bytes: Uint8Array, name: string, most = MOST_UNPACKED): Promise<Uint8Array> {
  try {
    return await inflateExactly(bytes, name, most);
  } catch (error) {
    // Data sets are padded to even length, and some engines take a byte behind the end for damage.
    if (error instanceof VolumeError || bytes.at(-1) !== 0) throw refused(name, error);
    try {
      return await inflateExactly(bytes.subarray(0, -1), name, most);
    } catch (again) {
      throw refused(name, again);
    }
  }
}

async function inflateExactly(bytes: Uint8Array, name: string, most: number): Promise<Uint8Array> {
  const { readable, writable } = new DecompressionStream('deflate-raw');
  const reader = readable.getReader();
  const writer = writable.getWriter();
  const feeding = (async () => {
    for (let start = 0; start < bytes.length; start += DEFLATED_PIECE) {
      await writer.write(bytes.subarray(start, start + DEFLATED_PIECE) as BufferSource);
    }
    await writer.close();
  })();
  // The reader's side reports what is wrong with the data.
  feeding.catch(() => undefined);
  const parts: Uint8Array[] = [];
  try {
    for (let total = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return concatenate(parts);
      total += value.length;
      if (total > most) throw tooLarge(name, most, 'Rewrite it uncompressed first: dcmconv +te IN OUT.');
      parts.push(value);
    }
  } catch (error) {
    await Promise.allSettled([reader.cancel(), writer.abort()]);
    throw error;
  }
}

function refused(name: string, cause: unknown): VolumeError {
  if (cause instanceof VolumeError) return cause;
  return new VolumeError(name, 'Its deflated data set is damaged or cut off.', {
    remedy: 'Copy or download the file again.',
    cause,
  });
}

function tooLarge(name: string, most: number, remedy: string): VolumeError {
  return new VolumeError(name, `It unpacks to more than ${most / 2 ** 20} MiB.`, { remedy });
}
