/**
 * RLE Lossless (PS3.5 annex G): the bytes of all cells, highest byte first, one segment for each, packed as runs and
 * literals (PackBits). 64 bytes in front tell how many segments there are and where they begin.
 */

import { type Codec, type CodedFrame, CodestreamError, type DecodedSamples, MOST_PIXELS } from './codec.ts';

const HEADER = 64;
const MOST_SEGMENTS = 15;
/** Two bytes make a run of at most 128. */
const MOST_GROWTH = 64;

export const RLE: Codec = {
  // Nothing marks a beginning, and a frame is one fragment always.
  begins: () => true,
  decode: async (frame) => decode(frame),
};

function decode({ bytes, rows, columns, allocated }: CodedFrame): DecodedSamples {
  if (bytes.length < HEADER) throw new CodestreamError('ends within its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getUint32(0, true);
  const due = allocated / 8;
  if (count > MOST_SEGMENTS || count !== due) {
    throw new CodestreamError(`has ${count} segments, where ${due} are due`);
  }
  const pixels = rows * columns;
  if (pixels > MOST_PIXELS || pixels * due > bytes.length * MOST_GROWTH) {
    throw new CodestreamError(`is too short for ${rows} × ${columns} pixels`);
  }
  const offsets = Array.from({ length: count }, (_, i) => view.getUint32(4 + i * 4, true));
  const samples =
    due === 1 ? new Uint8Array(pixels) : due === 2 ? new Uint16Array(pixels) : new Uint32Array(pixels);
  for (let segment = 0; segment < count; segment++) {
    const from = offsets[segment];
    const to = offsets[segment + 1] ?? bytes.length;
    if (from < HEADER || to < from || to > bytes.length) {
      throw new CodestreamError(`has a segment ${segment} that lies outside of it`);
    }
    unpack(bytes.subarray(from, to), samples, 2 ** (8 * (count - 1 - segment)), segment);
  }
  return { samples, precision: allocated, signed: false, bitsFrom: 'data set' };
}

/** Adds the bytes of a segment, each times `weight`, to the samples. */
function unpack(
  packed: Uint8Array,
  samples: Uint8Array | Uint16Array | Uint32Array,
  weight: number,
  segment: number,
) {
  let to = 0;
  for (let at = 0; at < packed.length && to < samples.length; ) {
    const head = packed[at++];
    if (head === 128) continue;
    const length = head < 128 ? head + 1 : 257 - head;
    if (to + length > samples.length) throw new CodestreamError(`has a segment ${segment} that is too long`);
    if (head < 128) {
      if (at + length > packed.length) break;
      for (let i = 0; i < length; i++) samples[to++] += packed[at++] * weight;
    } else {
      if (at === packed.length) break;
      const value = packed[at++] * weight;
      for (let i = 0; i < length; i++) samples[to++] += value;
    }
  }
  if (to < samples.length) {
    throw new CodestreamError(`has a segment ${segment} that ends after ${to} of ${samples.length} bytes`);
  }
}
