/**
 * Batch norms in training (3.6). Frozen, their statistics are fixed and y = f·x + b with f = scale/σ, b = shift − f·μ:
 * an exact part of the convolution before it wherever the weights are fewer than the pixels, so that no pass over the
 * pixels is left. With the batch's statistics they are written in primitives, because the WebGPU provider has no batch
 * norm that trains; the statistics become outputs, for the running ones.
 */
import type { NodeProto } from 'onnx-buf';
import { type Dim, isNumber } from '../onnx/dimensions.ts';
import { copyWith, isStandard, type Model } from '../onnx/model.ts';
import { floatAttribute, useCounts } from '../onnx/nodes.ts';
import type { Operators } from '../onnx/operators.ts';
import type { Tensor } from '../runtime/session.ts';

/** `frozen`: fixed statistics, trained scale and shift. `batch`: the batch's statistics. */
export type TrainedNorm = 'frozen' | 'batch';

/** The statistics of one batch norm: outputs of a training graph, and the initialisers that hold the running ones. */
export interface BatchStatistics {
  /** Output [C]: means over batch and pixels. */
  readonly mean: string;
  /** Output [C]: variances of the population. */
  readonly variance: string;
  readonly runningMean: string;
  readonly runningVariance: string;
  /** Pixels of an image: an unbiased variance divides by n·pixels − 1. */
  readonly pixels: number;
}

/** Mean and variance of each channel over all slices of a step. */
export interface BatchMoments {
  readonly norm: BatchStatistics;
  readonly mean: Float64Array;
  /** Of the population. */
  readonly variance: Float64Array;
  /** Values a channel: slices times pixels. */
  readonly count: number;
}

/** Puts the statistics of parts of a batch together. */
export class MomentPool {
  private readonly norm: BatchStatistics;
  private sum: Float64Array | undefined;
  private squares: Float64Array | undefined;
  private slices = 0;

  constructor(norm: BatchStatistics) {
    this.norm = norm;
  }

  add(outputs: Readonly<Record<string, Tensor>>, slices: number): void {
    const mean = outputs[this.norm.mean].data as Float32Array;
    const variance = outputs[this.norm.variance].data as Float32Array;
    this.sum ??= new Float64Array(mean.length);
    this.squares ??= new Float64Array(mean.length);
    for (let c = 0; c < mean.length; c++) {
      this.sum[c] += slices * mean[c];
      this.squares[c] += slices * (variance[c] + mean[c] * mean[c]);
    }
    this.slices += slices;
  }

  moments(): BatchMoments {
    const mean = this.sum!.map((sum) => sum / this.slices);
    const variance = this.squares!.map((squares, c) =>
      Math.max(0, squares / this.slices - mean[c] * mean[c]),
    );
    return { norm: this.norm, mean, variance, count: this.slices * this.norm.pixels };
  }
}

/**
 * Running statistics r become (1 − momentum)·r + momentum·new, the new variance without bias, as in PyTorch.
 * @param running by the name of the initialiser; changed in place.
 */
export function updateRunning(
  running: ReadonlyMap<string, Float32Array>,
  moments: readonly BatchMoments[],
  momentum: number,
): void {
  for (const { norm, mean, variance, count } of moments) {
    const unbiased = count > 1 ? count / (count - 1) : 1;
    const blend = (values: Float32Array, next: (c: number) => number) => {
      for (let c = 0; c < values.length; c++) values[c] += momentum * (next(c) - values[c]);
    };
    blend(running.get(norm.runningMean)!, (c) => mean[c]);
    blend(running.get(norm.runningVariance)!, (c) => variance[c] * unbiased);
  }
}

/** Images that are taken to be in one run when it is decided whether weights or pixels are fewer. */
const IMAGES = 16;

export class BatchNorms {
  readonly batchStatistics: BatchStatistics[] = [];
  private readonly o: Operators;
  private readonly norm: TrainedNorm;
  private readonly convolutions = new Map<string, NodeProto>();
  private readonly uses: ReadonlyMap<string, number>;

  constructor(o: Operators, norm: TrainedNorm, { graph }: Model) {
    this.o = o;
    this.norm = norm;
    this.uses = useCounts(graph);
    for (const node of graph.node) {
      if (isStandard(node.domain) && node.opType === 'Conv') this.convolutions.set(node.output[0], node);
    }
  }

  /** Adds a batch norm in the form that is trained; false for any other node, which is the caller's. */
  take(node: NodeProto): boolean {
    if (!isStandard(node.domain) || node.opType !== 'BatchNormalization') return false;
    const made = this.norm === 'batch' ? this.withBatch(node) : this.frozen(node);
    this.o.builder.node('Identity', [made], {}, [node.output[0]]);
    return true;
  }

  private frozen(node: NodeProto): string {
    const { o } = this;
    const [x, scale, shift, mean, variance] = node.input;
    const factor = o.mul(scale, this.inverseDeviation(node, variance));
    const offset = o.sub(shift, o.mul(mean, factor));
    const convolution = this.convolutions.get(x);
    if (!convolution || this.uses.get(x) !== 1 || !this.folds(convolution)) {
      return o.add(o.mul(x, this.perChannel(factor, x)), this.perChannel(offset, x));
    }
    const [input, weight, bias] = convolution.input;
    const folded = [input, o.mul(weight, this.alongFirst(factor, weight))];
    folded.push(bias ? o.add(o.mul(bias, factor), offset) : offset);
    const output = o.builder.fresh(`${node.output[0]} folded`);
    o.builder.copy(copyWith(convolution, { name: output, input: folded, output: [output] }));
    return output;
  }

  private withBatch(node: NodeProto): string {
    const { o } = this;
    const { builder } = o;
    const [x, scale, shift, runningMean, runningVariance] = node.input;
    const shape = builder.shape(x);
    const axes = shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    const mean = o.mean(x, axes);
    const centred = o.sub(x, mean);
    const variance = o.mean(o.mul(centred, centred), axes);
    const factor = o.mul(this.perChannel(scale, x), this.inverseDeviation(node, variance));
    this.batchStatistics.push({
      mean: o.reshape(mean, [-1]),
      variance: o.reshape(variance, [-1]),
      runningMean,
      runningVariance,
      pixels: shape.slice(2).reduce<number>((product, length) => product * Number(length), 1),
    });
    return o.add(o.mul(centred, factor), this.perChannel(shift, x));
  }

  private folds({ input, output }: NodeProto): boolean {
    const { builder } = this.o;
    return hasFewerWeights(builder.shape(input[1]), builder.shape(output[0]).slice(2));
  }

  /** 1/√(variance + ε). */
  private inverseDeviation(node: NodeProto, variance: string): string {
    const { o } = this;
    return o.div(1, o.op('Sqrt', [o.add(variance, floatAttribute(node, 'epsilon') ?? 1e-5)]));
  }

  /** A vector [C] as it is multiplied with x [n, C, …]. */
  private perChannel(vector: string, x: string): string {
    return this.o.unsqueeze(vector, trailing(this.o.builder.shape(x).length - 2));
  }

  /** A vector [C] as it is multiplied with a weight [C, …]. */
  private alongFirst(vector: string, weight: string): string {
    return this.o.unsqueeze(vector, trailing(this.o.builder.shape(weight).length - 1));
  }
}

/**
 * Whether a convolution has fewer weights for each of its outputs than a run has pixels.
 * @param weight [co, ci, …kernel]
 * @param pixels lengths of the output's spatial axes.
 */
export function hasFewerWeights(weight: readonly Dim[], pixels: readonly Dim[]): boolean {
  const product = (lengths: readonly Dim[]) =>
    lengths.every(isNumber) ? lengths.reduce((a, b) => a * b, 1) : Number.POSITIVE_INFINITY;
  return product(weight.slice(1)) < IMAGES * product(pixels);
}

function trailing(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
