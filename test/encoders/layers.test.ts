/** Layers by number and by name: what a choice means, and what is said of one that means nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Encoder, readEncoder } from '../../src/encoders/external.ts';
import { encoderLayers, numberedLayers, resolveLayer } from '../../src/encoders/layers.ts';
import { EncoderError, UsageError } from '../../src/errors.ts';
import { type Model, parseModel, serialiseModel } from '../../src/onnx/model.ts';
import { classifier, model, type Network, node, onnx, value, weights } from '../onnx/fixture.ts';
import { tinyConvNeXt, tinyViT } from '../support/transformers.ts';

async function read(bytes: Uint8Array): Promise<{ encoder: Encoder; model: Model }> {
  const encoder = await readEncoder(bytes, 'net.onnx');
  return { encoder, model: parseModel(encoder.model, 'net.onnx') };
}

const numbersOf = ({ encoder, model }: { encoder: Encoder; model: Model }) =>
  numberedLayers(encoder, encoderLayers(model, encoder), model).map((layer) => layer?.tensor);

describe('numbers', () => {
  const stages = [1, 2, 3, 4].map((stage) => `/layers/layers.${stage - 1}/Relu_1_output_0`);
  const shared = new URL('../../../shared/', import.meta.url);
  const files: [name: string, url: URL, names: string[]][] = [
    ['a ResNet’s stages', new URL('../fixtures/network/resnet10t_gn.onnx', import.meta.url), stages],
    ['with frozen batch norm', new URL('golden/network/resnet10t_fbn.onnx', shared), stages],
    ['with group norm', new URL('golden/network/resnet10t_gn.onnx', shared), stages],
    [
      'SqueezeNet',
      new URL('data/encoders/squeezenet_v1_1_fp32.onnx', shared),
      [
        '/features/features.1/Relu_output_0',
        '/features/features.4/Concat_output_0',
        '/features/features.7/Concat_output_0',
        '/classifier/classifier.2/Relu_output_0',
      ],
    ],
  ];
  for (const [name, url, expected] of files) {
    const there = existsSync(url);
    const title = `${name}${there ? '' : ' (skipped: the shared data are not on this machine)'}`;
    test.skipIf(!there)(title, async () => {
      expect(numbersOf(await read(readFileSync(url)))).toEqual(expected);
    });
  }

  test('are fewer where there are fewer sensible layers', async () => {
    expect(numbersOf(await read(serialiseModel(tinyViT())))).toEqual(['block0']);
    expect(numbersOf(await read(serialiseModel(tinyConvNeXt())))).toHaveLength(2);
  });

  test('are those of the metadata, in its order and however many', async () => {
    const metadata = { 'tonno.layers': '["r", "c"]' };
    expect(numbersOf(await read(onnx({ ...classifier(), metadata })))).toEqual(['r', 'c']);
  });

  test('stay what they are where the metadata list what is no map at this size', async () => {
    const metadata = { 'tonno.layers': '["m", "r"]' };
    const { encoder, model } = await read(onnx({ ...classifier(), metadata }));
    expect(numbersOf({ encoder, model })).toEqual([undefined, 'r']);
    expect(resolveLayer('2', model, encoder)).toMatchObject({ tensor: 'r' });
    expect(() => resolveLayer('1', model, encoder)).toThrow(
      /The elements of "m" lie nowhere in the image.*its shape is \[n, 4\]/,
    );
  });

  test('of metadata that list what the graph does not make are refused', async () => {
    const metadata = { 'tonno.layers': '["r", "elsewhere"]' };
    const wrong = await read(onnx({ ...classifier(), metadata }));
    expect(() => numbersOf(wrong)).toThrow(EncoderError);
    expect(() => numbersOf(wrong)).toThrow(
      'net.onnx: Its metadata lists "elsewhere" among its layers ("tonno.layers"), but the graph makes no tensor of that name',
    );
  });
});

describe('a choice', () => {
  test('is a number or a name', async () => {
    const { encoder, model } = await read(onnx(classifier()));
    expect(resolveLayer('1', model, encoder)).toMatchObject({ tensor: 'r', layout: 'nchw', prefix: 0 });
    expect(resolveLayer('c', model, encoder)).toMatchObject({ tensor: 'c', size: { rows: 16 } });
  });

  test('knows tokens and the size of a slice', async () => {
    const { encoder, model } = await read(serialiseModel(tinyViT({ fixed: { side: false } })));
    const size = { rows: 24, columns: 48 };
    expect(resolveLayer('block0', model, encoder, { size })).toMatchObject({
      layout: 'tokens',
      prefix: 1,
      size: { rows: 3, columns: 6 },
    });
  });

  test('that is a number is the tensor of that name only where no layer has the number', async () => {
    const nodes = [
      node('Conv', 'x,w', '1'),
      node('Relu', '1', '7'),
      node('ReduceMean', '7', 'y', { axes: [2, 3], keepdims: 0 }),
    ];
    const network: Network = {
      nodes,
      initialisers: [weights('w', [4, 1, 3, 3])],
      outputs: [value('y', ['n', 4])],
    };
    const { encoder, model } = await read(onnx(network));
    expect(resolveLayer('1', model, encoder).tensor).toBe('7');
    expect(resolveLayer('7', model, encoder).tensor).toBe('7');
    expect(() => resolveLayer('2', model, encoder)).toThrow('There is no layer 2');
  });

  const conv = { pads: [1, 1, 1, 1] };
  const network: Network = {
    ...classifier(),
    nodes: [
      node('Conv', 'x,w', '/layer1/layer1.0/act1/Relu_output_0', conv),
      node('Relu', '/layer1/layer1.0/act1/Relu_output_0', '/layer1/layer1.0/act2/Relu_output_0'),
      node('Abs', '/layer1/layer1.0/act1/Relu_output_0', 'aside'),
      node('Constant', '', 'seven', { value_int: 7 }),
      node('ReduceMean', '/layer1/layer1.0/act2/Relu_output_0', 'pooled', { axes: [2, 3], keepdims: 0 }),
      node('MatMul', 'pooled,dense', 'logit'),
    ],
  };
  const advice =
    'Choose 1, which is "/layer1/layer1.0/act2/Relu_output_0", or another name; tonno layers lists all.';
  test.each([
    [
      'misspelled',
      'layer1.0/act_2',
      'There is no layer "layer1.0/act_2". Did you mean "/layer1/layer1.0/act2/',
    ],
    ['shortened', 'layer1.0/act1', 'There is no layer "layer1.0/act1". Did you mean "/layer1/layer1.0/act1/'],
    ['unheard of', 'blocks.11.norm1', `There is no layer "blocks.11.norm1". ${advice}`],
    ['too great', '2', `There is no layer 2: this network has one that has a number. ${advice}`],
    ['too small', '0', `There is no layer 0: this network has one that has a number. ${advice}`],
    ['empty', '', `There is no layer "". ${advice}`],
    ['the image', 'x', `"x" is the image itself, not a layer. ${advice}`],
    ['a weight', 'dense', `"dense" is a weight, which is the same for every image. ${advice}`],
    ['a constant', 'seven', '"seven" is a weight, which is the same for every image.'],
    [
      'flat',
      'pooled',
      `The elements of "pooled" lie nowhere in the image, as far as the graph can be followed; its shape is [n, 4]. ${advice}`,
    ],
    ['the logits', 'logit', 'The elements of "logit" lie nowhere in the image'],
    ['aside', 'aside', '"aside" is not on the way from the image to the output "logit".'],
  ])('that is %s is refused', async (_, choice, message) => {
    const { encoder, model } = await read(onnx(network));
    expect(() => resolveLayer(choice, model, encoder)).toThrow(UsageError);
    expect(() => resolveLayer(choice, model, encoder)).toThrow(`net.onnx: ${message}`);
  });

  test('that shows nothing of the image any more is refused', async () => {
    const { encoder, model } = await read(serialiseModel(tinyViT()));
    expect(() => resolveLayer('block1', model, encoder)).toThrow(
      'net.onnx: The output depends on nothing that lies in the image at "block1": behind the last attention its head reads the class token alone. Choose 1, which is "block0"',
    );
  });

  test('of a network without layers is refused', async () => {
    const flat = model({
      nodes: [node('Flatten', 'x', 'f'), node('MatMul', 'f,w', 'y')],
      initialisers: [weights('w', [256, 2])],
      outputs: [value('y', ['n', 2])],
    });
    const { encoder, model: read_ } = await read(serialiseModel(flat));
    expect(() => resolveLayer('1', read_, encoder)).toThrow(EncoderError);
    expect(() => resolveLayer('1', read_, encoder)).toThrow('No tensor of this network lies in the image');
  });
});
