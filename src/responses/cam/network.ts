/**
 * An encoder's graph with class activation maps among its outputs. The differentiator adds the gradient of one class's
 * logit by each layer, the formulas turn activations and gradients into maps, and the engine runs it all as one
 * graph: one run over a slice gives the logit and the maps of every layer that was asked for.
 */
import type { Encoder } from '../../encoders/external.ts';
import { UsageError } from '../../errors.ts';
import type { SliceSize } from '../../geometry/sampler.ts';
import { GraphBuilder } from '../../onnx/builder.ts';
import { gradients } from '../../onnx/gradients/gradients.ts';
import { type Model, parseModel, serialiseModel } from '../../onnx/model.ts';
import { Operators } from '../../onnx/operators.ts';
import { fixInput } from '../../onnx/rewrite.ts';
import type { Answer } from '../encoder.ts';
import { logitAnswer } from '../logit.ts';
import { formulas, type GradientCamName } from './formulas.ts';
import { type CamLayer, layerAxes, readMaps } from './layer.ts';

/** One class activation map: by which formula, of which layer. */
export interface CamRequest {
  readonly cam: GradientCamName;
  readonly layer: CamLayer;
}

export interface CamNetwork {
  /** What a session must load. */
  readonly model: Uint8Array;
  /** For `encoderResponse`: one for each request and, where it was wanted, the logit before them. */
  readonly answers: readonly Answer[];
}

export interface CamNetworkOptions {
  /** Whether the logit is an answer too, the first. */
  readonly logit?: boolean;
  /** Pixels of the slices, where the encoder leaves them free: gradients of lengths that are known are cheaper. */
  readonly size?: SliceSize;
}

/**
 * The encoder with maps of one class among its outputs.
 * @param index of the class.
 * @throws UsageError when the encoder has no such class.
 * @throws EncoderError when an operator between a layer and the logit has no gradient, named with its node, when the
 *   logit does not depend on a layer, or when the graph's operator set is older than 11.
 */
export function camNetwork(
  encoder: Pick<Encoder, 'name' | 'model' | 'input' | 'layout' | 'output' | 'outputs'>,
  index: number,
  requests: readonly CamRequest[],
  { logit = false, size }: CamNetworkOptions = {},
): CamNetwork {
  const { name, outputs } = encoder;
  if (outputs !== undefined && index >= outputs) {
    throw new UsageError(name, `There is no class ${index}: this network has ${outputs}.`, {
      remedy: `Choose 0 to ${outputs - 1}.`,
    });
  }
  const model = parseModel(encoder.model, name);
  const builder = GraphBuilder.from(size ? ofSize(model, encoder, size) : model, name);
  const layers = [...new Map(requests.map(({ layer }) => [layer.tensor, layer])).values()];
  const found = layerTensors(builder, classLogit(builder, encoder.output, index), layers);
  const answers = requests.map(({ cam, layer }): Answer => {
    const o = new Operators(builder);
    const map = formulas[cam].formula(o, { ...found.get(layer.tensor)!, ...layerAxes[layer.layout] });
    const output = builder.output(o.cast(map, 'float32'), builder.fresh(`${cam} of ${layer.name}`));
    return {
      name: `${cam}:${layer.name}`,
      output,
      read: (tensor, batch) => readMaps(tensor, batch, layer, name),
    };
  });
  return {
    model: serialiseModel(builder.toModel()),
    answers: [...(logit ? [logitAnswer(encoder, [index])] : []), ...answers],
  };
}

/** The model for images of one size. */
function ofSize(
  model: Model,
  { input, layout }: Pick<Encoder, 'input' | 'layout'>,
  { rows, columns }: SliceSize,
): Model {
  return fixInput(model, input, layout === 'nchw' ? { 2: rows, 3: columns } : { 1: rows, 2: columns });
}

/** One class's logit for each image, [n, 1]. */
function classLogit(builder: GraphBuilder, output: string, index: number): string {
  const o = new Operators(builder);
  const logits = o.op('Flatten', [output], { axis: 1 });
  // Unlike Slice, Gather is an error in the engine where a class is not there, as one of an unknown number may be.
  return o.op('Gather', [logits, builder.ints([index])], { axis: 1 });
}

/** Activation and gradient of each layer, without the tokens that belong to no place. */
function layerTensors(
  builder: GraphBuilder,
  logit: string,
  layers: readonly CamLayer[],
): Map<string, { activation: string; gradient: string }> {
  const o = new Operators(builder);
  const tensors = layers.map(({ tensor }) => tensor);
  // Images do not touch one another, so the gradient of the sum holds each image's own.
  const found = gradients(builder, logit, tensors);
  return new Map(
    layers.map(({ tensor, layout, prefix }) => {
      const places = (name: string) =>
        prefix > 0 ? o.slice(name, [prefix], [2 ** 31 - 1], [layerAxes[layout].plane[0]]) : name;
      return [tensor, { activation: places(tensor), gradient: places(found.get(tensor)!) }];
    }),
  );
}
