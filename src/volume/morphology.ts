/**
 * Binary closing and opening with a ball. A dilation holds what is at most the radius from the mask, an erosion what is farther than it from
 * the background, so that exact distances replace the structuring element whatever its size and the voxels' shape. The
 * world goes on around the volume and is empty: a closing may use it on its way and takes nothing away at the border.
 */
import { boundingBox } from './crop.ts';
import { squaredDistances } from './distance.ts';
import { type Shape, type Vector, voxelCount } from './volume.ts';

/** Spacings are rounded: a voxel whose distance is the radius but for that is within it. */
const WITHIN = 1 + 1e-9;

/**
 * Fills what no ball outside the mask reaches: gaps and notches narrower than it. As on an unlimited grid, cut to the
 * volume. The result holds the mask, and closing it again changes nothing.
 * @param mask [D, H, W]; what is not 0 is in it.
 * @param radius in the unit of `spacing`; voxels unless that is given. 0 changes nothing.
 * @param spacing lengths of a voxel along (axis 0, axis 1, axis 2).
 * @returns 0 and 1.
 */
export function closeBall(
  mask: Uint8Array,
  shape: Shape,
  radius: number,
  spacing: Vector = [1, 1, 1],
): Uint8Array {
  // Nothing outside the mask's bounding box is filled: a ball at the box's side reaches there and holds no voxel of the mask.
  const margin = spacing.map((length) => Math.floor((radius * WITHIN) / length));
  return withinBox(mask, shape, { radius, spacing, margin }, (part, box) => {
    const reached = threshold(squaredDistances(part, box, spacing), radius, 'within');
    return threshold(squaredDistances(reached, box, spacing, 'background'), radius, 'beyond');
  });
}

/**
 * Keeps what a ball within the mask reaches: thin parts and small components go. The mask ends where the volume does. The
 * result is part of the mask, and opening it again changes nothing.
 * @param mask [D, H, W]; what is not 0 is in it.
 * @param radius in the unit of `spacing`; voxels unless that is given. 0 changes nothing.
 * @param spacing lengths of a voxel along (axis 0, axis 1, axis 2).
 * @returns 0 and 1.
 */
export function openBall(
  mask: Uint8Array,
  shape: Shape,
  radius: number,
  spacing: Vector = [1, 1, 1],
): Uint8Array {
  // One layer of background around the box is nearer than whatever lies behind it.
  return withinBox(mask, shape, { radius, spacing, margin: [1, 1, 1] }, (part, box) => {
    const kept = threshold(squaredDistances(part, box, spacing, 'background'), radius, 'beyond');
    return threshold(squaredDistances(kept, box, spacing), radius, 'within');
  });
}

function threshold(squares: Float64Array, radius: number, kind: 'within' | 'beyond'): Uint8Array {
  const limit = (radius * WITHIN) ** 2;
  const within = kind === 'within';
  const marked = new Uint8Array(squares.length);
  for (let i = 0; i < squares.length; i++) marked[i] = squares[i] <= limit === within ? 1 : 0;
  return marked;
}

/**
 * Changes the mask within its bounding box and leaves the rest empty.
 * @param margin voxels of background around the box in what `change` is given; they may lie outside the volume.
 * @throws RangeError for a mask of another length, a radius that is negative or not finite, or spacings that are not positive.
 */
function withinBox(
  mask: Uint8Array,
  shape: Shape,
  { radius, spacing, margin }: { radius: number; spacing: Vector; margin: readonly number[] },
  change: (part: Uint8Array, shape: Shape) => Uint8Array,
): Uint8Array {
  const count = voxelCount(shape);
  if (mask.length !== count) {
    throw new RangeError(`A mask of ${shape.join('×')} has ${count} voxels, not ${mask.length}.`);
  }
  if (!(radius >= 0 && Number.isFinite(radius)))
    throw new RangeError(`There is no ball of radius ${radius}.`);
  if (!spacing.every((length) => length > 0 && Number.isFinite(length))) {
    throw new RangeError(`A voxel has no sides of ${spacing.join(' × ')}.`);
  }
  const result = new Uint8Array(count);
  const box = boundingBox({ data: mask, shape }, 0);
  if (!box) return result;
  const { from, to } = box;
  const lengths = from.map((start, axis) => to[axis] - start + 2 * margin[axis]);
  const inner = lengths as unknown as Shape;
  const part = new Uint8Array(voxelCount(inner));
  const rows = (visit: (whole: number, partly: number, length: number) => void) => {
    for (let d = from[0]; d < to[0]; d++) {
      for (let h = from[1]; h < to[1]; h++) {
        const row = (d - from[0] + margin[0]) * inner[1] + h - from[1] + margin[1];
        visit((d * shape[1] + h) * shape[2] + from[2], row * inner[2] + margin[2], to[2] - from[2]);
      }
    }
  };
  rows((whole, partly, length) => {
    for (let i = 0; i < length; i++) part[partly + i] = mask[whole + i] === 0 ? 0 : 1;
  });
  const changed = change(part, inner);
  rows((whole, partly, length) => result.set(changed.subarray(partly, partly + length), whole));
  return result;
}
