/**
 * A MetaImage header is text, lines `Key = value`, the last of which is ElementDataFile. The place of the voxels is given by
 * three directions (TransformMatrix, one axis after the other), spacings, and where the first voxel is (Offset), in ITK's
 * world left-posterior-superior. Format: itk.org/Wiki/ITK/MetaIO/Documentation.
 */

import { VolumeError } from '../../errors.ts';
import { type Shape, voxelCount } from '../../volume/volume.ts';
import type { ByteReader } from '../bytes.ts';
import {
  AGAIN,
  int64Problem,
  refuse,
  sizeProblem,
  type VolumeHeader,
  type VoxelLimits,
} from '../decoding.ts';
import { storedBytes, type VoxelType } from '../voxels.ts';
import { affineFault, worldAffine } from '../world.ts';

export interface MetaImageHeader extends VolumeHeader {
  readonly datatype: VoxelType;
  readonly encoding: 'raw' | 'zlib' | 'text';
  /** Whether the channels of a voxel lie side by side; they lie one behind the other otherwise. */
  readonly interleaved: boolean;
  /** Bytes that are passed over before the voxels; −1 where the voxels are the end of the file. */
  readonly headerSize: number;
  /** Bytes of the packed voxels; infinite where the header does not say. */
  readonly packedBytes: number;
  /** Axis lengths and type for errors. */
  readonly extent: string;
}

/** Types of elements; MetaIO's long has four bytes whatever the machine. */
const TYPES: Readonly<Record<string, VoxelType>> = {
  MET_CHAR: 'int8',
  MET_ASCII_CHAR: 'int8',
  MET_UCHAR: 'uint8',
  MET_SHORT: 'int16',
  MET_USHORT: 'uint16',
  MET_INT: 'int32',
  MET_UINT: 'uint32',
  MET_LONG: 'int32',
  MET_ULONG: 'uint32',
  MET_LONG_LONG: 'int64',
  MET_ULONG_LONG: 'uint64',
  MET_FLOAT: 'float32',
  MET_DOUBLE: 'float64',
};

/** Keys that stand for one another, the usual one first. */
const SYNONYMS: readonly (readonly string[])[] = [
  ['TransformMatrix', 'Rotation', 'Orientation'],
  ['Offset', 'Position', 'Origin'],
  ['ElementByteOrderMSB', 'BinaryDataByteOrderMSB'],
];

const LONGEST_LINE = 2 ** 16;
const MOST_LINES = 10_000;
const LONGEST_AXIS = 2 ** 31;

/** A header may begin with any of these. */
const BEGINNING = /^\s*(ObjectType|ObjectSubType|NDims|Comment|TransformType|BinaryData|DimSize)\s*=/;

export function looksLikeMetaImage(head: Uint8Array): boolean {
  return BEGINNING.test(String.fromCharCode(...head.subarray(0, 64)));
}

/**
 * The header at the reader's position; the reader then stands behind it.
 * @throws VolumeError when it is damaged or holds what cannot become a volume.
 */
export async function parseMetaImageHeader(
  reader: ByteReader,
  name: string,
  limits: VoxelLimits = {},
): Promise<MetaImageHeader> {
  const values = await readValues(reader, name);
  const header = new Values(values, name);
  const { lengths, shape } = shapeOf(header);
  const datatype = typeOf(header);
  const elementChannels = header.wholes('ElementNumberOfChannels', 1)?.[0] ?? 1;
  const fourth = lengths[3] ?? 1;
  if (elementChannels > 1 && fourth > 1) {
    throw header.fault(`It has ${elementChannels} channels and a fourth axis of ${fourth} beside them.`);
  }
  const channels = elementChannels * fourth;
  const extent = `${lengths.join('×')} ${channels > fourth ? `× ${channels} channels ` : ''}${datatype}`;
  refuse(name, int64Problem(datatype, limits));
  const count = channels * voxelCount(shape);
  refuse(name, sizeProblem(Math.max(4 * count, storedBytes({ type: datatype, count })), extent, limits));
  const affine = placeOf(header, lengths.length);
  const fault = affineFault(affine);
  if (fault) throw header.fault(`Its affine ${fault}.`);
  refuseIntensities(header);
  return {
    format: 'MetaImage',
    datatype,
    ...storageOf(header),
    interleaved: elementChannels > 1,
    channels,
    shape,
    affine,
    notes: [],
    extent,
  };
}

async function readValues(reader: ByteReader, name: string): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (let number = 0; number < MOST_LINES; number++) {
    const line = await reader.readLine(LONGEST_LINE);
    if (line === undefined) break;
    if (line.trim() === '') continue;
    const equals = line.indexOf('=');
    const key = line.slice(0, Math.max(0, equals)).trim();
    if (!/^[A-Za-z]\w*$/.test(key)) {
      throw damaged(name, 'It has a line in its MetaImage header that is not "Key = value".');
    }
    const value = line.slice(equals + 1).trim();
    const [known = key] = SYNONYMS.find((names) => names.includes(key)) ?? [];
    if (values.has(known) && known !== 'Comment') {
      throw damaged(name, `Its MetaImage header gives ${known} twice.`);
    }
    values.set(known, value);
    // What follows it is data.
    if (key === 'ElementDataFile') return values;
  }
  throw new VolumeError(name, 'The file ends within its MetaImage header, or the header is damaged.', {
    remedy: AGAIN,
  });
}

function damaged(
  name: string,
  problem: string,
  remedy = 'Mend the header, which is text, or write the file again.',
): VolumeError {
  return new VolumeError(name, problem, { remedy });
}

/** The values of a header with the errors about them. */
class Values {
  readonly name: string;
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>, name: string) {
    this.#values = values;
    this.name = name;
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  fault(problem: string, remedy?: string): VolumeError {
    return damaged(this.name, problem, remedy);
  }

  unknown(key: string, remedy?: string): VolumeError {
    const text = (this.get(key) ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, 60);
    return this.fault(
      this.get(key) === undefined
        ? `Its MetaImage header does not give ${key}.`
        : `Its ${key} is "${text}", which cannot be read here.`,
      remedy,
    );
  }

  /** So many finite numbers; undefined where the key is missing. */
  numbers(key: string, count: number): number[] | undefined {
    const text = this.get(key);
    if (text === undefined) return undefined;
    const numbers = text.split(/\s+/).map((word) => (word === '' ? Number.NaN : Number(word)));
    if (numbers.length !== count || !numbers.every(Number.isFinite)) throw this.unknown(key);
    return numbers;
  }

  /** The same for numbers of things. */
  wholes(key: string, count: number): number[] | undefined {
    const numbers = this.numbers(key, count);
    if (numbers?.some((n) => !Number.isInteger(n) || n < 1 || n >= LONGEST_AXIS)) throw this.unknown(key);
    return numbers;
  }

  flag(key: string, otherwise: boolean): boolean {
    const text = this.get(key);
    if (text === undefined) return otherwise;
    if (/^(true|t|1)$/i.test(text)) return true;
    if (/^(false|f|0)$/i.test(text)) return false;
    throw this.unknown(key);
  }
}

function shapeOf(header: Values): { readonly lengths: readonly number[]; readonly shape: Shape } {
  const type = header.get('ObjectType');
  if (type !== undefined && type !== 'Image') {
    throw header.fault(
      `It is a MetaIO file of the type "${type.slice(0, 40)}", not an image.`,
      'Give an image.',
    );
  }
  const axes = header.wholes('NDims', 1)?.[0];
  if (axes === undefined) throw header.unknown('NDims');
  if (axes !== 3 && axes !== 4) {
    throw header.fault(
      `It has ${axes} axes; a volume has three, or a fourth one of channels.`,
      'Join slices to one volume, or write the channels to files of their own.',
    );
  }
  const lengths = header.wholes('DimSize', axes);
  if (lengths === undefined) throw header.unknown('DimSize');
  return { lengths, shape: [lengths[2], lengths[1], lengths[0]] };
}

function typeOf(header: Values): VoxelType {
  const name = header.get('ElementType');
  const type = name === undefined || !Object.hasOwn(TYPES, name) ? undefined : TYPES[name];
  if (type === undefined) throw header.unknown('ElementType', 'Convert it to MET_FLOAT or an integer type.');
  return type;
}

function storageOf(
  header: Values,
): Pick<MetaImageHeader, 'encoding' | 'endian' | 'dataFile' | 'headerSize' | 'packedBytes'> {
  const binary = header.flag('BinaryData', true);
  const compressed = header.flag('CompressedData', false);
  if (compressed && !binary) throw header.fault('It says that its voxels are text and packed at once.');
  const headerSize = header.numbers('HeaderSize', 1)?.[0] ?? 0;
  if (!Number.isInteger(headerSize) || headerSize < -1) throw header.unknown('HeaderSize');
  if (headerSize < 0 && (compressed || !binary)) {
    throw header.fault('A HeaderSize of -1 goes with voxels that are neither packed nor text.');
  }
  const packed = header.numbers('CompressedDataSize', 1)?.[0] ?? 0;
  return {
    encoding: compressed ? 'zlib' : binary ? 'raw' : 'text',
    // Machines on which MetaIO leaves it out are little-endian today.
    endian: header.flag('ElementByteOrderMSB', false) ? 'big' : 'little',
    dataFile: dataFileOf(header),
    headerSize,
    packedBytes: packed > 0 ? packed : Number.POSITIVE_INFINITY,
  };
}

function dataFileOf(header: Values): string | undefined {
  const file = header.get('ElementDataFile') ?? '';
  if (file === 'LOCAL' || file === 'Local' || file === 'local') return undefined;
  if (file === '') throw header.unknown('ElementDataFile');
  if (/^LIST\b/.test(file) || /%\d*d/.test(file)) {
    throw header.fault(
      'Its voxels are spread over several files.',
      'Write them to one file, for instance with SimpleITK or 3D Slicer.',
    );
  }
  return file;
}

function placeOf(header: Values, axes: number): number[] {
  // As MetaIO: elements lie side by side where nothing says how far apart they are.
  const key = header.get('ElementSpacing') === undefined ? 'ElementSize' : 'ElementSpacing';
  const spacing = (header.numbers(key, axes) ?? [1, 1, 1]).slice(0, 3);
  if (!spacing.every((length) => length > 0)) throw header.unknown(key);
  const origin = header.numbers('Offset', axes) ?? [0, 0, 0];
  const matrix = header.numbers('TransformMatrix', axes * axes);
  const direction = (axis: number) =>
    [0, 1, 2].map((r) => (matrix ? matrix[axis * axes + r] : r === axis ? 1 : 0));
  const mixed =
    axes === 4 && matrix && [0, 1, 2].some((i) => matrix[4 * i + 3] !== 0 || matrix[12 + i] !== 0);
  if (mixed) throw header.fault('Its TransformMatrix mixes the axis of channels with those of space.');
  const steps = spacing.map((length, axis) => direction(axis).map((value) => value * length));
  return worldAffine('LPS', steps, origin);
}

/** Readers differ in whether they apply it. */
function refuseIntensities(header: Values): void {
  const slope = header.numbers('ElementToIntensityFunctionSlope', 1)?.[0] ?? 1;
  const offset = header.numbers('ElementToIntensityFunctionOffset', 1)?.[0] ?? 0;
  if (slope === 1 && offset === 0) return;
  throw header.fault(
    `Its values are to be scaled by ${slope} and shifted by ${offset} (ElementToIntensityFunction), which programs do or do not.`,
    'Write the values as they are meant.',
  );
}
