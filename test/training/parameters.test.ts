import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildResNet, norms, type ResNetOptions, resnetWeights } from '../../src/encoders/resnet.ts';
import { initialWeights } from '../../src/encoders/weights.ts';
import { randomStreams } from '../../src/geometry/random.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { copyWith, type Model, parseModel } from '../../src/onnx/model.ts';
import {
  fedShape,
  findParameters,
  fromOrder,
  type Parameter,
  parameterCount,
  parameterValues,
  part,
  toOrder,
} from '../../src/training/parameters.ts';
import { noisy, sameBytes, size } from './support.ts';

/** A graph of "x" [n, 4, 6, 6], with initialisers as they are asked for. */
function graphOf(
  make: (b: GraphBuilder, weight: (name: string, shape: number[]) => string) => string,
): Model {
  const b = new GraphBuilder({ opset: 17 });
  b.input('x', ['n', 4, 6, 6]);
  b.output(
    make(b, (name, shape) => b.initialiser(name, noisy(shape), shape)),
    'y',
  );
  return b.toModel();
}
const names = (model: Model) => findParameters(model).map(({ name }) => name);

describe('of the networks built here', () => {
  const kinds = (['resnet10t', 'resnet50'] as const).flatMap((architecture) =>
    norms.map((norm): ResNetOptions => ({ architecture, norm, channels: 2, outputs: 3, width: 0.125 })),
  );

  test.each(kinds)('$architecture, $norm: all weights but running statistics, in their order', (options) => {
    const weights = initialWeights(options, randomStreams(1, 1)[0]);
    const model = buildResNet(options, weights);
    const parameters = findParameters(model);
    const trained = resnetWeights(options).filter(({ role }) => role !== 'mean' && role !== 'variance');
    expect(parameters.map(({ name, shape }) => ({ name, shape }))).toEqual(
      trained.map(({ name, shape }) => ({ name, shape })),
    );
    let offset = 0;
    for (const parameter of parameters) {
      expect(parameter).toMatchObject({ offset, length: size(parameter.shape) });
      expect(parameter.order).toBeUndefined();
      offset += parameter.length;
    }
    expect(parameterCount(parameters)).toBe(offset);
    const vector = parameterValues(model, parameters);
    expect(vector).toHaveLength(offset);
    for (const parameter of parameters) {
      expect(sameBytes(part(vector, parameter), weights.get(parameter.name)!), parameter.name).toBe(true);
    }
  });
});

test('of a network that PyTorch exported: those that PyTorch trains', () => {
  const folder = new URL('../fixtures/network/', import.meta.url);
  const { names: trained } = JSON.parse(readFileSync(new URL('adam.json', folder), 'utf8')) as {
    names: Record<string, string>;
  };
  const model = parseModel(readFileSync(new URL('resnet10t_gn.onnx', folder)), 'resnet10t_gn.onnx');
  const parameters = findParameters(model);
  expect(parameters).toHaveLength(44);
  expect(parameters.map(({ name }) => name).sort()).toEqual(Object.values(trained).sort());
});

describe('of any graph', () => {
  test('weights and biases of each operator that has them', () => {
    const model = graphOf((b, weight) => {
      const conv = b.op('Conv', ['x', weight('conv', [4, 4, 1, 1]), weight('conv bias', [4])]);
      const up = b.op('ConvTranspose', [conv, weight('up', [4, 4, 1, 1]), weight('up bias', [4])]);
      const norm = b.op('InstanceNormalization', [up, weight('scale', [4]), weight('shift', [4])]);
      const prelu = b.op('PRelu', [norm, weight('slope', [1])]);
      const added = b.op('Add', [weight('plus', [4, 1, 1]), prelu]);
      const less = b.op('Sub', [added, weight('minus', [4, 1, 1])]);
      const times = b.op('Mul', [weight('times', [4, 1, 1]), less]);
      const by = b.op('Div', [times, weight('by', [4, 1, 1])]);
      const flat = b.op('Flatten', [by]);
      const gemm = b.op('Gemm', [flat, weight('gemm', [144, 5]), weight('gemm bias', [5])]);
      const layer = b.op('LayerNormalization', [
        gemm,
        weight('layer scale', [5]),
        weight('layer shift', [5]),
      ]);
      const right = b.op('MatMul', [layer, weight('right', [5, 7])]);
      const turned = b.op('Transpose', [right], { perm: [1, 0] });
      return b.op('MatMul', [weight('left', [2, 7]), turned]);
    });
    expect(names(model)).toEqual(
      [
        'conv, conv bias, up, up bias, scale, shift, slope, plus, minus, times, by',
        'gemm, gemm bias, layer scale, layer shift, right, left',
      ].flatMap((list) => list.split(', ')),
    );
  });

  test('running statistics are none, scale and shift are', () => {
    const model = graphOf((b, weight) =>
      b.op('BatchNormalization', [
        'x',
        ...['scale', 'shift', 'mean', 'variance'].map((name) => weight(name, [4])),
      ]),
    );
    expect(names(model)).toEqual(['scale', 'shift']);
  });

  test('a scale of ones and a shift of zeros within a group norm are none, others are', () => {
    const group = (scale: number, shift: number) =>
      graphOf((b) => {
        const all = (name: string, value: number) =>
          b.initialiser(name, new Float32Array(2).fill(value), [2]);
        const split = b.op('Reshape', ['x', b.ints([0, 2, -1])]);
        return b.op('InstanceNormalization', [split, all('scale', scale), all('shift', shift)]);
      });
    expect(names(group(1, 0))).toEqual([]);
    expect(names(group(2, 0))).toEqual(['scale', 'shift']);
    expect(names(group(1, 1))).toEqual(['scale', 'shift']);
  });

  test('means and deviations that the image is scaled by are none; the same behind a layer are', () => {
    const scaledBy = (
      b: GraphBuilder,
      weight: (name: string, shape: number[]) => string,
      x: string,
      of: string,
    ) => b.op('Div', [b.op('Sub', [x, weight(`${of} mean`, [1, 4, 1, 1])]), weight(`${of} std`, [4, 1, 1])]);
    const model = graphOf((b, weight) => {
      const image = scaledBy(b, weight, b.op('Identity', ['x']), 'image');
      return scaledBy(b, weight, b.op('Conv', [image, weight('w', [4, 4, 1, 1])]), 'map');
    });
    expect(names(model)).toEqual(['w', 'map mean', 'map std']);
  });

  test('single numbers of formulas are none, whatever their rank; a numerator is none', () => {
    const model = graphOf((b, weight) => {
      let y = b.op('Mul', ['x', weight('half', [])]);
      y = b.op('Add', [weight('one', [1]), y]);
      y = b.op('Sub', [y, weight('two', [1, 1, 1])]);
      y = b.op('Div', [y, weight('three', [1])]);
      y = b.op('Pow', [y, weight('exponent', [4, 1, 1])]);
      return b.op('Div', [weight('numerator', [4, 1, 1]), y]);
    });
    expect(names(model)).toEqual([]);
  });

  test('a weight that is used twice is one parameter', () => {
    const model = graphOf((b, weight) => {
      const w = weight('w', [4, 4, 3, 3]);
      const bias = weight('b', [4]);
      const conv = (x: string) => b.op('Conv', [x, w, bias], { pads: [1, 1, 1, 1] });
      return conv(conv('x'));
    });
    expect(findParameters(model)).toEqual([
      { name: 'w', shape: [4, 4, 3, 3], offset: 0, length: 144 },
      { name: 'b', shape: [4], offset: 144, length: 4 },
    ]);
  });

  test('weights are found behind the operators that exporters pass them through', () => {
    const model = graphOf((b, weight) => {
      const pass = (name: string, ...more: string[]) => b.op('Identity', [name, ...more]);
      const turned = b.op('Transpose', [weight('w', [5, 144])], { perm: [1, 0] });
      const product = b.op('MatMul', [b.op('Flatten', ['x']), turned]);
      const bias = b.op('Unsqueeze', [
        pass(b.op('Reshape', [weight('b', [5, 1]), b.ints([5])])),
        b.ints([0]),
      ]);
      return b.op('Add', [product, bias]);
    });
    expect(names(model)).toEqual(['w', 'b']);
  });

  test('what is computed is none, and neither is what stands elsewhere or is of another type', () => {
    const model = graphOf((b, weight) => {
      const computed = b.op('Exp', [weight('log', [4, 1, 1])]);
      const scaled = b.op('Mul', ['x', computed]);
      const resized = b.op('Resize', [scaled, '', b.initialiser('scales', Float32Array.of(1, 1, 2, 2), [4])]);
      const rows = b.op('Gather', [weight('table', [9, 4]), b.ints([1, 2])]);
      const double = b.op('Cast', [resized], { to: 11 });
      const far = b.op('Mul', [double, b.initialiser('double', new Float64Array(4).fill(2), [4, 1, 1])]);
      b.output(rows, 'rows');
      return far;
    });
    expect(names(model)).toEqual([]);
  });

  test('operators of others are not understood, so their inputs are none', () => {
    const model = graphOf((b, weight) => b.op('Conv', ['x', weight('w', [4, 4, 1, 1])]));
    const node = model.graph.node.map((own) => copyWith(own, { domain: 'com.example' }));
    expect(names(copyWith(model, { graph: copyWith(model.graph, { node }) }))).toEqual([]);
    expect(parameterCount([])).toBe(0);
  });
});

describe('orders of axes', () => {
  const shapes = fc
    .array(fc.integer({ min: 1, max: 4 }), { maxLength: 5 })
    .chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.shuffledSubarray([...shape.keys()], { minLength: shape.length, maxLength: shape.length }),
        fc.nat(7),
      ),
    );
  const parameterOf = (shape: number[], order: number[] | undefined, offset = 0): Parameter => ({
    name: 'w',
    shape,
    offset,
    length: size(shape),
    ...(order && { order }),
  });

  test('there and back is where it was, wherever in the vector', () => {
    fc.assert(
      fc.property(shapes, ([shape, order, offset]) => {
        const parameter = parameterOf(shape, order, offset);
        const values = noisy(shape, 1, offset);
        const vector = new Float32Array(offset + values.length + 3).fill(9);
        vector.set(toOrder(values, parameter), offset);
        expect(fromOrder(vector, parameter)).toEqual(values);
      }),
    );
  });

  test('is NumPy’s transpose: element [i, j, …] of the fed tensor is the one at those places of its axes', () => {
    fc.assert(
      fc.property(shapes, ([shape, order]) => {
        const parameter = parameterOf(shape, order);
        const values = Float32Array.from({ length: size(shape) }, (_, i) => i);
        const fed = fedShape(parameter);
        expect(fed).toEqual(order.map((axis) => shape[axis]));
        const moved = toOrder(values, parameter);
        for (let i = 0; i < moved.length; i++) {
          const place: number[] = [];
          let rest = i;
          for (const [position, axis] of [...order.entries()].reverse()) {
            place[axis] = rest % fed[position];
            rest = Math.floor(rest / fed[position]);
          }
          const from = place.reduce((sum, at, axis) => sum * shape[axis] + at, 0);
          expect(moved[i]).toBe(from);
        }
      }),
    );
  });

  test('without one everything stays, and is not copied', () => {
    const parameter = parameterOf([2, 3], undefined, 4);
    const vector = noisy([12]);
    const values = fromOrder(vector, parameter);
    expect(values.buffer).toBe(vector.buffer);
    expect([...values]).toEqual([...vector.subarray(4, 10)]);
    expect(toOrder(values, parameter)).toBe(values);
    expect(fedShape(parameter)).toEqual([2, 3]);
    part(vector, parameter).fill(5);
    expect([...vector.subarray(4, 10)]).toEqual(Array(6).fill(5));
  });

  test('a convolution’s weights as NumPy turns them', () => {
    // np.arange(24).reshape(2, 3, 2, 2).transpose(2, 3, 1, 0).ravel()
    const expected = [0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23];
    const values = Float32Array.from({ length: 24 }, (_, i) => i);
    expect([...toOrder(values, parameterOf([2, 3, 2, 2], [2, 3, 1, 0]))]).toEqual(expected);
  });
});
