/**
 * Adam (Kingma & Ba, ICLR 2015) over a flat vector of weights, with the bias corrections where PyTorch has them. It is
 * arithmetic on numbers and no part of the graph: one pass over the memory instead of ten, the same bits on every
 * device, and gradients may come from as many runs as one likes.
 */
import { type Factors, type KernelVectors, kernelVectors } from './adam-kernel.ts';

export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** The paper's (A.6). */
export const paperAdam: AdamSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** Moving averages of the gradient and of its square, and how many steps were taken. */
export interface AdamState {
  step: number;
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

/** The kernel that a state's vectors lie in the memory of. */
const kernels = new WeakMap<Float32Array, KernelVectors>();

/** A state before the first step, for a vector of `count` weights. */
export function createAdam(count: number): AdamState {
  const kernel = kernelVectors(count);
  if (!kernel) return { step: 0, mean: new Float32Array(count), square: new Float32Array(count) };
  kernels.set(kernel.mean, kernel);
  return { step: 0, mean: kernel.mean, square: kernel.square };
}

/**
 * Weights and state as they are updated fastest: copies, in memory that they share. Without it they are copied there and
 * back at every step, or updated more slowly; the numbers are the same.
 * @param from the state to go on from; that before the first step when absent.
 */
export function placeTogether(
  weights: Float32Array,
  from?: AdamState,
): { weights: Float32Array; adam: AdamState } {
  const adam = createAdam(weights.length);
  if (from) {
    adam.step = from.step;
    adam.mean.set(from.mean);
    adam.square.set(from.square);
  }
  const own = kernels.get(adam.mean)?.weights ?? new Float32Array(weights.length);
  own.set(weights);
  return { weights: own, adam };
}

/** One step: weights and state change in place. All arithmetic is float32, as PyTorch's. */
export function adamStep(
  weights: Float32Array,
  gradient: Float32Array,
  state: AdamState,
  rate: number,
  { beta1, beta2, epsilon }: AdamSettings = paperAdam,
): void {
  state.step++;
  const factors = {
    beta1: Math.fround(beta1),
    rest1: Math.fround(1 - beta1),
    beta2: Math.fround(beta2),
    rest2: Math.fround(1 - beta2),
    size: Math.fround(rate / (1 - beta1 ** state.step)),
    root: Math.fround(1 / Math.sqrt(1 - beta2 ** state.step)),
    epsilon: Math.fround(epsilon),
  };
  const kernel = kernels.get(state.mean);
  if (!kernel) {
    plainStep(weights, gradient, state, factors);
    return;
  }
  kernel.gradient.set(gradient);
  if (weights !== kernel.weights) kernel.weights.set(weights);
  kernel.update(factors);
  if (weights !== kernel.weights) weights.set(kernel.weights);
}

/** What the kernel does, one number at a time. */
function plainStep(
  weights: Float32Array,
  gradient: Float32Array,
  { mean, square }: AdamState,
  { beta1, rest1, beta2, rest2, size, root, epsilon }: Factors,
): void {
  const f = Math.fround;
  for (let i = 0; i < weights.length; i++) {
    const x = gradient[i];
    const m = f(f(beta1 * mean[i]) + f(rest1 * x));
    const v = f(f(beta2 * square[i]) + f(f(rest2 * x) * x));
    mean[i] = m;
    square[i] = v;
    weights[i] = f(weights[i] - f(f(size * m) / f(f(f(Math.sqrt(v)) * root) + epsilon)));
  }
}
