/**
 * Small changes to a graph that leave what it computes alone. Models go in and come out as values: the original is
 * never touched, and the copy shares its weights.
 */
import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import { EncoderError } from '../errors.ts';
import { valueInfo } from './builder.ts';
import type { Dim } from './dimensions.ts';
import { copyWith, type Model } from './model.ts';
import { knownInput } from './shapes.ts';

/**
 * The model with one more graph output, the last: a tensor that was internal so far. A tensor that is an output
 * already changes nothing. Where the graph does not say its type the output has none, and engines infer it.
 * @throws EncoderError when no node of the main graph makes this tensor and no input is called so.
 */
export function exposeTensor(model: Model, tensor: string): Model {
  const { graph } = model;
  if (graph.output.some(({ name }) => name === tensor)) return model;
  const input = graph.input.find(({ name }) => name === tensor);
  if (tensor === '' || (!input && !graph.node.some((node) => node.output.includes(tensor)))) {
    throw new EncoderError(graph.name || 'model', `The graph has no tensor "${tensor}".`, {
      remedy: 'Take a name from the list of layers.',
    });
  }
  const info =
    input ??
    graph.valueInfo.find(({ name }) => name === tensor) ??
    create(ValueInfoProtoSchema, { name: tensor });
  return copyWith(model, { graph: copyWith(graph, { output: [...graph.output, info] }) });
}

/**
 * The model with lengths of one input fixed that were free: what is written behind it needs no arithmetic on lengths.
 * @param lengths by axis; axes that are absent stay as they are.
 * @throws EncoderError when there is no such input, or it has no rank or a length that is another.
 */
export function fixInput(model: Model, input: string, lengths: Readonly<Record<number, number>>): Model {
  const { graph } = model;
  const refuse = (problem: string) => new EncoderError(graph.name || 'model', problem);
  const info = graph.input.find(({ name }) => name === input);
  if (!info) throw refuse(`The graph has no input "${input}".`);
  const { element, shape } = knownInput(info);
  if (!shape) throw refuse(`The rank of its input "${input}" is not known.`);
  const fixed = shape.map((dim, axis): Dim => {
    const length = lengths[axis] ?? dim;
    if (typeof dim !== 'number' || dim <= 0 || dim === length) return length;
    throw refuse(`Axis ${axis} of its input "${input}" has ${dim} elements, not ${length}.`);
  });
  const changed = valueInfo(input, { element, shape: fixed });
  return copyWith(model, {
    graph: copyWith(graph, { input: graph.input.map((other) => (other === info ? changed : other)) }),
  });
}
