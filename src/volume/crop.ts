/** Parts of volumes in the shape of boxes along the array's axes, and back into the whole. */
import { type Geometry, type Shape, type Vector, type Volume, voxelCount } from './volume.ts';

/** Voxels from `from` up to but not including `to`, along (axis 0, axis 1, axis 2). */
export interface Box {
  readonly from: Vector;
  readonly to: Vector;
}

/** The box of a whole grid. */
export function wholeBox(shape: Shape): Box {
  return { from: [0, 0, 0], to: shape };
}

/**
 * The smallest box that holds every voxel of a channel whose value is above `above`; undefined where none is.
 * NaN is above nothing.
 */
export function boundingBox(
  { data, shape }: { readonly data: ArrayLike<number>; readonly shape: Shape },
  above: number,
  channel = 0,
): Box | undefined {
  const [depth, height, width] = shape;
  const from = [depth, height, width];
  const to = [0, 0, 0];
  let at = channel * voxelCount(shape);
  for (let d = 0; d < depth; d++) {
    for (let h = 0; h < height; h++, at += width) {
      let first = 0;
      while (first < width && !(data[at + first] > above)) first++;
      if (first === width) continue;
      let last = width - 1;
      while (!(data[at + last] > above)) last--;
      const [low, high] = [
        [d, h, first],
        [d + 1, h + 1, last + 1],
      ];
      for (let axis = 0; axis < 3; axis++) {
        from[axis] = Math.min(from[axis], low[axis]);
        to[axis] = Math.max(to[axis], high[axis]);
      }
    }
  }
  if (to[0] === 0) return undefined;
  return { from: from as unknown as Vector, to: to as unknown as Vector };
}

/**
 * The part of a volume in a box, all channels, each voxel where it was in the world. The volume itself when the box holds
 * all of it; otherwise the header fields of NIfTI are left out, which place the first voxel elsewhere.
 * @throws RangeError when the box is empty or reaches outside.
 */
export function cropVolume(volume: Volume, box: Box): Volume {
  const { shape, channels } = volume;
  const cropped = boxShape(box, shape);
  if (cropped.every((length, axis) => length === shape[axis])) return volume;
  const data = new Float32Array(channels * voxelCount(cropped));
  eachRow(box, shape, channels, (whole, part, length) =>
    data.set(volume.data.subarray(whole, whole + length), part),
  );
  return { ...volume, data, shape: cropped, geometry: movedGeometry(volume.geometry, box.from) };
}

/**
 * The inverse of `cropVolume`: a grid of `shape` with the values of `part` in the box and `outside` elsewhere.
 * @param part [C, D, H, W] of the box's shape.
 * @param into where the values go, instead of an array of its own; what it holds outside of the box stays.
 * @throws RangeError when `part` does not fit the box, or the box the shape.
 */
export function uncropVolume(
  part: Float32Array,
  channels: number,
  box: Box,
  shape: Shape,
  outside = 0,
  into?: Float32Array,
): Float32Array {
  const inner = boxShape(box, shape);
  if (part.length !== channels * voxelCount(inner)) {
    throw new RangeError(
      `A box of ${[channels, ...inner].join('×')} has ${channels * voxelCount(inner)} values, not ${part.length}.`,
    );
  }
  if (!into && inner.every((length, axis) => length === shape[axis])) return part;
  const data = into ?? new Float32Array(channels * voxelCount(shape)).fill(outside);
  eachRow(box, shape, channels, (whole, from, length) => data.set(part.subarray(from, from + length), whole));
  return data;
}

/** The geometry whose first voxel is the one at `origin`, in voxels along (axis 0, axis 1, axis 2). */
function movedGeometry({ affine: a }: Geometry, [d, h, w]: Vector): Geometry {
  const row = (r: number) => {
    const [x, y, z, offset] = a.slice(4 * r, 4 * r + 4);
    return [x, y, z, x * w + y * h + z * d + offset];
  };
  return { affine: [...row(0), ...row(1), ...row(2), 0, 0, 0, 1] };
}

function boxShape({ from, to }: Box, shape: Shape): Shape {
  const fits = shape.every(
    (length, axis) =>
      Number.isInteger(from[axis]) &&
      Number.isInteger(to[axis]) &&
      from[axis] >= 0 &&
      to[axis] > from[axis] &&
      to[axis] <= length,
  );
  if (!fits) {
    const ends = from.map((start, axis) => `${start}:${to[axis]}`).join(' ');
    throw new RangeError(`The box ${ends} is no part of a grid of ${shape.join(' × ')} voxels.`);
  }
  return [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
}

/** Calls with where a row of the box begins in the whole and in the part, and its length, for every row of every channel. */
function eachRow(
  box: Box,
  shape: Shape,
  channels: number,
  visit: (whole: number, part: number, length: number) => void,
): void {
  const [depth, height, width] = shape;
  const [d0, h0, w0] = box.from;
  const [boxDepth, boxHeight, boxWidth] = boxShape(box, shape);
  let part = 0;
  for (let c = 0; c < channels; c++) {
    for (let d = 0; d < boxDepth; d++) {
      for (let h = 0; h < boxHeight; h++, part += boxWidth) {
        visit(((c * depth + d0 + d) * height + h0 + h) * width + w0, part, boxWidth);
      }
    }
  }
}
