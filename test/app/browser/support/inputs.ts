/** What is opened on the page: small, and asymmetric wherever something could be turned round. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { classifier, node, onnx } from '../../../onnx/fixture.ts';
import { unevenVolume, writeVolume } from '../../../support/volumes.ts';

const fromHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The encoder that ships: slices of any side to one logit, four layers. */
export const PHANTOM_ENCODER = fromHere('../../../../assets/phantom-encoder.onnx');

/** A small series that lies askew in the world. */
export const DICOM_SERIES = fromHere('../../../fixtures/dicom-seg/coronal');

/** A volume at an odd place in the world; its name, on the disk. */
export async function writeUneven(folder: string, name = 'uneven.nii.gz'): Promise<string> {
  const path = join(folder, name);
  await writeVolume(path, unevenVolume([20, 28, 24]));
  return path;
}

/** One convolution on slices of 16 pixels: small enough for a graphics card that is played by the processor. */
export function writeTiny(folder: string): string {
  const path = join(folder, 'tiny.onnx');
  writeFileSync(path, onnx(classifier({ classes: 1 })));
  return path;
}

/** A network that reads well and that no engine can run. */
export function writeUnsupported(folder: string): string {
  const path = join(folder, 'unsupported.onnx');
  writeFileSync(path, onnx(classifier({ classes: 1, tail: [node('DeformableAttention', 'logit', 'y')] })));
  return path;
}
