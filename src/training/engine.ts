/**
 * The gradient of a step's loss, worked out by a session in micro-batches: each lane takes a part of the slices, and
 * the parts are added up in a fixed order, so that the same step gives the same bits however long each part took. A
 * whole batch and its parts give the same update but for rounding; only batch norm that trains sees its own part.
 */
import type { Session, Tensor } from '../runtime/session.ts';
import { type BatchMoments, MomentPool } from './batch-norm.ts';
import { LABELS_INPUT, SLICE_WEIGHTS_INPUT, type TrainingGraph } from './graph.ts';
import { fedShape, parameterCount, part } from './parameters.ts';

/** Some slices of a step, as the network takes them. */
export interface MicroBatch {
  /** Handed over: not to be touched afterwards. */
  readonly pixels: Float32Array;
  /** [n, …image] */
  readonly dims: readonly number[];
  /** [n, K], 0 or 1. */
  readonly labels: Float32Array;
  /** Slices, without those that only fill up a fixed batch. */
  readonly count: number;
}

export interface StepGradient {
  /** In the order of the parameters. */
  readonly gradient: Float32Array;
  /** [N, K] for all slices of the step. */
  readonly logits: Float32Array;
  /** Means and variances of each batch norm that trains. */
  readonly moments: readonly BatchMoments[];
}

export class GradientEngine {
  readonly graph: TrainingGraph;
  private readonly session: Session;

  constructor(session: Session, graph: TrainingGraph) {
    this.session = session;
    this.graph = graph;
  }

  /** The weights of all steps that follow; copied. */
  setWeights(vector: Float32Array): void {
    this.session.hold(weightTensors(this.graph, vector));
  }

  /** @throws EncoderError or DeviceError when the engine fails. */
  async compute(batches: readonly MicroBatch[]): Promise<StepGradient> {
    const { parameters, gradient: output, statistics, outputs } = this.graph;
    const slices = batches.reduce((sum, { count }) => sum + count, 0);
    const runs = batches.map((batch) => this.run(batch, 1 / (slices * outputs)));
    // One that fails before its turn is told when its turn comes.
    for (const run of runs) run.catch(() => {});
    let gradient: Float32Array | undefined;
    const logits = new Float32Array(slices * outputs);
    const moments = statistics.map((norm) => new MomentPool(norm));
    try {
      let at = 0;
      // In their order, each as soon as it and those before it are there: gradients of large networks are large.
      for (const [b, { count }] of batches.entries()) {
        const result = await runs[b];
        const values = output === undefined ? undefined : (result[output].data as Float32Array);
        if (gradient && values) add(gradient, values);
        gradient ??= values;
        const own = (result[this.graph.logits].data as Float32Array).subarray(0, count * outputs);
        logits.set(own, at);
        at += own.length;
        for (const pool of moments) pool.add(result, count);
      }
    } finally {
      // Nothing is left running behind.
      await Promise.allSettled(runs);
    }
    gradient ??= new Float32Array(parameterCount(parameters));
    return { gradient, logits, moments: moments.map((pool) => pool.moments()) };
  }

  private run({ pixels, dims, labels, count }: MicroBatch, weight: number): Promise<Record<string, Tensor>> {
    const places = dims[0];
    const { outputs, gradient, input } = this.graph;
    const feeds: Record<string, Tensor> = { [input]: { data: pixels, dims } };
    if (gradient !== undefined) {
      const weights = Float32Array.from({ length: places }, (_, i) => (i < count ? weight : 0));
      feeds[LABELS_INPUT] = { data: labels.slice(), dims: [places, outputs] };
      feeds[SLICE_WEIGHTS_INPUT] = { data: weights, dims: [places, 1] };
    }
    return this.session.run(feeds);
  }
}

/** The parameters as a session's tensors; views. */
export function weightTensors(
  { parameters }: Pick<TrainingGraph, 'parameters'>,
  vector: Float32Array,
): Record<string, Tensor> {
  return Object.fromEntries(
    parameters.map((parameter) => [
      parameter.name,
      { data: part(vector, parameter), dims: fedShape(parameter) },
    ]),
  );
}

function add(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += values[i];
}
