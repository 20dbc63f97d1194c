/**
 * Planes of a volume as a radiologist looks at them: superior on top, or anterior in axial planes, and the
 * patient's right (in sagittal planes the front) on the left. Only flips and swaps of the array's axes are used,
 * nothing is rotated: in an oblique volume the letters name the nearest direction.
 */
import {
  axisCodes,
  type Geometry,
  type Shape,
  spacing,
  type Vector,
  type Volume,
  voxelCount,
} from '../volume/volume.ts';

export type Axis = 0 | 1 | 2;

/** How the planes perpendicular to one array axis are shown. */
export interface PlaneView {
  readonly axis: Axis;
  /** "axial", "coronal" or "sagittal"; "axis 0" and so on where the volume is oblique. */
  readonly name: string;
  /** Array axis that runs down the picture, and whether its index falls on the way. */
  readonly rows: { readonly axis: Axis; readonly flipped: boolean };
  /** Array axis that runs to the right, and whether its index falls on the way. */
  readonly columns: { readonly axis: Axis; readonly flipped: boolean };
  /** World directions at the picture's sides, each of R, L, A, P, S, I. */
  readonly sides: {
    readonly left: string;
    readonly right: string;
    readonly top: string;
    readonly bottom: string;
  };
}

/** Values of a plane. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  /** [height, width] in C order. */
  readonly values: Float32Array;
}

const OPPOSITE: Readonly<Record<string, string>> = { R: 'L', L: 'R', A: 'P', P: 'A', S: 'I', I: 'S' };

const NAMES: Readonly<Record<string, string>> = {
  S: 'axial',
  I: 'axial',
  A: 'coronal',
  P: 'coronal',
  R: 'sagittal',
  L: 'sagittal',
};

/** Directions that belong on top or on the left; the earlier of a plane's two runs vertically. */
const LEADING = ['S', 'A', 'R'];

/** Cosine to the nearest world axis below which a plane has no anatomical name: 25 degrees. */
const NEARLY_STRAIGHT = 0.906;

/** How planes perpendicular to `axis` are shown in this geometry. */
export function planeView(geometry: Geometry, axis: Axis): PlaneView {
  const codes = axisCodes(geometry);
  const others = ([0, 1, 2] as const)
    .filter((other) => other !== axis)
    .map((other) => {
      const flipped = LEADING.includes(codes[other]);
      const leading = flipped ? codes[other] : OPPOSITE[codes[other]];
      return { axis: other, flipped, leading };
    });
  const [rows, columns] = others.sort((a, b) => LEADING.indexOf(a.leading) - LEADING.indexOf(b.leading));
  return {
    axis,
    name: isStraight(geometry, axis) ? NAMES[codes[axis]] : `axis ${axis}`,
    rows: { axis: rows.axis, flipped: rows.flipped },
    columns: { axis: columns.axis, flipped: columns.flipped },
    sides: {
      top: rows.leading,
      bottom: OPPOSITE[rows.leading],
      left: columns.leading,
      right: OPPOSITE[columns.leading],
    },
  };
}

function isStraight({ affine }: Geometry, axis: Axis): boolean {
  const column = [affine[2 - axis], affine[6 - axis], affine[10 - axis]].map(Math.abs);
  return Math.max(...column) >= NEARLY_STRAIGHT * Math.hypot(...column);
}

/**
 * The plane of a volume at an index of the view's axis. Values that are not finite become 0.
 * @throws RangeError when the index or the channel is not in the volume.
 */
export function extractPlane(
  volume: Pick<Volume, 'shape' | 'channels'> & { readonly data: Float32Array | Uint8Array },
  view: PlaneView,
  index: number,
  channel = 0,
): Plane {
  const { shape, channels, data } = volume;
  if (!isIndex(channel, channels)) throw new RangeError(`There is no channel ${channel} among ${channels}.`);
  const { width, height, first, rowStep, columnStep } = planeSteps(view, shape, index);
  const start = channel * voxelCount(shape) + first;
  const values = new Float32Array(width * height);
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let column = 0, at = start + row * rowStep; column < width; column++, at += columnStep) {
      const value = data[at];
      values[pixel++] = Number.isFinite(value) ? value : 0;
    }
  }
  return { width, height, values };
}

/** How a plane is walked through in an array [D, H, W]. */
export interface PlaneSteps {
  readonly width: number;
  readonly height: number;
  /** Where the voxel of the upper left pixel is. */
  readonly first: number;
  /** From a pixel to the one below it, and to the one on its right; negative where the axis is flipped. */
  readonly rowStep: number;
  readonly columnStep: number;
}

/**
 * Where the voxels of a view's plane are in a volume's array.
 * @throws RangeError when the index is not in the volume.
 */
export function planeSteps({ axis, rows, columns }: PlaneView, shape: Shape, index: number): PlaneSteps {
  if (!isIndex(index, shape[axis])) {
    throw new RangeError(`There is no plane ${index} on axis ${axis} of ${shape[axis]} voxels.`);
  }
  const strides: Vector = [shape[1] * shape[2], shape[2], 1];
  const [height, width] = [shape[rows.axis], shape[columns.axis]];
  const [down, right] = [strides[rows.axis], strides[columns.axis]];
  return {
    width,
    height,
    first:
      index * strides[axis] +
      (rows.flipped ? (height - 1) * down : 0) +
      (columns.flipped ? (width - 1) * right : 0),
    rowStep: rows.flipped ? -down : down,
    columnStep: columns.flipped ? -right : right,
  };
}

/** Whether a number is an index of something of this length. */
export function isIndex(index: number, length: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < length;
}

/**
 * Where an index of an array axis lies in a view: the centre of its voxels as a fraction of the picture, from the
 * left for the view's columns and from the top for its rows. Indices need not be whole.
 */
export function placeOf(view: PlaneView, shape: Shape, axis: Axis, index: number): number {
  const { flipped } = view.rows.axis === axis ? view.rows : view.columns;
  const fraction = (index + 0.5) / shape[axis];
  return flipped ? 1 - fraction : fraction;
}

/** The largest size in whole pixels within `box` that shows a view's planes in their true proportions. */
export function fitView(
  view: PlaneView,
  { shape, geometry }: Pick<Volume, 'shape' | 'geometry'>,
  box: { readonly width: number; readonly height: number },
): { width: number; height: number } {
  const sizes = spacing(geometry);
  const usable = sizes.every((size) => Number.isFinite(size) && size > 0);
  const extent = (axis: Axis) => shape[axis] * (usable ? sizes[axis] : 1);
  const width = extent(view.columns.axis);
  const height = extent(view.rows.axis);
  const scale = Math.min(box.width / width, box.height / height);
  return { width: Math.max(Math.round(width * scale), 1), height: Math.max(Math.round(height * scale), 1) };
}

/**
 * A plane at another size, voxels as areas: linear interpolation where it grows, weighted means of what falls
 * together where it shrinks.
 */
export function resizePlane(plane: Plane, width: number, height: number): Plane {
  return transpose(resizeRows(transpose(resizeRows(plane, height)), width));
}

function resizeRows({ width, height, values }: Plane, newHeight: number): Plane {
  const resized = new Float32Array(width * newHeight);
  const step = height / newHeight;
  const reach = Math.max(step, 1);
  for (let row = 0; row < newHeight; row++) {
    const centre = (row + 0.5) * step - 0.5;
    const first = Math.max(Math.ceil(centre - reach), 0);
    const last = Math.min(Math.floor(centre + reach), height - 1);
    const weights: [source: number, weight: number][] = [];
    for (let i = first; i <= last; i++) weights.push([i, 1 - Math.abs(i - centre) / reach]);
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [source, weight] of weights) {
      for (let column = 0; column < width; column++) {
        resized[row * width + column] += (weight / total) * values[source * width + column];
      }
    }
  }
  return { width, height: newHeight, values: resized };
}

function transpose({ width, height, values }: Plane): Plane {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++)
      turned[column * height + row] = values[row * width + column];
  }
  return { width: height, height: width, values: turned };
}
