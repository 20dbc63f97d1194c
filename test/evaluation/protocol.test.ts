import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TonnoError, UsageError } from '../../src/errors.ts';
import type { CaseData, Evaluation, EvaluationCase } from '../../src/evaluation/evaluation.ts';
import { evaluate, thresholdsOf } from '../../src/evaluation/protocol.ts';
import { randomStreams } from '../../src/geometry/random.ts';
import type { Shape, Vector } from '../../src/volume/volume.ts';
import { AXIS_ORDERS } from '../support/axes.ts';
import { goldenCases, goldenPlans, rowCase } from './support.ts';

const shape: Shape = [3, 4, 5];

/** Twelve cases of whole-number noise with a lesion or two, different for each seed. */
function noisyCases(seed: number, truth: 'mask' | 'box' | 'none' = 'mask'): EvaluationCase[] {
  return randomStreams(seed, 12).map((random, i): EvaluationCase => {
    const label = i % 2 === 0 ? 1 : 0;
    const mask = new Uint8Array(60);
    for (let n = 0; n < 6 * label; n++) mask[random.below(60)] = 1;
    const heatmap = Float32Array.from(mask, (m) => random.below(6) + 3 * m + random.below(2));
    const from: Vector = [random.below(2), random.below(3), random.below(3)];
    const box = { from, to: [from[0] + 1, from[1] + 1, from[2] + 2] as const };
    return {
      name: `case-${i}`,
      patient: `patient-${i}`,
      label,
      load: async () => ({
        heatmap,
        shape,
        spacing: [3, 1, 2],
        ...(truth === 'mask' && { mask }),
        ...(truth === 'box' && label === 1 && { box }),
      }),
    };
  });
}

const few = { folds: 4, resamples: 50 };

/** With what a test does to the data. */
function changed(cases: readonly EvaluationCase[], change: (data: CaseData) => CaseData): EvaluationCase[] {
  return cases.map((one) => ({ ...one, load: async () => change(await one.load()) }));
}

/** Everything that is a number, in place: equal but for rounding, which leaves next to nothing where terms cancel. */
function expectSameNumbers(actual: Evaluation, expected: Evaluation): void {
  const rounded = (evaluation: Evaluation) =>
    JSON.parse(
      JSON.stringify(evaluation, (_, value) =>
        typeof value === 'number' ? (Math.abs(value) < 1e-12 ? 0 : Number(value.toPrecision(9))) : value,
      ),
    );
  expect(rounded(actual)).toEqual(rounded(expected));
}

/** Where each voxel of the new grid comes from. */
function rearranged(
  data: CaseData,
  axes: readonly [number, number, number],
  flips: readonly boolean[],
): CaseData {
  const next = axes.map((axis) => data.shape[axis]) as unknown as Shape;
  const source: number[] = [];
  for (let a = 0; a < next[0]; a++) {
    for (let b = 0; b < next[1]; b++) {
      for (let c = 0; c < next[2]; c++) {
        const at = [0, 0, 0];
        [a, b, c].forEach((i, axis) => {
          at[axes[axis]] = flips[axis] ? next[axis] - 1 - i : i;
        });
        source.push((at[0] * data.shape[1] + at[1]) * data.shape[2] + at[2]);
      }
    }
  }
  const { mask, box } = data;
  const turned = (corner: 'from' | 'to') =>
    axes.map((axis, i) => {
      if (!box) return 0;
      if (!flips[i]) return box[corner][axis];
      return next[i] - box[corner === 'from' ? 'to' : 'from'][axis];
    }) as unknown as Vector;
  return {
    heatmap: Float32Array.from(source, (i) => data.heatmap[i]),
    shape: next,
    spacing: axes.map((axis) => data.spacing[axis]) as unknown as Vector,
    ...(mask && { mask: Uint8Array.from(source, (i) => mask[i]) }),
    ...(box && { box: { from: turned('from'), to: turned('to') } }),
  };
}

describe('an evaluation does not depend on', () => {
  it('how the axes are ordered and turned', async () => {
    const flips = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean());
    const kinds = fc.constantFrom('mask' as const, 'box' as const);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.constantFrom(...AXIS_ORDERS),
        flips,
        kinds,
        async (seed, axes, own, kind) => {
          const cases = noisyCases(seed, kind);
          const turned = changed(cases, (data) => rearranged(data, axes, own));
          expectSameNumbers(await evaluate(turned, few), await evaluate(cases, few));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('the values that mark the lesions', async () => {
    const cases = noisyCases(3);
    const marked = changed(cases, (data) => ({
      ...data,
      mask: data.mask?.map((m, i) => (m ? 1 + (i % 200) : 0)),
    }));
    expect(await evaluate(marked, few)).toEqual(await evaluate(cases, few));
  });

  it('the order in which the cases come', async () => {
    const cases = noisyCases(4);
    const [a, b] = [await evaluate(cases, few), await evaluate(cases.toReversed(), few)];
    expect(b.folds).toEqual(a.folds);
    expect(b.cases).toEqual(a.cases.toReversed());
  });

  it('when it is done: the same seed gives the same, another seed other folds', async () => {
    const cases = noisyCases(5);
    const first = await evaluate(cases, few);
    expect(await evaluate(cases, few)).toEqual(first);
    expect((await evaluate(cases, { ...few, seed: 1 })).folds).not.toEqual(first.folds);
  });

  it('negative cases’ empty masks being there or not', async () => {
    const cases = noisyCases(6);
    const without = cases.map((one) =>
      one.label === 1 ? one : { ...one, load: async () => ({ ...(await one.load()), mask: undefined }) },
    );
    const [a, b] = [await evaluate(without, few), await evaluate(cases, few)];
    expect(a.summary).toEqual(b.summary);
    expect(a.cases[1].trueVolume).toBeUndefined();
    expect(b.cases[1].trueVolume).toBe(0);
  });
});

describe('what comes of an evaluation', () => {
  it('fits together', async () => {
    for (const seed of [1, 2, 3]) {
      const { summary, folds, cases, settings, froc } = await evaluate(noisyCases(seed));
      expect(settings).toEqual({
        folds: 10,
        seed: 0,
        sensitivityWeight: 5,
        masks: 5,
        grid: 20,
        share: 0.5,
        connectivity: 26,
        iou: 1 / 8,
        resamples: 2000,
      });
      expect(folds).toHaveLength(10);
      for (const fold of folds) {
        expect([...fold.fit, ...fold.measure].sort()).toEqual(cases.map((one) => one.name).sort());
        expect(fold.low).toBeLessThan(fold.high);
        const { sensitivity = 0, specificity = 0 } = fold.metrics;
        expect(fold.metrics.balancedAccuracy).toBeCloseTo((sensitivity + specificity) / 2, 14);
      }
      for (const [name, { mean, deviation, interval }] of Object.entries(summary)) {
        const own = folds.flatMap((fold) => fold.metrics[name as 'f1'] ?? []);
        const average = own.reduce((a, b) => a + b) / own.length;
        expect(mean).toBeCloseTo(average, 14);
        const squares = own.reduce((sum, value) => sum + (value - average) ** 2, 0);
        expect(deviation).toBeCloseTo(own.length > 1 ? Math.sqrt(squares / (own.length - 1)) : 0, 14);
        if (!['froc', 'volumeAgreement'].includes(name))
          expect(interval?.[0]).toBeLessThanOrEqual(interval?.[1] ?? 0);
      }
      for (const one of cases) {
        const measuring = folds.filter((fold) => fold.measure.includes(one.name));
        expect(one.folds).toBe(measuring.length);
        const called = measuring.filter((fold) => one.maximum > fold.high).length;
        expect(one.calledPositive).toBe(measuring.length === 0 ? 0 : called / measuring.length);
        if (one.label === 0) expect(one.metrics).toEqual({});
        const [first] = measuring;
        expect(thresholdsOf({ folds } as Evaluation, one.name)).toEqual(
          first && { low: first.low, high: first.high },
        );
      }
      expect(froc?.sensitivity).toHaveLength(froc?.falsePositives.length ?? 0);
      expect(froc?.sensitivity).toEqual(froc?.sensitivity.toSorted((a, b) => a - b));
    }
  });

  it('gives volumes in mm³ of voxels that are not cubes', async () => {
    const { cases } = await evaluate(noisyCases(1), few);
    const { mask } = await noisyCases(1)[0].load();
    expect(cases[0].trueVolume).toBe(6 * (mask ?? new Uint8Array()).reduce((a, b) => a + b, 0));
  });

  it('agrees in volume only when predictions do', async () => {
    const cases = [2, 3, 4, 5].flatMap((size, i) => {
      const values = Array.from({ length: 12 }, (_, w) => (w < size ? 10 : 0));
      const mask = (length: number) => values.map((_, w) => (w < length ? 1 : 0));
      return [
        rowCase(`exact-${i}`, 1, values, mask(size)),
        rowCase(`twice-${i}`, 1, values, mask(2 * size)),
        rowCase(
          `none-${i}`,
          0,
          values.map(() => 1),
        ),
      ];
    });
    const indices = (kind: string) => cases.flatMap((one, i) => (one.name.startsWith(kind) ? [i] : []));
    const fold = (measured: string, other: string) => ({
      fit: [...indices(other), 2],
      measure: [...indices(measured), 5],
      masks: indices(other),
    });
    const { folds } = await evaluate(cases, {}, { folds: [fold('exact', 'twice'), fold('twice', 'exact')] });
    expect(folds[0].metrics).toMatchObject({
      precision: 1,
      recall: 1,
      f1: 1,
      dice: 1,
      froc: 1,
      volumeAgreement: 1,
    });
    // Pairs (2n, n) of n = 2…5: s_xy = 2·1.25, s_x² = 4·1.25, s_y² = 1.25, means 3.5 apart.
    expect(folds[1].metrics.volumeAgreement).toBeCloseTo(5 / (6.25 + 12.25), 14);
    expect(folds[1].metrics.dice).toBeCloseTo(2 / 3, 14);
  });

  it('compares volumes in mm³, not in voxels', async () => {
    // Three voxels in each of three cases, of 1, 2 and 3 mm³; half of them predicted too much.
    const cases = [1, 2, 3].map((size) =>
      rowCase(`lesion-${size}`, 1, [9, 9, 9, 0, 0], [1, 1, 0, 0, 0], { spacing: [size, 1, 1] }),
    );
    const fit = [rowCase('fit-0', 0, [1, 0, 0]), rowCase('fit-1', 1, [3, 0, 0], [1, 0, 0])];
    const { folds } = await evaluate(
      [...cases, ...fit],
      {},
      { folds: [{ fit: [3, 4], measure: [0, 1, 2], masks: [4] }] },
    );
    // Pairs (2s, 3s): s_xy = 6·2/3, s_x² = 4·2/3, s_y² = 9·2/3, means 2 apart; in voxels there would be no spread.
    expect(folds[0].metrics.volumeAgreement).toBeCloseTo(8 / (26 / 3 + 4), 14);
  });

  it('counts the false positives of negatives in FROC, but no volume whose lesions are unknown', async () => {
    // The lesion scores 5 behind the negative's 9: found from one false positive in two volumes on, five rates of seven.
    const cases = [
      rowCase('fit-0', 0, [1, 0, 0]),
      rowCase('fit-1', 1, [3, 0, 0], [1, 0, 0]),
      rowCase('measured-0', 0, [9, 0, 0]),
      rowCase('measured-1', 1, [5, 0, 0], [1, 0, 0]),
      rowCase('unknown', 1, [20, 0, 20]),
    ];
    const plan = { fit: [0, 1], measure: [2, 3, 4], masks: [1] };
    const { folds } = await evaluate(cases, {}, { folds: [plan] });
    expect(folds[0].metrics.froc).toBeCloseTo(5 / 7, 14);
    expect(folds[0].metrics.precision).toBe(1);
  });

  it('calls a maximum that is τ itself negative', async () => {
    // τ is halfway between 1 and 3, and one measured maximum lies on it.
    const cases = [
      rowCase('fit-0', 0, [1, 0]),
      rowCase('fit-1', 1, [3, 0]),
      rowCase('measured-0', 0, [2, 0]),
      rowCase('measured-1', 1, [2, 0]),
      rowCase('measured-2', 1, [2.5, 0]),
    ];
    const { folds } = await evaluate(cases, {}, { folds: [{ fit: [0, 1], measure: [2, 3, 4], masks: [] }] });
    expect(folds[0].high).toBe(2);
    expect(folds[0].metrics).toMatchObject({
      sensitivity: 1 / 2,
      specificity: 1,
      balancedAccuracy: 3 / 4,
      auc: 3 / 4,
    });
  });
});

describe('without any mask', () => {
  it('the low threshold is a share of the high one, and what needs lesions is absent', async () => {
    const { truth, notes, summary, folds, cases, froc } = await evaluate(noisyCases(1, 'none'), {
      ...few,
      share: 0.25,
    });
    expect(truth).toBe('none');
    expect(froc).toBeUndefined();
    expect(Object.keys(summary).sort()).toEqual(['auc', 'balancedAccuracy', 'sensitivity', 'specificity']);
    for (const fold of folds) {
      expect(fold.low).toBe(fold.high / 4);
      expect(fold.tunedOn).toEqual([]);
    }
    expect(cases.every((one) => Object.keys(one.metrics).length === 0)).toBe(true);
    expect(notes[0]).toContain('the low threshold τ′ was not tuned but is 0.25 × τ');
  });

  it('in one half, that fold takes the share and says so', async () => {
    const cases = noisyCases(1).map((one, i) =>
      i < 6 ? { ...one, load: async () => ({ ...(await one.load()), mask: undefined }) } : one,
    );
    const [first, second] = [
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10, 11],
    ];
    const { folds, notes } = await evaluate(cases, few, {
      folds: [
        { fit: first, measure: second, masks: [] },
        { fit: second, measure: first, masks: [6, 8, 10] },
      ],
    });
    expect(folds[0].low).toBe(folds[0].high / 2);
    expect(folds[0].metrics.dice).toBeDefined();
    expect(folds[1].metrics.dice).toBeUndefined();
    expect(folds[1].metrics.froc).toBeUndefined();
    expect(notes).toEqual([
      'In 1 of 2 folds no mask tuned the low threshold τ′; it is 0.5 × τ there.',
      'In 1 of 2 folds fewer than 5 cases with a mask tuned the low threshold τ′.',
      '3 of 6 positive cases have no mask: precision, recall, F1-score and overlap are those of the others.',
    ]);
  });
});

describe('with bounding boxes', () => {
  it('the low threshold makes the best overlap of boxes largest, and MaxIoU takes the place of Dice', async () => {
    // Above 0 and 1 the box is too long, above 2 it is right, above 4 too short; τ is 5 and the grid 0.5, 1.5, 2.5, ….
    const values = [1, 3, 9, 3, 2, 0, 0];
    const box = { from: [0, 0, 1], to: [1, 1, 4] } as const;
    const cases = [
      rowCase('a', 1, values, undefined, { box }),
      rowCase('b', 0, [1, 1, 1, 1, 1, 1, 1]),
      rowCase('c', 1, [3, 9, 9, 0, 6, 0, 0], undefined, { box }),
      rowCase('d', 0, [0, 6, 0, 0, 0, 0, 0]),
    ];
    const {
      folds,
      summary,
      truth,
      cases: results,
      notes,
    } = await evaluate(
      cases,
      { grid: 5 },
      {
        folds: [{ fit: [0, 1], measure: [2, 3], masks: [0] }],
      },
    );
    expect(truth).toBe('boxes');
    expect(folds[0]).toMatchObject({ high: 5, low: 2.5, tunedOn: ['a'] });
    // Boxes [0, 3) and [4, 5) against [1, 4).
    expect(results[2].metrics).toEqual({ precision: 1 / 2, recall: 1, f1: 2 / 3, maxIou: 1 / 2 });
    expect(summary.dice).toBeUndefined();
    expect(summary.volumeAgreement).toBeUndefined();
    expect(summary.maxIou?.mean).toBe(1 / 2);
    expect(notes.some((note) => note.includes('one bounding box a case'))).toBe(true);
  });
});

describe('where the high threshold is not above 0', () => {
  it('the low one lies between the mean and it, and a note says so', async () => {
    const low = changed(noisyCases(2), (data) => ({ ...data, heatmap: data.heatmap.map((v) => v - 20) }));
    const { folds, notes, summary } = await evaluate(low, few);
    for (const fold of folds) {
      expect(fold.high).toBeLessThan(0);
      expect(fold.low).toBeLessThan(fold.high);
      expect(fold.low).toBeGreaterThan(-20);
    }
    expect(summary.dice?.mean).toBeGreaterThan(0);
    expect(notes.some((note) => note.startsWith('In 4 of 4 folds the high threshold τ is not above 0'))).toBe(
      true,
    );
  });
});

describe('patients', () => {
  it('with several cases are never on both sides of a fold', async () => {
    const cases = noisyCases(7).map((one, i) => ({ ...one, patient: `patient-${i >> 1}` }));
    const { folds } = await evaluate(cases, few);
    for (const { fit, measure } of folds) {
      const of = (names: readonly string[]) =>
        names.map((name) => cases.find((one) => one.name === name)?.patient);
      const fitted = new Set(of(fit));
      expect(of(measure).some((patient) => fitted.has(patient))).toBe(false);
    }
  });
});

describe('a case that is not in order is refused before any number, by its name', () => {
  const box = { from: [0, 0, 0], to: [1, 1, 1] } as const;
  it.each<[string, number, (data: CaseData) => CaseData, string]>([
    [
      'NaN',
      3,
      (d) => ({ ...d, heatmap: d.heatmap.with(7, Number.NaN) }),
      'Its heatmap is NaN at voxel 8 of 3360',
    ],
    [
      'infinity',
      3,
      (d) => ({ ...d, heatmap: d.heatmap.with(0, -Infinity) }),
      'Its heatmap is -Infinity at voxel 1',
    ],
    [
      'a shape of another length',
      3,
      (d) => ({ ...d, shape: [3, 3, 3] }),
      'Its heatmap has 3360 values, not 3 × 3 × 3.',
    ],
    [
      'a shorter mask',
      3,
      (d) => ({ ...d, mask: new Uint8Array(3) }),
      'Its mask has 3 voxels, its heatmap 16 × 14 × 15.',
    ],
    [
      'an empty mask',
      3,
      (d) => ({ ...d, mask: new Uint8Array(3360) }),
      'It is labelled positive but its mask is empty.',
    ],
    [
      'a lesion in a negative',
      2,
      (d) => ({ ...d, mask: d.mask?.with(5, 1) }),
      'It is labelled negative but its mask is not empty.',
    ],
    ['a box in a negative', 2, (d) => ({ ...d, box }), 'It is labelled negative but has a bounding box.'],
    [
      'a box outside',
      3,
      (d) => ({ ...d, box: { ...box, to: [17, 1, 1] } }),
      'Its bounding box from (0, 0, 0) to before (17, 1, 1)',
    ],
    [
      'an empty box',
      3,
      (d) => ({ ...d, box: { ...box, to: [0, 1, 1] } }),
      'is empty or not within 16 × 14 × 15 voxels',
    ],
    ['a box among masks', 3, (d) => ({ ...d, mask: undefined, box }), 'It has a bounding box but no mask'],
    ['no spacing', 3, (d) => ({ ...d, spacing: [1, 0, 1] }), 'Its voxels are 1 × 0 × 1 mm large.'],
  ])('%s', async (_, index, change, problem) => {
    const cases = goldenCases((data, i) => (i === index ? change(data) : data));
    const stages = new Set<string>();
    const refused = evaluate(cases, {}, { onProgress: ({ stage }) => stages.add(stage) });
    await expect(refused).rejects.toThrow(TonnoError);
    await expect(refused).rejects.toThrow(`case-${index}: `);
    await expect(refused).rejects.toThrow(problem);
    expect([...stages]).toEqual(['checking']);
  });

  it('one that cannot be loaded', async () => {
    const cases = goldenCases((data, i) => {
      if (i === 13) throw new Error('There is no such file.');
      return data;
    });
    await expect(evaluate(cases)).rejects.toThrow('case-13: It cannot be loaded. There is no such file.');
  });

  it('two of one name', async () => {
    const cases = goldenCases().map((one) => ({ ...one, name: 'same' }));
    await expect(evaluate(cases)).rejects.toThrow('same: There are two cases of this name.');
  });

  it('one class alone', async () => {
    const cases = goldenCases().filter((one) => one.label === 1);
    await expect(evaluate(cases)).rejects.toThrow(
      'cross-validation: Of patients with negative cases there are 0',
    );
  });
});

describe('an evaluation', () => {
  it.each([
    ['folds', 0],
    ['seed', 0.5],
    ['sensitivityWeight', 0],
    ['masks', -1],
    ['grid', 2.5],
    ['share', 1],
    ['connectivity', 8],
    ['iou', 1],
    ['resamples', -1],
  ])('refuses %s of %d', async (name, value) => {
    const refused = evaluate(goldenCases(), { [name]: value });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(`evaluation setting ${name}: It must be`);
  });

  it('stops when it is told to, and tells how far it is', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const stopped = evaluate(
      goldenCases(),
      {},
      {
        signal: stop.signal,
        folds: goldenPlans,
        onProgress: ({ stage, done, total }) => {
          seen.push(`${stage} ${done}/${total}`);
          if (stage === 'tuning' && done === 2) stop.abort(new Error('enough'));
        },
      },
    );
    await expect(stopped).rejects.toThrow('enough');
    expect(seen.slice(0, 2)).toEqual(['checking 1/14', 'checking 2/14']);
    expect(seen.at(-1)).toBe('tuning 2/7');
  });

  it('loads one case at a time, each three times at most', async () => {
    let open = 0;
    const loads = new Map<string, number>();
    const cases = goldenCases().map((one) => ({
      ...one,
      load: async () => {
        expect(++open).toBe(1);
        loads.set(one.name, (loads.get(one.name) ?? 0) + 1);
        const data = await one.load();
        open--;
        return data;
      },
    }));
    await evaluate(cases);
    expect(Math.max(...loads.values())).toBeLessThanOrEqual(3);
  });
});
