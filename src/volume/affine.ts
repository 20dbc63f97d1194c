/**
 * Affines both ways: from voxel indices to the world and back. As everywhere, indices are (x, y, z) = (index on axis 2,
 * 1, 0), the world is RAS+ millimetres, and an affine is a row-major 4×4 of 16 numbers.
 */
import { affineDeterminant } from './volume.ts';

/** A point (x, y, z): of indices or of the world. */
export type Point = readonly [number, number, number];

/** Where an affine takes a point. */
export function mapPoint(a: readonly number[], [x, y, z]: Point): Point {
  return [
    a[0] * x + a[1] * y + a[2] * z + a[3],
    a[4] * x + a[5] * y + a[6] * z + a[7],
    a[8] * x + a[9] * y + a[10] * z + a[11],
  ];
}

/**
 * The affine back from the world to voxel indices, by cofactors.
 * @throws RangeError when the affine is singular or not finite.
 */
export function invertAffine(a: readonly number[]): readonly number[] {
  const determinant = affineDeterminant(a);
  if (!Number.isFinite(1 / determinant) || !Number.isFinite(determinant)) {
    throw new RangeError('An affine without an inverse places no voxels.');
  }
  const linear = [
    a[5] * a[10] - a[6] * a[9],
    a[2] * a[9] - a[1] * a[10],
    a[1] * a[6] - a[2] * a[5],
    a[6] * a[8] - a[4] * a[10],
    a[0] * a[10] - a[2] * a[8],
    a[2] * a[4] - a[0] * a[6],
    a[4] * a[9] - a[5] * a[8],
    a[1] * a[8] - a[0] * a[9],
    a[0] * a[5] - a[1] * a[4],
  ].map((cofactor) => cofactor / determinant);
  const row = (r: number) => {
    const [x, y, z] = linear.slice(3 * r, 3 * r + 3);
    return [x, y, z, -(x * a[3] + y * a[7] + z * a[11])];
  };
  return [...row(0), ...row(1), ...row(2), 0, 0, 0, 1];
}
