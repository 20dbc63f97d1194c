/**
 * What an NRRD header means: sizes with the fastest axis first, which axes are space and which one holds channels, and
 * the affine. An axis is no space where its direction is `none` or its kind is one of values (list, vector, RGB-color, …).
 * The world must be one of the body (left-posterior-superior and the like); a file that names no world is taken as ITK and
 * 3D Slicer take it, its axes towards left, posterior and superior, and says so in a note.
 */

import { VolumeError } from '../../errors.ts';
import { type Shape, voxelCount } from '../../volume/volume.ts';
import type { ByteReader } from '../bytes.ts';
import { int64Problem, refuse, sizeProblem, type VolumeHeader, type VoxelLimits } from '../decoding.ts';
import { storedBytes, type VoxelType } from '../voxels.ts';
import { affineFault, type World, worldAffine } from '../world.ts';
import { excerpt, type NrrdFields, readFields } from './fields.ts';

export interface NrrdHeader extends VolumeHeader {
  readonly datatype: VoxelType;
  readonly encoding: NrrdEncoding;
  /** Lengths of all axes in the file's order, the fastest first. */
  readonly sizes: readonly number[];
  /** The file's axes of C, D, H, W; none for C where there is one channel. */
  readonly order: readonly [c: number | undefined, d: number, h: number, w: number];
  /** Lines of the data that are passed over before they are unpacked. */
  readonly lineSkip: number;
  /** Bytes that are passed over after unpacking; −1 where the voxels are the end of the file. */
  readonly byteSkip: number;
  /** Axis lengths and type for errors. */
  readonly extent: string;
}

/** Spellings of each type. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  int8: ['signed char', 'int8', 'int8_t'],
  uint8: ['uchar', 'unsigned char', 'uint8', 'uint8_t'],
  int16: ['short', 'short int', 'signed short', 'signed short int', 'int16', 'int16_t'],
  uint16: ['ushort', 'unsigned short', 'unsigned short int', 'uint16', 'uint16_t'],
  int32: ['int', 'signed int', 'int32', 'int32_t'],
  uint32: ['uint', 'unsigned int', 'uint32', 'uint32_t'],
  int64: [
    ...['longlong', 'long long', 'long long int', 'signed long long', 'signed long long int'],
    ...['int64', 'int64_t'],
  ],
  uint64: ['ulonglong', 'unsigned long long', 'unsigned long long int', 'uint64', 'uint64_t'],
  float32: ['float'],
  float64: ['double'],
} satisfies Partial<Record<VoxelType, readonly string[]>>;

const ENCODINGS = {
  raw: ['raw'],
  gzip: ['gzip', 'gz'],
  text: ['txt', 'text', 'ascii'],
  hex: ['hex'],
} as const;
export type NrrdEncoding = keyof typeof ENCODINGS;

/** Worlds by the names that NRRD gives them. */
const SPACES: Readonly<Record<World, readonly string[]>> = {
  LPS: ['left-posterior-superior', 'lps'],
  RAS: ['right-anterior-superior', 'ras'],
  LAS: ['left-anterior-superior', 'las'],
};

/** Millimetres in a unit; what leaves it open means millimetres. */
const MILLIMETRES: readonly (readonly [size: number, units: readonly string[]])[] = [
  [1, ['mm', 'millimeter', 'millimeters', 'millimetre', 'millimetres', '', '???', 'none']],
  [10, ['cm']],
  [1000, ['m']],
  // The third is micro in UTF-8, as it looks when each byte is a character.
  [0.001, ['um', 'µm', 'âµm', 'micron', 'microns']],
];

/** Kinds of axes that are space, or that nobody has said anything of. */
const SPATIAL_KINDS = ['domain', 'space', '???', 'none'];
const LONGEST_AXIS = 2 ** 31;

/**
 * The header at the reader's position; the reader then stands behind it.
 * @throws VolumeError when it is damaged or holds what cannot become a volume.
 */
export async function parseNrrdHeader(
  reader: ByteReader,
  name: string,
  limits: VoxelLimits = {},
): Promise<NrrdHeader> {
  return describe(await readFields(reader, name), name, limits);
}

function describe({ version, fields }: NrrdFields, name: string, limits: VoxelLimits): NrrdHeader {
  const header = new Fields(fields, name);
  const datatype = typeOf(header);
  const sizes = sizesOf(header);
  const extent = `${sizes.join('×')} ${datatype}`;
  refuse(name, int64Problem(datatype, limits));
  const count = sizes.reduce((product, length) => product * length, 1);
  refuse(name, sizeProblem(Math.max(4 * count, storedBytes({ type: datatype, count })), extent, limits));

  const axes = axesOf(header, sizes);
  const shape: Shape = [sizes[axes.space[2]], sizes[axes.space[1]], sizes[axes.space[0]]];
  const { affine, notes } = placeOf(header, axes.space, sizes.length);
  const fault = affineFault(affine);
  if (fault) throw header.fault(`Its affine ${fault}.`);
  return {
    format: `NRRD000${version}`,
    datatype,
    ...storageOf(header, datatype),
    dataFile: dataFileOf(header),
    sizes,
    shape,
    channels: count / voxelCount(shape),
    order: [axes.channels, axes.space[2], axes.space[1], axes.space[0]],
    affine,
    notes,
    extent,
  };
}

/** The fields with the errors about them. */
class Fields {
  readonly name: string;
  readonly #fields: ReadonlyMap<string, string>;

  constructor(fields: ReadonlyMap<string, string>, name: string) {
    this.#fields = fields;
    this.name = name;
  }

  get(field: string): string | undefined {
    return this.#fields.get(field);
  }

  need(field: string): string {
    const text = this.get(field);
    if (text === undefined) throw this.fault(`Its NRRD header does not give "${field}".`);
    return text;
  }

  words(field: string): string[] | undefined {
    return this.get(field)?.split(/\s+/).filter(Boolean);
  }

  fault(problem: string, remedy = 'Mend the header, which is text, or write the file again.'): VolumeError {
    return new VolumeError(this.name, problem, { remedy });
  }

  /** The key under which a word is listed. */
  choose<K extends string>(field: string, table: Readonly<Record<K, readonly string[]>>): K | undefined {
    const word = this.get(field)?.toLowerCase().replace(/\s+/g, ' ');
    return (Object.keys(table) as K[]).find((key) => word !== undefined && table[key].includes(word));
  }

  unknown(field: string, remedy?: string): VolumeError {
    return this.fault(`Its ${field} is "${excerpt(this.need(field))}", which cannot be read here.`, remedy);
  }
}

function typeOf(header: Fields): VoxelType {
  header.need('type');
  const type = header.choose('type', TYPES);
  if (type === undefined) throw header.unknown('type', 'Convert it to float or an integer type.');
  return type as VoxelType;
}

function sizesOf(header: Fields): number[] {
  const dimension = Number(header.need('dimension'));
  const sizes = header.need('sizes').split(/\s+/).map(Number);
  const good = sizes.every((size) => Number.isInteger(size) && size >= 1 && size < LONGEST_AXIS);
  if (!good || sizes.length !== dimension) {
    throw header.fault(
      `Its dimension is "${excerpt(header.need('dimension'))}" and its sizes are "${excerpt(header.need('sizes'))}".`,
    );
  }
  return sizes;
}

/** How the voxels are written down. */
function storageOf(
  header: Fields,
  datatype: VoxelType,
): Pick<NrrdHeader, 'encoding' | 'endian' | 'lineSkip' | 'byteSkip'> {
  header.need('encoding');
  const encoding = header.choose('encoding', ENCODINGS);
  if (encoding === undefined) {
    throw header.unknown('encoding', 'Write it again with the encoding gzip or raw.');
  }
  const endian = header.choose('endian', { little: ['little'], big: ['big'] });
  if (header.get('endian') !== undefined && endian === undefined) throw header.unknown('endian');
  if (endian === undefined && encoding !== 'text' && !datatype.endsWith('int8')) {
    throw header.fault('Its NRRD header does not say in which order the bytes of a voxel are ("endian").');
  }
  const lineSkip = skipOf(header, 'line skip', 0);
  const byteSkip = skipOf(header, 'byte skip', -1);
  if (byteSkip < 0 && encoding !== 'raw') {
    throw header.fault(`A byte skip of -1 goes with the encoding raw, not ${encoding}.`);
  }
  return { encoding, endian: endian ?? 'little', lineSkip, byteSkip };
}

function skipOf(header: Fields, field: string, least: number): number {
  const skip = Number(header.get(field) ?? 0);
  if (!Number.isSafeInteger(skip) || skip < least) throw header.unknown(field);
  return skip;
}

function dataFileOf(header: Fields): string | undefined {
  const file = header.get('data file');
  if (file === undefined || file === '') return undefined;
  if (/^LIST\b/.test(file) || /%\d*d/.test(file)) {
    throw header.fault(
      `Its voxels are spread over several files ("${excerpt(file)}").`,
      'Write them to one file, for instance with 3D Slicer or unu save.',
    );
  }
  return file;
}

/** Which of the file's axes are x, y, z, and which one holds channels if there are several. */
function axesOf(
  header: Fields,
  sizes: readonly number[],
): { readonly space: readonly [number, number, number]; readonly channels: number | undefined } {
  const directions = directionsOf(header, sizes.length);
  const kinds = header.words('kinds');
  if (kinds && kinds.length !== sizes.length) throw header.unknown('kinds');
  const spatial = sizes
    .map((_, axis) => axis)
    .filter((axis) =>
      directions
        ? directions[axis] !== undefined
        : kinds === undefined || SPATIAL_KINDS.includes(kinds[axis].toLowerCase()),
    );
  const others = sizes.map((_, axis) => axis).filter((axis) => !spatial.includes(axis));
  const several = others.filter((axis) => sizes[axis] > 1);
  if (spatial.length !== 3 || several.length > 1) {
    const what =
      sizes.length < 3
        ? 'an image of a slice, not a volume'
        : `${spatial.length} of them in space and ${others.length} of values`;
    throw header.fault(
      `Its axes have lengths ${sizes.join('×')}: ${what}.`,
      'A volume has three axes in space (kinds: domain) and at most one of channels (kinds: list, or direction none).',
    );
  }
  return { space: spatial as unknown as [number, number, number], channels: several[0] };
}

/** The vectors of "space directions", undefined for `none`; undefined where the field is missing. */
function directionsOf(header: Fields, dimension: number): (number[] | undefined)[] | undefined {
  const text = header.get('space directions');
  if (text === undefined) return undefined;
  const entries = text.match(/\([^)]*\)|[^\s()]+/g) ?? [];
  const vectors = entries.map((entry) => (entry === 'none' ? undefined : vectorOf(entry)));
  const wrong = vectors.some((vector) => vector !== undefined && vector.length !== 3);
  if (wrong || vectors.length !== dimension) throw header.unknown('space directions');
  // How "none" was written before there was a word for it.
  return vectors.map((vector) => (vector?.every(Number.isNaN) ? undefined : vector));
}

/** The numbers in "(1,0,0)"; none where it is something else. */
function vectorOf(text: string): number[] {
  const inside = /^\((.*)\)$/.exec(text)?.[1];
  if (inside === undefined) return [];
  return inside.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
}

function placeOf(
  header: Fields,
  space: readonly [number, number, number],
  dimension: number,
): { readonly affine: readonly number[]; readonly notes: string[] } {
  const notes: string[] = [];
  const world = worldOf(header);
  const directions = directionsOf(header, dimension);
  if (world === undefined) {
    if (directions) {
      throw header.fault(
        'It places its voxels in a world whose axes it does not name (there is no "space").',
        'Add the line "space: left-posterior-superior", or what it is, to its header.',
      );
    }
    notes.push(
      'It does not say how it lies in the world: its axes are taken to go left, posterior and superior, as ITK and 3D Slicer take them.',
    );
  } else if (!directions) {
    throw header.fault(
      `It names its world (${world}) and gives no "space directions" in it.`,
      'Add them to its header, or take the line "space" away.',
    );
  }
  const units = directions ? unitsOf(header) : [1, 1, 1];
  if (units.some((unit) => unit !== 1)) {
    notes.push(
      `Its coordinates (space units ${header.get('space units')}) are made millimetres, which not all programs do.`,
    );
  }
  const inMillimetres = (vector: readonly number[]) => vector.map((value, r) => value * units[r]);
  const steps = directions
    ? space.map((axis) => inMillimetres(directions[axis]!))
    : spacingSteps(header, space, dimension, notes);
  const origin = header.get('space origin');
  if (origin === undefined && world !== undefined) notes.push('It gives no origin: it is taken as 0, 0, 0.');
  const at = origin === undefined ? [0, 0, 0] : vectorOf(origin);
  if (at.length !== 3) throw header.unknown('space origin');
  return { affine: worldAffine(world ?? 'LPS', steps, inMillimetres(at)), notes };
}

function worldOf(header: Fields): World | undefined {
  if (header.get('space') === undefined) return undefined;
  const world = header.choose('space', SPACES);
  if (world === undefined) {
    throw header.unknown(
      'space',
      'It must say which side of the body its axes go to: left-posterior-superior, right-anterior-superior or left-anterior-superior.',
    );
  }
  return world;
}

/** Millimetres in the unit of each axis of the world; 1 where it is not said. */
function unitsOf(header: Fields): number[] {
  const field = 'space units';
  const text = header.get(field);
  if (text === undefined) return [1, 1, 1];
  const units = [...text.matchAll(/"([^"]*)"/g)].map(([, unit]) => {
    const spelling = unit.trim().toLowerCase();
    return MILLIMETRES.find(([, spellings]) => spellings.includes(spelling))?.[0];
  });
  const known = units.filter((unit) => unit !== undefined);
  if (units.length !== 3 || known.length !== 3) throw header.unknown(field);
  return known;
}

/** Steps along the world's axes where only their lengths are given. */
function spacingSteps(
  header: Fields,
  space: readonly [number, number, number],
  dimension: number,
  notes: string[],
): number[][] {
  const words = header.words('spacings');
  if (words && words.length !== dimension) throw header.unknown('spacings');
  if (!words) notes.push('It gives no spacing: voxels are taken as cubes of 1 mm.');
  return space.map((axis, i) => {
    const length = words ? Number(words[axis]) : 1;
    if (!(length > 0 && Number.isFinite(length))) throw header.unknown('spacings');
    return [0, 1, 2].map((r) => (r === i ? length : 0));
  });
}
