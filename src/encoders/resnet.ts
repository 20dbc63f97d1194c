/**
 * The paper's encoders (3.6), as ONNX graphs: ResNet-10-T and ResNet-50 with the layout and the weights' names of timm
 * (resnet10t, resnet50), for any number of channels and classes. Batch norm and frozen batch norm are the same graph;
 * what is trained in it differs. Group norm is written with InstanceNormalization and reshapes, which every provider
 * runs.
 */
import { GraphBuilder } from '../onnx/builder.ts';
import type { Model } from '../onnx/model.ts';
import { Operators } from '../onnx/operators.ts';

/** What stands in a stage: two 3×3 convolutions, or 1×1, 3×3, 1×1 with four times the channels at the end. */
type BlockName = 'basic' | 'bottleneck';

export interface Architecture {
  readonly block: BlockName;
  /** Blocks in each of the four stages. */
  readonly blocks: readonly number[];
  /** Channels within the blocks of each stage. */
  readonly channels: readonly number[];
  /** Channels of the 3×3 convolutions before the last one of the stem; none for a single convolution of 7×7. */
  readonly stem: readonly number[];
  /** Short cuts are averaged down before their 1×1 convolution, which otherwise takes the stride itself. */
  readonly averageDown: boolean;
}

export const architectures = {
  resnet10t: {
    block: 'basic',
    blocks: [1, 1, 1, 1],
    channels: [64, 128, 256, 512],
    stem: [24, 32],
    averageDown: true,
  },
  resnet50: {
    block: 'bottleneck',
    blocks: [3, 4, 6, 3],
    channels: [64, 128, 256, 512],
    stem: [],
    averageDown: false,
  },
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

/** Batch norm in training, batch norm with fixed statistics, or group norm (3.6). */
export const norms = ['frozen', 'batch', 'group'] as const;
export type NormName = (typeof norms)[number];

export interface ResNetOptions {
  readonly architecture: ArchitectureName;
  readonly norm: NormName;
  /** Channels of the image. */
  readonly channels: number;
  /** Number of classes K: one logit each. */
  readonly outputs: number;
  /** Pixels of a side; any size where it is left out. */
  readonly size?: number;
  /** Factor on all channels, 1 by default; rounded to multiples of 8. Pretrained weights fit 1 only. */
  readonly width?: number;
  /** Groups of group norm, 32 by default as in timm; where they do not divide the channels, their common divisor. */
  readonly groups?: number;
}

/** What a weight does, which decides how it is drawn and whether it is trained. */
export type WeightRole =
  | 'convolution'
  | 'scale'
  | 'shift'
  | 'mean'
  | 'variance'
  | 'classifier'
  | 'classifier bias';

export interface WeightSpec {
  /** timm's name, e.g. `layer2.0.downsample.1.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: WeightRole;
}

/** Name of the image input [n, channels, size, size]. */
export const RESNET_INPUT = 'image';
/** Name of the output [n, K]. */
export const RESNET_OUTPUT = 'logits';
/** The paper's layers 1 to 4 as tensor names: the output of each stage. */
export const RESNET_LAYERS = ['layer1', 'layer2', 'layer3', 'layer4'] as const;

/** timm's epsilon. */
const EPSILON = 1e-5;

/** The weights of a network in the order in which they are used. */
export function resnetWeights(options: ResNetOptions): WeightSpec[] {
  const specs: WeightSpec[] = [];
  const builder = new GraphBuilder();
  new ResNet(builder, options, (spec) => {
    specs.push(spec);
    return builder.input(spec.name, spec.shape);
  }).build();
  return specs;
}

/**
 * The network with its weights built in.
 * @param weights by name, as `resnetWeights` lists them. Not copied.
 * @throws RangeError when one is missing or has the wrong number of values.
 */
export function buildResNet(options: ResNetOptions, weights: ReadonlyMap<string, Float32Array>): Model {
  const builder = new GraphBuilder({ name: options.architecture });
  new ResNet(builder, options, ({ name, shape }) => {
    const values = weights.get(name);
    const expected = shape.reduce((a, b) => a * b, 1);
    if (values?.length !== expected) {
      throw new RangeError(
        `The weight ${name} [${shape}] needs ${expected} values, not ${values?.length ?? 'none'}.`,
      );
    }
    return builder.initialiser(name, values, shape);
  }).build();
  return builder.toModel();
}

class ResNet {
  private readonly builder: GraphBuilder;
  private readonly o: Operators;
  private readonly options: ResNetOptions;
  private readonly architecture: Architecture;
  private readonly weight: (spec: WeightSpec) => string;

  constructor(builder: GraphBuilder, options: ResNetOptions, weight: (spec: WeightSpec) => string) {
    this.builder = builder;
    this.o = new Operators(builder);
    this.options = options;
    this.architecture = architectures[options.architecture];
    this.weight = weight;
  }

  build(): void {
    const { channels, outputs, size = 'size' } = this.options;
    const { blocks, channels: widths } = this.architecture;
    const image = this.builder.input(RESNET_INPUT, ['n', channels, size, size]);
    let x = this.o.op('MaxPool', [this.stem(image)], {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    });
    for (const [stage, count] of blocks.entries()) {
      for (let block = 0; block < count; block++) {
        const stride = stage > 0 && block === 0 ? 2 : 1;
        const name = block === count - 1 ? RESNET_LAYERS[stage] : undefined;
        x = this.block(`layer${stage + 1}.${block}`, x, this.scaled(widths[stage]), stride, name);
      }
    }
    const pooled = this.o.op('Flatten', [this.o.op('GlobalAveragePool', [x])]);
    const features = this.channelsOf(x);
    const classifier = this.weight({ name: 'fc.weight', shape: [outputs, features], role: 'classifier' });
    const bias = this.weight({ name: 'fc.bias', shape: [outputs], role: 'classifier bias' });
    const logits = this.o.op('Gemm', [pooled, classifier, bias], { transB: 1 });
    this.builder.output(logits, RESNET_OUTPUT);
  }

  private scaled(channels: number): number {
    const { width = 1 } = this.options;
    return width === 1 ? channels : Math.max(8, Math.round((channels * width) / 8) * 8);
  }

  private channelsOf(x: string): number {
    return this.builder.shape(x)[1] as number;
  }

  private stem(image: string): string {
    const { stem, channels } = this.architecture;
    const last = this.scaled(channels[0]);
    if (stem.length === 0) return this.normRelu('bn1', this.conv('conv1', image, last, 7, 2));
    // timm's names count the norms and activations between the convolutions.
    const inner = stem.reduce((x, width, i) => {
      const made = this.conv(`conv1.${3 * i}`, x, this.scaled(width), 3, i === 0 ? 2 : 1);
      return this.normRelu(`conv1.${3 * i + 1}`, made);
    }, image);
    return this.normRelu('bn1', this.conv(`conv1.${3 * stem.length}`, inner, last, 3, 1));
  }

  private block(name: string, x: string, width: number, stride: number, output: string | undefined): string {
    const bottleneck = this.architecture.block === 'bottleneck';
    const channels = bottleneck ? 4 * width : width;
    let y: string;
    if (bottleneck) {
      y = this.normRelu(`${name}.bn1`, this.conv(`${name}.conv1`, x, width, 1, 1));
      y = this.normRelu(`${name}.bn2`, this.conv(`${name}.conv2`, y, width, 3, stride));
      y = this.norm(`${name}.bn3`, this.conv(`${name}.conv3`, y, channels, 1, 1));
    } else {
      y = this.normRelu(`${name}.bn1`, this.conv(`${name}.conv1`, x, width, 3, stride));
      y = this.norm(`${name}.bn2`, this.conv(`${name}.conv2`, y, channels, 3, 1));
    }
    const sum = this.o.add(y, this.shortcut(`${name}.downsample`, x, channels, stride));
    return this.builder.node('Relu', [sum], {}, output ? [output] : 1)[0];
  }

  private shortcut(name: string, x: string, channels: number, stride: number): string {
    if (stride === 1 && this.channelsOf(x) === channels) return x;
    if (!this.architecture.averageDown) {
      return this.norm(`${name}.1`, this.conv(`${name}.0`, x, channels, 1, stride));
    }
    const pool = { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1, count_include_pad: 0 };
    const pooled = stride === 1 ? x : this.o.op('AveragePool', [x], pool);
    return this.norm(`${name}.2`, this.conv(`${name}.1`, pooled, channels, 1, 1));
  }

  private conv(name: string, x: string, channels: number, kernel: number, stride: number): string {
    const shape = [channels, this.channelsOf(x), kernel, kernel];
    const weight = this.weight({ name: `${name}.weight`, shape, role: 'convolution' });
    const pad = (kernel - 1) / 2;
    return this.o.op('Conv', [x, weight], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  private normRelu(name: string, x: string): string {
    return this.o.op('Relu', [this.norm(name, x)]);
  }

  private norm(name: string, x: string): string {
    const channels = this.channelsOf(x);
    const of = (part: string, role: WeightRole) =>
      this.weight({ name: `${name}.${part}`, shape: [channels], role });
    const scale = of('weight', 'scale');
    const shift = of('bias', 'shift');
    if (this.options.norm === 'group') return this.groupNorm(x, channels, scale, shift);
    const statistics = [of('running_mean', 'mean'), of('running_var', 'variance')];
    return this.o.op('BatchNormalization', [x, scale, shift, ...statistics], { epsilon: EPSILON });
  }

  private groupNorm(x: string, channels: number, scale: string, shift: string): string {
    const groups = commonDivisor(channels, this.options.groups ?? 32);
    const one = this.builder.constant(new Float32Array(groups).fill(1), [groups]);
    const zero = this.builder.constant(new Float32Array(groups), [groups]);
    const split = this.o.reshape(x, [0, groups, -1]);
    const normalised = this.o.op('InstanceNormalization', [split, one, zero], { epsilon: EPSILON });
    const perChannel = (vector: string) => this.o.unsqueeze(vector, [1, 2]);
    return this.o.add(this.o.mul(this.o.reshapeLike(normalised, x), perChannel(scale)), perChannel(shift));
  }
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
