/**
 * A volume is an array [C, D, H, W] in C order with an affine to world millimetres. NIfTI's fastest axis x is
 * W, so axis 0, 1, 2 of the array are NIfTI's z, y, x. World coordinates are RAS+.
 */

/** Lengths of the three spatial axes, (D, H, W), in voxels. */
export type Shape = readonly [depth: number, height: number, width: number];

/** A point or vector in the order of the array's axes, (axis 0, axis 1, axis 2) = (D, H, W). */
export type Vector = readonly [number, number, number];

/**
 * The header fields of a NIfTI file that place its voxels in the world. They are carried from an input to every
 * output as they were read: float32 values survive float64 unchanged, so the written bits are the same. (JSON
 * knows no −0 and no NaN, which such fields do hold: it is no way to carry them.)
 */
export interface NiftiPlacement {
  /** 1 or 2: NIfTI-2 stores doubles, so an output keeps the version of its input. */
  readonly version: 1 | 2;
  /** pixdim[0..3]: qfac and the voxel's size along x, y, z, in the unit of `units`. */
  readonly pixdim: readonly [qfac: number, x: number, y: number, z: number];
  /** The whole xyzt_units byte. */
  readonly units: number;
  readonly qformCode: number;
  readonly sformCode: number;
  /** quatern_b, quatern_c, quatern_d. */
  readonly quatern: readonly [number, number, number];
  /** qoffset_x, qoffset_y, qoffset_z. */
  readonly qoffset: readonly [number, number, number];
  /** srow_x, srow_y, srow_z: 12 numbers, row-major. */
  readonly srow: readonly number[];
}

/** Where a grid of voxels lies in the world. */
export interface Geometry {
  /** Row-major 4×4 from voxel indices (x, y, z, 1) = (index on axis 2, 1, 0, 1) to RAS+ millimetres. */
  readonly affine: readonly number[];
  /** Present when the volume came from NIfTI. */
  readonly nifti?: NiftiPlacement;
}

/** Voxels of one or several channels with their place in the world. */
export interface Volume {
  /** Where it came from, for errors and records: a path, as a rule. */
  readonly name?: string;
  /** [C, D, H, W] in C order. */
  readonly data: Float32Array;
  readonly channels: number;
  readonly shape: Shape;
  readonly geometry: Geometry;
}

/** Number of voxels of one channel. */
export function voxelCount([depth, height, width]: Shape): number {
  return depth * height * width;
}

/**
 * A volume from an array, with the identity affine unless one is given.
 * @throws RangeError when `data` is not channels × D × H × W long.
 */
export function createVolume(
  data: Float32Array,
  shape: Shape,
  { channels = 1, geometry = { affine: IDENTITY } }: { channels?: number; geometry?: Geometry } = {},
): Volume {
  const expected = channels * voxelCount(shape);
  if (data.length !== expected) {
    throw new RangeError(
      `A volume of ${[channels, ...shape].join('×')} has ${expected} values, not ${data.length}.`,
    );
  }
  return { data, channels, shape, geometry };
}

const IDENTITY: readonly number[] = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** Determinant of the 3×3 part of a row-major 4×4 affine, in mm³ per voxel (signed). */
export function affineDeterminant(a: readonly number[]): number {
  return (
    a[0] * (a[5] * a[10] - a[6] * a[9]) -
    a[1] * (a[4] * a[10] - a[6] * a[8]) +
    a[2] * (a[4] * a[9] - a[5] * a[8])
  );
}

/** Voxel sizes in millimetres along (axis 0, axis 1, axis 2): the lengths of the affine's columns z, y, x. */
export function spacing({ affine: a }: Geometry): Vector {
  const column = (c: number) => Math.hypot(a[c], a[4 + c], a[8 + c]);
  return [column(2), column(1), column(0)];
}

/**
 * The world directions in which the array's axes increase, as in nibabel's aff2axcodes, for (axis 0, axis 1,
 * axis 2): for instance "SAR" for a NIfTI volume stored as RAS+.
 */
export function axisCodes({ affine: a }: Geometry): string {
  const names = ['LR', 'PA', 'IS'];
  const taken = new Set<number>();
  // The strongest columns choose first, so that two axes never share a letter in an oblique volume.
  const columns = [0, 1, 2].map((c) => {
    const length = Math.hypot(a[c], a[4 + c], a[8 + c]) || 1;
    return { c, cosines: [a[c] / length, a[4 + c] / length, a[8 + c] / length] };
  });
  const codes = ['?', '?', '?'];
  const strength = (cosines: number[]) => Math.max(...cosines.map(Math.abs));
  for (const { c, cosines } of [...columns].sort((p, q) => strength(q.cosines) - strength(p.cosines))) {
    let best = -1;
    for (let r = 0; r < 3; r++) {
      if (!taken.has(r) && (best < 0 || Math.abs(cosines[r]) > Math.abs(cosines[best]))) best = r;
    }
    taken.add(best);
    codes[c] = names[best][cosines[best] < 0 ? 0 : 1];
  }
  return codes[2] + codes[1] + codes[0];
}
