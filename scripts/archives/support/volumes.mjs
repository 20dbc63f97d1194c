/** Small NIfTI files for archives: a ball of noise in whole numbers, with something bright in it or not, and its labels. */
import { encodeNifti } from '../../../dist/formats/nifti.js';
import { createVolume } from '../../../dist/volume/volume.js';

export const SHAPE = [10, 12, 14];
/** Oblique, so that whatever is flipped or moved is seen. */
const AFFINE = [-1.5, 0.1, 0, 12, 0.1, 2, 0.2, -20, 0, -0.1, 3, 5, 0, 0, 0, 1];

/** Values in C order; `at` is called with voxel indices along axes 0, 1 and 2. */
export function fill(at) {
  const [depth, height, width] = SHAPE;
  const data = new Float32Array(depth * height * width);
  for (let d = 0, i = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) for (let w = 0; w < width; w++) data[i++] = at(d, h, w);
  }
  return data;
}

/** Whether a voxel is in the lesion of the case with this number. */
export function inLesion(index, d, h, w) {
  return Math.hypot(d - 4 - (index % 3), h - 6, w - 7) < 2.5;
}

/** An image, the same whenever it is made. */
export function image(index, positive, channel = 0) {
  let state = (index + 1) * 7919 + channel * 104_729;
  return fill((d, h, w) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const body = Math.hypot(d - 4.5, h - 5.5, w - 6.5) < 5 ? 100 : 0;
    return (state % 20) + body + (positive && inLesion(index, d, h, w) ? 400 : 0);
  });
}

/** The bytes of a .nii.gz file; several channels one after the other in `data`. */
export function nifti(data, datatype = 'int16', affine = AFFINE) {
  const channels = data.length / (SHAPE[0] * SHAPE[1] * SHAPE[2]);
  return encodeNifti(createVolume(data, SHAPE, { channels, geometry: { affine } }), { datatype, gzip: true });
}

export function json(value) {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** Several arrays as one. */
export function joined(...arrays) {
  const whole = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}
