/** An experiment with its settings read: everything that is wrong with them is found here, before any work. */
import { UsageError } from '../../errors.ts';
import { methods, sharedPasses } from '../../reconstruction/methods.ts';
import { addProtocolOptions, type ProtocolOptions } from '../evaluate.ts';
import { addPhantomOptions, type PhantomOptions } from '../prepare/phantom.ts';
import { addReconstructionOptions, choosePlans, type ReconstructionOptions } from '../reconstruct.ts';
import type { ReconstructionJob } from '../reconstruction.ts';
import { readSettings, type Settings } from '../settings.ts';
import { addTrainOptions } from '../train.ts';
import type { TrainOptions } from '../training-plan.ts';
import type { Experiment } from './experiment.ts';
import type { Stage } from './stages.ts';

export interface StudyPlan {
  readonly experiment: Experiment;
  /** Absent where the cohort is a table. */
  readonly phantoms?: PhantomOptions;
  /** By the encoder's name; none for one that is given. */
  readonly trainings: ReadonlyMap<string, TrainOptions>;
  readonly heatmaps: readonly HeatmapPlan[];
  readonly evaluation: ProtocolOptions;
}

export interface HeatmapPlan {
  readonly options: ReconstructionOptions;
  readonly plans: ReconstructionJob['plans'];
}

/**
 * @param file where the experiment stands, for errors.
 * @throws UsageError for settings that the commands they belong to would refuse.
 */
export function planStudy(experiment: Experiment, file: string): StudyPlan {
  const { cohort, encoders, heatmaps, evaluation } = experiment;
  const read = <T>(add: Parameters<typeof readSettings>[0], settings: Settings, part: string) =>
    readSettings<T>(add, settings, `${file}, ${part}`);
  const trainings = encoders.flatMap(({ name, train }, i) =>
    train ? [[name, read<TrainOptions>(addTrainOptions, train, `encoders[${i}].train`)] as const] : [],
  );
  return {
    experiment,
    ...(typeof cohort !== 'string' && {
      phantoms: read<PhantomOptions>(addPhantomOptions, cohort.phantom, 'cohort.phantom'),
    }),
    trainings: new Map(trainings),
    heatmaps: heatmaps.map((settings, i) => {
      const part = `heatmaps[${i}]`;
      const options = read<ReconstructionOptions>(addReconstructionOptions, settings, part);
      const taken = (['encoder', 'response'] as const).find((name) => options[name] !== undefined);
      if (taken) {
        throw new UsageError(`${file}, ${part}`, `It has a setting ${JSON.stringify(taken)}.`, {
          remedy: 'Leave it out: heatmaps are made with every encoder of the experiment.',
        });
      }
      return { options, plans: choosePlans(options) };
    }),
    evaluation: read<ProtocolOptions>(addProtocolOptions, evaluation, 'evaluation'),
  };
}

/** Passes of an encoder that a step back through it amounts to: forward, and twice as much for the gradients. */
const TRAINING_FACTOR = 3;
/** Slices that evaluating one heatmap takes as long as, and those that each case gives for the logits' histograms. */
const EVALUATION_SLICES = 150;
const LOGITS_SLICES = 128;
/** Slices of one case at a preset, roughly. */
const VIEW_SLICES = 5000;
/** Slices of a pass along the axes, roughly. */
const AXIS_SLICES = 200;

/**
 * The stages of a study, in their order.
 * @param cases that heatmaps are made of.
 * @param validated whether a cohort that is given is looked at first.
 */
export function planStages(plan: StudyPlan, cases: number, validated = false): Stage[] {
  const { experiment, phantoms, trainings, heatmaps } = plan;
  const { encoders, report } = experiment;
  const stages: Stage[] = [];
  if (validated) stages.push({ what: 'Checking the cohort', work: 0 });
  if (phantoms) stages.push({ what: 'Making the cohort of phantoms', work: 0 });
  for (const { name } of encoders) {
    const training = trainings.get(name);
    if (!training) continue;
    const { steps, volumes, slices } = training;
    stages.push({ what: `Training ${name}`, work: TRAINING_FACTOR * steps * volumes * slices });
  }
  for (const { name } of encoders) {
    stages.push({ what: `Asking ${name} about slices`, work: cases * LOGITS_SLICES });
  }
  for (const { name } of encoders) {
    for (const { options, plans } of heatmaps) {
      // Methods of one pass share its slices.
      const perCase = sharedPasses(plans)
        .map(([{ directions, slices }]) => (slices ? directions * slices : AXIS_SLICES))
        .reduce((sum, count) => sum + count, 0);
      const results = plans.reduce((sum, { method }) => sum + resultsOf(method, options), 0);
      stages.push({ what: `Heatmaps with ${name}`, work: cases * perCase });
      stages.push({
        what: `Evaluating ${results} ${results === 1 ? 'kind' : 'kinds'} of heatmaps`,
        work: cases * results * EVALUATION_SLICES,
      });
    }
  }
  const { seeds, grid } = report;
  for (const seed of seeds) stages.push({ what: `One case with seed ${seed}`, work: VIEW_SLICES });
  for (const slices of grid?.slices ?? []) {
    for (const directions of grid!.directions) {
      stages.push({ what: `One case with M = ${slices} and L = ${directions}`, work: slices * directions });
    }
  }
  return stages;
}

function resultsOf(
  method: keyof typeof methods,
  { cam = ['layercam'], layer = [] }: ReconstructionOptions,
): number {
  return methods[method].response === 'map' ? cam.length * layer.length : 1;
}
