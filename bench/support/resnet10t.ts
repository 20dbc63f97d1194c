/**
 * A network of ResNet-10-T's size and shape (timm's resnet10t: tiered stem 24-32-64, one basic block a stage, average
 * pooling in the short cuts) with random weights and its normalisation folded into the convolutions, as every
 * inference engine folds it. For benches: it takes as long as the real one and knows nothing.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';

type Graph = { node: object[]; initializer: object[] };

/** @returns an ONNX model: input x [n, channels, h, w], output y [n, 1]. */
export function resnet10t({ channels = 1, width = 64 } = {}): Uint8Array<ArrayBuffer> {
  const graph: Graph = { node: [], initializer: [] };
  const stage = (at: string, from: number, to: number, stride: number): string => {
    let short = at;
    if (stride > 1) short = op(graph, 'AveragePool', [at], { kernel_shape: [2, 2], strides: [2, 2] });
    if (from !== to) short = conv(graph, short, from, to, 1, 1);
    const first = op(graph, 'Relu', [conv(graph, at, from, to, 3, stride)]);
    return op(graph, 'Relu', [op(graph, 'Add', [conv(graph, first, to, to, 3, 1), short])]);
  };
  const [a, b] = [(width * 3) / 8, width / 2];
  let at = op(graph, 'Relu', [conv(graph, 'x', channels, a, 3, 2)]);
  at = op(graph, 'Relu', [conv(graph, at, a, b, 3, 1)]);
  at = op(graph, 'Relu', [conv(graph, at, b, width, 3, 1)]);
  at = op(graph, 'MaxPool', [at], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  at = stage(at, width, width, 1);
  at = stage(at, width, 2 * width, 2);
  at = stage(at, 2 * width, 4 * width, 2);
  at = stage(at, 4 * width, 8 * width, 2);
  const pooled = op(graph, 'Flatten', [op(graph, 'GlobalAveragePool', [at])]);
  graph.node.push({
    opType: 'Gemm',
    input: [pooled, weight(graph, [8 * width, 1]), weight(graph, [1])],
    output: ['y'],
  });
  const tensor = (name: string, dims: (number | string)[]) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType: TensorProto_DataType.FLOAT,
          shape: {
            dim: dims.map((d) => ({
              value:
                typeof d === 'string'
                  ? { case: 'dimParam', value: d }
                  : { case: 'dimValue', value: BigInt(d) },
            })),
          },
        },
      },
    },
  });
  const model = {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'resnet10t',
      ...graph,
      input: [tensor('x', ['n', channels, 'h', 'w'])],
      output: [tensor('y', ['n', 1])],
    },
  };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, model as Parameters<typeof create<typeof ModelProtoSchema>>[1]),
  );
}

function op(graph: Graph, opType: string, input: string[], ints: Record<string, number[]> = {}): string {
  const output = `${opType}_${graph.node.length}`;
  const attribute = Object.entries(ints).map(([name, values]) => ({
    name,
    type: 7,
    ints: values.map(BigInt),
  }));
  graph.node.push({ opType, input, output: [output], attribute });
  return output;
}

function conv(graph: Graph, at: string, from: number, to: number, kernel: number, stride: number): string {
  const pad = (kernel - 1) / 2;
  return op(graph, 'Conv', [at, weight(graph, [to, from, kernel, kernel]), weight(graph, [to])], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
  });
}

let state = 1;
/** Uniform values of the variance that keeps activations alive (He et al.). */
function weight(graph: Graph, dims: number[]): string {
  const name = `w${graph.initializer.length}`;
  const fanIn = dims.length > 1 ? dims.slice(1).reduce((a, b) => a * b) : 1e4;
  const values = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * Math.sqrt(6 / fanIn);
  });
  graph.initializer.push({
    name,
    dims: dims.map(BigInt),
    dataType: TensorProto_DataType.FLOAT,
    rawData: new Uint8Array(values.buffer),
  });
  return name;
}
