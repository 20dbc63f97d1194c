/** Small volumes on the disk, for tests of the command line. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { decodeNifti, encodeNifti } from '../../src/formats/nifti.ts';
import {
  createVolume,
  type Geometry,
  type NiftiPlacement,
  type Shape,
  type Volume,
} from '../../src/volume/volume.ts';

/** The encoder of the package: [n, 1, rows, columns] to one logit. */
export const MATCHED_FILTER = fileURLToPath(new URL('../../assets/matched-filter.onnx', import.meta.url));

/** A place in the world that shows every confusion: oblique, sheared, with a qform that disagrees. */
export const oddPlacement: NiftiPlacement = {
  version: 1,
  pixdim: [-1, 1.5, 2, 2.5],
  units: 10,
  qformCode: 1,
  sformCode: 4,
  quatern: [0.125, -0.25, 0.5],
  qoffset: [-10.5, 20.25, 3.125],
  srow: [-1.5, 0.25, -0.125, 31.5, 0.125, 2, 0.5, -40.25, 0.0625, -0.5, 2.5, 7.75],
};

export function placed(nifti: NiftiPlacement): Geometry {
  return { affine: [...nifti.srow, 0, 0, 0, 1], nifti };
}

/**
 * Asymmetric in every axis and no two axes alike: a ball with a slope in it, something bright off its centre and
 * something dark. Around the ball there is nothing, so that slices from all sides see all there is.
 */
export function unevenVolume(shape: Shape, geometry: Geometry = placed(oddPlacement), channels = 1): Volume {
  const [depth, height, width] = shape;
  const data = new Float32Array(channels * depth * height * width);
  const at = (i: number, length: number) => (2 * i) / (length - 1) - 1;
  let index = 0;
  for (let c = 0; c < channels; c++) {
    for (let d = 0; d < depth; d++) {
      for (let h = 0; h < height; h++) {
        for (let w = 0; w < width; w++) {
          const [z, y, x] = [at(d, depth), at(h, height), at(w, width)];
          const bright = Math.exp(-((z - 0.4) ** 2 + (y - 0.1) ** 2 + (x + 0.3) ** 2) / 0.08);
          const dark = Math.exp(-((z + 0.1) ** 2 + (y + 0.45) ** 2 + (x - 0.2) ** 2) / 0.08);
          const inside = 1 / (1 + Math.exp(15 * (Math.hypot(z, y, x) - 0.7)));
          data[index++] = (1 + c) * inside * (1 + 0.6 * z + 0.3 * y + 0.1 * x + 2 * bright - dark);
        }
      }
    }
  }
  return createVolume(data, shape, { channels, geometry });
}

/** Writes .nii, or .nii.gz where the name says so. */
export async function writeVolume(path: string, volume: Volume): Promise<void> {
  const gzip = path.endsWith('.gz');
  writeFileSync(path, await encodeNifti(volume, { datatype: 'float32', gzip }));
}

export async function readVolumeFile(path: string): Promise<Volume> {
  return (await decodeNifti(readFileSync(path), path)).volume;
}

/** The header of a .nii or .nii.gz file as it stands there. */
export function headerBytes(path: string): Buffer {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).subarray(0, 348);
}

/** The bytes of a NIfTI-1 header that place its voxels: pixdim[0…3], xyzt_units, and from qform_code to srow_z. */
export function placementBytes(path: string): string {
  const header = headerBytes(path);
  return [header.subarray(76, 92), header.subarray(123, 124), header.subarray(252, 328)]
    .map((field) => field.toString('hex'))
    .join(' ');
}
