/** What the page is told of an encoder's file. */
import { describe, expect, it } from 'vitest';
import { scalingInWords } from '../../../src/app/engine/encoder-info.ts';
import { Engine } from '../../../src/app/engine/engine.ts';
import { defaultPreprocessing } from '../../../src/encoders/preprocessing.ts';
import { EncoderError } from '../../../src/errors.ts';
import { classifier, node, onnx, value, weights } from '../../onnx/fixture.ts';
import { onNode, phantomEncoder, source } from './support.ts';

const open = (bytes: Uint8Array, name = 'net.onnx') => new Engine(onNode).openEncoder(source(name, bytes));

it('the phantom encoder', async () => {
  expect(await open(phantomEncoder)).toEqual({
    name: 'net.onnx',
    channels: 1,
    classes: ['label'],
    size: 64,
    defaultSize: 64,
    layers: [
      { name: '1', title: '1: layer1, 16 × 16' },
      { name: '2', title: '2: layer2, 8 × 8' },
      { name: '3', title: '3: layer3, 4 × 4' },
      { name: '4', title: '4: layer4, 2 × 2' },
    ],
    scaling: 'Each channel to mean 0 and deviation 1; its minimum outside.',
  });
});

describe('an encoder that says little', () => {
  it('has numbers for classes, the paper’s size, and layers by their tensors', async () => {
    const free = onnx({ ...classifier({ channels: 3 }), inputs: [value('x', ['n', 3, 'h', 'w'])] });
    expect(await open(free)).toEqual({
      name: 'net.onnx',
      channels: 3,
      classes: ['0', '1'],
      defaultSize: 224,
      layers: [{ name: '1', title: '1: r, 224 × 224' }],
      scaling: 'Values as they are.',
    });
  });

  it('and one without layers says so', async () => {
    const flat = onnx({
      inputs: [value('x', ['n', 1, 4, 4])],
      outputs: [value('y', ['n', 1])],
      nodes: [node('Flatten', 'x', 'f'), node('MatMul', 'f,w', 'y')],
      initialisers: [weights('w', [16, 1])],
    });
    const { layers, noLayers, size } = await open(flat);
    expect({ layers, size }).toEqual({ layers: [], size: 4 });
    expect(noLayers).toBe(
      'No layer of this network lies in an image of 4 × 4 pixels, as far as its graph can be followed.',
    );
  });
});

it.each([
  [
    { normalise: 'range', scale: [2], mean: [0.485], std: [0.229] },
    'Each channel from its minimum to its maximum to 0 to 1; times 2; minus 0.485; divided by 0.229.',
  ],
  [
    { crop: { channel: 1, above: 0.2 }, outside: -1 },
    'Cropped to where channel 1 is above 0.2; values as they are; -1 outside.',
  ],
] as const)('scaling in words: %o', (given, words) => {
  expect(scalingInWords({ ...defaultPreprocessing, ...given })).toBe(words);
});

describe('a file that is no encoder is refused with what it is', () => {
  it.each([
    ['empty', new Uint8Array(0), 'The file is empty.'],
    ['a text', new TextEncoder().encode('<html>no</html>'.repeat(40)), ''],
    ['half a file', phantomEncoder.subarray(0, 1000), ''],
  ])('%s', async (_, bytes, problem) => {
    const engine = new Engine(onNode);
    await engine.openEncoder(source('good.onnx', phantomEncoder));
    const error: unknown = await engine.openEncoder(source('bad.onnx', bytes)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(EncoderError);
    expect(error).toMatchObject({ subject: 'bad.onnx', problem: expect.stringMatching(/^[A-Z].*\.$/) });
    if (problem) expect(error).toMatchObject({ problem });
  });

  it('or cannot be read any more', async () => {
    const file = new Blob([]);
    file.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
    await expect(new Engine(onNode).openEncoder({ name: 'net.onnx', file })).rejects.toThrow(
      'net.onnx: The browser cannot read this file. Check that it is still there and not larger than 2 GiB, and choose it again.',
    );
  });
});
