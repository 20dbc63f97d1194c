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

export class VolumeCache {
  private readonly cases: readonly TrainingCase[];
  private readonly limit: number;
  private bytes = 0;
  /** From the one drawn longest ago to the one drawn last. */
  private readonly volumes = new Map<number, Promise<ReadyVolume>>();

  /** @param limit bytes of voxels kept; a single volume may be larger. */
  constructor(cases: readonly TrainingCase[], limit: number) {
    this.cases = cases;
    this.limit = limit;
  }

  /** The volume of a case. @throws what reading it throws; it is tried again next time. */
  async get(index: number): Promise<ReadyVolume> {
    const kept = this.volumes.get(index);
    if (kept) {
      this.volumes.delete(index);
      this.volumes.set(index, kept);
      return kept;
    }
    const loading = this.load(index);
    this.volumes.set(index, loading);
    try {
      const volume = await loading;
      this.bytes += volume.sliced.data.byteLength;
      await this.makeRoom(index);
      return volume;
    } catch (error) {
      this.volumes.delete(index);
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

  private async makeRoom(newest: number): Promise<void> {
    for (const [index, loading] of this.volumes) {
      if (this.bytes <= this.limit) return;
      if (index === newest) continue;
      this.volumes.delete(index);
      this.bytes -= (await loading).sliced.data.byteLength;
    }
  }
}
