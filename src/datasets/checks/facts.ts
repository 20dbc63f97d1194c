/**
 * What remains of a volume when it has been looked at: its grid, a few numbers of each channel and a hash of the voxels.
 * So one volume is in memory at a time, however many a cohort has, and all checks are functions of these facts alone.
 */
import { channelStatistics, type Statistics } from '../../volume/statistics.ts';
import { type Geometry, type Shape, type Volume, voxelCount } from '../../volume/volume.ts';
import type { ReadCase } from '../cohort-table.ts';
import { voxelHash } from './hash.ts';

/** What a file is there for. */
export type Role = 'image' | 'mask';

export interface ChannelFacts extends Statistics {
  /** The same for the same voxels. */
  readonly hash: string;
  /** Voxels that are not 0. */
  readonly marked: number;
  /** Voxels that are neither 0 nor 1. */
  readonly notBinary: number;
}

export interface VolumeFacts {
  readonly shape: Shape;
  readonly geometry: Geometry;
  /** Voxels that were NaN or infinite; the numbers below are those with 0 in their place. */
  readonly notFinite: number;
  /** One entry a channel. */
  readonly channels: readonly ChannelFacts[];
}

/** Why there are no facts of a file. */
export interface FileFault {
  /** The check that tells it. */
  readonly kind: 'file-missing' | 'file-unreadable' | 'singular-affine';
  /** Sentences. */
  readonly message: string;
  readonly remedy: string;
}

export interface FileFacts {
  /** As whoever asked would name it. */
  readonly path: string;
  readonly role: Role;
  /** Whether whoever reads it next takes voxels that are not finite for 0. */
  readonly zeroed?: boolean;
  /** Absent where there are faults. */
  readonly volume?: VolumeFacts;
  readonly faults: readonly FileFault[];
}

/** A row of the table with what is known of its files. */
export interface CaseFacts {
  readonly row: ReadCase;
  /** As many as the row names. */
  readonly images: readonly FileFacts[];
  /** Absent where the row names none, or nobody wanted to know. */
  readonly mask?: FileFacts;
}

export interface CohortFacts {
  /** The table's file. */
  readonly name: string;
  readonly classes: readonly string[];
  readonly cases: readonly CaseFacts[];
}

/** @param notFinite voxels that are 0 in the volume because they were not finite. */
export function measureVolume(volume: Volume, notFinite: number): VolumeFacts {
  const { data, shape, geometry } = volume;
  const voxels = voxelCount(shape);
  const channels = channelStatistics(volume).map((statistics, c) => {
    const values = data.subarray(c * voxels, (c + 1) * voxels);
    return { ...statistics, hash: voxelHash(values), ...countMarked(values) };
  });
  return { shape, geometry, notFinite, channels };
}

function countMarked(values: Float32Array): Pick<ChannelFacts, 'marked' | 'notBinary'> {
  let marked = 0;
  let ones = 0;
  for (const value of values) {
    if (value !== 0) marked++;
    if (value === 1) ones++;
  }
  return { marked, notBinary: marked - ones };
}

/** The channels of all files of a case; undefined where one of them could not be read. */
export function caseChannels({ images }: CaseFacts): readonly ChannelFacts[] | undefined {
  if (images.some(({ volume }) => !volume)) return undefined;
  return images.flatMap(({ volume }) => volume!.channels);
}

/** Whether a channel says nothing. */
export function isConstant({ minimum, maximum }: Statistics): boolean {
  return minimum === maximum;
}
