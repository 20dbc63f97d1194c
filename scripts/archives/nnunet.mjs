/** nnU-Net's raw data (version 2): two channels, a region of two labels, voxels to be ignored, and scans without labels. */
import { writeFiles } from './files.mjs';
import { fileOf, fill, inLesion, json, scan } from './scans/blobs.mjs';

const ABOUT = {
  channel_names: { 0: 'T1', 1: 'FLAIR' },
  labels: { background: 0, whole: [1, 2], core: [2], ignore: 3 },
  regions_class_order: [1, 2],
  numTraining: 6,
  file_ending: '.nii.gz',
};

export function files() {
  const all = { 'dataset.json': json(ABOUT) };
  for (let i = 0; i < 6; i++) {
    const name = `BLOB_${String(i + 1).padStart(3, '0')}`;
    // Nothing, something around, or a core as well.
    const kind = i % 3;
    for (const channel of [0, 1]) {
      all[`imagesTr/${name}_000${channel}.nii.gz`] = fileOf(scan(i, kind > 0, channel));
    }
    const labels = fill(Uint8Array, (z, y, x) => {
      if (z === 0) return 3;
      if (kind === 0 || !inLesion(i, z, y, x)) return 0;
      return kind === 2 && y >= 6 ? 2 : 1;
    });
    all[`labelsTr/${name}.nii.gz`] = fileOf(labels);
  }
  for (const channel of [0, 1]) {
    all[`imagesTs/BLOB_007_000${channel}.nii.gz`] = fileOf(scan(6, false, channel));
  }
  return all;
}

export function write(folder) {
  writeFiles(folder, files());
}
