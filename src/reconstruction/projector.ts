/**
 * What a response of averaged cells measures, as a linear map A and its transpose: A x [m, a, b] is the mean over cell
 * (a, b) of the volume x on the plane through s_m·n, read at points evenly spread over the cell. Volumes are held as
 * grids with a rim of one voxel of air on every side, so that the fade to zero outside the volume is plain trilinear
 * interpolation. Both ways walk the same rows of points in equal steps, with the same weights: one gathers eight
 * voxels a point, the other scatters to them.
 */
import type { Direction } from '../geometry/directions.ts';
import { Interval } from '../geometry/interval.ts';
import { cubeLayout, type Layout } from '../geometry/layout.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import { checkSliceSize } from '../geometry/stack.ts';
import { type Shape, type Vector, voxelCount } from '../volume/volume.ts';

/** The grid, and the maps over slices that it is measured by. */
export interface ProjectorGeometry {
  /** Voxels of the unknown volume, (D, H, W), each at least 2. */
  readonly shape: Shape;
  /** Pixels of the slices that the maps lie over. */
  readonly size: SliceSize;
  /** Cells of a map along the slice's rows. */
  readonly rows: number;
  /** Cells of a map along the slice's columns. */
  readonly columns: number;
}

/** A and its transpose A', direction by direction. Grids are what `enclose` makes. */
export interface Projector {
  /** Points per cell along its rows and its columns. */
  readonly points: readonly [rows: number, columns: number];
  /** Values of a grid: (D + 2)·(H + 2)·(W + 2), each side filled up to a multiple of four (`cubeLayout`). */
  readonly length: number;
  /** A grid from a volume [D, H, W]. */
  enclose(volume: Float32Array): Float32Array<ArrayBuffer>;
  /** The volume in a grid, without its rim. @param out receives [D, H, W]; a new array when absent. */
  extract(grid: Float32Array, out?: Float32Array): Float32Array;
  /** Sets a grid's rim to zero, in place. What `adjoint` scatters there belongs to no voxel. */
  clearRim(grid: Float32Array): void;
  /** A x for one direction. @param out receives [M, rows, columns], at s_0 … s_{M−1}. */
  forward(grid: Float32Array, direction: Direction, out: Float32Array): void;
  /** Adds A'y of one direction to a grid, its rim included. @param maps y, [M, rows, columns]. */
  adjoint(maps: Float32Array, direction: Direction, grid: Float32Array): void;
}

/**
 * The pair of a geometry. Slices are those of `Stack`; a cell of `rows` over hS pixels covers hS/rows of them. The
 * points of a cell are the centres of q equal parts of it along each side: no more than one voxel apart on the finest
 * axis, but never more than the slice has pixels, and at least one. Where q is the kernel of an average pooling, they
 * are its pixels; else a measured phantom comes back with a relative error of about 0.01 that reading every pixel would
 * not leave.
 * @throws UsageError when a slice has fewer than 2 pixels a side.
 */
export function projector({ shape, size, rows, columns }: ProjectorGeometry): Projector {
  checkSliceSize(size);
  const points = [
    pointsPerCell(size.rows, rows, shape),
    pointsPerCell(size.columns, columns, shape),
  ] as const;
  const layout = cubeLayout([shape[0] + 2, shape[1] + 2, shape[2] + 2]);
  const walk = rowWalker(shape, layout, size, rows * points[0], columns * points[1]);
  const share = 1 / (points[0] * points[1]);
  const line = new Float64Array(columns * points[1]);

  return {
    points,
    length: layout.channelLength,
    enclose(volume) {
      const grid = new Float32Array(layout.channelLength);
      eachVoxel(shape, layout, (inVolume, inGrid) => {
        grid[inGrid] = volume[inVolume];
      });
      return grid;
    },
    extract(grid, out = new Float32Array(voxelCount(shape))) {
      eachVoxel(shape, layout, (inVolume, inGrid) => {
        out[inVolume] = grid[inGrid];
      });
      return out;
    },
    clearRim: (grid) => clearRim(shape, layout, grid),
    forward(grid, direction, out) {
      for (let m = 0, at = 0; m < direction.slices; m++) {
        walk.plane(direction, m);
        for (let a = 0; a < rows; a++, at += columns) {
          line.fill(0);
          for (let i = 0; i < points[0]; i++) walk.gather(grid, a * points[0] + i, line);
          for (let b = 0, j = 0; b < columns; b++) {
            let sum = 0;
            for (const end = j + points[1]; j < end; j++) sum += line[j];
            out[at + b] = sum * share;
          }
        }
      }
    },
    adjoint(maps, direction, grid) {
      for (let m = 0, at = 0; m < direction.slices; m++) {
        walk.plane(direction, m);
        for (let a = 0; a < rows; a++, at += columns) {
          for (let b = 0; b < columns; b++) {
            line.fill(maps[at + b] * share, b * points[1], (b + 1) * points[1]);
          }
          for (let i = 0; i < points[0]; i++) walk.scatter(line, a * points[0] + i, grid);
        }
      }
    },
  };
}

/** Points across one side of a cell: ⌈cell/voxel⌉ on the finest axis, and at most ⌊pixels/cells⌋, but one. */
function pointsPerCell(pixels: number, cells: number, shape: Shape): number {
  const voxelsPerCell = ((Math.max(...shape) - 1) / (pixels - 1)) * (pixels / cells);
  return Math.max(1, Math.min(Math.ceil(voxelsPerCell), Math.floor(pixels / cells)));
}

/** Calls back with the index of each voxel in a volume and in its grid. */
function eachVoxel(
  [depth, height, width]: Shape,
  { z, y, x }: Layout,
  visit: (inVolume: number, inGrid: number) => void,
): void {
  let inVolume = 0;
  for (let d = 1; d <= depth; d++) {
    for (let h = 1; h <= height; h++) {
      for (let w = 1; w <= width; w++) visit(inVolume++, z[d] + y[h] + x[w]);
    }
  }
}

function clearRim([depth, height, width]: Shape, { z, y, x }: Layout, grid: Float32Array): void {
  for (let d = 0; d <= depth + 1; d++) {
    const outside = d === 0 || d === depth + 1;
    for (let h = 0; h <= height + 1; h++) {
      // Rows that cross the volume have but their two ends in the rim.
      const step = outside || h === 0 || h === height + 1 ? 1 : width + 1;
      for (let w = 0; w <= width + 1; w += step) grid[z[d] + y[h] + x[w]] = 0;
    }
  }
}

/** Reads or writes grids along the rows of points of one plane after another. */
interface RowWalker {
  /** Goes to slice m of the M of a direction. */
  plane(direction: Direction, m: number): void;
  /** Adds the grid's values at the points of row i to a line of them. */
  gather(grid: Float32Array, i: number, line: Float64Array): void;
  /** Adds a line's values to the grid at the points of row i. */
  scatter(line: Float64Array, i: number, grid: Float32Array): void;
}

/** @param rows number of rows of points on a slice. @param columns number of points in a row. */
function rowWalker(shape: Shape, layout: Layout, size: SliceSize, rows: number, columns: number): RowWalker {
  const half = shape.map((length) => (length - 1) / 2);
  const along = { u: pointPositions(size.rows, rows), v: pointPositions(size.columns, columns) };
  const interval = new Interval();
  let start: Vector = [0, 0, 0];
  let byRow: Vector = [0, 0, 0];
  let step: Vector = [0, 0, 0];
  let [z0, y0, x0] = start;

  /** Goes to a row; what is left in `interval` has all its eight neighbours in the grid. */
  const enter = (i: number) => {
    z0 = start[0] + i * byRow[0];
    y0 = start[1] + i * byRow[1];
    x0 = start[2] + i * byRow[2];
    interval.reset(columns);
    interval.cut(z0, step[0], 0, shape[0] + 1);
    interval.cut(y0, step[1], 0, shape[1] + 1);
    interval.cut(x0, step[2], 0, shape[2] + 1);
  };
  return {
    plane({ n, u, v, slices }, m) {
      const s = (2 * m) / (slices - 1) - 1;
      const position = (a: 0 | 1 | 2) =>
        // The rim puts voxel 0 at 1.
        (s * n[a] + along.u.first * u[a] + along.v.first * v[a] + 1) * half[a] + 1;
      const scaled = (axis: Vector, by: number): Vector => [
        axis[0] * by * half[0],
        axis[1] * by * half[1],
        axis[2] * by * half[2],
      ];
      start = [position(0), position(1), position(2)];
      byRow = scaled(u, along.u.step);
      step = scaled(v, along.v.step);
    },
    gather(grid, i, line) {
      enter(i);
      const { from, to } = interval;
      gatherRow(grid, layout, z0, step[0], y0, step[1], x0, step[2], from, to, line);
    },
    scatter(line, i, grid) {
      enter(i);
      const { from, to } = interval;
      scatterRow(grid, layout, z0, step[0], y0, step[1], x0, step[2], from, to, line);
    },
  };
}

/** Where `count` equal parts of a side of pixels have their centres in [−1, 1], on which the pixels' centres span. */
function pointPositions(pixels: number, count: number): { first: number; step: number } {
  const part = pixels / count;
  return { first: (part - 1) / (pixels - 1) - 1, step: (2 * part) / (pixels - 1) };
}

/** The hot loop of A, a function of plain numbers for the compiler's sake. Points [from, to) lie within the grid. */
function gatherRow(
  grid: Float32Array,
  { z: atZ, y: atY, x: atX }: Layout,
  z0: number,
  dz: number,
  y0: number,
  dy: number,
  x0: number,
  dx: number,
  from: number,
  to: number,
  line: Float64Array,
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
    const p = atZ[iz];
    const q = atZ[iz + 1];
    const h0 = atY[iy];
    const h1 = atY[iy + 1];
    const w0 = atX[ix];
    const w1 = atX[ix + 1];
    const a = grid[p + h0 + w0] + fx * (grid[p + h0 + w1] - grid[p + h0 + w0]);
    const b = grid[p + h1 + w0] + fx * (grid[p + h1 + w1] - grid[p + h1 + w0]);
    const c = grid[q + h0 + w0] + fx * (grid[q + h0 + w1] - grid[q + h0 + w0]);
    const d = grid[q + h1 + w0] + fx * (grid[q + h1 + w1] - grid[q + h1 + w0]);
    const near = a + fy * (b - a);
    line[j] += near + (z - iz) * (c + fy * (d - c) - near);
  }
}

/** The hot loop of A': `gatherRow` backwards. */
function scatterRow(
  grid: Float32Array,
  { z: atZ, y: atY, x: atX }: Layout,
  z0: number,
  dz: number,
  y0: number,
  dy: number,
  x0: number,
  dx: number,
  from: number,
  to: number,
  line: Float64Array,
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
    const p = atZ[iz];
    const q = atZ[iz + 1];
    const h0 = atY[iy];
    const h1 = atY[iy + 1];
    const w0 = atX[ix];
    const w1 = atX[ix + 1];
    const far = (z - iz) * line[j];
    const near = line[j] - far;
    const b = fy * near;
    const a = near - b;
    const d = fy * far;
    const c = far - d;
    const right = fx * a;
    grid[p + h0 + w0] += a - right;
    grid[p + h0 + w1] += right;
    const rightB = fx * b;
    grid[p + h1 + w0] += b - rightB;
    grid[p + h1 + w1] += rightB;
    const rightC = fx * c;
    grid[q + h0 + w0] += c - rightC;
    grid[q + h0 + w1] += rightC;
    const rightD = fx * d;
    grid[q + h1 + w0] += d - rightD;
    grid[q + h1 + w1] += rightD;
  }
}
