/** The walk from the target to the sources: what it adds up, what it leaves out, and what it refuses. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { EncoderError } from '../../../src/errors.ts';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { differentiate, gradients } from '../../../src/onnx/gradients/gradients.ts';
import { flat, rules } from '../../../src/onnx/gradients/rules.ts';
import { serialiseModel } from '../../../src/onnx/model.ts';
import { classifier, images, model, node, run, value } from '../fixture.ts';
import { openSession } from './differences.ts';

async function values(b: GraphBuilder, feeds: Record<string, number[]>): Promise<Record<string, number[]>> {
  const session = await openSession(b.toModel());
  const results = await session.run(
    Object.fromEntries(
      Object.entries(feeds).map(([name, v]) => [
        name,
        new Tensor('float32', Float32Array.from(v), [v.length]),
      ]),
    ),
  );
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [name, Array.from(tensor.data as Float32Array)]),
  );
}

describe('the walk', () => {
  test('adds up what reaches a tensor on several ways', async () => {
    // y = x·x + exp(x)·x, so that y' = 2x + exp(x)·(1 + x).
    const b = new GraphBuilder();
    b.input('x', ['n']);
    const square = b.op('Mul', ['x', 'x']);
    const y = b.op('Add', [square, b.op('Mul', [b.op('Exp', ['x']), 'x'])]);
    b.output(gradients(b, y, ['x']).get('x')!, 'dx');
    const { dx } = await values(b, { x: [0, 1, -2] });
    for (const [i, x] of [0, 1, -2].entries()) expect(dx[i]).toBeCloseTo(2 * x + Math.exp(x) * (1 + x), 5);
  });

  test('goes by inputs, intermediate tensors and the target itself at once', async () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    b.input('upstream', [2]);
    const middle = b.op('Mul', ['x', b.scalar(3)]);
    const y = b.op('Mul', [middle, middle]);
    const found = gradients(b, y, ['x', middle, y], { upstream: 'upstream' });
    b.output(found.get('x')!, 'dx');
    b.output(found.get(middle)!, 'dm');
    b.output(found.get(y)!, 'dy');
    expect(await values(b, { x: [1, 2], upstream: [1, 10] })).toEqual({
      dx: [18, 360],
      dm: [6, 120],
      dy: [1, 10],
    });
  });

  test('can be walked again, for second derivatives', async () => {
    const b = new GraphBuilder();
    b.input('x', [3]);
    const first = gradients(b, b.op('Pow', ['x', b.scalar(3)]), ['x']).get('x')!;
    const second = gradients(b, first, ['x']).get('x')!;
    b.output(second, 'd2');
    expect((await values(b, { x: [1, 2, -1] })).d2.map((v) => v.toFixed(4))).toEqual([
      '6.0000',
      '12.0000',
      '-6.0000',
    ]);
  });

  test('adds nothing for inputs whose gradient nobody wants', () => {
    const b = new GraphBuilder();
    b.input('x', [1, 2, 8, 8]);
    b.input('w', [2, 2, 3, 3]);
    const y = b.op('Conv', ['x', 'w']);
    gradients(b, y, ['x']);
    expect(b.nodes.map(({ opType }) => opType)).not.toContain('Gemm');
    const count = b.nodes.length;
    gradients(b, y, ['w']);
    expect(b.nodes.slice(count).map(({ opType }) => opType)).toContain('Gemm');
    expect(b.nodes.slice(count).map(({ opType }) => opType)).not.toContain('Conv');
  });

  test('does not go through shapes, comparisons and integers', async () => {
    const b = new GraphBuilder();
    b.input('x', ['n']);
    const whole = b.op('Cast', [b.op('Cast', ['x'], { to: 7 })], { to: 1 });
    const count = b.op('Cast', [b.op('Size', ['x'])], { to: 1 });
    const y = b.op('Add', [b.op('Mul', ['x', count]), b.op('Add', [whole, b.op('Floor', ['x'])])]);
    b.output(gradients(b, y, ['x']).get('x')!, 'dx');
    expect((await values(b, { x: [0.5, 1.5, 2.5] })).dx).toEqual([3, 3, 3]);
  });

  test('nodes behind the target or beside the way do not matter, whatever they are', () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    b.input('z', [2]);
    const y = b.op('Mul', ['x', 'z']);
    b.op('Unheard', ['z']);
    b.op('Unheard', [y]);
    b.op('Unheard', ['x']);
    expect(gradients(b, y, ['x']).size).toBe(1);
  });
});

describe('a model with its gradients', () => {
  test('has one more output a source and computes the rest as before', async () => {
    const original = model(classifier({ tail: [node('Softmax', 'logit', 'y', { axis: 1 })] }));
    const { model: made, gradients: names } = differentiate(original, 'logit', ['r', 'w']);
    expect([...names]).toEqual([
      ['r', 'gradient of r'],
      ['w', 'gradient of w'],
    ]);
    const feeds = { x: images(2, 1, 16, 16) };
    const results = await run(serialiseModel(made), feeds);
    expect(Object.keys(results)).toEqual(['y', 'gradient of r', 'gradient of w']);
    expect(results.y).toEqual((await run(serialiseModel(original), feeds)).y);
    expect(results['gradient of r'].dims).toEqual([2, 4, 16, 16]);
    expect(results['gradient of w'].dims).toEqual([4, 1, 3, 3]);
  });

  test.each([11, 12, 13, 17, 18, 21])('of operator set %i runs', async (version) => {
    const network = classifier({ opset: version });
    const nodes = [
      node('Conv', 'x,w', 'c', { pads: [1, 1, 1, 1] }),
      node('MaxPool', 'c', 'p', { kernel_shape: [2, 2], strides: [2, 2] }),
      node('GlobalAveragePool', 'p', 'm'),
      node('Flatten', 'm', 'f'),
      node('MatMul', 'f,dense', 'logit'),
    ];
    const { model: made } = differentiate(model({ ...network, nodes }), 'logit', ['x', 'w', 'dense']);
    const results = await run(serialiseModel(made), { x: images(2, 1, 16, 16) });
    expect(results['gradient of x'].dims).toEqual([2, 1, 16, 16]);
    expect(results['gradient of dense'].dims).toEqual([4, 2]);
  });
});

describe('what is refused', () => {
  const b = () => {
    const builder = new GraphBuilder({ name: 'net' });
    builder.input('x', [2, 2]);
    builder.input('z', [2, 2]);
    return builder;
  };

  test('an operator without a rule is named, with its node and what to do', () => {
    const network = model({
      nodes: [node('Relu', 'x', 'r'), node('Det', 'r', 'y')],
      inputs: [value('x', [2, 2])],
    });
    expect(() => differentiate(network, 'y', ['x'])).toThrow(EncoderError);
    expect(() => differentiate(network, 'y', ['x'])).toThrow(
      'test: The operator Det of node "Det of y" (it makes "y") has no gradient here. Differentiate by a tensor behind it',
    );
    expect(differentiate(network, 'y', ['y']).gradients.size).toBe(1);
  });

  test('operators of other domains are none of ONNX’s, whatever they are called', () => {
    const foreign = { ...node('Relu', 'x', 'y'), domain: 'com.example' };
    const network = model({ nodes: [foreign], inputs: [value('x', [2])] });
    expect(() => differentiate(network, 'y', ['x'])).toThrow(/The operator com\.example\.Relu/);
  });

  test('a source that the target does not depend on, unless zeros are wanted', async () => {
    const builder = b();
    const y = builder.op('Relu', ['x']);
    expect(() => gradients(builder, y, ['z'])).toThrow(
      /net: "relu" does not depend on "z", or not smoothly\./,
    );
    expect(() => gradients(builder, 'x', [y])).toThrow(/"x" does not depend on "relu"/);
    builder.output(gradients(builder, y, ['z'], { unreached: 'zeros' }).get('z')!, 'dz');
    const bytes = serialiseModel(builder.toModel());
    expect((await run(bytes, { x: images(2, 2), z: images(2, 2) })).dz).toEqual({
      data: [0, 0, 0, 0],
      dims: [2, 2],
    });
  });

  test('a way that only comparisons lead along', () => {
    const builder = b();
    const y = builder.op('Cast', [builder.op('Greater', ['x', 'z'])], { to: 1 });
    expect(() => gradients(builder, y, ['x'])).toThrow(/does not depend on "x", or not smoothly/);
  });

  test('names that are not in the graph', () => {
    const builder = b();
    expect(() => gradients(builder, 'y', ['x'])).toThrow(/net: The graph has no tensor "y"/);
    expect(() => gradients(builder, 'x', ['w'])).toThrow(/no tensor "w"/);
    expect(() => gradients(builder, 'x', ['x'], { upstream: 'u' })).toThrow(/no tensor "u"/);
  });

  test('shapes that matter and are unknown', () => {
    const network = model({
      nodes: [node('Add', 'x,z', 'y')],
      inputs: [value('x'), value('z', [2])],
    });
    expect(() => differentiate(network, 'y', ['z'])).toThrow(/The shape of tensor "y" does not follow/);
  });

  test('padding that depends on a free length', () => {
    const builder = new GraphBuilder({ name: 'net' });
    builder.input('x', ['n', 1, 'h', 'w']);
    builder.input('w', [1, 1, 3, 3]);
    const y = builder.op('Conv', ['x', 'w'], { auto_pad: 'SAME_UPPER', strides: [2, 2] });
    expect(() => gradients(builder, y, ['x'])).toThrow(
      /Conv "Conv conv" \(it makes "conv"\) cannot be differentiated: its padding depends on lengths that are free\./,
    );
  });
});

test('no operator is both in the table and flat', () => {
  expect(Object.keys(rules).filter((name) => flat.has(name))).toEqual([]);
});
