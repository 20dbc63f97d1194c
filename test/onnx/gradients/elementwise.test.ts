/** Arithmetic and activations, each against finite differences. */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { Attributes } from '../../../src/onnx/builder.ts';
import { type Case, expectGradients, type Input } from './differences.ts';

const runs = { numRuns: 3 };
const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });

/** y = f(x) with x of any shape, fixed or free. */
function unary(
  opType: string,
  { range, opset, attributes = {} }: { range?: Input['range']; opset?: number; attributes?: Attributes } = {},
) {
  return fc.assert(
    fc.asyncProperty(shapes, fc.nat(1000), fc.boolean(), (shape, seed, free) => {
      const declared = free ? shape.map((_, i) => `d${i}`) : shape;
      return expectGradients({
        inputs: { x: { shape, declared, range } },
        graph: (b) => b.op(opType, ['x'], attributes),
        opset,
        seed,
      });
    }),
    runs,
  );
}

describe('functions of one number', () => {
  test.each<[string, Parameters<typeof unary>[1]?]>([
    ['Neg'],
    ['Abs'],
    ['Exp'],
    ['Log', { range: [0.4, 3] }],
    ['Sqrt', { range: [0.4, 3] }],
    ['Reciprocal', { range: [0.5, 3] }],
    ['Erf'],
    ['Sin'],
    ['Cos'],
    ['Identity'],
    ['Relu'],
    ['LeakyRelu'],
    ['LeakyRelu', { attributes: { alpha: 0.3 } }],
    ['Elu', { attributes: { alpha: 0.7 } }],
    ['Selu'],
    ['Selu', { attributes: { alpha: 1.3, gamma: 0.8 } }],
    ['Celu', { attributes: { alpha: 0.6 } }],
    ['Sigmoid'],
    ['Tanh'],
    ['HardSigmoid', { range: [-5, 5.3] }],
    ['HardSigmoid', { range: [-5, 5.3], attributes: { alpha: 0.3, beta: 0.4 } }],
    ['HardSwish', { range: [-5, 5.3] }],
    ['Softplus'],
    ['Softsign'],
    ['Mish', { opset: 18 }],
    ['Gelu', { opset: 20 }],
    ['Gelu', { opset: 20, attributes: { approximate: 'tanh' } }],
  ])('%s %o', (opType, options) => unary(opType, options));

  test('Clip, with both bounds, one and none', async () => {
    for (const [low, high] of [
      [-0.83, 1.13],
      [undefined, 0.57],
      [-0.41, undefined],
      [undefined, undefined],
    ]) {
      await expectGradients({
        inputs: { x: { shape: [3, 5] } },
        graph: (b) =>
          b.op(
            'Clip',
            ['x', low && b.scalar(low), high && b.scalar(high)].map((name) => name || undefined),
          ),
      });
    }
  });

  test.each([11, 13, 17])('Softmax and LogSoftmax along any axis, operator set %i', async (opset) => {
    for (const opType of ['Softmax', 'LogSoftmax']) {
      for (const axis of [undefined, 0, 1, -1]) {
        await expectGradients({
          inputs: { x: { shape: [2, 3, 4] } },
          graph: (b) => b.op(opType, ['x'], { axis }),
          opset,
        });
      }
    }
  });

  test('numbers are of the element type that they meet', () =>
    expectGradients({
      inputs: { x: { shape: [2, 3, 4] } },
      graph: (b) => {
        const double = b.op('Cast', ['x'], { to: 11 });
        const mean = b.op('ReduceMean', [b.op('Sigmoid', [double])], { axes: [-1] });
        return b.op('Cast', [b.op('Relu', [b.op('Sub', [double, mean])])], { to: 1 });
      },
    }));

  test('Cast to another floating-point type and back', () =>
    expectGradients({
      inputs: { x: { shape: [3, 4] } },
      graph: (b) => {
        const double = b.op('Cast', ['x'], { to: 11 });
        return b.op('Cast', [b.op('Mul', [double, double])], { to: 1 });
      },
    }));
});

/** Two shapes that are broadcast against each other, and what a graph may know of them. */
const pairs = fc
  .array(fc.tuple(fc.integer({ min: 2, max: 4 }), fc.constantFrom('both', 'a', 'b')), {
    minLength: 1,
    maxLength: 3,
  })
  .chain((axes) =>
    fc
      .tuple(fc.constant(axes), fc.nat(axes.length - 1), fc.constantFrom('a', 'b'), fc.boolean())
      .map(([list, dropped, which, free]) => {
        const make = (side: 'a' | 'b') => {
          const lengths = list.map(([length, who]) => (who === 'both' || who === side ? length : 1));
          const names = list.map(([length, who], i) =>
            who === 'both' || who === side ? (free ? `d${i}` : length) : 1,
          );
          const from = which === side ? dropped : 0;
          return { shape: lengths.slice(from), declared: names.slice(from) };
        };
        return { a: make('a'), b: make('b') };
      }),
  );

function binary(opType: string, range?: Input['range'], both: Partial<Case> = {}) {
  return fc.assert(
    fc.asyncProperty(pairs, fc.nat(1000), ({ a, b }, seed) =>
      expectGradients({
        inputs: { a: { ...a, range }, b: { ...b, range } },
        graph: (g) => g.op(opType, ['a', 'b']),
        seed,
        ...both,
      }),
    ),
    { numRuns: 8 },
  );
}

describe('functions of two broadcast tensors', () => {
  test.each([['Add'], ['Sub'], ['Mul'], ['Div', [0.5, 2]], ['Pow', [0.5, 2]], ['Sum'], ['Mean']] as [
    string,
    Input['range']?,
  ][])('%s', (opType, range) => binary(opType, range));

  test.each(['Min', 'Max'])('%s of two and of three', async (opType) => {
    for (const third of [false, true]) {
      await expectGradients({
        inputs: {
          a: { shape: [2, 3, 4] },
          b: { shape: [3, 1], values: [-1.22, 0.21, 0.72] },
          c: { shape: [4], values: [-0.55, 0.38, 0.88, -1.38] },
        },
        graph: (g) => g.op('Add', [g.op(opType, third ? ['a', 'b', 'c'] : ['a', 'b']), 'c']),
      });
    }
  });

  test('Where', () =>
    expectGradients({
      inputs: { a: { shape: [2, 3] }, b: { shape: [3] }, c: { shape: [2, 1], moves: false } },
      graph: (g) => g.op('Where', [g.op('Greater', ['c', g.scalar(0)]), 'a', 'b']),
    }));

  test('Pow with a constant exponent, also of negative numbers and with an integer exponent', async () => {
    await expectGradients({
      inputs: { x: { shape: [3, 4] } },
      graph: (b) => b.op('Pow', ['x', b.scalar(3)]),
    });
    await expectGradients({
      inputs: { x: { shape: [3, 4] } },
      graph: (b) => b.op('Pow', ['x', b.scalar(2, 'int64')]),
    });
  });

  test('PRelu, its slope a number, one a channel, one an element', async () => {
    for (const slope of [[1], [3, 1, 1], [3, 2, 2]]) {
      await expectGradients({
        inputs: { x: { shape: [2, 3, 2, 2] }, slope: { shape: slope, range: [0.1, 0.6] } },
        graph: (b) => b.op('PRelu', ['x', 'slope']),
      });
    }
  });
});
