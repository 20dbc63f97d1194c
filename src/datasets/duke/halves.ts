/**
 * The two breasts of a volume. The middle is that of the grid along the axis that runs from left to right, and which half
 * is whose left is told by the affine: columns may run either way. A box is in one breast, and goes into its grid.
 */
import { TonnoError } from '../../errors.ts';
import { type Box, wholeBox } from '../../volume/crop.ts';
import { axisCodes, type Geometry, type Shape, type Vector, type Volume } from '../../volume/volume.ts';

export type Side = 'left' | 'right';
export const SIDES: readonly Side[] = ['left', 'right'];

/** The box of each breast in a grid: all of it, cut in the middle from left to right. */
export function breastBoxes(
  { shape, geometry }: { readonly shape: Shape; readonly geometry: Geometry },
  name: string,
): Readonly<Record<Side, Box>> {
  const codes = axisCodes(geometry);
  const axis = [...codes].findIndex((code) => code === 'L' || code === 'R');
  const middle = shape[axis] >> 1;
  if (middle === 0) {
    throw new TonnoError(name, 'It is one voxel wide from left to right, so there are no two breasts.', {
      remedy: 'Check that this is an examination of both breasts.',
    });
  }
  const { from, to } = wholeBox(shape);
  const low = { from, to: replaced(to, axis, middle) };
  const high = { from: replaced(from, axis, middle), to };
  return codes[axis] === 'L' ? { right: low, left: high } : { left: low, right: high };
}

export interface PlacedBox {
  /** The breast that holds the larger part. */
  readonly side: Side;
  /** In voxels of that breast's grid. */
  readonly box: Box;
  /** What was cut off, as sentences. */
  readonly notes: readonly string[];
}

/**
 * A box in the grid of the breast that it is in. What lies outside of the volume or across the middle is cut off.
 * @param whole in voxels of the whole grid; may reach outside.
 * @throws TonnoError when all of it is outside.
 */
export function placeBox(
  whole: Box,
  shape: Shape,
  breasts: Readonly<Record<Side, Box>>,
  name: string,
): PlacedBox {
  const notes: string[] = [];
  const inside = intersection(whole, wholeBox(shape));
  if (!inside) {
    throw new TonnoError(
      name,
      `Its box, ${boxText(whole)}, lies outside of its ${shape.join(' × ')} voxels.`,
      {
        remedy: 'Check that the pre-contrast series is the right one.',
      },
    );
  }
  if (voxels(inside) < voxels(whole)) {
    notes.push(
      `The box of ${name}, ${boxText(whole)}, reaches out of its ${shape.join(' × ')} voxels and was cut.`,
    );
  }
  const parts = SIDES.flatMap((side) => {
    const part = intersection(inside, breasts[side]);
    return part ? [{ side, part }] : [];
  }).sort((a, b) => voxels(b.part) - voxels(a.part));
  const [{ side, part }] = parts;
  if (parts.length > 1) {
    const share = Math.round((100 * voxels(part)) / voxels(inside));
    notes.push(
      `The box of ${name} crosses the middle: ${share} % of it are in the ${side} breast, which keeps it.`,
    );
  }
  return { side, box: moved(part, breasts[side].from, -1), notes };
}

/** A box in the grid of a part, as a box in the whole. */
export function wholeGridBox(box: Box, part: Box): Box {
  return moved(box, part.from, 1);
}

/**
 * Mean of what the contrast agent adds in a box: a tumour takes it up.
 * @param box in the grid of both volumes.
 */
export function enhancement(before: Volume, after: Volume, { from, to }: Box): number {
  const [, height, width] = before.shape;
  let sum = 0;
  for (let d = from[0]; d < to[0]; d++) {
    for (let h = from[1]; h < to[1]; h++) {
      const row = (d * height + h) * width;
      for (let w = from[2]; w < to[2]; w++) sum += after.data[row + w] - before.data[row + w];
    }
  }
  return sum / voxels({ from, to });
}

export function boxText({ from, to }: Box): string {
  return from.map((start, axis) => `${start}:${to[axis]}`).join(' ');
}

function intersection(a: Box, b: Box): Box | undefined {
  const from = a.from.map((start, axis) => Math.max(start, b.from[axis])) as unknown as Vector;
  const to = a.to.map((end, axis) => Math.min(end, b.to[axis])) as unknown as Vector;
  return from.every((start, axis) => start < to[axis]) ? { from, to } : undefined;
}

function moved({ from, to }: Box, by: Vector, sign: 1 | -1): Box {
  const shift = (point: Vector) => point.map((x, axis) => x + sign * by[axis]) as unknown as Vector;
  return { from: shift(from), to: shift(to) };
}

function replaced(point: Vector, axis: number, value: number): Vector {
  return point.map((x, i) => (i === axis ? value : x)) as unknown as Vector;
}

function voxels({ from, to }: Box): number {
  return from.reduce((product, start, axis) => product * (to[axis] - start), 1);
}
