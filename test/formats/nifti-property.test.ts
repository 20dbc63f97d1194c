import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeNifti, encodeNifti } from '../../src/formats/nifti.ts';
import { createVolume } from '../../src/volume/volume.ts';
import { buildNifti, inPieces, TYPES } from './build.ts';

const shape = fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: 6 }))) as fc.Arbitrary<
  [number, number, number]
>;
const exactly = <T>(one: fc.Arbitrary<T>, length: number) =>
  fc.array(one, { minLength: length, maxLength: length });

/** Any value of a type, the extremes among them. */
function anyValue(type: string): fc.Arbitrary<number | bigint> {
  if (type === 'float32') return fc.float({ noNaN: true, noDefaultInfinity: true });
  // Half of float32's range is left for scaling.
  if (type === 'float64') return fc.double({ min: -1e30, max: 1e30, noNaN: true });
  const bits = Number(/\d+/.exec(type)![0]);
  const [min, max] = type.startsWith('u')
    ? [0n, 2n ** BigInt(bits) - 1n]
    : [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n];
  return fc.bigInt({ min, max });
}

describe('decodeNifti', () => {
  test.each(
    Object.keys(TYPES),
  )('%s: gives each voxel scaled in float64 and rounded to float32', async (type) => {
    const file = shape.chain(([x, y, z]) =>
      fc.record({
        lengths: fc.constantFrom([x, y, z], [x, y, z, 2], [x, y, z, 1, 3]),
        pool: exactly(anyValue(type), 6 * 6 * 6 * 3),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        file,
        fc.constantFrom(1 as const, 2 as const),
        fc.boolean(),
        fc.constantFrom(0, 1, -2.5, 0.1, Number.NaN, Number.POSITIVE_INFINITY),
        fc.constantFrom(0, 17.3, -1024),
        fc.integer({ min: 1, max: 2000 }),
        async ({ lengths, pool }, version, little, slope, inter, piece) => {
          const values = pool.slice(
            0,
            lengths.reduce((product, length) => product * length, 1),
          );
          const fields = { scl_slope: slope, scl_inter: inter };
          const bytes = buildNifti({ version, little, lengths, type, values, fields });
          const { volume } = await decodeNifti(inPieces(bytes, piece).source, 'random', {
            int64: 'convert',
            nan: 'zero',
          });

          const stored = version === 1 ? Math.fround : (value: number) => value;
          const expected = values
            .map((value) => (type === 'float32' ? Math.fround(Number(value)) : Number(value)))
            .map((value) =>
              slope !== 0 && Number.isFinite(slope) ? value * stored(slope) + stored(inter) : value,
            )
            .map(Math.fround)
            .map((value) => (Number.isFinite(value) ? value : 0));
          // -0 and 0 are the same voxel.
          expect([...volume.data].map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
          const [x, y, z] = lengths;
          expect(volume.shape).toEqual([z, y, x]);
          expect(volume.channels).toBe(values.length / (x * y * z));
        },
      ),
      { numRuns: 40 },
    );
  });

  test('voxels beyond one block keep their places', async () => {
    const lengths = [70, 60, 50];
    const values = Array.from({ length: 70 * 60 * 50 }, (_, i) => (i * 7) % 30011);
    for (const little of [true, false]) {
      const bytes = buildNifti({ type: 'int16', little, lengths, values });
      const { volume } = await decodeNifti(inPieces(bytes, 9999).source, 'large');
      expect(volume.data.every((value, i) => value === values[i])).toBe(true);
    }
  });

  test('element [c, z, y, x] of the array is voxel (x, y, z, c) of the file', async () => {
    const values: number[] = [];
    for (let c = 0; c < 2; c++) {
      for (let z = 0; z < 3; z++) {
        for (let y = 0; y < 4; y++) {
          for (let x = 0; x < 5; x++) values.push(1000 * c + 100 * z + 10 * y + x);
        }
      }
    }
    const { volume } = await decodeNifti(
      buildNifti({ type: 'int32', lengths: [5, 4, 3, 2], values }),
      'order',
    );
    expect(volume.shape).toEqual([3, 4, 5]);
    expect(volume.data[((1 * 3 + 2) * 4 + 3) * 5 + 4]).toBe(1234);
  });
});

test('what encodeNifti writes, decodeNifti reads', async () => {
  await fc.assert(
    fc.asyncProperty(
      shape,
      fc.integer({ min: 1, max: 3 }),
      exactly(fc.float({ noNaN: true, noDefaultInfinity: true }), 6 * 6 * 6 * 3),
      fc.boolean(),
      async ([d, h, w], channels, pool, gzip) => {
        const data = Float32Array.from(pool.slice(0, channels * d * h * w));
        const volume = createVolume(data, [d, h, w], { channels });
        const bytes = await encodeNifti(volume, { datatype: 'float32', gzip });
        const again = await decodeNifti(bytes, 'again');
        expect(again.volume).toMatchObject({ channels, shape: [d, h, w] });
        expect([...again.volume.data]).toEqual([...data]);
        expect(again.volume.geometry.affine).toEqual(volume.geometry.affine);
      },
    ),
    { numRuns: 60 },
  );
});
