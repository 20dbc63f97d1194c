import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type SpatialLayer, spatialLayers } from '../../src/onnx/layers.ts';
import { parseModel } from '../../src/onnx/model.ts';
import { expectEngineAgrees } from '../support/layers.ts';
import { classifier, integers, model, type Network, node, value, weights } from './fixture.ts';

const names = (layers: readonly SpatialLayer[]) => layers.map(({ tensor }) => tensor);
const sensible = (layers: readonly SpatialLayer[]) => names(layers.filter((layer) => layer.sensible));
const strides = (layers: readonly SpatialLayer[]) =>
  layers.map(({ stride }) => {
    const [rows, columns] = [stride.rows, stride.columns].map((s) => Number(s.toFixed(9)));
    return rows === columns ? rows : [rows, columns];
  });

interface Case {
  readonly nodes: Network['nodes'];
  readonly initialisers?: Network['initialisers'];
  /** Spatial tensors with their strides. */
  readonly layers: Record<string, unknown>;
  readonly channels?: Record<string, number | undefined>;
  readonly opset?: number;
}

/** Each on x [n, 4, 16, 16], the last tensor being y. */
const cases: Record<string, Case> = {
  'convolutions and poolings': {
    nodes: [
      node('Conv', 'x,w', 'a', { strides: [2, 1], pads: [1, 1, 1, 1], dilations: [1, 2] }),
      node('MaxPool', 'a', 'b', { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
      node('AveragePool', 'b', 'c', { kernel_shape: [2, 2], strides: [1, 2], auto_pad: 'SAME_UPPER' }),
      node('Conv', 'c,w', 'y', { auto_pad: 'VALID', group: 1 }),
    ],
    initialisers: [weights('w', [4, 4, 2, 2])],
    layers: { a: [2, 1], b: [4, 2], c: 4, y: 4 },
  },
  'grouped and transposed convolutions': {
    nodes: [
      node('Conv', 'x,depthwise', 'a', { group: 4, strides: [4, 4] }),
      node('ConvTranspose', 'a,up', 'y', { group: 2, strides: [2, 2], pads: [1, 1, 1, 1] }),
    ],
    initialisers: [weights('depthwise', [8, 1, 4, 4]), weights('up', [8, 3, 4, 4])],
    layers: { a: 4, y: 2 },
    channels: { a: 8, y: 6 },
  },
  'normalisations, activations and constants': {
    nodes: [
      node('BatchNormalization', 'x,one,one,one,one', 'a'),
      node('InstanceNormalization', 'a,one,one', 'b'),
      node('Mul', 'scale,b', 'c'),
      node('Clip', 'c', 'd'),
      node('PRelu', 'd,scale', 'e'),
      node('Cast', 'e', 'f', { to: 1 }),
      node('Identity', 'f', 'g'),
      node('Dropout', 'g', 'y'),
    ],
    initialisers: [weights('one', [4], [1, 1, 1, 1]), weights('scale', [4, 1, 1], [1, 2, 3, 4])],
    layers: { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, y: 1 },
  },
  'joined, split and picked channels': {
    nodes: [
      node('Concat', 'x,x,place', 'a', { axis: -3 }),
      node('Split', 'a,parts', 'b,c', { axis: 1 }),
      node('Split', 'c', 'd,e', { axis: 1 }),
      node('Slice', 'b,from,to,axes', 'f'),
      node('Concat', 'f,d,e', 'y', { axis: 1 }),
    ],
    initialisers: [
      weights('place', [1, 2, 16, 16]),
      integers('parts', [6, 4]),
      integers('from', [1]),
      integers('to', [3]),
      integers('axes', [1]),
    ],
    layers: { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, y: 1 },
    channels: { a: 10, b: 6, c: 4, d: 2, e: 2, f: 2, y: 6 },
  },
  'padding and resizing': {
    nodes: [
      node('Pad', 'x,pads', 'a'),
      node('Resize', 'a,,scales', 'b'),
      node('Resize', 'b,,,sizes', 'c'),
      node('SpaceToDepth', 'c', 'd', { blocksize: 3 }),
      node('DepthToSpace', 'd', 'y', { blocksize: 3 }),
    ],
    initialisers: [
      integers('pads', [0, 1, 2, 0, 0, 1, 2, 4]),
      weights('scales', [4], [1, 1, 2, 0.5]),
      integers('sizes', [1, 6, 12, 12]),
    ],
    layers: { a: 1, b: [0.5, 2], c: 1.666666667, d: 5, y: 1.666666667 },
  },
  'attention over channels and over the plane': {
    nodes: [
      node('GlobalAveragePool', 'x', 'pooled'),
      node('Conv', 'pooled,w', 'squeezed'),
      node('Sigmoid', 'squeezed', 'excited'),
      node('Mul', 'x,excited', 'a'),
      node('ReduceMax', 'a', 'b', { axes: [1], keepdims: 1 }),
      node('Sigmoid', 'b', 'c'),
      node('Mul', 'c,a', 'y'),
    ],
    initialisers: [weights('w', [4, 4, 1, 1])],
    layers: { a: 1, b: 1, c: 1, y: 1 },
    channels: { a: 4, b: 1, c: 1, y: 4 },
  },
  'group normalisation as PyTorch exports it, shapes asked for or written down': {
    nodes: [
      node('Reshape', 'x,groups', 'in'),
      node('InstanceNormalization', 'in,one,zero', 'plain'),
      node('Mul', 'plain,half', 'normal'),
      node('Shape', 'x', 'shape'),
      node('Reshape', 'normal,shape', 'a'),
      node('Reshape', 'a,groups', 'in2'),
      node('InstanceNormalization', 'in2,one,zero', 'normal2'),
      node('Reshape', 'normal2,written', 'y'),
    ],
    initialisers: [
      integers('groups', [0, 2, -1]),
      integers('written', [-1, 4, 16, 16]),
      weights('one', [2], [1, 1]),
      weights('zero', [2], [0, 0]),
      weights('half', [], [0.5]),
    ],
    layers: { a: 1, y: 1 },
  },
  'channel shuffle': {
    nodes: [
      node('Reshape', 'x,apart', 'groups'),
      node('Transpose', 'groups', 'shuffled', { perm: [0, 2, 1, 3, 4] }),
      node('Reshape', 'shuffled,together', 'y'),
    ],
    initialisers: [integers('apart', [-1, 2, 2, 16, 16]), integers('together', [-1, 4, 16, 16])],
    layers: { y: 1 },
  },
  'dense layers over the channels of NHWC': {
    nodes: [
      node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }),
      node('LayerNormalization', 'a,one', 'b'),
      node('MatMul', 'b,dense', 'c'),
      node('Transpose', 'c', 'y', { perm: [0, 3, 1, 2] }),
    ],
    initialisers: [weights('one', [4], [1, 1, 1, 1]), weights('dense', [4, 7])],
    layers: { a: 1, b: 1, c: 1, y: 1 },
    channels: { a: 4, b: 4, c: 7, y: 7 },
  },
  'weights that are quantised': {
    nodes: [
      node('DequantizeLinear', 'bytes,step,origin', 'w'),
      node('QuantizeLinear', 'x,step,origin', 'q'),
      node('DequantizeLinear', 'q,step,origin', 'a'),
      node('Conv', 'a,w', 'y', { strides: [2, 2] }),
    ],
    initialisers: [
      { name: 'bytes', dims: [3n, 4n, 1n, 1n], dataType: 2, rawData: new Uint8Array(12).fill(130) },
      { ...weights('step', [], [0.1]) },
      { name: 'origin', dims: [], dataType: 2, rawData: Uint8Array.of(128) },
    ],
    layers: { a: 1, y: 2 },
    channels: { a: 4, y: 3 },
  },
  'every second row and column, as patches are merged and as YOLO focuses': {
    nodes: [
      node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }),
      node('Slice', 'a,zero,end,rows,two', 'even'),
      node('Slice', 'a,one,end,rows,two', 'odd'),
      node('Concat', 'even,odd', 'b', { axis: -1 }),
      node('Slice', 'b,zero,end,columns,two', 'y'),
    ],
    initialisers: [
      integers('zero', [0]),
      integers('one', [1]),
      integers('two', [2]),
      integers('end', [2 ** 31 - 1]),
      integers('rows', [1]),
      integers('columns', [2]),
    ],
    layers: { a: 1, even: [2, 1], odd: [2, 1], b: [2, 1], y: 2 },
    channels: { a: 4, even: 4, odd: 4, b: 8, y: 8 },
  },
  'shapes given as Constant nodes': {
    nodes: [
      node('Constant', '', 'scales', { value: weights('', [4], [1, 1, 0.5, 0.5]) }),
      node('Constant', '', 'pads', { value_ints: [0, 0, 1, 1, 0, 0, 1, 1] }),
      node('Resize', 'x,,scales', 'a'),
      node('Pad', 'a,pads', 'y'),
    ],
    layers: { a: 2, y: 2 },
  },
};

describe('operators', () => {
  test.each(Object.entries(cases))('%s: as the engine computes them', async (_, given) => {
    const network = model({
      inputs: [value('x', ['n', 4, 16, 16])],
      nodes: given.nodes,
      initialisers: given.initialisers,
      opset: given.opset,
    });
    const layers = spatialLayers(network);
    expect(Object.fromEntries(names(layers).map((name, i) => [name, strides(layers)[i]]))).toEqual(
      given.layers,
    );
    if (given.channels) {
      expect(Object.fromEntries(layers.map(({ tensor, channels }) => [tensor, channels]))).toEqual(
        given.channels,
      );
    }
    await expectEngineAgrees(network, layers, [1, 4, 16, 16]);
  });

  const ends: [operator: string, nodes: Network['nodes'], initialisers?: Network['initialisers']][] = [
    ['GlobalAveragePool', [node('GlobalAveragePool', 'x', 'p'), node('Relu', 'p', 'y')]],
    ['ReduceMean over the plane', [node('ReduceMean', 'x', 'p', { axes: [2, 3] }), node('Relu', 'p', 'y')]],
    [
      'pooling of the whole plane',
      [node('AveragePool', 'x', 'p', { kernel_shape: [16, 16] }), node('Relu', 'p', 'y')],
    ],
    ['Flatten', [node('Flatten', 'x', 'f'), node('Relu', 'f', 'y')]],
    ['an unknown operator', [node('Mystery', 'x', 'f'), node('Relu', 'f', 'y')]],
    ['an operator named like a property', [node('constructor', 'x', 'f'), node('Relu', 'f', 'y')]],
    [
      'an operator of another domain',
      [{ ...node('Relu', 'x', 'f'), domain: 'com.example' }, node('Relu', 'f', 'y')],
    ],
    [
      'a crop',
      [node('Slice', 'x,a,b,c', 'f'), node('Relu', 'f', 'y')],
      ['a', 'b', 'c'].map((n) => integers(n, [2])),
    ],
    [
      'rows and columns exchanged',
      [node('Transpose', 'x', 'f', { perm: [0, 1, 3, 2] }), node('Relu', 'f', 'y')],
    ],
    [
      'a sum of unequal grids',
      [node('Resize', 'x,,s', 's2'), node('Sum', 'x,s2', 'y')],
      [weights('s', [4], [1, 1, 0.1, 1])],
    ],
    ['a sum of more axes', [node('Add', 'x,five', 'y')], [weights('five', [2, 1, 1, 1, 1])]],
    ['whole numbers', [node('Cast', 'x', 'f', { to: 7 }), node('Cast', 'f', 'y', { to: 1 })]],
  ];
  test.each(ends)('%s ends the path', (_, nodes, initialisers) => {
    expect(spatialLayers(model({ nodes, initialisers })).map(({ tensor }) => tensor)).not.toContain('y');
  });
});

describe('sensible layers', () => {
  const conv = (from: string, to: string, stride = 1) =>
    node('Conv', `${from},w`, to, { strides: [stride, stride], pads: [1, 1, 1, 1] });
  const initialisers = [weights('w', [4, 4, 3, 3]), weights('first', [4, 1, 3, 3])];
  const stem = node('Conv', 'x,first', 'stem', { pads: [1, 1, 1, 1] });
  const head = (from: string) => node('GlobalAveragePool', from, 'y');

  test('are the ends of the blocks, not what a skip goes around', () => {
    const nodes = [
      stem,
      conv('stem', 'inner'),
      node('Add', 'inner,stem', 'block1'),
      conv('block1', 'down', 2),
      conv('down', 'deeper'),
      conv('block1', 'skip', 2),
      node('Add', 'deeper,skip', 'sum'),
      node('Relu', 'sum', 'block2'),
      head('block2'),
    ];
    expect(sensible(spatialLayers(model({ nodes, initialisers })))).toEqual(['block1', 'block2']);
  });

  test('a branch that is narrowed before it is sampled down does not hide its origin', () => {
    const pool = node('MaxPool', 'stem', 'b', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
    const end = [node('Concat', 'a,b', 'joined', { axis: 1 }), head('joined')];
    const [narrow, down] = [conv('stem', 'narrow'), conv('narrow', 'a', 2)];
    for (const branches of [
      [narrow, down, pool],
      [narrow, pool, down],
      [pool, narrow, down],
    ]) {
      const network = model({ nodes: [stem, ...branches, ...end], initialisers });
      expect(sensible(spatialLayers(network))).toEqual(['stem', 'joined']);
    }
  });

  test('where skips go around everything, the deepest layer still counts', () => {
    const nodes = [
      stem,
      conv('stem', 'down', 2),
      conv('down', 'bottom'),
      node('ConvTranspose', 'bottom,up', 'raised', { strides: [2, 2] }),
      node('Concat', 'raised,stem', 'joined', { axis: 1 }),
      head('joined'),
    ];
    const network = model({ nodes, initialisers: [...initialisers, weights('up', [4, 4, 2, 2])] });
    expect(sensible(spatialLayers(network))).toEqual(['bottom', 'joined']);
  });

  test('asking for shapes does not count as passing values', () => {
    const nodes = [
      stem,
      conv('stem', 'a', 2),
      conv('a', 'b'),
      node('GlobalAveragePool', 'b', 'pooled'),
      node('Shape', 'stem', 'shape'),
      node('Gather', 'shape,zero', 'n'),
      node('Concat', 'n,rest', 'flat', { axis: 0 }),
      node('Reshape', 'pooled,flat', 'y'),
    ];
    const network = model({
      nodes,
      initialisers: [...initialisers, integers('zero', [0]), integers('rest', [-1])],
    });
    expect(sensible(spatialLayers(network))).toEqual(['stem', 'b']);
  });

  test('side branches and other outputs are no layers', () => {
    const nodes = [stem, conv('stem', 'aside'), head('stem'), conv('stem', 'other')];
    const network = model({ nodes, initialisers, outputs: [value('y'), value('other')] });
    expect(names(spatialLayers(network))).toEqual(['stem']);
    expect(names(spatialLayers(network, { output: 'other' }))).toEqual(['stem', 'other']);
  });
});

describe('inputs', () => {
  test('a free size leaves sizes open and keeps strides', () => {
    const network = model({ ...classifier(), inputs: [value('x', ['n', 1, 'h', 'w'])] });
    const [first] = spatialLayers(network);
    expect(first).toEqual({
      tensor: 'c',
      operator: 'Conv',
      node: 'Conv of c',
      stride: { rows: 1, columns: 1 },
      field: { rows: 3, columns: 3 },
      size: undefined,
      channels: 4,
      layout: 'nchw',
      prefix: 0,
      bottleneck: true,
      live: true,
      sensible: false,
    });
    const [sized] = spatialLayers(network, { size: { rows: 20, columns: 30 } });
    expect(sized).toEqual({ ...first, size: { rows: 20, columns: 30 } });
  });

  test('a size that the graph fixes wins over the one that is said', () => {
    const [first] = spatialLayers(model(classifier()), { size: { rows: 20, columns: 30 } });
    expect(first.size).toEqual({ rows: 16, columns: 16 });
  });

  test('an NHWC image is followed through its transposition', async () => {
    const network = model({
      inputs: [value('x', ['n', 16, 12, 3])],
      nodes: [
        node('Sub', 'x,mean', 'centred'),
        node('Transpose', 'centred', 't', { perm: [0, 3, 1, 2] }),
        node('Conv', 't,w', 'y', { strides: [2, 2] }),
      ],
      initialisers: [weights('mean', [3]), weights('w', [5, 3, 1, 1])],
    });
    const layers = spatialLayers(network);
    expect(layers.map(({ layout }) => layout)).toEqual(['nhwc', 'nchw', 'nchw']);
    expect(layers[2].size).toEqual({ rows: 8, columns: 6 });
    await expectEngineAgrees(network, layers, [1, 16, 12, 3]);
  });

  test('a network without an image has no layers', () => {
    const flat = model({ inputs: [value('x', ['n', 7])], nodes: [node('Relu', 'x', 'y')] });
    expect(spatialLayers(flat)).toEqual([]);
    expect(spatialLayers(flat, { input: 'x' })).toEqual([]);
  });

  test.each([[['n', 1, 0, 0]], [undefined]])('lengths that are 0 or not there are free: %j', (shape) => {
    const network = model({ ...classifier(), inputs: [value('x', shape)] });
    expect(spatialLayers(network)[0]).toMatchObject({ channels: 4, size: undefined });
    const [sized] = spatialLayers(network, { size: { rows: 9, columns: 8 } });
    expect(sized.size).toEqual({ rows: 9, columns: 8 });
  });

  test('a graph that renames in a circle is walked to its end', () => {
    const nodes = [node('Identity', 'b', 'a'), node('Identity', 'a', 'b'), node('Conv', 'x,a', 'y')];
    expect(spatialLayers(model({ nodes }))[0].channels).toBeUndefined();
  });
});

const shared = new URL('../../../shared/', import.meta.url);
const real: [name: string, file: string, dims: number[], sensible: string[]][] = [
  ...['fbn', 'gn'].map((norm): [string, string, number[], string[]] => [
    `ResNet-10-T (${norm})`,
    `golden/network/resnet10t_${norm}.onnx`,
    [1, 1, 64, 64],
    ['/stem/stem.8/Relu_output_0', ...[0, 1, 2, 3].map((i) => `/layers/layers.${i}/Relu_1_output_0`)],
  ]),
  [
    'SqueezeNet 1.1',
    'data/encoders/squeezenet_v1_1_fp32.onnx',
    [1, 3, 224, 224],
    [
      '/features/features.1/Relu_output_0',
      '/features/features.4/Concat_output_0',
      '/features/features.7/Concat_output_0',
      '/classifier/classifier.2/Relu_output_0',
    ],
  ],
];
for (const [name, file, dims, expected] of real) {
  const url = new URL(file, shared);
  const there = existsSync(url);
  describe.skipIf(!there)(there ? name : `${name} (skipped: the shared data are not on this machine)`, () => {
    test('every layer is as the engine computes it, and the sensible ones are the ends of the stages', async () => {
      const network = parseModel(readFileSync(url), file);
      const layers = spatialLayers(network);
      expect(sensible(layers)).toEqual(expected);
      expect(layers.every(({ size, channels }) => size && channels)).toBe(true);
      await expectEngineAgrees(network, layers, dims);
    });
  });
}
