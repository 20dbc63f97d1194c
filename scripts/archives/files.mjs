/** What the archives are written with. NIfTI files are put together here, so that they do not depend on what reads them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Writes files by their paths in a folder. */
export function writeFiles(folder, files) {
  for (const [path, bytes] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
}

const DATATYPES = new Map([
  [Uint8Array, 2],
  [Int16Array, 4],
  [Float32Array, 16],
  [Float64Array, 64],
]);

/**
 * A .nii.gz file of NIfTI-1.
 * @param data typed array of what is stored, x fastest.
 * @param size voxels along x, y and z, and channels where there are several.
 * @param srow the affine's three rows, to RAS+ millimetres.
 * @param codes xform codes; the qform's fields stay empty.
 */
export function nifti(
  data,
  size,
  srow,
  { sform = 2, units = 2, slope = 1, inter = 0, description = '' } = {},
) {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  const dims = [size.length, ...size, 1, 1, 1, 1].slice(0, 8);
  for (const [i, length] of dims.entries()) header.writeInt16LE(length, 40 + 2 * i);
  header.writeInt16LE(DATATYPES.get(data.constructor), 70);
  header.writeInt16LE(8 * data.BYTES_PER_ELEMENT, 72);
  const sides = [0, 1, 2].map((c) => Math.hypot(...srow.map((row) => row[c])));
  for (const [i, length] of [1, ...sides, 1, 1, 1, 1].entries()) header.writeFloatLE(length, 76 + 4 * i);
  header.writeFloatLE(352, 108);
  header.writeFloatLE(slope, 112);
  header.writeFloatLE(inter, 116);
  header.writeUInt8(units, 123);
  header.write(description, 148, 79, 'utf8');
  header.writeInt16LE(sform, 254);
  for (const [i, value] of srow.flat().entries()) header.writeFloatLE(value, 280 + 4 * i);
  header.write('n+1\0', 344, 'latin1');
  return gzipSync(Buffer.concat([header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

/** A typed array from a function of the world, on a grid. */
export function fill(Type, size, srow, value) {
  const data = new Type(size[0] * size[1] * size[2]);
  let at = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++) {
        data[at++] = value(srow.map(([a, b, c, d]) => a * x + b * y + c * z + d));
      }
    }
  }
  return data;
}
