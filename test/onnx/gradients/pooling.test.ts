/** Poolings and reductions against finite differences. */
import fc from 'fast-check';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { gradients } from '../../../src/onnx/gradients/gradients.ts';
import { expectGradients, openSession } from './differences.ts';

const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    length: fc.integer({ min: 5, max: 9 }),
  })
  .chain((a) =>
    fc.record({ begin: fc.nat(a.kernel - 1), end: fc.nat(a.kernel - 1) }).map((pads) => ({ ...a, ...pads })),
  );
const pooling = fc.record({
  axes: fc.tuple(axis, axis),
  ceil_mode: fc.integer({ min: 0, max: 1 }),
  count_include_pad: fc.integer({ min: 0, max: 1 }),
  auto: fc.constantFrom('NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
  free: fc.boolean(),
  seed: fc.nat(1000),
});

/** The engine refuses automatic padding of gaps, and contradicts itself where ceil_mode adds a window of padding only. */
function possible(drawn: Pooling): Pooling {
  const gaps = drawn.axes.some((a) => a.kernel < a.stride);
  const empty = drawn.axes.some((a) => a.end > a.kernel - a.stride);
  return {
    ...drawn,
    auto: gaps ? 'NOTSET' : drawn.auto,
    ceil_mode: empty ? 0 : drawn.ceil_mode,
  };
}
type Pooling = typeof pooling extends fc.Arbitrary<infer T> ? T : never;

describe('poolings', () => {
  test.each([
    ['MaxPool', 17],
    ['AveragePool', 17],
    ['AveragePool', 19],
  ])('%s of any window, of fixed and of free sizes, operator set %i', (opType, opset) =>
    fc.assert(
      fc.asyncProperty(pooling.map(possible), ({ axes, ceil_mode, count_include_pad, auto, free, seed }) => {
        const shape = [2, 2, ...axes.map((a) => a.length)];
        const dilates = (opType === 'MaxPool' || opset >= 19) && !auto.startsWith('SAME');
        return expectGradients({
          inputs: { x: { shape, declared: free && !auto.startsWith('SAME') ? ['n', 2, 'h', 'w'] : shape } },
          graph: (b) =>
            b.op(opType, ['x'], {
              kernel_shape: axes.map((a) => a.kernel),
              strides: axes.map((a) => a.stride),
              ...(dilates && { dilations: axes.map((a) => a.dilation) }),
              ...(auto === 'NOTSET'
                ? { pads: [...axes.map((a) => a.begin), ...axes.map((a) => a.end)] }
                : { auto_pad: auto }),
              ceil_mode,
              ...(opType === 'AveragePool' && { count_include_pad }),
            }),
          opset,
          seed,
        });
      }),
      { numRuns: 30 },
    ));

  test('of equal maxima in a window the first gets the gradient', async () => {
    const b = new GraphBuilder();
    b.input('x', [1, 1, 4, 4]);
    const y = b.op('MaxPool', ['x'], { kernel_shape: [2, 2], strides: [2, 2] });
    b.output(gradients(b, y, ['x']).get('x')!, 'dx');
    const session = await openSession(b.toModel());
    const { dx } = await session.run({ x: new Tensor('float32', new Float32Array(16), [1, 1, 4, 4]) });
    await session.release();
    expect(Array.from(dx.data as Float32Array)).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
  });

  test.each(['GlobalAveragePool', 'GlobalMaxPool'])('%s', async (opType) => {
    for (const declared of [
      [2, 3, 3, 4],
      ['n', 3, 'h', 'w'],
    ]) {
      await expectGradients({
        inputs: { x: { shape: [2, 3, 3, 4], declared } },
        graph: (b) => b.op(opType, ['x']),
      });
    }
  });
});

describe('reductions', () => {
  const byAttribute =
    'ReduceMean ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp'.split(' ');
  test.each(['ReduceSum', ...byAttribute])('%s over any axes', (opType) =>
    fc.assert(
      fc.asyncProperty(
        fc.subarray([0, 1, 2]),
        fc.constantFrom(0, 1),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(12, 17, 18),
        fc.nat(1000),
        (axes, keepdims, free, negative, opset, seed) => {
          const given = axes.map((a) => (negative ? a - 3 : a));
          const asInput = opset >= (opType === 'ReduceSum' ? 13 : 18);
          return expectGradients({
            inputs: { x: { shape: [2, 3, 4], declared: free ? ['a', 'b', 'c'] : [2, 3, 4] } },
            graph: (b) =>
              asInput && given.length > 0
                ? b.op(opType, ['x', b.ints(given)], { keepdims })
                : b.op(opType, ['x'], { keepdims, ...(given.length > 0 && { axes: given }) }),
            opset,
            seed,
          });
        },
      ),
      { numRuns: 6 },
    ));

  test.each(['ReduceMax', 'GlobalMaxPool'])('%s shares the gradient among equal maxima', async (opType) => {
    const b = new GraphBuilder();
    b.input('x', [1, 1, 4]);
    const y = b.op(opType, ['x'], opType === 'ReduceMax' ? { axes: [-1] } : {});
    b.output(gradients(b, y, ['x']).get('x')!, 'dx');
    const session = await openSession(b.toModel());
    const { dx } = await session.run({ x: new Tensor('float32', Float32Array.of(1, 3, 3, 2), [1, 1, 4]) });
    await session.release();
    expect(Array.from(dx.data as Float32Array)).toEqual([0, 0.5, 0.5, 0]);
  });

  test('ReduceSum over no axes at all', () =>
    expectGradients({
      inputs: { x: { shape: [2, 3] } },
      graph: (b) => b.op('ReduceSum', ['x', b.ints([])], { noop_with_empty_axes: 1 }),
    }));
});
