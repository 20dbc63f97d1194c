/**
 * A new head for a network: where the classes differ from those it was trained for, its last weights are of no use. The
 * features that the last convolution or product took are averaged over the plane, and a new linear layer makes a logit
 * for each class from them. An activation behind the old head (SqueezeNet has one) goes with it: logits have both signs.
 */
import type { NodeProto } from 'onnx-buf';
import { EncoderError } from '../errors.ts';
import type { Random } from '../geometry/random.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { isNumber } from '../onnx/dimensions.ts';
import { isStandard, type Model } from '../onnx/model.ts';
import { makersOf } from '../onnx/nodes.ts';

/** Operators between the old head and the output. */
const behind = new Set(
  [
    'Add Relu LeakyRelu Sigmoid Softmax LogSoftmax Identity Dropout Flatten Reshape Squeeze Unsqueeze',
    'GlobalAveragePool AveragePool ReduceMean Clip Cast',
  ].flatMap((names) => names.split(' ')),
);

export interface NewHead {
  readonly model: Model;
  /** Name of the logits [n, K]. */
  readonly logits: string;
  /** The tensor that the new head takes its features from. */
  readonly features: string;
}

/**
 * @param logits the tensor that holds the old logits.
 * @param outputs number of classes K.
 * @param random draws the new weights, uniform within ±1/√features as PyTorch's nn.Linear.
 * @throws EncoderError when no last layer is found, or the features are neither [n, F] nor [n, F, rows, columns].
 */
export function replaceHead(model: Model, logits: string, outputs: number, random: Random): NewHead {
  const builder = GraphBuilder.from(model);
  const head = findHead(model, logits);
  const shape = head && builder.known(head.input[0]).shape;
  const count = shape?.[1];
  if (!head || !shape || ![2, 4].includes(shape.length) || !isNumber(count)) {
    throw new EncoderError(
      builder.name,
      'Its last layer was not found, so it cannot be given other classes.',
      {
        remedy:
          'Give a network that ends in a linear layer or a convolution, perhaps with pooling behind it.',
      },
    );
  }
  const [features] = head.input;
  const pooled =
    shape.length === 2 ? features : builder.op('Flatten', [builder.op('GlobalAveragePool', [features])]);
  const bound = 1 / Math.sqrt(count);
  const draw = (length: number) => Float32Array.from({ length }, () => random.uniform([-bound, bound]));
  const weight = builder.initialiser(builder.fresh('head.weight'), draw(outputs * count), [outputs, count]);
  const bias = builder.initialiser(builder.fresh('head.bias'), draw(outputs), [outputs]);
  const made = builder.op('Gemm', [pooled, weight, bias], { transB: 1 });
  builder.output(made);
  return { model: builder.toModel(), logits: made, features };
}

/** The last convolution or product with weights of its own. */
function findHead({ graph }: Model, logits: string): NodeProto | undefined {
  const makers = makersOf(graph);
  const weights = new Set(graph.initializer.map(({ name }) => name));
  let at = logits;
  for (let steps = graph.node.length; steps > 0; steps--) {
    const node = makers.get(at);
    if (!node || !isStandard(node.domain)) return undefined;
    if (['Conv', 'Gemm', 'MatMul'].includes(node.opType))
      return weights.has(node.input[1]) ? node : undefined;
    if (!behind.has(node.opType)) return undefined;
    // A bias may stand on either side.
    at = node.input.find((name) => makers.has(name)) ?? '';
  }
  return undefined;
}
