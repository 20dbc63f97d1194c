/**
 * Solids with soft edges, painted into an array of voxels. A solid says how much of a voxel it fills, from 0 to 1
 * and ½ on its surface, and within which box that is not 0. Coordinates are voxel indices (axis 0, axis 1, axis 2).
 */
import type { Shape, Vector } from '../volume/volume.ts';

/** Something that fills voxels. */
export interface Solid {
  /** Nothing is filled outside centre ± reach. */
  readonly centre: Vector;
  readonly reach: Vector;
  /** How much of the voxel at this index is filled, 0 to 1. */
  fill(d: number, h: number, w: number): number;
}

/** An ellipsoid whose radii lie along the array's axes. `edge` is the width of its soft edge in voxels. */
export function ellipsoid(centre: Vector, radii: Vector, edge: number): Solid {
  const [a, b, c] = radii;
  return {
    centre,
    reach: [a + edge, b + edge, c + edge],
    fill(d, h, w) {
      const [p, q, r] = [(d - centre[0]) / a, (h - centre[1]) / b, (w - centre[2]) / c];
      const level = Math.sqrt(p * p + q * q + r * r);
      const [pa, qb, rc] = [p / a, q / b, r / c];
      const gradient = Math.sqrt(pa * pa + qb * qb + rc * rc);
      // First-order distance to the surface; at the very centre the gradient vanishes, and it is inside.
      return gradient === 0 ? 1 : softStep((level * (1 - level)) / gradient / edge);
    },
  };
}

/** The points within `radius` voxels of the segment from `start` to `end`: a piece of a vessel. */
export function capsule(start: Vector, end: Vector, radius: number, edge: number): Solid {
  const along = subtract(end, start);
  const squaredLength = Math.max(dot(along, along), Number.MIN_VALUE);
  const reach = radius + edge;
  return {
    centre: [0, 1, 2].map((i) => (start[i] + end[i]) / 2) as unknown as Vector,
    reach: along.map((x) => Math.abs(x) / 2 + reach) as unknown as Vector,
    fill(d, h, w) {
      const from: Vector = [d - start[0], h - start[1], w - start[2]];
      const t = Math.min(Math.max(dot(from, along) / squaredLength, 0), 1);
      const off: Vector = [from[0] - t * along[0], from[1] - t * along[1], from[2] - t * along[2]];
      return softStep((radius - Math.sqrt(dot(off, off))) / edge);
    },
  };
}

/** A disc of `radius` voxels across the unit vector `normal`, and of a thickness: a piece of a bone or a wall. */
export function plate(
  centre: Vector,
  normal: Vector,
  radius: number,
  thickness: number,
  edge: number,
): Solid {
  const reach = Math.sqrt(radius * radius + thickness * thickness) + edge;
  return {
    centre,
    reach: [reach, reach, reach],
    fill(d, h, w) {
      const from: Vector = [d - centre[0], h - centre[1], w - centre[2]];
      const height = dot(from, normal);
      const across = Math.sqrt(Math.max(dot(from, from) - height * height, 0));
      return softStep((thickness / 2 - Math.abs(height)) / edge) * softStep((radius - across) / edge);
    },
  };
}

/** Calls `visit` with the position in the array and the fill of every voxel that the solid fills at all. */
export function paint(shape: Shape, solid: Solid, visit: (position: number, fill: number) => void): void {
  const { centre, reach } = solid;
  const low = centre.map((c, i) => Math.max(Math.ceil(c - reach[i]), 0));
  const high = centre.map((c, i) => Math.min(Math.floor(c + reach[i]), shape[i] - 1));
  for (let d = low[0]; d <= high[0]; d++) {
    for (let h = low[1]; h <= high[1]; h++) {
      const row = (d * shape[1] + h) * shape[2];
      for (let w = low[2]; w <= high[2]; w++) {
        const fill = solid.fill(d, h, w);
        if (fill > 0) visit(row + w, fill);
      }
    }
  }
}

/** 0 below −½, 1 above ½, and the cubic with level ends between. */
function softStep(x: number): number {
  const t = Math.min(Math.max(x + 0.5, 0), 1);
  return t * t * (3 - 2 * t);
}

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const subtract = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
