/** nnU-Net's raw data (version 2): two channels, two labels and a region of both, and scans without labels. */
import { writeFiles } from './files.mjs';
import { fill, image, inLesion, json, nifti } from './support/volumes.mjs';

export async function write(folder) {
  const files = {
    'dataset.json': json({
      channel_names: { 0: 'T1', 1: 'FLAIR' },
      labels: { background: 0, whole: [1, 2], core: [2], ignore: 3 },
      regions_class_order: [1, 2],
      numTraining: 6,
      file_ending: '.nii.gz',
    }),
  };
  for (let i = 0; i < 6; i++) {
    const name = `BLOB_${String(i + 1).padStart(3, '0')}`;
    // Nothing, something around, or a core as well.
    const kind = i % 3;
    for (const channel of [0, 1]) {
      files[`imagesTr/${name}_000${channel}.nii.gz`] = await nifti(image(i, kind > 0, channel));
    }
    const labels = fill((d, h, w) => {
      if (d === 0) return 3;
      if (kind === 0 || !inLesion(i, d, h, w)) return 0;
      return kind === 2 && h >= 6 ? 2 : 1;
    });
    files[`labelsTr/${name}.nii.gz`] = await nifti(labels, 'uint8');
  }
  for (const channel of [0, 1]) {
    files[`imagesTs/BLOB_007_000${channel}.nii.gz`] = await nifti(image(6, false, channel));
  }
  writeFiles(folder, files);
}
