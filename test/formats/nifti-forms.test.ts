/** qform against sform: how far apart, and the one written from the other. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formDistance, patchQform, qformFromSform } from '../../src/formats/nifti/forms.ts';
import { readNiftiHeader } from '../../src/formats/nifti/header.ts';
import { affinePlacement, placementAffine } from '../../src/formats/nifti/placement.ts';
import { gridDistance } from '../../src/volume/grids.ts';
import type { NiftiPlacement, Shape } from '../../src/volume/volume.ts';
import { buildNifti } from './build.ts';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/nifti/${name}`, import.meta.url));

/** As a NIfTI-1 file holds it. */
function stored(p: NiftiPlacement): NiftiPlacement {
  const round = (values: readonly number[]) => values.map(Math.fround);
  return {
    ...p,
    pixdim: round(p.pixdim) as unknown as NiftiPlacement['pixdim'],
    quatern: round(p.quatern) as unknown as NiftiPlacement['quatern'],
    qoffset: round(p.qoffset) as unknown as NiftiPlacement['qoffset'],
    srow: round(p.srow),
  };
}

/** A rotation by an angle about an axis, with zooms and an offset. */
const affines = fc
  .record({
    axis: fc.tuple(
      ...([0, 1, 2].map(() => fc.integer({ min: -9, max: 9 })) as [
        fc.Arbitrary<number>,
        fc.Arbitrary<number>,
        fc.Arbitrary<number>,
      ]),
    ),
    // Half turns and their neighbourhood, where a quaternion says least, come up often.
    angle: fc.oneof(
      fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
      fc.double({ min: -1e-2, max: 1e-2, noNaN: true }).map((off) => Math.PI + off),
      fc.constant(Math.PI),
    ),
    zooms: fc.tuple(
      fc.double({ min: 0.3, max: 5, noNaN: true }),
      fc.double({ min: 0.3, max: 5, noNaN: true }),
      fc.double({ min: 0.3, max: 5, noNaN: true }),
    ),
    mirrored: fc.boolean(),
    offset: fc.tuple(
      fc.integer({ min: -400, max: 400 }),
      fc.integer({ min: -400, max: 400 }),
      fc.integer({ min: -400, max: 400 }),
    ),
  })
  .map(({ axis, angle, zooms, mirrored, offset }) => {
    const length = Math.hypot(...axis) || 1;
    const [x, y, z] = axis[0] || axis[1] || axis[2] ? axis.map((value) => value / length) : [0, 0, 1];
    const [c, s, t] = [Math.cos(angle), Math.sin(angle), 1 - Math.cos(angle)];
    const rotation = [
      [t * x * x + c, t * x * y - s * z, t * x * z + s * y],
      [t * x * y + s * z, t * y * y + c, t * y * z - s * x],
      [t * x * z - s * y, t * y * z + s * x, t * z * z + c],
    ];
    const size = [zooms[0], zooms[1], mirrored ? -zooms[2] : zooms[2]];
    return [
      ...rotation.flatMap((row, r) => [...row.map((value, i) => value * size[i]), offset[r]]),
      0,
      0,
      0,
      1,
    ];
  });

const SHAPE: Shape = [120, 256, 256];

describe('formDistance', () => {
  // max over corners of |(qform − sform) corner| by nibabel 5's get_qform and get_sform.
  test.each([
    ['qform-over-sform.nii', 159.86709002382415],
    ['float64-v2.nii', 205.4813327896235],
    ['int16-big.nii', 205.4813327896235],
    ['int16-sform.nii', 6.175162667828153e-7],
  ])('of %s is what nibabel’s affines give', async (name, expected) => {
    const { geometry, shape } = await readNiftiHeader(fixture(name), name);
    expect(formDistance(geometry.nifti, shape)!.distance).toBeCloseTo(expected, 5);
  });

  test.each([
    'qform-only.nii',
    'no-form.nii',
    'sheared.nii',
  ])('of %s, which has one form at most, is none', async (name) => {
    const { geometry, shape } = await readNiftiHeader(fixture(name), name);
    expect(formDistance(geometry.nifti, shape)).toBeUndefined();
  });

  test('of two forms that say the same is rounding, whatever the rotation', () => {
    fc.assert(
      fc.property(affines, (affine) => {
        const { distance, rounding } = formDistance(stored(affinePlacement(affine)), SHAPE)!;
        expect(distance).toBeLessThanOrEqual(1e-3 + rounding);
        // 7e-4 of half a radian at most, over the diagonal of 1907 mm of the largest grid here.
        expect(rounding).toBeLessThan(3);
      }),
      { numRuns: 1000 },
    );
  });

  test('of a quaternion that is no rotation is no number', () => {
    const p = {
      ...affinePlacement([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
      quatern: [1, 1, 0] as const,
    };
    expect(formDistance(p, SHAPE)!.distance).toBeNaN();
  });
});

describe('qformFromSform', () => {
  test('says what the sform says, with its code, in the unit of the file', () => {
    fc.assert(
      fc.property(affines, fc.constantFrom(1, 2, 3, 0), (affine, units) => {
        const p: NiftiPlacement = {
          ...affinePlacement([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
          srow: affine.slice(0, 12),
          units,
          sformCode: 4,
          // So that nothing but arithmetic is measured.
          version: 2,
        };
        const mended = qformFromSform(p);
        expect([mended.qformCode, mended.sformCode, mended.units]).toEqual([4, 4, units]);
        expect(mended.srow).toBe(p.srow);
        const scale = units === 1 ? 1000 : units === 3 ? 0.001 : 1;
        const apart = gridDistance(
          { affine: placementAffine({ ...mended, sformCode: 0 }) },
          { affine: placementAffine(p) },
          SHAPE,
        );
        expect(apart / scale).toBeLessThan(1e-4);
      }),
    );
  });

  test('takes the qform back where the sform is sheared', () => {
    const sheared = [1, 0, 0.3, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const mended = qformFromSform({ ...affinePlacement(sheared), qformCode: 1 });
    expect(mended.qformCode).toBe(0);
    expect(formDistance(mended, SHAPE)).toBeUndefined();
  });
});

describe('patchQform', () => {
  test.each([
    [1, true],
    [1, false],
    [2, true],
    [2, false],
  ] as const)('writes version %i, little-endian %s, and nothing but the qform', async (version, little) => {
    const bytes = buildNifti({
      version,
      little,
      fields: { qform_code: 1, sform_code: 2, quatern: [0.5, 0.5, 0.5] },
    });
    const before = bytes.slice();
    const info = await readNiftiHeader(bytes, 'a.nii');
    const placement: NiftiPlacement = {
      ...info.geometry.nifti,
      pixdim: [-1, 2, 3, 4],
      quatern: [0.25, -0.5, 0.125],
      qoffset: [7, -8, 9.5],
      qformCode: 3,
    };
    patchQform(bytes, info, placement);
    const { geometry } = await readNiftiHeader(bytes, 'a.nii');
    expect(geometry.nifti).toEqual(placement);
    const fields =
      version === 1
        ? [
            [76, 92],
            [252, 254],
            [256, 280],
          ]
        : [
            [104, 136],
            [344, 348],
            [352, 400],
          ];
    const changed = [...bytes.keys()].filter((i) => bytes[i] !== before[i]);
    expect(changed.length).toBeGreaterThan(8);
    expect(changed.filter((i) => !fields.some(([from, to]) => i >= from && i < to))).toEqual([]);
  });
});
