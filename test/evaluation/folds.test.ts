import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapIntervals, quantile } from '../../src/evaluation/bootstrap.ts';
import { drawFolds, type FoldCase } from '../../src/evaluation/folds.ts';
import { randomStreams } from '../../src/geometry/random.ts';

const makeCases = (count: number, perPatient = 1): FoldCase[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `case-${String(i).padStart(3, '0')}`,
    patient: `patient-${Math.floor(i / perPatient)}`,
    label: Math.floor(i / perPatient) % 2 === 0 ? 1 : 0,
    hasTruth: Math.floor(i / perPatient) % 4 === 0,
  }));

describe('folds', () => {
  it('halve the cases, with both classes in both halves', () => {
    for (const count of [4, 7, 14, 31]) {
      const cases = makeCases(count);
      for (const { fit, measure, masks } of drawFolds(cases, randomStreams(3, 10), 5)) {
        expect(fit).toHaveLength(Math.floor(count / 2));
        expect([...fit, ...measure].sort((a, b) => a - b)).toEqual(cases.map((_, i) => i));
        for (const half of [fit, measure]) expect(new Set(half.map((i) => cases[i].label)).size).toBe(2);
        const tuning = fit.filter((i) => cases[i].hasTruth);
        expect(masks).toHaveLength(Math.min(5, tuning.length));
        expect(tuning).toEqual(expect.arrayContaining([...masks]));
      }
    }
  });

  it('never part a patient’s cases', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 8, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.integer(), (own, seed) => {
        const cases: FoldCase[] = own.flatMap((size, p) =>
          Array.from({ length: size }, (_, i) => ({
            name: `${p}-${i}`,
            patient: `${p}`,
            label: p % 2 === 0 ? 1 : (0 as const),
            hasTruth: false,
          })),
        );
        for (const { fit, measure } of drawFolds(cases, randomStreams(seed, 3), 5)) {
          const patients = new Set(fit.map((i) => cases[i].patient));
          expect(measure.some((i) => patients.has(cases[i].patient))).toBe(false);
          // As near to half as whole patients allow at the end of the walk.
          expect(Math.abs(2 * fit.length - cases.length)).toBeLessThanOrEqual(4);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('are the same for the same seed, in whatever order the cases come', () => {
    const cases = makeCases(20);
    const named = (own: FoldCase[], seed: number) =>
      drawFolds(own, randomStreams(seed, 4), 5).map(({ fit, measure, masks }) =>
        [fit, measure, masks].map((list) => list.map((i) => own[i].name)),
      );
    expect(named(cases.toReversed(), 1)).toEqual(named(cases, 1));
    expect(named(cases, 2)).not.toEqual(named(cases, 1));
    const [first, second] = named(cases, 1);
    expect(first).not.toEqual(second);
  });

  it('choose the masks at random', () => {
    const cases = makeCases(60).map((one) => ({ ...one, hasTruth: one.label === 1 }));
    const drawn = new Set(drawFolds(cases, randomStreams(1, 40), 5).flatMap((fold) => fold.masks));
    expect(drawn.size).toBe(30);
  });

  it('say which class is short', () => {
    const cases = makeCases(9);
    const only = (label: 0 | 1, keep: number) =>
      cases.filter((one, i) => one.label !== label || i < 2 * keep);
    expect(() => drawFolds(only(1, 1), randomStreams(0, 1), 5)).toThrow(
      'cross-validation: Of patients with positive cases there are 1; each half of a fold needs one. Add positive cases of other patients.',
    );
    expect(() => drawFolds(only(0, 0), randomStreams(0, 1), 5)).toThrow(
      'patients with negative cases there are 0',
    );
  });

  it('give up when no shuffle serves', () => {
    // A would have to be alone in its half, but B and C are too large to be in one half together.
    const patient = (name: string, labels: readonly (0 | 1)[]): FoldCase[] =>
      labels.map((label, i) => ({ name: `${name}${i}`, patient: name, label, hasTruth: false }));
    const cases = [
      ...patient('A', [1, 0]),
      ...patient('B', Array<1>(10).fill(1)),
      ...patient('C', Array<0>(10).fill(0)),
    ];
    expect(() => drawFolds(cases, randomStreams(0, 1), 5)).toThrow(
      /In none of 1000 shuffles did both halves hold a (positive|negative) case; each half of a fold needs one\./,
    );
  });
});

describe('the bootstrap', () => {
  const patients = Array.from({ length: 40 }, (_, i) => [i]);
  const values = patients.map(([i]) => Math.sin(i * 12.9898) * 3);
  const mean = (cases: readonly number[]) => cases.reduce((sum, i) => sum + values[i], 0) / cases.length;

  it('gives the interval that the standard error of a mean gives', () => {
    const [random] = randomStreams(5, 1);
    const { own } = bootstrapIntervals(patients, { own: mean }, 4000, random);
    const all = patients.flat();
    const centre = mean(all);
    const error = Math.sqrt(all.reduce((sum, i) => sum + (values[i] - centre) ** 2, 0) / 40 / 40);
    expect(own?.[0]).toBeCloseTo(centre - 1.96 * error, 1);
    expect(own?.[1]).toBeCloseTo(centre + 1.96 * error, 1);
  });

  it('draws patients whole', () => {
    const [random] = randomStreams(5, 1);
    const pairs = [
      [0, 1],
      [2, 3],
      [4, 5],
    ];
    const check = (cases: readonly number[]) => {
      expect(cases).toHaveLength(6);
      for (let i = 0; i < 6; i += 2) expect([cases[i] % 2, cases[i + 1]]).toEqual([0, cases[i] + 1]);
      return 1;
    };
    expect(bootstrapIntervals(pairs, { own: check }, 50, random)).toEqual({ own: [1, 1] });
  });

  it('gives nothing for one patient, no draws, or a number that most draws lack', () => {
    const [random] = randomStreams(5, 1);
    expect(bootstrapIntervals([[0, 1]], { own: mean }, 100, random)).toEqual({});
    expect(bootstrapIntervals(patients, { own: mean }, 0, random)).toEqual({});
    expect(bootstrapIntervals(patients, { own: () => undefined }, 100, random)).toEqual({});
  });

  it('has NumPy’s percentiles', () => {
    // numpy.percentile([1, 2, 4, 8], [0, 2.5, 50, 97.5, 100])
    for (const [share, expected] of [
      [0, 1],
      [0.025, 1.075],
      [0.5, 3],
      [0.975, 7.7],
      [1, 8],
    ]) {
      expect(quantile([1, 2, 4, 8], share)).toBeCloseTo(expected, 14);
    }
  });
});
