/**
 * What a data set says about its pixels, checked before anything is allocated: how many rows, columns and frames, in
 * which cells they lie, and which bits of a cell are the value. Samples become stored values by these bits alone;
 * rescaling and padding are not the matter here.
 */

import { VolumeError } from '../../errors.ts';
import type { DicomObject } from './object.ts';
import { COPY_AGAIN, shown } from './parse.ts';

/** Stored values of a frame. */
export type StoredValues =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

export interface PixelLayout {
  /** The element that holds them. */
  readonly tag: string;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  /** Bits of a cell: 1, 8, 16 or 32, or 64 for floating point. */
  readonly allocated: number;
  /** Bits of a value. */
  readonly stored: number;
  /** How far the value lies above the lowest bit of its cell. */
  readonly shift: number;
  readonly signed: boolean;
  readonly float: boolean;
}

/** Integers, float and double: elements of pixels, with the bits of a cell that they can have. */
const PIXELS: Readonly<Record<string, readonly number[]>> = {
  '7fe00010': [1, 8, 16, 32],
  '7fe00008': [32],
  '7fe00009': [64],
};

const SAMPLES = '00280002';
const PHOTOMETRIC = '00280004';
const FRAMES = '00280008';
const ROWS = '00280010';
const COLUMNS = '00280011';
const ALLOCATED = '00280100';
const STORED = '00280101';
const HIGH_BIT = '00280102';
const REPRESENTATION = '00280103';

const NAMES: Readonly<Record<string, string>> = {
  [FRAMES]: 'Number of Frames',
  [ROWS]: 'Rows',
  [COLUMNS]: 'Columns',
  [ALLOCATED]: 'Bits Allocated',
  [STORED]: 'Bits Stored',
  [HIGH_BIT]: 'High Bit',
  [REPRESENTATION]: 'Pixel Representation',
};

/** The tag of the element that holds the pixels, if there is one. */
export function pixelElement({ dataset }: DicomObject): string | undefined {
  return Object.keys(PIXELS).find((tag) => dataset.has(tag));
}

/** Number of Frames, 1 when it is not given. */
export function declaredFrames(object: DicomObject): number {
  const { dataset } = object;
  return dataset.has(FRAMES) ? integer(object, FRAMES, 1, 0x7fffffff) : 1;
}

/** @throws VolumeError when there are no pixels, when they are in colour, or when their description makes no sense. */
export function pixelLayout(object: DicomObject): PixelLayout {
  const { dataset, name } = object;
  const tag = pixelElement(object);
  if (tag === undefined) {
    throw new VolumeError(name, 'It has no pixels.', { remedy: 'Give files of images.' });
  }
  refuseColour(object);
  const float = tag !== '7fe00010';
  const allocated = integer(object, ALLOCATED, 1, 64);
  if (!PIXELS[tag].includes(allocated)) {
    throw new VolumeError(name, `Its pixels have ${allocated} bits allocated, which is not supported here.`, {
      remedy: 'Convert it to 8, 16 or 32 bits.',
    });
  }
  const stored = float ? allocated : integer(object, STORED, 1, allocated);
  const highBit =
    float || !dataset.has(HIGH_BIT) ? stored - 1 : integer(object, HIGH_BIT, stored - 1, allocated - 1);
  return {
    tag,
    rows: integer(object, ROWS, 1, 0xffff),
    columns: integer(object, COLUMNS, 1, 0xffff),
    frames: declaredFrames(object),
    allocated,
    stored,
    shift: highBit + 1 - stored,
    signed: !float && integer(object, REPRESENTATION, 0, 1) === 1,
    float,
  };
}

function refuseColour({ dataset, name }: DicomObject): void {
  const samples = dataset.number(SAMPLES) ?? 1;
  const photometric = dataset.string(PHOTOMETRIC) ?? 'MONOCHROME2';
  if (samples === 1 && /^MONOCHROME[12]$/.test(photometric)) return;
  const kind = samples === 1 ? photometric : `${photometric}, ${samples} samples a pixel`;
  throw new VolumeError(name, `It is an image in colour (${kind}), which has no single value a pixel.`, {
    remedy: 'Give the series that it was made from.',
  });
}

/** A number of the description within its bounds. */
function integer(object: DicomObject, tag: string, least: number, most: number): number {
  const { dataset, name } = object;
  const value = dataset.number(tag);
  if (value !== undefined && Number.isInteger(value) && value >= least && value <= most) return value;
  const said = dataset.string(tag);
  throw new VolumeError(
    name,
    said === undefined
      ? `${NAMES[tag]} ${shown(tag)} is missing.`
      : `${NAMES[tag]} ${shown(tag)} is "${said}", where a whole number from ${least} to ${most} is due.`,
    { remedy: COPY_AGAIN },
  );
}

/** An array for the integers of one frame. */
export function integersFor({ rows, columns, allocated, signed }: PixelLayout): StoredValues {
  const length = rows * columns;
  if (allocated <= 8) return signed ? new Int8Array(length) : new Uint8Array(length);
  if (allocated === 16) return signed ? new Int16Array(length) : new Uint16Array(length);
  return signed ? new Int32Array(length) : new Uint32Array(length);
}

/**
 * Cells of up to 32 bits to values: shifts down, drops the bits above `bits`, extends the sign if there is one.
 * Source and target may be one array.
 */
export function toValues(
  cells: ArrayLike<number>,
  target: StoredValues,
  { bits, shift = 0, signed }: { bits: number; shift?: number; signed: boolean },
): StoredValues {
  const up = 32 - bits - shift;
  const down = 32 - bits;
  if (signed) for (let i = 0; i < target.length; i++) target[i] = (cells[i] << up) >> down;
  else for (let i = 0; i < target.length; i++) target[i] = (cells[i] << up) >>> down;
  return target;
}
