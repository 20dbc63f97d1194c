/** The learning rate of each step: half a cosine from the first to the last (A.6; SGDR without restarts). */

export interface Schedule {
  readonly steps: number;
  /** Rate of the first step; 5e-5 in the paper. */
  readonly rate: number;
  /** Rate that the last steps come down to; 1e-7 in the paper. */
  readonly finalRate: number;
  /** Steps over which the rate first rises in a straight line; none in the paper. */
  readonly warmUp: number;
}

/** @param step counted from 0. */
export function learningRate({ steps, rate, finalRate, warmUp }: Schedule, step: number): number {
  const cosine = finalRate + 0.5 * (rate - finalRate) * (1 + Math.cos((Math.PI * step) / steps));
  return step < warmUp ? (cosine * (step + 1)) / warmUp : cosine;
}
