/**
 * Smooth random texture: independent normal values on a coarse lattice, joined by cubic B-splines. The field is
 * twice differentiable, and its grain is the lattice's spacing. The splines are applied along one axis at a time.
 */

import type { Random } from '../geometry/random.ts';
import type { Shape } from '../volume/volume.ts';

/** Mean square of a cubic B-spline's four weights over a cell: how much one axis lessens the variance. */
const SPLINE_VARIANCE = 151 / 315;

/**
 * A texture of mean 0 and standard deviation 1 (on average over all textures and voxels).
 * @param grain spacing of the lattice in voxels.
 * @returns [D, H, W] in C order.
 */
export function smoothTexture(shape: Shape, grain: number, random: Random): Float32Array {
  const lattice = shape.map((length) => Math.ceil((length - 1) / grain) + 4);
  let values = new Float32Array(lattice[0] * lattice[1] * lattice[2]);
  const unit = 1 / (SPLINE_VARIANCE * Math.sqrt(SPLINE_VARIANCE));
  for (let i = 0; i < values.length; i++) values[i] = random.normal() * unit;
  const extents = [...lattice];
  for (let axis = 0; axis < 3; axis++) {
    values = stretchAxis(values, extents, axis, shape[axis], grain);
    extents[axis] = shape[axis];
  }
  return values;
}

/** The array with `axis` of `extents` stretched from the lattice to `length` voxels. */
function stretchAxis(
  values: Float32Array,
  extents: readonly number[],
  axis: number,
  length: number,
  grain: number,
): Float32Array<ArrayBuffer> {
  const outer = extents.slice(0, axis).reduce((a, b) => a * b, 1);
  const inner = extents.slice(axis + 1).reduce((a, b) => a * b, 1);
  const stretched = new Float32Array(outer * length * inner);
  for (let i = 0; i < length; i++) {
    const cell = Math.floor(i / grain);
    const [a, b, c, d] = splineWeights(i / grain - cell);
    for (let o = 0; o < outer; o++) {
      const from = (o * extents[axis] + cell) * inner;
      const to = (o * length + i) * inner;
      for (let j = 0; j < inner; j++) {
        const k = from + j;
        stretched[to + j] =
          a * values[k] + b * values[k + inner] + c * values[k + 2 * inner] + d * values[k + 3 * inner];
      }
    }
  }
  return stretched;
}

/** The four uniform cubic B-spline weights at the fraction t of a cell. */
function splineWeights(t: number): [number, number, number, number] {
  const u = 1 - t;
  return [
    (u * u * u) / 6,
    (3 * t * t * t - 6 * t * t + 4) / 6,
    (3 * u * u * u - 6 * u * u + 4) / 6,
    (t * t * t) / 6,
  ];
}
