/** From the options of `tonno train` to a network, its scaling and the settings of the loop. */
import { basename } from 'node:path';
import { readEncoder } from '../encoders/external.ts';
import { defaultPreprocessing, type Preprocessing } from '../encoders/preprocessing.ts';
import {
  type ArchitectureName,
  architectures,
  type NormName,
  type ResNetOptions,
} from '../encoders/resnet.ts';
import { initialWeights, type PretrainedReport, pretrainedWeights } from '../encoders/weights.ts';
import { UsageError } from '../errors.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { type Random, StreamSource } from '../geometry/random.ts';
import { DEFAULT_SIZE, sliceSize } from '../responses/encoder.ts';
import { type TrainableEncoder, trainableEncoder, trainableResNet } from '../training/network.ts';
import { findParameters, parameterCount } from '../training/parameters.ts';
import type { TrainingSettings } from '../training/trainer.ts';
import { exists, readBytes } from './files.ts';
import { givenPreprocessing, type InputScaling } from './input-scaling.ts';

/** Everything that decides what is learned, and where it goes. */
export interface TrainOptions extends InputScaling {
  out: string;
  encoder: string;
  norm: NormName;
  pretrained?: string;
  width: number;
  size?: number;
  volumes: number;
  slices: number;
  steps: number;
  lr: number;
  finalLr: number;
  warmUp: number;
  scale: number;
  translation: number;
  gain: number;
  shift: number;
  seed: number;
  device: string;
  threads?: number;
  microBatch?: number;
  memory: number;
  nan: 'refuse' | 'zero';
  int64: 'refuse' | 'convert';
  validateEvery?: number;
  validationDirections: number;
  validationSlices: number;
  checkpointEvery?: number;
  patience?: number;
  resume?: boolean;
  /** Whether files are looked at before anything begins; of `tonno train` alone. */
  validate?: boolean;
}

export interface TrainingPlan {
  readonly encoder: TrainableEncoder;
  readonly preprocessing: Preprocessing;
  readonly settings: TrainingSettings;
  /** What the network is, for records. */
  readonly network: NetworkRecord;
}

export interface NetworkRecord {
  /** In one line. */
  readonly name: string;
  readonly parameters: number;
  readonly pretrained?: PretrainedReport;
  /** Of a given network: of its bytes, in hexadecimal. */
  readonly sha256?: string;
  /** Of a given network: whether its last layer was replaced. */
  readonly newHead?: boolean;
}

/** Batches on which norms are measured that have no statistics yet. */
const MEASURED_BATCHES = 16;
/** Validations of a run where nobody says how many, and steps between them at most. */
const MILESTONES = 20;
const FARTHEST_MILESTONE = 1000;

/** What must be known of a cohort. */
export interface PlannedCohort {
  /** Of its volumes. */
  readonly channels: number;
  /** Number of its classes. */
  readonly classes: number;
  /** What it says of its values; options say it better. */
  readonly preprocessing: Partial<Preprocessing>;
}

export async function planTraining(options: TrainOptions, cohort: PlannedCohort): Promise<TrainingPlan> {
  // A stream that the loop does not use.
  const random = new StreamSource(~options.seed).next();
  const built = Object.hasOwn(architectures, options.encoder);
  const made = built
    ? await buildNetwork(options, cohort, random)
    : await readNetwork(options, cohort, random);
  const measured = built && !options.pretrained && options.norm === 'frozen';
  return { ...made, settings: settingsOf(options, measured ? MEASURED_BATCHES : 0) };
}

type Network = Omit<TrainingPlan, 'settings'>;

async function buildNetwork(
  options: TrainOptions,
  { channels, classes: outputs, preprocessing }: PlannedCohort,
  random: Random,
): Promise<Network> {
  const { norm, width, size = DEFAULT_SIZE } = options;
  const architecture = options.encoder as ArchitectureName;
  const resnet = { architecture, norm, channels, outputs, width, size } satisfies ResNetOptions;
  const initial = initialWeights(resnet, random);
  const pretrained = options.pretrained
    ? pretrainedWeights(
        resnet,
        readSafetensors(await readBytes(options.pretrained), options.pretrained).tensors,
        options.pretrained,
        initial,
      )
    : undefined;
  const encoder = trainableResNet(resnet, pretrained?.weights ?? initial);
  const widths = width === 1 ? '' : ` of width ${width}`;
  return {
    encoder,
    preprocessing: {
      ...defaultPreprocessing,
      normalise: 'zscore',
      outside: 'minimum',
      ...preprocessing,
      ...givenPreprocessing(options),
    },
    network: {
      name: `${architecture}${widths}, norm ${norm}`,
      parameters: parameterCount(findParameters(encoder.network.model)),
      ...(pretrained && { pretrained: pretrained.report }),
    },
  };
}

async function readNetwork(
  options: TrainOptions,
  { classes: outputs, preprocessing }: PlannedCohort,
  random: Random,
): Promise<Network> {
  const { encoder: path, norm, pretrained, width } = options;
  const names = Object.keys(architectures).join(', ');
  if (!/\.onnx$/i.test(path) && !(await exists(path))) {
    throw new UsageError(`--encoder ${path}`, 'There is neither a network nor a file of this name.', {
      remedy: `Networks are ${names}; files end in .onnx.`,
    });
  }
  const bytes = await readBytes(path);
  const refuse = (option: string) =>
    new UsageError(option, `It is for the networks built here, and ${path} is a file.`, {
      remedy: `Leave ${option} out, or choose one of ${names}.`,
    });
  if (pretrained) throw refuse('--pretrained');
  if (width !== 1) throw refuse('--width');
  if (norm === 'group') throw refuse('--norm group');
  const given = await readEncoder(bytes, basename(path), {
    preprocessing: { ...preprocessing, ...givenPreprocessing(options) },
  });
  const size = sliceSize(given, options.size);
  const { newHead, ...encoder } = trainableEncoder(given, { outputs, size, random });
  return {
    encoder,
    preprocessing: given.preprocessing,
    network: {
      name: given.metadata.name ?? given.name,
      parameters: parameterCount(findParameters(encoder.network.model)),
      sha256: given.sha256,
      newHead,
    },
  };
}

function settingsOf(options: TrainOptions, measureBatches: number): TrainingSettings {
  const { steps, scale, translation, gain, shift } = options;
  const milestone = Math.min(Math.ceil(steps / MILESTONES), FARTHEST_MILESTONE);
  const { validateEvery = milestone } = options;
  return {
    norm: options.norm === 'batch' ? 'batch' : 'frozen',
    draw: {
      volumes: options.volumes,
      slices: options.slices,
      augmentation: { scale, translation, gain, shift },
    },
    schedule: { steps, rate: options.lr, finalRate: options.finalLr, warmUp: options.warmUp },
    seed: options.seed,
    microBatch: options.microBatch,
    measureBatches,
    validation: { directions: options.validationDirections, slices: options.validationSlices },
    validateEvery,
    checkpointEvery: options.checkpointEvery ?? validateEvery,
    patience: options.patience,
    memory: options.memory,
  };
}
