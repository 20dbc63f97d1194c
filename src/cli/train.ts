/** tonno train: a cohort with scan-level labels in, a 2D encoder out. */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { type Cohort, type CohortCase, requireBothClasses, type Split } from '../datasets/cohort.ts';
import { type Preprocessing, prepareVolume } from '../encoders/preprocessing.ts';
import { architectures, norms } from '../encoders/resnet.ts';
import { TonnoError, UsageError } from '../errors.ts';
import { DEFAULT_SIZE } from '../responses/encoder.ts';
import { parseDevice } from '../runtime/devices.ts';
import { engine as engineVersion, openSession } from '../runtime/node.ts';
import { devices, type Session } from '../runtime/session.ts';
import { type TrainingInput, train } from '../training/trainer.ts';
import { VERSION } from '../version.ts';
import { CohortImages } from './cohort-images.ts';
import { COHORT_RECORD, cohortPreprocessing, preprocessingText } from './cohort-record.ts';
import { prepareFolder, readBytes } from './files.ts';
import { addInputScaling, givenPreprocessing } from './input-scaling.ts';
import { byteCount, positiveNumber, share, wholeNumber } from './options.ts';
import { isInterruption, type Run } from './run.ts';
import {
  BEST_ENCODER,
  Checkpoint,
  RUN_RECORD,
  RunFolder,
  type RunRecord,
  readRunRecord,
  writeRunRecord,
} from './run-folder.ts';
import { type NetworkRecord, planTraining, type TrainingPlan, type TrainOptions } from './training-plan.ts';
import { parseSoundCohort, requireSoundFiles } from './validation/sound-cohort.ts';

/** Options that may differ between a run and its continuation: they do not change what is learned. */
const FREE: ReadonlySet<string> = new Set(['out', 'resume', 'json', 'memory', 'validate']);

/** Below the help. */
const WRITTEN = `
Written are encoder.onnx, the best at validation or else the last;
encoder-last.onnx; checkpoint/, for --resume; metrics.jsonl and TensorBoard
events; and run.json, which says how it was made.`;

export function addTrain(program: Command, run: Run): void {
  const command = program.command('train');
  command
    .summary('train a 2D encoder on scan-level labels')
    .description('Train a 2D encoder on slices at random angles, knowing only which scans have the finding.')
    .argument('<cohort.csv>', 'columns case, patient, split, label, image, mask')
    .requiredOption('-o, --out <run>', 'folder of the run; made if missing')
    .option('--no-validate', 'do not look for faults in the images first; see `tonno validate`');
  addTrainOptions(command)
    .addHelpText('after', WRITTEN)
    .action((cohort: string, options: TrainOptions) =>
      run(async () => {
        const given = (name: string) => command.getOptionValueSource(name) === 'cli';
        const { encoder, ...result } = await trainEncoder(cohort, options, run, given);
        run.terminal.print(encoder);
        run.terminal.result({ command: 'train', run: options.out, encoder, ...result });
      }),
    );
}

/** All that decides what is learned: the options of `tonno train`, and the settings of an experiment's trainings. */
export function addTrainOptions(command: Command): Command {
  const kinds = Object.keys(architectures).join(', ');
  command
    .option('-e, --encoder <name>', `${kinds}, or an .onnx file to fine-tune`, 'resnet10t')
    .addOption(
      new Option('-n, --norm <kind>', 'batch norm with frozen statistics, batch norm, or group norm')
        .choices(norms)
        .default('frozen'),
    )
    .option('--pretrained <file>', 'timm’s .safetensors to begin with; see `tonno weights`')
    .option('--width <factor>', 'times the channels of a network from scratch', positiveNumber, 1)
    .option(
      '-s, --size <pixels>',
      `side of a slice (${DEFAULT_SIZE}, or what the encoder fixes)`,
      wholeNumber(16, 8192),
    )
    .option('-b, --volumes <B>', 'volumes a step, half of them positive', wholeNumber(2, 1024), 2)
    .option('-M, --slices <M>', 'slices of each volume', wholeNumber(2, 10_000), 120)
    .option('--steps <n>', 'the paper has 62500 to 250000', wholeNumber(1, 100_000_000), 62_500)
    .addOption(
      new Option('--lr <rate>', 'learning rate of the first step')
        .argParser(positiveNumber)
        .default(5e-5, '5e-5'),
    )
    .option('--final-lr <rate>', 'and of the last, along a cosine', positiveNumber, 1e-7)
    .option('--warm-up <steps>', 'over which the rate rises first', wholeNumber(0), 0)
    .option('--seed <n>', 'of everything drawn at random', wholeNumber(0, 2 ** 31 - 1), 0)
    .addOption(
      new Option('-d, --device <device>', 'what the encoder is trained on')
        .choices([...devices, 'auto'])
        .default('cpu'),
    )
    .option('--threads <n>', 'threads on the CPU (all cores)', wholeNumber(1, 1024))
    .option('--micro-batch <n>', 'slices in one run of the engine', wholeNumber(1, 100_000))
    .addOption(
      new Option('--memory <bytes>', 'for volumes; those that find no room are read again')
        .argParser(byteCount)
        .default(4 * 2 ** 30, '4G'),
    )
    .addOption(
      new Option('--nan <what>', 'voxels that are not finite').choices(['refuse', 'zero']).default('refuse'),
    )
    .addOption(
      new Option('--int64 <what>', '64-bit integers').choices(['refuse', 'convert']).default('refuse'),
    )
    .option('--resume', 'go on from the last checkpoint, with the options of the run')
    .optionsGroup('Validation:')
    .option(
      '--validate-every <steps>',
      'steps between two (a twentieth of all, at most 1000)',
      wholeNumber(1),
    )
    .option('--validation-directions <n>', 'from which each volume is looked at', wholeNumber(2, 1000), 4)
    .option('--validation-slices <n>', 'along each of them', wholeNumber(2, 10_000), 32)
    .option('--checkpoint-every <steps>', 'steps between two (as validation)', wholeNumber(1))
    .option('--patience <n>', 'end after so many without a better one (never)', wholeNumber(1))
    .optionsGroup('Augmentation (A.6 of the paper; 0 turns one off):')
    .option('--scale <x>', 'lengths of a slice’s axes are 1 ± x', share, 0.3)
    .option('--translation <x>', 'a slice moves by ± x in its plane', share, 0.3)
    .option('--gain <x>', 'intensities times 1 ± x', share, 0.3)
    .option('--shift <x>', 'intensities plus ± x', share, 0.3);
  return addInputScaling(
    command,
    'Input scaling (default: zscore, outside minimum; or what an .onnx file says):',
  ).optionsGroup('Options:');
}

/**
 * Trains, or goes on with a training, in the folder `options.out`.
 * @param given whether an option was said rather than taken from its default; of a run that is gone on with only
 *   those are compared with what it was started with.
 */
export async function trainEncoder(
  cohort: string,
  options: TrainOptions,
  run: Run,
  given: (name: string) => boolean,
): Promise<TrainingResult> {
  const training = await planRun(cohort, options, given, run);
  // A run that is gone on with was looked at when it began, and an experiment looks for itself.
  if (options.validate && 'plan' in training && !training.before) {
    const { nan, int64 } = options;
    await requireSoundFiles(training.cohort, { nan, int64, masks: () => false }, run);
  }
  const { status, step, best } = 'plan' in training ? await carryOut(training, run) : training;
  if (best) {
    run.terminal.log(
      `Best at step ${best.step}: AUC ${best.auc.toFixed(3)}, balanced accuracy ${best.bestBalancedAccuracy.toFixed(3)} at the best threshold, ${best.balancedAccuracy.toFixed(3)} at logit 0.`,
    );
  }
  return { encoder: join(options.out, BEST_ENCODER), step, best, stoppedEarly: status === 'stopped early' };
}

/** What a training came to. */
type Ended = Pick<RunRecord, 'status' | 'step' | 'best'>;

interface TrainingResult extends Omit<Ended, 'status'> {
  /** The file of the best encoder, or the last where nothing was validated. */
  readonly encoder: string;
  readonly stoppedEarly: boolean;
}

/** A training of which everything is known and nothing done. */
interface PlannedRun {
  readonly options: TrainOptions;
  readonly table: { readonly file: string; readonly sha256: string };
  readonly cohort: Cohort;
  readonly images: CohortImages;
  readonly plan: TrainingPlan;
  /** What the cohort says of its values and nobody says otherwise. */
  readonly scaling: Partial<Preprocessing>;
  /** The run that is gone on with, and where it stands. */
  readonly before: RunRecord | undefined;
  readonly checkpoint: Checkpoint | undefined;
}

/** Finds whatever is wrong before anything is written. Of a run that is over, what it came to. */
async function planRun(
  path: string,
  typed: TrainOptions,
  given: (name: string) => boolean,
  { terminal }: Run,
): Promise<PlannedRun | RunRecord> {
  const table = await readBytes(path);
  const told = { warn: typed.validate ?? false };
  const cohort = parseSoundCohort(new TextDecoder().decode(table), path, { terminal }, told);
  const sha256 = createHash('sha256').update(table).digest('hex');
  const before = await earlierRun(typed);
  const options = before ? continued(typed, before, given) : typed;
  if (before && before.cohort.sha256 !== sha256) {
    throw new TonnoError(path, 'The cohort is not the one that the run was started with.', {
      remedy: 'Give the table as it was, or start a new run.',
    });
  }
  if (before && isOver(before)) {
    terminal.log('This training is done already.');
    return before;
  }
  requireBothClasses(cohort, 'train');
  if (casesOf(cohort, 'validation').length > 0) requireBothClasses(cohort, 'validation');
  const images = new CohortImages(
    path,
    options,
    (file, count) => terminal.warn(`${file}: ${count} voxels that were not finite are 0 now.`),
    (file, note) => terminal.log(`${file}: ${note}`),
  );
  await images.check(cohort);
  parseDevice(options.device);
  const checkpoint = before ? await Checkpoint.read(options.out) : undefined;
  const first = await images.read(casesOf(cohort, 'train')[0]);
  const said = await cohortPreprocessing(path);
  const plan = await planTraining(options, {
    channels: first.channels,
    classes: cohort.classes.length,
    preprocessing: said,
  });
  if (before && before.network.sha256 !== plan.network.sha256) {
    throw new TonnoError(options.encoder, 'It is not the file that the run was started with.', {
      remedy: 'Give the file as it was, or start a new run.',
    });
  }
  if (before?.preprocessing && !sameScaling(before.preprocessing, plan.preprocessing)) {
    throw new TonnoError(
      join(dirname(path), COHORT_RECORD),
      'It says another preprocessing than when the run was started.',
      { remedy: 'Give the file as it was, or start a new run.' },
    );
  }
  // Scaling that does not fit is found here as well.
  prepareVolume(first, plan.preprocessing, describe(plan));
  const asked = Object.keys(givenPreprocessing(options));
  const scaling = Object.fromEntries(Object.entries(said).filter(([key]) => !asked.includes(key)));
  return { options, table: { file: path, sha256 }, cohort, images, plan, scaling, before, checkpoint };
}

function casesOf({ cases }: Cohort, split: Split): CohortCase[] {
  return cases.filter((row) => row.split === split);
}

function sameScaling(before: unknown, now: Preprocessing): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}

/** The network as errors about volumes speak of it. */
function describe({ network, encoder }: TrainingPlan): { name: string; channels: number } {
  return { name: network.name, channels: encoder.channels };
}

async function carryOut(
  { options, table, cohort, images, plan, scaling, before, checkpoint }: PlannedRun,
  { terminal, signal }: Run,
): Promise<Ended> {
  await prepareFolder(options.out);
  const started = performance.now();
  const [training, validation] = [casesOf(cohort, 'train'), casesOf(cohort, 'validation')];
  const counts = { train: training.length, validation: validation.length };
  let session: Session | undefined;
  const write = (result: Ended) =>
    writeRunRecord(options.out, {
      software: { name: 'tonno', version: VERSION, node: process.version },
      engine: engineVersion(),
      command: 'train',
      cohort: { ...table, ...counts },
      classes: cohort.classes,
      options: recorded(options),
      preprocessing: plan.preprocessing,
      network: plan.network,
      device: session?.device,
      partlyOnCpu: session?.partlyOnCpu,
      ...result,
      seconds: (before?.seconds ?? 0) + (performance.now() - started) / 1000,
    });
  const open: TrainingInput['open'] = async (model, more) => {
    const opened = await openSession(model, {
      device: parseDevice(options.device),
      threads: options.threads,
      ...more,
    });
    if (!session) {
      terminal.log(introduction(plan.network, opened, counts));
      const said = preprocessingText(scaling);
      if (said) terminal.log(`Values as the cohort says: ${said}.`);
    }
    session ??= opened;
    return opened;
  };
  const folder = await RunFolder.open(options.out, checkpoint);
  const progress = terminal.progress('steps');
  const ready = (row: CohortCase) => images.trainingCase(row, plan.preprocessing, describe(plan));
  const from = checkpoint?.step ?? 0;
  if (checkpoint) terminal.log(`Going on after step ${from} of ${options.steps}.`);
  try {
    await write({ status: 'running', step: from });
    const outcome = await train({
      encoder: plan.encoder,
      settings: plan.settings,
      training: training.map(ready),
      validation: validation.map(ready),
      metadata: {
        name: `${plan.network.name}, trained on ${cohort.classes.join(', ')}`,
        description: `Trained on ${training.length} volumes in ${options.steps} steps.`,
        version: `tonno ${VERSION}`,
        seed: options.seed,
        preprocessing: plan.preprocessing,
        classes: cohort.classes,
        layers: plan.encoder.layers.length > 0 ? plan.encoder.layers : undefined,
      },
      store: folder,
      open,
      resume: checkpoint && (async (graph) => checkpoint.state(graph)),
      resumedStatistics: checkpoint?.running(),
      onProgress: ({ step, loss, slices, validation: scores }) => {
        const judged = scores
          ? ` · AUC ${scores.auc.toFixed(2)} BA ${scores.bestBalancedAccuracy.toFixed(2)}`
          : '';
        progress.update(
          step,
          options.steps,
          '',
          { count: slices, units: 'slices' },
          {
            from,
            facts: `loss ${loss.toFixed(3)}${judged}`,
          },
        );
      },
      signal,
    });
    progress.end();
    const { step, best, stoppedEarly } = outcome;
    const ended = { status: stoppedEarly ? 'stopped early' : 'done', step, best } as const;
    await write(ended);
    return ended;
  } catch (error) {
    progress.end();
    const saved = await Checkpoint.read(options.out).catch(() => undefined);
    const status = isInterruption(error, signal) ? 'interrupted' : 'failed';
    await write({ status, step: saved?.step ?? 0 }).catch(() => {});
    if (saved) terminal.log(`The state of step ${saved.step} is kept; --resume goes on from it.`);
    throw error;
  } finally {
    await folder.close();
  }
}

/**
 * The record of the run to go on with; undefined where one begins.
 * @throws UsageError when the folder holds a run and none was meant, or the other way round.
 */
async function earlierRun({ out, resume }: TrainOptions): Promise<RunRecord | undefined> {
  const record = await readRunRecord(out);
  const learned = await Checkpoint.isIn(out);
  if (resume) {
    if (record) return record;
    throw new UsageError(out, 'There is no training in this folder to go on with.', {
      remedy: 'Leave --resume out, or check --out.',
    });
  }
  // Whoever named a device that is not there has lost nothing and may simply try again.
  const cameToNothing = record?.status === 'failed' || record?.status === 'interrupted';
  if (learned || (record && !cameToNothing)) {
    throw new UsageError(out, 'There is a training in this folder already.', {
      remedy: record
        ? 'Add --resume to go on with it, or choose another --out.'
        : `Its ${RUN_RECORD} is gone, so it cannot be gone on with: choose another --out.`,
    });
  }
  return undefined;
}

function isOver({ status }: RunRecord): boolean {
  return status === 'done' || status === 'stopped early';
}

/** What is trained, on what. */
function introduction(
  { name, parameters }: NetworkRecord,
  { device, partlyOnCpu }: Session,
  { train, validation }: { readonly train: number; readonly validation: number },
): string {
  const where = `on ${device}${partlyOnCpu ? ', some operators on the CPU' : ''}`;
  const judged = validation > 0 ? `${validation} to validate on` : 'none to validate on';
  return `${name}: ${parameters} parameters, ${where}; ${train} volumes to train on, ${judged}.`;
}

/** The options of a run that is gone on with; those given again must be what they were. */
function continued(
  typed: TrainOptions,
  { options }: RunRecord,
  given: (name: string) => boolean,
): TrainOptions {
  const changed = Object.entries(typed).find(
    ([name, value]) =>
      given(name) && !FREE.has(name) && JSON.stringify(value) !== JSON.stringify(options[name]),
  );
  if (changed) {
    throw new UsageError(
      `--${changed[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      `The run was started with ${JSON.stringify(options[changed[0]]) ?? 'none'}, not with ${JSON.stringify(changed[1])}.`,
      { remedy: 'Leave it out to go on with the run as it is, or start a new one.' },
    );
  }
  return { ...(options as Partial<TrainOptions>), ...pick(typed) } as TrainOptions;
}

/** The options that a continuation may choose anew. */
function pick(options: TrainOptions): Partial<TrainOptions> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => FREE.has(name)));
}

/** What is written down, and compared when the run is gone on with. */
function recorded(options: TrainOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !FREE.has(name)));
}
