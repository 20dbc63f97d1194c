/**
 * Connected components of a mask. Marked voxels are gathered into runs along the last axis, and runs of neighbouring rows
 * that touch are joined (union–find; He et al. 2008, "A run-based two-scan labeling algorithm"). A run is hundreds of
 * voxels or one, so that the work follows the surface of what is marked, not its volume.
 */
import { UsageError } from '../errors.ts';
import { type Shape, voxelCount } from '../volume/volume.ts';

/** Neighbours of a voxel: those with a common face, edge as well, or corner as well. */
export type Connectivity = 6 | 18 | 26;

/** Components as runs of voxels, in scan order. They are all that numbers of components need. */
export interface ComponentRuns {
  /** Components. */
  readonly count: number;
  /** First voxel of each run, as an index into [D, H, W]. A run never leaves its row. */
  readonly starts: Int32Array;
  /** The voxel after its last. */
  readonly ends: Int32Array;
  /** The component that each run belongs to, 1 to `count`, in scan order of their first voxels. */
  readonly labels: Int32Array;
}

/** Components as an image. */
export interface Components {
  /** [D, H, W]: 0 in the background, else 1 to `count` in scan order of the components' first voxels. */
  readonly labels: Int32Array;
  readonly count: number;
  /** Voxels of component 1, 2, …: `sizes[label - 1]`. */
  readonly sizes: Int32Array;
}

/**
 * The connected components of what is marked.
 * @param marked [D, H, W], not 0 where a voxel is marked.
 * @throws UsageError when `marked` is not D × H × W long.
 */
export function connectedComponents(
  marked: Uint8Array,
  shape: Shape,
  connectivity: Connectivity = 26,
): Components {
  const runs = connectedRuns(marked, shape, connectivity);
  return paintRuns(runs, voxelCount(shape));
}

/**
 * The same as runs.
 * @throws UsageError when `marked` is not D × H × W long.
 */
export function connectedRuns(
  marked: Uint8Array,
  shape: Shape,
  connectivity: Connectivity = 26,
): ComponentRuns {
  if (marked.length !== voxelCount(shape)) {
    throw new UsageError('mask', `It has ${marked.length} voxels, not ${shape.join(' × ')}.`);
  }
  return connectRuns(shape, connectivity, (_, from, to, found) => {
    let voxel = from;
    for (;;) {
      while (voxel < to && marked[voxel] === 0) voxel++;
      if (voxel === to) break;
      const start = voxel;
      while (voxel < to && marked[voxel] !== 0) voxel++;
      found.push(start, voxel);
    }
  });
}

/** Runs that have been found, in scan order. */
export interface FoundRuns {
  push(start: number, end: number): void;
}

/**
 * The same of voxels that a function finds, row by row: whoever knows that a row has none need not look at it.
 * @param inRow gives the runs among the voxels [from, to) of a row (axes 0 and 1 as one), in order and a voxel apart.
 */
export function connectRuns(
  shape: Shape,
  connectivity: Connectivity,
  inRow: (row: number, from: number, to: number, found: FoundRuns) => void,
): ComponentRuns {
  const found = findRuns(shape, inRow);
  const parents = joinRuns(found, shape, connectivity);
  // A parent stands before its child, so that it has its label when the child asks for it.
  let count = 0;
  for (let run = 0; run < parents.length; run++) {
    parents[run] = parents[run] === run ? ++count : parents[parents[run]];
  }
  return { count, starts: found.starts, ends: found.ends, labels: parents };
}

/** Voxels of component 1, 2, …. */
export function runSizes({ count, starts, ends, labels }: ComponentRuns): Int32Array {
  const sizes = new Int32Array(count);
  for (let run = 0; run < labels.length; run++) sizes[labels[run] - 1] += ends[run] - starts[run];
  return sizes;
}

/** Components as an image of so many voxels. */
export function paintRuns(runs: ComponentRuns, voxels: number): Components {
  const { count, starts, ends, labels } = runs;
  const image = new Int32Array(voxels);
  for (let run = 0; run < labels.length; run++) {
    const label = labels[run];
    for (let voxel = starts[run]; voxel < ends[run]; voxel++) image[voxel] = label;
  }
  return { labels: image, count, sizes: runSizes(runs) };
}

/** The components for which `keep` holds of their label, numbered anew in the same order. */
export function keepRuns(runs: ComponentRuns, keep: (label: number) => boolean): ComponentRuns {
  const renamed = new Int32Array(runs.count + 1);
  let count = 0;
  for (let label = 1; label <= runs.count; label++) if (keep(label)) renamed[label] = ++count;
  const kept = runs.labels.reduce((sum, label) => sum + (renamed[label] > 0 ? 1 : 0), 0);
  const [starts, ends, labels] = [new Int32Array(kept), new Int32Array(kept), new Int32Array(kept)];
  let next = 0;
  for (let run = 0; run < runs.labels.length; run++) {
    const label = renamed[runs.labels[run]];
    if (label === 0) continue;
    starts[next] = runs.starts[run];
    ends[next] = runs.ends[run];
    labels[next++] = label;
  }
  return { count, starts, ends, labels };
}

interface Runs {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** The first run of each row (axes 0 and 1 as one), and the number of runs behind the last. */
  readonly rows: Int32Array;
}

class GrowingRuns implements FoundRuns {
  starts = new Int32Array(1024);
  ends = new Int32Array(1024);
  count = 0;

  push(start: number, end: number): void {
    if (this.count === this.starts.length) {
      this.starts = doubled(this.starts);
      this.ends = doubled(this.ends);
    }
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
  }
}

function findRuns([depth, height, width]: Shape, inRow: Parameters<typeof connectRuns>[2]): Runs {
  const found = new GrowingRuns();
  const rows = new Int32Array(depth * height + 1);
  for (let row = 0; row < depth * height; row++) {
    rows[row] = found.count;
    inRow(row, row * width, (row + 1) * width, found);
  }
  const { starts, ends, count } = found;
  rows[depth * height] = count;
  return { starts: starts.slice(0, count), ends: ends.slice(0, count), rows };
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(2 * array.length);
  longer.set(array);
  return longer;
}

/** Rows before a row that may touch it: steps along axes 0 and 1, and how far beyond its ends a run touches there. */
const neighbours: Readonly<
  Record<Connectivity, readonly (readonly [down: number, along: number, reach: 0 | 1])[]>
> = {
  6: [
    [0, -1, 0],
    [-1, 0, 0],
  ],
  18: [
    [0, -1, 1],
    [-1, 0, 1],
    [-1, -1, 0],
    [-1, 1, 0],
  ],
  26: [
    [0, -1, 1],
    [-1, 0, 1],
    [-1, -1, 1],
    [-1, 1, 1],
  ],
};

/** @returns for each run one of its component that is not behind it; itself for the first run of a component. */
function joinRuns(
  { starts, ends, rows }: Runs,
  [depth, height, width]: Shape,
  connectivity: Connectivity,
): Int32Array {
  const parents = new Int32Array(starts.length);
  for (let run = 0; run < parents.length; run++) parents[run] = run;
  for (let d = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      const row = d * height + h;
      if (rows[row] === rows[row + 1]) continue;
      for (const [down, along, reach] of neighbours[connectivity]) {
        if (d + down < 0 || h + along < 0 || h + along >= height) continue;
        const other = row + down * height + along;
        const shift = (row - other) * width;
        const lastOwn = rows[row + 1];
        const lastOther = rows[other + 1];
        let a = rows[row];
        let b = rows[other];
        if (b === lastOther) continue;
        let [start, end] = [starts[a], ends[a]];
        let [otherStart, otherEnd] = [starts[b] + shift, ends[b] + shift];
        // Both rows are walked together; runs of one row are a voxel apart at least, so that the one ending first is done.
        for (;;) {
          if (start < otherEnd + reach && otherStart < end + reach && parents[a] !== parents[b]) {
            join(parents, a, b);
          }
          if (end < otherEnd) {
            if (++a === lastOwn) break;
            start = starts[a];
            end = ends[a];
          } else {
            if (++b === lastOther) break;
            otherStart = starts[b] + shift;
            otherEnd = ends[b] + shift;
          }
        }
      }
    }
  }
  return parents;
}

/** Joins the components of two runs; the first of their roots becomes the root of both. */
function join(parents: Int32Array, a: number, b: number): void {
  const first = root(parents, a);
  const second = root(parents, b);
  if (first < second) parents[second] = first;
  else parents[first] = second;
}

/** Where the parents of a run end; on the way every second step is shortened. */
function root(parents: Int32Array, of: number): number {
  let run = of;
  while (parents[run] !== run) {
    parents[run] = parents[parents[run]];
    run = parents[run];
  }
  return run;
}
