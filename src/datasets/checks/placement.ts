/** Where volumes lie in the world, by their own headers. */
import { formDistance } from '../../formats/nifti/forms.ts';
import { affineDeterminant, type Geometry, spacing } from '../../volume/volume.ts';
import type { Check } from './check.ts';
import type { FileFacts } from './facts.ts';

/** Millimetres between qform and sform that no program's rounding explains. */
const FORMS_APART = 1e-3;
/** Cosine between two axes beyond which they are not at right angles: 0.05 mm in 500. */
const SHEAR = 1e-4;
/** Longest over shortest side of a voxel. */
const ANISOTROPIC = 5;

export const placementChecks: readonly Check[] = [
  {
    name: 'forms-disagree',
    level: 'warning',
    looksAt: 'file',
    finds: 'NIfTI files whose qform and sform place the voxels differently',
    *run({ path, volume }) {
      const nifti = volume?.geometry.nifti;
      const forms = nifti && formDistance(nifti, volume.shape);
      if (!forms || forms.distance <= FORMS_APART + forms.rounding) return;
      const apart = Number.isNaN(forms.distance)
        ? 'Its qform is no rotation with voxel sizes, and its sform is another'
        : `Its qform and its sform place voxels up to ${forms.distance.toPrecision(3)} mm apart`;
      yield {
        subject: path,
        message: `${apart}; the sform counts here, elsewhere it may be the qform.`,
        remedy: 'Find out which is right, and write both the same.',
        fixable: true,
      };
    },
  },
  {
    name: 'no-form',
    level: 'warning',
    looksAt: 'file',
    finds: 'NIfTI files without qform and sform',
    *run({ path, volume }) {
      const nifti = volume?.geometry.nifti;
      if (!nifti || nifti.qformCode > 0 || nifti.sformCode > 0) return;
      yield {
        subject: path,
        message: 'It has neither qform nor sform: where it lies, and which side is left, is unknown.',
        remedy: 'Convert it again from its source with a program that keeps the orientation.',
      };
    },
  },
  {
    name: 'sheared-affine',
    level: 'warning',
    looksAt: 'file',
    finds: 'affines whose axes are not at right angles',
    *run({ path, volume }) {
      if (!volume) return;
      const cosine = largestCosine(volume.geometry);
      if (cosine <= SHEAR) return;
      const degrees = (Math.acos(cosine) * 180) / Math.PI;
      yield {
        subject: path,
        message: `Its axes are not at right angles: two of them meet at ${degrees.toFixed(1)}°.`,
        remedy:
          'Resample it to a grid without shear; a scan with a tilted gantry comes to be so when it is converted.',
      };
    },
  },
  {
    name: 'anisotropic-voxels',
    level: 'info',
    looksAt: 'cohort',
    finds: 'voxels more than five times as long as wide',
    *run({ name, cases }) {
      const long = cases
        .flatMap(({ row, images: [image] }) => (image?.volume ? { row, ratio: ratioOf(image) } : []))
        .filter(({ ratio }) => ratio > ANISOTROPIC);
      if (long.length === 0) return;
      const most = long.reduce((a, b) => (b.ratio > a.ratio ? b : a));
      const whose = long.length === 1 ? `Case ${most.row.name} has` : `${long.length} cases have`;
      yield {
        subject: name,
        message: `${whose} voxels more than ${ANISOTROPIC} times as long as wide, up to ${most.ratio.toFixed(1)} times; slices at an angle see few planes.`,
      };
    },
  },
  {
    name: 'mixed-handedness',
    level: 'info',
    looksAt: 'cohort',
    finds: 'cases stored mirrored with regard to others',
    *run({ name, cases }) {
      const volumes = cases.flatMap(({ images: [image] }) => image?.volume ?? []);
      const left = volumes.filter(({ geometry }) => affineDeterminant(geometry.affine) < 0).length;
      if (left === 0 || left === volumes.length) return;
      yield {
        subject: name,
        message: `${left} of ${volumes.length} images are stored left-handed (such as LAS) and the others right-handed: as arrays they are mirror images.`,
        remedy: 'It does no harm unless sides matter to the finding.',
      };
    },
  },
];

function ratioOf({ volume }: FileFacts): number {
  const sides = spacing(volume!.geometry);
  return Math.max(...sides) / Math.min(...sides);
}

function largestCosine({ affine: a }: Geometry): number {
  const length = (c: number) => Math.hypot(a[c], a[4 + c], a[8 + c]);
  const cosine = (i: number, j: number) =>
    Math.abs(a[i] * a[j] + a[4 + i] * a[4 + j] + a[8 + i] * a[8 + j]) / (length(i) * length(j));
  return Math.max(cosine(0, 1), cosine(0, 2), cosine(1, 2));
}
