/**
 * JPEG Lossless of one component, process 14 with every predictor (ITU-T T.81 annex H): each sample is guessed from its
 * neighbours to the left and above, and the size of the error has a Huffman code, behind which the error's bits follow. By
 * hand, because the decoder for JavaScript gives wrong values for some codestreams of 16 bits, and takes what it cannot
 * read for zeros.
 */

import {
  type Codec,
  type CodedFrame,
  CodestreamError,
  checkDeclared,
  type DecodedSamples,
  MOST_PIXELS,
} from './codec.ts';
import { beginsJpeg, type HuffmanTable, type JpegHeader, readJpegHeader } from './jpeg-header.ts';

const LOSSLESS_HUFFMAN = 0xc3;
const ONE_TO_ONE = 0x11;
const RESTART = 0xd0;
const LARGEST_SIZE = 16;

export const JPEG_LOSSLESS: Codec = {
  begins: beginsJpeg,
  decode: async (frame) => decode(frame),
};

function decode(frame: CodedFrame): DecodedSamples {
  const { bytes, rows, columns } = frame;
  const header = readJpegHeader(bytes);
  const codes = checkedCodes(header, frame);
  const { precision, restart, scan } = header;
  const [predictor] = scan.parameters;
  const samples = precision > 8 ? new Uint16Array(rows * columns) : new Uint8Array(rows * columns);
  const bits = new BitReader(bytes, scan.start);
  const guess = PREDICTORS[predictor - 1];
  const middle = 1 << (precision - 1);
  let above = new Int32Array(columns);
  let row = new Int32Array(columns);
  // Rows until the next restart, behind which a row is like the first.
  const period = restart === 0 ? rows : restart / columns;
  for (let y = 0; y < rows; y++) {
    const first = y % period === 0;
    if (first && y > 0) bits.restart((y / period - 1) % 8);
    for (let x = 0; x < columns; x++) {
      const expected = first
        ? x === 0
          ? middle
          : row[x - 1]
        : x === 0
          ? above[0]
          : guess(row[x - 1], above[x], above[x - 1]);
      row[x] = (expected + bits.difference(codes)) & 0xffff;
      samples[y * columns + x] = row[x];
    }
    [above, row] = [row, above];
  }
  bits.finish();
  return { samples, precision, signed: false, bitsFrom: 'data set' };
}

/** By number, from the samples to the left, above, and between them (T.81 table H.1). */
const PREDICTORS: readonly ((a: number, b: number, c: number) => number)[] = [
  (a) => a,
  (_, b) => b,
  (_, __, c) => c,
  (a, b, c) => a + b - c,
  (a, b, c) => a + ((b - c) >> 1),
  (a, b, c) => b + ((a - c) >> 1),
  (a, b) => (a + b) >> 1,
];

/** The codes of the scan's table: by the next 16 bits, length × 256 + size; 0 where there is no code. */
function checkedCodes(header: JpegHeader, frame: CodedFrame): Uint16Array {
  const { process, precision, sampling, restart, huffman, scan } = header;
  if (process !== LOSSLESS_HUFFMAN) {
    throw new CodestreamError('is of another process than lossless with Huffman codes');
  }
  checkDeclared(header, frame);
  const [predictor, , transform] = scan.parameters;
  if (precision < 2 || precision > 16 || scan.components !== 1 || !PREDICTORS[predictor - 1]) {
    throw new CodestreamError('has a damaged header');
  }
  // Decoders disagree on these, and nobody is known to write them.
  if (transform !== 0) throw new CodestreamError('leaves out the lowest bits (point transform)');
  if (sampling !== ONE_TO_ONE) throw new CodestreamError('has samples that are no pixels');
  // Restarts lie at the ends of rows (T.81 H.1.1).
  if (restart % frame.columns !== 0) throw new CodestreamError('restarts within a row');
  const table = huffman.get(scan.tables >> 4);
  if (!table) throw new CodestreamError('lacks its Huffman table');
  const pixels = frame.rows * frame.columns;
  if (pixels > MOST_PIXELS || pixels > (frame.bytes.length - scan.start) * 8) {
    throw new CodestreamError(`is too short for ${frame.rows} × ${frame.columns} pixels`);
  }
  return codesOf(table);
}

function codesOf({ counts, symbols }: HuffmanTable): Uint16Array {
  const codes = new Uint16Array(1 << 16);
  let from = 0;
  let symbol = 0;
  for (let length = 1; length <= 16; length++) {
    for (let i = 0; i < counts[length - 1]; i++) {
      const size = symbols[symbol++];
      if (size > LARGEST_SIZE) throw new CodestreamError('has a damaged table');
      const to = from + 2 ** (16 - length);
      codes.fill(length * 256 + size, from, to);
      from = to;
    }
  }
  return codes;
}

/** Bits of a scan, highest first. A byte FF of data is followed by 00; by anything else it is a marker. */
class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #cache = 0;
  #count = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  /** The next difference between a sample and its guess. */
  difference(codes: Uint16Array): number {
    if (this.#count < 16) this.#fill();
    const missing = Math.max(0, 16 - this.#count);
    const next = ((this.#cache << missing) >>> (this.#count + missing - 16)) & 0xffff;
    const code = codes[next];
    const length = code >> 8;
    if (code === 0 || length > this.#count) throw new CodestreamError('is damaged or cut off');
    this.#count -= length;
    const size = code & 0xff;
    if (size === 0) return 0;
    // The one size that has no bits, for there is one difference of it.
    if (size === LARGEST_SIZE) return 32768;
    if (this.#count < size) this.#fill();
    if (this.#count < size) throw new CodestreamError('is damaged or cut off');
    this.#count -= size;
    const value = (this.#cache >>> this.#count) & ((1 << size) - 1);
    return value >> (size - 1) === 1 ? value : value - (1 << size) + 1;
  }

  /** Passes over a restart marker, which must be the next thing there is. */
  restart(number: number): void {
    this.#toMarker();
    if (this.#bytes[this.#at + 1] !== RESTART + number) throw new CodestreamError('is damaged or cut off');
    this.#at += 2;
    this.#count = 0;
  }

  /** Checks that nothing but padding is left before the next marker. */
  finish(): void {
    this.#toMarker();
  }

  #toMarker(): void {
    this.#fill();
    const bytes = this.#bytes;
    while (bytes[this.#at] === 0xff && bytes[this.#at + 1] === 0xff) this.#at++;
    if (this.#count > 7 || bytes[this.#at] !== 0xff || !(bytes[this.#at + 1] > 0)) {
      throw new CodestreamError('is damaged or cut off');
    }
  }

  #fill(): void {
    const bytes = this.#bytes;
    while (this.#count <= 23 && this.#at < bytes.length) {
      const byte = bytes[this.#at];
      if (byte === 0xff) {
        if (bytes[this.#at + 1] !== 0) return;
        this.#at++;
      }
      this.#cache = (this.#cache << 8) | byte;
      this.#count += 8;
      this.#at++;
    }
  }
}
