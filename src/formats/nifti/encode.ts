/**
 * A volume becomes a little-endian single file. Where its voxels lie is written as it was read, field by field,
 * when the volume came from NIfTI, and worked out from the affine when it did not.
 */

import type { NiftiPlacement, Volume } from '../../volume/volume.ts';
import { concatenate, gzip, gzipPieces } from '../bytes.ts';
import { type VoxelEncodeOptions, voxelBytes } from '../encoding.ts';
import { composeHeader } from './header.ts';
import { affinePlacement, placementAffine } from './placement.ts';

export interface NiftiEncodeOptions extends VoxelEncodeOptions {
  /** For the descrip field, which holds 79 bytes of UTF-8; the rest is cut. */
  readonly description?: string;
  /** Whether to write .nii.gz; false unless given. */
  readonly gzip?: boolean;
}

/** Longest axis of NIfTI-1, whose dim are int16. */
const MAX_NIFTI1_AXIS = 32767;
/** Difference, relative to the affine's largest number, that reckoning there and back can leave. */
const AFFINE_TOLERANCE = 1e-6;

/**
 * The bytes of a .nii or .nii.gz file; the same volume gives the same bytes. Channels become the fourth axis. The
 * file is NIfTI-1 unless the volume came from NIfTI-2 or an axis is longer than 32767. Without `geometry.nifti` the
 * affine is written as sform with code 2 ("aligned", which claims the least), and as qform too if it has no shear.
 * @throws RangeError when a value for uint8 or int16 is not an integer of its range, when the affine is singular, or when
 *   `geometry.nifti` places the voxels elsewhere than `geometry.affine`.
 */
export async function encodeNifti(volume: Volume, options: NiftiEncodeOptions): Promise<Uint8Array> {
  const parts = niftiParts(volume, options);
  return options.gzip ? gzip(parts, options.signal) : concatenate(parts);
}

/** The bytes of a .nii.gz file piece by piece, for who passes them on and has no room for all of them. */
export function niftiPieces(
  volume: Volume,
  options: VoxelEncodeOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  return gzipPieces(niftiParts(volume, options), options.signal);
}

function niftiParts(volume: Volume, { datatype, description = '' }: VoxelEncodeOptions): Uint8Array[] {
  const { channels, shape } = volume;
  const header = composeHeader(placementOf(volume), shape, channels, datatype, description);
  return [header, ...voxelBytes(volume.data, datatype)];
}

function placementOf({ geometry, shape, channels }: Volume): NiftiPlacement {
  const { affine, nifti } = geometry;
  if (nifti) {
    const written = placementAffine(nifti);
    const tolerance = AFFINE_TOLERANCE * Math.max(...affine.map(Math.abs));
    if (!affine.every((value, i) => Math.abs(value - written[i]) <= tolerance)) {
      throw new RangeError(
        'The NIfTI fields of this geometry place its voxels elsewhere than its affine; leave them out when the affine changes.',
      );
    }
  }
  const placement = nifti ?? affinePlacement(affine);
  const long = Math.max(...shape, channels) > MAX_NIFTI1_AXIS;
  return long ? { ...placement, version: 2 } : placement;
}
