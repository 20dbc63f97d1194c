/**
 * Labels of lesions without an image of them: a volume of labels would take as much memory as the heatmap, while lesions
 * are some thousands of runs. What is asked, one voxel or one plane, is read from these.
 */
import type { ComponentRuns } from '../../evaluation/components.ts';
import { type PlaneView, planeSteps } from '../../report/planes.ts';
import type { Shape } from '../../volume/volume.ts';

/** A plane of marks as it is looked at. */
export interface Marks {
  readonly width: number;
  readonly height: number;
  /** [height, width], 0 where there is nothing. */
  readonly values: Uint8Array;
  /** The pixels that each mark lies between, both included. */
  readonly extents: ReadonlyMap<number, Extent>;
}

export interface Extent {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

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

/**
 * The lesions in a plane as it is looked at, each as the mark that stands for its label, 1 to 255.
 * @throws RangeError when the index is not in the volume.
 */
export function markPlane(
  runs: ComponentRuns,
  shape: Shape,
  view: PlaneView,
  index: number,
  markOf: (label: number) => number,
): Marks {
  const { width, height } = planeSteps(view, shape, index);
  const values = new Uint8Array(width * height);
  const extents = new Map<number, Extent>();
  // The other way round: from a voxel's indices on the three axes to its pixel.
  const across = [0, 0, 0];
  const down = [0, 0, 0];
  across[view.columns.axis] = view.columns.flipped ? -1 : 1;
  down[view.rows.axis] = view.rows.flipped ? -1 : 1;
  const [x0, y0] = [view.columns.flipped ? width - 1 : 0, view.rows.flipped ? height - 1 : 0];
  eachRun(runs, shape, view.axis, index, (label, d, h, w, length) => {
    const mark = markOf(label);
    const x = x0 + d * across[0] + h * across[1] + w * across[2];
    const y = y0 + d * down[0] + h * down[1] + w * down[2];
    const step = across[2] + width * down[2];
    for (let i = 0, pixel = y * width + x; i < length; i++, pixel += step) values[pixel] = mark;
    const [endX, endY] = [x + (length - 1) * across[2], y + (length - 1) * down[2]];
    grow(extents, mark, Math.min(x, endX), Math.min(y, endY), Math.max(x, endX), Math.max(y, endY));
  });
  return { width, height, values, extents };
}

/** The parts of runs that lie in a plane: where each begins, and how many voxels along axis 2 it has there. */
function eachRun(
  { starts, ends, labels }: ComponentRuns,
  [depth, height, width]: Shape,
  axis: number,
  index: number,
  visit: (label: number, d: number, h: number, w: number, length: number) => void,
): void {
  const inRows = (firstRow: number, rows: number) => {
    const end = (firstRow + rows) * width;
    let row = firstRow;
    for (let run = firstFrom(starts, firstRow * width); run < starts.length && starts[run] < end; run++) {
      while (starts[run] >= (row + 1) * width) row++;
      const d = Math.floor(row / height);
      visit(labels[run], d, row - d * height, starts[run] - row * width, ends[run] - starts[run]);
    }
  };
  if (axis === 0) inRows(index * height, height);
  if (axis === 1) for (let d = 0; d < depth; d++) inRows(d * height + index, 1);
  if (axis !== 2) return;
  // Every run is looked at, and there may be a million of them.
  for (let run = 0, rowEnd = 0; run < starts.length; run++) {
    if (starts[run] >= rowEnd) rowEnd = (Math.floor(starts[run] / width) + 1) * width;
    const voxel = rowEnd - width + index;
    if (voxel < starts[run] || voxel >= ends[run]) continue;
    const row = Math.floor(voxel / width);
    const d = Math.floor(row / height);
    visit(labels[run], d, row - d * height, index, 1);
  }
}

function grow(
  extents: Map<number, Extent>,
  mark: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
): void {
  const extent = extents.get(mark);
  if (!extent) {
    extents.set(mark, { left, top, right, bottom });
    return;
  }
  if (left < extent.left) extent.left = left;
  if (top < extent.top) extent.top = top;
  if (right > extent.right) extent.right = right;
  if (bottom > extent.bottom) extent.bottom = bottom;
}
