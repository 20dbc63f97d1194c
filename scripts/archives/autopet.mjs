/**
 * FDG-PET-CT-Lesions as its NIfTI release: five studies of four patients, two of them with lesions. Grids are as there, with fewer and larger
 * voxels: PET and SEG from left to right reversed (LAS), the CT finer and another piece of the world, CTres on the grid of the PET.
 */
import { fill, nifti, writeFiles } from './files.mjs';

/** Patient, study, lesions as [x, y, z, radius] in millimetres. */
const STUDIES = [
  ['PETCT_1a2b3c4d5e', '03-14-2003-NA-PET-CT Ganzkoerper  primaer mit KM-20417', [[40, 10, -60, 22]]],
  ['PETCT_1a2b3c4d5e', '09-02-2003-NA-PET-CT Ganzkoerper  primaer mit KM-81130', []],
  ['PETCT_2f00aa91c7', '11-21-2004-NA-Unspecified CT ABDOMEN-07752', []],
  [
    'PETCT_7be41d0263',
    '05-06-2002-NA-PET-CT Teilkoerper  primaer mit KM-55608',
    [
      [-50, 0, 30, 18],
      [20, -20, 90, 25],
    ],
  ],
  ['PETCT_e90c5f3a18', '12-30-2001-NA-PET-CT Ganzkoerper  primaer mit KM-34921', []],
];

const PET = {
  size: [30, 28, 36],
  srow: [
    [-16, 0, 0, 232],
    [0, 16, 0, -216],
    [0, 0, 9, -180],
  ],
};
const CT = {
  size: [44, 44, 50],
  srow: [
    [-9, 0, 0, 195],
    [0, 9, 0, -195],
    [0, 0, 6, -160],
  ],
};

const BODY = [150, 100, 130];
const inBody = ([x, y, z]) => (x / BODY[0]) ** 2 + (y / BODY[1]) ** 2 + (z / BODY[2]) ** 2 < 1;
const inLesion = (lesions, [x, y, z]) =>
  lesions.some(([a, b, c, radius]) => Math.hypot(x - a, y - b, z - c) <= radius);

/** Bytes by path. */
export function files() {
  const all = { 'FDG-PET-CT-Lesions/fdg_metadata.csv': Buffer.from(METADATA) };
  for (const [i, [patient, study, lesions]] of STUDIES.entries()) {
    const suv = (p) => (inLesion(lesions, p) ? 9 + i / 8 : inBody(p) ? 1.25 + (p[2] + 8 * i) / 500 : 0.0625);
    const hu = (p) => (inBody(p) ? 40 + i + Math.round(p[0] / 5) : -1000);
    const seg = (p) => (inLesion(lesions, p) ? 1 : 0);
    const onPet = (Type, value, options) =>
      nifti(fill(Type, PET.size, PET.srow, value), PET.size, PET.srow, options);
    const place = `FDG-PET-CT-Lesions/${patient}/${study}`;
    // dicom2nifti says that units are mm; what was written by nibabel from an array says nothing.
    all[`${place}/CT.nii.gz`] = nifti(fill(Int16Array, CT.size, CT.srow, hu), CT.size, CT.srow);
    all[`${place}/CTres.nii.gz`] = onPet(Float32Array, (p) => (inCt(p) ? hu(p) : -1024), { units: 0 });
    all[`${place}/PET.nii.gz`] = onPet(Float32Array, (p) => Math.round(4000 * suv(p)));
    all[`${place}/SEG.nii.gz`] = onPet(Uint8Array, seg, { units: 0 });
    all[`${place}/SUV.nii.gz`] = onPet(Float32Array, suv, { units: 0 });
  }
  return all;
}

function inCt(point) {
  return point.every((value, axis) => {
    const [step, start] = [CT.srow[axis][axis], CT.srow[axis][3]];
    const index = (value - start) / step;
    return index >= 0 && index <= CT.size[axis] - 1;
  });
}

const METADATA = `Subject ID,Study Date,diagnosis,age,sex
${STUDIES.map(([patient, study, lesions], i) => `${patient},${study.slice(0, 10)},${lesions.length > 0 ? 'MELANOMA' : 'NEGATIVE'},0${40 + i}Y,${i % 2 ? 'F' : 'M'}`).join('\n')}
`;

export function write(folder) {
  writeFiles(folder, files());
}
