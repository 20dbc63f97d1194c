/**
 * JPEG-LS, lossless and near-lossless (ITU-T T.87), by CharLS. Codestreams know no signs: signed pixels are two's
 * complement in as many bits as the codestream says.
 */

import factory from '@cornerstonejs/codec-charls/decode';
import { type Codec, type CodedFrame, CodestreamError, checkDeclared, type DecodedSamples } from './codec.ts';
import { HeapCodec, type HeapDecoder, type HeapFactory, type HeapModule } from './emscripten.ts';
import { beginsJpeg, readJpegHeader } from './jpeg-header.ts';

interface CharLs extends HeapModule {
  readonly JpegLSDecoder: new () => HeapDecoder;
}

const JPEG_LS_FRAME = 0xf7;

const charls = new HeapCodec(factory as HeapFactory<CharLs>, (module) => new module.JpegLSDecoder());

export const JPEG_LS: Codec = { begins: beginsJpeg, decode };

async function decode(frame: CodedFrame): Promise<DecodedSamples> {
  const header = readJpegHeader(frame.bytes);
  if (header.process !== JPEG_LS_FRAME) throw new CodestreamError('is no JPEG-LS');
  checkDeclared(header, frame);
  const { precision } = header;
  if (precision < 2 || precision > 16) throw new CodestreamError('has a damaged header');
  const samples = await charls.decode(frame.bytes, (decoder) => {
    const { width, height, bitsPerSample, componentCount } = decoder.getFrameInfo();
    checkDeclared(
      { rows: height, columns: width, components: componentCount, precision: bitsPerSample },
      frame,
    );
    const bytes = decoder.getDecodedBuffer().slice();
    return precision > 8 ? new Uint16Array(bytes.buffer) : bytes;
  });
  if (samples.length !== frame.rows * frame.columns) throw new CodestreamError('is damaged or cut off');
  return { samples, precision, signed: false, bitsFrom: 'codestream if signed' };
}
