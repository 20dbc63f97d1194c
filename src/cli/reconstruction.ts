/**
 * The heatmaps of several cases, one after the other with one engine: what `reconstruct` does for volumes and for the
 * cases of a cohort, and whoever else needs many heatmaps. A case reads its volume when its turn has come, so that one
 * is in memory at a time; one that fails does not cost the others their turn.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { BACKPROJECTION_MODULE } from '../reconstruction/backprojector.ts';
import type { Engine, Pass } from '../reconstruction/engine.ts';
import { methods, type Plan } from '../reconstruction/methods.ts';
import { heatmapEntities } from '../reconstruction/record.ts';
import type { ScoreCamCost } from '../responses/cam/score-cam.ts';
import type { Crew } from '../runtime/crew.ts';
import { openCrew } from '../runtime/node-crew.ts';
import type { Shape } from '../volume/volume.ts';
import { type EngineOptions, openEngine } from './engine.ts';
import { prepareFolder } from './files.ts';
import { makeHeatmaps } from './heatmap.ts';
import { OverallProgress } from './overall-progress.ts';
import { isInterruption, messageOf, type Run } from './run.ts';
import { clock, type Terminal } from './terminal.ts';
import type { ReadVolume } from './volumes.ts';

/** One volume, or all channels of one case. */
export interface ReconstructionCase {
  /** Stem of its results' names: see `caseStem` for a case of a cohort. */
  readonly name: string;
  /** What messages and results call it: the path of the volume, as a rule. */
  readonly volume: string;
  /** Is called once, when its turn has come. */
  read(): Promise<ReadVolume>;
  /** What its records say beside the settings. */
  readonly record?: Readonly<Record<string, unknown>>;
}

export interface ReconstructionJob {
  readonly cases: readonly ReconstructionCase[];
  readonly engineOptions: EngineOptions;
  /** One a method: see `planMethods`. */
  readonly plans: readonly Plan[];
  /** Where results go; made if missing. */
  readonly folder: string;
  readonly keepProfiles?: boolean;
  /** Seconds for each case, after which no further direction is begun. */
  readonly timeLimit?: number;
  readonly run: Pick<Run, 'terminal' | 'signal'>;
  /** True for cases that need nothing done; all are asked before the first begins. */
  skip?(name: string): Promise<boolean>;
  /** Hears of each heatmap when it is on the disk. */
  onHeatmap?(made: ReconstructedHeatmap): void;
}

/** A heatmap on the disk: what its sidecar says, and where both are. */
export interface ReconstructedHeatmap {
  readonly volume: string;
  readonly heatmap: string;
  readonly sidecar: string;
  readonly profiles?: string;
  readonly [key: string]: unknown;
}

export interface ReconstructedCases {
  readonly heatmaps: readonly ReconstructedHeatmap[];
  /** Cases without results, and why in a sentence; said on the terminal as well. */
  readonly failed: readonly { readonly volume: string; readonly error: string }[];
  /** Names of those that `skip` was true for. */
  readonly skipped: readonly string[];
}

/**
 * Makes and writes the heatmaps of all cases, `<name>_desc-<method>[_cam-<cam>_layer-<layer>]_heatmap.nii.gz` with
 * .json beside it.
 * @throws UsageError for options that contradict one another or the encoder, DeviceError, EncoderError, what the signal
 *   was aborted with; whatever else goes wrong with a case is one entry of `failed`.
 */
export async function reconstructCases(job: ReconstructionJob): Promise<ReconstructedCases> {
  const { cases, engineOptions, plans, folder, run, skip } = job;
  const { terminal, signal } = run;
  const skipped: string[] = [];
  for (const { name } of skip ? cases : []) {
    if (await skip!(name)) skipped.push(name);
  }
  const heatmaps: ReconstructedHeatmap[] = [];
  const failed: { volume: string; error: string }[] = [];
  if (skipped.length === cases.length) return { heatmaps, failed, skipped };
  const engine = await openEngine(engineOptions, plans);
  // Profiles are summed faster than they could be sent away.
  const onMaps = plans.some(({ method }) => methods[method].response === 'map');
  const threads = engineOptions.threads ?? availableParallelism();
  const crew = onMaps ? openCrew(BACKPROJECTION_MODULE, threads) : undefined;
  try {
    await prepareFolder(folder);
    if (engine.description) terminal.log(engine.description);
    const progress = new OverallProgress(terminal, cases.length, cases.length - skipped.length);
    for (const [i, one] of cases.entries()) {
      if (skipped.includes(one.name)) continue;
      progress.begin(one.name, i);
      try {
        for await (const made of reconstructCase(one, { engine, crew, progress }, job)) {
          heatmaps.push(made);
          job.onHeatmap?.(made);
        }
      } catch (error) {
        // One bad volume must not cost the others their turn; a wrong option is wrong for all of them.
        if (isInterruption(error, signal) || error instanceof UsageError) throw error;
        terminal.log(`error: ${messageOf(error)}`);
        failed.push({ volume: one.volume, error: messageOf(error) });
      }
      progress.end();
    }
    return { heatmaps, failed, skipped };
  } finally {
    await crew?.close();
    await engine.close();
  }
}

/** Paths of the heatmaps that `reconstructCases` writes for a case, for those who ask what is there already. */
export function heatmapPaths(
  name: string,
  { engineOptions, plans, folder }: Pick<ReconstructionJob, 'engineOptions' | 'plans' | 'folder'>,
): string[] {
  const { cam = ['layercam'], layer = [] } = engineOptions;
  return plans.flatMap((plan) => {
    const onMaps = methods[plan.method].response === 'map' && (engineOptions.response ?? 'logit') === 'logit';
    const entities = onMaps ? cam.flatMap((one) => layer.map((own) => ({ cam: one, layer: own }))) : [{}];
    return entities.map((own) =>
      join(folder, `${name}_${heatmapEntities({ plan, entities: own })}_heatmap.nii.gz`),
    );
  });
}

/** All heatmaps of one case, pass by pass. */
async function* reconstructCase(
  one: ReconstructionCase,
  { engine, crew, progress }: { engine: Engine; crew: Crew | undefined; progress: OverallProgress },
  { folder, keepProfiles, timeLimit, run: { terminal, signal } }: ReconstructionJob,
): AsyncGenerator<ReconstructedHeatmap> {
  const { name, volume: source, record: own } = one;
  const { volume, notFinite, notes } = await one.read();
  for (const note of notes) terminal.log(`${source}: ${note}`);
  if (notFinite > 0) terminal.warn(`${source}: ${notFinite} voxels that were not finite are 0 now.`);
  const deadline = timeLimit === undefined ? undefined : performance.now() + 1000 * timeLimit;
  let left: readonly Pass[] = [];
  const { sliced, box, passes, record } = engine.ready(volume, (cost) =>
    tellScoreCamCost(terminal, cost, slicesOf(left[0], sliced.shape)),
  );
  let done = 0;
  for (const [i, pass] of passes.entries()) {
    left = passes.slice(i);
    const share = timeShare(left, sliced.shape);
    const ofCase = share * (1 - done);
    const made = await makeHeatmaps({
      name,
      sliced,
      box,
      input: volume,
      ...pass,
      folder,
      keepProfiles,
      timeLimit: deadline && share * Math.max(0, (deadline - performance.now()) / 1000),
      signal,
      crew,
      terminal,
      progress: progress.part(done, ofCase),
      record: {
        ...record,
        notFiniteSetToZero: notFinite,
        ...(notes.length > 0 && { inputNotes: notes }),
        ...own,
      },
    });
    done += ofCase;
    for (const { heatmap, sidecar, profiles, record } of made) {
      yield { ...record, volume: source, heatmap, sidecar, profiles };
    }
  }
}

/** Slices between s = −1 and 1 of a pass. */
function slicesOf({ wanted }: Pass, shape: Shape): number {
  const counts = wanted.map(({ plan: { directions, slices, axis } }) => {
    if (slices !== undefined) return directions * slices;
    return axis === undefined ? shape[0] + shape[1] + shape[2] : shape[axis];
  });
  return Math.max(...counts);
}

/** The first pass's share of the time that is left, by its slices. */
function timeShare(passes: readonly Pass[], shape: Shape): number {
  const slices = passes.map((pass) => slicesOf(pass, shape));
  return slices[0] / slices.reduce((a, b) => a + b, 0);
}

/** ScoreCAM can take days, which must be known before they have passed. */
function tellScoreCamCost(
  terminal: Terminal,
  { passesPerSlice, secondsPerSlice }: ScoreCamCost,
  slices: number,
): void {
  terminal.log(
    `ScoreCAM runs the encoder ${passesPerSlice} times a slice: at ${secondsPerSlice.toPrecision(2)} s a slice about ${clock(secondsPerSlice * slices)} for ${slices} slices.`,
  );
}
