/** A plain folder for each class, two channels in files of their own, and masks of the positives. */
import { writeFiles } from './files.mjs';
import { fileOf, fill, inLesion, scan } from './scans/blobs.mjs';

export function files() {
  const all = {};
  for (let i = 0; i < 8; i++) {
    const positive = i % 2 === 0;
    const stem = `${positive ? 'lesion' : 'healthy'}/case-${i + 1}`;
    all[`${stem}_ct.nii.gz`] = fileOf(scan(i, positive));
    // Measured in fractions, as PET is.
    all[`${stem}_pet.nii.gz`] = fileOf(Float32Array.from(scan(i, positive, 1), (value) => value / 8));
    if (!positive) continue;
    all[`masks/case-${i + 1}.nii.gz`] = fileOf(fill(Uint8Array, (...at) => Number(inLesion(i, ...at))));
  }
  return all;
}

export function write(folder) {
  writeFiles(folder, files());
}
