/**
 * Adam (Kingma & Ba, ICLR 2015) over a flat vector of weights, with the bias corrections where PyTorch has them. It is
 * arithmetic on numbers and no part of the graph: one pass over the memory instead of ten, the same bits on every
 * device, and gradients may come from as many runs as one likes.
 */

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

export function createAdam(count: number): AdamState {
  return { step: 0, mean: new Float32Array(count), square: new Float32Array(count) };
}

/** One step: weights and state change in place. */
export function adamStep(
  weights: Float32Array,
  gradient: Float32Array,
  state: AdamState,
  rate: number,
  { beta1, beta2, epsilon }: AdamSettings = paperAdam,
): void {
  state.step++;
  const { mean, square } = state;
  const size = rate / (1 - beta1 ** state.step);
  const root = 1 / Math.sqrt(1 - beta2 ** state.step);
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i];
    const m = beta1 * mean[i] + (1 - beta1) * g;
    const v = beta2 * square[i] + (1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    weights[i] -= (size * m) / (Math.sqrt(v) * root + epsilon);
  }
}
