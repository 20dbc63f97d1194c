/** Scans of archives that have nothing of their own: a ball of noise in whole numbers, something bright in it or not. */
import { nifti } from '../files.mjs';

const [WIDTH, HEIGHT, DEPTH] = [14, 12, 10];
/** Oblique, so that whatever is flipped or moved is seen. */
const SROW = [
  [-1.5, 0.1, 0, 12],
  [0.1, 2, 0.2, -20],
  [0, -0.1, 3, 5],
];

/** An array of values by voxel, x fastest. */
export function fill(Type, valueAt) {
  const data = new Type(WIDTH * HEIGHT * DEPTH);
  let i = 0;
  for (let z = 0; z < DEPTH; z++) {
    for (let y = 0; y < HEIGHT; y++) for (let x = 0; x < WIDTH; x++) data[i++] = valueAt(z, y, x);
  }
  return data;
}

/** Whether a voxel is in the lesion of the scan with this number. */
export function inLesion(number, z, y, x) {
  return Math.hypot(z - 4 - (number % 3), y - 6, x - 7) < 2.5;
}

/** A scan, the same whenever it is made. */
export function scan(number, positive, channel = 0) {
  let state = (number + 1) * 7919 + channel * 104_729;
  return fill(Int16Array, (z, y, x) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const body = Math.hypot(z - 4.5, y - 5.5, x - 6.5) < 5 ? 100 : 0;
    return (state % 20) + body + (positive && inLesion(number, z, y, x) ? 400 : 0);
  });
}

/** The file of one channel or of several along the fourth axis. */
export function fileOf(...channels) {
  const [first] = channels;
  const data = new first.constructor(channels.length * first.length);
  for (const [i, channel] of channels.entries()) data.set(channel, i * first.length);
  const size = [WIDTH, HEIGHT, DEPTH, ...(channels.length > 1 ? [channels.length] : [])];
  return nifti(data, size, SROW);
}

export function json(value) {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
