/** Matrix products and convolutions against finite differences. */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { expectGradients } from './differences.ts';

const bit = fc.integer({ min: 0, max: 1 });
const small = fc.integer({ min: 1, max: 4 });

describe('matrix products', () => {
  test('Gemm, transposed or not, with every shape of the summand', () =>
    fc.assert(
      fc.asyncProperty(small, small, small, bit, bit, fc.nat(4), (m, k, n, transA, transB, c) =>
        expectGradients({
          inputs: {
            a: { shape: transA ? [k, m] : [m, k] },
            b: { shape: transB ? [n, k] : [k, n] },
            ...(c < 4 && { c: { shape: [[n], [1], [m, 1], [m, n]][c] } }),
          },
          graph: (g) =>
            g.op('Gemm', ['a', 'b', ...(c < 4 ? ['c'] : [])], {
              transA,
              transB,
              alpha: 0.7,
              beta: c ? 1.3 : 1,
            }),
        }),
      ),
      { numRuns: 12 },
    ));

  test.each<[number[], number[]]>([
    [
      [3, 4],
      [4, 2],
    ],
    [
      [2, 3, 4],
      [4, 2],
    ],
    [
      [2, 3, 4],
      [2, 4, 2],
    ],
    [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    [[4], [4]],
    [[4], [4, 2]],
    [[3, 4], [4]],
    [[4], [2, 4, 3]],
    [[2, 3, 4], [4]],
  ])('MatMul of %j and %j', async (a, b) => {
    await expectGradients({
      inputs: { a: { shape: a }, b: { shape: b } },
      graph: (g) => g.op('MatMul', ['a', 'b']),
    });
    const free = a.map((length, axis) => (axis < a.length - 2 && length > 1 ? `n${axis}` : length));
    await expectGradients({
      inputs: { a: { shape: a, declared: free }, b: { shape: b } },
      graph: (g) => g.op('MatMul', ['a', 'b']),
    });
  });
});

/** Windows whose padding is shorter than their kernel. */
const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    length: fc.integer({ min: 5, max: 8 }),
  })
  .chain((a) =>
    fc.record({ begin: fc.nat(a.kernel - 1), end: fc.nat(a.kernel - 1) }).map((pads) => ({ ...a, ...pads })),
  );
const convolution = fc.record({
  axes: fc.tuple(axis, axis),
  group: fc.constantFrom(1, 1, 2, 3),
  // Channels of one group.
  ins: fc.integer({ min: 1, max: 2 }),
  outs: fc.integer({ min: 1, max: 2 }),
  bias: fc.boolean(),
  auto: fc.constantFrom('NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
  free: fc.boolean(),
  seed: fc.nat(1000),
});

function attributes({ axes, group, auto }: { axes: Axis[]; group: number; auto: string }) {
  return {
    group,
    kernel_shape: axes.map((a) => a.kernel),
    strides: axes.map((a) => a.stride),
    dilations: axes.map((a) => (auto.startsWith('SAME') ? 1 : a.dilation)),
    ...(auto === 'NOTSET'
      ? { pads: [...axes.map((a) => a.begin), ...axes.map((a) => a.end)] }
      : { auto_pad: auto }),
  };
}
type Axis = { kernel: number; stride: number; dilation: number; length: number; begin: number; end: number };

describe('convolutions', () => {
  test('Conv of any group, stride, dilation and padding, of fixed and of free sizes', () =>
    fc.assert(
      fc.asyncProperty(convolution, ({ axes, group, ins, outs, bias, auto, free, seed }) => {
        const shape = [2, group * ins, ...axes.map((a) => a.length)];
        const frees = free && !auto.startsWith('SAME');
        return expectGradients({
          inputs: {
            x: { shape, declared: frees ? ['n', group * ins, 'h', 'w'] : ['n', ...shape.slice(1)] },
            w: { shape: [group * outs, ins, ...axes.map((a) => a.kernel)], range: [-1, 1] },
            ...(bias && { b: { shape: [group * outs] } }),
          },
          graph: (b) => b.op('Conv', ['x', 'w', ...(bias ? ['b'] : [])], attributes({ axes, group, auto })),
          seed,
        });
      }),
      { numRuns: 30 },
    ));

  test('Conv with several outputs for each of many one-channel groups, with strides', async () => {
    for (const declared of [undefined, ['n', 3, 'h', 'w']]) {
      await expectGradients({
        inputs: { x: { shape: [2, 3, 8, 7], declared }, w: { shape: [6, 1, 3, 2], range: [-1, 1] } },
        graph: (b) =>
          b.op('Conv', ['x', 'w'], { group: 3, strides: [2, 3], dilations: [1, 2], pads: [1, 0, 0, 1] }),
      });
    }
  });

  test('Conv along one axis and along three', async () => {
    await expectGradients({
      inputs: { x: { shape: [2, 3, 9] }, w: { shape: [2, 3, 3] } },
      graph: (b) => b.op('Conv', ['x', 'w'], { strides: [2], pads: [1, 1] }),
    });
    await expectGradients({
      inputs: { x: { shape: [1, 2, 4, 4, 3] }, w: { shape: [2, 2, 2, 2, 2] } },
      graph: (b) => b.op('Conv', ['x', 'w'], { pads: [1, 0, 1, 0, 1, 1] }),
    });
  });

  test('Conv with its own result of both branches added, strided like ResNets', () =>
    expectGradients({
      inputs: {
        x: { shape: [2, 2, 6, 7], declared: ['n', 2, 'h', 'w'] },
        v: { shape: [3, 2, 3, 3], range: [-1, 1] },
        w: { shape: [3, 2, 1, 1], range: [-1, 1] },
      },
      graph: (b) => {
        const long = b.op('Conv', ['x', 'v'], { strides: [2, 2], pads: [1, 1, 1, 1] });
        return b.op('Add', [long, b.op('Conv', ['x', 'w'], { strides: [2, 2] })]);
      },
    }));

  test('ConvTranspose of any group, stride, dilation and padding, of fixed and of free sizes', () =>
    fc.assert(
      fc.asyncProperty(convolution, fc.nat(2), ({ axes, group, ins, outs, bias, auto, free, seed }, more) => {
        const short = axes.map((a) => ({ ...a, length: a.length - 3 }));
        const shape = [2, group * ins, ...short.map((a) => a.length)];
        const output_padding = short.map((a) => Math.min(more, a.stride - 1));
        return expectGradients({
          inputs: {
            x: { shape, declared: free ? ['n', group * ins, 'h', 'w'] : shape },
            w: { shape: [group * ins, outs, ...short.map((a) => a.kernel)], range: [-1, 1] },
            ...(bias && { b: { shape: [group * outs] } }),
          },
          graph: (b) =>
            b.op('ConvTranspose', ['x', 'w', ...(bias ? ['b'] : [])], {
              ...attributes({ axes: short, group, auto: auto.startsWith('SAME') ? 'NOTSET' : auto }),
              output_padding,
            }),
          seed,
        });
      }),
      { numRuns: 20 },
    ));

  test.each(['NOTSET', 'SAME_UPPER', 'SAME_LOWER'])('ConvTranspose with an output shape, %s', (auto) =>
    expectGradients({
      inputs: { x: { shape: [2, 2, 3, 4] }, w: { shape: [2, 3, 3, 3] } },
      graph: (b) =>
        b.op('ConvTranspose', ['x', 'w'], {
          strides: [2, 2],
          output_shape: [6, 8],
          ...(auto !== 'NOTSET' && { auto_pad: auto }),
        }),
    }));
});
