/**
 * What a segmentation holds, a lesion a line: where it is, how large, how sure. A lesion is a component; its number is its
 * label in the segmentation's components, so that a table and a label image speak of the same.
 */

import type { Box } from '../volume/crop.ts';
import {
  affineDeterminant,
  type Geometry,
  type Shape,
  type Vector,
  type Volume,
  voxelCount,
} from '../volume/volume.ts';
import type { Segmentation } from './binarisation.ts';
import { type ComponentRuns, runSizes } from './components.ts';

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
  { components: { labels, count, sizes }, shape }: Segmentation,
  heatmap: Float32Array,
  geometry: Geometry,
): Lesion[] {
  const table = new LesionTable(count, shape, heatmap);
  const [depth, height, width] = shape;
  for (let row = 0, voxel = 0; row < depth * height; row++) {
    const end = voxel + width;
    while (voxel < end) {
      const label = labels[voxel];
      const start = voxel++;
      while (voxel < end && labels[voxel] === label) voxel++;
      if (label > 0) table.add(label, start, voxel);
    }
  }
  return table.lesions(sizes, geometry);
}

/** The same of components as runs: the work follows what is marked, not the volume. */
export function lesionsOfRuns(
  runs: ComponentRuns,
  heatmap: Float32Array,
  { shape, geometry }: Pick<Volume, 'shape' | 'geometry'>,
): Lesion[] {
  const table = new LesionTable(runs.count, shape, heatmap);
  for (let run = 0; run < runs.labels.length; run++) {
    table.add(runs.labels[run], runs.starts[run], runs.ends[run]);
  }
  return table.lesions(runSizes(runs), geometry);
}

/** What is gathered of each lesion while its runs go by. */
class LesionTable {
  readonly #shape: Shape;
  readonly #heatmap: Float32Array;
  readonly #maxima: Float32Array;
  readonly #peaks: Int32Array;
  /** Three for each lesion: sums of its voxels' indices, and its first and last. */
  readonly #sums: Float64Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;

  constructor(count: number, shape: Shape, heatmap: Float32Array) {
    this.#shape = shape;
    this.#heatmap = heatmap;
    this.#maxima = new Float32Array(count).fill(Number.NEGATIVE_INFINITY);
    this.#peaks = new Int32Array(count);
    this.#sums = new Float64Array(3 * count);
    this.#first = new Int32Array(3 * count).fill(voxelCount(shape));
    this.#last = new Int32Array(3 * count).fill(-1);
  }

  /** A run [start, end) of a lesion, which leaves no row. Runs come in scan order. */
  add(label: number, start: number, end: number): void {
    const lesion = label - 1;
    const heatmap = this.#heatmap;
    let maximum = this.#maxima[lesion];
    let peak = -1;
    for (let voxel = start; voxel < end; voxel++) {
      if (heatmap[voxel] > maximum) {
        maximum = heatmap[voxel];
        peak = voxel;
      }
    }
    if (peak >= 0) {
      this.#maxima[lesion] = maximum;
      this.#peaks[lesion] = peak;
    }
    // Spelled out: this is done a hundred thousand times while a threshold is being moved.
    const [, height, width] = this.#shape;
    const row = Math.floor(start / width);
    const d = Math.floor(row / height);
    const h = row - d * height;
    const w = start - row * width;
    const length = end - start;
    const at = 3 * lesion;
    this.#sums[at] += d * length;
    this.#sums[at + 1] += h * length;
    this.#sums[at + 2] += ((2 * w + length - 1) * length) / 2;
    this.#extend(at, d, d);
    this.#extend(at + 1, h, h);
    this.#extend(at + 2, w, w + length - 1);
  }

  #extend(at: number, from: number, to: number): void {
    if (from < this.#first[at]) this.#first[at] = from;
    if (to > this.#last[at]) this.#last[at] = to;
  }

  lesions(sizes: Int32Array, geometry: Geometry): Lesion[] {
    return Array.from(sizes, (voxels, lesion) => {
      const three = (values: ArrayLike<number>): Vector => [
        values[3 * lesion],
        values[3 * lesion + 1],
        values[3 * lesion + 2],
      ];
      const [a, b, c] = three(this.#sums);
      const last = three(this.#last);
      return {
        number: lesion + 1,
        voxels,
        volume: voxels * voxelVolume(geometry),
        maximum: this.#maxima[lesion],
        peak: indicesOf(this.#peaks[lesion], this.#shape),
        centroid: toWorld(geometry, [a / voxels, b / voxels, c / voxels]),
        box: { from: three(this.#first), to: [last[0] + 1, last[1] + 1, last[2] + 1] },
      };
    });
  }
}

/** (axis 0, axis 1, axis 2) of a voxel. */
export function indicesOf(voxel: number, [, height, width]: Shape): Vector {
  const row = Math.floor(voxel / width);
  return [Math.floor(row / height), row % height, voxel % width];
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
export function voxelVolume({ affine }: Geometry): number {
  return Math.abs(affineDeterminant(affine));
}

/** From (axis 0, axis 1, axis 2) to RAS+ [x, y, z]: the affine takes axis 2 first. */
function toWorld({ affine: a }: Geometry, [d, h, w]: Vector): Vector {
  const row = (r: number) => a[4 * r] * w + a[4 * r + 1] * h + a[4 * r + 2] * d + a[4 * r + 3];
  return [row(0), row(1), row(2)];
}
