/**
 * Where a network's weights come from before training: drawn as PyTorch and timm draw them, or pretrained by timm
 * on ImageNet and fitted to the channels, classes and norms of this one (paper, 3.6).
 */
import { EncoderError } from '../errors.ts';
import { floats, isFloating, type SafeTensor } from '../formats/safetensors.ts';
import type { Random } from '../geometry/random.ts';
import {
  type ArchitectureName,
  architectures,
  type NormName,
  type ResNetOptions,
  resnetWeights,
  type WeightRole,
  type WeightSpec,
} from './resnet.ts';

/** A file of weights that timm publishes. */
export interface PretrainedFile {
  /** On Hugging Face. */
  readonly repository: string;
  readonly architecture: ArchitectureName;
  /** What its network can be given as norms. */
  readonly norms: readonly NormName[];
}

/** The files of the paper's two networks. */
export const pretrainedFiles = {
  resnet10t: {
    repository: 'timm/resnet10t.c3_in1k',
    architecture: 'resnet10t',
    norms: ['frozen', 'batch', 'group'],
  },
  resnet50_gn: { repository: 'timm/resnet50_gn.a1h_in1k', architecture: 'resnet50', norms: ['group'] },
} as const satisfies Record<string, PretrainedFile>;

export type PretrainedName = keyof typeof pretrainedFiles;

/**
 * Where a file can be downloaded.
 * @param host of Hugging Face or a mirror of it, without a slash at its end.
 */
export function pretrainedUrl(name: PretrainedName, host = 'https://huggingface.co'): string {
  return `${host}/${pretrainedFiles[name].repository}/resolve/main/model.safetensors`;
}

/** Numbers of weights by what they do; those that are none are left out. */
export type RoleCounts = Readonly<Partial<Record<WeightRole, number>>>;

/** What became of the weights of a pretrained file, for records. */
export interface PretrainedReport {
  readonly file: string;
  /** The file's own. */
  readonly taken: RoleCounts;
  /** The first convolution, where the file's has another number of channels. */
  readonly adapted?: { readonly weight: string; readonly from: number; readonly to: number };
  /** Those that stayed as they were initialised. */
  readonly initial: RoleCounts;
}

/** PyTorch's gain of a ReLU. */
const RELU_GAIN = Math.SQRT2;
/** Channels of the images of ImageNet. */
const RGB = 3;
/** Problems that a message lists. */
const LISTED = 3;

/**
 * Weights to begin with, by name and in the order of `resnetWeights`, which is also the order in which they are drawn:
 * convolutions are normal with Kaiming He's deviation √(2 / (co·k·k)) (fan-out, as in timm), the classifier and its
 * bias uniform within ±1/√features (PyTorch's nn.Linear); norms do nothing yet. timm also sets the last scale of each
 * block to 0, which is not done here.
 */
export function initialWeights(options: ResNetOptions, random: Random): Map<string, Float32Array> {
  const specs = resnetWeights(options);
  const features = specs.find(({ role }) => role === 'classifier')!.shape[1];
  const bound = 1 / Math.sqrt(features);
  const value = ({ role, shape: [co, , ...kernel] }: WeightSpec): (() => number) => {
    switch (role) {
      case 'convolution': {
        const deviation = RELU_GAIN / Math.sqrt(sizeOf([co, ...kernel]));
        return () => deviation * random.normal();
      }
      case 'classifier':
      case 'classifier bias':
        return () => random.uniform([-bound, bound]);
      case 'scale':
      case 'variance':
        return () => 1;
      case 'shift':
      case 'mean':
        return () => 0;
    }
  };
  return new Map(
    specs.map((spec) => [spec.name, Float32Array.from({ length: sizeOf(spec.shape) }, value(spec))]),
  );
}

/**
 * Weights that timm, torchvision or a training of ours saved, fitted to a network: the first convolution to its channels
 * as timm does, the classifier left initial where the classes differ in number, scales and shifts left initial where
 * group norm takes the place of batch norm. Arrays of `tensors` and `initial` are not copied.
 * @param tensors of a safetensors file, by timm's names.
 * @param name what errors and the report call the file.
 * @param initial weights of the network, as `initialWeights` makes them.
 * @throws EncoderError when a weight is missing, of another shape or left over, or when the network has batch norm and
 *   the file no running statistics.
 */
export function pretrainedWeights(
  options: ResNetOptions,
  tensors: ReadonlyMap<string, SafeTensor>,
  name: string,
  initial: ReadonlyMap<string, Float32Array>,
): { weights: Map<string, Float32Array>; report: PretrainedReport } {
  const own = checkPretrained(options, tensors, name);
  const specs = resnetWeights(options);
  const [first] = specs;
  const staysInitial = ({ role }: WeightSpec) =>
    role === 'scale' || role === 'shift'
      ? own.norm !== 'group' && options.norm === 'group'
      : role.startsWith('classifier') && own.outputs !== options.outputs;
  const isAdapted = (spec: WeightSpec) => spec === first && own.channels !== options.channels;

  const weights = new Map<string, Float32Array>();
  for (const spec of specs) {
    const values = staysInitial(spec) ? initial.get(spec.name) : floats(tensors.get(spec.name)!);
    if (!values) throw new RangeError(`The initial weights lack ${spec.name}.`);
    weights.set(spec.name, isAdapted(spec) ? adaptChannels(values, own.channels, spec.shape) : values);
  }
  const report = {
    file: name,
    taken: countRoles(specs.filter((spec) => !staysInitial(spec) && !isAdapted(spec))),
    ...(isAdapted(first) && { adapted: { weight: first.name, from: own.channels, to: options.channels } }),
    initial: countRoles(specs.filter(staysInitial)),
  };
  return { weights, report };
}

/**
 * Whether `pretrainedWeights` can use a file.
 * @returns the options of the network that the file is of.
 * @throws EncoderError as `pretrainedWeights` does.
 */
export function checkPretrained(
  options: ResNetOptions,
  tensors: ReadonlyMap<string, SafeTensor>,
  name: string,
): ResNetOptions {
  const own = ownOptions(options, tensors);
  const found = problems(own, tensors);
  if (found.length > 0) {
    const more = found.length > LISTED ? ` and ${found.length - LISTED} more` : '';
    throw new EncoderError(
      name,
      `These are not the weights of a ${describe(options)}: ${found.slice(0, LISTED).join(', ')}${more}.`,
      { remedy: remedyFor(options, tensors) },
    );
  }
  if (own.norm === 'group' && options.norm !== 'group') {
    throw new EncoderError(
      name,
      'The network of these weights has group norm, and so no running statistics, which batch norm needs.',
      { remedy: 'Choose group norm, or weights of a network with batch norm.' },
    );
  }
  return own;
}

/** The network of the given kind that a file must be of: with the file's own norm, channels and classes. */
function ownOptions(options: ResNetOptions, tensors: ReadonlyMap<string, SafeTensor>): ResNetOptions {
  const hasStatistics = [...tensors.keys()].some((name) => name.endsWith('.running_mean'));
  const [first] = resnetWeights(options);
  const fits = tensors.get(first.name)?.shape[1] === options.channels;
  return {
    ...options,
    norm: hasStatistics ? 'frozen' : 'group',
    channels: fits ? options.channels : RGB,
    outputs: tensors.get('fc.weight')?.shape[0] || options.outputs,
  };
}

/** Why the weights are not those of a network: what is missing, wrong or left over. */
function problems(options: ResNetOptions, tensors: ReadonlyMap<string, SafeTensor>): string[] {
  const specs = resnetWeights(options);
  const wanted = new Set(specs.map(({ name }) => name));
  const found = specs.flatMap(({ name, shape }) => {
    const tensor = tensors.get(name);
    if (!tensor) return [`${name} is missing`];
    if (tensor.shape.join() !== shape.join()) {
      return [`${name} is [${tensor.shape.join(', ')}] instead of [${shape.join(', ')}]`];
    }
    return isFloating(tensor) ? [] : [`${name} is of type ${tensor.dtype}`];
  });
  // PyTorch counts batches beside the running statistics. Anything else makes a larger network, of which this is a part.
  const others = [...tensors.keys()].filter(
    (name) => !wanted.has(name) && !name.endsWith('.num_batches_tracked'),
  );
  return [...found, ...others.map((name) => `${name} is not part of it`)];
}

function remedyFor(options: ResNetOptions, tensors: ReadonlyMap<string, SafeTensor>): string {
  const names = Object.keys(architectures) as ArchitectureName[];
  const kinds = names.map((architecture): ResNetOptions => ({ ...options, architecture, width: 1 }));
  const kind = kinds.find((candidate) => problems(ownOptions(candidate, tensors), tensors).length === 0);
  if (kind) return `They are those of a ${describe(kind)}: choose that.`;
  return `They are probably of another architecture or width. Give those of timm's ${options.architecture}${
    (options.width ?? 1) === 1 ? '' : ', and leave the width at 1'
  }.`;
}

function describe({ architecture, width = 1 }: ResNetOptions): string {
  return `${architecture} of width ${width}`;
}

/**
 * The first convolution [co, from, k, k] for another number of channels, as timm's adapt_input_conv makes it: summed
 * for one, and otherwise repeated and scaled, so that equal channels have about the answer that they had.
 */
function adaptChannels(values: Float32Array, from: number, shape: readonly number[]): Float32Array {
  const [, to] = shape;
  const area = sizeOf(shape.slice(2));
  const adapted = new Float32Array(sizeOf(shape));
  const scale = Math.fround(from / to);
  for (let i = 0; i < adapted.length; i++) {
    const [pixel, channel, output] = [i % area, Math.floor(i / area) % to, Math.floor(i / (area * to))];
    const at = (c: number) => values[(output * from + c) * area + pixel];
    if (to > 1) adapted[i] = at(channel % from) * scale;
    else for (let c = 0; c < from; c++) adapted[i] += at(c);
  }
  return adapted;
}

function countRoles(specs: readonly WeightSpec[]): RoleCounts {
  const counts: Partial<Record<WeightRole, number>> = {};
  for (const { role } of specs) counts[role] = (counts[role] ?? 0) + 1;
  return counts;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
