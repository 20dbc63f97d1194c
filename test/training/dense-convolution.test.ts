/** Convolutions that are trained as products of matrices, against the engine's own convolution and its gradient. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { trainingGraph } from '../../src/training/graph.ts';
import { parameterValues, part } from '../../src/training/parameters.ts';
import {
  batchOf,
  distance,
  openPlain,
  type SmallNetwork,
  sameBytes,
  toTrain,
  trainedGradient,
} from './support.ts';

interface Convolution {
  readonly image: readonly [number, number, number];
  /** [co, ci, rows, columns] */
  readonly weight: readonly number[];
  readonly bias: boolean;
  readonly attributes: Readonly<Record<string, number[] | string | number>>;
}

/** The convolution between a scale of each channel and a product that tells its pixels apart. */
const around = ({ image, weight: shape, bias, attributes }: Convolution): SmallNetwork => ({
  image,
  make(b, weight) {
    const scaled = b.op('Mul', [b.op('Tanh', ['x']), weight('scale', [image[0], 1, 1], 0.3, 1)]);
    const inputs = [scaled, weight('w', shape, 1 / Math.sqrt(image[0]))];
    const made = b.op('Conv', [...inputs, ...(bias ? [weight('b', [shape[0]])] : [])], attributes);
    const flat = b.op('Flatten', [b.op('Tanh', [made])]);
    return b.op('MatMul', [flat, weight('head', [b.shape(flat)[1] as number, 2])]);
  },
});

/** Whether the weight is fed in the order of a product. */
const isDense = (small: SmallNetwork) =>
  trainingGraph(toTrain(small)).parameters.find(({ name }) => name === 'w')!.order !== undefined;

async function expectSame(small: SmallNetwork): Promise<void> {
  const plain = await openPlain(small);
  try {
    const batch = batchOf(small.image, 3, 2);
    const { gradient, logits } = await trainedGradient(toTrain(small), [batch]);
    expect(distance(logits, await plain.logits(batch))).toBeLessThan(1e-5);
    for (const [name, values] of await plain.gradient(batch)) {
      expect(distance(gradient.get(name)!, values), name).toBeLessThan(1e-4);
    }
  } finally {
    await plain.close();
  }
}

/** Windows of any kind on few pixels, with as many channels as make a product of it. */
const convolutions: fc.Arbitrary<Convolution> = fc
  .record({
    lengths: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    pads: fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
    outputs: fc.integer({ min: 1, max: 4 }),
    bias: fc.boolean(),
  })
  .map(({ lengths, kernel, strides, dilations, pads, outputs, bias }) => {
    const positions = lengths.map(
      (length, axis) =>
        Math.floor(
          (length + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis],
        ) + 1,
    );
    const channels = Math.ceil((40 * Math.max(1, ...positions) ** 2) / (kernel[0] * kernel[1]));
    return {
      positions,
      image: [channels, ...lengths] as [number, number, number],
      weight: [outputs, channels, ...kernel],
      bias,
      attributes: { kernel_shape: kernel, strides, dilations, pads },
    };
  })
  .filter(({ positions, image }) => Math.min(...positions) >= 1 && image[0] <= 400);

describe('are the same', () => {
  test('for any kernel, stride, dilation and padding, with and without a bias', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (convolution) => {
        const small = around(convolution);
        expect(isDense(small)).toBe(true);
        await expectSame(small);
      }),
      {
        numRuns: 25,
        examples: [
          // 1×1 as it is, and at a stride.
          [{ image: [64, 2, 2], weight: [3, 64, 1, 1], bias: true, attributes: {} }],
          [{ image: [64, 3, 3], weight: [3, 64, 1, 1], bias: false, attributes: { strides: [2, 2] } }],
          // As at the end of a ResNet.
          [
            {
              image: [64, 4, 4],
              weight: [8, 64, 3, 3],
              bias: false,
              attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
            },
          ],
        ],
      },
    );
  });

  test.each(['SAME_UPPER', 'SAME_LOWER', 'VALID'])('for auto_pad %s', async (auto_pad) => {
    const small = around({
      image: [64, 4, 3],
      weight: [2, 64, 2, 3],
      bias: true,
      attributes: { auto_pad, strides: [2, 1] },
    });
    expect(isDense(small)).toBe(true);
    await expectSame(small);
  });
});

describe('stay as they are', () => {
  test.each<[string, Convolution]>([
    [
      'over many pixels',
      { image: [4, 12, 12], weight: [3, 4, 3, 3], bias: true, attributes: { pads: [1, 1, 1, 1] } },
    ],
    ['in groups', { image: [64, 2, 2], weight: [4, 32, 2, 2], bias: true, attributes: { group: 2 } }],
  ])('%s', async (_, convolution) => {
    const small = around(convolution);
    expect(isDense(small)).toBe(false);
    await expectSame(small);
  });

  test('where the weight is used twice', async () => {
    const twice: SmallNetwork = {
      image: [32, 2, 2],
      make(b, weight) {
        const w = weight('w', [32, 32, 3, 3], 0.1);
        const conv = (x: string) => b.op('Tanh', [b.op('Conv', [x, w], { pads: [1, 1, 1, 1] })]);
        const flat = b.op('Flatten', [conv(conv('x'))]);
        return b.op('MatMul', [flat, weight('head', [128, 2])]);
      },
    };
    expect(isDense(twice)).toBe(false);
    await expectSame(twice);
  });
});

test('a bias that two convolutions share is fed once', async () => {
  const shared: SmallNetwork = {
    image: [32, 2, 2],
    make(b, weight) {
      const bias = weight('bias', [32]);
      const conv = (x: string, name: string) =>
        b.op('Tanh', [b.op('Conv', [x, weight(name, [32, 32, 3, 3], 0.1), bias], { pads: [1, 1, 1, 1] })]);
      const flat = b.op('Flatten', [conv(conv('x', 'w'), 'w2')]);
      return b.op('MatMul', [flat, weight('head', [128, 2])]);
    },
  };
  expect(isDense(shared)).toBe(true);
  await expectSame(shared);
});

test('the vector holds the weights as they are fed: kernel first, output channels last', () => {
  const network = toTrain(around({ image: [64, 2, 2], weight: [3, 64, 2, 1], bias: false, attributes: {} }));
  const { parameters } = trainingGraph(network);
  const w = parameters.find(({ name }) => name === 'w')!;
  const vector = part(parameterValues(network.model, parameters), w);
  const { rawData } = network.model.graph.initializer.find(({ name }) => name === 'w')!;
  const own = new Float32Array(Uint8Array.from(rawData).buffer);
  const expected = new Float32Array(own.length);
  let at = 0;
  for (let i = 0; i < 2; i++)
    for (let ci = 0; ci < 64; ci++)
      for (let co = 0; co < 3; co++) expected[at++] = own[(co * 64 + ci) * 2 + i];
  expect(sameBytes(vector, expected)).toBe(true);
});
