/**
 * The slice sampler: trilinear values of a volume on a plane (Eq. 4). The volume is the cube [−1, 1]³ whatever its
 * spacing, its outermost voxels' centres at ±1; outside it is zero, reached linearly over one voxel, as in
 * PyTorch's grid_sample with zero padding and align_corners. A plane is any affine image of the square [−1, 1]²,
 * so scale, shear and translation are plain choices of its vectors.
 */
import type { Vector, Volume } from '../volume/volume.ts';
import { Interval } from './interval.ts';

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

/** The part of a volume that is sampled. */
export type Samplable = Pick<Volume, 'data' | 'channels' | 'shape'>;

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
  const { data, channels, shape } = volume;
  const [depth, height, width] = shape;
  const { rows, columns } = size;
  const voxels = depth * height * width;
  const pixels = rows * columns;
  // Voxel position of pixel (i, j) on each axis: start + i·byRow + j·byColumn.
  const half = shape.map((length) => (length - 1) / 2);
  const start = half.map((h, a) => (plane.origin[a] - plane.u[a] - plane.v[a] + 1) * h);
  const byRow = half.map((h, a) => ((2 * plane.u[a]) / (rows - 1)) * h);
  const [dz, dy, dx] = half.map((h, a) => ((2 * plane.v[a]) / (columns - 1)) * h);
  const nextZ = height * width;
  const nextY = width;
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
      addShell(volume, z0 + j * dz, y0 + j * dy, x0 + j * dx, out, line + j, pixels);
    }
    for (let c = 0; c < channels; c++) {
      sampleRow(
        data,
        c * voxels,
        nextZ,
        nextY,
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
      addShell(volume, z0 + j * dz, y0 + j * dy, x0 + j * dx, out, line + j, pixels);
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
  base: number,
  nextZ: number,
  nextY: number,
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
    const p = base + iz * nextZ + iy * nextY + ix;
    const q = p + nextZ;
    const a = data[p] + fx * (data[p + 1] - data[p]);
    const b = data[p + nextY] + fx * (data[p + nextY + 1] - data[p + nextY]);
    const c = data[q] + fx * (data[q + 1] - data[q]);
    const d = data[q + nextY] + fx * (data[q + nextY + 1] - data[q + nextY]);
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
    const p = (kz * height + ky) * width + kx;
    for (let c = 0; c < channels; c++) out[at + c * pixels] += weight * data[p + c * depth * height * width];
  }
}
