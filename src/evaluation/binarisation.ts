/**
 * From a heatmap to a segmentation with two thresholds (A.7). Voxels above the low one are marked; of their components
 * those stay that reach above the high one. So a volume has a predicted lesion exactly when its maximum is above the high
 * threshold, and the lesion is not cut short by it. (Canny's hysteresis, 1986.)
 */
import { UsageError } from '../errors.ts';
import { type Shape, voxelCount } from '../volume/volume.ts';
import {
  type ComponentRuns,
  type Components,
  type Connectivity,
  connectRuns,
  keepRuns,
  paintRuns,
} from './components.ts';

/** A mask and the components of it. */
export interface Segmentation {
  readonly shape: Shape;
  /** [D, H, W], 1 where a lesion is. */
  readonly mask: Uint8Array<ArrayBuffer>;
  readonly components: Components;
}

export interface Thresholds {
  /** τ′: voxels above it may belong to a lesion. */
  readonly low: number;
  /** τ: a lesion has a voxel above it. */
  readonly high: number;
}

/**
 * Voxels above `low` in components with a voxel above `high`.
 * @param heatmap [D, H, W], finite.
 * @param thresholds with `connectivity`, 26 unless given.
 * @throws UsageError when the heatmap is not D × H × W long, or `low` is not at or below `high`.
 */
export function hysteresis(
  heatmap: Float32Array,
  shape: Shape,
  { low, high, connectivity = 26 }: Thresholds & { readonly connectivity?: Connectivity },
): Segmentation {
  if (!(low <= high)) {
    throw new UsageError('thresholds', `The low threshold (${low}) is not below the high one (${high}).`);
  }
  if (heatmap.length !== voxelCount(shape)) {
    throw new UsageError('heatmap', `It has ${heatmap.length} voxels, not ${shape.join(' × ')}.`);
  }
  const runs = runsAbove(heatmap, shape, low, connectivity);
  const maxima = componentMaxima(runs, heatmap);
  return segmentationOf(
    keepRuns(runs, (label) => maxima[label - 1] > high),
    shape,
  );
}

/**
 * The components of the voxels above a threshold.
 * @param rowMaxima the largest value of each row (see `rowMaxima`), so that rows without a voxel above it are passed over.
 */
export function runsAbove(
  heatmap: Float32Array,
  shape: Shape,
  threshold: number,
  connectivity: Connectivity,
  rowMaxima?: Float32Array,
): ComponentRuns {
  return connectRuns(shape, connectivity, (row, from, to, found) => {
    if (rowMaxima && !(rowMaxima[row] > threshold)) return;
    let start = -1;
    for (let voxel = from; voxel < to; voxel++) {
      if (heatmap[voxel] > threshold) {
        if (start < 0) start = voxel;
      } else if (start >= 0) {
        found.push(start, voxel);
        start = -1;
      }
    }
    if (start >= 0) found.push(start, to);
  });
}

/** The largest value of each row of voxels along the last axis, [D, H]. */
export function rowMaxima(heatmap: Float32Array, [depth, height, width]: Shape): Float32Array {
  const maxima = new Float32Array(depth * height).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0, voxel = 0; row < maxima.length; row++) {
    let maximum = maxima[row];
    for (const end = voxel + width; voxel < end; voxel++) {
      if (heatmap[voxel] > maximum) maximum = heatmap[voxel];
    }
    maxima[row] = maximum;
  }
  return maxima;
}

/** The heatmap's maximum in component 1, 2, …. */
export function componentMaxima(
  { count, starts, ends, labels }: ComponentRuns,
  heatmap: Float32Array,
): Float32Array {
  const maxima = new Float32Array(count).fill(Number.NEGATIVE_INFINITY);
  for (let run = 0; run < labels.length; run++) {
    let maximum = maxima[labels[run] - 1];
    for (let voxel = starts[run]; voxel < ends[run]; voxel++) {
      if (heatmap[voxel] > maximum) maximum = heatmap[voxel];
    }
    maxima[labels[run] - 1] = maximum;
  }
  return maxima;
}

/** Components as a mask with its labels. */
export function segmentationOf(runs: ComponentRuns, shape: Shape): Segmentation {
  const components = paintRuns(runs, voxelCount(shape));
  const mask = new Uint8Array(components.labels.length);
  for (let run = 0; run < runs.labels.length; run++) mask.fill(1, runs.starts[run], runs.ends[run]);
  return { shape, mask, components };
}
