/**
 * A stroke as voxels: all whose centres are no farther from the line of its points than the brush's radius, in millimetres,
 * so that a ball is round in the patient whatever the voxels' shape.
 */
import type { Shape, Vector } from '../../volume/volume.ts';
import type { Stroke } from '../protocol.ts';

/** The voxels of a stroke, as indices into [D, H, W]; a voxel may come twice. */
export function* strokeVoxels(
  { points, radius }: Pick<Stroke, 'points' | 'radius'>,
  shape: Shape,
  spacing: Vector,
): Generator<number> {
  if (points.length === 1) yield* segmentVoxels(points[0], points[0], radius, shape, spacing);
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    // All voxels of a box around a segment are looked at: of a long one across the axes that would be the whole volume.
    const length = Math.hypot(...spacing.map((size, axis) => (b[axis] - a[axis]) * size));
    const pieces = Math.max(1, Math.ceil(length / Math.max(2 * radius, 4 * Math.max(...spacing))));
    const at = (piece: number): Vector => {
      if (piece === pieces) return b;
      const share = piece / pieces;
      return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])];
    };
    for (let piece = 0; piece < pieces; piece++) {
      yield* segmentVoxels(at(piece), at(piece + 1), radius, shape, spacing);
    }
  }
}

function* segmentVoxels(
  a: Vector,
  b: Vector,
  radius: number,
  shape: Shape,
  spacing: Vector,
): Generator<number> {
  const reach = spacing.map((size) => radius / size);
  const from = [0, 1, 2].map((axis) => Math.max(Math.ceil(Math.min(a[axis], b[axis]) - reach[axis]), 0));
  const to = [0, 1, 2].map((axis) =>
    Math.min(Math.floor(Math.max(a[axis], b[axis]) + reach[axis]), shape[axis] - 1),
  );
  const along = [0, 1, 2].map((axis) => (b[axis] - a[axis]) * spacing[axis]);
  const length2 = along[0] ** 2 + along[1] ** 2 + along[2] ** 2;
  for (let d = from[0]; d <= to[0]; d++) {
    for (let h = from[1]; h <= to[1]; h++) {
      for (let w = from[2]; w <= to[2]; w++) {
        const [x, y, z] = [(d - a[0]) * spacing[0], (h - a[1]) * spacing[1], (w - a[2]) * spacing[2]];
        const share = length2 > 0 ? (x * along[0] + y * along[1] + z * along[2]) / length2 : 0;
        const t = Math.min(Math.max(share, 0), 1);
        const distance2 = (x - t * along[0]) ** 2 + (y - t * along[1]) ** 2 + (z - t * along[2]) ** 2;
        if (distance2 <= radius ** 2) yield (d * shape[1] + h) * shape[2] + w;
      }
    }
  }
}
