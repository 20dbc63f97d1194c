/** A task of the Medical Segmentation Decathlon: both modalities along the fourth axis, and what macOS leaves behind. */
import { writeFiles } from './files.mjs';
import { fileOf, fill, inLesion, json, scan } from './scans/blobs.mjs';

export function files() {
  const names = Array.from({ length: 5 }, (_, i) => `blob_${String(i + 1).padStart(3, '0')}.nii.gz`);
  const all = {
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
    all[`imagesTr/${name}`] = fileOf(scan(i, positive, 0), scan(i, positive, 1));
    const value = i === 2 ? 2 : 1;
    all[`labelsTr/${name}`] = fileOf(
      fill(Uint8Array, (...at) => (positive && inLesion(i, ...at) ? value : 0)),
    );
  }
  all['imagesTs/blob_006.nii.gz'] = fileOf(scan(5, false, 0), scan(5, false, 1));
  return all;
}

export function write(folder) {
  writeFiles(folder, files());
}
