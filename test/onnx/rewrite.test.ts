import { expect, test } from 'vitest';
import { serialiseModel } from '../../src/onnx/model.ts';
import { exposeTensor } from '../../src/onnx/rewrite.ts';
import { classifier, images, model, node, run, value } from './fixture.ts';

const original = model(classifier({ tail: [node('Softmax', 'logit', 'y', { axis: 1 })] }));

test('an internal tensor becomes the last output, of a type that the engine infers', async () => {
  const before = serialiseModel(original);
  const exposed = serialiseModel(exposeTensor(original, 'r'));
  expect(serialiseModel(original)).toEqual(before);

  const feeds = { x: images(3, 1, 16, 16) };
  const [plain, rewritten] = [await run(before, feeds), await run(exposed, feeds)];
  expect(Object.keys(rewritten)).toEqual(['y', 'r']);
  expect(rewritten.y).toEqual(plain.y);
  expect(rewritten.r.dims).toEqual([3, 4, 16, 16]);
  expect(Math.min(...rewritten.r.data)).toBe(0);
  expect(Math.max(...rewritten.r.data)).toBeGreaterThan(0);
});

test('several tensors can be exposed, an output only once', () => {
  const both = exposeTensor(exposeTensor(original, 'c'), 'logit');
  expect(both.graph.output.map(({ name }) => name)).toEqual(['y', 'c', 'logit']);
  expect(exposeTensor(both, 'c').graph.output).toHaveLength(3);
});

test('a type that the graph gives is kept', () => {
  const typed = model({ ...classifier(), valueInfo: [value('m', ['n', 4])] });
  expect(exposeTensor(typed, 'm').graph.output[1]).toEqual(typed.graph.valueInfo[0]);
  expect(exposeTensor(typed, 'x').graph.output[1]).toEqual(typed.graph.input[0]);
});

test('a tensor that is not there is refused by name', () => {
  expect(() => exposeTensor(original, 'layer4')).toThrow('test: The graph has no tensor "layer4".');
  expect(() => exposeTensor(original, '')).toThrow('The graph has no tensor');
});
