/**
 * The same voxels in another order of the axes. Programs store one scan with its axes turned and flipped in different
 * ways; where two grids place their voxels at the same points of the world, a volume goes from one to the other by
 * moving values, none of which changes. Grids that differ otherwise are refused: that would be resampling.
 */
import { VolumeError } from '../errors.ts';
import { gridDistance } from './grids.ts';
import { type Geometry, type Shape, spacing, type Vector, type Volume, voxelCount } from './volume.ts';

/** Millimetres by which grids may differ and be one: programs round affines in different ways. */
const TOLERANCE = 1e-2;
/** And never more than this part of a voxel, or fine grids that lie side by side would be taken for one. */
const TOLERANCE_OF_VOXEL = 0.1;

const ORDERS: readonly Vector[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** Which axis of a volume, and which way along it, each axis of a grid is. */
export interface Turn {
  /** For each axis of the grid the axis of the volume, 0 to 2. */
  readonly axes: Vector;
  /** For each axis of the grid whether it runs against the volume's. */
  readonly flipped: readonly [boolean, boolean, boolean];
  /** Millimetres, at the most, between where the two place the same voxel. */
  readonly distance: number;
}

/**
 * The turn that brings a volume's axes nearest to a grid's, of those of the 48 that fit its shape; undefined where none
 * does. It may still lie somewhere else: see `distance`.
 */
export function nearestTurn(
  volume: Pick<Volume, 'shape' | 'geometry'>,
  grid: Pick<Volume, 'shape' | 'geometry'>,
): Turn | undefined {
  let nearest: Turn | undefined;
  for (const axes of ORDERS) {
    if (axes.some((axis, i) => volume.shape[axis] !== grid.shape[i])) continue;
    for (let flips = 0; flips < 8; flips++) {
      const flipped = [0, 1, 2].map((i) => (flips >> i) % 2 === 1) as unknown as Turn['flipped'];
      const geometry = turnedGeometry(volume.geometry, grid.shape, axes, flipped);
      const distance = gridDistance(geometry, grid.geometry, grid.shape);
      if (!nearest || distance < nearest.distance) nearest = { axes, flipped, distance };
    }
  }
  return nearest;
}

/**
 * A volume on a grid that places its voxels at the same points of the world with its axes in another order or the other
 * way round. All channels; values are moved, never changed. The volume's own data where the axes agree already; the
 * geometry is the grid's.
 * @param against what errors call the grid.
 * @throws VolumeError when the grids do not coincide within 0.01 mm and a tenth of a voxel.
 */
export function reorientVolume(
  volume: Volume,
  grid: Pick<Volume, 'shape' | 'geometry'>,
  against = 'the grid that it is to be on',
): Volume {
  const name = volume.name ?? 'A volume';
  const remedy = `Resample it to ${against} first: nothing is resampled in silence.`;
  const turn = nearestTurn(volume, grid);
  if (!turn) {
    throw new VolumeError(
      name,
      `It has ${volume.shape.join(' × ')} voxels, and ${against} has ${grid.shape.join(' × ')}.`,
      { remedy },
    );
  }
  const tolerance = Math.min(TOLERANCE, TOLERANCE_OF_VOXEL * Math.min(...spacing(grid.geometry)));
  if (!(turn.distance <= tolerance)) {
    throw new VolumeError(
      name,
      `Its voxels lie up to ${millimetres(turn.distance)} from those of ${against}, however its axes are turned.`,
      { remedy },
    );
  }
  return {
    ...volume,
    data: turnedData(volume, grid.shape, turn),
    shape: grid.shape,
    geometry: grid.geometry,
  };
}

function millimetres(distance: number): string {
  return `${distance < 1 ? distance.toPrecision(2) : distance.toFixed(1)} mm`;
}

/** Steps through a volume's array along the axes of a turned grid, and where its first voxel is. */
function strides(shape: Shape, { axes, flipped }: Pick<Turn, 'axes' | 'flipped'>) {
  const own = [shape[1] * shape[2], shape[2], 1];
  const steps = axes.map((axis, i) => (flipped[i] ? -own[axis] : own[axis]));
  const first = axes.reduce((sum, axis, i) => sum + (flipped[i] ? own[axis] * (shape[axis] - 1) : 0), 0);
  return { steps, first };
}

function turnedData({ data, shape, channels }: Volume, to: Shape, turn: Turn): Float32Array {
  const { steps, first } = strides(shape, turn);
  if (first === 0 && turn.axes.every((axis, i) => axis === i)) return data;
  const voxels = voxelCount(shape);
  const turned = new Float32Array(data.length);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let d = 0; d < to[0]; d++) {
      for (let h = 0; h < to[1]; h++) {
        let from = c * voxels + first + d * steps[0] + h * steps[1];
        for (let w = 0; w < to[2]; w++, from += steps[2]) turned[at++] = data[from];
      }
    }
  }
  return turned;
}

/** Where a volume's voxels lie, by indices along turned axes; `to` is the turned shape. */
function turnedGeometry(
  { affine: a }: Geometry,
  to: Shape,
  axes: Vector,
  flipped: Turn['flipped'],
): Geometry {
  const row = (r: number) => {
    const turned = [0, 0, 0, a[4 * r + 3]];
    axes.forEach((axis, i) => {
      // Column 0 of an affine belongs to x, which is axis 2.
      const step = a[4 * r + 2 - axis];
      turned[2 - i] = flipped[i] ? -step : step;
      if (flipped[i]) turned[3] += step * (to[i] - 1);
    });
    return turned;
  };
  return { affine: [...row(0), ...row(1), ...row(2), 0, 0, 0, 1] };
}
