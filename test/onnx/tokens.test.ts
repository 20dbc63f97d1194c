/** Networks that carry the image as tokens: what is listed must be what the engine computes, and lie where it is said. */
import { describe, expect, test } from 'vitest';
import { type SpatialLayer, type SpatialLayersOptions, spatialLayers } from '../../src/onnx/layers.ts';
import type { Model } from '../../src/onnx/model.ts';
import { expectEngineAgrees, runLayers } from '../support/layers.ts';
import { tinyConvNeXt, tinyViT, type ViTOptions } from '../support/transformers.ts';
import { integers, model, type Network, node, value, weights } from './fixture.ts';

const sensible = (layers: readonly SpatialLayer[]) =>
  layers.filter((layer) => layer.sensible).map(({ tensor }) => tensor);

const variants: Record<string, ViTOptions> = {
  'PyTorch’s older export': { norm: 'parts', shapes: 'computed' },
  'a fixed batch': { fixed: { batch: true } },
  'a fixed batch and computed shapes': { fixed: { batch: true }, shapes: 'computed', gelu: 'operator' },
  'a free size': { fixed: { side: false } },
  'a free size and computed shapes': { fixed: { side: false }, shapes: 'computed', norm: 'parts' },
  'register tokens': { registers: 3 },
  'the class token by Slice': { pick: 'Slice' },
  'the class token by Split': { pick: 'Split' },
};

describe('a vision transformer', () => {
  test.each(Object.entries(variants))('with %s: all blocks are followed', async (_, options) => {
    const network = tinyViT(options);
    const prefix = 1 + (options.registers ?? 0);
    const layers = spatialLayers(network, { size: { rows: 32, columns: 32 } });
    for (const name of ['block0.attention', 'block0', 'block1.attention', 'block1']) {
      expect(layers.find(({ tensor }) => tensor === name)).toMatchObject({
        layout: 'tokens',
        prefix,
        stride: { rows: 8, columns: 8 },
        size: { rows: 4, columns: 4 },
        channels: 16,
        bottleneck: true,
        live: name.startsWith('block0'),
      });
    }
    // Behind the last attention nothing of the image's tokens goes on to the class token.
    expect(sensible(layers)).toEqual(['block0']);
    await expectEngineAgrees(network, layers, [options.fixed?.batch ? 1 : 2, 1, 32, 32]);
  });

  test.each([0, 2])('whose head averages the tokens behind 1 + %i others lives to its end', (registers) => {
    const layers = spatialLayers(tinyViT({ head: 'mean', registers }));
    expect(layers.every(({ live }) => live)).toBe(true);
    const [marked, ...others] = layers.filter((layer) => layer.sensible);
    expect(others).toEqual([]);
    expect(marked).toMatchObject({ operator: 'Slice', prefix: 0, layout: 'tokens' });
    expect(layers.at(-1)).toBe(marked);
  });

  test('of any size has places, and lengths where a size is said', () => {
    const network = tinyViT({ fixed: { side: false } });
    const block = (options?: SpatialLayersOptions) =>
      spatialLayers(network, options).find(({ tensor }) => tensor === 'block0');
    expect(block()).toMatchObject({ size: undefined, prefix: 1, channels: 16 });
    expect(block({ size: { rows: 16, columns: 40 } })?.size).toEqual({ rows: 2, columns: 5 });
  });

  test('sees a patch before the first attention and everything behind it', () => {
    const fields = Object.fromEntries(
      spatialLayers(tinyViT({ seed: 3 })).map(({ tensor, field }) => [tensor, field.rows]),
    );
    expect(fields).toMatchObject({ concat: 8, 'block0.attention': Number.POSITIVE_INFINITY });
  });

  test('has its tokens row by row behind the class token', async () => {
    const network = tinyViT();
    const layers = spatialLayers(network).filter(({ tensor }) => tensor === 'concat');
    const data = new Float32Array(32 * 32);
    // A pixel in row 1 and column 2 of the 4 × 4 patches.
    data[(8 + 3) * 32 + 2 * 8 + 5] = 1;
    const [blank, marked] = await Promise.all(
      [new Float32Array(32 * 32), data].map((image) =>
        runLayers(network, layers, { data: image, dims: [1, 1, 32, 32] }),
      ),
    );
    const changed = marked.concat.data.flatMap((v, i) =>
      v === blank.concat.data[i] ? [] : Math.floor(i / 16),
    );
    expect([...new Set(changed)]).toEqual([1 + 1 * 4 + 2]);
  });
});

test('a ConvNeXt has a sensible layer at the end of each stage', async () => {
  for (const gelu of ['erf', 'operator'] as const) {
    const network = tinyConvNeXt({ gelu });
    const layers = spatialLayers(network);
    const marked = layers.filter((layer) => layer.sensible);
    expect(marked.map(({ stride, field, size }) => [stride.rows, field.rows, size?.rows])).toEqual([
      [4, 28, 8],
      [8, 80, 4],
    ]);
    expect(marked[1].tensor).toBe('stage1');
    await expectEngineAgrees(network, layers, [2, 1, 32, 32]);
  }
});

test('what joins rows of a matrix on a way that is not followed may come from anywhere', () => {
  const nodes = (joined: string) => [
    node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }),
    node('Reshape', 'a,matrix', 'm'),
    node('Transpose', 'm', 'turned', { perm: [1, 0] }),
    node('Softmax', 'turned', 'mixed', { axis: 1 }),
    node('Transpose', 'mixed', 'back', { perm: [1, 0] }),
    node('ReduceMean', 'back', 'statistic', { axes: [0] }),
    node('Add', `m,${joined}`, 'sum'),
    node('Reshape', 'sum,tokens', 'y'),
  ];
  const initialisers = [integers('matrix', [-1, 4]), integers('tokens', [-1, 24, 4])];
  const field = (joined: string) => {
    const network = model({
      inputs: [value('x', ['n', 4, 4, 6])],
      nodes: nodes(joined),
      initialisers,
    });
    return spatialLayers(network).find(({ tensor }) => tensor === 'y')?.field.rows;
  };
  expect(field('back')).toBe(Number.POSITIVE_INFINITY);
  expect(field('statistic')).toBe(1);
});

test('patches that are merged leave no layer between the strides', () => {
  const part = (rows: number, columns: number) => [
    node('Slice', `a,from${rows},far,rows,two`, `rows${rows}${columns}`),
    node('Slice', `rows${rows}${columns},from${columns},far,columns,two`, `part${rows}${columns}`),
  ];
  const nodes = [
    node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }),
    ...[part(0, 0), part(1, 0), part(0, 1), part(1, 1)].flat(),
    node('Concat', 'part00,part10,part01,part11', 'b', { axis: -1 }),
    node('MatMul', 'b,w', 'y'),
  ];
  const initialisers = [
    ...[0, 1].map((from) => integers(`from${from}`, [from])),
    integers('far', [2 ** 31 - 1]),
    integers('rows', [1]),
    integers('columns', [2]),
    integers('two', [2]),
    weights('w', [16, 8]),
  ];
  const network = model({ inputs: [value('x', ['n', 4, 8, 8])], nodes, initialisers });
  expect(sensible(spatialLayers(network))).toEqual(['a', 'y']);
});

/** Of x [n, 4, 4, 6], with what is listed and how. */
const cases: Record<
  string,
  { nodes: Network['nodes']; initialisers?: Network['initialisers']; layers: Record<string, string> }
> = {
  'maps in rows of tokens and back': {
    nodes: [
      node('Reshape', 'x,flat', 'a'),
      node('Transpose', 'a', 'b', { perm: [0, 2, 1] }),
      node('Reshape', 'b,rows', 'c'),
      node('Transpose', 'c', 'd', { perm: [0, 3, 1, 2] }),
      node('Transpose', 'b', 'e', { perm: [0, 2, 1] }),
      node('Reshape', 'e,columns', 'f'),
      node('Add', 'd,f', 'y'),
    ],
    initialisers: [
      integers('flat', [0, 4, -1]),
      integers('rows', [-1, 4, 6, 4]),
      integers('columns', [0, 0, 4, 6]),
    ],
    layers: {
      a: 'channel-tokens',
      b: 'tokens',
      c: 'nhwc',
      d: 'nchw',
      e: 'channel-tokens',
      f: 'nchw',
      y: 'nchw',
    },
  },
  'class tokens put on and taken off': {
    nodes: [
      node('Reshape', 'x,flat', 'a'),
      node('Concat', 'two,a', 'registers', { axis: -1 }),
      node('Concat', 'one,registers', 'b', { axis: -1 }),
      node('Split', 'b,parts', 'first,c', { axis: 2 }),
      node('Slice', 'c,from,to,axis', 'd'),
      node('Gather', 'c,all', 'e', { axis: 2 }),
      node('Add', 'd,e', 'y'),
    ],
    initialisers: [
      integers('flat', [0, 4, 24]),
      weights('one', [1, 4, 1]),
      weights('two', [1, 4, 2]),
      integers('parts', [2, 25]),
      integers('from', [-24]),
      integers('to', [2 ** 31 - 1]),
      integers('axis', [-1]),
      integers(
        'all',
        Array.from({ length: 24 }, (_, i) => i + 1),
      ),
    ],
    layers: {
      a: 'channel-tokens',
      registers: 'channel-tokens 2',
      b: 'channel-tokens 3',
      c: 'channel-tokens 1',
      d: 'channel-tokens',
      e: 'channel-tokens',
      y: 'channel-tokens',
    },
  },
  'dense layers over rows of a matrix': {
    nodes: [
      node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }),
      node('Reshape', 'a,matrix', 'm'),
      node('Gemm', 'm,turned', 'g', { transB: 1 }),
      node('MatMul', 'g,straight', 'h'),
      node('Reshape', 'h,tokens', 'y'),
    ],
    initialisers: [
      integers('matrix', [-1, 4]),
      weights('turned', [8, 4]),
      weights('straight', [8, 5]),
      integers('tokens', [-1, 24, 5]),
    ],
    layers: { a: 'nhwc', y: 'tokens' },
  },
  'an MLP that mixes tokens, which is not followed but joined': {
    nodes: [
      node('Reshape', 'x,flat', 'a'),
      node('MatMul', 'a,mixer', 'mixed'),
      node('Relu', 'mixed', 'active'),
      node('MatMul', 'active,mixer', 'again'),
      node('Add', 'a,again', 'y'),
    ],
    initialisers: [integers('flat', [0, 4, -1]), weights('mixer', [24, 24])],
    layers: { a: 'channel-tokens', y: 'channel-tokens' },
  },
  'windows of a Swin transformer, which are not followed but joined': {
    nodes: [
      node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }),
      node('Reshape', 'a,tokens', 'b'),
      node('Reshape', 'b,apart', 'w'),
      node('Transpose', 'w', 'turned', { perm: [0, 1, 3, 2, 4, 5] }),
      node('Reshape', 'turned,windows', 'windows of 4'),
      node('Softmax', 'windows of 4', 'mixed', { axis: 1 }),
      node('Reshape', 'mixed,apart2', 'back'),
      node('Transpose', 'back', 'there', { perm: [0, 1, 3, 2, 4, 5] }),
      node('Reshape', 'there,tokens', 'attended'),
      node('Add', 'b,attended', 'y'),
    ],
    initialisers: [
      integers('tokens', [-1, 24, 4]),
      integers('apart', [-1, 2, 2, 3, 2, 4]),
      integers('apart2', [-1, 2, 3, 2, 2, 4]),
      integers('windows', [-1, 4, 4]),
    ],
    layers: { a: 'nhwc', b: 'tokens', y: 'tokens' },
  },
};

test.each(Object.entries(cases))('%s', async (_, { nodes, initialisers, layers: expected }) => {
  const network = model({ inputs: [value('x', ['n', 4, 4, 6])], nodes, initialisers });
  const layers = spatialLayers(network);
  const found = layers.map(({ tensor, layout, prefix }) => [tensor, prefix ? `${layout} ${prefix}` : layout]);
  expect(Object.fromEntries(found)).toEqual(expected);
  expect(layers.every(({ size, channels }) => size && channels)).toBe(true);
  await expectEngineAgrees(network, layers, [1, 4, 4, 6]);
});

/** Of tokens t [n, 1 + 24, 4] with their class token in front. */
const ends: [name: string, nodes: Network['nodes'], initialisers?: Network['initialisers']][] = [
  ['some tokens left out', [node('Slice', 't,two,far,one', 'y')]],
  ['tokens left out at the end', [node('Slice', 't,one,ten,one', 'y')]],
  ['tokens in another order', [node('Gather', 't,exchanged', 'y', { axis: 1 })]],
  ['one token picked', [node('Gather', 't,class', 'y', { axis: 1 })]],
  ['tokens put behind', [node('Concat', 't,extra', 'y', { axis: 1 })]],
  ['a mean over the tokens', [node('ReduceMean', 't', 'y', { axes: [1] })]],
  ['a product that mixes tokens', [node('MatMul', 'mixer,t', 'y')]],
  ['heads set apart', [node('Reshape', 't,heads', 'y')]],
  ['all in one row', [node('Flatten', 't', 'y')]],
];
test.each(ends)('%s: the path ends', (_, last) => {
  const nodes = [
    node('Reshape', 'x,flat', 'a'),
    node('Transpose', 'a', 'b', { perm: [0, 2, 1] }),
    node('Concat', 'extra,b', 't', { axis: 1 }),
    ...last,
  ];
  const initialisers = [
    integers('flat', [0, 4, -1]),
    weights('extra', [1, 1, 4]),
    weights('mixer', [7, 25]),
    integers('one', [1]),
    integers('two', [2]),
    integers('ten', [10]),
    integers('far', [2 ** 31 - 1]),
    integers('exchanged', [1, 3, 2, ...Array.from({ length: 21 }, (_, i) => i + 4)]),
    { ...integers('class', [0]), dims: [] },
    integers('heads', [0, 25, 2, 2]),
  ];
  for (const sides of [
    [4, 6],
    ['h', 'w'],
  ]) {
    const network: Model = model({ inputs: [value('x', ['n', 4, ...sides])], nodes, initialisers });
    expect(spatialLayers(network).map(({ tensor }) => tensor)).toEqual(['a', 'b', 't']);
  }
});

test.each([
  [
    'one head set apart',
    [
      node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }),
      node('Reshape', 'a,flat', 't'),
      node('Reshape', 't,head', 'y'),
    ],
  ],
  [
    'rows of a map counted as images',
    [node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }), node('Reshape', 'a,row', 'y')],
  ],
  [
    'a matrix of maps whose channels do not lie last',
    [node('Reshape', 'x,matrix', 'm'), node('MatMul', 'm,square', 'g'), node('Reshape', 'g,map', 'y')],
  ],
])('%s: the path ends', (_, nodes) => {
  const initialisers = [
    integers('flat', [0, -1, 4]),
    integers('head', [0, -1, 1, 4]),
    integers('row', [-1, 6, 4]),
    integers('matrix', [-1, 4]),
    integers('map', [-1, 4, 4, 6]),
    weights('square', [4, 4]),
  ];
  for (const sides of [
    [4, 6],
    ['h', 6],
    ['h', 'w'],
  ]) {
    const network = model({ inputs: [value('x', ['n', 4, ...sides])], nodes, initialisers });
    expect(spatialLayers(network).map(({ tensor }) => tensor)).not.toContain('y');
  }
});
