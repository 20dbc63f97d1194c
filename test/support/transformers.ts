/**
 * Small vision transformers and ConvNeXts as ONNX models, written in the ways in which exporters write them: layer
 * normalisation as one operator or in parts, GELU as one operator or by Erf, shapes as constants or asked for on the
 * way. Weights are random and seeded; the input is "x" [n, 1, side, side] and the output "y" [n, classes].
 */
import { create } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { type Attributes, GraphBuilder } from '../../src/onnx/builder.ts';
import type { Dim } from '../../src/onnx/dimensions.ts';
import type { Model } from '../../src/onnx/model.ts';
import { Operators } from '../../src/onnx/operators.ts';

interface Common {
  /** Pixels of a side of the image; 32 by default. */
  readonly side?: number;
  /** Whether the graph fixes the batch to 1 (else any number will do) and the side of the image (by default it does). */
  readonly fixed?: { readonly batch?: boolean; readonly side?: boolean };
  readonly classes?: number;
  /** GELU as an operator (opset 20) or as PyTorch writes it below. */
  readonly gelu?: 'operator' | 'erf';
  readonly seed?: number;
}

export interface ViTOptions extends Common {
  /** Pixels of a side of a patch; 8 by default. */
  readonly patch?: number;
  readonly channels?: number;
  readonly heads?: number;
  readonly blocks?: number;
  /** Register tokens behind the class token. */
  readonly registers?: number;
  /** What the logits are made of: one token, or the mean of those of the image. */
  readonly head?: 'class token' | 'mean';
  /** How the class token is taken. */
  readonly pick?: 'Gather' | 'Slice' | 'Split';
  /** Layer normalisation as an operator or in parts, as exporters wrote it before opset 17. */
  readonly norm?: 'operator' | 'parts';
  /** Shapes as constants, or computed by Shape, Gather and Concat as torch.onnx exports them. */
  readonly shapes?: 'constant' | 'computed';
}

/** Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", blocks with normalisation first. */
export function tinyViT(options: ViTOptions = {}): Model {
  return new ViT(options).build();
}

export interface ConvNeXtOptions extends Common {
  /** Channels of each stage; two stages by default. */
  readonly channels?: readonly number[];
}

/** Liu et al. 2022, "A ConvNet for the 2020s": one block a stage. */
export function tinyConvNeXt(options: ConvNeXtOptions = {}): Model {
  return new ConvNeXt(options).build();
}

abstract class Network {
  readonly b: GraphBuilder;
  readonly o: Operators;
  readonly side: number;
  readonly #gelu: 'operator' | 'erf';
  readonly #classes: number;
  readonly #image: readonly Dim[];
  #state: number;
  #count = 0;

  constructor({ side = 32, fixed = {}, classes = 3, gelu = 'erf', seed = 1 }: Common) {
    this.b = new GraphBuilder({ opset: gelu === 'operator' ? 20 : 17, name: 'tiny' });
    this.o = new Operators(this.b);
    this.side = side;
    this.#gelu = gelu;
    this.#classes = classes;
    this.#image = [fixed.batch ? 1 : 'n', 1, ...(fixed.side === false ? ['height', 'width'] : [side, side])];
    this.#state = (seed * 2654435761) >>> 0;
  }

  build(): Model {
    const features = this.features(this.b.input('x', this.#image));
    this.b.output(this.dense(features, this.#classes), 'y');
    return this.b.toModel();
  }

  /** [n, channels] of images. */
  protected abstract features(image: string): string;

  /** A node under a name of its own, which the builder does not fold: what exporters leave in their graphs. */
  protected left(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.b.node(opType, inputs, attributes, [this.b.fresh(`/${opType}_output`)])[0];
  }

  protected random(shape: readonly number[], spread = 0.3, around = 0): string {
    const length = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length }, () => {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
      return around + spread * (this.#state / 2 ** 31 - 1);
    });
    this.#count++;
    return this.b.initialiser(`weight.${this.#count}`, values, shape);
  }

  protected channelsOf(x: string): number {
    return this.b.shape(x).at(-1) as number;
  }

  /** Over the last axis. */
  protected dense(x: string, channels: number): string {
    const product = this.o.op('MatMul', [x, this.random([this.channelsOf(x), channels])]);
    return this.o.add(product, this.random([channels]));
  }

  protected gelu(x: string): string {
    if (this.#gelu === 'operator') return this.o.op('Gelu', [x]);
    const half = this.o.op('Erf', [this.o.div(x, Math.SQRT2)]);
    return this.o.mul(this.o.mul(x, this.o.add(half, 1)), 0.5);
  }

  /** Over the last axis. */
  protected layerNorm(x: string, form: 'operator' | 'parts' = 'operator'): string {
    const shape = [this.channelsOf(x)];
    const [scale, shift] = [this.random(shape, 0.2, 1), this.random(shape, 0.2)];
    if (form === 'operator') return this.o.op('LayerNormalization', [x, scale, shift], { axis: -1 });
    const centred = this.o.sub(x, this.o.mean(x, [-1]));
    const variance = this.o.mean(this.o.pow(centred, 2), [-1]);
    const deviation = this.o.op('Sqrt', [this.o.add(variance, 1e-5)]);
    return this.o.add(this.o.mul(this.o.div(centred, deviation), scale), shift);
  }

  protected conv(x: string, channels: number, kernel: number, attributes: Attributes): string {
    const group = (attributes.group as number | undefined) ?? 1;
    const weight = this.random([channels, (this.b.shape(x)[1] as number) / group, kernel, kernel], 0.2);
    return this.o.op('Conv', [x, weight, this.random([channels])], {
      kernel_shape: [kernel, kernel],
      ...attributes,
    });
  }
}

class ViT extends Network {
  readonly #options: Required<Omit<ViTOptions, keyof Common>>;

  constructor(options: ViTOptions) {
    super(options);
    this.#options = {
      patch: 8,
      channels: 16,
      heads: 2,
      blocks: 2,
      registers: 0,
      head: 'class token',
      pick: 'Gather',
      norm: 'operator',
      shapes: 'constant',
      ...options,
    };
  }

  protected features(image: string): string {
    const { blocks, head, pick, norm, registers } = this.#options;
    let x = this.#embed(image);
    for (let block = 0; block < blocks; block++) {
      x = this.#add(x, this.#attention(this.layerNorm(x, norm)), `block${block}.attention`);
      x = this.#add(x, this.#mlp(this.layerNorm(x, norm)), `block${block}`);
    }
    x = this.layerNorm(x, norm);
    if (head === 'mean') {
      return this.o.mean(this.o.slice(x, [1 + registers], [Number.MAX_SAFE_INTEGER], [1]), [1], false);
    }
    if (pick === 'Gather') return this.o.op('Gather', [x, this.b.scalar(0, 'int64')], { axis: 1 });
    const tokens = (this.side / this.#options.patch) ** 2 + registers;
    const first =
      pick === 'Slice'
        ? this.o.slice(x, [0], [1], [1])
        : this.b.node('Split', [x, this.b.ints([1, tokens])], { axis: 1 }, 2)[0];
    return this.o.op('Squeeze', [first, this.b.ints([1])]);
  }

  #embed(image: string): string {
    const { patch, channels, registers } = this.#options;
    const maps = this.conv(image, channels, patch, { strides: [patch, patch] });
    const flat = this.left('Reshape', [maps, this.#shape(maps, [0, channels, -1])]);
    const tokens = this.o.transpose(flat, [0, 2, 1]);
    const extra = this.random([1, 1 + registers, channels]);
    const all = this.o.concat(
      [this.b.shape(image)[0] === 1 ? extra : this.#expanded(extra, tokens), tokens],
      1,
    );
    const places = (this.side / patch) ** 2 + 1 + registers;
    return this.o.add(all, this.random([1, places, channels]));
  }

  /** A token for each image; lengths of −1 are those that it has, for which torch.onnx writes this chain. */
  #expanded(token: string, tokens: string): string {
    const wanted = this.#asked(tokens, this.b.ints([0, -1, -1]));
    const value = create(TensorProtoSchema, { dims: [1n], dataType: 7, int64Data: [1n] });
    const ones = this.left('ConstantOfShape', [this.b.ints([3])], { value });
    const open = this.left('Equal', [wanted, this.left('Mul', [ones, this.b.scalar(-1, 'int64')])]);
    return this.left('Expand', [token, this.left('Where', [open, ones, wanted])]);
  }

  #add(x: string, more: string, name: string): string {
    return this.b.node('Add', [x, more], {}, [name])[0];
  }

  #mlp(x: string): string {
    const { channels } = this.#options;
    return this.dense(this.gelu(this.dense(x, 2 * channels)), channels);
  }

  #attention(x: string): string {
    const { channels, heads } = this.#options;
    const width = channels / heads;
    const all = this.dense(x, 3 * channels);
    const apart = this.left('Reshape', [all, this.#shape(all, [0, -1, 3, heads, width])]);
    const turned = this.o.transpose(apart, [2, 0, 3, 1, 4]);
    const [q, k, v] = [0, 1, 2].map((i) => this.o.op('Gather', [turned, this.b.scalar(i, 'int64')]));
    const scores = this.o.op('MatMul', [this.o.mul(q, width ** -0.5), this.o.transpose(k, [0, 1, 3, 2])]);
    const mixed = this.o.op('MatMul', [this.o.op('Softmax', [scores], { axis: -1 }), v]);
    const together = this.o.transpose(mixed, [0, 2, 1, 3]);
    return this.dense(this.left('Reshape', [together, this.#shape(x, [0, -1, channels])]), channels);
  }

  /** The shape for a Reshape whose 0s are lengths of x: as it is, or asked for. */
  #shape(x: string, lengths: readonly number[]): string {
    const constant = this.b.ints(lengths);
    return this.#options.shapes === 'constant' ? constant : this.#asked(x, constant);
  }

  #asked(x: string, lengths: string): string {
    const [, ...others] = this.b.known(lengths).values as number[];
    const first = this.left('Gather', [this.left('Shape', [x]), this.b.scalar(0, 'int64')], { axis: 0 });
    const parts = [this.left('Unsqueeze', [first, this.b.ints([0])]), ...others.map((n) => this.b.ints([n]))];
    return this.left('Concat', parts, { axis: 0 });
  }
}

class ConvNeXt extends Network {
  readonly #channels: readonly number[];

  constructor({ channels = [8, 12], ...common }: ConvNeXtOptions) {
    super(common);
    this.#channels = channels;
  }

  protected features(image: string): string {
    let x = image;
    for (const [stage, channels] of this.#channels.entries()) {
      x =
        stage === 0
          ? this.#norm(this.conv(x, channels, 4, { strides: [4, 4] }))
          : this.conv(this.#norm(x), channels, 2, { strides: [2, 2] });
      x = this.#block(x, channels, `stage${stage}`);
    }
    return this.layerNorm(this.o.op('Flatten', [this.o.op('GlobalAveragePool', [x])]));
  }

  #block(x: string, channels: number, name: string): string {
    const spread = this.conv(x, channels, 7, { group: channels, pads: [3, 3, 3, 3] });
    const last = this.layerNorm(this.o.transpose(spread, [0, 2, 3, 1]));
    const mixed = this.dense(this.gelu(this.dense(last, 4 * channels)), channels);
    const scaled = this.o.mul(mixed, this.random([channels], 0.2, 0.5));
    return this.b.node('Add', [x, this.o.transpose(scaled, [0, 3, 1, 2])], {}, [name])[0];
  }

  #norm(x: string): string {
    return this.o.transpose(this.layerNorm(this.o.transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]);
  }
}
