import { describe, expect, test } from 'vitest';
import { readMetadata, withMetadata } from '../../src/encoders/metadata.ts';
import { EncoderError } from '../../src/errors.ts';
import { metadataProperties, parseModel, serialiseModel } from '../../src/onnx/model.ts';
import { classifier, model } from '../onnx/fixture.ts';

const full = {
  name: 'a network',
  description: 'Trained on phantoms; "quotes" and Ünïcode survive.',
  preprocessing: { normalise: 'range', scale: [1, 2], outside: -0.5, crop: { channel: 1, above: 0.2 } },
  classes: ['healthy', 'läsion'],
  layers: ['layer1', 'layer4'],
  version: 'tonno 0.1.0',
  seed: 7,
} as const;

test('what is written is read again, also through a file', () => {
  const plain = model({ ...classifier(), metadata: { author: 'somebody', 'tonno.name': 'before' } });
  const written = withMetadata(plain, full);
  const again = parseModel(serialiseModel(written), 'net.onnx');
  expect(readMetadata(again, 'net.onnx')).toEqual(full);
  expect(metadataProperties(again).author).toBe('somebody');
  expect(readMetadata(plain, 'net.onnx')).toEqual({ name: 'before' });
});

test('keys that are left out stay', () => {
  const written = withMetadata(withMetadata(model(classifier()), full), {
    name: 'another',
    layers: undefined,
  });
  expect(readMetadata(written, 'net.onnx')).toEqual({ ...full, name: 'another' });
});

test('a file may say nothing', () => {
  expect(readMetadata(model(classifier()), 'net.onnx')).toEqual({});
});

describe('what is wrong is refused by its key', () => {
  test.each([
    ['classes', 'lesion', 'is no JSON. It must be a JSON array of strings, such as ["lesion"].'],
    ['classes', '[]', 'is no list of names'],
    ['seed', '0.5', 'is no whole number. It must be a whole number.'],
    ['classes', '[1, 2]', 'is no list of names'],
    ['layers', '{"layer4": true}', 'is no list of names'],
    ['preprocessing', '[1]', 'is no JSON object'],
    ['preprocessing', 'null', 'is no JSON object'],
    ['preprocessing', '{', 'is no JSON. It must be a JSON object such as {"normalise"'],
    ['preprocessing', '{"normalize": "zscore"}', 'has a setting "normalize", which is none.'],
    ['preprocessing', '{"normalise": "minmax"}', 'has "minmax" for "normalise".'],
    ['preprocessing', '{"scale": 2}', 'has 2 for "scale".'],
    ['preprocessing', '{"std": ["1"]}', 'has ["1"] for "std".'],
    ['preprocessing', '{"outside": "zero"}', 'has "zero" for "outside".'],
    ['preprocessing', '{"crop": {"channel": 0.5, "above": 1}}', 'has {"channel":0.5,"above":1} for "crop".'],
    ['preprocessing', '{"crop": {"channel": 1}}', 'has {"channel":1} for "crop".'],
  ])('tonno.%s: %s', (key, text, message) => {
    const network = model({ ...classifier(), metadata: { [`tonno.${key}`]: text } });
    expect(() => readMetadata(network, 'net.onnx')).toThrow(EncoderError);
    expect(() => readMetadata(network, 'net.onnx')).toThrow(
      `net.onnx: The value of "tonno.${key}" in its metadata ${message}`,
    );
  });
});
