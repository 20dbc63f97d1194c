/**
 * A longitudinal data set like the paper's of multiple sclerosis: PATIENT/VISIT with five registered sequences, and a mask that is empty
 * where a visit has no lesion. Two patients of two visits, one of one; names of files differ as they do between centres.
 */
import { fill, nifti, writeFiles } from './files.mjs';

const SIZE = [9, 11, 7];
const SROW = [
  [2, 0, 0, -8],
  [0, 2, 0, -10],
  [0, 0, 3, -9],
];
export const CHANNELS = ['t1', 'pd', 't2', 'flair', 't1gd'];

/** Patient, visit, name of a sequence's file, lesion as [x, y, z, radius] in millimetres. */
const VISITS = [
  ['P01', 'baseline', (name) => `${name}.nii.gz`, [2, -2, 3, 4]],
  ['P01', 'month-12', (name) => `${name}.nii.gz`, undefined],
  ['P02', 'baseline', (name) => `P02_baseline_${name}.nii.gz`, undefined],
  ['P02', 'month-12', (name) => `P02_month-12_${name}.nii.gz`, [-4, 4, -3, 5]],
  ['P03', 'baseline', (name) => `P03_${name}_registered.nii.gz`, undefined],
];

const inLesion = (lesion, [x, y, z]) =>
  lesion !== undefined && Math.hypot(x - lesion[0], y - lesion[1], z - lesion[2]) <= lesion[3];

/** Bytes by path. */
export function files() {
  const all = {};
  for (const [v, [patient, visit, fileName, lesion]] of VISITS.entries()) {
    const place = (name) => `${patient}/${visit}/${fileName(name)}`;
    for (const [c, channel] of CHANNELS.entries()) {
      // Each channel has a level of its own, which tells them apart, and each visit a slope of its own.
      const value = (p) => 100 * (c + 1) + p[0] + (p[2] * v) / 64 + (inLesion(lesion, p) ? 50 : 0);
      all[place(channel)] = nifti(fill(Float32Array, SIZE, SROW, value), SIZE, SROW);
    }
    all[place('lesions')] = nifti(
      fill(Uint8Array, SIZE, SROW, (p) => (inLesion(lesion, p) ? 1 : 0)),
      SIZE,
      SROW,
    );
  }
  return all;
}

export function write(folder) {
  writeFiles(folder, files());
}
