/**
 * Receptive fields against the truth (one row or column of the image changed, and which elements change with it) and
 * against published figures: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
 * Distill 2019, whose table gives 195 for AlexNet, 212 for VGG-16 and 483 for ResNet-50.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildResNet, RESNET_LAYERS, resnetWeights } from '../../src/encoders/resnet.ts';
import { type SpatialLayer, spatialLayers } from '../../src/onnx/layers.ts';
import { type Model, parseModel } from '../../src/onnx/model.ts';
import { runLayers } from '../support/layers.ts';
import { integers, model, type Network, node, value, weights } from './fixture.ts';

const side = 60;

/** Positive weights, so that nothing cancels; different ones, so that nothing ties. */
function positive(name: string, shape: readonly number[]) {
  const length = shape.reduce((a, b) => a * b, 1);
  return weights(
    name,
    shape,
    Array.from({ length }, (_, i) => 0.2 + ((i * 37) % 19) / 40),
  );
}

/** Rows and columns of the image from the first to the last that changes a place, for the widest of all places. */
async function measured(network: Model, layers: readonly SpatialLayer[]) {
  const count = 2 * side + 1;
  const data = new Float32Array(count * side * side).fill(1);
  for (let line = 0; line < side; line++) {
    for (let i = 0; i < side; i++) {
      data[(line * side + line) * side + i] = 100;
      data[((side + line) * side + i) * side + line] = 100;
    }
  }
  const results = await runLayers(network, layers, { data, dims: [count, 1, side, side] });
  return layers.map(({ tensor }) => {
    const { data: values, dims } = results[tensor];
    const [, channels, rows, columns] = dims;
    const [places, elements] = [rows * columns, channels * rows * columns];
    const changed = (line: number, place: number) => {
      for (let element = place; element < elements; element += places) {
        if (values[line * elements + element] !== values[2 * side * elements + element]) return true;
      }
      return false;
    };
    const width = (first: number) => {
      const widths = Array.from({ length: places }, (_, place) => {
        const lines = Array.from({ length: side }, (_, line) => line);
        const reach = lines.filter((line) => changed(first + line, place));
        return reach.at(-1)! - reach[0] + 1;
      });
      return Math.max(...widths);
    };
    return { tensor, rows: width(0), columns: width(side) };
  });
}

const windows: Record<string, Network['nodes']> = {
  'strides, dilations and unequal kernels': [
    node('Conv', 'x,first', 'a', { strides: [2, 1], pads: [1, 1, 1, 1] }),
    node('Conv', 'a,tall', 'b', { dilations: [2, 3], pads: [4, 0, 4, 0] }),
    node('MaxPool', 'b', 'c', { kernel_shape: [3, 2], strides: [2, 2], ceil_mode: 1 }),
    node('Conv', 'c,square', 'd', { auto_pad: 'SAME_UPPER' }),
    node('AveragePool', 'd', 'y', { kernel_shape: [2, 2], strides: [1, 2] }),
  ],
  'branches and skips': [
    node('Conv', 'x,first', 'stem', { pads: [1, 1, 1, 1] }),
    node('Conv', 'stem,square', 'a', { pads: [1, 1, 1, 1] }),
    node('Conv', 'a,square', 'b', { pads: [1, 1, 1, 1] }),
    node('Concat', 'stem,b', 'c', { axis: 1 }),
    node('Conv', 'c,narrow', 'd'),
    node('Add', 'd,a', 'e'),
    node('Relu', 'e', 'y'),
  ],
  'blocks of pixels and up-sampling': [
    node('SpaceToDepth', 'x', 'a', { blocksize: 2 }),
    node('Conv', 'a,square', 'b', { strides: [2, 2], pads: [1, 1, 1, 1] }),
    node('ConvTranspose', 'b,up', 'c', { strides: [2, 2], pads: [1, 1, 1, 1] }),
    node('DepthToSpace', 'c', 'y', { blocksize: 2 }),
  ],
  'merged patches': [
    ...['0,0', '0,1', '1,0', '1,1'].flatMap((corner, i) => {
      const [row, column] = corner.split(',');
      return [
        node('Slice', `x,at${row},end,rows,two`, `rows${i}`),
        node('Slice', `rows${i},at${column},end,columns,two`, `part${i}`),
      ];
    }),
    node('Concat', 'part0,part1,part2,part3', 'a', { axis: 1 }),
    node('Conv', 'a,square', 'y'),
  ],
  'interpolation upwards': [
    node('AveragePool', 'x', 'a', { kernel_shape: [4, 4], strides: [4, 4] }),
    node('Resize', 'a,,double', 'b', { mode: 'nearest' }),
    node('Conv', 'b,first', 'c', { pads: [1, 1, 1, 1] }),
    node('Resize', 'a,,double', 'd', { mode: 'linear' }),
    node('Add', 'c,d', 'y'),
  ],
};
const initialisers = [
  positive('first', [4, 1, 3, 3]),
  positive('tall', [4, 4, 5, 1]),
  positive('square', [4, 4, 3, 3]),
  positive('narrow', [4, 8, 1, 1]),
  positive('up', [4, 4, 4, 4]),
  weights('double', [4], [1, 1, 2, 2]),
  integers('at0', [0]),
  integers('at1', [1]),
  integers('two', [2]),
  integers('end', [2 ** 31 - 1]),
  integers('rows', [2]),
  integers('columns', [3]),
];

test.each(Object.entries(windows))('%s: what is seen of the image is what is said', async (_, nodes) => {
  const network = model({ inputs: [value('x', ['n', 1, side, side])], nodes, initialisers });
  // A slice is told the field that it has together with those that take the rows and columns between.
  const layers = spatialLayers(network).filter(({ operator }) => operator !== 'Slice');
  expect(layers.at(-1)?.tensor).toBe('y');
  expect(layers.map(({ tensor, field }) => ({ tensor, ...field }))).toEqual(await measured(network, layers));
});

test('a window over up-sampled elements is off by less than an element before', async () => {
  const nodes = [
    node('AveragePool', 'x', 'a', { kernel_shape: [8, 8], strides: [8, 8] }),
    node('Resize', 'a,,double', 'b'),
    node('MaxPool', 'b', 'y', { kernel_shape: [2, 2] }),
  ];
  const network = model({ inputs: [value('x', ['n', 1, side, side])], nodes, initialisers });
  const layers = spatialLayers(network);
  const [said, { rows }] = [layers.at(-1)!.field.rows, (await measured(network, layers))[2]];
  expect([said, rows]).toEqual([12, 16]);
});

test('statistics of the plane are not counted, and attention over it is', () => {
  const nodes = [
    node('Conv', 'x,first', 'a', { pads: [1, 1, 1, 1] }),
    node('InstanceNormalization', 'a,four,four', 'b'),
    node('GlobalAveragePool', 'b', 'pooled'),
    node('Sigmoid', 'pooled', 'excited'),
    node('Mul', 'excited,b', 'c'),
    node('Reshape', 'c,flat', 'd'),
    node('Transpose', 'd', 'turned', { perm: [0, 2, 1] }),
    node('MatMul', 'turned,d', 'scores'),
    node('MatMul', 'd,scores', 'mixed'),
    node('Add', 'd,mixed', 'y'),
  ];
  const flat = integers('flat', [0, 4, -1]);
  const network = model({ nodes, initialisers: [...initialisers, weights('four', [4]), flat] });
  const fields = Object.fromEntries(spatialLayers(network).map(({ tensor, field }) => [tensor, field.rows]));
  expect(fields).toEqual({
    a: 3,
    b: 3,
    c: 3,
    d: 3,
    turned: 3,
    y: Number.POSITIVE_INFINITY,
  });
});

/** A chain of windows as `kernel/stride`. */
function chain(text: string): number {
  const nodes = text.split(' ').map((window, i) => {
    const [kernel, stride] = window.split('/').map(Number);
    const pads = Array(4).fill((kernel - 1) >> 1);
    return node('MaxPool', i === 0 ? 'x' : `${i}`, `${i + 1}`, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads,
    });
  });
  const network = model({
    inputs: [value('x', ['n', 1, 'h', 'w'])],
    outputs: [value(`${nodes.length}`)],
    nodes,
  });
  return spatialLayers(network).at(-1)!.field.rows;
}

describe('published figures', () => {
  test.each([
    ['AlexNet', 195, '11/4 3/2 5/1 3/2 3/1 3/1 3/1 3/2'],
    ['VGG-16', 212, '3/1 3/1 2/2 3/1 3/1 2/2 3/1 3/1 3/1 2/2 3/1 3/1 3/1 2/2 3/1 3/1 3/1 2/2'],
    [
      // TensorFlow's, which strides in the last block of a stage.
      'ResNet-50',
      483,
      `7/2 3/2 ${[3, 4, 6].map((n) => `${'3/1 '.repeat(n - 1)}3/2`).join(' ')} 3/1 3/1 3/1`,
    ],
  ])('%s: %i', (_, field, windows) => {
    expect(chain(windows)).toBe(field);
  });

  // By the same formula: timm strides in the 3×3 convolution of the first block of a stage.
  test.each([
    ['resnet10t', [31, 55, 103, 199]],
    ['resnet50', [35, 91, 267, 427]],
  ] as const)('%s as timm has it: %j', (architecture, fields) => {
    const options = { architecture, norm: 'frozen', channels: 1, outputs: 1, width: 1 / 16 } as const;
    const zeros = resnetWeights(options).map(({ name, shape }) => {
      return [name, new Float32Array(shape.reduce((a, b) => a * b, 1))] as const;
    });
    const layers = spatialLayers(buildResNet(options, new Map(zeros)));
    expect(RESNET_LAYERS.map((name) => layers.find(({ tensor }) => tensor === name)?.field)).toEqual(
      fields.map((field) => ({ rows: field, columns: field })),
    );
  });
});

const squeezenet = new URL('../../../shared/data/encoders/squeezenet_v1_1_fp32.onnx', import.meta.url);
const there = existsSync(squeezenet);
test.skipIf(!there)(`SqueezeNet 1.1${there ? '' : ' (skipped: the shared data are not there)'}`, () => {
  const layers = spatialLayers(parseModel(readFileSync(squeezenet), 'squeezenet'));
  expect(layers.filter(({ sensible }) => sensible).map(({ field }) => field.rows)).toEqual([3, 23, 63, 207]);
});
