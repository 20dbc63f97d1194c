import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type ArchitectureName,
  type NormName,
  type ResNetOptions,
  resnetWeights,
} from '../../src/encoders/resnet.ts';
import {
  initialWeights,
  pretrainedFiles,
  pretrainedUrl,
  pretrainedWeights,
} from '../../src/encoders/weights.ts';
import { EncoderError } from '../../src/errors.ts';
import {
  readSafetensors,
  type SafeTensor,
  type WritableTensor,
  writeSafetensors,
} from '../../src/formats/safetensors.ts';
import { randomStreams } from '../../src/geometry/random.ts';

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
/** Eighth width: the same names, few numbers. */
const network: ResNetOptions = {
  architecture: 'resnet10t',
  norm: 'frozen',
  channels: 1,
  outputs: 1,
  width: 0.125,
};
const draw = (options: ResNetOptions, seed = 0) => initialWeights(options, randomStreams(seed, 1)[0]);

function moments(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) };
}

describe('initial weights', () => {
  const full: ResNetOptions = { ...network, width: 1, outputs: 40 };
  const weights = draw(full);

  test('are those of the network, in its order', () => {
    const shapes = [...weights].map(([name, values]) => [name, values.length]);
    expect(shapes).toEqual(resnetWeights(full).map(({ name, shape }) => [name, size(shape)]));
  });

  test.each([
    // √(2 / (co·k·k)), whatever the number of inputs.
    ['conv1.0.weight', Math.sqrt(2 / (24 * 9))],
    ['conv1.6.weight', Math.sqrt(2 / (64 * 9))],
    ['layer4.0.conv1.weight', Math.sqrt(2 / (512 * 9))],
    ['layer4.0.downsample.1.weight', Math.sqrt(2 / 512)],
  ])('%s is normal with the deviation of Kaiming He', (name, expected) => {
    const values = weights.get(name)!;
    const { mean, deviation } = moments(values);
    const error = 1 / Math.sqrt(values.length);
    expect(Math.abs(deviation / expected - 1)).toBeLessThan(3 * error);
    expect(Math.abs(mean) / expected).toBeLessThan(4 * error);
    // Not uniform, whose numbers end at √3 deviations.
    const far = values.filter((v) => Math.abs(v) > 2 * expected).length / values.length;
    expect(far).toBeGreaterThan(0.02);
    expect(far).toBeLessThan(0.07);
  });

  test.each([
    ['fc.weight', 40 * 512],
    ['fc.bias', 40],
  ])('%s is uniform within ±1/√features', (name, count) => {
    const values = weights.get(name)!;
    const bound = 1 / Math.sqrt(512);
    expect(values).toHaveLength(count);
    expect(Math.max(...values)).toBeLessThan(bound);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-bound);
    expect(Math.max(...values)).toBeGreaterThan(0.8 * bound);
    expect(Math.min(...values)).toBeLessThan(-0.8 * bound);
    expect(Math.abs(moments(values).deviation / bound - 1 / Math.sqrt(3))).toBeLessThan(0.1);
  });

  test.each([
    ['weight', 1],
    ['bias', 0],
    ['running_mean', 0],
    ['running_var', 1],
  ])('every norm’s %s is %i', (part, expected) => {
    const norms = [...weights].filter(([name]) => /(bn\d|conv1\.[14]|downsample\.2)\.[a-z_]+$/.test(name));
    const chosen = norms.filter(([name]) => name.endsWith(`.${part}`));
    expect(chosen).toHaveLength(14);
    for (const [name, values] of chosen) expect(new Set(values), name).toEqual(new Set([expected]));
  });

  test('are the same for the same seed, and others for another', () => {
    expect(draw(network)).toEqual(draw(network));
    const [a, b] = [draw(network, 1), draw(network, 2)];
    for (const name of ['conv1.0.weight', 'layer3.0.conv2.weight', 'fc.weight', 'fc.bias']) {
      expect(a.get(name), name).not.toEqual(b.get(name));
    }
  });

  test('do not depend on the norm, which draws nothing', () => {
    const [frozen, group] = [draw(network), draw({ ...network, norm: 'group' })];
    for (const [name, values] of group) expect(frozen.get(name), name).toEqual(values);
    expect(group.size).toBe(frozen.size - 28);
  });
});

/** A file as timm publishes it, with numbers that tell all weights apart. */
function file(
  options: Partial<ResNetOptions> = {},
  change: (tensors: Map<string, WritableTensor>) => void = () => {},
) {
  const own: ResNetOptions = { ...network, channels: 3, outputs: 7, ...options };
  const tensors = new Map<string, WritableTensor>(
    resnetWeights(own).map(({ name, shape }, i) => [
      name,
      { data: Float32Array.from({ length: size(shape) }, (_, k) => i + (k + 1) / 2 ** 20), shape },
    ]),
  );
  for (const name of [...tensors.keys()].filter((key) => key.endsWith('.running_var'))) {
    const counter = name.replace('running_var', 'num_batches_tracked');
    tensors.set(counter, { data: BigInt64Array.of(7n), shape: [] });
  }
  change(tensors);
  return readSafetensors(writeSafetensors(tensors), 'timm.safetensors').tensors;
}

const load = (options: ResNetOptions, tensors: ReadonlyMap<string, SafeTensor>) =>
  pretrainedWeights(options, tensors, 'timm.safetensors', draw(options));

function refusal(options: ResNetOptions, tensors: ReadonlyMap<string, SafeTensor>): string {
  try {
    load(options, tensors);
  } catch (error) {
    expect(error).toBeInstanceOf(EncoderError);
    return (error as EncoderError).message;
  }
  throw new Error('It was taken.');
}

describe('pretrained weights', () => {
  test.each(['frozen', 'batch'] as const)('with %s norm are the file’s but for both ends', (norm) => {
    const options = { ...network, norm };
    const tensors = file();
    const initial = draw(options);
    const { weights, report } = pretrainedWeights(options, tensors, 'timm.safetensors', initial);
    expect([...weights.keys()]).toEqual(resnetWeights(options).map(({ name }) => name));
    for (const [name, values] of weights) {
      if (name === 'conv1.0.weight') expect(values).toHaveLength(8 * 9);
      else expect(values, name).toEqual(name.startsWith('fc.') ? initial.get(name) : tensors.get(name)!.data);
    }
    expect(report).toEqual({
      file: 'timm.safetensors',
      taken: { convolution: 13, scale: 14, shift: 14, mean: 14, variance: 14 },
      adapted: { weight: 'conv1.0.weight', from: 3, to: 1 },
      initial: { classifier: 1, 'classifier bias': 1 },
    });
  });

  test('of a network with as many channels and classes are the file’s', () => {
    const options = { ...network, channels: 3, outputs: 7 };
    const tensors = file();
    const { weights, report } = load(options, tensors);
    for (const [name, values] of weights) expect(values, name).toEqual(tensors.get(name)!.data);
    expect(report).toEqual({
      file: 'timm.safetensors',
      taken: {
        convolution: 14,
        scale: 14,
        shift: 14,
        mean: 14,
        variance: 14,
        classifier: 1,
        'classifier bias': 1,
      },
      initial: {},
    });
    const two = { ...options, channels: 2 };
    expect(load(two, file({ channels: 2 })).weights).toEqual(
      new Map(resnetWeights(two).map(({ name }) => [name, file({ channels: 2 }).get(name)!.data])),
    );
  });

  test('of batch norm in a network with group norm: all but the norms (3.6)', () => {
    const options: ResNetOptions = { ...network, norm: 'group' };
    const tensors = file();
    const { weights, report } = load(options, tensors);
    expect([...weights.keys()]).toEqual(resnetWeights(options).map(({ name }) => name));
    expect(new Set(weights.get('layer2.0.downsample.2.weight'))).toEqual(new Set([1]));
    expect(new Set(weights.get('bn1.bias'))).toEqual(new Set([0]));
    expect(weights.get('layer4.0.conv2.weight')).toEqual(tensors.get('layer4.0.conv2.weight')!.data);
    expect(report).toMatchObject({
      taken: { convolution: 13 },
      initial: { scale: 14, shift: 14, classifier: 1, 'classifier bias': 1 },
    });
    expect(Object.keys(report.taken)).toEqual(['convolution']);
  });

  test('of group norm in a network with group norm: the norms too', () => {
    const options: ResNetOptions = { ...network, architecture: 'resnet50', norm: 'group' };
    const tensors = file({ architecture: 'resnet50', norm: 'group' });
    const { weights, report } = load(options, tensors);
    for (const name of ['bn1.weight', 'layer3.5.bn3.bias', 'layer1.0.downsample.1.weight']) {
      expect(weights.get(name), name).toEqual(tensors.get(name)!.data);
    }
    expect(report.taken).toEqual({ convolution: 52, scale: 53, shift: 53 });
    expect(report.adapted).toEqual({ weight: 'conv1.weight', from: 3, to: 1 });
  });

  test.each(['frozen', 'batch'] as const)('of group norm have no statistics for %s norm', (norm) => {
    expect(refusal({ ...network, norm }, file({ norm: 'group' }))).toBe(
      'timm.safetensors: The network of these weights has group norm, and so no running statistics, which batch norm needs. Choose group norm, or weights of a network with batch norm.',
    );
  });

  test('may be half or double precision', () => {
    const tensors = file();
    const bias = tensors.get('bn1.bias')!;
    const half = { ...bias, dtype: 'F16' as const, data: new Uint16Array(8).fill(0x3e00) };
    const double = { ...bias, dtype: 'F64' as const, data: new Float64Array(8).fill(0.1) };
    expect(load(network, new Map(tensors).set('bn1.bias', half)).weights.get('bn1.bias')).toEqual(
      new Float32Array(8).fill(1.5),
    );
    expect(load(network, new Map(tensors).set('bn1.bias', double)).weights.get('bn1.bias')).toEqual(
      new Float32Array(8).fill(0.1),
    );
  });

  test('want initial weights of the same network', () => {
    expect(() => pretrainedWeights(network, file(), 'a', new Map())).toThrow(
      new RangeError('The initial weights lack fc.weight.'),
    );
  });
});

describe('the first convolution', () => {
  const adapted: Record<string, number[]> = JSON.parse(
    readFileSync(new URL('../fixtures/resnet/adapted.json', import.meta.url), 'utf8'),
  );

  test.each(Object.entries(adapted))('for %s channels is timm’s', (channels, expected) => {
    const options: ResNetOptions = { ...network, channels: Number(channels), width: 0.125 };
    // The fixture has two outputs, the network eight.
    const conv = Float32Array.from({ length: 8 * 27 }, (_, i) => Math.fround(adapted[3][i % 54]));
    const tensors = file({}, (all) => all.set('conv1.0.weight', { data: conv, shape: [8, 3, 3, 3] }));
    const values = load(options, tensors).weights.get('conv1.0.weight')!;
    expect(values).toHaveLength(4 * expected.length);
    expect(values.subarray(0, expected.length)).toEqual(Float32Array.from(expected));
    expect(values.subarray(3 * expected.length)).toEqual(Float32Array.from(expected));
  });
});

describe('other weights are refused', () => {
  const not = 'timm.safetensors: These are not the weights of a resnet10t of width 0.125:';
  const give =
    "They are probably of another architecture or width. Give those of timm's resnet10t, and leave the width at 1.";
  const bias = new Float32Array(8);

  test('one that is missing', () => {
    expect(
      refusal(
        network,
        file({}, (all) => all.delete('bn1.running_mean')),
      ),
    ).toBe(`${not} bn1.running_mean is missing. ${give}`);
  });

  test('all of them', () => {
    expect(refusal(network, new Map())).toBe(
      `${not} conv1.0.weight is missing, conv1.1.weight is missing, conv1.1.bias is missing and 41 more. ${give}`,
    );
  });

  test('one of another shape', () => {
    const tensors = file({}, (all) => all.set('bn1.bias', { data: bias, shape: [8, 1] }));
    expect(refusal({ ...network, width: 0.125 }, tensors)).toBe(
      `${not} bn1.bias is [8, 1] instead of [8]. ${give}`,
    );
  });

  test('one of integers', () => {
    const tensors = file({}, (all) => all.set('bn1.bias', { data: new Int32Array(8), shape: [8] }));
    expect(refusal(network, tensors)).toBe(`${not} bn1.bias is of type I32. ${give}`);
  });

  test('one too many: these are a part of a larger network', () => {
    const tensors = file({}, (all) => all.set('layer1.1.bn1.bias', { data: bias, shape: [8] }));
    expect(refusal(network, tensors)).toBe(`${not} layer1.1.bn1.bias is not part of it. ${give}`);
  });

  test('a classifier without its bias, or of other features', () => {
    expect(
      refusal(
        network,
        file({}, (all) => all.delete('fc.bias')),
      ),
    ).toBe(`${not} fc.bias is missing. ${give}`);
    const data = new Float32Array(7 * 32);
    const tensors = file({}, (all) => all.set('fc.weight', { data, shape: [7, 32] }));
    expect(refusal(network, tensors)).toBe(`${not} fc.weight is [7, 32] instead of [7, 64]. ${give}`);
  });

  test('of an image with other channels than three and its own', () => {
    expect(refusal(network, file({ channels: 2 }))).toBe(
      `${not} conv1.0.weight is [8, 2, 3, 3] instead of [8, 3, 3, 3]. ${give}`,
    );
  });

  test('of the other architecture or another width, which is said', () => {
    const options: ResNetOptions = { ...network, width: 1 };
    const of = (architecture: ArchitectureName, norm: NormName) => file({ architecture, norm, width: 1 });
    const other = refusal(options, of('resnet50', 'group'));
    expect(other).toMatch(
      /^timm\.safetensors: These are not the weights of a resnet10t of width 1: conv1\.0\.weight is missing, /,
    );
    expect(other).toMatch(/ and \d+ more\. They are those of a resnet50 of width 1: choose that\.$/);
    expect(refusal(network, of('resnet10t', 'frozen'))).toMatch(
      / They are those of a resnet10t of width 1: choose that\.$/,
    );
    expect(refusal(options, file())).toMatch(
      /: conv1\.0\.weight is \[8, 3, 3, 3\] instead of \[24, 3, 3, 3\], .* They are probably of another architecture or width\. Give those of timm's resnet10t\.$/,
    );
  });
});

describe('known files', () => {
  test('have their places', () => {
    expect(pretrainedUrl('resnet10t')).toBe(
      'https://huggingface.co/timm/resnet10t.c3_in1k/resolve/main/model.safetensors',
    );
    expect(pretrainedUrl('resnet50_gn', 'http://mirror.example/hf')).toBe(
      'http://mirror.example/hf/timm/resnet50_gn.a1h_in1k/resolve/main/model.safetensors',
    );
  });

  test('are of these networks', () => {
    expect(pretrainedFiles).toMatchObject({
      resnet10t: { architecture: 'resnet10t', norms: ['frozen', 'batch', 'group'] },
      resnet50_gn: { architecture: 'resnet50', norms: ['group'] },
    });
  });
});
