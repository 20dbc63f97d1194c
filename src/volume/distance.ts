/**
 * The exact Euclidean distance transform: how far every voxel is from the nearest one of a set. The square of the distance is a
 * sum over the axes, so that it is found one axis after the other: along a line, every voxel puts up a parabola, and what counts is
 * the lower envelope of them (Felzenszwalb & Huttenlocher 2012).
 */
import { type Shape, type Vector, voxelCount } from './volume.ts';

/**
 * Squares of the distances to the nearest voxel of the mask; Infinity everywhere where there is none.
 * @param mask [D, H, W]; what is not 0 is in it.
 * @param spacing lengths of a voxel along (axis 0, axis 1, axis 2), in the unit of the distances.
 * @param of whether to measure to the mask or to what is not in it.
 * @throws RangeError when the mask is not D × H × W long.
 */
export function squaredDistances(
  mask: Uint8Array,
  shape: Shape,
  spacing: Vector = [1, 1, 1],
  of: 'mask' | 'background' = 'mask',
): Float64Array {
  const count = voxelCount(shape);
  if (mask.length !== count) {
    throw new RangeError(`A mask of ${shape.join('×')} has ${count} voxels, not ${mask.length}.`);
  }
  const background = of === 'background';
  const squares = new Float64Array(count);
  for (let i = 0; i < count; i++) squares[i] = (mask[i] === 0) === background ? 0 : Number.POSITIVE_INFINITY;
  const [depth, height, width] = shape;
  const line = new Envelope(Math.max(...shape));
  for (let at = 0; at < count; at += width) line.pass(squares, at, width, 1, spacing[2]);
  for (let d = 0; d < depth; d++) {
    for (let w = 0; w < width; w++) line.pass(squares, d * height * width + w, height, width, spacing[1]);
  }
  for (let at = 0; at < height * width; at++) line.pass(squares, at, depth, height * width, spacing[0]);
  return squares;
}

/** The lower envelope of the parabolas along one line, with room for the longest. */
class Envelope {
  readonly #values: Float64Array;
  /** Whose parabolas are in the envelope, from left to right, and where each becomes the lowest. */
  readonly #roots: Int32Array;
  readonly #starts: Float64Array;

  constructor(length: number) {
    this.#values = new Float64Array(length);
    this.#roots = new Int32Array(length);
    this.#starts = new Float64Array(length);
  }

  /** Replaces the values f of a line by min over q of f(q) + (spacing · (p − q))². */
  pass(data: Float64Array, start: number, length: number, stride: number, spacing: number): void {
    const values = this.#values;
    const roots = this.#roots;
    const starts = this.#starts;
    const unit = spacing * spacing;
    let last = -1;
    for (let q = 0, at = start; q < length; q++, at += stride) {
      const value = data[at];
      values[q] = value;
      if (value === Number.POSITIVE_INFINITY) continue;
      let from = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const p = roots[last];
        // Where the parabola of q falls below that of p.
        from = (value - values[p] + unit * (q * q - p * p)) / (2 * unit * (q - p));
        if (from > starts[last]) break;
        last--;
        from = Number.NEGATIVE_INFINITY;
      }
      last++;
      roots[last] = q;
      starts[last] = from;
    }
    if (last < 0) return;
    for (let p = 0, at = start, k = 0; p < length; p++, at += stride) {
      while (k < last && starts[k + 1] <= p) k++;
      const q = roots[k];
      data[at] = values[q] + unit * (p - q) * (p - q);
    }
  }
}
