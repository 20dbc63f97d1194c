/**
 * Gradients against central finite differences. A case is a graph of one operator or a few; its result is multiplied
 * by fixed numbers and summed, which makes a scalar, and every input is moved up and down element by element. The
 * inputs' values are all different, evenly spread and none near 0, so that no step crosses a kink or a tie.
 */
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import type { Dim } from '../../../src/onnx/dimensions.ts';
import { gradients } from '../../../src/onnx/gradients/gradients.ts';
import { type Model, serialiseModel } from '../../../src/onnx/model.ts';

// The same cases on every run: a random one may step over a kink.
fc.configureGlobal({ seed: 20 });

export interface Input {
  readonly shape: readonly number[];
  /** What the graph is told of the shape, where that is less. */
  readonly declared?: readonly Dim[];
  /** Values lie evenly in this range, shuffled; −2 to 2 by default. */
  readonly range?: readonly [low: number, high: number];
  /** False for inputs that have no gradient. */
  readonly moves?: boolean;
  readonly values?: readonly number[];
}

export interface Case {
  readonly inputs: Readonly<Record<string, Input>>;
  readonly graph: (b: GraphBuilder) => string;
  readonly opset?: number;
  readonly seed?: number;
  readonly tolerance?: number;
}

export type Arrays = Record<string, Float32Array>;

export async function openSession(model: Model): Promise<InferenceSession> {
  return InferenceSession.create(serialiseModel(model), { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

/** A linear congruential generator: the same numbers on every machine. */
export function random(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Different values, evenly spread over a range and shuffled; none near 0. */
export function spread(
  count: number,
  [low, high]: readonly [number, number],
  next: () => number,
): Float32Array {
  const values = Float32Array.from({ length: count }, (_, i) => {
    const value = low + ((high - low) * (i + 0.5)) / count;
    return low < 0 && high > 0 ? value + (value < 0 ? -0.05 : 0.05) : value;
  });
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [values[i], values[j]] = [values[j], values[i]];
  }
  return values;
}

/** ‖a − b‖ / max(‖b‖, small) */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return a.length === b.length ? Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-3) : Number.NaN;
}

const leastElements = 40;

/** Builds the case, runs it and compares the gradient of every input that moves. */
export async function expectGradients({
  inputs,
  graph,
  opset,
  seed = 1,
  tolerance = 1e-2,
}: Case): Promise<void> {
  const b = new GraphBuilder({ opset, name: 'case' });
  for (const [name, { shape, declared }] of Object.entries(inputs)) b.input(name, declared ?? shape);
  const y = graph(b);
  const rank = b.shape(y).length;
  const before = b.output(y);
  const forwardSession = await openSession(b.toModel());
  b.input('upstream', b.shape(y));
  const moving = Object.keys(inputs).filter((name) => inputs[name].moves !== false);
  const found = gradients(b, y, moving, { upstream: 'upstream' });
  const names = new Map([...found].map(([name, gradient]) => [name, b.output(gradient, `d${name}`)]));
  const session = await openSession(b.toModel());

  const next = random(seed);
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, range = [-2, 2], values: given }]) => [
      name,
      given ? Float32Array.from(given) : spread(size(shape), [range[0], range[1]], next),
    ]),
  );
  const tensors = (arrays: Arrays) =>
    Object.fromEntries(
      Object.entries(arrays).map(([name, data]) => [name, new Tensor('float32', data, inputs[name].shape)]),
    );
  const forward = async (arrays: Arrays) => (await forwardSession.run(tensors(arrays)))[before];
  try {
    const probe = await forward(values);
    expect(probe.dims.length, 'inferred rank').toBe(rank);
    for (const [axis, dim] of b.shape(y).entries()) {
      if (typeof dim === 'number') expect(probe.dims[axis], `inferred length ${axis}`).toBe(dim);
    }
    const weights = Float32Array.from({ length: probe.data.length }, () => next() * 2 - 1);
    const upstream = new Tensor('float32', weights, probe.dims);
    const results = await session.run({ ...tensors(values), upstream });
    for (const [name, gradientName] of names) {
      const gradient = results[gradientName];
      expect(gradient.dims, `shape of the gradient by ${name}`).toEqual(inputs[name].shape);
      const array = values[name];
      const [low, high] = inputs[name].range ?? [-2, 2];
      const step = Math.min(1e-2, (high - low) / array.length / 4);
      const stride = Math.max(1, Math.floor(array.length / leastElements));
      const numeric: number[] = [];
      const analytic: number[] = [];
      for (let i = 0; i < array.length; i += stride) {
        const at = async (value: number) =>
          (await forward({ ...values, [name]: array.with(i, value) })).data as Float32Array;
        const [up, down] = [await at(array[i] + step), await at(array[i] - step)];
        const moved = Math.fround(array[i] + step) - Math.fround(array[i] - step);
        numeric.push(weights.reduce((sum, w, k) => sum + w * (up[k] - down[k]), 0) / moved);
        analytic.push((gradient.data as Float32Array)[i]);
      }
      const error = distance(analytic, numeric);
      expect(error, `by ${name}: ${analytic.slice(0, 6)} instead of ${numeric.slice(0, 6)}`).toBeLessThan(
        tolerance,
      );
    }
  } finally {
    await session.release();
    await forwardSession.release();
  }
}
