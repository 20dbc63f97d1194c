/**
 * The steps of a study: each takes what is there, makes one more thing, and says everything that it depends on, so that
 * it is taken once (step.ts). None of them knows how it is done: that is the job of the command of the same name.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { CohortCase } from '../../datasets/cohort.ts';
import { type Split, splits } from '../../datasets/cohort-table.ts';
import { readEncoder } from '../../encoders/external.ts';
import { TonnoError } from '../../errors.ts';
import { planMethod } from '../../reconstruction/methods.ts';
import { caseStem } from '../case-names.ts';
import { cohortCases, readCohort } from '../cohort-cases.ts';
import { CohortImages } from '../cohort-images.ts';
import { cohortPreprocessing } from '../cohort-record.ts';
import { writeEvaluation } from '../evaluation-files.ts';
import { exists, jsonBytes, onFile, readBytes, writeWhole } from '../files.ts';
import { chooseLabel, evaluateFolder } from '../folder-evaluation.ts';
import { preparePhantoms } from '../prepare/phantom.ts';
import type { ReconstructionOptions } from '../reconstruct.ts';
import { heatmapPaths, reconstructCases } from '../reconstruction.ts';
import type { Run } from '../run.ts';
import { BEST_ENCODER, LAST_ENCODER, readRunRecord } from '../run-folder.ts';
import { trainEncoder } from '../train.ts';
import type { TrainOptions } from '../training-plan.ts';
import { parseSoundCohort, requireSoundFiles } from '../validation/sound-cohort.ts';
import type { ExperimentEncoder } from './experiment.ts';
import { measureLogits } from './logits.ts';
import type { HeatmapPlan, StudyPlan } from './plan.ts';
import type { StudyRecord } from './record.ts';
import { type StepOutput, takeStep } from './step.ts';

/** In the folder of a step that asked about slices. */
const LOGITS = 'logits.json';

export interface StudyContext {
  readonly plan: StudyPlan;
  /** Folder of the study. */
  readonly folder: string;
  readonly run: Run;
}

/** The cohort as the steps after it see it. */
export interface StudyCohort {
  /** Path of its table. */
  readonly table: string;
  /** Of the table, the sizes of its images and what is said of their values. */
  readonly sha256: string;
  /** Of the sizes of its masks, which nothing but the evaluation looks at. */
  readonly masks: string;
  /** Those of the validation split. */
  readonly cases: readonly CohortCase[];
  /** Which of the labels counts. */
  readonly label: number;
}

/** In the folder of a step that looked at the cohort. */
const FINDINGS = 'findings.json';

/** Splits that a study uses: without a training the validation cases alone. */
function usedSplits({ trainings }: StudyPlan): readonly Split[] {
  return trainings.size > 0 ? splits : ['validation'];
}

/** @throws TonnoError when the table of a given cohort has errors. */
export async function requireSoundTable(plan: StudyPlan, run: Run): Promise<void> {
  const { cohort } = plan.experiment;
  if (typeof cohort !== 'string') return;
  parseSoundCohort(new TextDecoder().decode(await readBytes(cohort)), cohort, run, {
    splits: usedSplits(plan),
  });
}

/** Looks at the files of a given cohort that will be used; its errors end the study. */
export async function validationStep(
  { table, sha256, masks }: StudyCohort,
  { plan, folder, run }: StudyContext,
): Promise<StepOutput> {
  const used = usedSplits(plan);
  const [{ options }] = plan.heatmaps;
  const { nan, int64 } = options;
  const step = {
    kind: 'validation',
    name: '',
    settings: { cohort: sha256, masks, used, nan, int64 },
  } as const;
  return takeStep(folder, step, run.terminal, async (out) => {
    const cohort = await readCohort(table);
    const cases = cohort.cases.filter(({ split }) => used.includes(split));
    const findings = await requireSoundFiles(
      { ...cohort, cases },
      // Masks are for the evaluation, and that is of validation cases.
      { nan, int64, masks: ({ split }) => split === 'validation' },
      run,
    );
    await writeWhole({ [join(out, FINDINGS)]: jsonBytes(findings) });
  });
}

/** Makes the cohort of phantoms. */
export async function cohortStep({ plan, folder, run }: StudyContext): Promise<StepOutput> {
  return takeStep(
    folder,
    { kind: 'cohort', name: 'phantoms', settings: plan.phantoms },
    run.terminal,
    async (out) => {
      await preparePhantoms({ ...plan.phantoms!, out }, run);
    },
  );
}

/**
 * @param table path of its table.
 * @param chosen name of the label that counts, where there are several.
 */
export async function openCohort(table: string, chosen: string | undefined): Promise<StudyCohort> {
  const cohort = await readCohort(table);
  const [, label] = chooseLabel(cohort, chosen);
  const images = new CohortImages(table, {}, () => {});
  await images.check(cohort);
  const hash = createHash('sha256').update(await readBytes(table));
  const masks = createHash('sha256');
  const size = async (path: string) => `${(await onFile(path, () => stat(path))).size} `;
  for (const row of cohort.cases) {
    for (const path of images.paths(row)) hash.update(await size(path));
    if (row.mask !== undefined) masks.update(await size(resolve(dirname(table), row.mask)));
  }
  // A training takes it from there.
  const preprocessing = await cohortPreprocessing(table);
  if (Object.keys(preprocessing).length > 0) hash.update(JSON.stringify(preprocessing));
  const cases = cohort.cases.filter(({ split }) => split === 'validation');
  if (cases.length === 0) {
    throw new TonnoError(table, 'There is no validation case to evaluate on.', {
      remedy: 'Put some patients in the split validation.',
    });
  }
  return { table, sha256: hash.digest('hex'), masks: masks.digest('hex'), cases, label };
}

/** An encoder that is there. */
export type ReadyEncoder = Omit<StudyRecord['encoders'][number], 'logits'> & { readonly sha256: string };

/** Trains an encoder, or goes on with its training. */
export async function trainingStep(
  { name, weights }: ExperimentEncoder,
  options: TrainOptions,
  { table, sha256 }: StudyCohort,
  { folder, run }: StudyContext,
): Promise<StepOutput & { readonly encoder: ReadyEncoder }> {
  const { memory, threads, ...settings } = options;
  const step = { kind: 'encoders', name, settings: { ...settings, cohort: sha256 } } as const;
  const output = await takeStep(folder, step, run.terminal, async (out) => {
    const resume = (await readRunRecord(out)) !== undefined;
    await trainEncoder(table, { ...options, out, resume }, run, () => false);
  });
  const model = join(output.folder, weights === 'best' ? BEST_ENCODER : LAST_ENCODER);
  const encoder = await openEncoder(name, join(folder, model));
  return { ...output, encoder: { ...encoder, model, run: output.folder } };
}

/** An encoder that is given. */
export async function openEncoder(name: string, path: string): Promise<ReadyEncoder> {
  const { sha256, metadata } = await readEncoder(await readBytes(path), basename(path));
  const description = [metadata.name ?? basename(path), metadata.description].filter(Boolean).join('. ');
  return { name, model: resolve(path), description, sha256 };
}

/** Has an encoder look at slices of all cases: see `measureLogits`. */
export async function logitsStep(
  encoder: ReadyEncoder,
  { table, sha256, cases, label }: StudyCohort,
  { plan, folder, run }: StudyContext,
): Promise<StepOutput & { readonly file: string }> {
  const [{ options }] = plan.heatmaps;
  const settings = { encoder: encoder.sha256, cohort: sha256, options: settingsOf(options) };
  const step = { kind: 'logits', name: encoder.name, settings } as const;
  const images = new CohortImages(table, options, () => {});
  const shown = cases.find(({ labels }) => labels[label] === 1) ?? cases[0];
  const output = await takeStep(folder, step, run.terminal, async (out) => {
    const logits = await measureLogits(
      { ...options, encoder: resolve(folder, encoder.model) },
      cases.map((row) => ({ name: row.name, label: row.labels[label], read: () => images.read(row) })),
      shown.name,
      run,
    );
    await writeWhole({ [join(out, LOGITS)]: jsonBytes(logits) });
  });
  return { ...output, file: join(output.folder, LOGITS) };
}

/** Heatmaps of all cases. */
export async function heatmapsStep(
  encoder: ReadyEncoder,
  { options, plans }: HeatmapPlan,
  { table, sha256 }: StudyCohort,
  { folder, run }: StudyContext,
): Promise<StepOutput> {
  const settings = { encoder: encoder.sha256, cohort: sha256, plans, options: settingsOf(options) };
  return takeStep(folder, { kind: 'heatmaps', name: encoder.name, settings }, run.terminal, async (out) => {
    const job = {
      cases: await cohortCases(table, { split: 'validation', nan: options.nan, int64: options.int64 }),
      engineOptions: { ...options, encoder: resolve(folder, encoder.model) },
      plans,
      folder: out,
      run,
    };
    const isDone = async (name: string) =>
      (await Promise.all(heatmapPaths(name, job).map(exists))).every(Boolean);
    const { failed } = await reconstructCases({ ...job, timeLimit: options.timeLimit, skip: isDone });
    if (failed.length > 0) {
      throw new TonnoError(
        out,
        `There are no heatmaps of ${failed.length} cases, ${failed[0].volume} first.`,
        {
          remedy: 'Mend the volumes or take them out of the cohort; what was made is kept.',
        },
      );
    }
  });
}

/** Numbers of all heatmaps in a folder. */
export async function evaluationStep(
  encoder: ReadyEncoder,
  heatmaps: StepOutput,
  { table, sha256 }: StudyCohort,
  { plan, folder, run }: StudyContext,
): Promise<StepOutput> {
  const settings = { heatmaps: basename(heatmaps.folder), cohort: sha256, ...plan.evaluation };
  return takeStep(
    folder,
    { kind: 'evaluations', name: encoder.name, settings },
    run.terminal,
    async (out) => {
      const evaluated = await evaluateFolder({
        folder: join(folder, heatmaps.folder),
        cohort: await readCohort(table),
        split: 'validation',
        settings: plan.evaluation,
        run,
      });
      await writeEvaluation(out, evaluated, table);
    },
  );
}

/** One case by ToNNO with other settings (Figs. 7 and 8). */
export async function viewStep(
  encoder: ReadyEncoder,
  row: CohortCase,
  { seed, slices, directions }: Pick<StudyRecord['views'][number], 'seed' | 'slices' | 'directions'>,
  { table, sha256 }: StudyCohort,
  { plan, folder, run }: StudyContext,
): Promise<StepOutput & { readonly heatmap: string }> {
  const [{ options }] = plan.heatmaps;
  const { preset, filter } = options;
  const tonno = planMethod({ method: 'tonno', preset, filter, seed, slices, directions });
  const settings = {
    encoder: encoder.sha256,
    cohort: sha256,
    case: row.name,
    plan: tonno,
    options: settingsOf(options),
  };
  const name = `M${slices}-L${directions}-seed${seed}`;
  const engineOptions = {
    ...options,
    cam: undefined,
    layer: undefined,
    encoder: resolve(folder, encoder.model),
  };
  const output = await takeStep(folder, { kind: 'views', name, settings }, run.terminal, async (out) => {
    const cases = await cohortCases(table, { split: 'validation', nan: options.nan, int64: options.int64 });
    const own = cases.filter((one) => one.name === caseStem(row.name));
    const { failed } = await reconstructCases({
      cases: own,
      engineOptions,
      plans: [tonno],
      folder: out,
      run,
    });
    if (failed.length > 0) throw new TonnoError(failed[0].volume, failed[0].error);
  });
  const job = { engineOptions, plans: [tonno], folder: output.folder };
  return { ...output, heatmap: heatmapPaths(caseStem(row.name), job)[0] };
}

/** Options that decide how fast a heatmap is made and not what it holds are no part of its settings. */
function settingsOf({
  threads,
  batch,
  memory,
  ...settings
}: ReconstructionOptions): Omit<ReconstructionOptions, 'threads' | 'batch' | 'memory'> {
  return settings;
}
