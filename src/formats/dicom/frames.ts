/**
 * Frames of a DICOM object as stored values. Uncompressed ones are found by their place, which needs nothing but the
 * sizes; compressed ones are collected from fragments and handed to a codec. Everything is checked against the number of
 * bytes that are there before memory is taken for it.
 */

import { VolumeError } from '../../errors.ts';
import { HOST_IS_LITTLE_ENDIAN, swapBytes } from '../bytes.ts';
import { type Codec, CodestreamError, type DecodedSamples } from './codecs/codec.ts';
import { CODECS } from './codecs/table.ts';
import { isWordData } from './dataset.ts';
import { codestream } from './encapsulated.ts';
import type { DicomObject } from './object.ts';
import { CUT_OFF } from './parse.ts';
import {
  declaredFrames,
  integersFor,
  type PixelLayout,
  pixelElement,
  pixelLayout,
  type StoredValues,
  toValues,
} from './pixels.ts';
import { DEFLATED_LITTLE, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, syntaxName } from './syntaxes.ts';

/** Stored values of one frame, row by row, before any rescaling; one sample a pixel. */
export interface Frame {
  readonly rows: number;
  readonly columns: number;
  /** rows × columns values. Of the type that Bits Allocated and Pixel Representation ask for. */
  readonly values: StoredValues;
}

const PADDED_BLOCK = 512;
/** Uncompressed syntaxes. */
const PLAIN = [IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG];

/**
 * How many frames an object has; 0 when it has no pixels at all.
 * @throws VolumeError when Number of Frames is no number, or the pixel data are not as long as the frames ask for. For
 *   compressed pixels that is known frame by frame only.
 */
export function frameCount(object: DicomObject): number {
  if (pixelElement(object) === undefined) return 0;
  const grey = (object.dataset.number('00280002') ?? 1) === 1;
  if (grey && PLAIN.includes(object.transferSyntax)) checkLength(object, pixelLayout(object));
  return declaredFrames(object);
}

/**
 * Stored values of a frame, by Bits Stored, High Bit and Pixel Representation; MONOCHROME1 and padding as they are.
 * @param index counts from 0.
 * @throws VolumeError when the image is in colour, when its transfer syntax is not supported, and when its description or
 *   its pixels are damaged, cut off or not of the size that they ought to be.
 */
export async function decodeFrame(object: DicomObject, index: number): Promise<Frame> {
  const layout = pixelLayout(object);
  const { rows, columns, frames } = layout;
  if (!Number.isInteger(index) || index < 0 || index >= frames) {
    throw new VolumeError(object.name, `It has ${frames} frames; there is none of number ${index}, from 0.`);
  }
  const values = PLAIN.includes(object.transferSyntax)
    ? plainValues(object, layout, index)
    : await codedValues(object, layout, index);
  return { rows, columns, values };
}

/** The bytes of uncompressed pixels, when they are as many as the layout asks for. */
function checkLength(
  object: DicomObject,
  { tag, rows, columns, frames, allocated }: PixelLayout,
): Uint8Array {
  const bytes = object.dataset.bytes(tag) ?? new Uint8Array(0);
  const due = Math.ceil((rows * columns * frames * allocated) / 8);
  const padding = bytes.length - due;
  // Values have even lengths, and some writers fill up their last block of 512 bytes. More than that is no padding.
  if (
    padding < 0 ||
    padding >= PADDED_BLOCK ||
    (padding > 1 && bytes.subarray(due).some((byte) => byte !== 0))
  ) {
    throw new VolumeError(
      object.name,
      `Its pixel data have ${bytes.length} bytes, where ${due} are due (${frames} × ${rows} × ${columns} pixels of ${allocated} bits).`,
      { remedy: padding < 0 ? CUT_OFF : 'Have the program that made the file export it anew.' },
    );
  }
  return bytes;
}

function plainValues(object: DicomObject, layout: PixelLayout, index: number): StoredValues {
  const bytes = checkLength(object, layout);
  const { rows, columns, allocated, stored, shift, signed, float } = layout;
  const pixels = rows * columns;
  if (allocated === 1) return unpackBits(bytes, index * pixels, pixels);
  const size = allocated / 8;
  const little = object.transferSyntax !== EXPLICIT_BIG;
  const cells = bytes.slice(index * pixels * size, (index + 1) * pixels * size);
  if (size > 1 && little !== HOST_IS_LITTLE_ENDIAN) swapBytes(cells, size);
  if (size === 1 && !little && isWordData(object.dataset, layout.tag)) {
    // Bytes written as words of 16 bits: each pair of them is turned around, wherever in the file a frame begins.
    for (let i = 0; i < pixels; i++) cells[i] = bytes[(index * pixels + i) ^ 1];
  }
  if (float) return size === 4 ? new Float32Array(cells.buffer) : new Float64Array(cells.buffer);
  const values = viewed(cells.buffer, layout);
  return stored === allocated ? values : toValues(values, values, { bits: stored, shift, signed });
}

/** Pixels of one bit lie without gaps, across frames too; the first is the lowest bit. */
function unpackBits(bytes: Uint8Array, from: number, count: number): Uint8Array {
  const values = new Uint8Array(count);
  for (let i = 0; i < count; i++) values[i] = (bytes[(from + i) >>> 3] >>> ((from + i) & 7)) & 1;
  return values;
}

function viewed(buffer: ArrayBuffer, { allocated, signed }: PixelLayout): StoredValues {
  if (allocated === 8) return signed ? new Int8Array(buffer) : new Uint8Array(buffer);
  if (allocated === 16) return signed ? new Int16Array(buffer) : new Uint16Array(buffer);
  return signed ? new Int32Array(buffer) : new Uint32Array(buffer);
}

async function codedValues(object: DicomObject, layout: PixelLayout, index: number): Promise<StoredValues> {
  const { name, transferSyntax } = object;
  const { tag, rows, columns, frames, allocated } = layout;
  const load = CODECS[transferSyntax];
  if (!load) {
    const jpeg = /^1\.2\.840\.10008\.1\.2\.4\.5[01]$/.test(transferSyntax);
    throw new VolumeError(
      name,
      `Its pixels are in ${syntaxName(transferSyntax)}, which is not supported here.`,
      {
        remedy: `Rewrite it uncompressed first: gdcmconv --raw IN OUT${jpeg ? ', or dcmdjpeg IN OUT' : ''}.`,
      },
    );
  }
  if (tag !== '7fe00010' || allocated === 1) {
    throw new VolumeError(
      name,
      `Its pixels are ${allocated === 1 ? 'single bits' : 'floating point'}, which ${syntaxName(transferSyntax)} cannot pack.`,
      { remedy: 'Have the program that made the file export it anew.' },
    );
  }
  const codec = await load();
  const bytes = codestream(object, frames, index, codec.begins);
  const decoded = await decodeCodestream(codec, { bytes, rows, columns, allocated }, object, index);
  return fromSamples(decoded, layout, name);
}

async function decodeCodestream(
  codec: Codec,
  frame: Parameters<Codec['decode']>[0],
  { name, transferSyntax }: DicomObject,
  index: number,
): Promise<DecodedSamples> {
  try {
    return await codec.decode(frame);
  } catch (error) {
    const words = error instanceof CodestreamError ? error.message : 'is damaged';
    throw new VolumeError(
      name,
      `Frame ${index + 1} cannot be read: its ${syntaxName(transferSyntax)} ${words}.`,
      {
        remedy: 'Copy or download the file again; if that does not help: gdcmconv --raw IN OUT.',
        cause: error,
      },
    );
  }
}

function fromSamples(decoded: DecodedSamples, layout: PixelLayout, name: string): StoredValues {
  const { samples, precision, signed: already, bitsFrom } = decoded;
  const { stored, shift, signed } = layout;
  const target = integersFor(layout);
  if (bitsFrom === 'data set') return toValues(samples, target, { bits: stored, shift, signed });
  if (shift > 0) {
    throw new VolumeError(name, 'High Bit (0028,0102) leaves bits free below its compressed values.', {
      remedy: 'Rewrite it uncompressed first: gdcmconv --raw IN OUT.',
    });
  }
  if (bitsFrom === 'codestream') {
    // As the codestream has them where its sign is the data set's.
    return toValues(samples, target, { bits: already === signed ? 32 : precision, signed });
  }
  return toValues(samples, target, { bits: signed ? precision : stored, signed });
}
