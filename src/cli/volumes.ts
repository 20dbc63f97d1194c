/**
 * Volumes on the disk: whatever the command, they come in and go out through here. A path is a file of any format, told by
 * what is in it; a folder with the files of a DICOM series; or several of these with semicolons between them, the
 * channels of one volume.
 */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { WrittenType } from '../formats/encoding.ts';
import { encodeNifti } from '../formats/nifti.ts';
import {
  decodedVolume,
  decodeVolume,
  readVolumeGrid,
  type VolumeFileOptions,
} from '../formats/volume-file.ts';
import { joinChannels } from '../volume/channels.ts';
import type { Geometry, Shape, Volume } from '../volume/volume.ts';
import { readDicomFolder } from './dicom-folder.ts';
import { exists, onFile, openSource } from './files.ts';

export type VolumeOptions = Omit<VolumeFileOptions, 'companion'>;

export interface ReadVolume {
  readonly volume: Volume;
  /** Voxels that were not finite and are zero now; none unless that was asked for. */
  readonly notFinite: number;
  /** What a user should know of how it was read, in sentences: PET made SUV, a place that the file does not give. */
  readonly notes: readonly string[];
}

/** Between the files of one volume's channels, as in a cohort's table. */
const BETWEEN_CHANNELS = ';';

/**
 * Reads a volume, whatever the name of its file.
 * @throws VolumeError and TonnoError: sentences that name the file.
 */
export async function readVolume(path: string, options: VolumeOptions = {}): Promise<ReadVolume> {
  const paths = await channelPaths(path);
  if (paths.length === 1) return readOne(path, options);
  const channels: ReadVolume[] = [];
  for (const own of paths) channels.push(await readOne(own, options));
  return joinRead(channels, path);
}

/**
 * The files whose channels make one volume: the path itself, or what stands between its semicolons where nothing has the
 * whole of it for a name.
 */
export async function channelPaths(path: string): Promise<string[]> {
  const parts = path.split(BETWEEN_CHANNELS).map((part) => part.trim());
  if (parts.length === 1 || !parts.every(Boolean)) return [path];
  // So many paths in one may be longer than any file's name.
  return (await exists(path).catch(() => false)) ? [path] : parts;
}

/** Volumes that were read one by one, as the channels of one; each note names the file that it is about. */
export function joinRead(channels: readonly ReadVolume[], name: string): ReadVolume {
  const volume = joinChannels(channels.map((channel) => channel.volume));
  if (channels.length === 1) return channels[0];
  return {
    volume: { ...volume, name },
    notFinite: channels.reduce((sum, { notFinite }) => sum + notFinite, 0),
    notes: channels.flatMap(({ volume: own, notes }) => notes.map((note) => `${own.name}: ${note}`)),
  };
}

async function readOne(path: string, options: VolumeOptions): Promise<ReadVolume> {
  if (await isFolder(path)) return decodedVolume(await readDicomFolder(path, options), path);
  const { volume, notFinite, notes } = await decodeVolume(
    await openSource(path),
    path,
    withCompanions(path, options),
  );
  return { volume, notFinite, notes };
}

/** Where the voxels of a volume lie, without reading them where its format allows it. */
export async function readGrid(
  path: string,
  options: VolumeOptions = {},
): Promise<{ readonly shape: Shape; readonly geometry: Geometry }> {
  if (await isFolder(path)) return (await readDicomFolder(path, options)).volume;
  const { shape, affine } = await readVolumeGrid(await openSource(path), path, withCompanions(path, options));
  return { shape, geometry: { affine } };
}

export async function isFolder(path: string): Promise<boolean> {
  return (await onFile(path, () => stat(path))).isDirectory();
}

/** Files that the header in `path` names lie where it does. */
export function withCompanions(path: string, options: VolumeOptions): VolumeFileOptions {
  return { ...options, companion: (name) => openSource(resolve(dirname(path), name)) };
}

/** The bytes of a .nii.gz file: float32 for maps, uint8 for masks. */
export function volumeBytes(
  volume: Volume,
  options: { datatype: WrittenType; description: string; signal?: AbortSignal },
): Promise<Uint8Array> {
  return encodeNifti(volume, { ...options, gzip: true });
}
