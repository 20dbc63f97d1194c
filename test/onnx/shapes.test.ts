/** Inferred shapes and element types against those of tensors that the engine made. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { broadcastShape, combine, remainder, windowLength } from '../../src/onnx/dimensions.ts';
import { type Model, parseModel, serialiseModel } from '../../src/onnx/model.ts';

/** Runs a model with every tensor as an output and compares each with what is known of it. */
async function expectKnown(model: Model, feeds: Record<string, Tensor>, symbols: Record<string, number>) {
  const b = GraphBuilder.from(model);
  const names = model.graph.node.flatMap((node) => node.output).filter((name) => name !== '');
  for (const name of names) b.output(name);
  const session = await InferenceSession.create(serialiseModel(b.toModel()), {
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
  });
  const results = await session.run(feeds);
  await session.release();
  for (const name of names) {
    const { element, shape, values } = b.known(name);
    const lengths = shape?.map((dim) => (typeof dim === 'number' ? dim : symbols[dim]));
    expect([name, element, lengths]).toEqual([name, results[name].type, [...results[name].dims]]);
    if (values && element === 'int64') {
      const known = values.map((v) => (typeof v === 'number' ? v : symbols[v]));
      expect(Array.from(results[name].data as BigInt64Array, Number), name).toEqual(known);
    }
  }
  return names.length;
}

describe('shapes', () => {
  test('of every tensor of a network as PyTorch exports it', async () => {
    const file = new URL('../fixtures/network/resnet10t_gn.onnx', import.meta.url);
    const network = parseModel(readFileSync(file), 'resnet10t_gn.onnx');
    const x = new Tensor('float32', new Float32Array(3 * 64 * 64), [3, 1, 64, 64]);
    expect(await expectKnown(network, { x }, { n: 3 })).toBe(network.graph.node.length);
  });

  test('of operators that the gradients do not touch', async () => {
    const b = new GraphBuilder();
    b.input('x', ['n', 3, 4]);
    b.op('ArgMax', ['x'], { axis: 1, keepdims: 0 });
    b.op('Tile', ['x', b.ints([2, 1, 3])]);
    b.op('Size', ['x']);
    b.op('Range', [b.scalar(1, 'int64'), b.scalar(8, 'int64'), b.scalar(3, 'int64')]);
    b.op('ConstantOfShape', [b.op('Shape', ['x'])]);
    b.op('Where', [b.op('Greater', ['x', b.scalar(0)]), 'x', b.scalar(1)]);
    b.op('Constant', [], { value_float: 1.5 });
    b.op('Constant', [], { value_ints: [1, 2] });
    const names = b.nodes.map((node) => node.output[0]);
    for (const name of names) b.output(name);
    const x = new Tensor('float32', new Float32Array(24), [2, 3, 4]);
    await expectKnown(b.toModel(), { x }, { n: 2, '(n*2)': 4 });
  });

  test('of arithmetic that is left in a graph', async () => {
    const b = new GraphBuilder();
    b.input('x', ['n', 3, 4]);
    for (const [a, divisor] of [
      [7, 3],
      [-7, 3],
      [7, -3],
    ]) {
      b.node('Mod', [b.ints([a]), b.ints([divisor])], {}, [`${a} mod ${divisor}`]);
    }
    // nn.MultiheadAttention asks so for the lengths before the axis that it splits.
    b.node('Slice', [b.op('Shape', ['x']), b.ints([0]), '-7 mod 3'], {}, ['before']);
    expect(b.known('before').values).toEqual(['n', 3]);
    for (const name of ['7 mod 3', '-7 mod 3', '7 mod -3', 'before']) b.output(name);
    await expectKnown(b.toModel(), { x: new Tensor('float32', new Float32Array(24), [2, 3, 4]) }, { n: 2 });
  });

  test('of an operator that is not known are unknown', () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    expect(b.known(b.op('Unheard', ['x'])).shape).toBeUndefined();
  });
});

describe('lengths', () => {
  test('symbols stay symbols and are written always the same way', () => {
    expect(combine('+', 'n', 0)).toBe('n');
    expect(combine('*', 1, 'n')).toBe('n');
    expect(combine('*', combine('+', 'n', 2), 3)).toBe('((n+2)*3)');
    expect(combine('/', 7, 2)).toBe(3);
    expect(broadcastShape(['n', 1, 4], [3, 1])).toEqual(['n', 3, 4]);
    expect(broadcastShape(['n'], ['m'])).toEqual(['n']);
    expect(broadcastShape(['n'], [5])).toEqual([5]);
  });

  test('−1 of Reshape takes what is left, symbols included', () => {
    expect(remainder(['n', 8, 4, 4], ['n', 2])).toBe(64);
    expect(remainder(['n', 128, 1, 1], [128])).toBe('n');
    expect(remainder(['n', 6], [3])).toBe('(n*2)');
    expect(remainder(['n', 6], ['m', 3])).toBe('((n*6)/(3*m))');
  });

  test('windows of a free length agree with those of a fixed one', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 40 }),
        fc.record({
          kernel: fc.integer({ min: 1, max: 5 }),
          stride: fc.integer({ min: 1, max: 3 }),
          dilation: fc.integer({ min: 1, max: 2 }),
          begin: fc.nat(2),
          end: fc.nat(2),
        }),
        (length, axis) => {
          const text = String(windowLength('w', axis))
            .replaceAll('w', String(length))
            .replaceAll('⌊', 'Math.floor(')
            .replaceAll('⌋', ')');
          // biome-ignore lint/security/noGlobalEval: the expression is ours
          expect(eval(text)).toBe(windowLength(length, axis));
        },
      ),
    ));
});
