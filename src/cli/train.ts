/** tonno train: a cohort with scan-level labels in, a 2D encoder out. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type CohortCase, parseCohort, requireBothClasses } from '../datasets/cohort.ts';
import { architectures, norms } from '../encoders/resnet.ts';
import { TonnoError, UsageError } from '../errors.ts';
import { DEFAULT_SIZE } from '../responses/logit.ts';
import { parseDevice } from '../runtime/devices.ts';
import { engine as engineVersion, openSession } from '../runtime/node.ts';
import { devices } from '../runtime/session.ts';
import { train } from '../training/trainer.ts';
import { VERSION } from '../version.ts';
import { CohortImages } from './cohort-images.ts';
import { jsonBytes, prepareFolder, readBytes, writeWhole } from './files.ts';
import { byteCount, numbers, outsideValue, positiveNumber, share, wholeNumber } from './options.ts';
import { isInterruption, type Run } from './run.ts';
import { BEST_ENCODER, Checkpoint, exists, RUN_RECORD, RunFolder, readRecord } from './run-folder.ts';
import { planTraining, type TrainOptions } from './training-plan.ts';

/** Options that may differ between a run and its continuation: they do not change what is learned. */
const FREE: ReadonlySet<string> = new Set(['out', 'resume', 'json', 'memory']);

export function addTrain(program: Command, run: Run): void {
  const kinds = Object.keys(architectures).join(', ');
  const command = program.command('train');
  command
    .summary('train a 2D encoder on scan-level labels')
    .description('Train a 2D encoder on slices at random angles, knowing only which scans have the finding.')
    .argument('<cohort.csv>', 'columns case, patient, split, label, image, mask')
    .requiredOption('-o, --out <run>', 'folder of the run; made if missing')
    .option('-e, --encoder <name>', `${kinds}, or an .onnx file to fine-tune`, 'resnet10t')
    .addOption(new Option('-n, --norm <kind>', 'how norms are trained').choices(norms).default('frozen'))
    .option('--pretrained <file>', 'timm’s weights, .safetensors; see `tonno weights`')
    .option('--width <factor>', 'on all channels of a network from scratch', positiveNumber, 1)
    .option(
      '-s, --size <pixels>',
      `side of a slice (${DEFAULT_SIZE}, or what the encoder fixes)`,
      wholeNumber(16, 8192),
    )
    .option('-b, --volumes <B>', 'volumes a step, half of them positive', wholeNumber(2, 1024), 2)
    .option('-M, --slices <M>', 'slices of each volume', wholeNumber(2, 10_000), 120)
    .option('--steps <n>', 'the paper’s are 62 500 to 250 000', wholeNumber(1, 100_000_000), 62_500)
    .option('--lr <rate>', 'learning rate of the first step', positiveNumber, 5e-5)
    .option('--final-lr <rate>', 'of the last, on a cosine between', positiveNumber, 1e-7)
    .option('--warm-up <steps>', 'over which the rate rises first', wholeNumber(0), 0)
    .option('--seed <n>', 'of everything drawn at random', wholeNumber(0, 2 ** 31 - 1), 0)
    .addOption(
      new Option('-d, --device <device>', 'what trains').choices([...devices, 'auto']).default('cpu'),
    )
    .option('--threads <n>', 'threads on the CPU (all cores)', wholeNumber(1, 1024))
    .option('--micro-batch <n>', 'slices in one run of the engine', wholeNumber(1, 100_000))
    .option('--memory <bytes>', 'voxels kept in memory, e.g. 4G', byteCount, 4 * 2 ** 30)
    .option('--resume', 'go on from the last checkpoint; options are those of the run')
    .optionsGroup('Validation:')
    .option('--validate-every <steps>', 'a twentieth of the run, at most 1000', wholeNumber(1))
    .option('--validation-directions <n>', 'each volume is looked at from', wholeNumber(2, 1000), 4)
    .option('--validation-slices <n>', 'along each of them', wholeNumber(2, 10_000), 32)
    .option('--checkpoint-every <steps>', 'as validation', wholeNumber(1))
    .option('--patience <n>', 'end after so many validations without a better one', wholeNumber(1))
    .optionsGroup('Augmentation (A.6 of the paper; 0 turns one off):')
    .option('--scale <x>', 'lengths of a slice’s axes are 1 ± x', share, 0.3)
    .option('--translation <x>', 'a slice moves by ± x in its plane', share, 0.3)
    .option('--gain <x>', 'intensities times 1 ± x', share, 0.3)
    .option('--shift <x>', 'intensities plus ± x', share, 0.3)
    .optionsGroup('Input scaling; becomes part of the encoder (default: zscore, outside minimum):')
    .addOption(
      new Option('--normalise <how>', 'each channel over the whole volume').choices([
        'none',
        'zscore',
        'range',
      ]),
    )
    .option('--input-scale <a,…>', 'then times this, per channel', numbers)
    .option('--input-mean <a,…>', 'then minus this, per channel', numbers)
    .option('--input-std <a,…>', 'then divided by this, per channel', numbers)
    .option('--outside <value>', 'normalised value outside the volume, or minimum', outsideValue)
    .action((cohort: string, options: TrainOptions) =>
      run(async () => {
        const given = (name: string) => command.getOptionValueSource(name) === 'cli';
        await trainCohort(cohort, options, given, run);
      }),
    );
}

interface RunRecord {
  readonly options: Readonly<Record<string, unknown>>;
  readonly cohort: { readonly sha256: string };
  readonly seconds: number;
}

async function trainCohort(
  path: string,
  typed: TrainOptions,
  given: (name: string) => boolean,
  run: Run,
): Promise<void> {
  const { terminal, signal } = run;
  const table = await readBytes(path);
  const cohort = parseCohort(new TextDecoder().decode(table), path);
  const sha256 = createHash('sha256').update(table).digest('hex');
  const record = join(typed.out, RUN_RECORD);
  const before = (await exists(record)) ? await readRecord<RunRecord>(record) : undefined;
  if (before && !typed.resume) {
    throw new UsageError(typed.out, 'There is a training in this folder already.', {
      remedy: 'Add --resume to go on with it, or choose another --out.',
    });
  }
  if (typed.resume && !before) {
    throw new UsageError(typed.out, 'There is no training in this folder to go on with.', {
      remedy: 'Leave --resume out, or check --out.',
    });
  }
  const options = before ? continued(typed, before, given) : typed;
  if (before && before.cohort.sha256 !== sha256) {
    throw new TonnoError(path, 'The cohort is not the one that the run was started with.', {
      remedy: 'Give the table as it was, or start a new run.',
    });
  }
  const split = (name: 'train' | 'validation') => cohort.cases.filter((row) => row.split === name);
  requireBothClasses(cohort, 'train');
  if (split('validation').length > 0) requireBothClasses(cohort, 'validation');
  const images = new CohortImages(path);
  await images.check(cohort);
  const device = parseDevice(options.device);
  const checkpoint = before ? await Checkpoint.read(options.out) : undefined;
  const { channels } = await images.read(split('train')[0]);
  const plan = await planTraining(options, channels, cohort.classes.length);
  await prepareFolder(options.out);

  const started = performance.now();
  const write = (result: object) =>
    writeWhole({
      [record]: jsonBytes({
        software: { name: 'tonno', version: VERSION, node: process.version },
        engine: engineVersion(),
        command: 'train',
        cohort: { file: path, sha256, train: split('train').length, validation: split('validation').length },
        classes: cohort.classes,
        options: recorded(options),
        preprocessing: plan.preprocessing,
        network: plan.network,
        ...result,
        seconds: (before?.seconds ?? 0) + (performance.now() - started) / 1000,
      }),
    });
  await write({ status: 'running' });
  const folder = await RunFolder.open(options.out, checkpoint);
  const progress = terminal.progress('training');
  const encoderChannels = { name: plan.network.name, channels: plan.encoder.channels };
  const ready = (row: CohortCase) => images.trainingCase(row, plan.preprocessing, encoderChannels);
  const from = checkpoint?.step ?? 0;
  if (checkpoint) terminal.log(`Going on behind step ${from} of ${options.steps}.`);
  try {
    const outcome = await train({
      encoder: plan.encoder,
      settings: plan.settings,
      training: split('train').map(ready),
      validation: split('validation').map(ready),
      metadata: {
        name: `${plan.network.name}, trained on ${cohort.classes.join(', ')}`,
        description: `Trained by tonno ${VERSION} on ${split('train').length} volumes, ${options.steps} steps, seed ${options.seed}.`,
        preprocessing: plan.preprocessing,
        classes: cohort.classes,
        layers: plan.encoder.layers.length > 0 ? plan.encoder.layers : undefined,
      },
      store: folder,
      open: (model, more) => openSession(model, { device, threads: options.threads, ...more }),
      resume: checkpoint && (async (graph) => checkpoint.state(graph)),
      resumedStatistics: checkpoint?.running(),
      onProgress: ({ step, loss, slices, validation }) => {
        const judged = validation
          ? ` · BA ${validation.balancedAccuracy.toFixed(2)} AUC ${validation.auc.toFixed(2)}`
          : '';
        progress.update(
          step,
          options.steps,
          'steps',
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
    await write({
      status: outcome.stoppedEarly ? 'stopped early' : 'done',
      step: outcome.step,
      best: outcome.best,
    });
    const { best } = outcome;
    if (best) {
      terminal.log(
        `Best at step ${best.step}: AUC ${best.auc.toFixed(3)}, balanced accuracy ${best.balancedAccuracy.toFixed(3)}.`,
      );
    }
    terminal.print(folder.file(BEST_ENCODER));
    terminal.result({ command: 'train', run: options.out, encoder: folder.file(BEST_ENCODER), ...outcome });
  } catch (error) {
    progress.end();
    const saved = await Checkpoint.read(options.out).catch(() => undefined);
    const status = isInterruption(error, signal) ? 'interrupted' : 'failed';
    await write({ status, step: saved?.step ?? 0 }).catch(() => {});
    if (saved) terminal.log(`The state of step ${saved.step} is kept; go on with --resume.`);
    throw error;
  } finally {
    await folder.close();
  }
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
