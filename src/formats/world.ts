/**
 * From a file's world to RAS+ millimetres. Formats other than NIfTI give the step from voxel to voxel along each axis and
 * the place of the first one, in a world whose axes they name; changing the world changes signs and nothing else.
 */

import { affineDeterminant } from '../volume/volume.ts';

/** Volume of a voxel relative to a box with the same edges, below which its axes lie in one plane. */
const FLAT_TOLERANCE = 1e-6;

/** Signs that take a world to RAS+, by the letters towards which its axes increase. */
export const WORLDS = { RAS: [1, 1, 1], LAS: [-1, 1, 1], LPS: [-1, -1, 1] } as const;
export type World = keyof typeof WORLDS;

/**
 * The affine, row-major 4×4 from voxel indices (x, y, z, 1) to RAS+.
 * @param steps from one voxel to the next along x, y, z, each in the world's coordinates.
 * @param origin of the first voxel's centre.
 */
export function worldAffine(
  world: World,
  steps: readonly (readonly number[])[],
  origin: readonly number[],
): number[] {
  const rows = WORLDS[world].flatMap((sign, r) => [...steps.map((step) => sign * step[r]), sign * origin[r]]);
  // Adding 0 makes a plain 0 of -0, which JSON would not keep.
  return [...rows.map((value) => value + 0), 0, 0, 0, 1];
}

/** The same backwards: what a file in that world says. */
export function worldSteps(
  world: World,
  affine: readonly number[],
): { readonly steps: readonly (readonly number[])[]; readonly origin: readonly number[] } {
  const column = (c: number) => WORLDS[world].map((sign, r) => sign * affine[4 * r + c] + 0);
  return { steps: [column(0), column(1), column(2)], origin: column(3) };
}

/** What is wrong with an affine, as the end of a sentence that begins with "it"; undefined when nothing is. */
export function affineFault(affine: readonly number[]): string | undefined {
  if (affine.length !== 16 || !affine.every(Number.isFinite)) return 'has numbers that are not finite';
  return isFlat(affine) ? 'is singular: the voxels have no volume' : undefined;
}

export function isFlat(affine: readonly number[]): boolean {
  const [x, y, z] = columnLengths(affine);
  return !(Math.abs(affineDeterminant(affine)) > FLAT_TOLERANCE * x * y * z);
}

/** Lengths of the affine's columns: millimetres a voxel along x, y, z. */
export function columnLengths(a: readonly number[]): [number, number, number] {
  const length = (c: number) => Math.hypot(a[c], a[4 + c], a[8 + c]);
  return [length(0), length(1), length(2)];
}
