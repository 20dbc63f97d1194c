/**
 * The cases of a training and their volumes. Volumes are read when they are drawn and kept in memory within a limit;
 * the one that was drawn longest ago makes room. Nothing here knows of files.
 */

import type { PixelScaling } from '../encoders/pixels.ts';
import type { PreparedVolume } from '../encoders/preprocessing.ts';
import { forSlicing, type Samplable } from '../geometry/layout.ts';

export interface TrainingCase {
  readonly name: string;
  /** 0 or 1 for each class. */
  readonly labels: readonly number[];
  /** Reads the volume and prepares it for the encoder. */
  load(): Promise<PreparedVolume>;
}

/** A volume ready to be cut, and how its values become the encoder's. */
export interface ReadyVolume {
  readonly sliced: Samplable;
  readonly scaling: PixelScaling;
}

/** A volume in the cache. */
interface Kept {
  readonly volume: Promise<ReadyVolume>;
  /** 0 while it is read. */
  bytes: number;
}

export class VolumeCache {
  private readonly cases: readonly TrainingCase[];
  private readonly limit: number;
  private bytes = 0;
  /** From the one drawn longest ago to the one drawn last. */
  private readonly kept = new Map<number, Kept>();

  /** @param limit bytes of voxels kept; a single volume may be larger. */
  constructor(cases: readonly TrainingCase[], limit: number) {
    this.cases = cases;
    this.limit = limit;
  }

  /** The volume of a case. @throws what reading it throws; it is tried again next time. */
  async get(index: number): Promise<ReadyVolume> {
    const known = this.kept.get(index);
    if (known) {
      this.kept.delete(index);
      this.kept.set(index, known);
      return known.volume;
    }
    const made: Kept = { volume: this.load(index), bytes: 0 };
    this.kept.set(index, made);
    try {
      const volume = await made.volume;
      made.bytes = volume.sliced.data.byteLength;
      this.bytes += made.bytes;
      this.makeRoom(index);
      return volume;
    } catch (error) {
      this.kept.delete(index);
      throw error;
    }
  }

  private async load(index: number): Promise<ReadyVolume> {
    const { volume, source, gain, offset } = await this.cases[index].load();
    return {
      sliced: forSlicing(volume),
      scaling: { volume: { channels: volume.channels }, source, gain, offset },
    };
  }

  /** Those that are still read hold nothing yet and stay. */
  private makeRoom(newest: number): void {
    for (const [index, { bytes }] of this.kept) {
      if (this.bytes <= this.limit) return;
      if (index === newest || bytes === 0) continue;
      this.kept.delete(index);
      this.bytes -= bytes;
    }
  }
}
