import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { squaredDistances } from '../../src/volume/distance.ts';
import { closeBall, openBall } from '../../src/volume/morphology.ts';
import type { Shape, Vector } from '../../src/volume/volume.ts';

interface Golden {
  shape: Shape;
  spacing: Vector;
  radius: number;
  mask: string;
  closed: string;
  opened: string;
  distanceSum: number;
  distances: number[];
}

/** Made by scripts/fixtures/morphology.py with SciPy. */
const golden: Golden[] = JSON.parse(
  readFileSync(new URL('../fixtures/volume/morphology.json', import.meta.url), 'utf8'),
);

function unpacked(text: string, [depth, height, width]: Shape): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  return Uint8Array.from({ length: depth * height * width }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
}

const spacings = fc.tuple(
  ...[0, 1, 2].map(() => fc.double({ min: 0.3, max: 4, noNaN: true })),
) as unknown as fc.Arbitrary<Vector>;

/** A mask, mostly of blocks, so that openings leave something. */
const masks = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 9 }))
  .chain((shape) => {
    const count = shape[0] * shape[1] * shape[2];
    const place = fc.integer({ min: 0, max: count - 1 });
    return fc.record({
      shape: fc.constant(shape as Shape),
      spots: fc.array(place, { maxLength: 6 }),
      blocks: fc.array(fc.tuple(place, place), { maxLength: 2 }),
    });
  })
  .map(({ shape, spots, blocks }) => {
    const [, height, width] = shape;
    const index = (i: number) => [
      Math.floor(i / (height * width)),
      Math.floor(i / width) % height,
      i % width,
    ];
    const mask = Uint8Array.from({ length: shape[0] * height * width }, (_, i) => {
      const within = blocks.some(([a, b]) =>
        index(i).every(
          (v, axis) =>
            v >= Math.min(index(a)[axis], index(b)[axis]) && v <= Math.max(index(a)[axis], index(b)[axis]),
        ),
      );
      return within || spots.includes(i) ? 1 : 0;
    });
    return { shape, mask };
  });
const radii = fc.double({ min: 0, max: 6, noNaN: true });

describe('squaredDistances', () => {
  for (const { shape, spacing, mask, distances, distanceSum } of golden) {
    it(`are SciPy’s for ${shape.join(' × ')} voxels of ${spacing.join(' × ')}`, () => {
      const found = squaredDistances(unpacked(mask, shape), shape, spacing).map(Math.sqrt);
      expect(found.reduce((sum, value) => sum + value)).toBeCloseTo(distanceSum, 6);
      for (const [i, value] of distances.entries()) expect(found[37 * i]).toBeCloseTo(value, 8);
    });
  }

  it('are the smallest over all voxels of the mask, or of the background', () => {
    fc.assert(
      fc.property(masks, spacings, ({ shape, mask }, spacing) => {
        const [, height, width] = shape;
        const at = (i: number) => [
          Math.floor(i / (height * width)),
          Math.floor(i / width) % height,
          i % width,
        ];
        for (const of of ['mask', 'background'] as const) {
          const found = squaredDistances(mask, shape, spacing, of);
          const chosen = [...mask.keys()].filter((i) => (mask[i] === 1) === (of === 'mask'));
          for (let i = 0; i < mask.length; i += 5) {
            const squares = chosen.map((j) =>
              at(i).reduce((sum, v, axis) => sum + ((v - at(j)[axis]) * spacing[axis]) ** 2, 0),
            );
            const least = Math.min(...squares);
            if (least === Number.POSITIVE_INFINITY) expect(found[i]).toBe(least);
            else expect(found[i]).toBeCloseTo(least, 9);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a mask of another length', () => {
    expect(() => squaredDistances(new Uint8Array(5), [1, 2, 3])).toThrow(
      'A mask of 1×2×3 has 6 voxels, not 5.',
    );
  });
});

describe('closing and opening with a ball', () => {
  for (const { shape, spacing, radius, ...masks } of golden) {
    it(`are SciPy’s for a radius of ${radius} in voxels of ${spacing.join(' × ')}`, () => {
      const mask = unpacked(masks.mask, shape);
      expect([...closeBall(mask, shape, radius, spacing)]).toEqual([...unpacked(masks.closed, shape)]);
      expect([...openBall(mask, shape, radius, spacing)]).toEqual([...unpacked(masks.opened, shape)]);
    });
  }

  it('the one holds the mask and the other is held by it, and both are done with after once', () => {
    fc.assert(
      fc.property(masks, radii, spacings, ({ shape, mask }, radius, spacing) => {
        const closed = closeBall(mask, shape, radius, spacing);
        const opened = openBall(mask, shape, radius, spacing);
        for (const [i, value] of mask.entries()) {
          expect(closed[i]).toBeGreaterThanOrEqual(value);
          expect(opened[i]).toBeLessThanOrEqual(value);
        }
        expect(closeBall(closed, shape, radius, spacing)).toEqual(closed);
        expect(openBall(opened, shape, radius, spacing)).toEqual(opened);
      }),
      { numRuns: 150 },
    );
  });

  it('give more for more', () => {
    fc.assert(
      fc.property(masks, fc.nat(), radii, spacings, ({ shape, mask }, seed, radius, spacing) => {
        const less = mask.map((value, i) => (Math.sin(seed + 7 * i) > 0.3 ? 0 : value));
        for (const change of [closeBall, openBall]) {
          const of = change(less, shape, radius, spacing);
          const whole = change(mask, shape, radius, spacing);
          expect(of.every((value, i) => value <= whole[i])).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('do the same wherever the mask lies, at the border too', () => {
    fc.assert(
      fc.property(masks, radii, spacings, ({ shape, mask }, radius, spacing) => {
        const wide = shape.map((length) => length + 8) as unknown as Shape;
        const inside = (i: number) => {
          const [h, w] = [shape[1], shape[2]];
          const [d, r, c] = [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w];
          return ((d + 4) * wide[1] + r + 4) * wide[2] + c + 4;
        };
        const padded = new Uint8Array(wide[0] * wide[1] * wide[2]);
        for (const [i, value] of mask.entries()) padded[inside(i)] = value;
        for (const change of [closeBall, openBall]) {
          const there = change(padded, wide, radius, spacing);
          const here = change(mask, shape, radius, spacing);
          expect(here.every((value, i) => value === there[inside(i)])).toBe(true);
          expect(here.reduce((a, b) => a + b, 0)).toBe(there.reduce((a, b) => a + b, 0));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('measure in the unit of the spacing: a ball of millimetres does not reach the next thick slice', () => {
    // Two full slices with an empty one between them.
    const shape: Shape = [3, 5, 5];
    const mask = Uint8Array.from({ length: 75 }, (_, i) => (i >= 25 && i < 50 ? 0 : 1));
    const middle = 37;
    expect(closeBall(mask, shape, 2)[middle]).toBe(1);
    expect(closeBall(mask, shape, 2, [0.5, 0.5, 0.5])[middle]).toBe(1);
    expect(closeBall(mask, shape, 2, [8, 1, 1])).toEqual(mask);
    expect(closeBall(mask, shape, 0)).toEqual(mask);
    // Each is a plate without its neighbour: no ball that reaches another slice is within it.
    expect(openBall(mask, shape, 2, [8, 1, 1])[12]).toBe(1);
    expect(openBall(mask, shape, 2)[12]).toBe(0);
  });

  it('take any value but 0 for the mask and give 0 and 1', () => {
    const mask = Uint8Array.from({ length: 9 }, (_, i) => (i === 4 ? 0 : 200 + i));
    expect([...closeBall(mask, [1, 3, 3], 1.5)]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect([...openBall(mask, [1, 3, 3], 0)]).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1]);
    expect([...openBall(new Uint8Array(4), [1, 1, 4], 1)]).toEqual([0, 0, 0, 0]);
  });

  it('refuse what is no ball, no voxel and no mask of the shape', () => {
    const mask = new Uint8Array(6);
    expect(() => closeBall(mask, [1, 2, 3], -1)).toThrow('There is no ball of radius -1.');
    expect(() => openBall(mask, [1, 2, 3], Number.NaN)).toThrow('There is no ball of radius NaN.');
    expect(() => closeBall(mask, [1, 2, 3], 1, [1, 0, 1])).toThrow('A voxel has no sides of 1 × 0 × 1.');
    expect(() => openBall(mask, [1, 2, 4], 1)).toThrow('A mask of 1×2×4 has 8 voxels, not 6.');
  });
});
