/**
 * The marker segments in front of a JPEG or JPEG-LS scan (ITU-T T.81 annex B, T.87 annex C): sizes, components, tables.
 * Read here so that a decoder is asked only for what can be right and what it can do.
 */

import { CodestreamError } from './codec.ts';

/** How many codes there are of each length, 1 to 16, and what they stand for, in order. */
export interface HuffmanTable {
  readonly counts: Uint8Array;
  readonly symbols: Uint8Array;
}

export interface JpegHeader {
  /** The marker of the frame: C3 for lossless, F7 for JPEG-LS, others for what is not read here. */
  readonly process: number;
  readonly precision: number;
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** Horizontal and vertical sampling of the first component, in one byte. */
  readonly sampling: number;
  /** Samples between two restart markers; 0 without. */
  readonly restart: number;
  /** By class (in the high four bits) and number (in the low ones). */
  readonly huffman: ReadonlyMap<number, HuffmanTable>;
  /** Segments LSE of JPEG-LS: each begins with the number of its kind. */
  readonly extensions: readonly Uint8Array[];
  readonly scan: {
    readonly components: number;
    /** Huffman tables of the first component, in one byte; the mapping table of JPEG-LS. */
    readonly tables: number;
    /** Ss, Se, and Ah with Al: predictor and point transform; for JPEG-LS the bound of errors and the interleaving. */
    readonly parameters: readonly [number, number, number];
    /** Where the coded samples begin. */
    readonly start: number;
  };
}

const SOI = 0xd8;
const SOS = 0xda;
const DHT = 0xc4;
const DRI = 0xdd;
const LSE = 0xf8;
/** C0 to CF but for tables, extensions and arithmetic conditions; F7 is JPEG-LS. */
const isFrame = (marker: number) =>
  marker === 0xf7 || (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker));

/** Whether bytes begin as a JPEG or JPEG-LS codestream does. */
export function beginsJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === SOI;
}

/** @throws CodestreamError when the bytes end before the scan, or are no JPEG. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  if (!beginsJpeg(bytes)) throw new CodestreamError('does not begin as JPEG does');
  const uint16 = (at: number) => (bytes[at] << 8) | bytes[at + 1];
  const huffman = new Map<number, HuffmanTable>();
  let frame:
    | Pick<JpegHeader, 'process' | 'precision' | 'rows' | 'columns' | 'components' | 'sampling'>
    | undefined;
  const extensions: Uint8Array[] = [];
  let restart = 0;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) throw new CodestreamError('has a damaged header');
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = uint16(at + 2);
    const start = at + 4;
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) break;
    if (isFrame(marker)) {
      if (length < 11 || frame) throw new CodestreamError('has a damaged header');
      frame = {
        process: marker,
        precision: bytes[start],
        rows: uint16(start + 1),
        columns: uint16(start + 3),
        components: bytes[start + 5],
        sampling: bytes[start + 7],
      };
    } else if (marker === DHT) {
      readHuffman(bytes.subarray(start, end), huffman);
    } else if (marker === DRI) {
      restart = uint16(start);
    } else if (marker === LSE) {
      extensions.push(bytes.subarray(start, end));
    } else if (marker === SOS) {
      if (!frame || length < 8 || bytes[start] * 2 + 6 !== length) {
        throw new CodestreamError('has a damaged header');
      }
      return {
        ...frame,
        restart,
        huffman,
        extensions,
        scan: {
          components: bytes[start],
          tables: bytes[start + 2],
          parameters: [bytes[end - 3], bytes[end - 2], bytes[end - 1]],
          start: end,
        },
      };
    }
    at = end;
  }
  throw new CodestreamError('ends within its header');
}

function readHuffman(segment: Uint8Array, huffman: Map<number, HuffmanTable>): void {
  for (let at = 0; at < segment.length; ) {
    const counts = segment.subarray(at + 1, at + 17);
    const codes = counts.reduce((sum, count) => sum + count, 0);
    // Codes that would not fit among those of 16 bits are no code at all.
    const space = counts.reduce((sum, count, i) => sum + count * 2 ** (15 - i), 0);
    if (counts.length < 16 || at + 17 + codes > segment.length || codes === 0 || space > 0x10000) {
      throw new CodestreamError('has a damaged table');
    }
    huffman.set(segment[at], { counts, symbols: segment.subarray(at + 17, at + 17 + codes) });
    at += 17 + codes;
  }
}
