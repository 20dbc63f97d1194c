/**
 * MosMedData COVID19_1110: studies in CT-0 to CT-4, masks of some in CT-1. Studies are numbered as there, through all classes; slices are fewer and
 * of 96 × 96 pixels instead of 512 × 512, over the same 360 mm, 8 mm apart.
 */
import { fill, nifti, writeFiles } from './files.mjs';

/** First and last study of each class that are made here, by their numbers in the archive; those before `masked` have masks. */
const CLASSES = {
  'CT-0': { numbers: [1, 2, 3, 254] },
  'CT-1': { numbers: [255, 256, 304, 305, 937, 938], masked: 305 },
  'CT-2': { numbers: [939, 1063] },
  'CT-3': { numbers: [1064] },
  'CT-4': { numbers: [1109, 1110] },
};

const SIZE = [96, 96, 14];
const SROW = [
  [-3.75, 0, 0, 178.125],
  [0, -3.75, 0, 178.125],
  [0, 0, 8, -300],
];

const inChest = ([x, y]) => (x / 165) ** 2 + (y / 120) ** 2 < 1;
const inLung = ([x, y, z]) => ((Math.abs(x) - 75) / 55) ** 2 + (y / 85) ** 2 + ((z + 248) / 60) ** 2 < 1;
/** [x, y, z, radius] in millimetres of what is found in a study: one large finding, and two specks of a few voxels. */
const findings = (number) => [
  [70, -20 + (number % 7), -244, 26],
  [-90, 30, -276, 5],
  [-60, -40, -228, 5],
];
const inFinding = (number, [x, y, z]) =>
  findings(number).some(([a, b, c, radius]) => Math.hypot(x - a, y - b, z - c) <= radius);

/** Bytes by path. */
export function files() {
  const all = {
    'COVID19_1110/README_EN.md': Buffer.from('# MosMedData\n'),
    'COVID19_1110/LICENSE': Buffer.from('CC BY-NC-ND 3.0\n'),
    'COVID19_1110/dataset_registry.xlsx': Buffer.from('PK\x03\x04', 'latin1'),
  };
  for (const [name, { numbers, masked = 0 }] of Object.entries(CLASSES)) {
    for (const number of numbers) {
      const study = `study_${String(number).padStart(4, '0')}`;
      const ill = (p) => name !== 'CT-0' && inFinding(number, p);
      const hu = (p) => (!inChest(p) ? -1000 : ill(p) ? -350 : inLung(p) ? -860 + (number % 16) : 45);
      all[`COVID19_1110/studies/${name}/${study}.nii.gz`] = nifti(
        fill(Int16Array, SIZE, SROW, hu),
        SIZE,
        SROW,
        {
          sform: 1,
        },
      );
      if (number >= masked) continue;
      const mask = fill(Uint8Array, SIZE, SROW, (p) => (ill(p) ? 1 : 0));
      all[`COVID19_1110/masks/${study}_mask.nii.gz`] = nifti(mask, SIZE, SROW, { sform: 1 });
    }
  }
  return all;
}

export function write(folder) {
  writeFiles(folder, files());
}
