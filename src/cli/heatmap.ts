/**
 * One volume, one response, one plan: the heatmap, the record of how it was made and, when wanted, the profiles it
 * was made of. The commands `reconstruct` and `demo` differ only in what they hand in here.
 */
import { basename, join } from 'node:path';
import { UsageError } from '../errors.ts';
import { encodeNpyHeader } from '../formats/npy.ts';
import { parseFilter } from '../reconstruction/filter.ts';
import { type Plan, planDirections } from '../reconstruction/methods.ts';
import { type Measurement, type Reconstruction, reconstruct } from '../reconstruction/reconstruct.ts';
import type { Response } from '../responses/response.ts';
import { VERSION } from '../version.ts';
import { spacing, type Volume } from '../volume/volume.ts';
import { jsonBytes, NewFile, writeWhole } from './files.ts';
import type { Terminal } from './terminal.ts';
import { volumeBytes } from './volumes.ts';

export interface HeatmapJob {
  /** Stem of the results' names. */
  readonly name: string;
  /** What is sliced: the input with its preprocessing. */
  readonly sliced: Volume;
  /** As it was read: its grid becomes the heatmap's. */
  readonly input: Volume;
  readonly response: Response;
  readonly plan: Plan;
  readonly folder: string;
  readonly keepProfiles?: boolean;
  /** Seconds after which no further direction is begun. */
  readonly timeLimit?: number;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
  /** What else the record says: encoder, class, preprocessing, device. */
  readonly record: Readonly<Record<string, unknown>>;
}

export interface HeatmapResult {
  readonly heatmap: string;
  readonly sidecar: string;
  readonly profiles?: string;
  readonly reconstruction: Reconstruction;
  /** As written to the sidecar. */
  readonly record: Readonly<Record<string, unknown>>;
}

export async function makeHeatmap(job: HeatmapJob): Promise<HeatmapResult> {
  const { name, sliced, input, response, plan, folder, signal, terminal } = job;
  const filter = parseFilter(plan.filter);
  const directions = planDirections(plan, sliced.shape);
  const stem = join(folder, `${name}_desc-${plan.method}`);
  const started = new Date();
  const clockStart = performance.now();
  const progress = terminal.progress(name);
  const profiles = job.keepProfiles ? new ProfileWriter(`${stem}_profiles`, directions.length) : undefined;
  const limit = job.timeLimit === undefined ? undefined : timeout(job.timeLimit);
  try {
    const reconstruction = await reconstruct(sliced, response, directions, filter, {
      signal,
      stop: limit,
      onMeasured: profiles && ((measurement) => profiles.add(measurement)),
      onProgress: ({ done, total, slices }) =>
        progress.update(done, total, 'directions', { count: slices, units: 'slices' }),
    });
    progress.end();
    const { data, kinds, shape, done, total, slices } = reconstruction;
    const seconds = (performance.now() - clockStart) / 1000;
    if (done < total) terminal.warn(`${name}: the time limit ended it after ${done} of ${total} directions.`);
    const heatmap = `${stem}_heatmap.nii.gz`;
    const sidecar = `${stem}_heatmap.json`;
    const record = {
      software: { name: 'tonno', version: VERSION, node: process.version },
      input: {
        file: input.name,
        shape: input.shape,
        channels: input.channels,
        spacing: spacing(input.geometry),
      },
      ...job.record,
      response: response.name,
      sliceSize: [response.size.rows, response.size.columns],
      ...plan,
      directionsDone: done,
      started: started.toISOString(),
      seconds: round(seconds),
      slicesMeasured: slices,
      slicesPerSecond: round(slices / seconds),
      heatmap: { file: basename(heatmap), ...extremes(data) },
    };
    const volume: Volume = { data, channels: kinds, shape, geometry: input.geometry };
    const description = describe(plan, response, done);
    const bytes = await volumeBytes(volume, { datatype: 'float32', description, signal });
    signal.throwIfAborted();
    // The record comes first: a heatmap is never without the settings that made it.
    await writeWhole({ [sidecar]: jsonBytes(record), [heatmap]: bytes });
    const kept = await profiles?.finish({ record, plan, response, input, done });
    return { heatmap, sidecar, profiles: kept, reconstruction, record };
  } finally {
    progress.end();
    await profiles?.discard();
  }
}

/** A timer takes whole milliseconds and no more than fit in 31 bits, which are 24 days. */
function timeout(seconds: number): AbortSignal {
  return AbortSignal.timeout(Math.min(Math.round(seconds * 1000), 2 ** 31 - 1));
}

/** For the descrip field of NIfTI, 79 bytes: what is most telling first, and what does not fit left out whole. */
function describe({ method, slices, filter, seed }: Plan, { name }: Response, done: number): string {
  const stack = slices === undefined ? [] : [`M=${slices}`];
  const items = [method, name, `L=${done}`, ...stack, filter, `seed=${seed}`];
  return items.reduce(
    (text, item) => (text.length + item.length < 79 ? `${text} ${item}` : text),
    `tonno ${VERSION}`,
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function extremes(data: Float32Array): { minimum: number; maximum: number } {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  for (const value of data) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  return { minimum, maximum };
}

/** Bytes of the .npy header that is rewritten when the number of directions is known. */
const NPY_HEADER = 128;

/** What `tonno filter` needs beside the profiles. */
export interface ProfilesRecord {
  readonly plan: Plan;
  readonly directionsDone: number;
  readonly margin: number;
  readonly sliceSize: readonly [number, number];
  readonly planeMeasure: number;
  readonly grid: Pick<Volume, 'shape' | 'geometry'>;
  /** The record of the heatmap they were measured for. */
  readonly heatmap: Readonly<Record<string, unknown>>;
}

/**
 * Writes profiles as they are measured, one row a direction in the order of visiting: .npy of shape
 * [directions, slices, kinds, rows, columns] and its record as JSON.
 */
class ProfileWriter {
  private readonly stem: string;
  private readonly total: number;
  private file: NewFile | undefined;
  private rowShape: readonly number[] = [];
  private margin = 0;

  constructor(stem: string, total: number) {
    this.stem = stem;
    this.total = total;
  }

  async add({ maps, margin }: Measurement): Promise<void> {
    const row = [maps.count, maps.kinds, maps.rows, maps.columns];
    if (!this.file) {
      this.file = await NewFile.create(`${this.stem}.npy`);
      this.rowShape = row;
      this.margin = margin;
      await this.file.write(encodeNpyHeader([this.total, ...row], NPY_HEADER));
    } else if (row.join() !== this.rowShape.join()) {
      throw new UsageError(
        '--keep-profiles',
        'The stacks of this method have different numbers of slices, which one array cannot hold.',
        { remedy: 'Leave it out, or use a method with directions all over the sphere.' },
      );
    }
    const { data } = maps;
    await this.file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  async finish({
    record,
    plan,
    response,
    input,
    done,
  }: {
    record: Readonly<Record<string, unknown>>;
    plan: Plan;
    response: Response;
    input: Volume;
    done: number;
  }): Promise<string | undefined> {
    if (!this.file) return undefined;
    const about: ProfilesRecord = {
      plan,
      directionsDone: done,
      margin: this.margin,
      sliceSize: [response.size.rows, response.size.columns],
      planeMeasure: response.planeMeasure,
      grid: { shape: input.shape, geometry: input.geometry },
      heatmap: record,
    };
    await this.file.write(encodeNpyHeader([done, ...this.rowShape], NPY_HEADER), 0);
    await writeWhole({ [`${this.stem}.json`]: jsonBytes(about) });
    await this.file.commit();
    return this.file.path;
  }

  async discard(): Promise<void> {
    await this.file?.discard();
  }
}
