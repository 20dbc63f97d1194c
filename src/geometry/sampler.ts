/**
 * The slice sampler: trilinear values of a volume on a plane (Eq. 4). The volume is the cube [−1, 1]³ whatever its
 * spacing, its outermost voxels' centres at ±1; outside it is zero, reached linearly over one voxel, as in
 * PyTorch's grid_sample with zero padding and align_corners. A plane is any affine image of the square [−1, 1]²,
 * so scale, shear and translation are plain choices of its vectors.
 */
import type { Vector } from '../volume/volume.ts';
import { Interval } from './interval.ts';
import { type Layout, rowLayout, type Samplable } from './layout.ts';

/** S[i, j] = V~(origin + i'·u + j'·v), with i' and j' running over [−1, 1] along rows and columns. */
export interface Plane {
  readonly origin: Vector;
  readonly u: Vector;
  readonly v: Vector;
}

/** Pixels of a slice: rows follow u, columns follow v; both at least 2. */
export interface SliceSize {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Cuts one slice.
 * @param out receives [channels, rows, columns] from index `at` on; every value is written.
 */
export function sampleSlice(
  volume: Samplable,
  plane: Plane,
  size: SliceSize,
  out: Float32Array,
  at = 0,
): void {
  const { data, channels, shape, layout = rowLayout(shape) } = volume;
  const [depth, height, width] = shape;
  const { rows, columns } = size;
  const pixels = rows * columns;
  // Voxel position of pixel (i, j) on each axis: start + i·byRow + j·byColumn.
  const half = shape.map((length) => (length - 1) / 2);
  const start = half.map((h, a) => (plane.origin[a] - plane.u[a] - plane.v[a] + 1) * h);
  const byRow = half.map((h, a) => ((2 * plane.u[a]) / (rows - 1)) * h);
  const [dz, dy, dx] = half.map((h, a) => ((2 * plane.v[a]) / (columns - 1)) * h);
  const touched = new Interval();
  const inside = new Interval();

  out.fill(0, at, at + channels * pixels);
  for (let i = 0; i < rows; i++) {
    const z0 = start[0] + i * byRow[0];
    const y0 = start[1] + i * byRow[1];
    const x0 = start[2] + i * byRow[2];
    touched.reset(columns);
    touched.cut(z0, dz, -1, depth);
    touched.cut(y0, dy, -1, height);
    touched.cut(x0, dx, -1, width);
    if (touched.from >= touched.to) continue;
    inside.reset(columns);
    inside.cut(z0, dz, 0, depth - 1);
    inside.cut(y0, dy, 0, height - 1);
    inside.cut(x0, dx, 0, width - 1);
    if (inside.from >= inside.to) inside.from = inside.to = touched.to;

    const line = at + i * columns;
    for (let j = touched.from; j < inside.from; j++) {
      addShell(volume, layout, z0 + j * dz, y0 + j * dy, x0 + j * dx, out, line + j, pixels);
    }
    for (let c = 0; c < channels; c++) {
      sampleRow(
        data,
        layout,
        c * layout.channelLength,
        z0,
        dz,
        y0,
        dy,
        x0,
        dx,
        inside.from,
        inside.to,
        out,
        line + c * pixels,
      );
    }
    for (let j = inside.to; j < touched.to; j++) {
      addShell(volume, layout, z0 + j * dz, y0 + j * dy, x0 + j * dx, out, line + j, pixels);
    }
  }
}

/**
 * The inner loop: pixels [from, to) of a row, all of whose neighbours are there. A function of plain numbers, because
 * the compiler makes three times as much of it as of the same loop in the middle of `sampleSlice`.
 * @param base where the channel begins in `data`.
 */
function sampleRow(
  data: Float32Array,
  { z: atZ, y: atY, x: atX }: Layout,
  base: number,
  z0: number,
  dz: number,
  y0: number,
  dy: number,
  x0: number,
  dx: number,
  from: number,
  to: number,
  out: Float32Array,
  line: number,
): void {
  for (let j = from; j < to; j++) {
    const z = z0 + j * dz;
    const y = y0 + j * dy;
    const x = x0 + j * dx;
    const iz = z | 0;
    const iy = y | 0;
    const ix = x | 0;
    const fx = x - ix;
    const fy = y - iy;
    const p = base + atZ[iz];
    const q = base + atZ[iz + 1];
    const h0 = atY[iy];
    const h1 = atY[iy + 1];
    const w0 = atX[ix];
    const w1 = atX[ix + 1];
    const a = data[p + h0 + w0] + fx * (data[p + h0 + w1] - data[p + h0 + w0]);
    const b = data[p + h1 + w0] + fx * (data[p + h1 + w1] - data[p + h1 + w0]);
    const c = data[q + h0 + w0] + fx * (data[q + h0 + w1] - data[q + h0 + w0]);
    const d = data[q + h1 + w0] + fx * (data[q + h1 + w1] - data[q + h1 + w0]);
    const near = a + fy * (b - a);
    out[line + j] = near + (z - iz) * (c + fy * (d - c) - near);
  }
}

/**
 * Adds the value at voxel position (z, y, x) in the shell of one voxel around the volume, where some of the eight
 * neighbours are missing and count as zero. Channels lie `pixels` apart in `out`.
 */
function addShell(
  { data, channels, shape: [depth, height, width] }: Samplable,
  layout: Layout,
  z: number,
  y: number,
  x: number,
  out: Float32Array,
  at: number,
  pixels: number,
): void {
  const iz = Math.floor(z);
  const iy = Math.floor(y);
  const ix = Math.floor(x);
  for (let corner = 0; corner < 8; corner++) {
    const kz = iz + (corner >> 2);
    const ky = iy + ((corner >> 1) & 1);
    const kx = ix + (corner & 1);
    if (kz < 0 || kz >= depth || ky < 0 || ky >= height || kx < 0 || kx >= width) continue;
    const weight = (1 - Math.abs(z - kz)) * (1 - Math.abs(y - ky)) * (1 - Math.abs(x - kx));
    const p = layout.z[kz] + layout.y[ky] + layout.x[kx];
    for (let c = 0; c < channels; c++) out[at + c * pixels] += weight * data[p + c * layout.channelLength];
  }
}
