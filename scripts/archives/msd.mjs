/** A task of the Medical Segmentation Decathlon: both modalities along the fourth axis, lists of files, what macOS leaves behind. */
import { writeFiles } from './files.mjs';
import { fill, image, inLesion, joined, json, nifti } from './support/volumes.mjs';

export async function write(folder) {
  const names = Array.from({ length: 5 }, (_, i) => `blob_${String(i + 1).padStart(3, '0')}.nii.gz`);
  const files = {
    'dataset.json': json({
      name: 'BLOB',
      description: 'Blobs that were drawn, not scanned',
      reference: 'nobody',
      licence: 'CC0',
      relase: '1.0',
      tensorImageSize: '4D',
      modality: { 0: 'T2', 1: 'ADC' },
      labels: { 0: 'background', 1: 'PZ', 2: 'TZ' },
      numTraining: names.length,
      numTest: 1,
      training: names.map((name) => ({ image: `./imagesTr/${name}`, label: `./labelsTr/${name}` })),
      test: ['./imagesTs/blob_006.nii.gz'],
    }),
    'imagesTr/._blob_001.nii.gz': new Uint8Array(16),
    'labelsTr/._blob_001.nii.gz': new Uint8Array(16),
  };
  for (const [i, name] of names.entries()) {
    const positive = i % 2 === 0;
    files[`imagesTr/${name}`] = await nifti(joined(image(i, positive, 0), image(i, positive, 1)));
    const labels = fill((d, h, w) => (positive && inLesion(i, d, h, w) ? 1 + (i === 2) : 0));
    files[`labelsTr/${name}`] = await nifti(labels, 'uint8');
  }
  files['imagesTs/blob_006.nii.gz'] = await nifti(joined(image(5, false, 0), image(5, false, 1)));
  writeFiles(folder, files);
}
