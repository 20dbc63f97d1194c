/**
 * JPEG Lossless, process 14 (ITU-T T.81 annex H), by jpeg-lossless-decoder-js. That library reads on past the end of its
 * bytes, ignores point transforms and takes unknown codes for zeros, so what it cannot do is refused before, and after it
 * has run it must have made every pixel and stand at the end of the codestream.
 */

import { Decoder } from 'jpeg-lossless-decoder-js';
import { type Codec, type CodedFrame, CodestreamError, checkDeclared, type DecodedSamples } from './codec.ts';
import { beginsJpeg, endOfImage, type JpegHeader, readJpegHeader } from './jpeg-header.ts';

const LOSSLESS_HUFFMAN = 0xc3;
const ONE_TO_ONE = 0x11;

export const JPEG_LOSSLESS: Codec = {
  begins: beginsJpeg,
  decode: async (frame) => decode(frame),
};

function decode(frame: CodedFrame): DecodedSamples {
  const { bytes, rows, columns } = frame;
  const header = readJpegHeader(bytes);
  check(header, frame);
  const end = endOfImage(bytes);
  if (end < header.scan.start) throw new CodestreamError('is cut off: it has no end');
  const decoder = new Decoder();
  const samples = decoder.decode(
    bytes.buffer as ArrayBuffer,
    bytes.byteOffset,
    end,
    header.precision > 8 ? 2 : 1,
  );
  const read = decoder.stream?.index ?? 0;
  if (!samples || decoder.yLoc !== rows || samples.length !== rows * columns || read !== end) {
    throw new CodestreamError('is damaged or cut off');
  }
  return { samples, precision: header.precision, signed: false, bitsFrom: 'data set' };
}

function check(header: JpegHeader, frame: CodedFrame): void {
  const { process, precision, sampling, restart, huffman, scan } = header;
  if (process !== LOSSLESS_HUFFMAN) {
    throw new CodestreamError('is of another process than lossless with Huffman codes');
  }
  checkDeclared(header, frame);
  const [predictor, , transform] = scan.parameters;
  const table = scan.tables >> 4;
  if (
    precision < 2 ||
    precision > 16 ||
    scan.components !== 1 ||
    predictor < 1 ||
    predictor > 7 ||
    table > 3
  ) {
    throw new CodestreamError('has a damaged header');
  }
  if (sampling !== ONE_TO_ONE) throw new CodestreamError('has samples that are no pixels');
  if (transform !== 0) throw new CodestreamError('leaves out the lowest bits (point transform)');
  if (!huffman.has(table)) throw new CodestreamError('lacks its Huffman table');
  if (frame.rows * frame.columns > (frame.bytes.length - scan.start) * 8) {
    throw new CodestreamError(`is too short for ${frame.rows} × ${frame.columns} pixels`);
  }
  // Restarts lie at ends of rows (T.81 H.1.1), and in rows after them only the first predictor is decoded right.
  if (restart > 0 && (predictor !== 1 || restart % frame.columns !== 0)) {
    throw new CodestreamError('restarts in a way that is not supported');
  }
  if (restart > 0 && countRestarts(frame.bytes, scan.start) * restart >= frame.rows * frame.columns) {
    throw new CodestreamError('has more restarts than rows');
  }
}

function countRestarts(bytes: Uint8Array, from: number): number {
  let count = 0;
  for (let at = from; at + 1 < bytes.length; at++) {
    if (bytes[at] === 0xff && bytes[at + 1] >= 0xd0 && bytes[at + 1] <= 0xd7) count++;
  }
  return count;
}
