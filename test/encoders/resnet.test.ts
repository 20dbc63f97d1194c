/**
 * The networks against timm (scripts/fixtures/resnet.py says what the fixtures hold) and against an independent PyTorch
 * program and its exports to ONNX.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  buildResNet,
  RESNET_INPUT,
  RESNET_LAYERS,
  RESNET_OUTPUT,
  type ResNetOptions,
  resnetWeights,
} from '../../src/encoders/resnet.ts';
import { initialWeights } from '../../src/encoders/weights.ts';
import { floats, readSafetensors } from '../../src/formats/safetensors.ts';
import { randomStreams } from '../../src/geometry/random.ts';
import { describeType, type Model, parseModel, serialiseModel, tensorType } from '../../src/onnx/model.ts';
import { tensorValues } from '../../src/onnx/nodes.ts';
import { exposeTensor } from '../../src/onnx/rewrite.ts';
import { openSession } from '../../src/runtime/node.ts';
import type { Tensor } from '../../src/runtime/session.ts';

const fixtures = new URL('../fixtures/', import.meta.url);
const json = (name: string) => JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'));
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** What a network answers and computes on the way. */
async function run(
  model: Model,
  images: Tensor,
  layers: readonly string[] = [],
): Promise<Record<string, Tensor>> {
  const session = await openSession(serialiseModel(layers.reduce(exposeTensor, model)), { threads: 1 });
  try {
    const input = model.graph.input[0].name;
    return await session.run({ [input]: { data: images.data.slice(), dims: images.dims } });
  } finally {
    await session.close();
  }
}

/** Largest difference as a share of the largest expected value. */
function difference(actual: Tensor['data'], expected: ArrayLike<number>, largest?: number): number {
  if (actual.length !== expected.length) return Number.NaN;
  let [worst, most] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(Number(actual[i]) - expected[i]));
    most = Math.max(most, Math.abs(expected[i]));
  }
  return worst / (largest ?? most);
}

describe('names and shapes are timm’s', () => {
  type Shapes = Record<string, number[]>;
  interface Network extends Pick<ResNetOptions, 'architecture' | 'norm'> {
    weights: Shapes;
    others: { channels: number; outputs: number; changed: Shapes }[];
  }
  const cases = (json('resnet/weights.json') as Network[]).flatMap(({ others, weights, ...network }) =>
    others.map(({ changed, ...head }): [ResNetOptions, Shapes] => [
      { ...network, ...head },
      { ...weights, ...changed },
    ]),
  );

  test('of 18 networks', () => expect(cases).toHaveLength(18));

  test.each(cases)('%j', (options, expected) => {
    const specs = resnetWeights(options);
    expect(Object.fromEntries(specs.map(({ name, shape }) => [name, shape]))).toEqual(expected);
    expect(specs).toHaveLength(Object.keys(expected).length);
    const model = buildResNet(
      options,
      new Map(specs.map(({ name, shape }) => [name, new Float32Array(size(shape))])),
    );
    const kept = new Map(model.graph.initializer.map(({ name, dims }) => [name, dims.map(Number)]));
    for (const { name, shape } of specs) expect(kept.get(name), name).toEqual(shape);
  });

  test('batch norm has the weights of frozen batch norm', () => {
    const of = (norm: 'batch' | 'frozen') =>
      resnetWeights({ architecture: 'resnet10t', norm, channels: 1, outputs: 1 });
    expect(of('batch')).toEqual(of('frozen'));
  });

  test('a weight that is missing or too short is named', () => {
    const options: ResNetOptions = { architecture: 'resnet10t', norm: 'group', channels: 1, outputs: 1 };
    expect(() => buildResNet(options, new Map())).toThrow(
      new RangeError('The weight conv1.0.weight [24,1,3,3] needs 216 values, not none.'),
    );
    expect(() => buildResNet(options, new Map([['conv1.0.weight', new Float32Array(9)]]))).toThrow(
      new RangeError('The weight conv1.0.weight [24,1,3,3] needs 216 values, not 9.'),
    );
  });
});

/** The formula of scripts/fixtures/resnet.py: numbers in [−1, 1) that look random, from whole numbers alone. */
function value(i: number): number {
  let h = Math.imul(i, 2654435761);
  h = Math.imul(h ^ (h >>> 16), 2246822519);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 31 - 1;
}

/** The weights that `set_weights` of that script sets. */
function formulaWeights(options: ResNetOptions): Map<string, Float32Array> {
  let start = 0;
  const specs = resnetWeights(options).sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(
    specs.map(({ name, shape, role }) => {
      const [, ...inputs] = shape;
      const [scale, shift] = {
        convolution: [Math.sqrt(6 / size(inputs)), 0],
        classifier: [Math.sqrt(3 / size(inputs)), 0],
        'classifier bias': [0.2, 0],
        scale: [0.5, 1],
        shift: [0.2, 0],
        mean: [0.3, 0],
        variance: [0.5, 1],
      }[role];
      const begin = start;
      start += size(shape);
      return [name, Float32Array.from({ length: size(shape) }, (_, i) => value(begin + i) * scale + shift)];
    }),
  );
}

describe('the networks at full width answer as timm’s', () => {
  interface Answer {
    options: ResNetOptions;
    size: number;
    logits: number[];
    layers: { shape: number[]; absmax: number; step: number; some: number[] }[];
  }
  const answers = json('resnet/answers.json') as Answer[];

  test.each(answers)('$options, slices of $size', async ({ options, size: side, logits, layers }) => {
    const dims = [2, options.channels, side, side];
    const data = Float32Array.from({ length: size(dims) }, (_, i) => value(i) * 2);
    const model = buildResNet(options, formulaWeights(options));
    const results = await run(model, { data, dims }, RESNET_LAYERS);
    expect(results[RESNET_OUTPUT].dims).toEqual([2, options.outputs]);
    expect(difference(results[RESNET_OUTPUT].data, logits)).toBeLessThan(1e-4);
    for (const [i, { shape, absmax, step, some }] of layers.entries()) {
      const result = results[RESNET_LAYERS[i]];
      expect(result.dims).toEqual(shape);
      const chosen = some.map((_, k) => Number(result.data[k * step]));
      expect(difference(Float32Array.from(chosen), some, absmax), `layer ${i + 1}`).toBeLessThan(1e-4);
    }
  });
});

/** Quarter-width ResNet-10-T, as PyTorch answered for six slices. */
const quarter = {
  architecture: 'resnet10t',
  channels: 1,
  outputs: 1,
  width: 0.25,
  groups: 8,
} as const satisfies Partial<ResNetOptions>;
const readFloats = (file: URL) => new Float32Array(Uint8Array.from(readFileSync(file)).buffer);
const slices: Tensor = { data: readFloats(new URL('network/slices.bin', fixtures)), dims: [6, 1, 64, 64] };

describe('ResNet-10-T with group norm', () => {
  const file = 'network/resnet10t_gn.onnx';
  const exported = parseModel(readFileSync(new URL(file, fixtures)), file);
  const options: ResNetOptions = { ...quarter, norm: 'group', size: 64 };
  const specs = resnetWeights(options);
  const isNorm = (role: string) => role === 'scale' || role === 'shift';
  // The program computes a stage's short cut first. The export names no norm: their numbers are shaped [c, 1, 1].
  const rank = (name: string) =>
    2 * Number(/^layer(\d)/.exec(name)?.[1] ?? 0) + Number(!name.includes('downsample'));
  const names = [
    ...specs.filter(({ role }) => !isNorm(role)),
    ...specs.filter(({ role }) => isNorm(role)).sort((a, b) => rank(a.name) - rank(b.name)),
  ].map(({ name }) => name);
  const tensors = exported.graph.initializer;
  const inOrder = [
    ...tensors.filter(({ dims }) => dims.length !== 3),
    ...tensors.filter(({ dims }) => dims.length === 3),
  ];
  const weights = new Map(inOrder.map((tensor, i) => [names[i], Float32Array.from(tensorValues(tensor)!)]));
  const stages = [0, 1, 2, 3].map((i) => `/layers/layers.${i}/Relu_1_output_0`);

  test('computes what the network that PyTorch exported computes', async () => {
    const expected = await run(exported, slices, stages);
    const results = await run(buildResNet(options, weights), slices, RESNET_LAYERS);
    expect(difference(results[RESNET_OUTPUT].data, json('network/network.json').logits)).toBeLessThan(1e-4);
    for (const [i, layer] of RESNET_LAYERS.entries()) {
      expect(results[layer].dims).toEqual(expected[stages[i]].dims);
      const activation = expected[stages[i]].data as Float32Array;
      expect(difference(results[layer].data, activation), layer).toBeLessThan(1e-4);
    }
  });

  test('names its input and its output, and says their sizes', () => {
    const described = (chosen: ResNetOptions) => {
      const { input, output } = buildResNet(chosen, weights).graph;
      return [...input, ...output].map((info) => `${info.name}: ${describeType(tensorType(info))}`);
    };
    const logits = `${RESNET_OUTPUT}: float32 [n, 1]`;
    expect(described(options)).toEqual([`${RESNET_INPUT}: float32 [n, 1, 64, 64]`, logits]);
    const anySize = { ...options, size: undefined };
    expect(described(anySize)).toEqual([`${RESNET_INPUT}: float32 [n, 1, size, size]`, logits]);
  });
});

const golden = new URL('../../../shared/golden/network/', import.meta.url);
const absent = !existsSync(golden);

describe.skipIf(absent)(
  `ResNet-10-T against PyTorch${absent ? ' (skipped: ../shared/golden is not there)' : ''}`,
  () => {
    test.each([
      ['gn', 'group'],
      ['fbn', 'frozen'],
    ] as const)('%s: logits and activations', async (file, norm) => {
      const path = new URL(`resnet10t_${file}.safetensors`, golden);
      const { tensors } = readSafetensors(readFileSync(path), path.pathname);
      const weights = new Map([...tensors].map(([name, tensor]) => [name, floats(tensor)]));
      const results = await run(buildResNet({ ...quarter, norm }, weights), slices, RESNET_LAYERS);
      const expected = (name: string) => readFloats(new URL(`${file}_${name}.bin`, golden));
      expect(difference(results[RESNET_OUTPUT].data, expected('logits'))).toBeLessThan(1e-4);
      for (const layer of RESNET_LAYERS) {
        expect(difference(results[layer].data, expected(`activation_${layer}`)), layer).toBeLessThan(1e-4);
      }
    });
  },
);

describe('sizes', () => {
  const [random] = randomStreams(3, 1);
  const images = (side: number, channels = 1): Tensor => {
    const dims = [3, channels, side, side];
    return { data: Float32Array.from({ length: size(dims) }, () => random.normal()), dims };
  };

  test.each([
    [{ architecture: 'resnet50', norm: 'group', channels: 1, outputs: 2, width: 0.25 }, 72, [64, 512, 3, 3]],
    [{ architecture: 'resnet10t', norm: 'batch', channels: 2, outputs: 5, width: 0.5 }, 72, [32, 256, 3, 3]],
    [{ architecture: 'resnet10t', norm: 'group', channels: 1, outputs: 1, width: 0.5 }, 33, [32, 256, 2, 2]],
    [{ architecture: 'resnet10t', norm: 'group', channels: 1, outputs: 1, width: 0.1 }, 40, [8, 48, 2, 2]],
  ] as const)('%j on slices of %i', async (options, side, [first, last, ...cells]) => {
    const model = buildResNet(options, initialWeights(options, random));
    const results = await run(model, images(side, options.channels), RESNET_LAYERS);
    expect(results[RESNET_OUTPUT].dims).toEqual([3, options.outputs]);
    expect((results[RESNET_OUTPUT].data as Float32Array).every(Number.isFinite)).toBe(true);
    // Weights at random tell the slices apart.
    expect(new Set(results[RESNET_OUTPUT].data as Float32Array).size).toBe(3 * options.outputs);
    expect(results.layer1.dims[1]).toBe(first);
    expect(results.layer4.dims).toEqual([3, last, ...cells]);
  });

  test('a network made for one size takes no other', async () => {
    const options: ResNetOptions = { ...quarter, norm: 'group', size: 32 };
    const model = buildResNet(options, initialWeights(options, random));
    expect((await run(model, images(32)))[RESNET_OUTPUT].dims).toEqual([3, 1]);
    await expect(run(model, images(40))).rejects.toThrow(/32/);
  });
});
