/**
 * The inside of a phantom: a body that is an ellipsoid along the array's axes, and what can be put into it. Places
 * are drawn in the unit ball and carried into the body, so that every shape of volume is filled alike. Everything
 * here only draws and returns; painting is for the phantom.
 */

import type { Random, Range } from '../geometry/random.ts';
import type { Shape, Vector } from '../volume/volume.ts';
import { capsule, ellipsoid, plate, type Solid } from './solids.ts';

/** Widths of the soft edges in voxels. */
export const SHARP_EDGE = 2;
const ORGAN_EDGE = 5;

/** A body: centre and radii in voxels along (axis 0, axis 1, axis 2). */
export interface Body {
  readonly centre: Vector;
  readonly radii: Vector;
  readonly solid: Solid;
}

/** A body a little off the volume's middle. `size`: its radii as shares of half the volume's axes. */
export function drawBody(shape: Shape, size: Range, random: Random): Body {
  const axes = shape.map((length) => {
    const half = (length - 1) / 2;
    const radius = half * random.uniform(size);
    return { radius, centre: half + random.uniform([-0.5, 0.5]) * (half - radius) };
  });
  const centre = axes.map((axis) => axis.centre) as unknown as Vector;
  const radii = axes.map((axis) => axis.radius) as unknown as Vector;
  return { centre, radii, solid: ellipsoid(centre, radii, SHARP_EDGE) };
}

/** The point of the body at `point` of the unit ball. */
export function inBody({ centre, radii }: Body, point: Vector): Vector {
  return [centre[0] + radii[0] * point[0], centre[1] + radii[1] * point[1], centre[2] + radii[2] * point[2]];
}

/** A soft organ, partly outside the body now and then. */
export function drawOrgan(body: Body, random: Random): Solid {
  const [a, b, c] = random.inBall();
  const radii = body.radii.map((radius) => radius * random.uniform([0.18, 0.38])) as unknown as Vector;
  return ellipsoid(inBody(body, [0.65 * a, 0.65 * b, 0.65 * c]), radii, ORGAN_EDGE);
}

const TUBE_PIECES = 16;

/** A vessel through the body, from its surface to the other half's surface, along a quadratic Bézier curve. */
export function drawTube(body: Body, random: Random): Solid[] {
  const start = random.direction();
  let end = random.direction();
  if (start[0] * end[0] + start[1] * end[1] + start[2] * end[2] > 0) end = [-end[0], -end[1], -end[2]];
  const bend = random.inBall();
  const radius = random.uniform([1, 2]);
  const points = Array.from({ length: TUBE_PIECES + 1 }, (_, i) => {
    const t = i / TUBE_PIECES;
    const at = (axis: number) =>
      (1 - t) * (1 - t) * start[axis] + 2 * t * (1 - t) * bend[axis] + t * t * end[axis];
    return inBody(body, [at(0), at(1), at(2)]);
  });
  return points.slice(1).map((point, i) => capsule(points[i], point, radius, SHARP_EDGE));
}

/** A flat disc somewhere in the body, in any orientation. */
export function drawPlate(body: Body, random: Random): Solid {
  const [a, b, c] = random.inBall();
  const radius = Math.min(...body.radii) * random.uniform([0.25, 0.4]);
  const centre = inBody(body, [0.7 * a, 0.7 * b, 0.7 * c]);
  return plate(centre, random.direction(), radius, random.uniform([2, 3]), SHARP_EDGE);
}
