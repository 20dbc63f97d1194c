/**
 * One volume, one pass over it: the heatmaps of the methods that share it, the record of how each was made and, when
 * wanted, the profiles they were made of. The commands `reconstruct` and `demo` differ only in what they hand in here.
 */
import { basename, join } from 'node:path';
import { UsageError } from '../errors.ts';
import { encodeNpyHeader } from '../formats/npy.ts';
import type { WantedHeatmap } from '../reconstruction/engine.ts';
import { type Plan, passDirections, planTarget } from '../reconstruction/methods.ts';
import { type Reconstructions, reconstructAll } from '../reconstruction/reconstruct.ts';
import {
  heatmapDescription,
  heatmapEntities,
  heatmapRecord,
  heatmapVolume,
} from '../reconstruction/record.ts';
import type { Heatmap, Measurement } from '../reconstruction/targets.ts';
import type { Maps, Response } from '../responses/response.ts';
import type { Crew } from '../runtime/crew.ts';
import type { Box } from '../volume/crop.ts';
import type { Volume } from '../volume/volume.ts';
import { jsonBytes, NewFile, writeWhole } from './files.ts';
import type { PartProgress } from './overall-progress.ts';
import type { ProgressLine, Terminal } from './terminal.ts';
import { volumeBytes } from './volumes.ts';

export interface HeatmapJob {
  /** Stem of the results' names. */
  readonly name: string;
  /** What is sliced: the input with its preprocessing. */
  readonly sliced: Volume;
  /** Where that lies in the input. Outside of it the heatmap is 0: nothing was looked at there. */
  readonly box: Box;
  /** As it was read: its grid becomes the heatmap's. */
  readonly input: Volume;
  readonly response: Response;
  /** Over the same directions: see `sharedPasses`. */
  readonly wanted: readonly WantedHeatmap[];
  readonly folder: string;
  readonly keepProfiles?: boolean;
  /** Seconds after which no further direction is begun. */
  readonly timeLimit?: number;
  readonly signal: AbortSignal;
  /** Threads that sum maps; see `Grid.crew`. */
  readonly crew?: Crew;
  readonly terminal: Terminal;
  /** Where this is one of several pieces of work; a line called `name` otherwise. */
  readonly progress?: PartProgress;
  /** What else the records say: encoder, class, preprocessing, device. */
  readonly record: Readonly<Record<string, unknown>>;
}

export interface HeatmapResult {
  readonly heatmap: string;
  readonly sidecar: string;
  /** Of the first heatmap that is made of these maps. */
  readonly profiles?: string;
  readonly values: Heatmap;
  /** As written to the sidecar. */
  readonly record: Readonly<Record<string, unknown>>;
}

export async function makeHeatmaps(job: HeatmapJob): Promise<HeatmapResult[]> {
  const { name, sliced, response, wanted, signal, terminal } = job;
  const { directions, uses } = passDirections(
    wanted.map(({ plan }) => plan),
    sliced.shape,
  );
  if (job.keepProfiles && uses.some((own) => own !== undefined)) {
    throw new UsageError('--keep-profiles', 'The methods of one pass are made of different directions.', {
      remedy: 'Leave it out, or call the methods cam and cam-3axes one after the other.',
    });
  }
  const targets = wanted.map(({ plan, maps }, i) => planTarget(plan, maps, uses[i]));
  const iterations = wanted.reduce((sum, { plan }) => sum + (plan.iterations ?? 0), 0);
  let iterated = 0;
  let solving: ProgressLine | undefined;
  const started = new Date();
  const clockStart = performance.now();
  const newLine = () => job.progress?.line() ?? terminal.progress(name);
  const progress = newLine();
  const writers = job.keepProfiles ? profileWriters(job, directions.length) : [];
  const limit = job.timeLimit === undefined ? undefined : timeout(job.timeLimit);
  try {
    const pass = await reconstructAll(sliced, response, directions, targets, {
      signal,
      crew: job.crew,
      stop: limit,
      onMeasured: async ({ maps, margin }: Measurement) => {
        for (const { writer, wanted } of writers) await writer.add(maps[wanted.maps], margin);
      },
      onProgress: ({ done, total, slices }) =>
        progress.update(
          done,
          total,
          'directions',
          { count: slices, units: 'slices' },
          { left: job.progress?.left(done, total) },
        ),
      onIteration: () => {
        solving ??= newLine();
        solving.update(++iterated, iterations, 'iterations', { count: iterated, units: 'iterations' });
      },
    });
    progress.end();
    const { done, total } = pass;
    if (done < total) terminal.warn(`${name}: the time limit ended it after ${done} of ${total} directions.`);
    const time = { started: started.toISOString(), seconds: (performance.now() - clockStart) / 1000 };
    const results: HeatmapResult[] = [];
    for (const [i, heatmap] of wanted.entries()) {
      const result = await writeHeatmap(job, heatmap, pass, pass.heatmaps[i], time);
      const kept = writers.find((kept) => kept.wanted === heatmap);
      const profiles = await kept?.writer.finish(job, heatmap.plan, result.record, done);
      results.push({ ...result, profiles });
    }
    return results;
  } finally {
    progress.end();
    for (const { writer } of writers) await writer.discard();
  }
}

/** Writes a heatmap and its record. */
async function writeHeatmap(
  { name, box, input, response, folder, signal, terminal, record: shared }: HeatmapJob,
  wanted: WantedHeatmap,
  { slices }: Reconstructions,
  values: Heatmap,
  time: { readonly started: string; readonly seconds: number },
): Promise<HeatmapResult> {
  const stem = join(folder, `${name}_${heatmapEntities(wanted)}_heatmap`);
  const [heatmap, sidecar] = [`${stem}.nii.gz`, `${stem}.json`];
  const made = { wanted, values, response, input, box, slices, ...time };
  const software = { node: process.version };
  const record = heatmapRecord(made, { software, shared, file: basename(heatmap) });
  const answer = response.names[wanted.maps];
  const { minimum, maximum } = record.heatmap;
  if (minimum === 0 && maximum === 0) {
    terminal.warn(`${heatmap}: it is zero everywhere, because ${answer} was for every slice.`);
  }
  const description = heatmapDescription(wanted.plan, answer, values.done);
  const bytes = await volumeBytes(heatmapVolume(made), { datatype: 'float32', description, signal });
  signal.throwIfAborted();
  // The record comes first: a heatmap is never without the settings that made it.
  await writeWhole({ [sidecar]: jsonBytes(record), [heatmap]: bytes });
  return { heatmap, sidecar, values, record };
}

/** One writer for each of the maps that heatmaps are made of, named after the first of them. */
function profileWriters({ name, folder, wanted }: HeatmapJob, total: number) {
  const first = wanted.filter(({ maps }, i) => wanted.findIndex((other) => other.maps === maps) === i);
  return first.map((heatmap) => ({
    wanted: heatmap,
    writer: new ProfileWriter(join(folder, `${name}_${heatmapEntities(heatmap)}_profiles`), total),
  }));
}

/** A timer takes whole milliseconds and no more than fit in 31 bits, which are 24 days. */
function timeout(seconds: number): AbortSignal {
  return AbortSignal.timeout(Math.min(Math.round(seconds * 1000), 2 ** 31 - 1));
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
  /** Of what was sliced. */
  readonly grid: Pick<Volume, 'shape' | 'geometry'>;
  /** The input it was cropped from, and where it lies in it. */
  readonly whole: Pick<Volume, 'shape' | 'geometry'>;
  readonly box: Box;
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

  async add(maps: Maps, margin: number): Promise<void> {
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

  async finish(
    { response, sliced, box, input }: HeatmapJob,
    plan: Plan,
    record: HeatmapResult['record'],
    done: number,
  ): Promise<string | undefined> {
    if (!this.file) return undefined;
    const about: ProfilesRecord = {
      plan,
      directionsDone: done,
      margin: this.margin,
      sliceSize: [response.size.rows, response.size.columns],
      planeMeasure: response.planeMeasure,
      grid: { shape: sliced.shape, geometry: sliced.geometry },
      whole: { shape: input.shape, geometry: input.geometry },
      box,
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
