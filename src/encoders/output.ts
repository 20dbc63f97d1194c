/**
 * Finds the output of a network that holds one number a class, and the logit behind it. A softmax or sigmoid at the
 * very end, possibly behind operators that only reshape, is left in the graph; the tensor before it becomes an
 * output of its own, and the engine drops what nobody fetches.
 */
import type { ValueInfoProto } from 'onnx-buf';
import { EncoderError } from '../errors.ts';
import { describeType, isStandard, type Model, tensorType } from '../onnx/model.ts';
import { makersOf } from '../onnx/nodes.ts';
import { exposeTensor } from '../onnx/rewrite.ts';

export type Activation = 'none' | 'softmax' | 'sigmoid';

/** The output of this name, or the first. */
export function findOutput({ graph }: Model, name: string, wanted?: string): ValueInfoProto {
  const output = wanted === undefined ? graph.output[0] : graph.output.find((o) => o.name === wanted);
  if (output) return output;
  throw new EncoderError(
    name,
    `This network has no output "${wanted}". Its outputs are ${graph.output.map((o) => o.name).join(', ')}.`,
    { remedy: 'Name one of them.' },
  );
}

/**
 * K of an output [n, K], [n, K, 1, 1] or [n, 1, 1, K], 1 of [n]; undefined when the graph does not say.
 * @param batch the fixed number of images in a run, if it is fixed.
 * @throws EncoderError when there is one number for all images, a map for each, or no float32 at all.
 */
export function countOutputs(
  output: ValueInfoProto,
  name: string,
  batch: number | undefined,
): number | undefined {
  const type = tensorType(output);
  const refuse = (problem: string, remedy: string) =>
    new EncoderError(name, `Its output "${output.name}" is ${describeType(type)}: ${problem}.`, { remedy });
  if (type.element !== 'float32' && type.element !== 'unknown') {
    throw refuse('only float32 can be used', 'Export the network with a float32 output.');
  }
  if (type.shape === undefined) return undefined;
  const [images, ...rest] = type.shape;
  if (type.shape.length === 0) {
    throw refuse(
      'one number for all images together',
      'Export the network so that it gives one number for each image and class.',
    );
  }
  // With one image in a run some exporters drop the batch.
  if (rest.length === 0) return batch === 1 && typeof images === 'number' ? images : 1;
  const lengths = rest.filter((length) => length !== 1);
  const known = lengths.filter((length) => typeof length === 'number');
  if (known.length > 1) {
    throw refuse(
      'a map for each image, not one number a class',
      'Give a classification network, or end this one with a pooling over the plane.',
    );
  }
  return lengths.length === 0 ? 1 : known[0];
}

/** The model whose output `output` is the logit, with what was taken off. The same model when nothing was. */
export function withLogit(
  model: Model,
  output: string,
): { model: Model; output: string; activation: Activation } {
  const makers = makersOf(model.graph);
  let value = output;
  for (let steps = model.graph.node.length; steps > 0; steps--) {
    const node = makers.get(value);
    if (node === undefined || !isStandard(node.domain)) break;
    const activation = activations[node.opType];
    if (activation) return { model: exposeTensor(model, node.input[0]), output: node.input[0], activation };
    if (!reshaping.has(node.opType)) break;
    value = node.input[0];
  }
  return { model, output, activation: 'none' };
}

const activations: Readonly<Record<string, Activation | undefined>> = {
  Softmax: 'softmax',
  LogSoftmax: 'softmax',
  Sigmoid: 'sigmoid',
};

/** Operators that keep the elements and their order. */
const reshaping = new Set(['Identity', 'Flatten', 'Reshape', 'Squeeze', 'Unsqueeze']);
