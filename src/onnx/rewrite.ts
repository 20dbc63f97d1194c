/**
 * Small changes to a graph that leave what it computes alone. Models go in and come out as values: the original is
 * never touched, and the copy shares its weights.
 */
import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import { EncoderError } from '../errors.ts';
import { copyWith, type Model } from './model.ts';

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
