/** Operators that arrange, cut, join and resample, against finite differences. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { gradients } from '../../../src/onnx/gradients/gradients.ts';
import { expectGradients, type Input } from './differences.ts';

const cube: Input = { shape: [2, 3, 4] };
const free: Input = { shape: [2, 3, 4], declared: ['a', 'b', 'c'] };
const both = [cube, free];

describe('shapes', () => {
  test.each<[string, (b: GraphBuilder) => string]>([
    ['Reshape', (b) => b.op('Reshape', ['x', b.ints([4, -1])])],
    ['Reshape that copies', (b) => b.op('Reshape', ['x', b.ints([0, -1, 2, 2])])],
    ['Flatten', (b) => b.op('Flatten', ['x'], { axis: 2 })],
    ['Flatten from the end', (b) => b.op('Flatten', ['x'], { axis: -1 })],
    ['Unsqueeze', (b) => b.op('Unsqueeze', ['x', b.ints([0, -1])])],
    ['Transpose', (b) => b.op('Transpose', ['x'])],
    ['Transpose by a permutation', (b) => b.op('Transpose', ['x'], { perm: [1, 2, 0] })],
    ['Expand', (b) => b.op('Expand', ['x', b.ints([5, 1, 3, 1])])],
  ])('%s', async (_, graph) => {
    for (const x of both) await expectGradients({ inputs: { x }, graph });
  });

  test('Squeeze, with and without axes', async () => {
    const x = { shape: [1, 3, 1, 2] };
    for (const axes of [[0], [-2], [0, 2], undefined]) {
      await expectGradients({
        inputs: { x },
        graph: (b) => b.op('Squeeze', ['x', ...(axes ? [b.ints(axes)] : [])]),
      });
      await expectGradients({ inputs: { x }, graph: (b) => b.op('Squeeze', ['x'], { axes }), opset: 12 });
    }
  });

  test('Expand of lengths 1 and of a number', async () => {
    const inputs = { x: { shape: [3, 1], declared: ['n', 1] }, k: { shape: [] } };
    await expectGradients({
      inputs,
      graph: (b) =>
        b.op('Add', [b.op('Expand', ['x', b.ints([2, 3, 4])]), b.op('Expand', ['k', b.ints([4])])]),
    });
  });

  test('a shape that is computed, as exporters write Flatten', () =>
    expectGradients({
      inputs: { x: { shape: [2, 3, 4], declared: ['n', 3, 4] } },
      graph: (b) => {
        const batch = b.op('Gather', [b.op('Shape', ['x']), b.scalar(0, 'int64')]);
        const shape = b.op('Concat', [b.op('Unsqueeze', [batch, b.ints([0])]), b.ints([12])], { axis: 0 });
        const flat = b.op('Reshape', ['x', shape]);
        expect(b.shape(flat)).toEqual(['n', 12]);
        return b.op('Mul', [flat, flat]);
      },
    }));
});

describe('cutting and joining', () => {
  const part = fc.record({
    start: fc.integer({ min: -9, max: 9 }),
    end: fc.constantFrom(-(2 ** 31 - 1), -5, -2, -1, 0, 1, 3, 5, 2 ** 31 - 1),
    step: fc.constantFrom(1, 1, 2, 3, -1, -2),
  });
  const length = (n: number, { start, end, step }: { start: number; end: number; step: number }) => {
    const clamp = (at: number, low: number, high: number) =>
      Math.min(high, Math.max(low, at < 0 ? at + n : at));
    return step > 0
      ? Math.ceil((clamp(end, 0, n) - clamp(start, 0, n)) / step)
      : Math.ceil((clamp(end, -1, n - 1) - clamp(start, 0, n - 1)) / step);
  };

  test('Slice with any bounds and steps', () =>
    fc.assert(
      fc.asyncProperty(part, part, fc.nat(1000), (p, q, seed) => {
        fc.pre(length(6, p) > 0 && length(5, q) > 0);
        return expectGradients({
          inputs: { x: { shape: [5, 2, 6] } },
          graph: (b) =>
            b.op('Slice', [
              'x',
              b.ints([p.start, q.start]),
              b.ints([p.end, q.end]),
              b.ints([-1, 0]),
              b.ints([p.step, q.step]),
            ]),
          seed,
        });
      }),
      { numRuns: 25 },
    ));

  test('Slice of axes of free length', async () => {
    for (const [start, end, step] of [
      [1, 2 ** 31 - 1, 1],
      [0, -1, 1],
      [-3, 2 ** 31 - 1, 2],
      [1, 4, 2],
      [-1, -(2 ** 31 - 1), -1],
      [-1, -(2 ** 31 - 1), -2],
      [-3, -1, 1],
      [1, 3, 1],
    ]) {
      await expectGradients({
        inputs: { x: { shape: [2, 5], declared: ['n', 'm'] } },
        graph: (b) => b.op('Slice', ['x', b.ints([start]), b.ints([end]), b.ints([1]), b.ints([step])]),
      });
    }
  });

  test('Slice without axes and steps', () =>
    expectGradients({
      inputs: { x: cube },
      graph: (b) => b.op('Slice', ['x', b.ints([1, 0, 1]), b.ints([2, 2, -1])]),
    }));

  test('Concat along any axis, of one tensor twice as well', async () => {
    for (const declared of [undefined, ['a', 'b', 'c']]) {
      for (const axis of [0, 1, -1]) {
        await expectGradients({
          inputs: { a: { shape: [2, 3, 4], declared }, b: { shape: [2, 3, 4].with(axis, 2) } },
          graph: (b) => b.op('Concat', ['a', 'b', 'a'], { axis }),
        });
      }
    }
  });

  test('Split into equal and unequal parts of which some are not used', async () => {
    for (const x of [cube, { shape: [2, 3, 4], declared: ['a', 'b', 4] }]) {
      await expectGradients({
        inputs: { x },
        graph: (b) => {
          const [first, , last] = b.node('Split', ['x', b.ints([1, 2, 1])], { axis: -1 }, 3);
          return b.op('Mul', [first, last]);
        },
      });
      await expectGradients({
        inputs: { x },
        graph: (b) => b.op('Mul', b.node('Split', ['x'], { axis: 2 }, 2)),
      });
    }
    await expectGradients({
      inputs: { x: cube },
      graph: (b) => b.op('Mul', b.node('Split', ['x'], { axis: 2, split: [2, 2] }, 2)),
      opset: 12,
    });
  });

  test('Pad, with positive and negative amounts', async () => {
    for (const x of both) {
      for (const pads of [
        [0, 1, 2, 0, 0, 1],
        [1, -1, 0, 0, 0, -1],
        [0, -1, 2, 1, 2, -1],
        [0, 0, 0, 0, 0, 0],
      ]) {
        await expectGradients({
          inputs: { x },
          graph: (b) => b.op('Pad', ['x', b.ints(pads), b.scalar(0.5)]),
        });
      }
      await expectGradients({
        inputs: { x },
        graph: (b) => b.op('Pad', ['x', b.ints([1, 2]), undefined, b.ints([-1])]),
        opset: 18,
      });
    }
  });

  test('Pad by reflection is refused', () => {
    const b = new GraphBuilder({ name: 'net' });
    b.input('x', [4]);
    const y = b.op('Pad', ['x', b.ints([1, 1])], { mode: 'reflect' });
    expect(() => gradients(b, y, ['x'])).toThrow(/net: Pad .* its mode is reflect\. Pad with a constant\./);
  });

  test('Gather along any axis, by indices of any rank, repeated and negative', async () => {
    for (const x of both) {
      for (const axis of [0, 1, -1]) {
        await expectGradients({
          inputs: { x },
          graph: (b) => b.op('Gather', ['x', b.ints([1, -1, 1])], { axis }),
        });
        await expectGradients({
          inputs: { x },
          graph: (b) => b.op('Gather', ['x', b.scalar(-1, 'int64')], { axis }),
        });
        await expectGradients({
          inputs: { x },
          graph: (b) => {
            const table = b.op('Reshape', [b.ints([0, 1, 1, 0]), b.ints([2, 2])]);
            return b.op('Gather', ['x', table], { axis });
          },
        });
      }
    }
    await expectGradients({
      inputs: { x: { shape: [5] } },
      graph: (b) => b.op('Gather', ['x', b.ints([3, 0, 3])]),
    });
  });
});

describe('images', () => {
  const image = [
    { shape: [2, 8, 2, 4] },
    { shape: [2, 8, 2, 4], declared: ['n', 8, 'h', 'w'] },
  ] satisfies Input[];

  test('DepthToSpace and SpaceToDepth', async () => {
    for (const x of image) {
      for (const mode of ['DCR', 'CRD']) {
        await expectGradients({
          inputs: { x },
          graph: (b) => b.op('DepthToSpace', ['x'], { blocksize: 2, mode }),
        });
      }
      await expectGradients({ inputs: { x }, graph: (b) => b.op('SpaceToDepth', ['x'], { blocksize: 2 }) });
    }
  });

  const modes = [
    { mode: 'nearest', nearest_mode: 'floor', coordinate_transformation_mode: 'asymmetric' },
    { mode: 'nearest' },
    { mode: 'linear' },
    { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
    { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' },
    { mode: 'cubic', cubic_coeff_a: -0.5 },
  ];
  test.each(modes)('Resize by scales and to sizes: %o', async (attributes) => {
    for (const x of [{ shape: [2, 2, 3, 4] }, { shape: [2, 2, 3, 4], declared: ['n', 2, 'h', 'w'] }]) {
      for (const scales of [
        [1, 1, 2, 2],
        [1, 1, 1.5, 0.6],
        [1, 1, 1, 3],
      ]) {
        await expectGradients({
          inputs: { x },
          graph: (b) => b.op('Resize', ['x', '', b.constant(Float32Array.from(scales), [4])], attributes),
        });
      }
      await expectGradients({
        inputs: { x },
        graph: (b) => b.op('Resize', ['x', '', '', b.ints([2, 2, 5, 4])], attributes),
      });
    }
  });

  test('Resize of some axes, anti-aliased', () =>
    expectGradients({
      inputs: { x: { shape: [1, 2, 6, 5] } },
      graph: (b) =>
        b.op('Resize', ['x', '', '', b.ints([3, 4])], { axes: [2, 3], mode: 'linear', antialias: 1 }),
      opset: 18,
    }));
});
