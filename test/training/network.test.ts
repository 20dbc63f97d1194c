/** Networks that are trained, and the way back to a file: what is written must be what was trained. */
import { create } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { type Encoder, readEncoder } from '../../src/encoders/external.ts';
import { type EncoderMetadata, withMetadata } from '../../src/encoders/metadata.ts';
import { norms, RESNET_LAYERS, type ResNetOptions } from '../../src/encoders/resnet.ts';
import { initialWeights } from '../../src/encoders/weights.ts';
import { randomStreams } from '../../src/geometry/random.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { spatialLayers } from '../../src/onnx/layers.ts';
import { parseModel, serialiseModel } from '../../src/onnx/model.ts';
import { weightTensors } from '../../src/training/engine.ts';
import { evaluationGraph, trainingGraph } from '../../src/training/graph.ts';
import {
  exportEncoder,
  initialiserValues,
  type TrainableEncoder,
  trainableEncoder,
  trainableResNet,
  withInitialisers,
} from '../../src/training/network.ts';
import { findParameters, parameterValues } from '../../src/training/parameters.ts';
import { batchOf, distance, noisy, openDirect, sameBytes, size, trainedGradient } from './support.ts';

const [random] = randomStreams(9, 1);

interface FileOptions {
  readonly outputs?: number;
  readonly softmax?: boolean;
  /** Weights in Constant nodes, as some exporters have them. */
  readonly constants?: boolean;
  readonly nhwc?: boolean;
  readonly batch?: number;
  readonly metadata?: EncoderMetadata;
}

/** The bytes of a classifier with two convolutions, a batch norm, and another output that nobody needs. */
function classifier({
  outputs = 4,
  softmax,
  constants,
  nhwc,
  batch,
  metadata = {},
}: FileOptions = {}): Uint8Array {
  const b = new GraphBuilder({ name: 'classifier' });
  b.input('image', [batch ?? 'batch', ...(nhwc ? [12, 10, 2] : [2, 12, 10])]);
  const weight = (name: string, shape: number[], factor = 0.5) => {
    const values = noisy(shape, factor, name.length);
    if (!constants) return b.initialiser(name, values, shape);
    const tensor = create(TensorProtoSchema, {
      dims: shape.map(BigInt),
      dataType: 1,
      rawData: new Uint8Array(values.buffer as ArrayBuffer),
    });
    return b.node('Constant', [], { value: tensor }, [name])[0];
  };
  const x = nhwc ? b.op('Transpose', ['image'], { perm: [0, 3, 1, 2] }) : 'image';
  const [stem] = b.node('Conv', [x, weight('w', [6, 2, 3, 3])], { pads: [1, 1, 1, 1], strides: [2, 2] }, [
    'stem',
  ]);
  const statistics = [
    b.initialiser('running mean', noisy([6], 0.2), [6]),
    b.initialiser(
      'running variance',
      noisy([6], 0.3).map((value) => 1 + value),
      [6],
    ),
  ];
  const normal = b.op('BatchNormalization', [
    stem,
    weight('scale', [6]),
    weight('shift', [6]),
    ...statistics,
  ]);
  const [maps] = b.node('Tanh', [normal], {}, ['maps']);
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [maps])]);
  const head = [pooled, weight('head weight', [outputs, 6], 2), weight('head bias', [outputs])];
  const [logits] = b.node('Gemm', head, { transB: 1 }, ['scores']);
  b.output(softmax ? b.op('Softmax', [logits], { axis: 1 }) : logits, softmax ? 'probabilities' : logits);
  b.output(b.op('Gemm', [pooled, weight('second head', [6, 3])]), 'other');
  return serialiseModel(withMetadata(b.toModel(), metadata));
}

const SIZE = { rows: 12, columns: 10 };
const train = (encoder: Encoder, outputs: number) =>
  trainableEncoder(encoder, { outputs, size: SIZE, random: randomStreams(2, 1)[0] });
const read = (options?: FileOptions) => readEncoder(classifier(options), 'given.onnx');
const metadata: EncoderMetadata = {
  name: 'mine',
  description: 'Trained on nothing.',
  classes: ['a', 'b', 'c', 'd'],
  preprocessing: { normalise: 'zscore', outside: 'minimum' },
};

/** Weights and running statistics that are not those of the file. */
function learned({ network }: TrainableEncoder) {
  const { parameters } = trainingGraph({ ...network, norm: 'frozen' });
  const vector = parameterValues(network.model, parameters).map((value, i) => value + 0.1 * Math.sin(i));
  const running = initialiserValues(network.model, evaluationGraph({ ...network, norm: 'frozen' }).running);
  for (const values of running.values()) for (const i of values.keys()) values[i] += 0.1 + 0.01 * i;
  return { parameters, vector, running };
}

/** Logits of a network while it is trained, with such weights and statistics. */
async function logitsInTraining(trainable: TrainableEncoder, count: number): Promise<Float32Array> {
  const { network } = trainable;
  const { vector, running } = learned(trainable);
  const graph = evaluationGraph({ ...network, norm: 'frozen' });
  const session = await openDirect(graph.model);
  session.hold(weightTensors(graph, vector));
  session.hold(Object.fromEntries([...running].map(([name, data]) => [name, { data, dims: [data.length] }])));
  const { pixels, dims } = batchOf(network.image, count, 1);
  const results = await session.run({ [graph.input]: { data: pixels, dims } });
  await session.close();
  return results[graph.logits].data as Float32Array;
}

async function logitsOf(encoder: Encoder, image: readonly number[], count: number) {
  const session = await openDirect(parseModel(encoder.model, encoder.name));
  const { pixels, dims } = batchOf(image, count, 1);
  const results = await session.run({ [encoder.input]: { data: pixels, dims } }, [encoder.output]);
  await session.close();
  return results[encoder.output];
}

/** What is written of a network that learned, and its bytes. */
async function exported(trainable: TrainableEncoder, more: EncoderMetadata = metadata) {
  const { parameters, vector, running } = learned(trainable);
  const bytes = exportEncoder(trainable, parameters, vector, running, more);
  return {
    bytes,
    encoder: await readEncoder(bytes, 'encoder.onnx'),
    model: parseModel(bytes, 'encoder.onnx'),
  };
}

describe('a file that is trained', () => {
  test('keeps its head where it has as many classes as are wanted', async () => {
    const encoder = await read();
    const made = train(encoder, 4);
    expect(made).toMatchObject({ newHead: false, channels: 2, layout: 'nchw', size: SIZE });
    expect(made.network).toMatchObject({
      input: 'image',
      logits: 'scores',
      image: [2, 12, 10],
      batch: undefined,
    });
    expect(findParameters(made.network.model).map(({ name }) => name)).toEqual([
      'w',
      'scale',
      'shift',
      'head weight',
      'head bias',
      'second head',
    ]);
    const unchanged = await logitsOf(encoder, [2, 12, 10], 3);
    const { logits } = await trainedGradient({ ...made.network, norm: 'frozen' }, [
      batchOf([2, 12, 10], 3, 4),
    ]);
    expect(distance(logits, unchanged.data as Float32Array)).toBeLessThan(1e-5);
  });

  test('gets another head where it has not, drawn from the stream', async () => {
    const encoder = await read();
    const made = train(encoder, 2);
    expect(made.newHead).toBe(true);
    const { logits } = await trainedGradient({ ...made.network, norm: 'frozen' }, [
      batchOf([2, 12, 10], 3, 2),
    ]);
    expect(logits).toHaveLength(6);
    const again = train(encoder, 2);
    const other = trainableEncoder(encoder, { outputs: 2, size: SIZE, random });
    const head = ({ network }: TrainableEncoder) =>
      initialiserValues(network.model, ['head.weight']).get('head.weight')!;
    expect(sameBytes(head(again), head(made))).toBe(true);
    expect(sameBytes(head(other), head(made))).toBe(false);
  });

  test('is trained at its logits where it ends in Softmax', async () => {
    const encoder = await read({ softmax: true });
    expect(encoder.activation).toBe('softmax');
    const kept = train(encoder, 4);
    expect(kept.network.logits).toBe('scores');
    const { encoder: written, model } = await exported(kept);
    expect(written.activation).toBe('none');
    expect(model.graph.node.map(({ opType }) => opType)).not.toContain('Softmax');
    const replaced = await exported(train(encoder, 1), { classes: ['lesion'] });
    expect(replaced.encoder).toMatchObject({ outputs: 1, activation: 'none', classes: ['lesion'] });
  });

  test('shows the layers that its metadata name, or those that are found', async () => {
    expect(train(await read(), 4).layers).toContain('maps');
    expect(train(await read({ metadata: { layers: ['stem'] } }), 4).layers).toEqual(['stem']);
    for (const name of train(await read(), 2).layers) {
      const model = parseModel(classifier(), 'a');
      expect(spatialLayers(model).map(({ tensor }) => tensor)).toContain(name);
    }
  });

  test('may have its weights in Constant nodes', async () => {
    const batch = () => batchOf([2, 12, 10], 3, 4);
    const step = async (constants: boolean) => {
      const { network } = train(await read({ constants }), 4);
      return trainedGradient({ ...network, norm: 'frozen' }, [batch()]);
    };
    const [usual, odd] = [await step(false), await step(true)];
    expect([...odd.gradient.keys()].sort()).toEqual([...usual.gradient.keys()].sort());
    for (const [name, values] of usual.gradient) {
      expect(sameBytes(odd.gradient.get(name)!, values), name).toBe(true);
    }
  });
});

describe('what is written', () => {
  const files: [string, FileOptions, number][] = [
    ['its head kept', {}, 4],
    ['another head', {}, 2],
    ['weights in Constant nodes', { constants: true }, 4],
    ['Softmax taken off', { softmax: true }, 4],
    ['channels last', { nhwc: true }, 4],
    ['a fixed batch', { batch: 3 }, 2],
  ];
  test.each(files)('computes what was trained: %s', async (_, options, outputs) => {
    const trainable = train(await read(options), outputs);
    const own = { ...metadata, classes: metadata.classes!.slice(0, outputs), layers: trainable.layers };
    const { encoder, model } = await exported(trainable, own);
    const { data, dims } = await logitsOf(encoder, trainable.network.image, 3);
    expect(dims).toEqual([3, outputs]);
    expect(distance(data as Float32Array, await logitsInTraining(trainable, 3))).toBeLessThan(1e-5);
    expect(encoder).toMatchObject({
      input: 'image',
      outputs,
      classes: own.classes,
      channels: 2,
      layout: options.nhwc ? 'nhwc' : 'nchw',
      batch: options.batch,
      size: SIZE,
      activation: 'none',
      metadata: own,
    });
    expect(encoder.preprocessing).toMatchObject({ normalise: 'zscore', outside: 'minimum' });
    const spatial = spatialLayers(model).map(({ tensor }) => tensor);
    for (const layer of own.layers) expect(spatial).toContain(layer);
  });

  test('holds nothing that the logits do not need', async () => {
    const kept = (await exported(train(await read({ softmax: true }), 4))).model.graph;
    expect(kept.initializer.map(({ name }) => name).sort()).toEqual(
      ['w', 'scale', 'shift', 'running mean', 'running variance', 'head weight', 'head bias'].sort(),
    );
    expect(kept.output.map(({ name }) => name)).toEqual(['logits']);
    const replaced = (await exported(train(await read(), 1), {})).model.graph;
    expect(replaced.initializer.map(({ name }) => name).sort()).toEqual(
      ['w', 'scale', 'shift', 'running mean', 'running variance', 'head.weight', 'head.bias'].sort(),
    );
    const names = replaced.node.flatMap(({ output }) => output);
    expect(names).not.toContain('scores');
    expect(names).not.toContain('other');
  });

  test('has the weights that were learned, in their own shapes', async () => {
    const trainable = train(await read(), 4);
    const { parameters, vector, running } = learned(trainable);
    const { model } = await exported(trainable);
    const changed = new Map(running);
    for (const { name, offset, length } of parameters)
      changed.set(name, vector.slice(offset, offset + length));
    const written = initialiserValues(model, [...changed.keys()]);
    for (const [name, values] of written) expect(sameBytes(values, changed.get(name)!), name).toBe(true);
    expect(written.size).toBe(7);
    for (const tensor of model.graph.initializer) {
      const given = trainable.network.model.graph.initializer.find(({ name }) => name === tensor.name)!;
      expect(tensor.dims).toEqual(given.dims);
    }
  });

  test('can be trained again', async () => {
    const { encoder } = await exported(train(await read(), 4));
    const again = train(encoder, 4);
    expect(again.newHead).toBe(false);
    expect(again.layers).toEqual(train(await read(), 4).layers);
    expect(sameBytes((await exported(again)).bytes, (await exported(again)).bytes)).toBe(true);
  });

  test('has a name of its own where another tensor is called “logits”', async () => {
    const b = new GraphBuilder();
    b.input('x', ['n', 1, 12, 10]);
    const w = b.initialiser('w', noisy([3, 1, 3, 3]), [3, 1, 3, 3]);
    const [maps] = b.node('Conv', ['x', w], {}, ['logits']);
    b.output(b.op('Flatten', [b.op('GlobalAveragePool', [maps])]), 'y');
    const encoder = await readEncoder(serialiseModel(b.toModel()), 'odd.onnx', { output: 'y' });
    const trainable = train(encoder, 3);
    const { encoder: written } = await exported(trainable, {});
    expect(written.output).toBe('logits_2');
    const { data } = await logitsOf(written, [1, 12, 10], 2);
    expect(distance(data as Float32Array, await logitsInTraining(trainable, 2))).toBeLessThan(1e-5);
  });
});

describe('the networks built here', () => {
  test.each(norms)('%s: written and read', async (norm) => {
    const options: ResNetOptions = { architecture: 'resnet10t', norm, channels: 2, outputs: 3, width: 0.25 };
    const weights = initialWeights(options, randomStreams(4, 1)[0]);
    const trainable = trainableResNet({ ...options, size: 40 }, weights);
    expect(trainable).toMatchObject({ channels: 2, layout: 'nchw', size: { rows: 40, columns: 40 } });
    // Some weights are fed in another order, and are written in their own.
    const { parameters } = trainingGraph({ ...trainable.network, norm: 'frozen' });
    expect(parameters.some(({ order }) => order !== undefined)).toBe(true);
    const { encoder, model } = await exported(trainable, { layers: RESNET_LAYERS, classes: ['a', 'b', 'c'] });
    expect(encoder).toMatchObject({
      input: 'image',
      output: 'logits',
      outputs: 3,
      batch: undefined,
      size: { rows: 40, columns: 40 },
    });
    const { data } = await logitsOf(encoder, [2, 40, 40], 2);
    expect(distance(data as Float32Array, await logitsInTraining(trainable, 2))).toBeLessThan(1e-5);
    const spatial = spatialLayers(model);
    for (const layer of RESNET_LAYERS) expect(spatial.some(({ tensor }) => tensor === layer)).toBe(true);
    for (const { name, shape } of parameters) {
      const tensor = model.graph.initializer.find((own) => own.name === name)!;
      expect(tensor.dims.map(Number)).toEqual(shape);
    }
  });
});

test('initialisers can be taken out and put back, and the model stays as it was', () => {
  const model = parseModel(classifier(), 'a');
  const values = initialiserValues(model, ['scale', 'running mean']);
  expect([...values.keys()].sort()).toEqual(['running mean', 'scale']);
  const before = values.get('scale')!.slice();
  values.get('scale')!.fill(3);
  const changed = withInitialisers(model, values);
  expect(initialiserValues(changed, ['scale']).get('scale')).toEqual(new Float32Array(6).fill(3));
  expect(initialiserValues(model, ['scale']).get('scale')).toEqual(before);
  values.get('scale')!.fill(4);
  expect(initialiserValues(changed, ['scale']).get('scale')).toEqual(new Float32Array(6).fill(3));
  const shapes = (of: typeof model) =>
    of.graph.initializer.map(({ name, dims }) => [name, size(dims.map(Number))]);
  expect(shapes(changed)).toEqual(shapes(model));
});
