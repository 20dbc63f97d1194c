/** The split of patients: shares, strata, stability, and lists of one's own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Split } from '../../src/datasets/cohort.ts';
import { drawSplit, listedSplit, parseSplitList, type SplitCase } from '../../src/datasets/split.ts';

const shares = (positive: number, negative = positive) => ({ seed: 0, validation: { positive, negative } });

/** One case for each patient, the first of them positive. */
function patients(positives: number, negatives: number): SplitCase[] {
  return Array.from({ length: positives + negatives }, (_, i) => ({
    name: `case-${i}`,
    patient: `patient-${i}`,
    labels: [i < positives ? 1 : 0],
  }));
}

/** Patients in validation, positives and negatives. */
function counts(cases: readonly SplitCase[], splits: ReadonlyMap<string, Split>): [number, number] {
  const chosen = cases.filter(({ patient }) => splits.get(patient) === 'validation');
  const positives = chosen.filter(({ labels }) => labels.includes(1)).length;
  return [positives, chosen.length - positives];
}

/** Cases of some patients, several of one, some decided (all of a patient alike). */
const anyCases = fc
  .array(
    fc.record({
      patient: fc.string({ maxLength: 3 }),
      labels: fc.array(fc.constantFrom(0, 1), { minLength: 2, maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .chain((cases) => {
    const names = [...new Set(cases.map(({ patient }) => patient))];
    return fc
      .array(fc.constantFrom<Split | undefined>(undefined, undefined, 'train', 'validation'), {
        minLength: names.length,
        maxLength: names.length,
      })
      .map((decided) =>
        cases.map(
          (one, i): SplitCase => ({ ...one, name: `${i}`, split: decided[names.indexOf(one.patient)] }),
        ),
      );
  });
const anyPlan = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  validation: fc.record({
    positive: fc.double({ min: 0, max: 0.9, noNaN: true }),
    negative: fc.double({ min: 0, max: 0.9, noNaN: true }),
  }),
});

describe('drawing', () => {
  it.each([
    // Table 3 of the paper: AutoPET, and the negatives of MosMed.
    ['the paper’s AutoPET', 501, 512, 57 / 501, 55 / 512, [57, 55]],
    ['the paper’s MosMed', 684, 254, 50 / 684, 50 / 254, [50, 50]],
    ['a fifth', 10, 25, 0.2, 0.2, [2, 5]],
    ['halves rounded up', 5, 1, 0.5, 0, [3, 0]],
    ['one at least of two', 2, 9, 0.01, 0.01, [1, 1]],
    ['and one at least for training', 2, 3, 0.99, 0.99, [1, 2]],
    ['a lone patient to where most would go', 1, 1, 0.4, 0.6, [0, 1]],
    ['nobody', 20, 20, 0, 0, [0, 0]],
  ] as const)('takes %s', (_, positives, negatives, positive, negative, expected) => {
    const cases = patients(positives, negatives);
    expect(counts(cases, drawSplit(cases, shares(positive, negative), 'archive'))).toEqual(expected);
  });

  it('depends on who is there and not on the order in which they came', () => {
    fc.assert(
      fc.property(anyCases, anyPlan, fc.array(fc.nat()), (cases, plan, keys) => {
        const shuffled = cases
          .map((one, i) => ({ one, key: keys[i] ?? i }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one);
        const [a, b] = [cases, shuffled].map((own) => drawSplit(own, plan, 'archive'));
        expect(a).toEqual(b);
        expect([...a.keys()].sort()).toEqual([...new Set(cases.map(({ patient }) => patient))].sort());
      }),
    );
  });

  it('leaves decided patients where they are, and counts them', () => {
    fc.assert(
      fc.property(anyCases, anyPlan, (cases, plan) => {
        const splits = drawSplit(cases, plan, 'archive');
        for (const { patient, split } of cases) if (split) expect(splits.get(patient)).toBe(split);
        const positives = new Set(
          cases.flatMap(({ patient, labels }) => (labels.includes(1) ? [patient] : [])),
        );
        for (const positive of [true, false]) {
          const share = plan.validation[positive ? 'positive' : 'negative'];
          const all = [...splits].filter(([patient]) => positives.has(patient) === positive);
          const decided = new Map(cases.flatMap(({ patient, split }) => (split ? [[patient, split]] : [])));
          const fixed = all.filter(([patient]) => decided.get(patient) === 'validation').length;
          const free = all.filter(([patient]) => !decided.has(patient)).length;
          let wanted = Math.round(share * all.length);
          if (share > 0 && all.length > 1) wanted = Math.min(Math.max(wanted, 1), all.length - 1);
          expect(all.filter(([, split]) => split === 'validation').length).toBe(
            fixed + Math.min(free, Math.max(0, wanted - fixed)),
          );
        }
      }),
    );
  });

  it('moves one patient at most when one goes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(29), anyPlan, (count, gone, plan) => {
        const cases = patients(count, 4);
        const before = drawSplit(cases, plan, 'archive');
        const left = cases.filter((_, i) => i !== gone % count);
        const after = drawSplit(left, plan, 'archive');
        const moved = left.filter(({ patient }) => before.get(patient) !== after.get(patient));
        expect(moved.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('gives every patient the same chance over the seeds', () => {
    const cases = patients(40, 0);
    const hits = new Map<string, number>();
    for (let seed = 0; seed < 400; seed++) {
      for (const [patient, split] of drawSplit(cases, { ...shares(0.25), seed }, 'archive')) {
        if (split === 'validation') hits.set(patient, (hits.get(patient) ?? 0) + 1);
      }
    }
    // 100 of 400, and no more than five standard deviations of a binomial off it.
    for (const count of hits.values())
      expect(Math.abs(count - 100)).toBeLessThan(5 * Math.sqrt(400 * 0.25 * 0.75));
    expect(hits.size).toBe(40);
  });

  it('has another one for another seed', () => {
    const cases = patients(30, 30);
    const chosen = (seed: number) =>
      JSON.stringify([...drawSplit(cases, { ...shares(0.3), seed }, 'archive')]);
    expect(new Set([0, 1, 2, 3].map(chosen)).size).toBe(4);
  });

  it('refuses a patient that is decided to be in both', () => {
    const cases: SplitCase[] = [
      { name: 'a', patient: 'p', labels: [1], split: 'train' },
      { name: 'b', patient: 'p', labels: [0], split: 'validation' },
    ];
    expect(() => drawSplit(cases, shares(0.5), '/data/archive')).toThrow(
      '/data/archive: It has cases of patient p in two splits: a in train, b in validation. Give a list of your own with --split.',
    );
  });
});

describe('a list', () => {
  const cases: SplitCase[] = [
    { name: 'a-left', study: 'a', patient: 'A', labels: [1] },
    { name: 'a-right', study: 'a', patient: 'A', labels: [0] },
    { name: 'b', patient: 'B', labels: [0], split: 'train' },
  ];
  const splits = (text: string, own = cases) => {
    const listed = listedSplit(own, parseSplitList(text, 'list.csv'));
    return [Object.fromEntries(listed.splits), listed.unknown];
  };

  it.each([
    ['patients', 'patient,split\nA,train\nB,validation\n'],
    ['cases', 'split,case\ntrain,a-left\nvalidation,b\n'],
    ['studies', 'case,split\na,train\nb,validation\n'],
    ['a cohort’s own table', 'case,patient,split,label,image\nx,A,train,1,x.nii\ny,B,validation,0,y.nii\n'],
    ['the same twice', 'patient,split\nA,train\nA,train\nB,validation\n'],
  ])('of %s decides, whatever the archive says', (_, text) => {
    expect(splits(text)).toEqual([{ A: 'train', B: 'validation' }, []]);
  });

  it('may name others, which are told', () => {
    expect(splits('patient,split\nA,train\nB,train\nC,validation\n')).toEqual([
      { A: 'train', B: 'train' },
      ['C'],
    ]);
  });

  it.each([
    [
      'a patient in both',
      'patient,split\nA,train\nB,train\nA,validation\n',
      'list.csv, line 4: The patient A is in both splits. Keep one of them.',
    ],
    [
      'cases of a patient in both',
      'case,split\na-left,train\na-right,validation\nb,train\n',
      'list.csv: Patient A is in both splits: case a-left in train, case a-right in validation. Put all cases of a patient in one split.',
    ],
    [
      'a patient that is left out',
      'patient,split\nB,train\n',
      'list.csv: It leaves out A. Add a line for each patient of the archive.',
    ],
    [
      'no such split',
      'patient,split\nA,test\n',
      'list.csv, line 2: A is in the split "test". Write train or validation.',
    ],
    [
      'nobody',
      'patient,split\n"",train\n',
      'list.csv, line 2: There is no patient in it. Fill in the column patient.',
    ],
    [
      'no columns',
      'A,train\n',
      'list.csv: It has no columns split and patient, or split and case. Write one line for each patient below a header patient,split.',
    ],
    [
      'nothing',
      '',
      'list.csv: It has no columns split and patient, or split and case. Write one line for each patient below a header patient,split.',
    ],
  ])('with %s is refused', (_, text, message) => {
    expect(() => splits(text)).toThrow(message);
  });

  it('names three of many that are left out', () => {
    const text = 'patient,split\nA,train\n';
    expect(() => splits(text, [...cases, ...patients(5, 0)])).toThrow(
      'It leaves out B, patient-0, patient-1 and 3 more.',
    );
  });
});
