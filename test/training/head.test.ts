import { describe, expect, test } from 'vitest';
import { EncoderError } from '../../src/errors.ts';
import { randomStreams } from '../../src/geometry/random.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import type { Model } from '../../src/onnx/model.ts';
import { floatValues } from '../../src/onnx/nodes.ts';
import { replaceHead } from '../../src/training/head.ts';
import { noisy, openDirect } from './support.ts';

interface Case {
  /** What stands behind the features. */
  head(b: GraphBuilder, features: string): string;
  /** Shape of the features of an image. */
  readonly shape: readonly number[];
}

const weight = (b: GraphBuilder, shape: number[]) => b.initialiser(b.fresh('old'), noisy(shape), shape);
const conv = (b: GraphBuilder, x: string) => b.op('Conv', [x, weight(b, [10, 6, 1, 1]), weight(b, [10])]);

/** Networks of which the features are known: "x" [n, 2, 8, 8] → "features" → the head. */
const cases: Record<string, Case> = {
  'SqueezeNet’s: a convolution, ReLU, pooling, Flatten': {
    shape: [6, 4, 4],
    head: (b, f) => b.op('Flatten', [b.op('GlobalAveragePool', [b.op('Relu', [conv(b, f)])])]),
  },
  'a convolution and a mean over the plane': {
    shape: [6, 4, 4],
    head: (b, f) => b.op('ReduceMean', [conv(b, f)], { axes: [2, 3], keepdims: 0 }),
  },
  'a Gemm behind Flatten, which takes each pixel': {
    shape: [96],
    head: (b, f) => b.op('Gemm', [f, weight(b, [10, 96]), weight(b, [10])], { transB: 1 }),
  },
  'MatMul and a bias': {
    shape: [96],
    head: (b, f) => b.op('Add', [b.op('MatMul', [f, weight(b, [96, 10])]), weight(b, [10])]),
  },
  'MatMul and a bias on the left, then Dropout and Identity': {
    shape: [96],
    head: (b, f) => {
      const sum = b.op('Add', [weight(b, [10]), b.op('MatMul', [f, weight(b, [96, 10])])]);
      return b.op('Identity', [b.op('Dropout', [sum])]);
    },
  },
  'a Gemm and Softmax': {
    shape: [96],
    head: (b, f) => b.op('Softmax', [b.op('Gemm', [f, weight(b, [96, 10])])], { axis: 1 }),
  },
};

function networkOf({ head, shape }: Case): Model {
  const b = new GraphBuilder({ name: 'given' });
  b.input('x', ['n', 2, 8, 8]);
  const first = b.op('Conv', ['x', b.initialiser('w', noisy([6, 2, 3, 3], 0.5), [6, 2, 3, 3])], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  });
  const maps = b.op('Tanh', [first]);
  const [features] = b.node(shape.length === 1 ? 'Flatten' : 'Identity', [maps], {}, ['features']);
  b.output(head(b, features), 'old logits');
  return b.toModel();
}

async function run(model: Model, output: string): Promise<{ data: Float32Array; dims: readonly number[] }> {
  const builder = GraphBuilder.from(model);
  builder.output(output);
  const session = await openDirect(builder.toModel());
  const results = await session.run({ x: { data: noisy([3, 2, 8, 8], 1, 4), dims: [3, 2, 8, 8] } }, [output]);
  await session.close();
  return results[output] as { data: Float32Array; dims: readonly number[] };
}

describe('a new head', () => {
  test.each(Object.entries(cases))('in place of %s', async (_, given) => {
    const model = networkOf(given);
    const [random] = randomStreams(6, 1);
    const { model: made, logits, features } = replaceHead(model, 'old logits', 3, random);
    expect(features).toBe('features');

    // Features are averaged over the plane; the weights are as PyTorch draws those of nn.Linear.
    const [count, rows = 1, columns = 1] = given.shape;
    const [again] = randomStreams(6, 1);
    const bound = 1 / Math.sqrt(count);
    const draw = (length: number) => Float32Array.from({ length }, () => again.uniform([-bound, bound]));
    const [weights, bias] = [draw(3 * count), draw(3)];
    const { data } = await run(model, 'features');
    const expected: number[] = [];
    for (let n = 0; n < 3; n++) {
      for (let k = 0; k < 3; k++) {
        let sum = bias[k];
        for (let f = 0; f < count; f++) {
          for (let p = 0; p < rows * columns; p++) {
            sum += (weights[k * count + f] * data[(n * count + f) * rows * columns + p]) / rows / columns;
          }
        }
        expected.push(sum);
      }
    }
    const result = await run(made, logits);
    expect(result.dims).toEqual([3, 3]);
    for (const [i, value] of expected.entries()) expect(result.data[i]).toBeCloseTo(value, 4);
    expect(result.data.some((value) => value < 0) && result.data.some((value) => value > 0)).toBe(true);
  });

  test('leaves the network that it was given as it was, and its weights within ±1/√features', () => {
    const model = networkOf(cases['MatMul and a bias']);
    const before = model.graph.node.length;
    const { model: made } = replaceHead(model, 'old logits', 50, randomStreams(1, 1)[0]);
    expect(model.graph.node).toHaveLength(before);
    expect(model.graph.initializer.map(({ name }) => name)).not.toContain('head.weight');
    const values = floatValues(made.graph.initializer.find(({ name }) => name === 'head.weight')!)!;
    expect(values).toHaveLength(50 * 96);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(96));
    expect(largest).toBeGreaterThan(0.99 / Math.sqrt(96));
    expect(Math.abs(values.reduce((a, b) => a + b, 0) / values.length)).toBeLessThan(0.003);
  });

  test('takes names that are free', () => {
    const b = new GraphBuilder();
    b.input('x', ['n', 2, 8, 8]);
    const names = ['head.weight', 'head.bias'].map((name, i) =>
      b.initialiser(name, noisy([[3, 2], [3]][i]), [[3, 2], [3]][i]),
    );
    const flat = b.op('Flatten', [b.op('GlobalAveragePool', ['x'])]);
    b.output(b.op('Gemm', [flat, ...names], { transB: 1 }), 'y');
    const { model } = replaceHead(b.toModel(), 'y', 2, randomStreams(1, 1)[0]);
    expect(new Set(model.graph.initializer.map(({ name }) => name)).size).toBe(4);
  });
});

describe('is refused, with what to do', () => {
  const message =
    'given: Its last layer was not found, so it cannot be given other classes. Give a network that ends in a linear layer or a convolution, perhaps with pooling behind it.';
  test.each<[string, Case]>([
    [
      'what is behind the last layer is not known',
      { shape: [96], head: (b, f) => b.op('Erf', [b.op('Gemm', [f, weight(b, [96, 10])])]) },
    ],
    [
      'the last product has no weights of its own',
      { shape: [6, 4, 4], head: (b, f) => b.op('Flatten', [b.op('MatMul', [f, f])]) },
    ],
    [
      'features are neither vectors nor maps',
      {
        shape: [6, 4, 4],
        head: (b, f) => {
          const tokens = b.op('Reshape', [f, b.ints([0, 6, 16])]);
          return b.op('ReduceMean', [b.op('MatMul', [tokens, weight(b, [16, 10])])], {
            axes: [1],
            keepdims: 0,
          });
        },
      },
    ],
    ['there are no layers', { shape: [6, 4, 4], head: (b, f) => b.op('Relu', [b.op('GlobalMaxPool', [f])]) }],
  ])('%s', (_, given) => {
    const replace = () => replaceHead(networkOf(given), 'old logits', 2, randomStreams(1, 1)[0]);
    expect(replace).toThrow(EncoderError);
    expect(replace).toThrow(message);
  });
});
