/**
 * What the decoders of all volume formats have in common: what a caller may choose, what a header says before any voxel
 * is read, what comes out, and the refusals that every format needs. A format's own file knows only where its bytes lie.
 */

import { VolumeError } from '../errors.ts';
import type { Shape, Volume } from '../volume/volume.ts';
import { ByteReader, type ByteSource } from './bytes.ts';

/** What decides whether voxels are accepted. */
export interface VoxelLimits {
  /** Most bytes that the voxels may take, in the file or as float32; 8 GiB unless given. */
  readonly maxBytes?: number;
  /** What to do with int64 and uint64, which float32 cannot hold exactly: 'refuse' unless given. */
  readonly int64?: 'refuse' | 'convert';
}

export interface VoxelOptions extends VoxelLimits {
  /** What to do with voxels that are NaN or infinite: 'refuse' unless given; 'zero' makes them 0. */
  readonly nan?: 'refuse' | 'zero';
  readonly signal?: AbortSignal;
}

export interface HeaderedOptions extends VoxelOptions {
  /**
   * The file of voxels that a header names (.nhdr, .mhd), by the name that stands there, relative to the header. Without
   * it such a header is refused.
   */
  readonly companion?: (name: string) => Promise<ByteSource>;
}

/** What a file says of its voxels before any of them is read. */
export interface VolumeHeader {
  /** "NRRD0004", "MetaImage", ".npy". */
  readonly format: string;
  /** "int16", as NumPy calls it. */
  readonly datatype: string;
  readonly endian: 'little' | 'big';
  /** "raw", "gzip", "zlib", "text", "hex". */
  readonly encoding: string;
  /** The file with the voxels, where it is another one. */
  readonly dataFile?: string;
  readonly channels: number;
  readonly shape: Shape;
  /** Row-major 4×4, to RAS+ millimetres. */
  readonly affine: readonly number[];
  /** What the file leaves open and how it was taken, in sentences. */
  readonly notes: readonly string[];
}

/** What has become of a file of any format. */
export interface DecodedVolume {
  readonly volume: Volume;
  /** Voxels that were NaN or infinite in float32 and are 0 now; 0 unless `nan` was 'zero'. */
  readonly notFinite: number;
  /** What a user should know of how it was read, in sentences. */
  readonly notes: readonly string[];
}

/** Something that keeps a file's voxels from being used. */
export interface VoxelProblem {
  /** A sentence. */
  readonly problem: string;
  /** What to do, a sentence. */
  readonly remedy: string;
}

export const DEFAULT_MAX_BYTES = 8 * 2 ** 30;

export const AGAIN = 'It was cut off: copy or download it again.';

/** Bytes in the words of a sentence. */
export function gigabytes(bytes: number): string {
  return bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** @param datatype as NumPy calls it. */
export function int64Problem(datatype: string, { int64 = 'refuse' }: VoxelLimits): VoxelProblem | undefined {
  if (!datatype.endsWith('int64') || int64 === 'convert') return undefined;
  return {
    problem: `Its voxels are ${datatype}, which float32 cannot hold exactly.`,
    remedy:
      "Convert it to a smaller type, or allow rounding (int64: 'convert'; on the command line --int64 convert).",
  };
}

/** @param extent axis lengths and type, as in "64×64×32 int16". */
export function sizeProblem(
  bytes: number,
  extent: string,
  { maxBytes = DEFAULT_MAX_BYTES }: VoxelLimits,
): VoxelProblem | undefined {
  if (bytes <= maxBytes) return undefined;
  return {
    problem: `Its voxels (${extent}) would take ${gigabytes(bytes)}, more than the limit of ${gigabytes(maxBytes)}.`,
    remedy: "Crop or resample it, or raise the library's limit maxBytes if there is memory for it.",
  };
}

/** @throws VolumeError when there is one. */
export function refuse(name: string, problem: VoxelProblem | undefined): void {
  if (problem) throw new VolumeError(name, problem.problem, { remedy: problem.remedy });
}

/**
 * Reads voxels from where they are: behind the header, or from the file that the header names.
 * @throws VolumeError when there is such a file and nobody can fetch it.
 */
export async function withVoxels<T>(
  reader: ByteReader,
  dataFile: string | undefined,
  name: string,
  { companion, signal }: HeaderedOptions,
  read: (reader: ByteReader, name: string) => Promise<T>,
): Promise<T> {
  if (dataFile === undefined) return read(reader, name);
  if (!companion) {
    throw new VolumeError(name, `Its voxels are in another file, ${dataFile}.`, {
      remedy: 'Give it from a folder that holds both, or write one file with header and voxels.',
    });
  }
  const dataName = `${dataFile} (voxels of ${name})`;
  const data = await ByteReader.open(await companion(dataFile), dataName, signal, 'none');
  try {
    return await read(data, dataName);
  } finally {
    await data.close();
  }
}
