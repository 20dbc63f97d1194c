/**
 * JPEG-LS of one component, lossless and near-lossless (ITU-T T.87). Every sample is guessed from four neighbours; the
 * error of the guess is coded by a Golomb code that adapts in one of 365 contexts, and where all is even, runs are coded
 * instead. By hand, because CharLS as it is compiled for JavaScript turns for half a minute on codestreams that are cut
 * off. Names of variables are those of T.87. Codestreams know no signs: signed pixels are two's complement.
 */

import { type Codec, type CodedFrame, CodestreamError, checkDeclared, type DecodedSamples } from './codec.ts';
import { beginsJpeg, type JpegHeader, readJpegHeader } from './jpeg-header.ts';

const JPEG_LS_FRAME = 0xf7;
const PRESETS = 1;

export const JPEG_LS: Codec = {
  begins: beginsJpeg,
  decode: async (frame) => decode(frame),
};

interface Parameters {
  readonly maxval: number;
  readonly near: number;
  readonly thresholds: readonly [number, number, number];
  readonly reset: number;
}

function decode(frame: CodedFrame): DecodedSamples {
  const { bytes, rows, columns } = frame;
  const header = readJpegHeader(bytes);
  const { process, precision, restart, scan } = header;
  if (process !== JPEG_LS_FRAME) throw new CodestreamError('is no JPEG-LS');
  checkDeclared(header, frame);
  const [, interleaving, transform] = scan.parameters;
  if (precision < 2 || precision > 16 || scan.components !== 1 || interleaving > 2) {
    throw new CodestreamError('has a damaged header');
  }
  if (restart !== 0 || transform !== 0 || scan.tables !== 0) {
    throw new CodestreamError('uses restarts, transforms or tables, which are not supported');
  }
  const samples = precision > 8 ? new Uint16Array(rows * columns) : new Uint8Array(rows * columns);
  const bits = new BitReader(bytes, scan.start);
  new Scan(parametersOf(header), bits).decode(samples, columns);
  bits.finish();
  return { samples, precision, signed: false, bitsFrom: 'codestream if signed' };
}

/** Defaults are those of T.87 C.2.4.1.1.1; a preset of 0 means the default. */
function parametersOf({ precision, extensions, scan }: JpegHeader): Parameters {
  const near = scan.parameters[0];
  const preset = extensions.find((segment) => segment[0] === PRESETS && segment.length >= 11);
  const given = (i: number) => (preset ? (preset[1 + 2 * i] << 8) | preset[2 + 2 * i] : 0);
  const maxval = given(0) || 2 ** precision - 1;
  const clamp = (value: number, least: number) => (value > maxval || value < least ? least : value);
  const factor =
    maxval >= 128 ? Math.floor((Math.min(maxval, 4095) + 128) / 256) : Math.floor(256 / (maxval + 1));
  const scaled = (basic: number, offset: number, errors: number) =>
    maxval >= 128
      ? factor * (basic - offset) + offset + errors * near
      : Math.max(offset, Math.floor(basic / factor) + errors * near);
  const t1 = given(1) || clamp(scaled(3, 2, 3), near + 1);
  const t2 = given(2) || clamp(scaled(7, 3, 5), t1);
  const t3 = given(3) || clamp(scaled(21, 4, 7), t2);
  const reset = given(4) || 64;
  const sound = near < t1 && t1 <= t2 && t2 <= t3 && t3 <= maxval && reset >= 3 && 2 * near <= maxval;
  if (maxval >= 2 ** precision || !sound) throw new CodestreamError('has parameters that make no sense');
  return { maxval, near, thresholds: [t1, t2, t3], reset };
}

/** Bits of a scan, highest first. Behind a byte FF comes one of seven bits, or else a marker, which ends the scan. */
class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #cache = 0;
  #count = 0;
  #seven = false;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  /** The next bits as a number, at most 24. */
  read(length: number): number {
    if (length === 0) return 0;
    if (this.#count < length) this.#fill();
    if (this.#count < length) throw new CodestreamError('is damaged or cut off');
    this.#count -= length;
    return (this.#cache >>> this.#count) & (2 ** length - 1);
  }

  /** How many zeros there are before the next one, which is passed over; no more than `most`. */
  zeros(most: number): number {
    for (let zeros = 0; ; ) {
      if (this.#count === 0) this.#fill();
      if (this.#count === 0) throw new CodestreamError('is damaged or cut off');
      const leading = Math.clz32(this.#cache << (32 - this.#count));
      const here = Math.min(leading, this.#count);
      zeros += here;
      if (zeros > most) throw new CodestreamError('is damaged or cut off');
      this.#count -= here;
      if (leading === here && this.#count > 0) {
        this.#count--;
        return zeros;
      }
    }
  }

  /** Checks that nothing but padding is left before the marker that ends the scan. */
  finish(): void {
    this.#fill();
    const [first, second] = [this.#bytes[this.#at], this.#bytes[this.#at + 1]];
    // What pads the last byte, and the seven bits that follow it if it is FF.
    if (this.#count > 14 || first !== 0xff || second < 0x80 || second === undefined) {
      throw new CodestreamError('is damaged or cut off');
    }
  }

  #fill(): void {
    const bytes = this.#bytes;
    while (this.#count <= 23 && this.#at < bytes.length) {
      const byte = bytes[this.#at];
      if (this.#seven) {
        this.#cache = (this.#cache << 7) | byte;
        this.#count += 7;
      } else {
        // The end of the bytes ends the scan as a marker does.
        if (byte === 0xff && !(bytes[this.#at + 1] < 0x80)) return;
        this.#cache = (this.#cache << 8) | byte;
        this.#count += 8;
      }
      this.#seven = byte === 0xff;
      this.#at++;
    }
  }
}

const CONTEXTS = 365;
const INTERRUPTED = CONTEXTS;
/** Lengths of runs, as powers of two. */
const J = [
  0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];
const LONGEST_CODE = 24;

/** The state of a scan: sums of errors, biases and counts of every context, and how long runs are expected to be. */
class Scan {
  readonly #bits: BitReader;
  readonly #maxval: number;
  readonly #near: number;
  readonly #step: number;
  readonly #range: number;
  readonly #qbpp: number;
  readonly #limit: number;
  readonly #reset: number;
  /** Regions of a gradient, −4 to 4, at gradient + maxval. */
  readonly #regions: Int8Array;
  readonly #a: Int32Array;
  readonly #b = new Int32Array(CONTEXTS);
  readonly #c = new Int32Array(CONTEXTS);
  readonly #n = new Int32Array(CONTEXTS + 2).fill(1);
  readonly #nn = new Int32Array(2);
  #run = 0;

  constructor({ maxval, near, thresholds, reset }: Parameters, bits: BitReader) {
    this.#bits = bits;
    this.#maxval = maxval;
    this.#near = near;
    this.#step = 2 * near + 1;
    this.#range = Math.floor((maxval + 2 * near) / this.#step) + 1;
    this.#qbpp = bitsFor(this.#range);
    const bpp = Math.max(2, bitsFor(maxval + 1));
    this.#limit = 2 * (bpp + Math.max(8, bpp));
    this.#reset = reset;
    this.#a = new Int32Array(CONTEXTS + 2).fill(Math.max(2, Math.floor((this.#range + 32) / 64)));
    const regions = new Int8Array(2 * maxval + 1);
    for (const [region, from] of [near + 1, ...thresholds].entries()) {
      regions.fill(region + 1, maxval + from);
      regions.fill(-region - 1, 0, Math.max(0, maxval - from + 1));
    }
    this.#regions = regions;
  }

  /** Fills the samples row by row. */
  decode(samples: Uint8Array | Uint16Array, columns: number): void {
    // A row with a neighbour on either side. Above the first row all is 0.
    let above = new Int32Array(columns + 2);
    let row = new Int32Array(columns + 2);
    for (let start = 0; start < samples.length; start += columns) {
      row[0] = above[1];
      above[columns + 1] = above[columns];
      this.#decodeRow(row, above, columns);
      for (let x = 0; x < columns; x++) samples[start + x] = row[x + 1];
      [above, row] = [row, above];
    }
  }

  #decodeRow(row: Int32Array, above: Int32Array, columns: number): void {
    const regions = this.#regions;
    const maxval = this.#maxval;
    for (let x = 1; x <= columns; ) {
      const ra = row[x - 1];
      const rb = above[x];
      const rc = above[x - 1];
      const q =
        regions[above[x + 1] - rb + maxval] * 81 + regions[rb - rc + maxval] * 9 + regions[rc - ra + maxval];
      if (q === 0) x = this.#decodeRun(row, above, x, columns);
      else row[x++] = this.#decodeSample(q, ra, rb, rc);
    }
  }

  /** A sample beside an edge (T.87 A.4 to A.6). */
  #decodeSample(context: number, ra: number, rb: number, rc: number): number {
    const sign = context < 0 ? -1 : 1;
    const q = context * sign;
    const most = Math.max(ra, rb);
    const least = Math.min(ra, rb);
    const guess = rc >= most ? least : rc <= least ? most : ra + rb - rc;
    const px = Math.min(Math.max(guess + sign * this.#c[q], 0), this.#maxval);
    const n = this.#n[q];
    const k = golomb(n, this.#a[q]);
    const coded = this.#readGolomb(k, this.#limit);
    const turned = k === 0 && this.#near === 0 && 2 * this.#b[q] <= -n;
    const error = (coded & 1) === (turned ? 1 : 0) ? coded >> 1 : -((coded + 1) >> 1);
    // In the turned mapping odd codes are (code − 1) / 2 and even ones −code / 2 − 1.
    const errval = turned && (coded & 1) === 0 ? -(coded >> 1) - 1 : error;
    this.#learn(q, errval);
    return this.#reconstructed(px, sign * errval);
  }

  #learn(q: number, errval: number): void {
    let a = this.#a[q] + Math.abs(errval);
    let b = this.#b[q] + errval * this.#step;
    let n = this.#n[q];
    if (n === this.#reset) {
      a >>= 1;
      b >>= 1;
      n >>= 1;
    }
    n++;
    if (b <= -n) {
      b = Math.max(b + n, 1 - n);
      if (this.#c[q] > -128) this.#c[q]--;
    } else if (b > 0) {
      b = Math.min(b - n, 0);
      if (this.#c[q] < 127) this.#c[q]++;
    }
    this.#a[q] = a;
    this.#b[q] = b;
    this.#n[q] = n;
  }

  /** A run of the sample to the left, and what ends it (T.87 A.7). Returns where to go on. */
  #decodeRun(row: Int32Array, above: Int32Array, from: number, columns: number): number {
    const ra = row[from - 1];
    let x = from;
    while (x <= columns && this.#bits.read(1) === 1) {
      const length = 1 << J[this.#run];
      const end = Math.min(x + length, columns + 1);
      row.fill(ra, x, end);
      if (end - x === length && this.#run < 31) this.#run++;
      x = end;
    }
    if (x > columns) return x;
    const rest = this.#bits.read(J[this.#run]);
    if (x + rest > columns) throw new CodestreamError('is damaged or cut off');
    row.fill(ra, x, x + rest);
    x += rest;
    row[x] = this.#decodeInterruption(ra, above[x]);
    if (this.#run > 0) this.#run--;
    return x + 1;
  }

  #decodeInterruption(ra: number, rb: number): number {
    const type = Math.abs(ra - rb) <= this.#near ? 1 : 0;
    const q = INTERRUPTED + type;
    const n = this.#n[q];
    const k = golomb(n, this.#a[q] + (type === 1 ? n >> 1 : 0));
    const coded = this.#readGolomb(k, this.#limit - J[this.#run] - 1);
    const map = (coded + type) & 1;
    const size = (coded + type + map) >> 1;
    const negative = (k !== 0 || 2 * this.#nn[type] >= n) === (map === 1);
    const errval = negative ? -size : size;
    if (errval < 0) this.#nn[type]++;
    this.#a[q] += (coded + 1 - type) >> 1;
    if (n === this.#reset) {
      this.#a[q] >>= 1;
      this.#nn[type] >>= 1;
      this.#n[q] >>= 1;
    }
    this.#n[q]++;
    return this.#reconstructed(type === 1 ? ra : rb, type === 0 && ra > rb ? -errval : errval);
  }

  /** A limited Golomb code (T.87 A.5.3). */
  #readGolomb(k: number, limit: number): number {
    const longest = limit - this.#qbpp - 1;
    const zeros = this.#bits.zeros(longest);
    return zeros < longest ? zeros * 2 ** k + this.#bits.read(k) : this.#bits.read(this.#qbpp) + 1;
  }

  #reconstructed(px: number, errval: number): number {
    let rx = px + errval * this.#step;
    if (rx < -this.#near) rx += this.#range * this.#step;
    else if (rx > this.#maxval + this.#near) rx -= this.#range * this.#step;
    return Math.min(Math.max(rx, 0), this.#maxval);
  }
}

function golomb(n: number, a: number): number {
  let k = 0;
  while (n * 2 ** k < a) k++;
  if (k > LONGEST_CODE) throw new CodestreamError('is damaged or cut off');
  return k;
}

/** Bits that tell `count` numbers apart. */
function bitsFor(count: number): number {
  return Math.ceil(Math.log2(count));
}
