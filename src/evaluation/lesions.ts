/**
 * What a segmentation holds, a lesion a line: where it is, how large, how sure. A lesion is a component; its number is its
 * label in the segmentation's components, so that a table and a label image speak of the same.
 */

import type { Box } from '../volume/crop.ts';
import { affineDeterminant, type Geometry, type Vector, voxelCount } from '../volume/volume.ts';
import type { Segmentation } from './binarisation.ts';

export interface Lesion {
  /** From 1, in scan order of the first voxel: the label in `components.labels`. */
  readonly number: number;
  readonly voxels: number;
  /** mm³. */
  readonly volume: number;
  /** Of the heatmap in it. */
  readonly maximum: number;
  /** The first voxel with that value, (axis 0, axis 1, axis 2). */
  readonly peak: Vector;
  /** Mean of its voxels' centres in RAS+ millimetres, [x, y, z]. */
  readonly centroid: Vector;
  readonly box: Box;
}

/**
 * The lesions of a segmentation, by number.
 * @param heatmap [D, H, W] that it was made from.
 * @param geometry of that grid.
 */
export function lesions(
  { components, shape }: Segmentation,
  heatmap: Float32Array,
  geometry: Geometry,
): Lesion[] {
  const [depth, height, width] = shape;
  const found = Array.from({ length: components.count }, () => ({
    maximum: Number.NEGATIVE_INFINITY,
    peak: [0, 0, 0] as Vector,
    sums: [0, 0, 0],
    from: [depth, height, width],
    to: [0, 0, 0],
  }));
  let voxel = 0;
  for (let d = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++, voxel++) {
        const label = components.labels[voxel];
        if (label === 0) continue;
        const lesion = found[label - 1];
        const at = [d, h, w] as const;
        if (heatmap[voxel] > lesion.maximum) {
          lesion.maximum = heatmap[voxel];
          lesion.peak = at;
        }
        for (let axis = 0; axis < 3; axis++) {
          lesion.sums[axis] += at[axis];
          lesion.from[axis] = Math.min(lesion.from[axis], at[axis]);
          lesion.to[axis] = Math.max(lesion.to[axis], at[axis] + 1);
        }
      }
    }
  }
  return found.map(({ maximum, peak, sums, from, to }, i) => {
    const voxels = components.sizes[i];
    const [a, b, c] = sums.map((sum) => sum / voxels);
    return {
      number: i + 1,
      voxels,
      volume: voxels * voxelVolume(geometry),
      maximum,
      peak,
      centroid: toWorld(geometry, [a, b, c]),
      box: { from: [from[0], from[1], from[2]], to: [to[0], to[1], to[2]] },
    };
  });
}

/** The segmentation without lesions of less than `minimumVolume` mm³; the others are numbered anew, in the same order. */
export function dropSmall(
  segmentation: Segmentation,
  minimumVolume: number,
  geometry: Geometry,
): Segmentation {
  const { shape, components } = segmentation;
  const renamed = new Int32Array(components.count + 1);
  const sizes: number[] = [];
  components.sizes.forEach((size, i) => {
    if (size * voxelVolume(geometry) >= minimumVolume) renamed[i + 1] = sizes.push(size);
  });
  const mask = new Uint8Array(voxelCount(shape));
  const labels = components.labels.map((label) => renamed[label]);
  for (let voxel = 0; voxel < mask.length; voxel++) mask[voxel] = labels[voxel] > 0 ? 1 : 0;
  return { shape, mask, components: { labels, count: sizes.length, sizes: Int32Array.from(sizes) } };
}

/** mm³ of a voxel. */
function voxelVolume({ affine }: Geometry): number {
  return Math.abs(affineDeterminant(affine));
}

/** From (axis 0, axis 1, axis 2) to RAS+ [x, y, z]: the affine takes axis 2 first. */
function toWorld({ affine: a }: Geometry, [d, h, w]: Vector): Vector {
  const row = (r: number) => a[4 * r] * w + a[4 * r + 1] * h + a[4 * r + 2] * d + a[4 * r + 3];
  return [row(0), row(1), row(2)];
}
