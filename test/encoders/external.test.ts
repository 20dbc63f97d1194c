import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { type EncoderOptions, readEncoder } from '../../src/encoders/external.ts';
import { DeviceError, EncoderError } from '../../src/errors.ts';
import {
  classifier,
  float16,
  images,
  integers,
  type Network,
  node,
  onnx,
  run,
  uint8,
  value,
  weights,
} from '../onnx/fixture.ts';

const read = (network: Network, options?: EncoderOptions) => readEncoder(onnx(network), 'net.onnx', options);
const withInput = (...inputs: NonNullable<Network['inputs']>) => ({ ...classifier(), inputs });
const withOutput = (...shape: (string | number)[]) => ({ ...classifier(), outputs: [value('logit', shape)] });

test('an encoder that needs no change keeps its bytes', async () => {
  const bytes = onnx(classifier());
  const encoder = await readEncoder(bytes, 'net.onnx');
  expect(encoder.model).toBe(bytes);
  expect(encoder).toEqual({
    name: 'net.onnx',
    sha256: createHash('sha256').update(bytes).digest('hex'),
    model: bytes,
    input: 'x',
    output: 'logit',
    layout: 'nchw',
    channels: 1,
    batch: undefined,
    size: { rows: 16, columns: 16 },
    outputs: 2,
    classes: [],
    preprocessing: { normalise: 'none', scale: [1], mean: [0], std: [1], outside: 0 },
    activation: 'none',
    metadata: {},
  });
});

test('a page without a secure connection is told why there is no checksum', async () => {
  vi.stubGlobal('crypto', {});
  try {
    await expect(read(classifier())).rejects.toBeInstanceOf(DeviceError);
    await expect(read(classifier())).rejects.toThrow('Open the page over https or from localhost.');
  } finally {
    vi.unstubAllGlobals();
  }
});

describe('the image', () => {
  test.each([
    [['n', 1, 'h', 'w'], undefined, undefined],
    [[8, 1, 96, 64], 8, { rows: 96, columns: 64 }],
    [[-1, 1, 'h', 224], undefined, { rows: 224, columns: 224 }],
    [['n', 1, 96, 'w'], undefined, { rows: 96, columns: 96 }],
  ])('%j: free and fixed lengths', async (shape, batch, size) => {
    const encoder = await read(withInput(value('x', shape as (string | number)[])));
    expect([encoder.batch, encoder.size]).toEqual([batch, size]);
  });

  test('free channels are those of the first convolution', async () => {
    const network = { ...classifier({ channels: 3 }), inputs: [value('x', ['n', 'c', 64, 64])] };
    expect(await read(network)).toMatchObject({
      layout: 'nchw',
      channels: 3,
      size: { rows: 64, columns: 64 },
    });
    const grouped = {
      inputs: [value('x', ['n', 'c', 'h', 'w'])],
      outputs: [value('y', ['n', 4])],
      nodes: [node('Mul', 'x,k', 'm'), node('Conv', 'm,w', 'f', { group: 2 }), node('Flatten', 'f', 'y')],
      initialisers: [weights('k', []), weights('w', [4, 3, 1, 1])],
    };
    expect((await read(grouped)).channels).toBe(6);
  });

  const transposed = (shape: (string | number)[]): Network => ({
    inputs: [value('x', shape)],
    outputs: [value('y', ['n', 2])],
    nodes: [
      node('Transpose', 'x', 't', { perm: [0, 3, 1, 2] }),
      node('Conv', 't,w', 'c'),
      node('GlobalAveragePool', 'c', 'p'),
      node('Flatten', 'p', 'y'),
    ],
    initialisers: [weights('w', [2, 3, 1, 1])],
  });
  const direct = (shape: (string | number)[]): Network => ({
    ...transposed(shape),
    nodes: [node('ReduceMean', 'x', 'p', { axes: [1, 2], keepdims: 0 }), node('MatMul', 'p,w', 'y')],
    initialisers: [weights('w', [3, 2])],
  });
  test.each<[string, Network, string, number, unknown]>([
    ['free sides, transposed', transposed(['n', 'h', 'w', 3]), 'nhwc', 3, undefined],
    ['small sides, transposed', transposed(['n', 32, 48, 3]), 'nhwc', 3, { rows: 32, columns: 48 }],
    ['nothing fixed, transposed', transposed(['n', 'h', 'w', 'c']), 'nhwc', 3, undefined],
    ['last axis small, second free', direct(['n', 'h', 'w', 3]), 'nhwc', 3, undefined],
    ['last axis small, second long', direct(['n', 224, 192, 3]), 'nhwc', 3, { rows: 224, columns: 192 }],
    ['both small', direct(['n', 3, 64, 3]), 'nchw', 3, { rows: 64, columns: 3 }],
    ['second axis small', direct(['n', 3, 224, 224]), 'nchw', 3, { rows: 224, columns: 224 }],
    [
      'second axis small although transposed',
      transposed(['n', 3, 224, 224]),
      'nchw',
      3,
      { rows: 224, columns: 224 },
    ],
  ])('layout: %s', async (_, network, layout, channels, size) => {
    expect(await read(network)).toMatchObject({ layout, channels, size });
  });

  test('the layout that the caller names wins', async () => {
    expect(await read(direct(['n', 3, 64, 3]), { layout: 'nhwc' })).toMatchObject({
      layout: 'nhwc',
      channels: 3,
      size: { rows: 3, columns: 64 },
    });
  });

  test('an input of unknown rank is taken when it is named', async () => {
    expect(await read(withInput(value('x')), { input: 'x' })).toMatchObject({ channels: 1, size: undefined });
    await expect(read(withInput(value('x')))).rejects.toThrow('Its inputs are x: float32 of unknown shape.');
  });
});

describe('the output', () => {
  test.each<[(string | number)[], number | undefined]>([
    [['n'], 1],
    [['n', 1], 1],
    [['n', 5], 5],
    [['n', 5, 1, 1], 5],
    [['n', 1, 1, 5], 5],
    [['n', 1, 1, 1], 1],
    [['n', 5, 'h', 'w'], 5],
    [['n', 'k'], undefined],
    [[3], 1],
  ])('%j holds %s numbers an image', async (shape, outputs) => {
    expect((await read(withOutput(...shape))).outputs).toBe(outputs);
  });

  test('an output without a shape says nothing', async () => {
    expect((await read({ ...classifier(), outputs: [value('logit')] })).outputs).toBeUndefined();
  });

  test('a batch of one may have been dropped', async () => {
    const network = { ...withOutput(5), inputs: [value('x', [1, 1, 16, 16])] };
    expect((await read(network)).outputs).toBe(5);
  });

  test('the first of several outputs is taken, or the one that is named', async () => {
    const network = { ...classifier(), outputs: [value('logit', ['n', 2]), value('m', ['n', 4])] };
    expect(await read(network)).toMatchObject({ output: 'logit', outputs: 2 });
    expect(await read(network, { output: 'm' })).toMatchObject({ output: 'm', outputs: 4 });
    await expect(read(network, { output: 'z' })).rejects.toThrow(
      'no output "z". Its outputs are logit, m. Name one',
    );
  });
});

describe('an activation at the end', () => {
  const reshape = integers('flat', [-1, 2]);
  test.each<[string, NonNullable<Network['nodes']>, string]>([
    ['Softmax', [node('Softmax', 'logit', 'y', { axis: 1 })], 'softmax'],
    ['LogSoftmax', [node('LogSoftmax', 'logit', 'y', { axis: 1 })], 'softmax'],
    ['Sigmoid', [node('Sigmoid', 'logit', 'y')], 'sigmoid'],
    [
      'Sigmoid behind Identity and Reshape',
      [node('Sigmoid', 'logit', 'p'), node('Identity', 'p', 'q'), node('Reshape', 'q,flat', 'y')],
      'sigmoid',
    ],
  ])('%s is taken off, and the logit is what it was', async (_, tail, activation) => {
    const network = classifier({ tail });
    const bytes = onnx({ ...network, initialisers: [...network.initialisers!, reshape] });
    const encoder = await readEncoder(bytes, 'net.onnx');
    expect(encoder).toMatchObject({ activation, output: 'logit', outputs: 2 });
    expect(encoder.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    const feeds = { x: images(3, 1, 16, 16) };
    const [bare, whole] = [await run(onnx(classifier()), feeds), await run(encoder.model, feeds)];
    expect(whole.logit).toEqual(bare.logit);
    expect(Object.keys(whole)).toEqual(['y', 'logit']);
  });

  test('an activation further inside stays', async () => {
    const network = classifier({ tail: [node('Sigmoid', 'logit', 's'), node('Neg', 's', 'y')] });
    expect(await read(network)).toMatchObject({ activation: 'none', output: 'y' });
  });
});

describe('metadata and options', () => {
  const metadata = {
    'tonno.preprocessing': '{"normalise": "zscore", "outside": "minimum", "scale": [2]}',
    'tonno.classes': '["healthy", "lesion"]',
    'tonno.layers': '["r"]',
    'tonno.name': 'two classes',
  };
  test('the file says how it wants its input, and the caller has the last word', async () => {
    const encoder = await read({ ...classifier(), metadata }, { preprocessing: { scale: [3], mean: [1] } });
    expect(encoder.classes).toEqual(['healthy', 'lesion']);
    expect(encoder.metadata).toMatchObject({ layers: ['r'], name: 'two classes' });
    expect(encoder.preprocessing).toEqual({
      normalise: 'zscore',
      scale: [3],
      mean: [1],
      std: [1],
      outside: 'minimum',
    });
  });

  test('as many names as outputs', async () => {
    const network = { ...classifier({ classes: 3 }), metadata };
    await expect(read(network)).rejects.toThrow('names 2 classes ("tonno.classes"), but its output has 3.');
  });

  test('preprocessing must fit the input', async () => {
    await expect(read(classifier(), { preprocessing: { mean: [1, 2] } })).rejects.toThrow(
      'net.onnx: Its preprocessing has 2 numbers for "mean". Give one number, or one for each channel of the encoder (1).',
    );
  });
});

describe('networks that are no encoders', () => {
  const flat = value('x', ['n', 7]);
  const image = value('x', ['n', 1, 16, 16]);
  test.each<[what: string, network: Network, message: string, options?: EncoderOptions]>([
    [
      'no image input',
      withInput(flat),
      'no image input, which is a float32 tensor of rank 4. Its inputs are x: float32 [n, 7].',
    ],
    [
      'no input at all',
      withInput(),
      'no image input, which is a float32 tensor of rank 4. Its inputs are none.',
    ],
    [
      'two image inputs',
      withInput(image, value('z', ['n', 1, 8, 8])),
      'has 2 image inputs: x: float32 [n, 1, 16, 16]; z: float32 [n, 1, 8, 8]. An encoder takes one stack',
    ],
    [
      'more than images',
      withInput(image, value('age', ['n', 1])),
      'wants more than images. Its inputs are x: float32 [n, 1, 16, 16]; age: float32 [n, 1].',
    ],
    [
      'float16 images',
      withInput(value('x', ['n', 1, 16, 16], float16)),
      'Its input "x" takes float16 images, and slices are float32. Convert it',
    ],
    [
      'uint8 images',
      withInput(value('x', ['n', 1, 16, 16], uint8)),
      'takes uint8 images, and slices are float32. Export it with a float32 input.',
    ],
    [
      'a wrong name for the input',
      classifier(),
      'has no input "z". Its inputs are x: float32 [n, 1, 16, 16].',
      { input: 'z' },
    ],
    [
      'a flat input by its name',
      withInput(flat),
      'Its input "x" is float32 [n, 7], not an image.',
      { input: 'x' },
    ],
    [
      'channels that nothing fixes',
      {
        ...withInput(value('x', ['n', 'c', 'h', 'w'])),
        nodes: [node('GlobalAveragePool', 'x', 'p'), node('Flatten', 'p', 'logit')],
      },
      'The number of channels of its input "x" is not fixed.',
    ],
    [
      'a map of classes',
      withOutput('n', 2, 16, 16),
      'Its output "logit" is float32 [n, 2, 16, 16]: a map for each image, not one number a class. Give a classification network',
    ],
    ['an NHWC map of classes', withOutput('n', 16, 16, 2), 'a map for each image'],
    [
      'one number for all',
      withOutput(),
      'Its output "logit" is float32 []: one number for all images together.',
    ],
    [
      'a float16 output',
      { ...classifier(), outputs: [value('logit', ['n', 2], float16)] },
      'only float32 can be used',
    ],
    [
      'metadata of the wrong form',
      { ...classifier(), metadata: { 'tonno.classes': '"lesion"' } },
      'The value of "tonno.classes" in its metadata is no list of names.',
    ],
  ])('%s', async (_, network, message, options) => {
    await expect(read(network, options)).rejects.toBeInstanceOf(EncoderError);
    await expect(read(network, options)).rejects.toThrow(`net.onnx: `);
    await expect(read(network, options)).rejects.toThrow(message);
  });

  test('a file that is no model', async () => {
    await expect(readEncoder(new Uint8Array(), 'net.onnx')).rejects.toThrow('net.onnx: The file is empty.');
  });
});

const squeezenet = new URL('../../../shared/data/encoders/squeezenet_v1_1_fp32.onnx', import.meta.url);
const there = existsSync(squeezenet);
test.skipIf(!there)(
  there ? 'SqueezeNet 1.1' : 'SqueezeNet 1.1 (skipped: the shared data are not on this machine)',
  async () => {
    expect(await readEncoder(readFileSync(squeezenet), 'squeezenet.onnx')).toMatchObject({
      input: 'input',
      output: 'logits',
      layout: 'nchw',
      channels: 3,
      batch: undefined,
      size: { rows: 224, columns: 224 },
      outputs: 1000,
      activation: 'none',
    });
  },
);
