/**
 * A whole study, step by step: the cohort, a training for each encoder, what the encoders say to slices, heatmaps of all
 * validation cases, their evaluation, views of one case. A study that was stopped goes on where it was, and one whose
 * file has changed makes anew only what the change is about.
 */
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CohortCase } from '../../datasets/cohort.ts';
import { planMethod } from '../../reconstruction/methods.ts';
import { engine } from '../../runtime/node.ts';
import { VERSION } from '../../version.ts';
import { openEngine } from '../engine.ts';
import { prepareFolder } from '../files.ts';
import { TABLE } from '../prepare/folder.ts';
import type { Run } from '../run.ts';
import type { Experiment } from './experiment.ts';
import { planStages, planStudy } from './plan.ts';
import { type StudyRecord, writeStudyRecord } from './record.ts';
import { Stages } from './stages.ts';
import type { StepOutput } from './step.ts';
import {
  cohortStep,
  evaluationStep,
  heatmapsStep,
  logitsStep,
  openCohort,
  openEncoder,
  type ReadyEncoder,
  requireSoundTable,
  type StudyCohort,
  type StudyContext,
  trainingStep,
  validationStep,
  viewStep,
} from './steps.ts';

/**
 * Runs what is not done yet of an experiment, and writes down what there is then.
 * @param folder of the study; made if missing.
 * @param file where the experiment stands, for errors.
 * @param validate whether a cohort that is given is looked at first; phantoms made here need no look.
 * @throws UsageError for settings that the commands they belong to would refuse, before any work.
 */
export async function runStudy(
  experiment: Experiment,
  folder: string,
  file: string,
  run: Run,
  { validate = true }: { readonly validate?: boolean } = {},
): Promise<StudyRecord> {
  const plan = planStudy(experiment, file);
  const { label } = plan.evaluation;
  // What is given is looked at before anything is made.
  if (validate) await requireSoundTable(plan, run);
  const given =
    typeof experiment.cohort === 'string' ? await openCohort(experiment.cohort, label) : undefined;
  const ready = new Map<string, ReadyEncoder>();
  for (const { name, file: path } of experiment.encoders) {
    if (path === undefined) continue;
    ready.set(name, await openEncoder(name, path));
    for (const { options, plans } of plan.heatmaps) {
      // A layer that it does not have is not to be found out after an hour of another's training.
      await (await openEngine({ ...options, encoder: path }, plans)).close();
    }
  }
  await prepareFolder(folder);
  const context: StudyContext = { plan, folder, run };
  const cases = given?.cases.length ?? plan.phantoms!.validation;
  const stages = new Stages(run.terminal, planStages(plan, cases, given && validate));
  const seconds: Record<string, number> = {};
  const take = async <T extends StepOutput>(step: () => Promise<T>): Promise<T> => {
    const output = await stages.next(step);
    seconds[output.folder] = output.seconds;
    return output;
  };

  if (given && validate) await take(() => validationStep(given, context));
  const table = given?.table ?? join((await take(() => cohortStep(context))).folder, TABLE);
  const cohort = given ?? (await openCohort(join(folder, table), label));
  for (const wanted of experiment.encoders) {
    const options = plan.trainings.get(wanted.name);
    if (!options) continue;
    ready.set(wanted.name, (await take(() => trainingStep(wanted, options, cohort, context))).encoder);
  }
  const inOrder = experiment.encoders.map(({ name }) => ready.get(name)!);
  const encoders: StudyRecord['encoders'] = [];
  for (const { sha256, ...encoder } of inOrder) {
    const { file: logits } = await take(() => logitsStep({ sha256, ...encoder }, cohort, context));
    encoders.push({ ...encoder, logits });
  }
  const evaluations: StudyRecord['evaluations'] = [];
  for (const encoder of inOrder) {
    for (const wanted of plan.heatmaps) {
      const made = await take(() => heatmapsStep(encoder, wanted, cohort, context));
      const { folder: numbers } = await take(() => evaluationStep(encoder, made, cohort, context));
      evaluations.push({ encoder: encoder.name, heatmaps: made.folder, folder: numbers });
    }
  }
  const views = await makeViews(inOrder[0], cohort, context, take);
  const record: StudyRecord = {
    software: { name: 'tonno', version: VERSION, node: process.version, engine: engine() },
    machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    experiment,
    cohort: table,
    encoders,
    evaluations,
    views,
    seconds,
  };
  await writeStudyRecord(folder, record);
  return record;
}

/** Views of the first positive case: by each seed, and by each number of slices and directions. */
async function makeViews(
  encoder: ReadyEncoder,
  cohort: StudyCohort,
  context: StudyContext,
  take: <T extends StepOutput>(step: () => Promise<T>) => Promise<T>,
): Promise<StudyRecord['views']> {
  const { experiment, heatmaps } = context.plan;
  const { seeds, grid } = experiment.report;
  const row: CohortCase = cohort.cases.find(({ labels }) => labels[cohort.label] === 1) ?? cohort.cases[0];
  const [{ options }] = heatmaps;
  const { directions, slices } = planMethod({
    method: 'tonno',
    preset: options.preset,
    directions: options.directions,
    slices: options.slices,
  });
  const wanted = [
    ...seeds.map((seed) => ({ kind: 'seeds' as const, seed, slices: slices!, directions })),
    ...(grid?.slices ?? []).flatMap((m) =>
      grid!.directions.map((l) => ({ kind: 'grid' as const, seed: options.seed, slices: m, directions: l })),
    ),
  ];
  const views: StudyRecord['views'] = [];
  for (const view of wanted) {
    const { heatmap } = await take(() => viewStep(encoder, row, view, cohort, context));
    views.push({ encoder: encoder.name, case: row.name, ...view, heatmap });
  }
  return views;
}
