import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type PlanePlacement,
  places,
  stackPlanes,
  type Vector3,
} from '../../../src/formats/dicom/geometry.ts';

const AXIAL = { rowDirection: [1, 0, 0], columnDirection: [0, 1, 0] } as const;

function plane(position: Vector3, more: Partial<PlanePlacement> = {}): PlanePlacement {
  return {
    label: `at ${position.join(' ')}`,
    size: [4, 5],
    pixelSpacing: [2, 1.5],
    position,
    ...AXIAL,
    ...more,
  };
}

/** Planes one above the other at distances. */
const above = (...heights: readonly number[]) => heights.map((z) => plane([1, 2, z]));

function refusal(planes: readonly PlanePlacement[], options = {}): string {
  try {
    stackPlanes(planes, 'series', options);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It was not refused.');
}

describe('stackPlanes', () => {
  test('puts axial planes in order from the feet to the head', () => {
    const { affine, order } = stackPlanes(above(10, 4, 7), 'series');
    expect(order).toEqual([1, 2, 0]);
    expect(affine).toEqual([-1.5, 0, 0, -1, 0, -2, 0, -2, 0, 0, 3, 4, 0, 0, 0, 1]);
  });

  test('follows the normal, whichever way it points', () => {
    // Rows to the patient's left, columns to the head: the normal points to the front, −y in DICOM, +y in RAS+.
    const coronal = { rowDirection: [1, 0, 0], columnDirection: [0, 0, 1] } as const;
    const { affine, order } = stackPlanes(
      [plane([0, 10, 0], coronal), plane([0, 5, 0], coronal), plane([0, 0, 0], coronal)],
      'series',
    );
    expect(order).toEqual([0, 1, 2]);
    expect(affine).toEqual([-1.5, 0, 0, 0, 0, 0, 5, -10, 0, 2, 0, 0, 0, 0, 0, 1]);
  });

  test('takes the distance from positions, and that of a single plane from what it says', () => {
    expect(
      stackPlanes(above(0, 3), 'series', { depth: { millimetres: 99, attribute: 'x' } }).affine[10],
    ).toBe(3);
    expect(stackPlanes(above(5), 'series', { depth: { millimetres: 2.5, attribute: 'x' } }).affine).toEqual([
      -1.5, 0, 0, -1, 0, -2, 0, -2, 0, 0, 2.5, 5, 0, 0, 0, 1,
    ]);
    expect(refusal(above(5))).toContain('single plane');
    expect(refusal(above(5), { depth: { millimetres: 0, attribute: 'x' } })).toContain('single plane');
  });

  test('refuses a missing plane and says where', () => {
    expect(refusal(above(0, 3, 6, 12, 15))).toContain(
      'A plane is missing: from 6 mm (at 1 2 6) to 12 mm along the normal (at 1 2 12) it is 6 mm, and 3 mm between the others, so that 1 is missing there.',
    );
    expect(refusal(above(0, 3, 12, 15, 18, 24))).toContain(
      '3 planes are missing: from 3 mm (at 1 2 3) to 12 mm along the normal (at 1 2 12) it is 9 mm, and 3 mm between the others, so that 2 are missing there, and more in 1 other places.',
    );
    expect(refusal(above(0, 3, 9))).toContain('A plane is missing');
  });

  test('refuses distances more than 1 % off, and steps that add up', () => {
    expect(refusal(above(0, 3, 6.1, 9))).toContain('unevenly spaced: from 2.9 to 3.1 mm');
    expect(refusal(above(0, 3, 6, 10.4, 13.4))).toContain('unevenly spaced');
    expect(stackPlanes(above(0, 3.02, 6, 9), 'series').affine[10]).toBe(3);
    expect(refusal(above(0, 3.04, 6, 9))).toContain(
      'more than 1 % off the mean of 3 mm, most between at 1 2 0 and at 1 2 3.04',
    );
    // Each distance is within 0.4 %, but half-way up a plane is a fifth of a distance away.
    const drifting = Array.from({ length: 101 }, (_, i) => (i <= 50 ? 3.012 * i : 150.6 + 2.988 * (i - 50)));
    expect(refusal(above(...drifting))).toContain('0.6 mm from where even spacing would have it');
  });

  test('refuses planes at one place and says by what they differ', () => {
    const message = refusal(above(0, 3, 3, 6), { differences: () => ['EchoTime (2.1, 4.6)'] });
    expect(message).toContain(
      '2 of its planes are at the same place (3 mm along the normal): at 1 2 3, at 1 2 3.',
    );
    expect(message).toContain('They differ in EchoTime (2.1, 4.6).');
    expect(refusal(above(0, 0))).toContain('No attribute that usually tells volumes apart differs');
  });

  test('refuses a tilted gantry and gives its angle', () => {
    const lean = Math.tan((15 * Math.PI) / 180);
    const tilted = [0, 3, 6].map((z) => plane([0, z * lean, z]));
    const message = refusal(tilted, { tilt: -15 });
    expect(message).toContain('run at 15.00° to the planes');
    expect(message).toContain('(1.6077 mm aside over 6 mm), as its Gantry/Detector Tilt of -15° says');
    expect(refusal(tilted)).not.toContain('Gantry');
    // 0.05° over 200 mm is 0.17 mm; the affine follows the positions, so that the last voxel is where it was.
    const slight = [0, 100, 200].map((z) => plane([0, z * Math.tan((0.05 * Math.PI) / 180), z]));
    expect(stackPlanes(slight, 'series').affine[6]).toBeCloseTo(-0.0872665, 6);
  });

  test('refuses a plane that is shifted in itself', () => {
    const shifted = above(0, 3, 6, 9);
    shifted[1] = plane([1.5, 2, 3]);
    expect(refusal(shifted)).toContain('at 1.5 2 3 is shifted in its plane by 0.5 mm');
  });

  test.each([
    ['size', { size: [4, 6] as const }, '4 rows × 5 columns in at 0 0 0, 4 rows × 6 columns in at 0 0 3'],
    ['pixel spacing', { pixelSpacing: [2, 1.51] as const }, '2 × 1.5 mm in at 0 0 0, 2 × 1.51 mm'],
    [
      'orientation',
      { rowDirection: [0, 1, 0], columnDirection: [0, 0, 1] } as const,
      '1, 0, 0, 0, 1, 0 in at',
    ],
    ['frame of reference', { frameOfReference: '1.2' }, 'none in at 0 0 0, 1.2 in at 0 0 3'],
  ])('refuses planes that differ in %s', (what, change, words) => {
    const message = refusal([plane([0, 0, 0]), plane([0, 0, 3], change)]);
    expect(message).toContain(`not of one ${what}: `);
    expect(message).toContain(words);
  });

  test('takes directions that differ by rounding, and no more', () => {
    const turned = (angle: number) => ({
      rowDirection: [Math.cos(angle), Math.sin(angle), 0] as const,
      columnDirection: [-Math.sin(angle), Math.cos(angle), 0] as const,
    });
    expect(stackPlanes([plane([0, 0, 0]), plane([0, 0, 3], turned(5e-5))], 'series').affine[10]).toBe(3);
    expect(refusal([plane([0, 0, 0]), plane([0, 0, 3], turned(2e-4))])).toContain('not of one orientation');
  });

  test.each([
    ['not finite', { position: [0, Number.NaN, 0] as const }, 'Image Position'],
    ['without a spacing', { pixelSpacing: [0, 1] as const }, 'Pixel Spacing is 0, 1'],
    ['without a pixel', { size: [0, 5] as const }, '0 rows and 5 columns'],
    ['with long directions', { rowDirection: [1.01, 0, 0] as const }, 'right angle'],
    ['with directions not at a right angle', { rowDirection: [0.8, 0.6, 0] as const }, 'right angle'],
    ['with directions that are no numbers', { rowDirection: [Number.NaN, 0, 0] as const }, 'right angle'],
    ['with one direction twice', { columnDirection: [1, 0, 0] as const }, 'right angle'],
  ])('refuses a plane %s', (_, change, words) => {
    expect(refusal([plane([0, 0, 0]), plane([0, 0, 3], change)])).toContain(words);
  });

  test('in any orientation and order, a voxel is where its plane says', () => {
    const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
    const length = fc.double({ min: 0.2, max: 8, noNaN: true });
    const offset = fc.double({ min: -500, max: 500, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(angle, angle, angle),
        fc.tuple(length, length, length),
        fc.tuple(offset, offset, offset),
        fc
          .integer({ min: 2, max: 12 })
          .chain((count) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count })),
        (angles, [betweenRows, betweenColumns, distance], origin, shuffled) => {
          const [rowDirection, columnDirection, normal] = rotation(...angles);
          const planes = shuffled.map((k) =>
            plane(along(origin, normal, k * distance), {
              rowDirection,
              columnDirection,
              pixelSpacing: [betweenRows, betweenColumns],
            }),
          );
          const { affine, order } = stackPlanes(planes, 'series');
          expect(order.map((i) => shuffled[i])).toEqual([...shuffled].sort((a, b) => a - b));
          for (const [d, h, w] of [
            [0, 0, 0],
            [1, 3, 4],
            [order.length - 1, 3, 0],
          ]) {
            const { position } = planes[order[d]];
            const there = along(
              along(position, columnDirection, h * betweenRows),
              rowDirection,
              w * betweenColumns,
            );
            const world = [-there[0], -there[1], there[2]];
            world.forEach((coordinate, axis) => {
              const [x, y, z, o] = affine.slice(4 * axis, 4 * axis + 4);
              expect(Math.abs(x * w + y * h + z * d + o - coordinate)).toBeLessThan(1e-9);
            });
          }
        },
      ),
    );
  });
});

test('places groups planes that are at one distance', () => {
  expect(places([3, 0, 3.0004, 6])).toEqual([[1], [0, 2], [3]]);
});

function along(from: Vector3, direction: Vector3, distance: number): Vector3 {
  return [
    from[0] + distance * direction[0],
    from[1] + distance * direction[1],
    from[2] + distance * direction[2],
  ];
}

/** Three directions at right angles, right-handed: the columns of a rotation by three angles. */
function rotation(a: number, b: number, c: number): [Vector3, Vector3, Vector3] {
  const [ca, sa, cb, sb, cc, sc] = [a, b, c].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]);
  return [
    [cb * cc, cb * sc, -sb],
    [sa * sb * cc - ca * sc, sa * sb * sc + ca * cc, sa * cb],
    [ca * sb * cc + sa * sc, ca * sb * sc - sa * cc, ca * cb],
  ];
}
