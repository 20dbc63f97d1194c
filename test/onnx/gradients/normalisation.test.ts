/** Normalisations and Dropout against finite differences. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { gradients } from '../../../src/onnx/gradients/gradients.ts';
import { expectGradients, openSession } from './differences.ts';

const declarations = (shape: number[]) => [shape, ['n', shape[1], ...shape.slice(2).map((_, i) => `s${i}`)]];

describe('normalisations', () => {
  test('BatchNormalization with running statistics', async () => {
    for (const shape of [
      [2, 3, 2, 2],
      [4, 3],
    ]) {
      for (const declared of declarations(shape)) {
        await expectGradients({
          inputs: {
            x: { shape, declared },
            scale: { shape: [3] },
            shift: { shape: [3] },
            mean: { shape: [3] },
            variance: { shape: [3], range: [0.3, 2] },
          },
          graph: (b) =>
            b.op('BatchNormalization', ['x', 'scale', 'shift', 'mean', 'variance'], { epsilon: 1e-3 }),
        });
      }
    }
  });

  test.each([14, 17])('BatchNormalization in training, operator set %i', async (opset) => {
    for (const declared of declarations([3, 2, 2, 3])) {
      await expectGradients({
        inputs: {
          x: { shape: [3, 2, 2, 3], declared },
          scale: { shape: [2] },
          shift: { shape: [2] },
          mean: { shape: [2], moves: false },
          variance: { shape: [2], range: [0.3, 2], moves: false },
        },
        graph: (b) =>
          b.node(
            'BatchNormalization',
            ['x', 'scale', 'shift', 'mean', 'variance'],
            { training_mode: 1, epsilon: 1e-3 },
            3,
          )[0],
        opset,
      });
    }
  });

  test('InstanceNormalization', async () => {
    for (const declared of declarations([2, 3, 2, 4])) {
      await expectGradients({
        inputs: { x: { shape: [2, 3, 2, 4], declared }, scale: { shape: [3] }, shift: { shape: [3] } },
        graph: (b) => b.op('InstanceNormalization', ['x', 'scale', 'shift'], { epsilon: 1e-2 }),
      });
    }
  });

  test.each([
    [18, 2],
    [21, 4],
  ])('GroupNormalization, operator set %i with %i scales', async (opset, scales) => {
    for (const declared of declarations([2, 4, 2, 3])) {
      await expectGradients({
        inputs: {
          x: { shape: [2, 4, 2, 3], declared },
          scale: { shape: [scales] },
          shift: { shape: [scales] },
        },
        graph: (b) => b.op('GroupNormalization', ['x', 'scale', 'shift'], { num_groups: 2, epsilon: 1e-3 }),
        opset,
      });
    }
  });

  test('LayerNormalization over the last axis and over the last two, with and without shift', async () => {
    for (const axis of [undefined, -1, 1]) {
      const scale = axis === 1 ? [3, 4] : [4];
      for (const shift of [true, false]) {
        await expectGradients({
          inputs: {
            x: { shape: [2, 3, 4], declared: ['n', 3, 4] },
            scale: { shape: scale },
            ...(shift && { shift: { shape: scale } }),
          },
          graph: (b) => b.op('LayerNormalization', ['x', 'scale', ...(shift ? ['shift'] : [])], { axis }),
        });
      }
    }
  });
});

describe('Dropout', () => {
  test('does nothing outside training', async () => {
    for (const more of [[], [0.3], [0.3, false]] as const) {
      await expectGradients({
        inputs: { x: { shape: [3, 4] } },
        graph: (b) => {
          const ratio = more[0] === undefined ? undefined : b.scalar(more[0]);
          const training = more[1] === undefined ? undefined : b.op('Cast', [b.scalar(0)], { to: 9 });
          return b.op('Dropout', ['x', ratio, training].slice(0, 1 + more.length));
        },
      });
    }
  });

  test('in training passes what it let through, enlarged as much', async () => {
    const b = new GraphBuilder();
    b.input('x', [64]);
    const training = b.op('Cast', [b.scalar(1)], { to: 9 });
    const [y] = b.node('Dropout', ['x', b.scalar(0.25), training], { seed: 3 }, 2);
    b.output(y, 'y');
    b.output(gradients(b, y, ['x']).get('x')!, 'dx');
    const session = await openSession(b.toModel());
    const x = Float32Array.from({ length: 64 }, (_, i) => i + 1);
    const results = await session.run({ x: new Tensor('float32', x, [64]) });
    await session.release();
    const [out, dx] = [results.y.data as Float32Array, results.dx.data as Float32Array];
    expect(out.filter((value) => value === 0).length).toBeGreaterThan(5);
    for (const [i, value] of x.entries()) expect(dx[i] * value).toBeCloseTo(out[i], 3);
  });

  test('in training without a mask is refused', () => {
    const b = new GraphBuilder();
    b.input('x', [8]);
    b.input('training', [], 'bool');
    const y = b.op('Dropout', ['x', b.scalar(0.25), 'training']);
    expect(() => gradients(b, y, ['x'])).toThrow(
      /Dropout.*without giving its mask\. Give it a second output/,
    );
  });
});
