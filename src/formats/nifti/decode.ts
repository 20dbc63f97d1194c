/** Header, checks, voxels. The file's order, x fastest, is that of an array [C, D, H, W]: nothing is moved. */

import { type Volume, voxelCount } from '../../volume/volume.ts';
import { type ByteReader, type ByteSource, withReader } from '../bytes.ts';
import { refuse, type VoxelOptions } from '../decoding.ts';
import { readVoxels, type StoredVoxels, settleNotFinite } from '../voxels.ts';
import { extent, isScaled, niftiProblems } from './checks.ts';
import { DATATYPES } from './datatypes.ts';
import { headerLayout, type NiftiInfo, parseHeader } from './header.ts';

export type NiftiDecodeOptions = VoxelOptions;

export interface DecodedNifti {
  readonly volume: Volume;
  readonly info: NiftiInfo;
  /** Voxels that were NaN or infinite in float32 and are 0 now; 0 unless `nan` was 'zero'. */
  readonly notFinite: number;
}

/**
 * The volume in a .nii or .nii.gz file (NIfTI-1 or NIfTI-2). Values are scaled by scl_slope and scl_inter as in
 * nibabel, in float64, and rounded to float32. The fourth axis, or the fifth of a vector image, becomes channels.
 * @param name what errors call the file.
 * @throws VolumeError when the file is no NIfTI, is cut off or damaged, or holds what niftiProblems lists or
 *   voxels that are not finite. What the source itself throws passes through.
 */
export async function decodeNifti(
  source: ByteSource,
  name: string,
  options: NiftiDecodeOptions = {},
): Promise<DecodedNifti> {
  return withReader(source, name, options.signal, (reader) => decodeNiftiFrom(reader, name, options));
}

/** The same from a reader that stands at the file's start; whoever opened it closes it. */
export async function decodeNiftiFrom(
  reader: ByteReader,
  name: string,
  options: NiftiDecodeOptions = {},
): Promise<DecodedNifti> {
  const info = await parseHeader(reader, name);
  refuse(name, niftiProblems(info, options)[0]);
  await reader.skip(info.voxOffset - headerLayout(info.version).size);
  const data = await readVoxels(reader, storedVoxels(info), name);
  const notFinite = settleNotFinite(data, name, options.nan);
  const { channels, shape, geometry } = info;
  return { volume: { name, data, channels, shape, geometry }, info, notFinite };
}

function storedVoxels(info: NiftiInfo): StoredVoxels {
  return {
    type: DATATYPES[info.datatypeCode].type!,
    endian: info.endian,
    count: info.channels * voxelCount(info.shape),
    scaling: isScaled(info) ? { slope: info.slope, inter: info.inter } : undefined,
    extent: extent(info),
  };
}
