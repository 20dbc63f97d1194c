/** A plain folder for each class, two channels in files of their own, and masks of the positives. */
import { writeFiles } from './files.mjs';
import { fill, image, inLesion, nifti } from './support/volumes.mjs';

export async function write(folder) {
  const files = {};
  for (let i = 0; i < 8; i++) {
    const positive = i % 2 === 0;
    const stem = `${positive ? 'lesion' : 'healthy'}/case-${i + 1}`;
    for (const [channel, name] of ['ct', 'pet'].entries()) {
      // Measured in fractions, as PET is.
      const values = image(i, positive, channel).map((value) => (channel === 0 ? value : value / 8));
      files[`${stem}_${name}.nii.gz`] = await nifti(values, channel === 0 ? 'int16' : 'float32');
    }
    if (positive) {
      const mask = fill((d, h, w) => (inLesion(i, d, h, w) ? 1 : 0));
      files[`masks/case-${i + 1}.nii.gz`] = await nifti(mask, 'uint8');
    }
  }
  writeFiles(folder, files);
}
