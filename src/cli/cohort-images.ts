/** The volumes of a cohort on the disk. */
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Cohort, CohortCase } from '../datasets/cohort.ts';
import { type Preprocessing, prepareVolume } from '../encoders/preprocessing.ts';
import { TonnoError } from '../errors.ts';
import type { TrainingCase } from '../training/cases.ts';
import type { Volume } from '../volume/volume.ts';
import { onFile } from './files.ts';
import { joinRead, type ReadVolume, readVolume, type VolumeOptions } from './volumes.ts';

/** Missing files that a message names. */
const LISTED = 3;

export class CohortImages {
  private readonly folder: string;
  private readonly options: VolumeOptions;
  private readonly onNotFinite: (path: string, count: number) => void;
  private readonly onNote: (path: string, note: string) => void;
  /** What has been said of some file; the same of others is not said again. */
  private readonly notes = new Set<string>();
  /** Files whose voxels were not all finite, and have been spoken of. */
  private readonly notFinite = new Set<string>();
  /** The case that was read first: all others have as many channels. */
  private first: { readonly name: string; readonly channels: number } | undefined;

  /**
   * @param table path of the cohort's table, which names its files from where it lies.
   * @param onNotFinite hears of each file with voxels that are set to 0, once.
   * @param onNote hears of how files were read, of each thing once.
   */
  constructor(
    table: string,
    { nan, int64, series, suv }: VolumeOptions,
    onNotFinite: (path: string, count: number) => void,
    onNote: (path: string, note: string) => void = () => {},
  ) {
    this.folder = dirname(table);
    this.options = { nan, int64, series, suv };
    this.onNotFinite = onNotFinite;
    this.onNote = onNote;
  }

  /** @throws TonnoError now, not after an hour of work, when files of the cases are missing. */
  async check({ name, cases }: Pick<Cohort, 'name' | 'cases'>): Promise<void> {
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

  /**
   * The volume of a case, with the channels of all its files.
   * @throws TonnoError when a file cannot be read, or when the channels do not fit one another or the other cases.
   */
  async read(row: CohortCase): Promise<Volume> {
    return (await this.readCounting(row)).volume;
  }

  /** The same, with how many voxels are zero now because they were not finite, and what else there is to know. */
  async readCounting(row: CohortCase): Promise<ReadVolume> {
    const channelsRead: ReadVolume[] = [];
    for (const path of this.paths(row)) {
      const read = await readVolume(path, this.options);
      if (read.notFinite > 0 && !this.notFinite.has(path)) {
        this.notFinite.add(path);
        this.onNotFinite(path, read.notFinite);
      }
      for (const note of read.notes) {
        if (!this.notes.has(note)) this.onNote(path, note);
        this.notes.add(note);
      }
      channelsRead.push(read);
    }
    const joined = joinRead(channelsRead, this.paths(row).join(';'));
    const { channels } = joined.volume;
    this.first ??= { name: row.name, channels };
    if (channels !== this.first.channels) {
      throw new TonnoError(
        this.paths(row)[0],
        `Case ${row.name} has ${counted(channels)}, and case ${this.first.name} ${counted(this.first.channels)}.`,
        { remedy: 'Give all cases the same channels, in the same order.' },
      );
    }
    return joined;
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

  /** The files of a case's channels, from where the command runs. */
  paths({ images }: CohortCase): string[] {
    return images.map((image) => resolve(this.folder, image));
  }
}

function counted(channels: number): string {
  return channels === 1 ? 'one channel' : `${channels} channels`;
}
