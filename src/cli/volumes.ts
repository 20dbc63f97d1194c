/** Volumes on the disk: whatever the command, they come in and go out through here. */
import { decodeNifti, encodeNifti, type NiftiDecodeOptions } from '../formats/nifti.ts';
import type { Volume } from '../volume/volume.ts';
import { openSource } from './files.ts';

export type VolumeOptions = NiftiDecodeOptions;

export interface ReadVolume {
  readonly volume: Volume;
  /** Voxels that were not finite and are zero now; none unless that was asked for. */
  readonly notFinite: number;
}

/**
 * Reads a volume, whatever the name of its file.
 * @throws VolumeError and TonnoError: sentences that name the file.
 */
export async function readVolume(path: string, options: VolumeOptions = {}): Promise<ReadVolume> {
  return decodeNifti(await openSource(path), path, options);
}

/** The bytes of a .nii.gz file: float32 for maps, uint8 for masks. */
export function volumeBytes(
  volume: Volume,
  options: { datatype: 'float32' | 'uint8'; description: string; signal?: AbortSignal },
): Promise<Uint8Array> {
  return encodeNifti(volume, { ...options, gzip: true });
}
