/**
 * Where voxels lie in the maps of a direction. Along the stack, across rows and across columns a position is linear
 * in the voxel's indices, so three `Linear`s are all that backprojection needs to know of a direction.
 */
import type { Direction } from '../geometry/directions.ts';
import type { Shape } from '../volume/volume.ts';

/** A position that is linear in voxel indices: at0 + d·byD + h·byH + w·byW. */
export interface Linear {
  readonly at0: number;
  readonly byD: number;
  readonly byH: number;
  readonly byW: number;
}

/** Where along its stack a voxel lies; s = −1 is position 1, behind the zero map that layouts put first. */
export function slicePosition({ n, slices }: Direction, shape: Shape): Linear {
  return linear(n, shape, (slices - 1) / 2, 1);
}

/**
 * Where a voxel lies in a map of `cells` over `pixels`: pixel p = (x·axis + 1)/2·(pixels − 1) is at
 * (p + ½)·cells/pixels − ½.
 */
export function cellPosition(axis: readonly number[], shape: Shape, pixels: number, cells: number): Linear {
  const perPixel = cells / pixels;
  return linear(axis, shape, ((pixels - 1) / 2) * perPixel, 0.5 * perPixel - 0.5);
}

/** (x·axis + 1)·scale + shift for the voxel (d, h, w) at x. */
function linear(axis: readonly number[], shape: Shape, scale: number, shift: number): Linear {
  // A grid of one voxel along an axis has that voxel in the middle.
  const [byD, byH, byW] = axis.map((a, i) => (shape[i] > 1 ? (2 * a * scale) / (shape[i] - 1) : 0));
  const corner = axis.reduce((sum, a, i) => sum - (shape[i] > 1 ? a : 0), 0);
  return { at0: (corner + 1) * scale + shift, byD, byH, byW };
}
