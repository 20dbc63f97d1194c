import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeSeries, groupSeries } from '../../../src/formats/dicom/series.ts';
import { slice, text } from './slices.ts';

/** Row and column directions of all the ways along the patient's axes, and two oblique ones. */
const AXES = [0, 1, 2].flatMap((axis) =>
  [1, -1].map((sign) => [0, 0, 0].map((_, i) => (i === axis ? sign : 0))),
);
const ALIGNED = AXES.flatMap((row) =>
  AXES.filter((column) => row.every((part, i) => part * column[i] === 0)).map((column) => [
    ...row,
    ...column,
  ]),
);
const OBLIQUE = [
  [0.8, 0.6, 0, 0, 0, -1],
  [
    -0.0022011068649, 0.99788552522659, -0.0649590045213, -0.0337935090065, -0.0649962872266,
    -0.9973131418228,
  ],
];

const acquisition = fc.record({
  directions: fc.constantFrom(...ALIGNED, ...OBLIQUE),
  origin: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: -4000, max: 4000 }))),
  /** Quarters of a millimetre, with a sign: in or against the direction of the normal. */
  step: fc.integer({ min: -40, max: 40 }).filter((step) => step !== 0),
  spacing: fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 })),
  count: fc.integer({ min: 2, max: 6 }),
  /** Instance numbers follow the places, or all are the same. */
  numbered: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1000 }),
});

const normalOf = ([a, b, c, x, y, z]: readonly number[]) => [b * z - c * y, c * x - a * z, a * y - b * x];

test('files in any order give the same volume, and every voxel is where its file says', async () => {
  await fc.assert(
    fc.asyncProperty(
      acquisition.chain((one) =>
        fc.record({
          one: fc.constant(one),
          order: fc.shuffledSubarray([...Array(one.count).keys()], { minLength: one.count }),
        }),
      ),
      async ({ one: { directions, origin, step, spacing, count, numbered, seed }, order }) => {
        const pixelSpacing = spacing.map((part) => part / 4);
        const normal = normalOf(directions);
        const value = (k: number, h: number, w: number) => ((seed * 31 + k * 137 + h * 17 + w) % 4000) - 2000;
        const positions = Array.from({ length: count }, (_, k) =>
          origin.map((start, axis) => start / 8 + (k * step * normal[axis]) / 4),
        );
        const files = await Promise.all(
          positions.map((position, k) =>
            slice({
              position,
              directions,
              pixelSpacing,
              name: `file-${k}`,
              instance: k + 1,
              values: [0, 1].flatMap((h) => [0, 1, 2].map((w) => value(k, h, w))),
              more: numbered ? {} : { '00200013': text('1', 'IS') },
            }),
          ),
        );
        const decode = async (objects: typeof files) => decodeSeries(groupSeries(objects).series[0]);
        const { volume, slices } = await decode(order.map((k) => files[k]));
        expect(volume).toEqual((await decode(files)).volume);

        const { affine } = volume.geometry;
        slices.forEach(({ object }, d) => {
          const k = files.findIndex(({ name }) => name === object.name);
          for (const h of [0, 1]) {
            for (const w of [0, 1, 2]) {
              expect(volume.data[(d * 2 + h) * 3 + w]).toBe(value(k, h, w));
              for (const axis of [0, 1, 2]) {
                const lps =
                  positions[k][axis] +
                  h * pixelSpacing[0] * directions[3 + axis] +
                  w * pixelSpacing[1] * directions[axis];
                const [x, y, z, o] = affine.slice(4 * axis, 4 * axis + 4);
                expect(Math.abs(x * w + y * h + z * d + o - (axis < 2 ? -lps : lps))).toBeLessThan(1e-9);
              }
            }
          }
        });
        // Axis 0 goes along row × column, whichever way the files went.
        const along = [0, 1, 2].reduce(
          (sum, axis) => sum + (axis < 2 ? -1 : 1) * affine[4 * axis + 2] * normal[axis],
          0,
        );
        expect(along).toBeGreaterThan(0);
      },
    ),
    { numRuns: 60 },
  );
});
