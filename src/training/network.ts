/**
 * Networks that can be trained: the paper's, built here, and any .onnx classifier. And the way back: a network with
 * trained weights as a plain ONNX file that says how it is used.
 */
import { create } from '@bufbuild/protobuf';
import { type TensorProto, TensorProtoSchema } from 'onnx-buf';
import type { Encoder } from '../encoders/external.ts';
import { type EncoderMetadata, withMetadata } from '../encoders/metadata.ts';
import type { PixelLayout } from '../encoders/pixels.ts';
import {
  buildResNet,
  RESNET_INPUT,
  RESNET_LAYERS,
  RESNET_OUTPUT,
  type ResNetOptions,
} from '../encoders/resnet.ts';
import type { Random } from '../geometry/random.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import { extensibleOpset, GraphBuilder } from '../onnx/builder.ts';
import { spatialLayers } from '../onnx/layers.ts';
import { copyWith, type Model, parseModel, serialiseModel } from '../onnx/model.ts';
import { floatValues, tensorAttribute } from '../onnx/nodes.ts';
import type { NetworkToTrain } from './graph.ts';
import { replaceHead } from './head.ts';
import { fromOrder, type Parameter } from './parameters.ts';

export interface TrainableEncoder extends PixelLayout {
  readonly network: Omit<NetworkToTrain, 'norm'>;
  readonly size: SliceSize;
  /** Tensors for class activation maps, from the image on. */
  readonly layers: readonly string[];
}

/** One of the paper's networks with given weights. */
export function trainableResNet(
  options: ResNetOptions & { readonly size: number },
  weights: ReadonlyMap<string, Float32Array>,
): TrainableEncoder {
  const { size, channels } = options;
  return {
    network: {
      model: buildResNet(options, weights),
      input: RESNET_INPUT,
      logits: RESNET_OUTPUT,
      image: [channels, size, size],
      batch: undefined,
    },
    channels,
    layout: 'nchw',
    size: { rows: size, columns: size },
    layers: RESNET_LAYERS,
  };
}

/**
 * An .onnx classifier. Its head stays where it has as many classes as are wanted, and is replaced otherwise.
 * @param random draws the weights of a new head.
 * @throws EncoderError when it cannot be extended (see `GraphBuilder.from`) or given another head.
 */
export function trainableEncoder(
  encoder: Encoder,
  { outputs, size, random }: { readonly outputs: number; readonly size: SliceSize; readonly random: Random },
): TrainableEncoder & { readonly newHead: boolean } {
  const { channels, layout, batch, input } = encoder;
  const given = withoutConstants(parseModel(encoder.model, encoder.name));
  const newHead = encoder.outputs !== outputs;
  const { model, logits } = newHead
    ? replaceHead(given, encoder.output, outputs, random)
    : { model: given, logits: encoder.output };
  const { rows, columns } = size;
  const named = encoder.metadata.layers;
  const found = spatialLayers(model, { input, layout, output: logits }).filter(({ sensible }) => sensible);
  return {
    network: {
      model,
      input,
      logits,
      image: layout === 'nchw' ? [channels, rows, columns] : [rows, columns, channels],
      batch,
    },
    channels,
    layout,
    size,
    layers: named ?? found.map(({ tensor }) => tensor),
    newHead,
  };
}

/**
 * The network with other weights as an .onnx file: input [n, …image] of the size it was trained at, one output of
 * logits [n, K], and metadata. Nothing that the logits do not need is kept.
 * @param vector weights in the order of `parameters`.
 * @param running further initialisers that changed, by name: the running statistics of batch norms.
 */
export function exportEncoder(
  { network }: TrainableEncoder,
  parameters: readonly Parameter[],
  vector: Float32Array,
  running: ReadonlyMap<string, Float32Array>,
  metadata: EncoderMetadata,
): Uint8Array {
  const { model, input, logits, image, batch } = network;
  const builder = new GraphBuilder({
    opset: extensibleOpset(model),
    name: model.graph.name || 'encoder',
    reserved: model.graph.node.flatMap(({ output }) => output),
  });
  const changed = new Map(running);
  for (const parameter of parameters) changed.set(parameter.name, fromOrder(vector, parameter));
  builder.input(input, [batch ?? 'n', ...image]);
  for (const tensor of model.graph.initializer) {
    const values = changed.get(tensor.name);
    builder.hold(values ? withValues(tensor, values) : tensor);
  }
  for (const node of model.graph.node) builder.copy(node);
  const flat = builder.shape(logits).length === 2;
  const rows = flat ? logits : builder.op('Flatten', [logits]);
  builder.output(rows, rows === 'logits' ? rows : builder.fresh('logits'));
  return serialiseModel(withMetadata(builder.toModel(), metadata));
}

/** The model with other values for some of its float32 initialisers. */
export function withInitialisers(model: Model, values: ReadonlyMap<string, Float32Array>): Model {
  const initializer = model.graph.initializer.map((tensor) => {
    const own = values.get(tensor.name);
    return own ? withValues(tensor, own) : tensor;
  });
  return copyWith(model, { graph: copyWith(model.graph, { initializer }) });
}

/** Copies of some float32 initialisers, by name. */
export function initialiserValues({ graph }: Model, names: readonly string[]): Map<string, Float32Array> {
  return new Map(
    graph.initializer
      .filter(({ name }) => names.includes(name))
      .map((tensor) => [tensor.name, floatValues(tensor)!.slice()]),
  );
}

function withValues({ name, dims, dataType }: TensorProto, values: Float32Array): TensorProto {
  const rawData = new Uint8Array(values.slice().buffer);
  return create(TensorProtoSchema, { name, dims, dataType, rawData });
}

/** Some exporters keep weights in Constant nodes: as initialisers they can be trained. */
function withoutConstants(model: Model): Model {
  const constants = model.graph.node.flatMap((node) => {
    const tensor = node.opType === 'Constant' ? tensorAttribute(node, 'value') : undefined;
    return tensor && node.domain === '' ? [{ node, tensor: copyWith(tensor, { name: node.output[0] }) }] : [];
  });
  if (constants.length === 0) return model;
  const gone = new Set(constants.map(({ node }) => node));
  const graph = copyWith(model.graph, {
    node: model.graph.node.filter((node) => !gone.has(node)),
    initializer: [...model.graph.initializer, ...constants.map(({ tensor }) => tensor)],
  });
  return copyWith(model, { graph });
}
