/** Bounding boxes of components, and how far two boxes overlap. */

import type { Box } from '../volume/crop.ts';
import type { Shape, Vector } from '../volume/volume.ts';
import type { ComponentRuns } from './components.ts';
import { iou } from './overlap.ts';

/** The smallest box around component 1, 2, …. */
export function boundingBoxes({ count, starts, ends, labels }: ComponentRuns, shape: Shape): Box[] {
  const [, height, width] = shape;
  const from = Array.from({ length: count }, () => [...shape]);
  const to = Array.from({ length: count }, () => [0, 0, 0]);
  for (let run = 0; run < labels.length; run++) {
    const row = Math.floor(starts[run] / width);
    const first = [Math.floor(row / height), row % height, starts[run] - row * width];
    const last = [first[0] + 1, first[1] + 1, ends[run] - row * width];
    for (let axis = 0; axis < 3; axis++) {
      const component = labels[run] - 1;
      if (first[axis] < from[component][axis]) from[component][axis] = first[axis];
      if (last[axis] > to[component][axis]) to[component][axis] = last[axis];
    }
  }
  return from.map((corner, i) => ({ from: corner as unknown as Vector, to: to[i] as unknown as Vector }));
}

/** Voxels in a box. */
export function boxVoxels({ from, to }: Box): number {
  return (to[0] - from[0]) * (to[1] - from[1]) * (to[2] - from[2]);
}

/** Voxels in both of two boxes. */
export function sharedByBoxes(a: Box, b: Box): number {
  let shared = 1;
  for (let axis = 0; axis < 3; axis++) {
    shared *= Math.max(0, Math.min(a.to[axis], b.to[axis]) - Math.max(a.from[axis], b.from[axis]));
  }
  return shared;
}

/** Intersection over union of two boxes, in voxels. */
export function boxIou(a: Box, b: Box): number {
  return iou(sharedByBoxes(a, b), boxVoxels(a), boxVoxels(b));
}
