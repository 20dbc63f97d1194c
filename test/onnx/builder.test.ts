/** Graphs from nothing and on top of models, and what is known of their tensors. */
import { describe, expect, test } from 'vitest';
import { EncoderError } from '../../src/errors.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { graphInputs, opset, parseModel, serialiseModel, tensorType } from '../../src/onnx/model.ts';
import { Operators } from '../../src/onnx/operators.ts';
import { classifier, images, integers, model, node, run, value, weights } from './fixture.ts';

describe('a graph from nothing', () => {
  test('computes what was written, under the names that were given', async () => {
    const b = new GraphBuilder({ name: 'line' });
    const x = b.input('x', ['n', 3]);
    const w = b.initialiser('w', Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
    const [product] = b.node('MatMul', [x, w], {}, ['product']);
    b.output(b.op('Add', [product, b.scalar(0.5)]), 'y');
    const made = b.toModel();
    expect(opset(made)).toBe(17);
    expect(made.graph.input.map(tensorType)).toEqual([{ element: 'float32', shape: ['n', 3] }]);
    expect(made.graph.output.map(tensorType)).toEqual([{ element: 'float32', shape: ['n', 2] }]);
    const bytes = serialiseModel(made);
    expect(parseModel(bytes, 'line.onnx').graph.name).toBe('line');
    const { y } = await run(bytes, { x: { data: Float32Array.of(1, 0, 1, 0, 1, 0), dims: [2, 3] } });
    expect(y).toEqual({ data: [6.5, 8.5, 3.5, 4.5], dims: [2, 2] });
  });

  test('attributes are integers, floats, texts, lists and tensors as the operator wants them', async () => {
    const b = new GraphBuilder();
    b.input('x', [2, 3]);
    // A whole number for a float, a truth value, a list and a text.
    const product = b.op('Gemm', ['x', 'x'], { alpha: 2, transB: 1 });
    const turned = b.op('Transpose', [product], { perm: [1, 0] });
    const [value] = model({ nodes: [node('Relu', 'x', 'y')], initialisers: [weights('', [2], [1, 2])] }).graph
      .initializer;
    const constant = b.op('Constant', [], { value });
    expect(b.known(constant)).toEqual({ element: 'float32', shape: [2], values: [1, 2] });
    b.output(b.op('Add', [turned, constant]), 'y');
    const { y } = await run(serialiseModel(b.toModel()), {
      x: { data: Float32Array.of(1, 2, 3, 0, 1, 0), dims: [2, 3] },
    });
    expect(y.data).toEqual([29, 6, 5, 4]);
  });

  test('names are fresh, and taken names are refused', () => {
    const b = new GraphBuilder({ name: 'net' });
    b.input('relu', [2]);
    expect(b.op('Relu', ['relu'])).toBe('relu_2');
    expect(b.op('Relu', ['relu_2'])).toBe('relu_3');
    expect(() => b.input('relu_3', [2])).toThrow(/net: The graph has a tensor "relu_3" already/);
    expect(() => b.node('Relu', ['relu'], {}, ['relu_2'])).toThrow(EncoderError);
    expect(() => b.op('Relu', ['rule'])).toThrow(/There is no tensor "rule", which Relu is to use/);
    expect(() => b.output('rule')).toThrow(EncoderError);
  });

  test('the same constant is stored once, and what leads nowhere is left out', () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    expect(b.scalar(2)).toBe(b.scalar(2));
    expect(b.ints([1, 2])).not.toBe(b.ints([1, 3]));
    b.op('Mul', ['x', b.scalar(3)]);
    b.output(b.op('Mul', ['x', b.scalar(2)]), 'y');
    const { graph } = b.toModel();
    expect(graph.node.map(({ opType }) => opType)).toEqual(['Mul', 'Identity']);
    expect(graph.initializer).toHaveLength(1);
  });

  test('scalars of any element type', () => {
    const b = new GraphBuilder();
    for (const element of ['float32', 'float64', 'int64', 'float16', 'int32']) {
      expect(b.known(b.scalar(2, element))).toMatchObject({ element, shape: [] });
    }
  });
});

describe('on top of a model', () => {
  test('goes on with its tensors, and leaves the model alone', async () => {
    const original = model(classifier());
    const before = serialiseModel(original);
    const b = GraphBuilder.from(original);
    expect(b.shape('m')).toEqual(['n', 4]);
    b.output(new Operators(b).mul('logit', 2), 'double');
    const feeds = { x: images(2, 1, 16, 16) };
    const results = await run(serialiseModel(b.toModel()), feeds);
    expect(serialiseModel(original)).toEqual(before);
    expect(Object.keys(results)).toEqual(['logit', 'double']);
    expect(results.double.data).toEqual(results.logit.data.map((v) => Math.fround(v * 2)));
  });

  test('nodes that came with the model stay, even where nobody uses them', () => {
    const original = model({
      ...classifier({ tail: [node('Softmax', 'logit', 'y')] }),
      outputs: [value('logit')],
    });
    expect(GraphBuilder.from(original).toModel().graph.node).toHaveLength(5);
  });

  test('models of old formats take initialisers that are no inputs', async () => {
    const old = model(classifier());
    old.irVersion = 3n;
    const b = GraphBuilder.from(old);
    b.output(b.op('Add', ['logit', b.scalar(1)]), 'more');
    const made = b.toModel();
    expect(made.irVersion).toBe(4n);
    expect(graphInputs(made).map(({ name }) => name)).toEqual(['x']);
    await run(serialiseModel(made), { x: images(1, 1, 16, 16) });
  });

  test('an operator set that is too old is refused', () => {
    expect(() => GraphBuilder.from(model({ ...classifier(), opset: 9 }))).toThrow(
      /test: Its operator set is 9; graphs are extended from 11 on\. Convert it/,
    );
  });

  test('shapes that exporters write are taken where the operators do not tell', () => {
    const network = {
      nodes: [node('Tile', 'x,repeats', 't'), node('Relu', 't', 'y')],
      inputs: [value('x', ['n', 2]), value('repeats', [2], 7)],
      valueInfo: [value('t', ['m', 6])],
    };
    const b = GraphBuilder.from(model(network));
    expect(b.shape('y')).toEqual(['m', 6]);
    const without = GraphBuilder.from(model({ ...network, valueInfo: [] }));
    expect(() => without.shape('y')).toThrow(
      /The shape of tensor "y" does not follow from the graph\. Write shapes into the model/,
    );
  });
});

describe('arithmetic with lengths', () => {
  test('is done at once where they are known, and left to the engine where not', () => {
    const b = new GraphBuilder();
    b.input('x', ['n', 8, 6, 'w']);
    const o = new Operators(b);
    expect(b.known(o.length('x', 2)).values).toEqual([6]);
    expect(b.known(o.add(o.length('x', 2), o.length('x', 1))).values).toEqual([14]);
    expect(b.known(o.add(o.length('x', 3), o.ints([2]))).values).toEqual(['(w+2)']);
    expect(o.count('x', [1, 2])).toBe(48);
    expect(typeof o.count('x', [1, 3])).toBe('string');
    expect(o.length('x', 2)).toBe(o.ints([6]));
  });

  test('a Constant node, Gather, Slice, Concat, Squeeze and arithmetic are followed, as exporters write them', () => {
    const network = model({
      nodes: [
        node('Shape', 'x', 's'),
        node('Constant', '', 'zero', { value: { dataType: 7, int64Data: [0n] } }),
        node('Gather', 's,zero', 'batch', { axis: 0 }),
        node('Constant', '', 'axes', { value: integers('', [0]) }),
        node('Unsqueeze', 'batch,axes', 'batch1'),
        node('Slice', 's,two,four', 'plane'),
        node('Mul', 'plane,scale', 'larger'),
        node('Div', 'larger,scale', 'again'),
        node('Concat', 'batch1,minus,again', 'shape', { axis: 0 }),
        node('Reshape', 'x,shape', 'y'),
      ],
      initialisers: [
        integers('two', [2]),
        integers('four', [4]),
        integers('scale', [2]),
        integers('minus', [-1]),
      ],
      inputs: [value('x', ['n', 3, 4, 6])],
    });
    expect(GraphBuilder.from(network).shape('y')).toEqual(['n', 3, 4, 6]);
  });

  test('integers are cut and divided as engines do it', async () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    const whole = b.op('Cast', [b.constant(Float32Array.of(1.7, -1.7), [2])], { to: 7 });
    const half = b.op('Div', [b.ints([7, -7]), b.ints([2])]);
    expect(b.known(whole).values).toEqual([1, -1]);
    expect(b.known(half).values).toEqual([3, -3]);
    expect(b.nodes).toEqual([]);
  });

  test('weights are no shapes: nothing is read of them', () => {
    const b = GraphBuilder.from(
      model({ ...classifier(), initialisers: [...classifier().initialisers!, weights('v', [300])] }),
    );
    expect(b.known('v')).toEqual({ element: 'float32', shape: [300] });
  });
});
