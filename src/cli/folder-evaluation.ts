/**
 * The heatmaps of a folder against the labels and masks of a cohort: all series by one protocol with one seed, so that
 * every method is measured on the same folds. Whatever is wrong with a file is found before there is any number, and
 * nothing is written here.
 */
import { dirname, resolve } from 'node:path';
import type { Cohort, CohortCase } from '../datasets/cohort.ts';
import { TonnoError, UsageError } from '../errors.ts';
import type { CaseData, Evaluation, EvaluationCase, ProtocolSettings } from '../evaluation/evaluation.ts';
import { type EvaluationProgress, evaluate } from '../evaluation/protocol.ts';
import { gridDistance } from '../volume/grids.ts';
import { type Geometry, type Shape, spacing, type Volume } from '../volume/volume.ts';
import { casesOfSplit, type SplitChoice } from './cohort-cases.ts';
import { readHeatmap, readMask } from './heatmap-file.ts';
import { findHeatmaps, type HeatmapSeries } from './heatmap-folder.ts';
import { OverallProgress } from './overall-progress.ts';
import type { Run } from './run.ts';
import { readGrid } from './volumes.ts';

export interface FolderEvaluationJob {
  /** With the heatmaps, or with a folder `heatmaps` that has them. */
  readonly folder: string;
  /** As `readCohort` gives it: its name is the path of the table, from which masks are named. */
  readonly cohort: Cohort;
  readonly split: SplitChoice;
  /** Which of the cohort's labels; needed where it has several. */
  readonly label?: string;
  readonly settings?: Partial<ProtocolSettings>;
  readonly run: Pick<Run, 'terminal' | 'signal'>;
  /** Is called when all files fit one another, before the first is evaluated: to make the folder of results, say. */
  ready?(): Promise<void>;
}

/** One method, map and layer with its numbers. */
export interface EvaluatedSeries extends HeatmapSeries {
  readonly evaluation: Evaluation;
}

export interface FolderEvaluation {
  readonly split: SplitChoice;
  readonly label: string;
  /** Those that were evaluated, in the order of the table. */
  readonly cases: readonly CohortCase[];
  /** In the order of methods, maps and layers; at least one. */
  readonly series: readonly EvaluatedSeries[];
}

/**
 * Evaluates all heatmaps of a folder.
 * @throws TonnoError that names the heatmap or mask that is missing, cannot be read, is not finite or lies in another grid.
 *   UsageError for a label that the cohort does not have, and for settings out of range.
 */
export async function evaluateFolder(job: FolderEvaluationJob): Promise<FolderEvaluation> {
  const { folder, cohort, split, settings, run } = job;
  const { terminal, signal } = run;
  const [label, index] = chooseLabel(cohort, job.label);
  const cases = casesOfSplit(cohort, split);
  const found = await findHeatmaps(folder, cohort, cases);
  const maskOf = ({ mask }: CohortCase) => mask && resolve(dirname(cohort.name), mask);
  await checkGrids(found, cases, maskOf, signal);
  await job.ready?.();
  const series: EvaluatedSeries[] = [];
  const overall = new OverallProgress(terminal, found.length);
  // A protocol looks at each heatmap three times, and every series at the same masks.
  const masks = new Kept((path) => readMask(path, signal), MASK_MEMORY);
  for (const [i, one] of found.entries()) {
    const heatmaps = new Kept((path) => readHeatmap(path, signal), HEATMAP_MEMORY);
    const evaluated = cases.map(
      (row): EvaluationCase => ({
        name: row.name,
        patient: row.patient,
        label: row.labels[index] as 0 | 1,
        load: () => loadCase(heatmaps, one.heatmaps.get(row.name)!, masks, maskOf(row), row),
      }),
    );
    overall.begin(`${one.title}${one.layer ? `, layer ${one.layer}` : ''}`, i);
    try {
      const onProgress = stageLines(overall);
      const evaluation = await evaluate(evaluated, settings, { signal, onProgress });
      // Notes of the files stand before those of the protocol: they may explain them.
      series.push({ ...one, evaluation: { ...evaluation, notes: [...one.notes, ...evaluation.notes] } });
    } finally {
      terminal.clear();
    }
    overall.end();
  }
  return { split, label, cases, series };
}

/** @throws UsageError when there are several labels and none was chosen, or one that is not there. */
export function chooseLabel(
  { name, classes }: Cohort,
  chosen: string | undefined,
): [name: string, index: number] {
  if (chosen === undefined && classes.length === 1) return [classes[0], 0];
  const index = chosen === undefined ? -1 : classes.indexOf(chosen);
  if (index >= 0) return [classes[index], index];
  const which = chosen === undefined ? `${classes.length} labels` : `no label ${JSON.stringify(chosen)}`;
  throw new UsageError(name, `The cohort has ${which}.`, {
    remedy: `Choose one with --label: ${classes.join(', ')}.`,
  });
}

/** What each stage of an evaluation does to its cases, and about which part of the time it takes. */
const stages: Readonly<
  Record<
    EvaluationProgress['stage'],
    { readonly done: string; readonly from: number; readonly share: number }
  >
> = {
  checking: { done: 'checked', from: 0, share: 0.2 },
  tuning: { done: 'tuned on', from: 0.2, share: 0.4 },
  measuring: { done: 'measured', from: 0.6, share: 0.4 },
};

/** Tells the terminal how far the series at hand is. */
function stageLines(overall: OverallProgress): (progress: EvaluationProgress) => void {
  let line = overall.part(0, 1).line();
  return ({ stage, done, total }) => {
    const part = overall.part(stages[stage].from, stages[stage].share);
    const rate = { count: done, units: 'cases' };
    line.update(done, total, stages[stage].done, rate, { left: part.left(done, total) });
    // Stages differ in their rates: the next one counts from here.
    if (done === total) line = part.line();
  };
}

interface Grid {
  readonly path: string;
  readonly shape: Shape;
  readonly geometry: Geometry;
}

/** Share of the shortest side of a voxel that two grids may be apart: what is lost where affines are rounded. */
const APART = 0.1;

/** Looks at the headers of all heatmaps and masks. @throws TonnoError that names both where two do not fit. */
async function checkGrids(
  found: readonly HeatmapSeries[],
  cases: readonly CohortCase[],
  maskOf: (row: CohortCase) => string | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const row of cases) {
    signal.throwIfAborted();
    const heatmaps: Grid[] = [];
    for (const { heatmaps: own } of found) heatmaps.push(await headerGrid(own.get(row.name)!));
    const path = maskOf(row);
    const mask = path === undefined ? undefined : await headerGrid(path);
    for (const heatmap of heatmaps) {
      if (mask) requireSameGrid(row, heatmap, mask);
      else if (row.box) requireBoxInside(row, heatmap);
    }
  }
}

async function headerGrid(path: string): Promise<Grid> {
  return { path, ...(await readGrid(path, { int64: 'convert', nan: 'zero' })) };
}

function requireSameGrid({ name }: CohortCase, heatmap: Grid, mask: Grid): void {
  if (heatmap.shape.join() !== mask.shape.join()) {
    throw new TonnoError(
      heatmap.path,
      `It has ${heatmap.shape.join(' × ')} voxels, and the mask of case ${name}, ${mask.path}, has ${mask.shape.join(' × ')}.`,
      { remedy: 'Resample image and mask to one grid and make the heatmap again.' },
    );
  }
  const apart = gridDistance(heatmap.geometry, mask.geometry, heatmap.shape);
  if (apart > APART * Math.min(...spacing(mask.geometry))) {
    throw new TonnoError(
      heatmap.path,
      `It lies elsewhere in the world than the mask of case ${name}, ${mask.path}: voxels are up to ${apart.toPrecision(3)} mm apart.`,
      { remedy: 'Register and resample image and mask to one grid and make the heatmap again.' },
    );
  }
}

function requireBoxInside({ name, box, line }: CohortCase, { path, shape }: Grid): void {
  const axis = box!.to.findIndex((end, i) => end > shape[i]);
  if (axis < 0) return;
  throw new TonnoError(
    path,
    `It has ${shape[axis]} voxels along axis ${axis}, and the box of case ${name} (line ${line} of the cohort) ends at ${box!.to[axis]}.`,
    { remedy: 'Give the box in voxels of the image, in the order of the array’s axes.' },
  );
}

/** Bytes of masks, and of the heatmaps of one series, that are kept rather than read again. */
const MASK_MEMORY = 2 ** 28;
const HEATMAP_MEMORY = 2 ** 29;

/** Files that were read, the first of them as long as there is room. */
class Kept<T extends { readonly byteLength: number } | { readonly data: { readonly byteLength: number } }> {
  private readonly read: (path: string) => Promise<T>;
  private readonly kept = new Map<string, T>();
  private room: number;

  constructor(read: (path: string) => Promise<T>, room: number) {
    this.read = read;
    this.room = room;
  }

  async get(path: string): Promise<T> {
    const before = this.kept.get(path);
    if (before) return before;
    const value = await this.read(path);
    const { byteLength } = 'data' in value ? value.data : value;
    if (byteLength <= this.room) {
      this.room -= byteLength;
      this.kept.set(path, value);
    }
    return value;
  }
}

async function loadCase(
  heatmaps: Kept<Volume>,
  heatmapPath: string,
  masks: Kept<Uint8Array>,
  maskPath: string | undefined,
  { box }: CohortCase,
): Promise<CaseData> {
  const { data, shape, geometry } = await heatmaps.get(heatmapPath);
  const mask = maskPath === undefined ? undefined : await masks.get(maskPath);
  return { heatmap: data, shape, spacing: spacing(geometry), mask, box };
}
