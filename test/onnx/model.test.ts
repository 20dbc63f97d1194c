import fc from 'fast-check';
import { TensorProto_DataLocation } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { EncoderError } from '../../src/errors.ts';
import {
  copyWith,
  describeType,
  graphInputs,
  metadataProperties,
  opset,
  parseModel,
  serialiseModel,
  tensorType,
} from '../../src/onnx/model.ts';
import { classifier, float16, images, model, node, onnx, run, value, weights } from './fixture.ts';

const whole = onnx(classifier({ metadata: { 'tonno.name': 'two classes' } }));
const ascii = (text: string) => new TextEncoder().encode(text);

describe('reading and writing', () => {
  test('a model survives both ways, and the engine gets the same numbers from it', async () => {
    const again = serialiseModel(parseModel(whole, 'two.onnx'));
    expect(again).toEqual(whole);
    const feeds = { x: images(2, 1, 16, 16) };
    expect(await run(again, feeds)).toEqual(await run(whole, feeds));
  });

  test('inputs that are initialisers need no feeding', () => {
    const network = classifier();
    const listed = model({ ...network, inputs: [...network.inputs!, value('w', [4, 1, 3, 3])] });
    expect(listed.graph.input.map(({ name }) => name)).toEqual(['x', 'w']);
    expect(graphInputs(listed).map(({ name }) => name)).toEqual(['x']);
  });

  test('types tell fixed, named and unknown lengths apart', () => {
    const { graph } = model({ ...classifier(), inputs: [value('x', ['n', 1, -1, ''], float16), value('z')] });
    const [x, z] = graph.input.map(tensorType);
    expect(x).toEqual({ element: 'float16', shape: ['n', 1, undefined, undefined] });
    expect(z).toEqual({ element: 'float32' });
    expect(describeType(x)).toBe('float16 [n, 1, ?, ?]');
    expect(describeType(z)).toBe('float32 of unknown shape');
  });

  test('the operator set and the metadata are found', () => {
    const parsed = parseModel(whole, 'two.onnx');
    expect(opset(parsed)).toBe(17);
    expect(metadataProperties(parsed)).toEqual({ 'tonno.name': 'two classes' });
  });

  test('a copy with changes leaves the original and its unset fields alone', () => {
    const parsed = parseModel(whole, 'two.onnx');
    const changed = copyWith(parsed, { producerName: 'somebody' });
    expect(changed.producerName).toBe('somebody');
    expect(parsed.producerName).toBe('');
    expect(serialiseModel(parsed)).toEqual(whole);
    expect(serialiseModel(copyWith(changed, {}))).toEqual(serialiseModel(changed));
    expect(serialiseModel(copyWith(parsed, {}))).toEqual(whole);
  });
});

describe('bytes that are no model', () => {
  const refused: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ['an empty file', new Uint8Array(), /^m\.onnx: The file is empty\. Copy or export/],
    [
      'a text file',
      ascii('Lesions of the liver, one line each.\n'),
      /^m\.onnx: This is no ONNX model\. Give an \.onnx/,
    ],
    ['a web page', ascii('<!DOCTYPE html><html></html>'), /This is no ONNX model/],
    ['a zip archive', ascii('PK\u0003\u0004rest'), /zip archive \(as PyTorch and Keras save\)/],
    ['an HDF5 file', Uint8Array.of(0x89, ...ascii('HDF\r\n'), 26, 10), /HDF5 file/],
    ['an .ort file', ascii('\u0018\u0000\u0000\u0000ORTM'), /own \.ort format/],
    ['a Git LFS pointer', ascii('version https://git-lfs.github.com/spec/v1\noid'), /Git LFS pointer/],
    [
      'half a model',
      whole.subarray(0, whole.length >> 1),
      /breaks off or is damaged: its \d+ bytes are no whole ONNX/,
    ],
    ['a model without a graph', Uint8Array.of(0x08, 8), /breaks off/],
    ['no nodes', onnx({ nodes: [] }), /has no nodes/],
    ['no outputs', onnx({ ...classifier(), outputs: [] }), /has no outputs/],
  ];
  test.each(refused)('%s is refused by what it is', (_, bytes, message) => {
    expect(() => parseModel(bytes, 'm.onnx')).toThrow(EncoderError);
    expect(() => parseModel(bytes, 'm.onnx')).toThrow(message);
  });

  test('weights in another file are refused with its name and what to do', () => {
    const external = {
      name: 'w',
      dims: [4n, 1n, 3n, 3n],
      dataType: 1,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [{ key: 'location', value: 'm.onnx.data' }],
    };
    const bytes = onnx({ ...classifier(), initialisers: [external, weights('dense', [4, 2])] });
    expect(() => parseModel(bytes, 'm.onnx')).toThrow(
      /\(w first\) lie in m\.onnx\.data.*onnx\.save\(onnx\.load/,
    );
    const constant = node('Constant', '', 'k', { value: external });
    const inside = onnx({ ...classifier(), nodes: [constant, ...classifier().nodes] });
    expect(() => parseModel(inside, 'm.onnx')).toThrow(/lie in m\.onnx\.data/);
  });

  test('wherever a file is cut, it is refused or nothing that computes is missing', () => {
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      try {
        const parsed = parseModel(cut, 'cut.onnx');
        // Only the metadata, the last field, can go unseen.
        expect([parsed.graph.node.length, opset(parsed)]).toEqual([4, 17]);
        expect(whole.length - length).toBeLessThan(40);
      } catch (error) {
        expect(error).toBeInstanceOf(EncoderError);
      }
    }
  });

  test('any bytes give a model or a sentence', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, begun) => {
        const given = begun ? Uint8Array.of(0x08, 8, 0x3a, ...bytes) : bytes;
        try {
          expect(parseModel(given, 'any').graph.node.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(EncoderError);
        }
      }),
    );
  });
});
