/** Any volumes, for properties of encoders. */
import fc from 'fast-check';
import { affineFault } from '../../src/formats/world.ts';
import { createVolume } from '../../src/volume/volume.ts';

const length = fc.integer({ min: 1, max: 5 });
const entry = fc.double({ min: -300, max: 300, noNaN: true });
/** Oblique, sheared, mirrored: whatever places voxels at all. */
const affine = fc
  .array(entry, { minLength: 12, maxLength: 12 })
  .map((rows) => [...rows.map((value) => value + 0), 0, 0, 0, 1])
  .filter((rows) => affineFault(rows) === undefined);

/** Of one to three channels, its values any float32. */
export const anyVolume = fc
  .tuple(fc.integer({ min: 1, max: 3 }), length, length, length, affine)
  .chain(([channels, depth, height, width, rows]) => {
    const count = channels * depth * height * width;
    return fc
      .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: count, maxLength: count })
      .map((values) =>
        createVolume(Float32Array.from(values), [depth, height, width], {
          channels,
          geometry: { affine: rows },
        }),
      );
  });
