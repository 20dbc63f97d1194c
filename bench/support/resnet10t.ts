/**
 * A network of ResNet-10-T's size and shape (timm's resnet10t: tiered stem 24-32-64, one basic block a stage, average
 * pooling in the short cuts) with random weights and its normalisation folded into the convolutions, as every
 * inference engine folds it. For benches: it takes as long as the real one and knows nothing.
 */
import { GraphBuilder, serialiseModel } from 'tonno';

/** @returns an ONNX model: input x [n, channels, h, w], output y [n, 1]. */
export function resnet10t({ channels = 1, width = 64 } = {}): Uint8Array {
  const graph = new GraphBuilder({ name: 'resnet10t' });
  const relu = (at: string) => graph.op('Relu', [at]);
  const conv = (at: string, from: number, to: number, kernel: number, stride: number) => {
    const pad = (kernel - 1) / 2;
    return graph.op('Conv', [at, weight(graph, [to, from, kernel, kernel]), weight(graph, [to])], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  };
  const stage = (at: string, from: number, to: number, stride: number): string => {
    let short = at;
    if (stride > 1) short = graph.op('AveragePool', [at], { kernel_shape: [2, 2], strides: [2, 2] });
    if (from !== to) short = conv(short, from, to, 1, 1);
    const first = relu(conv(at, from, to, 3, stride));
    return relu(graph.op('Add', [conv(first, to, to, 3, 1), short]));
  };
  const [a, b] = [(width * 3) / 8, width / 2];
  let at = relu(conv(graph.input('x', ['n', channels, 'h', 'w']), channels, a, 3, 2));
  at = relu(conv(at, a, b, 3, 1));
  at = relu(conv(at, b, width, 3, 1));
  at = graph.op('MaxPool', [at], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  at = stage(at, width, width, 1);
  at = stage(at, width, 2 * width, 2);
  at = stage(at, 2 * width, 4 * width, 2);
  at = stage(at, 4 * width, 8 * width, 2);
  const pooled = graph.op('Flatten', [graph.op('GlobalAveragePool', [at])]);
  graph.output(graph.op('Gemm', [pooled, weight(graph, [8 * width, 1]), weight(graph, [1])]), 'y');
  return serialiseModel(graph.toModel());
}

let state = 1;
/** Uniform values of the variance that keeps activations alive (He et al.). */
function weight(graph: GraphBuilder, shape: number[]): string {
  const fanIn = shape.length > 1 ? shape.slice(1).reduce((a, b) => a * b) : 1e4;
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * Math.sqrt(6 / fanIn);
  });
  return graph.initialiser(graph.fresh('w'), values, shape);
}
