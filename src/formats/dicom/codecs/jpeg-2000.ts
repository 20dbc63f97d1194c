/**
 * JPEG 2000, reversible and not (ITU-T T.800), by OpenJPEG. Codestreams say whether they are signed, and some contradict
 * the data set, which then counts (as in pydicom). Some lie in a JP2 file, which is forbidden and met.
 */

import factory from '@cornerstonejs/codec-openjpeg/decode';
import { type Codec, type CodedFrame, CodestreamError, checkDeclared, type DecodedSamples } from './codec.ts';
import { HeapCodec, type HeapDecoder, type HeapFactory, type HeapModule } from './emscripten.ts';

interface OpenJpeg extends HeapModule {
  readonly J2KDecoder: new () => HeapDecoder;
}

interface Siz {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  readonly precision: number;
  readonly signed: boolean;
}

const SOC_SIZ = 0xff4fff51;
const JP2_SIGNATURE = 0x6a502020;
const JP2_CODESTREAM = 0x6a703263;
/** SOC, marker and length of SIZ, and its fields with one component. */
const SHORTEST = 2 + 2 + 41;
/** Tiles that a frame is cut into; each costs memory before any of it is decoded. */
const MOST_TILES = 1 << 12;

const openjpeg = new HeapCodec(factory as HeapFactory<OpenJpeg>, (module) => new module.J2KDecoder());

export const JPEG_2000: Codec = {
  begins: (piece) => [SOC_SIZ, JP2_SIGNATURE].some((mark) => [0, 4].includes(positionOf(piece, mark))),
  decode,
};

async function decode(frame: CodedFrame): Promise<DecodedSamples> {
  const bytes = codestreamOf(frame.bytes);
  const { precision, signed, ...size } = readSiz(bytes);
  checkDeclared({ ...size, precision }, frame);
  if (precision > 16) throw new CodestreamError(`has ${precision} bits a sample, more than are decoded here`);
  const end = endOfCodestream(bytes);
  if (end < 0) throw new CodestreamError('is cut off: it has no end');
  const samples = await openjpeg.decode(bytes.subarray(0, end), (decoder) => {
    // One that has failed says so on the console alone, and gives an image of no size.
    const info = decoder.getFrameInfo();
    checkDeclared(
      {
        rows: info.height,
        columns: info.width,
        components: info.componentCount,
        precision: info.bitsPerSample,
      },
      frame,
    );
    return typed(decoder.getDecodedBuffer().slice(), precision, signed);
  });
  if (samples.length !== frame.rows * frame.columns) throw new CodestreamError('is damaged or cut off');
  return { samples, precision, signed, bitsFrom: 'codestream' };
}

function typed(bytes: Uint8Array<ArrayBuffer>, precision: number, signed: boolean): ArrayLike<number> {
  if (precision > 8) return signed ? new Int16Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  return signed ? new Int8Array(bytes.buffer) : bytes;
}

/** The codestream itself, out of the boxes of a JP2 file if it lies in one. */
function codestreamOf(bytes: Uint8Array): Uint8Array {
  if (positionOf(bytes, JP2_SIGNATURE) !== 4) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === JP2_CODESTREAM) return bytes.subarray(at + (length === 1 ? 16 : 8));
    if (length < 8) break;
    at += length;
  }
  throw new CodestreamError('is a JP2 file without a codestream');
}

function readSiz(bytes: Uint8Array): Siz {
  if (bytes.length < SHORTEST || positionOf(bytes, SOC_SIZ) !== 0) {
    throw new CodestreamError('does not begin as JPEG 2000 does');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Behind SOC (2), SIZ (2), its length (2) and the capabilities (2).
  const [width, height, left, top, tileWidth, tileHeight] = [0, 1, 2, 3, 4, 5].map((i) =>
    view.getUint32(8 + i * 4),
  );
  const components = view.getUint16(40);
  const depth = bytes[42];
  if (bytes[43] !== 1 || bytes[44] !== 1) throw new CodestreamError('has samples that are no pixels');
  if (left >= width || top >= height) throw new CodestreamError('has a damaged header');
  const tiles = Math.ceil(width / tileWidth) * Math.ceil(height / tileHeight);
  if (!(tiles <= MOST_TILES)) throw new CodestreamError(`is cut into more than ${MOST_TILES} tiles`);
  return {
    rows: height - top,
    columns: width - left,
    components,
    precision: (depth & 0x7f) + 1,
    signed: depth > 0x7f,
  };
}

/** Where four bytes stand in the first twelve, as a number; -1 when they do not. */
function positionOf(bytes: Uint8Array, mark: number): number {
  for (let at = 0; at + 4 <= Math.min(bytes.length, 12); at++) {
    const word = ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
    if (word === mark) return at;
  }
  return -1;
}

/** Where a codestream ends: right behind its last end marker (FF D9); -1 without one. */
function endOfCodestream(bytes: Uint8Array): number {
  for (let at = bytes.length - 2; at >= 0; at--) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return at + 2;
  }
  return -1;
}
