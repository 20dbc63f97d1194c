/** The volumes of a cohort on the disk. */
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Cohort, CohortCase } from '../datasets/cohort.ts';
import { type Preprocessing, prepareVolume } from '../encoders/preprocessing.ts';
import { TonnoError } from '../errors.ts';
import type { TrainingCase } from '../training/cases.ts';
import { joinChannels } from '../volume/channels.ts';
import type { Volume } from '../volume/volume.ts';
import { onFile } from './files.ts';
import { readVolume } from './volumes.ts';

/** Missing files that a message names. */
const LISTED = 3;

export class CohortImages {
  private readonly folder: string;

  /** @param table path of the cohort's table, which names its files from where it lies. */
  constructor(table: string) {
    this.folder = dirname(table);
  }

  /** @throws TonnoError now, not after an hour of training, when files are missing. */
  async check({ name, cases }: Cohort): Promise<void> {
    const missing: string[] = [];
    for (const row of cases) {
      for (const path of this.paths(row)) await access(path).catch(() => missing.push(path));
    }
    if (missing.length === 0) return;
    // One alone gets the sentence that fits it: a missing permission is no missing file.
    if (missing.length === 1) await onFile(missing[0], () => access(missing[0]));
    const more = missing.length > LISTED ? `, and ${missing.length - LISTED} more` : '';
    throw new TonnoError(
      name,
      `${missing.length} of its files cannot be read: ${missing.slice(0, LISTED).join(', ')}${more}.`,
      { remedy: 'Paths are relative to the table.' },
    );
  }

  /** The volume of a case, with the channels of all its files. */
  async read(row: CohortCase): Promise<Volume> {
    const volumes: Volume[] = [];
    for (const path of this.paths(row)) volumes.push((await readVolume(path)).volume);
    return joinChannels(volumes);
  }

  /** A case for training or validation. */
  trainingCase(
    row: CohortCase,
    preprocessing: Preprocessing,
    encoder: { readonly name: string; readonly channels: number },
  ): TrainingCase {
    return {
      name: row.name,
      labels: row.labels,
      load: async () => prepareVolume(await this.read(row), preprocessing, encoder),
    };
  }

  private paths({ images }: CohortCase): string[] {
    return images.map((image) => resolve(this.folder, image));
  }
}
