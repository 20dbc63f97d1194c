/**
 * Labels of lesions without an image of them: a volume of labels would take as much memory as the heatmap, while lesions
 * are some thousands of runs. What is asked, one voxel or one plane, is read from these.
 */
import type { ComponentRuns } from '../../evaluation/components.ts';
import type { Plane, PlaneView } from '../../report/planes.ts';
import type { Shape } from '../../volume/volume.ts';

/** The run that a voxel is in, by bisection; −1 where it is in none. */
export function runAt({ starts, ends }: ComponentRuns, voxel: number): number {
  const run = firstFrom(starts, voxel + 1) - 1;
  return run >= 0 && voxel < ends[run] ? run : -1;
}

/** The label of a voxel, 0 for none. */
export function labelAt(runs: ComponentRuns, voxel: number): number {
  const run = runAt(runs, voxel);
  return run < 0 ? 0 : runs.labels[run];
}

/** The first run that starts at a voxel or after it. */
export function firstFrom(starts: Int32Array, voxel: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] < voxel) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Labels of a plane as it is looked at, as `extractPlane` gives values. */
export function labelPlane(runs: ComponentRuns, shape: Shape, view: PlaneView, index: number): Plane {
  const [, rowsPerPlane, rowLength] = shape;
  const [height, width] = [shape[view.rows.axis], shape[view.columns.axis]];
  const values = new Float32Array(width * height);
  // Where a voxel lies in the picture: the sum of what its index on each axis of the picture contributes.
  const steps = [0, 0, 0];
  let origin = 0;
  for (const [side, length, step] of [
    [view.rows, height, width],
    [view.columns, width, 1],
  ] as const) {
    steps[side.axis] = side.flipped ? -step : step;
    if (side.flipped) origin += (length - 1) * step;
  }
  const [from, to] =
    view.axis === 0
      ? [index * rowsPerPlane * rowLength, (index + 1) * rowsPerPlane * rowLength]
      : [0, Infinity];
  for (let run = firstFrom(runs.starts, from); run < runs.labels.length && runs.starts[run] < to; run++) {
    const start = runs.starts[run];
    const row = Math.floor(start / rowLength);
    const [d, h, w] = [Math.floor(row / rowsPerPlane), row % rowsPerPlane, start % rowLength];
    if (view.axis === 1 && h !== index) continue;
    const last = w + runs.ends[run] - start;
    const label = runs.labels[run];
    const at = origin + d * steps[0] + h * steps[1];
    if (view.axis === 2) {
      if (w <= index && index < last) values[at] = label;
    } else {
      for (let i = w; i < last; i++) values[at + i * steps[2]] = label;
    }
  }
  return { width, height, values };
}
