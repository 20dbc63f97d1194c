import { expect, test } from 'vitest';
import { serialiseModel, tensorType } from '../../src/onnx/model.ts';
import { exposeTensor, fixInput } from '../../src/onnx/rewrite.ts';
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

test('free lengths of an input can be fixed, and only those', () => {
  const free = model({ ...classifier(), inputs: [value('x', ['n', 1, 'h', 'w'])] });
  const shape = (of: typeof free) => tensorType(of.graph.input[0]).shape;
  expect(shape(fixInput(free, 'x', { 2: 24, 3: 20 }))).toEqual(['n', 1, 24, 20]);
  expect(shape(free)).toEqual(['n', 1, 'h', 'w']);
  expect(shape(fixInput(free, 'x', { 1: 1 }))).toEqual(['n', 1, 'h', 'w']);
  expect(() => fixInput(free, 'x', { 1: 3 })).toThrow('test: Axis 1 of its input "x" has 1 elements, not 3.');
  expect(() => fixInput(free, 'image', { 2: 24 })).toThrow('test: The graph has no input "image".');
  const rankless = model({ ...classifier(), inputs: [value('x')] });
  expect(() => fixInput(rankless, 'x', { 2: 24 })).toThrow('test: The rank of its input "x" is not known.');
});
