/** What the tests of trainings share: cases made by hand, small networks, and sessions without threads of their own. */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { defaultPreprocessing, type Preprocessing, prepareVolume } from '../../src/encoders/preprocessing.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { gradients } from '../../src/onnx/gradients/gradients.ts';
import { type Model, serialiseModel } from '../../src/onnx/model.ts';
import { Operators } from '../../src/onnx/operators.ts';
import type { Session, Tensor } from '../../src/runtime/session.ts';
import type { TrainingCase } from '../../src/training/cases.ts';
import { GradientEngine, type MicroBatch, type StepGradient } from '../../src/training/engine.ts';
import { type NetworkToTrain, trainingGraph } from '../../src/training/graph.ts';
import { fromOrder, parameterValues } from '../../src/training/parameters.ts';
import { createVolume, type Shape, voxelCount } from '../../src/volume/volume.ts';

/** Numbers in [−1, 1) that look random, from whole numbers alone. */
export function noise(i: number): number {
  let h = Math.imul(i + 1, 2654435761);
  h = Math.imul(h ^ (h >>> 16), 2246822519);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 31 - 1;
}

export const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** An array of noise times a factor. */
export function noisy(shape: readonly number[], factor = 1, seed = 0): Float32Array {
  return Float32Array.from({ length: size(shape) }, (_, i) => factor * noise(i + 7919 * seed));
}

/** A case whose volume is a function of the voxel's index in its channel. */
export function caseOf(
  name: string,
  labels: readonly number[],
  value: (voxel: number, channel: number) => number,
  {
    shape = [6, 7, 8] as Shape,
    channels = 1,
    encoderChannels = 1,
    preprocessing = {} as Partial<Preprocessing>,
    onLoad = () => {},
  } = {},
): TrainingCase {
  const voxels = voxelCount(shape);
  return {
    name,
    labels,
    async load() {
      onLoad();
      const data = Float32Array.from({ length: channels * voxels }, (_, i) =>
        value(i % voxels, Math.floor(i / voxels)),
      );
      const volume = createVolume(data, shape, { channels });
      return prepareVolume(
        volume,
        { ...defaultPreprocessing, ...preprocessing },
        { name: 'encoder', channels: encoderChannels },
      );
    },
  };
}

/** A session in this thread: what a graph computes, without the pool of workers. */
export async function openDirect(model: Model | Uint8Array): Promise<Session> {
  const bytes = model instanceof Uint8Array ? model : serialiseModel(model);
  const engine = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'extended',
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  let held: Record<string, Tensor> = {};
  return {
    device: 'cpu',
    lanes: 1,
    partlyOnCpu: false,
    async run(feeds, fetches) {
      const all = Object.entries({ ...held, ...feeds });
      const tensors = Object.fromEntries(
        all.map(([name, { data, dims }]) => [name, new OrtTensor(data, dims)]),
      );
      const results = fetches ? await engine.run(tensors, fetches) : await engine.run(tensors);
      return Object.fromEntries(
        Object.entries(results).map(([name, { data, dims }]) => [
          name,
          { data: (data as Float32Array).slice(), dims },
        ]),
      );
    },
    hold(tensors) {
      const copies = Object.entries(tensors).map(([name, { data, dims }]) => [
        name,
        { data: data.slice(), dims },
      ]);
      held = { ...held, ...Object.fromEntries(copies) };
    },
    close: () => engine.release(),
  };
}

/** ‖a − b‖ / ‖b‖, or ‖a‖ where b is 0. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return a.length === b.length ? Math.sqrt(difference / (norm || 1)) : Number.NaN;
}

/** Whether two arrays hold the same bits. */
export function sameBytes(a: Float32Array | Uint8Array, b: Float32Array | Uint8Array): boolean {
  const bytes = (array: Float32Array | Uint8Array) =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return bytes(a).equals(bytes(b));
}

/** Adds a weight of noise to a graph: the values are the same however it is added. Returns its name. */
export type Weight = (name: string, shape: readonly number[], factor?: number, centre?: number) => string;

/** Makes a network from the image "x" to its logits; batch norms are to be added with `norm`. */
export interface SmallNetwork {
  readonly image: readonly [number, number, number];
  make(b: GraphBuilder, weight: Weight, norm: (x: string, name: string) => string): string;
}

/** Values of a weight: noise that differs from one name to the next. */
function weightValues(name: string, shape: readonly number[], factor: number, centre: number): Float32Array {
  const seed = [...name].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 1009, 7);
  return noisy(shape, factor, seed).map((value) => centre + value);
}

interface Built {
  readonly model: Model;
  readonly logits: string;
  readonly weights: ReadonlyMap<string, { readonly data: Float32Array; readonly shape: readonly number[] }>;
  /** The builder, in which a graph can go on. */
  readonly builder: GraphBuilder;
}

/**
 * @param fed whether weights are inputs or initialisers.
 * @param training whether batch norms take the batch's statistics (ONNX's own form of it).
 */
export function buildSmall(
  { image, make }: SmallNetwork,
  { fed = false, training = false, opset = 17 } = {},
): Built {
  const builder = new GraphBuilder({ name: 'small', opset });
  const weights = new Map<string, { data: Float32Array; shape: readonly number[] }>();
  builder.input('x', ['n', ...image]);
  const hold: Weight = (name, shape, factor = 1, centre = 0) =>
    builder.initialiser(name, weightValues(name, shape, factor, centre), shape);
  const weight: Weight = (name, shape, factor = 1, centre = 0) => {
    weights.set(name, { data: weightValues(name, shape, factor, centre), shape });
    return fed ? builder.input(name, shape) : hold(name, shape, factor, centre);
  };
  const norm = (x: string, name: string) => {
    const channels = [builder.shape(x)[1] as number];
    const inputs = [
      x,
      weight(`${name}.scale`, channels, 0.5, 1),
      weight(`${name}.shift`, channels, 0.3),
      hold(`${name}.mean`, channels, 0.3),
      hold(`${name}.variance`, channels, 0.4, 1),
    ];
    const attributes = { epsilon: 1e-3 };
    if (!training) return builder.op('BatchNormalization', inputs, attributes);
    return builder.node('BatchNormalization', inputs, { ...attributes, training_mode: 1 }, 3)[0];
  };
  const logits = make(builder, weight, norm);
  builder.output(logits);
  return { model: builder.toModel(), logits, weights, builder };
}

/** A small network with its weights in it, to be trained. */
export function toTrain(
  small: SmallNetwork,
  more: Partial<NetworkToTrain> & { readonly opset?: number } = {},
): NetworkToTrain {
  const { opset, ...rest } = more;
  const { model, logits } = buildSmall(small, { opset });
  return { model, input: 'x', logits, image: small.image, batch: undefined, norm: 'frozen', ...rest };
}

/** Images and labels, the same every time. */
export function batchOf(image: readonly number[], count: number, outputs: number, seed = 0): MicroBatch {
  return {
    pixels: noisy([count, ...image], 1.5, 50 + seed),
    dims: [count, ...image],
    labels: Float32Array.from({ length: count * outputs }, (_, i) => Number(noise(i + 3 + seed) > 0)),
    count,
  };
}

/** Parts of a batch, each of so many slices. */
export function parted(
  { pixels, dims: [count, ...image], labels }: MicroBatch,
  sizes: readonly number[],
): MicroBatch[] {
  const [each, outputs] = [size(image), labels.length / count];
  let at = 0;
  return sizes.map((own) => {
    const [from, to] = [at, at + own];
    at = to;
    return {
      pixels: pixels.slice(from * each, to * each),
      dims: [own, ...image],
      labels: labels.slice(from * outputs, to * outputs),
      count: own,
    };
  });
}

export interface NamedGradient extends Omit<StepGradient, 'gradient'> {
  /** By the name of the weight, in its own shape. */
  readonly gradient: ReadonlyMap<string, Float32Array>;
}

/** What the training graph of a network says of a step. */
export async function trainedGradient(
  network: NetworkToTrain,
  batches: readonly MicroBatch[],
): Promise<NamedGradient> {
  const graph = trainingGraph(network);
  const session = await openDirect(graph.model);
  try {
    const engine = new GradientEngine(session, graph);
    engine.setWeights(parameterValues(network.model, graph.parameters));
    const { gradient, ...rest } = await engine.compute(batches);
    return {
      ...rest,
      gradient: new Map(
        graph.parameters.map((parameter) => [parameter.name, fromOrder(gradient, parameter)]),
      ),
    };
  } finally {
    await session.close();
  }
}

/**
 * The same network as it is, its weights fed and no node of it written in another way: logits of given weights, and the
 * gradient of the mean binary cross-entropy, which is part of the graph.
 */
export async function openPlain(small: SmallNetwork, { training = false, opset = 17 } = {}) {
  const { builder, logits, weights } = buildSmall(small, { fed: true, training, opset });
  const o = new Operators(builder);
  const outputs = builder
    .shape(logits)
    .slice(1)
    .reduce<number>((product, dim) => product * Number(dim), 1);
  const rows = o.reshape(logits, [-1, outputs]);
  const labels = builder.input('labels', ['n', outputs]);
  const losses = o.sub(o.op('Softplus', [rows]), o.mul(rows, labels));
  const names = [...weights.keys()];
  const found = gradients(builder, o.mean(losses, [0, 1], false), names);
  const made = names.map((name) => builder.output(found.get(name)!, builder.fresh(`gradient of ${name}`)));
  const named = builder.output(rows, builder.fresh('rows'));
  const session = await openDirect(builder.toModel());
  const feeds = ({ pixels, dims, labels: own }: MicroBatch, changed: ReadonlyMap<string, Float32Array>) => ({
    x: { data: pixels, dims },
    labels: { data: own, dims: [dims[0], outputs] },
    ...Object.fromEntries(
      [...weights].map(([name, { data, shape }]) => [name, { data: changed.get(name) ?? data, dims: shape }]),
    ),
  });
  return {
    weights,
    outputs,
    close: () => session.close(),
    async logits(batch: MicroBatch, changed: ReadonlyMap<string, Float32Array> = new Map()) {
      const results = await session.run(feeds(batch, changed), [named]);
      return results[named].data as Float32Array;
    },
    async gradient(batch: MicroBatch): Promise<Map<string, Float32Array>> {
      const results = await session.run(feeds(batch, new Map()), made);
      return new Map(names.map((name, i) => [name, results[made[i]].data as Float32Array]));
    },
  };
}
