/**
 * A NIfTI header is the first 348 bytes (version 1) or 540 bytes (version 2) of a file, in either byte order.
 * nifti-reader-js knows where the fields lie, for reading and writing; what it keeps for itself or gets wrong
 * (a sform beside a preferred qform, 64-bit numbers, text) is read here. Reading describes a header as it is,
 * good or bad; checks.ts says whether its voxels can be used.
 */

import { NIFTI1, NIFTI2 } from 'nifti-reader-js';
import { VolumeError } from '../../errors.ts';
import type { Geometry, NiftiPlacement, Shape } from '../../volume/volume.ts';
import { type ByteReader, type ByteSource, latin1, withReader } from '../bytes.ts';
import { strangerOf } from '../strangers.ts';
import { DATATYPE_CODE, DATATYPES } from './datatypes.ts';
import { affineSource, placementAffine } from './placement.ts';

/** What a NIfTI header says, as it says it: nothing here is promised to make sense (see niftiProblems). */
export interface NiftiInfo {
  readonly version: 1 | 2;
  readonly endian: 'little' | 'big';
  /** Whether the file is gzip. */
  readonly compressed: boolean;
  /** Whether the voxels are in another file: a header of a .hdr/.img pair. */
  readonly pair: boolean;
  /** For instance "int16"; "unknown" for a code that NIfTI does not have. */
  readonly datatype: string;
  readonly datatypeCode: number;
  /** Bits a voxel. */
  readonly bits: number;
  /** dim[0..7]: the number of axes, then their lengths along x, y, z, t, … */
  readonly dims: readonly number[];
  /** Lengths beyond the three spatial axes, multiplied. */
  readonly channels: number;
  /** (D, H, W) = (dim[3], dim[2], dim[1]); 1 for an axis that the header does not count. */
  readonly shape: Shape;
  readonly geometry: Geometry & { readonly nifti: NiftiPlacement };
  /** Which fields the affine comes from. */
  readonly affineSource: 'sform' | 'qform' | 'pixdim';
  /** scl_slope and scl_inter as stored; 0 and NaN mean no scaling. */
  readonly slope: number;
  readonly inter: number;
  /** The descrip field. */
  readonly description: string;
  readonly intentCode: number;
  readonly intentName: string;
  /** Where the voxels begin, in bytes from the start of the unpacked file. */
  readonly voxOffset: number;
  /** Bytes of all voxels in the unpacked file. */
  readonly dataBytes: number;
}

/** Byte positions of the fields that are read or checked here; `voxels` is the least vox_offset. */
const LAYOUT = {
  1: { size: 348, voxels: 352, magic: 344, srow: 280, descrip: 148, intentName: 328 },
  2: { size: 540, voxels: 544, magic: 4, srow: 400, descrip: 240, intentName: 508 },
} as const;

const DESCRIP_BYTES = 80;
const INTENT_NAME_BYTES = 16;
/** What follows the magic of NIfTI-2, as in PNG: a transfer as text changes it. */
const NIFTI2_SIGNATURE = '\0\r\n\x1a\n';

/** How many bytes of header a version has, and where voxels can begin at the earliest. */
export function headerLayout(version: 1 | 2): { readonly size: number; readonly voxels: number } {
  return LAYOUT[version];
}

/**
 * What a NIfTI file says about itself. Reads no further than the header and then closes the source.
 * @param name what errors call the file.
 * @throws VolumeError when it is not a NIfTI file, or ends within the header.
 */
export async function readNiftiHeader(
  source: ByteSource,
  name: string,
  { signal }: { signal?: AbortSignal } = {},
): Promise<NiftiInfo> {
  return withReader(source, name, signal, (reader) => parseHeader(reader, name));
}

/** The header at the reader's position; the reader then stands right behind it. */
export async function parseHeader(reader: ByteReader, name: string): Promise<NiftiInfo> {
  const bytes = new Uint8Array(LAYOUT[2].size);
  let length = await reader.readInto(bytes.subarray(0, LAYOUT[1].size));
  const { version, little } = identify(bytes.subarray(0, length), name);
  const { size } = LAYOUT[version];
  length += await reader.readInto(bytes.subarray(length, size));
  if (length < size) {
    throw new VolumeError(name, `The file ends within its NIfTI header, after ${length} of ${size} bytes.`, {
      remedy: 'It was cut off: copy or download it again.',
    });
  }
  const pair = checkMagic(bytes, version, name);
  return describe(bytes.subarray(0, size), version, little, { pair, compressed: reader.compressed });
}

/** Whether a file's first bytes are a NIfTI header, or that of an Analyze file, which looks the same. */
export function looksLikeNifti(head: Uint8Array): boolean {
  return identifyHead(head) !== undefined;
}

function identifyHead(head: Uint8Array): { version: 1 | 2; little: boolean } | undefined {
  if (head.length < 4) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  for (const version of [1, 2] as const) {
    for (const little of [true, false]) {
      if (view.getInt32(0, little) === LAYOUT[version].size) return { version, little };
    }
  }
  return undefined;
}

function identify(head: Uint8Array, name: string): { version: 1 | 2; little: boolean } {
  if (head.length === 0) {
    throw new VolumeError(name, 'The file is empty.', { remedy: 'Copy or download it again.' });
  }
  const found = identifyHead(head);
  if (found) return found;
  throw new VolumeError(name, `This is not a NIfTI file${guess(head)}.`, {
    remedy: 'Give a .nii or .nii.gz file.',
  });
}

/** Whether the header belongs to a pair of files. */
function checkMagic(bytes: Uint8Array, version: 1 | 2, name: string): boolean {
  const at = LAYOUT[version].magic;
  const magic = latin1(bytes.subarray(at, at + 3));
  const known = [`n+${version}`, `ni${version}`].includes(magic);
  if (version === 1 && !known) {
    throw new VolumeError(name, 'This is an Analyze 7.5 header, which does not say which side is left.', {
      remedy: 'Convert the image to NIfTI with a program that knows its orientation.',
    });
  }
  if (version === 2 && !(known && latin1(bytes.subarray(at + 3, at + 8)) === NIFTI2_SIGNATURE)) {
    throw new VolumeError(name, 'The signature of its NIfTI-2 header is damaged.', {
      remedy: 'It may have been transferred as text: copy or download it again as binary.',
    });
  }
  return magic === `ni${version}`;
}

function describe(
  bytes: Uint8Array,
  version: 1 | 2,
  little: boolean,
  { pair, compressed }: { pair: boolean; compressed: boolean },
): NiftiInfo {
  const header = version === 1 ? new NIFTI1() : new NIFTI2();
  const copy = bytes.slice();
  header.readHeader(copy.buffer);
  const view = new DataView(copy.buffer);
  const layout = LAYOUT[version];

  const dims = version === 1 ? header.dims : int64s(view, 16, 8, little);
  const voxOffset = version === 1 ? header.vox_offset : int64s(view, 168, 1, little)[0];
  const srow = Array.from({ length: 12 }, (_, i) =>
    version === 1
      ? view.getFloat32(layout.srow + 4 * i, little)
      : view.getFloat64(layout.srow + 8 * i, little),
  );
  const [qfac, x, y, z] = header.pixDims;
  const nifti: NiftiPlacement = {
    version,
    pixdim: [qfac, x, y, z],
    units: header.xyzt_units,
    qformCode: header.qform_code,
    sformCode: header.sform_code,
    quatern: [header.quatern_b, header.quatern_c, header.quatern_d],
    qoffset: [header.qoffset_x, header.qoffset_y, header.qoffset_z],
    srow,
  };

  const counted = dims[0] >= 1 && dims[0] <= 7 ? dims[0] : 7;
  const length = (axis: number) => (axis <= counted ? dims[axis] : 1);
  const shape: Shape = [length(3), length(2), length(1)];
  const channels = length(4) * length(5) * length(6) * length(7);
  const bits = header.numBitsPerVoxel;
  return {
    version,
    endian: little ? 'little' : 'big',
    compressed,
    pair,
    datatype: DATATYPES[header.datatypeCode]?.name ?? 'unknown',
    datatypeCode: header.datatypeCode,
    bits,
    dims,
    channels,
    shape,
    geometry: { affine: placementAffine(nifti), nifti },
    affineSource: affineSource(nifti),
    slope: header.scl_slope,
    inter: header.scl_inter,
    description: text(bytes.subarray(layout.descrip, layout.descrip + DESCRIP_BYTES)),
    intentCode: header.intent_code,
    intentName: text(bytes.subarray(layout.intentName, layout.intentName + INTENT_NAME_BYTES)),
    voxOffset,
    dataBytes: Math.ceil((channels * shape[0] * shape[1] * shape[2] * bits) / 8),
  };
}

/**
 * The bytes before the voxels of a little-endian single file: header and an empty extension.
 * @param description cut after 79 bytes of UTF-8, on a character's boundary.
 */
export function composeHeader(
  placement: NiftiPlacement,
  shape: Shape,
  channels: number,
  datatype: keyof typeof DATATYPE_CODE,
  description: string,
): Uint8Array {
  const { version, srow } = placement;
  const [depth, height, width] = shape;
  const header = version === 1 ? new NIFTI1() : new NIFTI2();
  header.littleEndian = true;
  header.magic = version === 1 ? 'n+1' : `n+2${NIFTI2_SIGNATURE}`;
  header.dims = [channels > 1 ? 4 : 3, width, height, depth, channels, 1, 1, 1];
  header.datatypeCode = DATATYPE_CODE[datatype];
  header.numBitsPerVoxel = DATATYPES[header.datatypeCode].bits;
  header.vox_offset = LAYOUT[version].voxels;
  header.scl_slope = 1;
  header.scl_inter = 0;
  header.pixDims = [...placement.pixdim, 1, 1, 1, 1];
  header.xyzt_units = placement.units;
  header.qform_code = placement.qformCode;
  header.sform_code = placement.sformCode;
  [header.quatern_b, header.quatern_c, header.quatern_d] = placement.quatern;
  [header.qoffset_x, header.qoffset_y, header.qoffset_z] = placement.qoffset;
  header.affine = [srow.slice(0, 4), srow.slice(4, 8), srow.slice(8, 12)];
  header.description = cut(description, DESCRIP_BYTES - 1);
  return new Uint8Array(header.toArrayBuffer());
}

function int64s(view: DataView, offset: number, count: number, little: boolean): number[] {
  return Array.from({ length: count }, (_, i) => Number(view.getBigInt64(offset + 8 * i, little)));
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end)).trim();
}

function cut(description: string, limit: number): string {
  const bytes = new TextEncoder().encode(description.replaceAll('\0', ''));
  let end = Math.min(limit, bytes.length);
  while (end < bytes.length && (bytes[end] & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

/** What else the file may be, as the end of a sentence. */
function guess(head: Uint8Array): string {
  const start = latin1(head.subarray(0, 16));
  if (start.startsWith('NRRD')) return ' but NRRD';
  if (/^(ObjectType|NDims|Comment)\s*=/.test(start)) return ' but MetaImage';
  if (latin1(head.subarray(128, 132)) === 'DICM') return ' but DICOM';
  const stranger = strangerOf(head);
  return stranger ? ` but ${stranger.what}` : '';
}
