/**
 * From a network to the graph that trains it: slices, labels and weights in; logits and the gradient of the loss by
 * every weight out. The weights become inputs, norms are brought into the form that is trained, and everything else
 * stays what it was. One graph serves every device that runs ONNX's standard operators.
 */
import { EncoderError } from '../errors.ts';
import { extensibleOpset, GraphBuilder } from '../onnx/builder.ts';
import { gradients } from '../onnx/gradients/gradients.ts';
import { isStandard, type Model } from '../onnx/model.ts';
import { Operators } from '../onnx/operators.ts';
import { BatchNorms, type BatchStatistics, type TrainedNorm } from './batch-norm.ts';
import { DenseConvolutions } from './dense-convolution.ts';
import { findParameters, type Parameter } from './parameters.ts';

export interface NetworkToTrain {
  readonly model: Model;
  /** Name of the image input. */
  readonly input: string;
  /** Name of the output or tensor that holds the logits, [n, K] up to lengths of 1. */
  readonly logits: string;
  /** Channels first: [channels, rows, columns]; otherwise [rows, columns, channels]. */
  readonly image: readonly [number, number, number];
  /** Images in one run, where the network fixes it. */
  readonly batch: number | undefined;
  /** How batch norms are trained. */
  readonly norm: TrainedNorm;
}

/** Names of what is fed, besides the image and the weights. */
export const LABELS_INPUT = 'tonno labels';
export const SLICE_WEIGHTS_INPUT = 'tonno slice weights';

export interface TrainingGraph {
  readonly model: Model;
  /** [n, …image] */
  readonly input: string;
  /** Output of the logits, [n, K]. */
  readonly logits: string;
  readonly outputs: number;
  /** Images in one run, where the network fixes it. */
  readonly batch: number | undefined;
  readonly parameters: readonly Parameter[];
  /** Output of the gradient by all parameters, in their order, as one vector; undefined where there is none. */
  readonly gradient: string | undefined;
  /** The batch norms that are trained with the batch's statistics. */
  readonly statistics: readonly BatchStatistics[];
}

/**
 * The gradient of Σ_i w_i Σ_k BCE(z_ik, y_ik) by every parameter. Fed are the images, labels y [n, K] (0 or 1) and
 * weights of the slices w [n, 1]: 1/(N·K) gives the mean over a whole batch of N slices, whatever part of it is fed,
 * and 0 makes a slice count for nothing.
 * @throws EncoderError when the network cannot be differentiated or has nothing to train.
 */
export function trainingGraph(network: NetworkToTrain): TrainingGraph {
  const forward = rebuild(network);
  const { builder, o, logits, outputs, parameters } = forward;
  if (parameters.length === 0) {
    throw new EncoderError(builder.name, 'It has no float32 weights that could be trained.', {
      remedy: 'Give a network in float32 with its weights built in.',
    });
  }
  const labels = builder.input(LABELS_INPUT, [network.batch ?? 'n', outputs]);
  const weights = builder.input(SLICE_WEIGHTS_INPUT, [network.batch ?? 'n', 1]);
  // The binary cross-entropy of a logit z and a label y has the derivative σ(z) − y.
  const upstream = o.mul(o.sub(o.sigmoid(logits), labels), weights);
  const names = parameters.map(({ name }) => name);
  const found = gradients(builder, logits, names, { upstream, unreached: 'zeros' });
  // One vector: what an optimiser wants, and one piece of memory to hand over instead of hundreds.
  const flat = names.map((name) => o.reshape(found.get(name)!, [-1]));
  return finished(network, forward, builder.output(o.concat(flat, 0), builder.fresh('tonno gradient')));
}

/** The forward half alone with the batch's statistics in every batch norm, for measuring them. */
export function statisticsGraph(network: NetworkToTrain): TrainingGraph {
  return finished(network, rebuild({ ...network, norm: 'batch' }));
}

export interface EvaluationGraph extends Pick<TrainingGraph, 'model' | 'input' | 'logits' | 'parameters'> {
  /** Initialisers that are fed besides the parameters: the running statistics of batch norms. */
  readonly running: readonly string[];
}

/** The network as it is used, its weights and running statistics fed: for validation while it is trained. */
export function evaluationGraph(network: NetworkToTrain): EvaluationGraph {
  const running = runningStatistics(network.model);
  const { model, input, logits, parameters } = finished(
    network,
    rebuild({ ...network, norm: 'frozen' }, running),
  );
  return { model, input, logits, parameters, running };
}

/** Names of the initialisers that hold means and variances of batch norms. */
export function runningStatistics({ graph }: Model): string[] {
  const initialisers = new Set(graph.initializer.map(({ name }) => name));
  return graph.node
    .filter(({ opType, domain }) => opType === 'BatchNormalization' && isStandard(domain))
    .flatMap(({ input }) => [input[3], input[4]])
    .filter((name) => initialisers.has(name));
}

interface Forward {
  readonly builder: GraphBuilder;
  readonly o: Operators;
  readonly norms: BatchNorms;
  readonly parameters: readonly Parameter[];
  /** [n, K] */
  readonly logits: string;
  readonly outputs: number;
}

/**
 * The network in a new builder: image of a fixed size, parameters as inputs, batch norms as they are trained.
 * @param fed further initialisers that become inputs.
 */
function rebuild(
  { model, input, logits: end, image, batch, norm }: NetworkToTrain,
  fed: readonly string[] = [],
): Forward {
  const builder = new GraphBuilder({
    opset: extensibleOpset(model),
    name: model.graph.name || 'network',
    reserved: model.graph.node.flatMap(({ output }) => output),
  });
  const o = new Operators(builder);
  const found = new Map(findParameters(model).map((parameter) => [parameter.name, parameter]));
  builder.input(input, [batch ?? 'n', ...image]);
  for (const tensor of model.graph.initializer) {
    if (fed.includes(tensor.name)) builder.input(tensor.name, tensor.dims.map(Number));
    else if (!found.has(tensor.name)) builder.hold(tensor);
  }
  const norms = new BatchNorms(o, norm, model);
  const convolutions = new DenseConvolutions(o, model, found);
  for (const node of model.graph.node) {
    if (convolutions.take(node)) continue;
    for (const name of node.input) {
      const parameter = found.get(name);
      if (parameter && !builder.has(name)) builder.input(name, parameter.shape);
    }
    if (!norms.take(node)) builder.copy(node);
  }
  const parameters = [...found.values()].map((parameter) => {
    const order = convolutions.orders.get(parameter.name);
    return order ? { ...parameter, order } : parameter;
  });
  const outputs = builder
    .shape(end)
    .slice(1)
    .reduce<number>((product, length) => product * Number(length), 1);
  if (!Number.isInteger(outputs)) {
    throw new EncoderError(builder.name, 'Its number of classes is not fixed.', {
      remedy: 'Export it with a fixed number of classes.',
    });
  }
  const logits = builder.shape(end).length === 2 ? end : o.reshape(end, [-1, outputs]);
  return { builder, o, norms, parameters, logits, outputs };
}

function finished(
  { input, batch }: NetworkToTrain,
  { builder, norms, parameters, logits, outputs }: Forward,
  gradient?: string,
): TrainingGraph {
  const named = builder.output(logits, builder.fresh('tonno logits'));
  for (const { mean, variance } of norms.batchStatistics) {
    builder.output(mean);
    builder.output(variance);
  }
  return {
    model: builder.toModel(),
    input,
    logits: named,
    outputs,
    batch,
    parameters,
    gradient,
    statistics: norms.batchStatistics,
  };
}
