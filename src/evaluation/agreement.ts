/**
 * How well a reconstruction gives a volume back, for the proof R⁻¹R_Σ V ≈ V: in the unit ball, because the slices
 * cover no more of the cube whole.
 */
import type { Volume } from '../volume/volume.ts';

export interface Agreement {
  /** Pearson's. */
  readonly correlation: number;
  /** ‖G − V‖ / ‖V‖. */
  readonly error: number;
  /** ‖aG − V‖ / ‖V‖ with the a that makes it least: what is wrong besides the scale. */
  readonly scaledError: number;
}

/**
 * Correlation and relative L2 error over the voxels whose centres lie in the unit ball of normalised coordinates.
 * @param data [D, H, W] on the volume's grid; of the volume the first channel counts.
 */
export function agreementInBall(data: Float32Array, { data: truth, shape }: Volume): Agreement {
  const [depth, height, width] = shape;
  const squares = shape.map((length) =>
    Float64Array.from({ length }, (_, i) => (length > 1 ? (2 * i) / (length - 1) - 1 : 0) ** 2),
  );
  let [count, sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0, 0];
  let index = 0;
  for (let d = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++, index++) {
        if (squares[0][d] + squares[1][h] + squares[2][w] > 1) continue;
        const a = data[index];
        const b = truth[index];
        count++;
        sumA += a;
        sumB += b;
        sumAA += a * a;
        sumBB += b * b;
        sumAB += a * b;
      }
    }
  }
  const covariance = sumAB - (sumA * sumB) / count;
  const correlation = covariance / Math.sqrt((sumAA - sumA ** 2 / count) * (sumBB - sumB ** 2 / count));
  return {
    correlation,
    error: Math.sqrt((sumAA - 2 * sumAB + sumBB) / sumBB),
    scaledError: Math.sqrt(Math.max(0, 1 - sumAB ** 2 / (sumAA * sumBB))),
  };
}
