/**
 * The state of a training between two steps: with it and the settings everything that follows is fixed, bit for bit on
 * a CPU. It is kept as a safetensors file (weights and moments by their names and shapes) and a JSON object.
 */

import { TonnoError } from '../errors.ts';
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import type { AdamState } from './adam.ts';
import { fromOrder, type Parameter, parameterCount, toOrder } from './parameters.ts';
import type { ClassScores } from './validation.ts';

/** The best validation so far. */
export interface Best extends ClassScores {
  readonly step: number;
  readonly classes: readonly ClassScores[];
}

export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  /** Where the stream of draws stands. */
  readonly random: readonly number[];
  readonly weights: Float32Array;
  readonly adam: AdamState;
  /** Running statistics of batch norms by the names of their initialisers. */
  readonly running: ReadonlyMap<string, Float32Array>;
  readonly best: Best | undefined;
  /** Validations since the best one. */
  readonly sinceBest: number;
  /** Steps done when it was validated last; 0 before that. */
  readonly validated: number;
  /** Losses of the last steps, of which the log has means. */
  readonly losses: readonly number[];
  /** Slices in one run of the engine: the order of sums depends on it. */
  readonly microBatch: number;
}

/** The part of a state that is JSON. */
export type StateRecord = Omit<TrainingState, 'weights' | 'adam' | 'running'>;

const parts = ['weight', 'mean', 'square'] as const;

/** A state as bytes. Parameters keep their own shapes, whatever the order in which they are fed. */
export function encodeState(
  state: TrainingState,
  parameters: readonly Parameter[],
): { tensors: Uint8Array; record: StateRecord } {
  const vectors = { weight: state.weights, mean: state.adam.mean, square: state.adam.square };
  const tensors = new Map<string, { data: Float32Array; shape: readonly number[] }>();
  for (const part of parts) {
    for (const parameter of parameters) {
      const data = fromOrder(vectors[part], parameter);
      tensors.set(`${part}.${parameter.name}`, { data, shape: parameter.shape });
    }
  }
  for (const [name, data] of state.running) tensors.set(`running.${name}`, { data, shape: [data.length] });
  const { weights: _weights, adam: _adam, running: _running, ...record } = state;
  return { tensors: writeSafetensors(tensors), record };
}

/**
 * @param name of the safetensors file, for errors.
 * @throws TonnoError when the file is damaged or of another network.
 */
export function decodeState(
  bytes: Uint8Array,
  name: string,
  { step, random, best, sinceBest, validated, losses, microBatch }: StateRecord,
  parameters: readonly Parameter[],
): TrainingState {
  const { tensors } = readSafetensors(bytes, name);
  const running = new Map<string, Float32Array>();
  for (const [key, { data }] of tensors) {
    if (key.startsWith('running.')) running.set(key.slice('running.'.length), data as Float32Array);
  }
  const vector = (part: (typeof parts)[number]) => {
    const values = new Float32Array(parameterCount(parameters));
    for (const parameter of parameters) {
      const tensor = tensors.get(`${part}.${parameter.name}`);
      if (!(tensor?.data instanceof Float32Array) || tensor.shape.join() !== parameter.shape.join()) {
        throw new TonnoError(name, `It holds no ${part} for ${parameter.name} [${parameter.shape}].`, {
          remedy: 'It is the checkpoint of another network; resume with the settings of its own run.',
        });
      }
      values.set(toOrder(tensor.data, parameter), parameter.offset);
    }
    return values;
  };
  return {
    step,
    random,
    best,
    sinceBest,
    validated,
    losses,
    microBatch,
    weights: vector('weight'),
    adam: { step, mean: vector('mean'), square: vector('square') },
    running,
  };
}
