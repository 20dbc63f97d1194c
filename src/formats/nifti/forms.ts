/**
 * A header that has both a sform and a qform says twice where its voxels lie. Programs differ in which they believe (here,
 * in nibabel and in SPM the sform), so that two that disagree put the image in two places. The qform can be written anew
 * from the sform, unless the sform is sheared, which no qform can say: then it is taken back by its code.
 */
import { gridDistance } from '../../volume/grids.ts';
import { type NiftiPlacement, type Shape, spacing } from '../../volume/volume.ts';
import type { NiftiInfo } from './header.ts';
import { affinePlacement, placementAffine, QUATERNION_EPSILON } from './placement.ts';

/** The fields of the qform, which can be written in place. */
const QFORM = {
  1: { pixdim: 76, code: 252, quatern: 256, qoffset: 268 },
  2: { pixdim: 104, code: 344, quatern: 352, qoffset: 376 },
} as const;

/** Rounding of a quaternion's three stored components, in what is left for the square of the fourth. */
const SQUARE_ROUNDING = { 1: 1.2e-7, 2: 2.4e-16 } as const;

/**
 * Millimetres between where qform and sform place the same voxel, at its largest within the grid, and how much of that the
 * qform's way of storing a rotation can leave; NaN where the qform makes no sense. Undefined unless both have a code.
 */
export function formDistance(
  p: NiftiPlacement,
  shape: Shape,
): { readonly distance: number; readonly rounding: number } | undefined {
  if (!(p.sformCode > 0 && p.qformCode > 0)) return undefined;
  const qform = placementAffine({ ...p, sformCode: 0 });
  const sform = placementAffine(p);
  const sound = qform.every(Number.isFinite);
  const distance = sound ? gridDistance({ affine: qform }, { affine: sform }, shape) : Number.NaN;
  return { distance, rounding: qformRounding(p, shape) };
}

/**
 * The placement with a qform that says what the sform says, with the sform's code; without one where the sform is sheared.
 * @throws RangeError when the sform is singular.
 */
export function qformFromSform(p: NiftiPlacement): NiftiPlacement {
  // In the unit of the file, whatever it is: the numbers go back as they came.
  const { pixdim, quatern, qoffset, qformCode } = affinePlacement([...p.srow, 0, 0, 0, 1]);
  return { ...p, pixdim, quatern, qoffset, qformCode: qformCode > 0 ? p.sformCode : 0 };
}

/**
 * Writes the qform of a placement into the bytes of a header, in place: pixdim[0..3], qform_code, quatern and qoffset.
 * Everything else stays as it is, to the bit.
 */
export function patchQform(
  bytes: Uint8Array,
  { version, endian }: Pick<NiftiInfo, 'version' | 'endian'>,
  { pixdim, qformCode, quatern, qoffset }: NiftiPlacement,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = endian === 'little';
  const at = QFORM[version];
  const put = (start: number, values: readonly number[]) => {
    for (const [i, value] of values.entries()) {
      if (version === 1) view.setFloat32(start + 4 * i, value, little);
      else view.setFloat64(start + 8 * i, value, little);
    }
  };
  put(at.pixdim, pixdim);
  put(at.quatern, quatern);
  put(at.qoffset, qoffset);
  if (version === 1) view.setInt16(at.code, qformCode, little);
  else view.setInt32(at.code, qformCode, little);
}

/**
 * Near a half turn the quaternion's first component is small, and what is stored are the other three: its error is theirs
 * divided by it, and below a limit readers take it for 0.
 */
function qformRounding(p: NiftiPlacement, shape: Shape): number {
  const { pixdim, qformCode } = qformFromSform(p);
  if (qformCode === 0) return 0;
  const first = Math.cos(rotationAngle(p.srow, pixdim) / 2);
  const least = Math.sqrt(QUATERNION_EPSILON[p.version]);
  // Around the limit it may go either way.
  const error = Math.max(
    first < 1.2 * least ? first : 0,
    first > 0.8 * least ? SQUARE_ROUNDING[p.version] / (2 * first) : 0,
  );
  const lengths = spacing({ affine: placementAffine(p) }).map((size, axis) => size * shape[axis]);
  // A rotation turns by twice the angle of its quaternion.
  return 2 * error * Math.hypot(...lengths);
}

/** Of a matrix with zooms. (From the quaternion's length a small component could not be told: it drowns in its rounding.) */
function rotationAngle(srow: readonly number[], [qfac, ...sizes]: NiftiPlacement['pixdim']): number {
  const r = srow.map((value, i) => (value / sizes[i % 4]) * (i % 4 === 2 ? qfac : 1));
  return Math.atan2(Math.hypot(r[9] - r[6], r[2] - r[8], r[4] - r[1]), r[0] + r[5] + r[10] - 1);
}
