/**
 * A NIfTI header says up to three times where its voxels lie: by a matrix (sform), by a rotation with zooms
 * (qform), and by voxel sizes alone. The sform wins if it has a code, then the qform, as in nibabel and SPM.
 * Going back, an affine becomes a sform, and a qform too when a rotation with zooms can say the same.
 */

import { affineDeterminant, type NiftiPlacement } from '../../volume/volume.ts';
import { affineFault, columnLengths, isFlat } from '../world.ts';

/** Codes as in nibabel for an affine of unknown origin: "aligned". "Scanner" would claim what nobody told us. */
const XFORM_ALIGNED = 2;
const UNITS_MM = 2;
const SPATIAL_UNITS = 0x07;
/** Metres and micrometres to millimetres; a unit that is not stated is millimetres, as everywhere. */
const MILLIMETRES: Readonly<Record<number, number>> = { 1: 1000, 3: 0.001 };

/** A quaternion this much longer than 1 is rounding, for which 180° rotations are prone; more is damage. */
const QUATERNION_EXCESS = 1e-6;
/** Below it the fourth component is rounding: three units in the last place, as in nibabel. */
export const QUATERNION_EPSILON = { 1: 3 * 2 ** -23, 2: 3 * 2 ** -52 } as const;
/** Cosine between two axes beyond which an affine is no rotation: 0.005 voxels over 500. */
const SHEAR_TOLERANCE = 1e-5;

/** Which of the header's fields decide where the voxels lie. */
export function affineSource({ sformCode, qformCode }: NiftiPlacement): 'sform' | 'qform' | 'pixdim' {
  return sformCode > 0 ? 'sform' : qformCode > 0 ? 'qform' : 'pixdim';
}

/**
 * The affine, row-major 4×4, from voxel indices (x, y, z, 1) to RAS+ millimetres; with NaN in it where the fields
 * cannot be used. Without sform and qform it is method 1 of nifti1.h, voxel sizes only; nibabel falls back on
 * Analyze there, which mirrors x and puts the origin in the middle.
 */
export function placementAffine(p: NiftiPlacement): number[] {
  const source = affineSource(p);
  const rows = source === 'sform' ? p.srow : source === 'qform' ? qformRows(p) : pixdimRows(p);
  const scale = MILLIMETRES[p.units & SPATIAL_UNITS] ?? 1;
  // Adding 0 makes a plain 0 of -0, which JSON would not keep.
  return [...rows.map((value) => value * scale + 0), 0, 0, 0, 1];
}

/** What is wrong with the fields that decide where the voxels lie, as a sentence; undefined if nothing is. */
export function placementProblem(p: NiftiPlacement): string | undefined {
  const source = affineSource(p);
  if (source !== 'sform') {
    const [qfac, ...sizes] = p.pixdim;
    if (!sizes.every((size) => size > 0 && Number.isFinite(size))) {
      return `Its voxel sizes (pixdim) are ${sizes.join(', ')}, and its ${source === 'qform' ? 'qform' : 'position in the world'} depends on them.`;
    }
    if (source === 'qform') {
      if (qfac !== 1 && qfac !== -1 && qfac !== 0) {
        return `The sign of its third axis (pixdim[0]) is ${qfac}; a qform needs 1 or -1.`;
      }
      if (!(quaternionRest(p) >= -QUATERNION_EXCESS)) {
        return `The quaternion of its qform (${p.quatern.join(', ')}) is not a rotation.`;
      }
    }
  }
  const fault = affineFault(placementAffine(p));
  return fault && `Its affine (from the ${source}) ${fault}.`;
}

/**
 * The fields of a NIfTI-1 header for an affine in millimetres.
 * @throws RangeError when the affine is singular or not finite.
 */
export function affinePlacement(affine: readonly number[]): NiftiPlacement {
  if (affine.length !== 16 || !affine.every(Number.isFinite) || isFlat(affine)) {
    throw new RangeError(`No voxels can be placed by the affine [${affine.join(', ')}].`);
  }
  const sizes = columnLengths(affine);
  const qfac = affineDeterminant(affine) < 0 ? -1 : 1;
  const rotation = affine.slice(0, 12).map((value, i) => {
    const column = i % 4;
    return column === 3 ? 0 : (value / sizes[column]) * (column === 2 ? qfac : 1);
  });
  const rigid = largestCosine(rotation) < SHEAR_TOLERANCE;
  return {
    version: 1,
    pixdim: [rigid ? qfac : 1, ...sizes],
    units: UNITS_MM,
    qformCode: rigid ? XFORM_ALIGNED : 0,
    sformCode: XFORM_ALIGNED,
    quatern: rigid ? rotationQuaternion(rotation) : [0, 0, 0],
    qoffset: [affine[3], affine[7], affine[11]],
    srow: affine.slice(0, 12),
  };
}

function pixdimRows({ pixdim: [, x, y, z] }: NiftiPlacement): number[] {
  return [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0];
}

/** Method 2 of nifti1.h. */
function qformRows(p: NiftiPlacement): number[] {
  const [b, c, d] = p.quatern;
  const rest = quaternionRest(p);
  if (rest < -QUATERNION_EXCESS) return new Array(12).fill(Number.NaN);
  const a = rest < QUATERNION_EPSILON[p.version] ? 0 : Math.sqrt(rest);
  const two = 2 / (a * a + b * b + c * c + d * d);
  const [qfac, x, y, z0] = p.pixdim;
  const z = qfac < 0 ? -z0 : z0;
  const [ox, oy, oz] = p.qoffset;
  return [
    ...[(1 - two * (c * c + d * d)) * x, two * (b * c - a * d) * y, two * (b * d + a * c) * z, ox],
    ...[two * (b * c + a * d) * x, (1 - two * (b * b + d * d)) * y, two * (c * d - a * b) * z, oy],
    ...[two * (b * d - a * c) * x, two * (c * d + a * b) * y, (1 - two * (b * b + c * c)) * z, oz],
  ];
}

/** The square that is left for the quaternion's first component, which the header does not store. */
function quaternionRest({ quatern: [b, c, d] }: NiftiPlacement): number {
  return 1 - (b * b + c * c + d * d);
}

/** Components b, c, d of the quaternion with a ≥ 0 of a rotation, given as rows of four. */
function rotationQuaternion(r: readonly number[]): [number, number, number] {
  const [xx, yy, zz] = [r[0], r[5], r[10]];
  // Four times the square of each component; dividing by the largest never divides by a small number.
  const squares = [1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz];
  const largest = squares.indexOf(Math.max(...squares));
  const products = [
    [squares[0], r[9] - r[6], r[2] - r[8], r[4] - r[1]],
    [r[9] - r[6], squares[1], r[1] + r[4], r[2] + r[8]],
    [r[2] - r[8], r[1] + r[4], squares[2], r[6] + r[9]],
    [r[4] - r[1], r[2] + r[8], r[6] + r[9], squares[3]],
  ][largest];
  const sign = products[0] < 0 ? -1 : 1;
  const [b, c, d] = products.slice(1).map((product) => (sign * product) / (2 * Math.sqrt(squares[largest])));
  return [b, c, d];
}

function largestCosine(r: readonly number[]): number {
  const cosine = (i: number, j: number) => Math.abs(r[i] * r[j] + r[4 + i] * r[4 + j] + r[8 + i] * r[8 + j]);
  return Math.max(cosine(0, 1), cosine(0, 2), cosine(1, 2));
}
