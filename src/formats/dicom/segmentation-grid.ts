/**
 * Where the frames of a segmentation go. Each lies in the world by its own position; on a grid it is a first voxel
 * and two steps. Without a grid, the frames themselves tell one: planes that were left out lie between the others,
 * at the same distance.
 */
import { VolumeError } from '../../errors.ts';
import { mapPoint } from '../../volume/affine.ts';
import { affineDeterminant, type Shape, type Volume } from '../../volume/volume.ts';
import { planeNormal, type Vector3 } from './geometry.ts';
import { GROUPS } from './headers.ts';
import type { Plane } from './planes.ts';

/**
 * Voxels by which a frame's corners may lie beside those of the grid: a series itself may be uneven by half of it.
 */
const ON_GRID = 0.1;
/** Planes are an even stack if each is as near to its place as this, in steps between planes. */
const EVEN = 0.05;

/** Where a frame's pixels go in a channel: first + row · stepRow + column · stepColumn. */
export interface Placement {
  readonly rows: number;
  readonly columns: number;
  /** The smallest index that any of them has. */
  readonly lowest: number;
  readonly first: number;
  readonly stepRow: number;
  readonly stepColumn: number;
}

/** The grid of a volume. */
export type Grid = Pick<Volume, 'shape' | 'geometry'>;

/**
 * The smallest even stack of planes that holds all frames.
 * @throws VolumeError when the distances between them are no multiples of one, or nothing says how thick a single
 *   plane is.
 */
export function hullOfPlanes(
  planes: readonly Plane[],
  [rows, columns]: readonly [number, number],
  name: string,
): Grid {
  const [first] = planes;
  const normal = planeNormal(first);
  const along = (position: Vector3) => position.reduce((sum, part, i) => sum + part * normal[i], 0);
  const lowest = planes.reduce((low, plane) => (along(plane.position) < along(low.position) ? plane : low));
  const heights = planes
    .map(({ position }) => along(position) - along(lowest.position))
    .sort((a, b) => a - b);
  const { step, depth } = evenStep(heights, first, name);
  const columnsOfAffine = [
    first.rowDirection.map((part) => part * first.pixelSpacing[1]),
    first.columnDirection.map((part) => part * first.pixelSpacing[0]),
    normal.map((part) => part * step),
    lowest.position,
  ];
  // LPS to RAS; adding 0 makes −0 a 0.
  const row = (r: number) => columnsOfAffine.map((column) => (r < 2 ? -column[r] : column[r]) + 0);
  const affine = [...row(0), ...row(1), ...row(2), 0, 0, 0, 1];
  const voxel = affineDeterminant(affine);
  if (!(Math.abs(voxel) > 0 && Number.isFinite(1 / voxel) && affine.every(Number.isFinite))) {
    throw new VolumeError(
      name,
      'The positions and distances of its frames make no grid: voxels would have no size.',
      {
        remedy: 'It is damaged: export or download it again.',
      },
    );
  }
  return { shape: [depth, rows, columns], geometry: { affine } };
}

/**
 * Distance and number of planes of the even stack on which all heights (sorted, from 0) lie: by the distance that
 * the object tells, which knows of planes left out between all others, or by the smallest between two frames.
 */
function evenStep(
  heights: readonly number[],
  { header, depth }: Plane,
  name: string,
): { step: number; depth: number } {
  const told = Math.abs(header('00180088', GROUPS.measures)?.number('00180088') ?? 0);
  const last = heights[heights.length - 1];
  // Frames of several segments lie at one place.
  const same = EVEN * (depth?.millimetres ?? 0.2);
  const smallest = heights
    .map((height, i) => (i === 0 ? 0 : height - heights[i - 1]))
    .reduce((least, gap) => (gap > same && gap < least ? gap : least), Number.POSITIVE_INFINITY);
  if (smallest === Number.POSITIVE_INFINITY) {
    if (depth) return { step: depth.millimetres, depth: 1 };
    throw new VolumeError(name, 'Its frames lie in one plane, and nothing says how thick it is.', {
      remedy: 'Give the series that was segmented.',
    });
  }
  for (const distance of told > 0 ? [told, smallest] : [smallest]) {
    const steps = Math.round(last / distance);
    const step = last / steps;
    const even = heights.every((height) => Math.abs(height / step - Math.round(height / step)) <= EVEN);
    // Over many planes a distance that was rounded adds up; a wrong one is wrong for the first of them.
    if (steps > 0 && Math.abs(step / distance - 1) <= EVEN && even) return { step, depth: steps + 1 };
  }
  throw new VolumeError(
    name,
    `Its frames are unevenly spaced: the smallest distance between two of them is ${Number(smallest.toFixed(4))} mm, and the others are no multiples of it.`,
    { remedy: 'Give the series that was segmented.' },
  );
}

/**
 * Where a frame's pixels go in a channel of the grid. Its rows may run along any axis of it, either way.
 * @param toGrid the inverse of the grid's affine.
 * @param given whether the grid is that of a series, for the sentence.
 * @throws VolumeError when its pixels are not voxels of the grid.
 */
export function placeOnGrid(plane: Plane, grid: Grid, toGrid: readonly number[], given: boolean): Placement {
  const [rows, columns] = plane.size;
  const corner = (row: number, column: number) => {
    const [x, y, z] = plane.position.map(
      (part, i) =>
        part +
        plane.rowDirection[i] * column * plane.pixelSpacing[1] +
        plane.columnDirection[i] * row * plane.pixelSpacing[0],
    );
    return mapPoint(toGrid, [-x, -y, z]);
  };
  const corners = [corner(0, 0), corner(0, columns - 1), corner(rows - 1, 0), corner(rows - 1, columns - 1)];
  const nearest = corners.map((point) => point.map(Math.round));
  const off = Math.max(
    ...corners.flatMap((point, i) => point.map((part, j) => Math.abs(part - nearest[i][j]))),
  );
  const lengths = [...grid.shape].reverse();
  const outside = nearest.some((point) => point.some((index, axis) => index < 0 || index >= lengths[axis]));
  const stepTo = (to: number, many: number) =>
    nearest[to].map((index, axis) => (many > 0 ? (index - nearest[0][axis]) / many : 0));
  const [alongRow, alongColumn] = [stepTo(1, columns - 1), stepTo(2, rows - 1)];
  const isUnit = (step: readonly number[], many: number) =>
    many === 0 || (step.every(Number.isInteger) && step.reduce((sum, part) => sum + Math.abs(part), 0) === 1);
  const unit = isUnit(alongRow, columns - 1) && isUnit(alongColumn, rows - 1);
  if (!(off <= ON_GRID) || outside || !unit) {
    const against = given
      ? 'the grid of the series that is to hold it'
      : "the grid of the object's other frames";
    const how =
      !unit || !(off <= ON_GRID) ? 'Its pixels lie between or across the voxels of' : 'It reaches beyond';
    throw new VolumeError(plane.label, `${how} ${against}.`, {
      remedy: given
        ? 'Give the series that was segmented, or read it on its own grid and resample it.'
        : 'Give the series that was segmented.',
    });
  }
  const strides = gridStrides(grid.shape);
  const index = (point: readonly number[]) =>
    point.reduce((sum, part, axis) => sum + part * strides[axis], 0);
  return {
    rows,
    columns,
    lowest: Math.min(...nearest.map(index)),
    first: index(nearest[0]),
    stepRow: index(alongColumn),
    stepColumn: index(alongRow),
  };
}

/** Steps through an array along x, y and z. */
function gridStrides([, height, width]: Shape): Vector3 {
  return [1, width, width * height];
}
