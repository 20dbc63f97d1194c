import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomStreams } from '../../src/geometry/random.ts';
import {
  type Augmentation,
  BalancedCases,
  type DrawnVolume,
  drawStep,
  paperAugmentation,
} from '../../src/training/draw.ts';
import type { Vector } from '../../src/volume/volume.ts';

const none: Augmentation = { scale: 0, translation: 0, gain: 0, shift: 0 };
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const length = (a: Vector) => Math.sqrt(dot(a, a));
const scaled = (a: Vector, factor: number): Vector => [a[0] * factor, a[1] * factor, a[2] * factor];
const unit = (a: Vector) => scaled(a, 1 / length(a));
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
/** The direction that a volume was cut along. */
const normal = ({ slices: [{ u, v }] }: DrawnVolume) => unit(cross(u, v));
const one = (seed = 0) => randomStreams(seed, 1)[0];
const seeds = fc.integer();

/** Labels with both sides in every class. */
const cohorts = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 9 }))
  .chain(([classes, cases]) =>
    fc.array(fc.array(fc.constantFrom(0, 1), { minLength: classes, maxLength: classes }), {
      minLength: cases,
      maxLength: cases,
    }),
  )
  .filter((labels) =>
    labels[0].every((_, k) => labels.some((row) => row[k] === 0) && labels.some((row) => row[k] === 1)),
  );

describe('which cases', () => {
  test('two volumes are always one negative and one positive', () => {
    fc.assert(
      fc.property(cohorts, seeds, (labels, seed) => {
        const cases = new BalancedCases(labels);
        const random = one(seed);
        for (let i = 0; i < 10; i++) {
          const [negative, positive, ...more] = cases.draw(2, random);
          expect(more).toEqual([]);
          // Of one class at least.
          expect(labels[negative].some((label, k) => label === 0 && labels[positive][k] === 1)).toBe(true);
        }
      }),
    );
  });

  test('any number: as many, in balanced pairs, and of one class as many of both sides but for one', () => {
    fc.assert(
      fc.property(cohorts, seeds, fc.integer({ min: 1, max: 21 }), (labels, seed, count) => {
        const drawn = new BalancedCases(labels).draw(count, one(seed));
        expect(drawn).toHaveLength(count);
        for (const index of drawn) expect(labels[index]).toBeDefined();
        if (labels[0].length === 1) {
          const positives = drawn.filter((index) => labels[index][0] === 1).length;
          expect(Math.abs(positives - count / 2)).toBeLessThanOrEqual(0.5);
        }
        for (let i = 0; i + 1 < count; i += 2) {
          expect(labels[drawn[i]].some((label, k) => label === 0 && labels[drawn[i + 1]][k] === 1)).toBe(
            true,
          );
        }
      }),
    );
  });

  test('each side’s cases as often as one another, with replacement', () => {
    const labels = [[1], [0], [0], [0], [1]];
    const cases = new BalancedCases(labels);
    const random = one(3);
    const counts = Array<number>(5).fill(0);
    let twice = 0;
    for (let i = 0; i < 3000; i++) {
      const drawn = cases.draw(4, random);
      for (const index of drawn) counts[index]++;
      twice += Number(drawn[0] === drawn[2]);
    }
    for (const [index, [label]] of labels.entries()) {
      const expected = 6000 / (label === 1 ? 2 : 3);
      expect(Math.abs(counts[index] - expected)).toBeLessThan(4 * Math.sqrt(expected));
    }
    expect(Math.abs(twice - 1000)).toBeLessThan(4 * Math.sqrt(1000));
  });

  test('the one that is left over is of either side as often', () => {
    const cases = new BalancedCases([[0], [1]]);
    const random = one(4);
    let positives = 0;
    for (let i = 0; i < 4000; i++) positives += cases.draw(3, random)[2];
    expect(Math.abs(positives - 2000)).toBeLessThan(4 * Math.sqrt(1000));
  });

  test('every class has its turn as often, however rare it is', () => {
    // Class 0 is in one case of ten, class 1 in another one, class 2 in all the rest.
    const labels = Array.from({ length: 10 }, (_, i) => [Number(i === 0), Number(i === 1), Number(i > 1)]);
    const cases = new BalancedCases(labels);
    const random = one(5);
    const positives = Array<number>(10).fill(0);
    for (let i = 0; i < 6000; i++) positives[cases.draw(2, random)[1]]++;
    expect(Math.abs(positives[0] - 2000)).toBeLessThan(4 * Math.sqrt(2000));
    expect(Math.abs(positives[1] - 2000)).toBeLessThan(4 * Math.sqrt(2000));
    expect(positives.slice(2).every((times) => times > 150 && times < 350)).toBe(true);
  });

  test.each([
    ['no negative', [[1], [1]]],
    ['no positive', [[0], [0], [0]]],
    [
      'one class without',
      [
        [1, 0],
        [0, 0],
      ],
    ],
    ['one case', [[1]]],
  ])('%s is refused', (_, labels) => {
    expect(() => new BalancedCases(labels)).toThrow(
      new RangeError('Every class needs a positive and a negative case.'),
    );
  });
});

describe('how slices lie', () => {
  const cases = new BalancedCases([[0], [1]]);
  const settings = fc.record({
    volumes: fc.integer({ min: 1, max: 5 }),
    slices: fc.integer({ min: 2, max: 12 }),
    augmentation: fc.record({
      scale: fc.double({ min: 0, max: 0.9, noNaN: true }),
      translation: fc.double({ min: 0, max: 1, noNaN: true }),
      gain: fc.double({ min: 0, max: 1, noNaN: true }),
      shift: fc.double({ min: 0, max: 2, noNaN: true }),
    }),
  });

  test('the paper’s augmentation (A.6)', () => {
    expect(paperAugmentation).toEqual({ scale: 0.3, translation: 0.3, gain: 0.3, shift: 0.3 });
  });

  test('parallel, from −1 to 1 in equal steps, u ⊥ v, everything within its bounds', () => {
    fc.assert(
      fc.property(settings, seeds, (draw, seed) => {
        const drawn = drawStep(cases, draw, one(seed));
        expect(drawn).toHaveLength(draw.volumes);
        const { scale, translation, gain, shift } = draw.augmentation;
        for (const volume of drawn) {
          const n = normal(volume);
          expect(volume.slices).toHaveLength(draw.slices);
          for (const [m, slice] of volume.slices.entries()) {
            const [u, v] = [unit(slice.u), unit(slice.v)];
            expect(dot(u, v)).toBeCloseTo(0, 9);
            expect(dot(u, n)).toBeCloseTo(0, 9);
            expect(dot(v, n)).toBeCloseTo(0, 9);
            expect(dot(slice.origin, n)).toBeCloseTo((2 * m) / (draw.slices - 1) - 1, 9);
            const within = (value: number, half: number) =>
              expect(Math.abs(value)).toBeLessThanOrEqual(half + 1e-9);
            within(length(slice.u) - 1, scale);
            within(length(slice.v) - 1, scale);
            within(dot(slice.origin, u), translation);
            within(dot(slice.origin, v), translation);
            within(slice.gain - 1, gain);
            within(slice.shift, shift);
          }
        }
      }),
    );
  });

  test('without augmentation: orthonormal frames through the middle, values as they are', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        for (const volume of drawStep(cases, { volumes: 2, slices: 5, augmentation: none }, one(seed))) {
          const n = normal(volume);
          for (const [m, { origin, u, v, gain, shift }] of volume.slices.entries()) {
            expect(length(u)).toBeCloseTo(1, 12);
            expect(length(v)).toBeCloseTo(1, 12);
            for (const axis of [0, 1, 2]) expect(origin[axis]).toBeCloseTo((m / 2 - 1) * n[axis], 12);
            expect([gain, shift]).toEqual([1, 0]);
          }
        }
      }),
    );
  });

  test('the same stream is the same draw, another one is not', () => {
    const draw = { volumes: 3, slices: 4, augmentation: paperAugmentation };
    fc.assert(
      fc.property(seeds, (seed) => {
        const [first, second] = randomStreams(seed, 2);
        const drawn = drawStep(cases, draw, first);
        expect(drawStep(cases, draw, one(seed))).toEqual(drawn);
        expect(drawStep(cases, draw, second)).not.toEqual(drawn);
      }),
      { numRuns: 20 },
    );
  });

  test('turning one augmentation off leaves the others as they were', () => {
    const draw = { volumes: 2, slices: 3 };
    const all = drawStep(cases, { ...draw, augmentation: paperAugmentation }, one(8));
    for (const off of ['scale', 'translation', 'gain', 'shift'] as const) {
      const some = drawStep(cases, { ...draw, augmentation: { ...paperAugmentation, [off]: 0 } }, one(8));
      for (const [i, { index, slices }] of some.entries()) {
        expect(index).toBe(all[i].index);
        for (const [m, slice] of slices.entries()) {
          const before = all[i].slices[m];
          if (off !== 'gain') expect(slice.gain).toBe(before.gain);
          if (off !== 'shift') expect(slice.shift).toBe(before.shift);
          if (off !== 'scale') expect([slice.u, slice.v]).toEqual([before.u, before.v]);
          if (off !== 'translation') expect(slice.origin).toEqual(before.origin);
        }
      }
    }
  });
});

describe('how they are distributed', () => {
  const cases = new BalancedCases([[0], [1]]);
  const count = 15_000;
  const [random] = randomStreams(21, 1);
  const draws = Array.from({ length: count / 2 }, () =>
    drawStep(cases, { volumes: 2, slices: 2, augmentation: paperAugmentation }, random),
  ).flat();
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  /** Standard errors of a mean allowed: with fixed streams it is one number that is tested, not chance. */
  const ERRORS = 4;

  function expectUniform(values: readonly number[], centre: number, half: number) {
    const variance = half ** 2 / 3;
    expect(Math.abs(mean(values) - centre)).toBeLessThan(ERRORS * Math.sqrt(variance / values.length));
    const spread = mean(values.map((value) => (value - centre) ** 2));
    // The variance of the square of a uniform variable is 4/45 of its half-width to the fourth.
    expect(Math.abs(spread - variance)).toBeLessThan(ERRORS * half ** 2 * Math.sqrt(4 / 45 / values.length));
    expect(Math.max(...values.map((value) => Math.abs(value - centre)))).toBeGreaterThan(0.99 * half);
  }

  test('directions: uniform on the sphere', () => {
    const normals = draws.map(normal);
    for (const a of [0, 1, 2] as const) {
      expect(Math.abs(mean(normals.map((n) => n[a])))).toBeLessThan(ERRORS * Math.sqrt(1 / 3 / count));
      expect(Math.abs(mean(normals.map((n) => n[a] ** 4)) - 1 / 5)).toBeLessThan(0.01);
      for (const b of [0, 1, 2] as const) {
        const moment = mean(normals.map((n) => n[a] * n[b]));
        expect(Math.abs(moment - (a === b ? 1 / 3 : 0))).toBeLessThan(0.01);
      }
    }
  });

  test('each slice is turned by itself, uniformly about its normal', () => {
    // u is uniform on the sphere as well, and of one slice independent of that of the next but for n.
    const us = draws.map(({ slices: [{ u }] }) => unit(u));
    for (const a of [0, 1, 2] as const) {
      expect(Math.abs(mean(us.map((u) => u[a])))).toBeLessThan(ERRORS * Math.sqrt(1 / 3 / count));
      expect(Math.abs(mean(us.map((u) => u[a] ** 2)) - 1 / 3)).toBeLessThan(0.01);
    }
    const turns = draws.map(({ slices: [first, second] }) => dot(unit(first.u), unit(second.u)));
    expect(Math.abs(mean(turns))).toBeLessThan(ERRORS * Math.sqrt(1 / 2 / count));
    expect(Math.abs(mean(turns.map((c) => c * c)) - 1 / 2)).toBeLessThan(0.01);
  });

  test('lengths, translations, gains and shifts: uniform, and independent of one another', () => {
    const slices = draws.flatMap((volume) => volume.slices);
    const parts = [
      slices.map(({ u }) => length(u) - 1),
      slices.map(({ v }) => length(v) - 1),
      slices.map(({ origin, u }) => dot(origin, unit(u))),
      slices.map(({ origin, v }) => dot(origin, unit(v))),
      slices.map(({ gain }) => gain - 1),
      slices.map(({ shift }) => shift),
    ];
    for (const values of parts) expectUniform(values, 0, 0.3);
    for (const [i, a] of parts.entries()) {
      for (const b of parts.slice(0, i)) {
        const product = mean(a.map((value, k) => value * b[k]));
        expect(Math.abs(product)).toBeLessThan((ERRORS * 0.03) / Math.sqrt(slices.length));
      }
    }
  });
});
