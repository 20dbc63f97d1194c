/**
 * The training graph against central differences of the loss, and against the same network without any rewriting. Small
 * networks without kinks; each has what the others lack.
 */
import { describe, expect, test } from 'vitest';
import { buildResNet, norms, type ResNetOptions, resnetWeights } from '../../src/encoders/resnet.ts';
import { initialWeights } from '../../src/encoders/weights.ts';
import { EncoderError } from '../../src/errors.ts';
import { randomStreams } from '../../src/geometry/random.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { graphInputs } from '../../src/onnx/model.ts';
import { weightTensors } from '../../src/training/engine.ts';
import {
  evaluationGraph,
  LABELS_INPUT,
  runningStatistics,
  SLICE_WEIGHTS_INPUT,
  statisticsGraph,
  trainingGraph,
} from '../../src/training/graph.ts';
import { meanLoss } from '../../src/training/loss.ts';
import { initialiserValues } from '../../src/training/network.ts';
import { parameterValues } from '../../src/training/parameters.ts';
import {
  batchOf,
  buildSmall,
  distance,
  noisy,
  openDirect,
  openPlain,
  type SmallNetwork,
  size,
  toTrain,
  trainedGradient,
} from './support.ts';

const SAME = { pads: [1, 1, 1, 1] };

/** Frozen batch norms that become part of a convolution, with and without a bias, and at a stride. */
const folded: SmallNetwork = {
  image: [2, 9, 8],
  make(b, weight, norm) {
    const first = b.op('Conv', ['x', weight('w1', [4, 2, 3, 3], 0.5), weight('b1', [4])], SAME);
    const second = b.op('Tanh', [norm(first, 'n1')]);
    const down = b.op('Conv', [second, weight('w2', [6, 4, 3, 3], 0.3)], { ...SAME, strides: [2, 2] });
    const pooled = b.op('GlobalAveragePool', [b.op('Tanh', [norm(down, 'n2')])]);
    return b.op('Gemm', [b.op('Flatten', [pooled]), weight('w3', [2, 6]), weight('b3', [2])], { transB: 1 });
  },
};

/** Those that do not: behind a pooling, behind a convolution that is used twice, behind a product of matrices. */
const unfolded: SmallNetwork = {
  image: [2, 8, 8],
  make(b, weight, norm) {
    const pooled = b.op('AveragePool', ['x'], { kernel_shape: [2, 2], strides: [2, 2] });
    const first = norm(pooled, 'n1');
    const conv = b.op('Conv', [first, weight('w1', [4, 2, 1, 1]), weight('b1', [4])]);
    const twice = b.op('Add', [b.op('Tanh', [norm(conv, 'n2')]), conv]);
    const flat = b.op('Flatten', [b.op('GlobalAveragePool', [twice])]);
    const product = b.op('MatMul', [flat, weight('w2', [4, 5])]);
    return b.op('MatMul', [b.op('Tanh', [norm(product, 'n3')]), weight('w3', [5, 3])]);
  },
};

/** Convolutions that become products of matrices, with and without batch norms and biases; 1×1 at the end. */
const dense: SmallNetwork = {
  image: [8, 4, 4],
  make(b, weight, norm) {
    const down = { ...SAME, strides: [2, 2] };
    const first = b.op('Conv', ['x', weight('w1', [10, 8, 3, 3], 0.2), weight('b1', [10])], down);
    const second = b.op('Conv', [b.op('Tanh', [norm(first, 'n1')]), weight('w2', [16, 10, 3, 3], 0.2)], SAME);
    const pooled = b.op('GlobalAveragePool', [b.op('Tanh', [second])]);
    return b.op('Conv', [pooled, weight('w3', [3, 16, 1, 1]), weight('b3', [3])]);
  },
};

/** Group norm as it is written here and by exporters, tied weights, a weight behind a Transpose. */
const grouped: SmallNetwork = {
  image: [2, 6, 7],
  make(b, weight) {
    const groupNorm = (x: string, name: string) => {
      const ones = b.constant(Float32Array.of(1, 1), [2]);
      const zeros = b.constant(Float32Array.of(0, 0), [2]);
      const split = b.op('Reshape', [x, b.ints([0, 2, -1])]);
      const normal = b.op('InstanceNormalization', [split, ones, zeros], { epsilon: 1e-3 });
      const back = b.op('Reshape', [normal, b.op('Shape', [x])]);
      const scaled = b.op('Mul', [back, weight(`${name}.scale`, [4, 1, 1], 0.5, 1)]);
      return b.op('Add', [scaled, weight(`${name}.shift`, [4, 1, 1], 0.3)]);
    };
    const first = b.op('Conv', ['x', weight('w1', [4, 2, 3, 3], 0.5)], SAME);
    const tied = weight('tied', [4, 4, 3, 3], 0.3);
    const second = b.op('Conv', [b.op('Tanh', [groupNorm(first, 'n1')]), tied], SAME);
    const third = b.op('Conv', [b.op('Tanh', [groupNorm(second, 'n2')]), tied], SAME);
    const flat = b.op('Flatten', [b.op('GlobalAveragePool', [b.op('Tanh', [third])])]);
    const turned = b.op('Transpose', [weight('head', [2, 4])], { perm: [1, 0] });
    const half = b.op('Mul', [b.op('MatMul', [flat, turned]), b.scalar(0.5)]);
    return b.op('Add', [half, weight('bias', [2])]);
  },
};

const networks: readonly [string, SmallNetwork][] = [
  ['batch norms that are folded', folded],
  ['batch norms that are not', unfolded],
  ['convolutions as products', dense],
  ['group norm, tied and turned weights', grouped],
];

describe.each(networks)('%s', (_, small) => {
  test.each(['frozen', 'batch'] as const)('%s: gradients by every weight', async (norm) => {
    const plain = await openPlain(small, { training: norm === 'batch' });
    try {
      const batch = batchOf(small.image, 5, plain.outputs);
      const { gradient, logits } = await trainedGradient(toTrain(small, { norm }), [batch]);
      expect([...gradient.keys()].sort()).toEqual([...plain.weights.keys()].sort());
      expect(distance(logits, await plain.logits(batch))).toBeLessThan(1e-5);

      const expected = await plain.gradient(batch);
      const total = Math.hypot(...[...expected.values()].map((values) => Math.hypot(...values)));
      for (const [name, values] of gradient) {
        const own = expected.get(name)!;
        // With the batch's statistics some gradients are 0: what a norm takes away again.
        if (Math.hypot(...own) < 1e-5 * total) expect(Math.hypot(...values)).toBeLessThan(1e-4 * total);
        else expect(distance(values, own), name).toBeLessThan(1e-4);
      }

      const loss = async (name: string, moved: Float32Array) =>
        meanLoss(await plain.logits(batch, new Map([[name, moved]])), batch.labels);
      for (const [name, { data, shape }] of plain.weights) {
        const own = gradient.get(name)!;
        const norm = Math.hypot(...own);
        // Up the gradient, and beside it.
        for (const beside of [0, 1]) {
          const other = noisy(shape, beside / Math.sqrt(own.length), 77);
          const direction = own.map((value, i) => value / Math.max(norm, 1e-9) + other[i]);
          const slope = direction.reduce((sum, value, i) => sum + value * own[i], 0);
          const along = (step: number) =>
            loss(
              name,
              data.map((value, i) => value + step * direction[i]),
            );
          const central = async (step: number) => ((await along(step)) - (await along(-step))) / (2 * step);
          // Without the term of the third derivative (Richardson): norms of a few slices are far from straight.
          const numeric = (4 * (await central(5e-3)) - (await central(1e-2))) / 3;
          expect(Math.abs(numeric - slope), `${name}, ${beside}`).toBeLessThan(3e-3 * Math.max(norm, 2e-2));
        }
      }
    } finally {
      await plain.close();
    }
  });

  test('slices of weight 0 change nothing: a fixed batch that is not full', async () => {
    const { builder, logits } = buildSmall(small);
    const outputs = builder.shape(logits)[1] as number;
    const batch = batchOf(small.image, 3, outputs);
    const alone = await trainedGradient(toTrain(small), [batch]);
    const [pixels, labels] = [new Float32Array(5 * size(small.image)), new Float32Array(5 * outputs)];
    pixels.set(batch.pixels);
    labels.set(batch.labels);
    // What stands in the places that count for nothing, is nobody's business.
    pixels.fill(3, batch.pixels.length);
    labels.fill(1, batch.labels.length);
    const filled = { pixels, labels, dims: [5, ...small.image], count: 3 };
    const fixed = await trainedGradient(toTrain(small, { batch: 5 }), [filled]);
    expect(fixed.logits).toHaveLength(3 * outputs);
    expect(distance(fixed.logits, alone.logits)).toBeLessThan(1e-6);
    for (const [name, values] of alone.gradient) {
      expect(distance(fixed.gradient.get(name)!, values), name).toBeLessThan(1e-5);
    }
  });

  test.each([11, 13, 18])('operator set %i', async (opset) => {
    const { builder, logits } = buildSmall(small);
    const own = batchOf(small.image, 2, builder.shape(logits)[1] as number);
    for (const norm of ['frozen', 'batch'] as const) {
      const old = await trainedGradient(toTrain(small, { opset, norm }), [own]);
      const usual = await trainedGradient(toTrain(small, { norm }), [own]);
      expect(distance(old.logits, usual.logits)).toBeLessThan(1e-6);
      expect([...old.gradient.keys()]).toEqual([...usual.gradient.keys()]);
    }
  });
});

describe('what is fed and what comes out', () => {
  test('images of the size, all weights, labels and weights of slices; logits, one gradient, no statistics', () => {
    const graph = trainingGraph(toTrain(folded));
    const names = graph.parameters.map(({ name }) => name);
    expect(
      graphInputs(graph.model)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...names, graph.input, LABELS_INPUT, SLICE_WEIGHTS_INPUT].sort());
    expect(graph.outputs).toBe(2);
    expect(graph.statistics).toEqual([]);
    expect(graph.model.graph.output.map(({ name }) => name).sort()).toEqual(
      [graph.logits, graph.gradient].sort(),
    );
    expect(
      graph.model.graph.initializer.map(({ name }) => name).filter((name) => names.includes(name)),
    ).toEqual([]);
  });

  test('the batch’s statistics of each batch norm', () => {
    const { statistics, model } = trainingGraph(toTrain(folded, { norm: 'batch' }));
    expect(statistics).toMatchObject([
      { runningMean: 'n1.mean', runningVariance: 'n1.variance', pixels: 72 },
      { runningMean: 'n2.mean', runningVariance: 'n2.variance', pixels: 20 },
    ]);
    const outputs = model.graph.output.map(({ name }) => name);
    for (const { mean, variance } of statistics) {
      expect(outputs).toContain(mean);
      expect(outputs).toContain(variance);
    }
  });

  test('names that the network has are not taken by what is added', async () => {
    const names = [
      'mul',
      'add',
      'reshape',
      'sigmoid',
      'tonno logits',
      'tonno gradient',
      'constant',
      'identity',
    ];
    const odd: SmallNetwork = {
      image: [2, 4, 4],
      make(b, weight, norm) {
        const conv = b.op('Conv', ['x', weight('w', [4, 2, 3, 3], 0.5)], SAME);
        const flat = b.op('Flatten', [b.op('GlobalAveragePool', [norm(conv, 'n')])]);
        const last = names.reduce((x, name) => b.node('Tanh', [x], {}, [name])[0], flat);
        return b.op('Gemm', [last, weight('head', [4, 1])]);
      },
    };
    const plain = await openPlain(odd);
    const batch = batchOf(odd.image, 3, 1);
    for (const norm of ['frozen', 'batch'] as const) {
      const { gradient } = await trainedGradient(toTrain(odd, { norm }), [batch]);
      if (norm === 'batch') continue;
      for (const [name, values] of await plain.gradient(batch)) {
        expect(distance(gradient.get(name)!, values), name).toBeLessThan(1e-4);
      }
    }
    await plain.close();
  });

  test('weights that the logits do not depend on have the gradient 0', async () => {
    const second: SmallNetwork = {
      image: [2, 4, 4],
      make(b, weight) {
        const conv = b.op('Conv', ['x', weight('w', [4, 2, 3, 3])], SAME);
        const flat = b.op('Flatten', [b.op('GlobalAveragePool', [conv])]);
        b.output(b.op('Gemm', [flat, weight('other head', [4, 3])]), 'other');
        return b.op('Gemm', [flat, weight('head', [4, 2])]);
      },
    };
    const { gradient } = await trainedGradient(toTrain(second), [batchOf(second.image, 2, 2)]);
    expect(gradient.get('other head')).toEqual(new Float32Array(12));
    expect(gradient.get('head')!.every((value) => value !== 0)).toBe(true);
  });

  test('a network of any size is trained at one', async () => {
    const b = new GraphBuilder();
    b.input('x', ['batch', 2, 'rows', 'columns']);
    const w = b.initialiser('w', noisy([3, 2, 3, 3], 0.5), [3, 2, 3, 3]);
    const pooled = b.op('GlobalAveragePool', [b.op('Tanh', [b.op('Conv', ['x', w])])]);
    b.output(b.op('Squeeze', [pooled, b.ints([2, 3])]), 'y');
    const network = {
      model: b.toModel(),
      input: 'x',
      logits: 'y',
      batch: undefined,
      norm: 'frozen',
    } as const;
    const { logits } = await trainedGradient({ ...network, image: [2, 7, 5] }, [batchOf([2, 7, 5], 4, 3)]);
    expect(logits).toHaveLength(12);
  });
});

describe('refused', () => {
  test('a network without float32 weights', () => {
    const b = new GraphBuilder({ name: 'bare' });
    b.input('x', ['n', 1, 4, 4]);
    b.output(b.op('Flatten', [b.op('GlobalAveragePool', ['x'])]), 'y');
    const network = {
      model: b.toModel(),
      input: 'x',
      logits: 'y',
      image: [1, 4, 4],
      batch: undefined,
      norm: 'frozen',
    } as const;
    expect(() => trainingGraph(network)).toThrow(EncoderError);
    expect(() => trainingGraph(network)).toThrow(
      'bare: It has no float32 weights that could be trained. Give a network in float32 with its weights built in.',
    );
  });

  test('a number of classes that is free', () => {
    const b = new GraphBuilder({ name: 'free' });
    b.input('x', ['n', 'classes', 4, 4]);
    const slope = b.initialiser('slope', Float32Array.of(0.5), [1]);
    b.output(b.op('PRelu', [b.op('ReduceMax', ['x'], { axes: [2, 3], keepdims: 0 }), slope]), 'y');
    const model = b.toModel();
    const network = { model, input: 'x', logits: 'y', image: ['k', 4, 4], batch: undefined, norm: 'frozen' };
    expect(() => trainingGraph(network as unknown as Parameters<typeof trainingGraph>[0])).toThrow(
      'free: Its number of classes is not fixed. Export it with a fixed number of classes.',
    );
  });
});

describe('evaluation', () => {
  test.each(
    networks,
  )('%s: the logits of the network, weights and running statistics fed', async (_, small) => {
    const network = toTrain(small, { norm: 'batch' });
    const graph = evaluationGraph(network);
    expect([...graph.running].sort()).toEqual(
      network.model.graph.initializer
        .map(({ name }) => name)
        .filter((name) => /\.(mean|variance)$/.test(name))
        .sort(),
    );
    expect(graph.running).toEqual(runningStatistics(network.model));
    const plain = await openPlain(small);
    const batch = batchOf(small.image, 3, plain.outputs);
    const session = await openDirect(graph.model);
    session.hold(weightTensors(graph, parameterValues(network.model, graph.parameters)));
    const values = initialiserValues(network.model, graph.running);
    const hold = (change: number) =>
      session.hold(
        Object.fromEntries(
          [...values].map(([name, data]) => [
            name,
            { data: data.map((value) => value + change), dims: [data.length] },
          ]),
        ),
      );
    const logits = async () => {
      const results = await session.run({ [graph.input]: { data: batch.pixels, dims: batch.dims } });
      return results[graph.logits].data as Float32Array;
    };
    hold(0);
    const expected = await plain.logits(batch);
    expect(distance(await logits(), expected)).toBeLessThan(1e-5);
    // Statistics that are fed count.
    hold(0.5);
    if (values.size > 0) expect(distance(await logits(), expected)).toBeGreaterThan(1e-3);
    await session.close();
    await plain.close();
  });

  test('shares the order of weights with training, so that one vector serves both', () => {
    for (const norm of norms) {
      const options: ResNetOptions = {
        architecture: 'resnet10t',
        norm,
        channels: 1,
        outputs: 2,
        size: 32,
        width: 0.25,
      };
      const model = buildResNet(options, initialWeights(options, randomStreams(2, 1)[0]));
      const network = {
        model,
        input: 'image',
        logits: 'logits',
        image: [1, 32, 32],
        batch: undefined,
      } as const;
      const trained = trainingGraph({ ...network, norm: norm === 'batch' ? 'batch' : 'frozen' });
      expect(evaluationGraph({ ...network, norm: 'frozen' }).parameters).toEqual(trained.parameters);
      const statistics = resnetWeights(options).filter(({ role }) => role === 'mean' || role === 'variance');
      expect(runningStatistics(model)).toEqual(statistics.map(({ name }) => name));
    }
  });

  test('measuring needs neither labels nor gradients', () => {
    const graph = statisticsGraph(toTrain(folded));
    expect(graph.gradient).toBeUndefined();
    expect(graph.statistics).toHaveLength(2);
    expect(graphInputs(graph.model).map(({ name }) => name)).not.toContain(LABELS_INPUT);
  });
});
