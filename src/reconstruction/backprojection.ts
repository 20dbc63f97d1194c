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
import type { Shape } from '../volume/volume.ts';

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
  const { data, count, kinds, rows, columns } = maps;
  const cells = rows * columns;
  const out = new Float32Array((count + 2) * cells * kinds);
  for (let m = 0; m < count; m++) {
    for (let k = 0; k < kinds; k++) {
      for (let i = 0; i < cells; i++) {
        out[((m + 1) * cells + i) * kinds + k] = data[(m * kinds + k) * cells + i];
      }
    }
  }
  return { direction, kinds, rows, columns, size, data: out };
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
  const [depth, height, width] = shape;
  const { kinds } = projections[0];
  const row = new Float64Array(width * kinds);
  const read = rowReader(projections, shape);
  for (let d = planes[0]; d < planes[1]; d++) {
    for (let h = 0; h < height; h++) {
      row.fill(0);
      read(d, h, row);
      for (let k = 0; k < kinds; k++) {
        const at = ((k * depth + d) * height + h) * width;
        for (let w = 0; w < width; w++) sum[at + w] += row[w * kinds + k];
      }
    }
  }
}

/** Adds the values of a block of projections to a row of voxels [width, kinds]. */
type RowReader = (d: number, h: number, row: Float64Array) => void;

function rowReader(projections: readonly Projection[], shape: Shape): RowReader {
  if (projections.every(({ kinds, rows, columns }) => kinds * rows * columns === 1)) {
    return profileReader(projections, shape);
  }
  const readers = projections.map((projection) => mapReader(projection, shape));
  return (d, h, row) => {
    for (const read of readers) read(d, h, row);
  };
}

/** Where along its stack a voxel lies; s = −1 is position 1, behind the zero map that `layOut` puts first. */
function slicePosition({ n, slices }: Direction, shape: Shape): Linear {
  return linear(n, shape, (slices - 1) / 2, 1);
}

/** A position that is linear in voxel indices: at0 + d·byD + h·byH + w·byW. */
interface Linear {
  readonly at0: number;
  readonly byD: number;
  readonly byH: number;
  readonly byW: number;
}

/** (x·axis + 1)·scale + shift for the voxel (d, h, w) at x. */
function linear(axis: readonly number[], shape: Shape, scale: number, shift: number): Linear {
  // A grid of one voxel along an axis has that voxel in the middle.
  const [byD, byH, byW] = axis.map((a, i) => (shape[i] > 1 ? (2 * a * scale) / (shape[i] - 1) : 0));
  const corner = axis.reduce((sum, a, i) => sum - (shape[i] > 1 ? a : 0), 0);
  return { at0: (corner + 1) * scale + shift, byD, byH, byW };
}

/**
 * Where a voxel lies in a map of `cells` over `pixels`: pixel p = (x·axis + 1)/2·(pixels − 1) is at
 * (p + ½)·cells/pixels − ½.
 */
function cellPosition(axis: readonly number[], shape: Shape, pixels: number, cells: number): Linear {
  const perPixel = cells / pixels;
  return linear(axis, shape, ((pixels - 1) / 2) * perPixel, 0.5 * perPixel - 0.5);
}

/** Profiles read in one walk along a row: enough to keep the processor's units busy while it waits for values. */
const AT_ONCE = 4;

/**
 * A single 1×1 map a slice is the same everywhere in the plane, so linear interpolation along s is all there is. The
 * profiles of the block stand one behind the other, each with zeros on both sides as far as a corner of the cube can
 * lie, √3: no position needs to be compared with anything.
 */
function profileReader(projections: readonly Projection[], shape: Shape): RowReader {
  const count = Math.ceil(projections.length / AT_ONCE) * AT_ONCE;
  const longest = Math.max(...projections.map(({ data }) => data.length));
  const reach = Math.ceil(((Math.sqrt(3) - 1) / 2) * longest) + 1;
  const length = longest + 2 * reach;
  const profiles = new Float64Array(count * length);
  const positions: Linear[] = [];
  for (const [i, { direction, data }] of projections.entries()) {
    profiles.set(data, i * length + reach);
    const position = slicePosition(direction, shape);
    positions.push({ ...position, at0: position.at0 + i * length + reach });
  }
  // A block that does not come out even is filled up with profiles of zeros.
  const blank: Linear = { at0: projections.length * length, byD: 0, byH: 0, byW: 0 };
  while (positions.length < count) positions.push(blank);
  return (d, h, row) => {
    for (let i = 0; i < count; i += AT_ONCE) {
      const [p, q, r, s] = positions.slice(i, i + AT_ONCE);
      addProfiles(
        profiles,
        p.at0 + d * p.byD + h * p.byH,
        p.byW,
        q.at0 + d * q.byD + h * q.byH,
        q.byW,
        r.at0 + d * r.byD + h * r.byH,
        r.byW,
        s.at0 + d * s.byD + h * s.byH,
        s.byW,
        row,
      );
    }
  };
}

/** The inner loop of ToNNO: four profiles along one row of voxels. */
function addProfiles(
  data: Float64Array,
  p0: number,
  dp: number,
  q0: number,
  dq: number,
  r0: number,
  dr: number,
  s0: number,
  ds: number,
  row: Float64Array,
): void {
  for (let w = 0; w < row.length; w++) {
    const p = p0 + w * dp;
    const q = q0 + w * dq;
    const r = r0 + w * dr;
    const s = s0 + w * ds;
    const ip = p | 0;
    const iq = q | 0;
    const ir = r | 0;
    const is = s | 0;
    row[w] +=
      data[ip] +
      (p - ip) * (data[ip + 1] - data[ip]) +
      (data[iq] + (q - iq) * (data[iq + 1] - data[iq])) +
      (data[ir] + (r - ir) * (data[ir + 1] - data[ir])) +
      (data[is] + (s - is) * (data[is + 1] - data[is]));
  }
}

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
