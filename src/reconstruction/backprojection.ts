/**
 * Backprojection: G(x) += Σ_l F[p_l](x·n_l, x·u_l, x·v_l), a stack of maps read at every voxel of a grid. Along s
 * values are interpolated linearly and fade to zero over one step outside [−1, 1]; in the plane a map's cells have
 * half-pixel centres and the outermost cells reach to the border. The position of a voxel in a stack is linear in
 * its indices, so a row of voxels walks through each stack in equal steps, and a row is the unit of work: its sums
 * stay in cache while all stacks of a block are read.
 */
import type { Direction } from '../geometry/directions.ts';
import { Interval } from '../geometry/interval.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import type { Maps } from '../responses/response.ts';
import { type Shape, voxelCount } from '../volume/volume.ts';
import { cellPosition, slicePosition } from './positions.ts';

/** Filtered maps at s_0 … s_{M−1} of one direction, made ready to be read. */
export interface Projection {
  readonly direction: Direction;
  readonly kinds: number;
  readonly rows: number;
  readonly columns: number;
  /** Pixels of the slices that the maps lie over. */
  readonly size: SliceSize;
  /** [M + 2, rows, columns, kinds] with zero maps at both ends: the fade needs no case of its own. */
  readonly data: Float32Array;
}

/** Lays filtered maps out for reading: zero maps before and after, the kinds of one cell side by side. */
export function layOut(maps: Maps, direction: Direction, size: SliceSize): Projection {
  const { count, kinds, rows, columns } = maps;
  const data = new Float32Array((count + 2) * rows * columns * kinds);
  for (let k = 0; k < kinds; k++) layOutKind(maps, k, data, k, kinds);
  return { direction, kinds, rows, columns, size, data };
}

/**
 * Lays the maps of one kind out, leaving zero maps before and after.
 * @param out [count + 2, rows, columns, lanes], of which `lane` is written.
 */
export function layOutKind(maps: Maps, kind: number, out: Float32Array, lane: number, lanes: number): void {
  const { data, count, kinds, rows, columns } = maps;
  const cells = rows * columns;
  for (let m = 0; m < count; m++) {
    let to = (m + 1) * cells * lanes + lane;
    let from = (m * kinds + kind) * cells;
    for (const end = from + cells; from < end; from++, to += lanes) out[to] = data[from];
  }
}

/**
 * Adds projections to a sum over the voxels of some planes of a grid.
 * @param sum [kinds, D, H, W].
 * @param planes the range [from, to) of axis 0 to work on.
 */
export function backproject(
  projections: readonly Projection[],
  sum: Float32Array,
  shape: Shape,
  planes: readonly [from: number, to: number] = [0, shape[0]],
): void {
  if (projections.length === 0) return;
  const [, height, width] = shape;
  const { kinds } = projections[0];
  const voxels = voxelCount(shape);
  const sums = Array.from({ length: kinds }, (_, k) => sum.subarray(k * voxels, (k + 1) * voxels));
  const isProfile = ({ kinds, rows, columns }: Projection) => kinds * rows * columns === 1;
  const addRow = projections.every(isProfile)
    ? profileAdder(projections, shape)
    : mapAdder(projections, shape);
  for (let d = planes[0]; d < planes[1]; d++) {
    for (let h = 0; h < height; h++) addRow(d, h, sums, (d * height + h) * width);
  }
}

/**
 * Adds the values of a block of projections to the row (d, h) of the grid.
 * @param sums one for each kind of the projections; undefined where a kind is not wanted.
 * @param at index of the row's first voxel in each of them.
 */
export type RowAdder = (
  d: number,
  h: number,
  sums: readonly (Float32Array | undefined)[],
  at: number,
) => void;

/**
 * A single 1×1 map a slice is the same everywhere in the plane, so linear interpolation along s is all there is: along
 * a row of voxels a profile is a broken line, whose knots are the places where the row crosses a slice. Only the
 * knots are visited. Each leaves its change of slope at the next voxel, and two running sums over the row, once for
 * the whole block, make the values. A row crosses far fewer slices than it has voxels.
 */
export function profileAdder(projections: readonly Projection[], shape: Shape): RowAdder {
  const width = shape[2];
  const profiles = projections.map(({ direction, data }) => ({ data, ...slicePosition(direction, shape) }));
  const steps = new Float64Array(width);
  const slopes = new Float64Array(width);
  return (d, h, [sum], at) => {
    if (!sum) return;
    steps.fill(0);
    slopes.fill(0);
    for (const { data, at0, byD, byH, byW } of profiles) {
      addKnots(data, at0 + d * byD + h * byH, byW, steps, slopes);
    }
    let value = 0;
    let slope = 0;
    for (let w = 0; w < width; w++) {
      value += slope + steps[w];
      slope += slopes[w];
      sum[at + w] += value;
    }
  };
}

/**
 * Adds a profile along a row of voxels as steps and changes of slope: the line's value at voxel w is the sum of
 * steps[i] + (w − i)·slopes[i] over i ≤ w.
 * @param data a profile that begins and ends with zero, and is zero beyond.
 * @param start position in the profile of voxel 0.
 * @param step from one voxel to the next; may be negative or zero.
 */
function addKnots(
  data: Float32Array,
  start: number,
  step: number,
  steps: Float64Array,
  slopes: Float64Array,
): void {
  const last = data.length - 1;
  const end = start + (steps.length - 1) * step;
  if (Math.max(start, end) <= 0 || Math.min(start, end) >= last) return;
  const forward = step > 0;
  if (forward ? start >= 0 && start < last : start > 0 && start <= last) {
    // On a knot, the piece that the row is about to enter counts.
    const m = forward ? Math.floor(start) : Math.ceil(start) - 1;
    const rise = data[m + 1] - data[m];
    steps[0] += data[m] + (start - m) * rise;
    slopes[0] += step * rise;
  }
  // Knots strictly behind voxel 0 and before or at the last voxel; the profile's two ends are knots as well.
  const first = forward ? Math.max(0, Math.floor(start) + 1) : Math.max(0, Math.ceil(end));
  const final = forward ? Math.min(last, Math.floor(end)) : Math.min(last, Math.ceil(start) - 1);
  const steepness = Math.abs(step);
  const perSlice = 1 / step;
  for (let k = first; k <= final; k++) {
    const before = k > 0 ? data[k] - data[k - 1] : 0;
    const after = k < last ? data[k + 1] - data[k] : 0;
    const bend = steepness * (after - before);
    const crossing = (k - start) * perSlice;
    const w = Math.min(Math.max(0, Math.ceil(crossing)), steps.length - 1);
    steps[w] += bend * (w - crossing);
    slopes[w] += bend;
  }
}

/** Reads maps voxel by voxel, all projections of the block along one row before the next. */
export function mapAdder(projections: readonly Projection[], shape: Shape): RowAdder {
  const width = shape[2];
  const { kinds } = projections[0];
  const readers = projections.map((projection) => mapReader(projection, shape));
  const row = new Float64Array(width * kinds);
  return (d, h, sums, at) => {
    row.fill(0);
    for (const read of readers) read(d, h, row);
    addToSums(row, kinds, width, sums, at);
  };
}

/** Adds a row of voxels [width, kinds] to the sums of its kinds. */
export function addToSums(
  row: Float32Array | Float64Array,
  kinds: number,
  width: number,
  sums: readonly (Float32Array | undefined)[],
  at: number,
): void {
  for (let k = 0; k < kinds; k++) {
    const sum = sums[k];
    if (!sum) continue;
    for (let w = 0, i = k; w < width; w++, i += kinds) sum[at + w] += row[i];
  }
}

/** Adds one projection's values to a row of voxels [width, kinds]. */
type RowReader = (d: number, h: number, row: Float64Array) => void;

/** Trilinear interpolation in [M + 2, rows, columns], the position in the plane clamped to the map. */
function mapReader(projection: Projection, shape: Shape): RowReader {
  const { direction, size, kinds, rows, columns, data } = projection;
  const width = shape[2];
  const slices = data.length / (rows * columns * kinds);
  const s = slicePosition(direction, shape);
  const r = cellPosition(direction.u, shape, size.rows, rows);
  const c = cellPosition(direction.v, shape, size.columns, columns);
  const interval = new Interval();
  const nextSlice = rows * columns * kinds;
  // A map of one row or one column has no next one to interpolate with.
  const nextRow = rows > 1 ? columns * kinds : 0;
  const nextColumn = columns > 1 ? kinds : 0;
  const lastRow = Math.max(0, rows - 2);
  const lastColumn = Math.max(0, columns - 2);
  return (d, h, row) => {
    const s0 = s.at0 + d * s.byD + h * s.byH;
    const r0 = r.at0 + d * r.byD + h * r.byH;
    const c0 = c.at0 + d * c.byD + h * c.byH;
    interval.reset(width);
    interval.cut(s0, s.byW, 0, slices - 1);
    const { from, to } = interval;
    for (let w = from; w < to; w++) {
      const t = s0 + w * s.byW;
      const m = t | 0;
      const ft = t - m;
      const y = Math.min(rows - 1, Math.max(0, r0 + w * r.byW));
      const i = Math.min(lastRow, y | 0);
      const fy = y - i;
      const x = Math.min(columns - 1, Math.max(0, c0 + w * c.byW));
      const j = Math.min(lastColumn, x | 0);
      const fx = x - j;
      let p = m * nextSlice + i * columns * kinds + j * kinds;
      const out = w * kinds;
      for (let k = 0; k < kinds; k++, p++) {
        const q = p + nextSlice;
        const a = data[p] + fx * (data[p + nextColumn] - data[p]);
        const b = data[p + nextRow] + fx * (data[p + nextRow + nextColumn] - data[p + nextRow]);
        const e = data[q] + fx * (data[q + nextColumn] - data[q]);
        const f = data[q + nextRow] + fx * (data[q + nextRow + nextColumn] - data[q + nextRow]);
        const near = a + fy * (b - a);
        row[out + k] += near + ft * (e + fy * (f - e) - near);
      }
    }
  };
}
