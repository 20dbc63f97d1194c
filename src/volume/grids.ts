/** Whether two grids of voxels lie in the same place. */
import type { Geometry, Shape } from './volume.ts';

/**
 * Millimetres between where two geometries place the same voxel, at its largest within a grid. The difference of two affine
 * maps is one itself, so that it is largest at a corner.
 */
export function gridDistance(a: Geometry, b: Geometry, [depth, height, width]: Shape): number {
  const difference = a.affine.map((value, i) => value - b.affine[i]);
  let largest = 0;
  for (const x of [0, width - 1]) {
    for (const y of [0, height - 1]) {
      for (const z of [0, depth - 1]) {
        const along = (r: number) =>
          difference[4 * r] * x +
          difference[4 * r + 1] * y +
          difference[4 * r + 2] * z +
          difference[4 * r + 3];
        largest = Math.max(largest, Math.hypot(along(0), along(1), along(2)));
      }
    }
  }
  return largest;
}
