import { beforeAll, describe, expect, test } from 'vitest';
import { shortcuts, thresholdDice } from '../../bench/support/shortcuts.ts';
import { type CohortCase, parseCohort, requireBothClasses, writeCohort } from '../../src/datasets/cohort.ts';
import { lesionPhantom } from '../../src/datasets/phantom.ts';
import {
  type PhantomCohortOptions,
  phantomCases,
  phantomCohort,
  phantomCohortSettings,
} from '../../src/datasets/phantom-cohort.ts';
import { UsageError } from '../../src/errors.ts';
import { rocAuc } from '../../src/evaluation/classification.ts';
import type { Volume } from '../../src/volume/volume.ts';

const small = { shape: [40, 40, 40], train: 4, validation: 2 } as const;
const count = ({ data }: Volume) => data.reduce((sum, value) => sum + value, 0);

function checksum(volumes: readonly Volume[]): number {
  let sum = 0;
  for (const { data } of volumes) {
    for (const word of new Uint32Array(data.buffer)) sum = (Math.imul(sum, 31) + word) | 0;
  }
  return sum;
}

/** What one number a case tells about its label, in whichever direction. */
function separation(scores: readonly number[], labels: readonly number[]): number {
  const auc = rocAuc(scores, labels);
  return Math.max(auc, 1 - auc);
}

/** The number that separates best, and how well. */
function worst(rows: readonly Record<string, number>[], labels: readonly number[]): [string, number] {
  const found = Object.keys(rows[0]).map((name): [string, number] => [
    name,
    separation(
      rows.map((row) => row[name]),
      labels,
    ),
  ]);
  return found.reduce((a, b) => (b[1] > a[1] ? b : a));
}

/** Voxels around which a cube of 5 voxels is bright: room for a lesion, not for a tube or a plate. */
function compactVoxels({ data, shape: [depth, height, width] }: Volume): number {
  let found = 0;
  const isBright = (d: number, h: number, w: number) => {
    for (let a = -2; a <= 2; a++) {
      for (let b = -2; b <= 2; b++) {
        for (let c = -2; c <= 2; c++) {
          if (data[((d + a) * height + h + b) * width + w + c] < 1.45) return false;
        }
      }
    }
    return true;
  };
  for (let d = 2; d < depth - 2; d++) {
    for (let h = 2; h < height - 2; h++) {
      for (let w = 2; w < width - 2; w++) {
        if (data[(d * height + h) * width + w] > 1.45 && isBright(d, h, w)) found++;
      }
    }
  }
  return found;
}

describe('a cohort of 40', () => {
  const cases: CohortCase[] = [];
  const rows: Record<string, number>[] = [];
  const dice: Record<string, number>[] = [];
  const compact: number[] = [];
  const lesionVoxels: number[] = [];
  beforeAll(() => {
    for (const { case: row, image, mask } of phantomCohort({ seed: 3, train: 30, validation: 10 })) {
      cases.push(row);
      rows.push(shortcuts(image));
      compact.push(compactVoxels(image));
      lesionVoxels.push(count(mask));
      if (row.labels[0] === 1) dice.push(thresholdDice(image, mask));
    }
  });
  const labels = () => cases.map((row) => row.labels[0]);

  test('is half positive in each split, and its masks say so', () => {
    expect(labels()).toEqual(Array.from({ length: 40 }, (_, i) => 1 - (i % 2)));
    expect(lesionVoxels.map((voxels) => Number(voxels > 0))).toEqual(labels());
    expect(cases.map(({ split }) => split)).toEqual(
      Array.from({ length: 40 }, (_, i) => (i < 30 ? 'train' : 'validation')),
    );
    // From one lesion of radius 4 to three of radius 7.
    const positive = lesionVoxels.filter((voxels) => voxels > 0);
    expect(Math.min(...positive)).toBeGreaterThan(240);
    expect(Math.max(...positive)).toBeLessThan(4400);
    expect(Math.max(...positive)).toBeGreaterThan(1500);
  });

  test('has no number of a whole volume that separates its classes', () => {
    const [name, auc] = worst(rows, labels());
    expect(auc, name).toBeLessThan(0.63);
    for (const usual of ['maximum', 'mean', 'std', '99th percentile', '99.9th percentile']) {
      const scores = rows.map((row) => row[usual]);
      expect(separation(scores, labels()), usual).toBeLessThan(0.62);
    }
  });

  test('hides its lesions from a threshold', () => {
    const means = Object.keys(dice[0]).map(
      (level) => dice.reduce((sum, of) => sum + of[level], 0) / dice.length,
    );
    expect(Math.max(...means)).toBeLessThan(0.36);
    expect(Math.max(...means)).toBeGreaterThan(0.2);
  });

  test('shows them to whoever looks at shapes', () => {
    expect(rocAuc(compact, labels())).toBeGreaterThan(0.95);
  });
});

test('without distractors to make up for lesions, numbers of a whole volume do separate', () => {
  const labels = Array.from({ length: 12 }, (_, i) => i % 2);
  const rows = labels.map((label, seed) =>
    shortcuts(lesionPhantom({ seed, lesions: 2 * label, lesionRadius: [4, 7] }).image),
  );
  expect(worst(rows, labels)[1]).toBeGreaterThan(0.9);
  expect(
    separation(
      rows.map((row) => row['voxels > 1.5']),
      labels,
    ),
  ).toBeGreaterThan(0.8);
});

describe('brightVolume', () => {
  const bright = { tubes: 0, plates: 0, organs: 0, texture: 0, noise: 0, brightVolume: 6000 };
  /** Of things as bright as 2 to 3, more than half full whatever they are. */
  const voxels = (image: Volume, level: number) => image.data.filter((value) => value >= level).length;

  test('is filled to the same volume with and without lesions', () => {
    for (let seed = 0; seed < 4; seed++) {
      for (const lesions of [0, 3]) {
        const { image } = lesionPhantom({
          ...bright,
          seed,
          lesions,
          lesionIntensity: [3, 3],
          distractorIntensity: [3, 3],
        });
        // The last one may go beyond it, by no more than a plate or a tube.
        expect(voxels(image, 2)).toBeGreaterThan(5900);
        expect(voxels(image, 2)).toBeLessThan(7400);
      }
    }
  });

  test('leaves body, lesions and what was asked for where they were', () => {
    const before = lesionPhantom({ seed: 8 });
    const after = lesionPhantom({ seed: 8, brightVolume: 5000 });
    expect(after.lesions).toEqual(before.lesions);
    expect(after.mask).toEqual(before.mask);
    const differing = Array.from(after.image.data.keys()).filter(
      (i) => after.image.data[i] !== before.image.data[i],
    );
    expect(differing.length).toBeGreaterThan(1000);
    expect(differing.every((i) => after.image.data[i] > before.image.data[i])).toBe(true);
  });

  test('keeps out of the middle of lesions', () => {
    for (let seed = 0; seed < 6; seed++) {
      const { image, lesions } = lesionPhantom({
        ...bright,
        seed,
        lesionIntensity: [2, 2],
        distractorIntensity: [3, 3],
      });
      const middles = lesions.map(({ centre }) => {
        const [d, h, w] = centre.map(Math.round);
        return image.data[(d * 64 + h) * 64 + w];
      });
      expect(middles).toEqual([2, 2, 2]);
    }
  });

  test('is refused when it is more than there is room for', () => {
    const ask = () => lesionPhantom({ shape: [16, 16, 16], lesions: 0, brightVolume: 4096 });
    expect(ask).toThrow(UsageError);
    expect(ask).toThrow(/^lesionPhantom of 16×16×16 voxels: Bright things fill only \d+ of 4096 voxels/);
  });
});

test('lesions that find no room among the first ones are placed anew', () => {
  // Without a new start, 5 of these 20 would be refused.
  const crowded = { shape: [36, 36, 36], bodySize: [0.78, 0.82], lesionRadius: [2.25, 3.94] } as const;
  const options = { ...crowded, tubes: 0, plates: 0 };
  for (let seed = 0; seed < 20; seed++) expect(lesionPhantom({ ...options, seed }).lesions).toHaveLength(3);
});

describe('phantomCohort', () => {
  const checksums = (options: PhantomCohortOptions) =>
    Array.from(phantomCohort(options), ({ image, mask }) => checksum([image, mask]));

  test('is the same for the same seed and another for the next one', () => {
    const first = checksums(small);
    expect(checksums(small)).toEqual(first);
    const other = checksums({ ...small, seed: 1 });
    expect(other.filter((sum) => first.includes(sum))).toEqual([]);
    expect(new Set(first).size).toBe(6);
  });

  test('has not changed since cohorts were made with it', () => {
    expect(checksums(small)).toEqual([-1012950573, -793022133, 294818935, 2108044892, 545001322, 997809446]);
  });

  test('has another body in every case', () => {
    const seeds = phantomCases().map(({ recipe }) => recipe.seed);
    expect(new Set(seeds).size).toBe(200);
  });

  test('gives a positive and its negative the same brightness, size and bright volume', () => {
    const cases = phantomCases({ train: 20, validation: 6 });
    const shared = ({ recipe: { seed, lesions, ...rest } }: (typeof cases)[number]) => rest;
    for (let i = 0; i < cases.length; i += 2) {
      expect([cases[i].recipe.lesions! > 0, cases[i + 1].recipe.lesions]).toEqual([true, 0]);
      expect(shared(cases[i])).toEqual(shared(cases[i + 1]));
    }
    expect(new Set(cases.map(({ recipe }) => recipe.brightVolume)).size).toBe(13);
    // Three lesions of radius 7 are 4310 voxels; the bright volume is always more.
    for (const { recipe } of cases) expect(recipe.brightVolume).toBeGreaterThan(4310);
  });

  test('draws validation on its own: more training cases change nothing in it', () => {
    const of = (train: number) =>
      phantomCases({ train, validation: 4 })
        .filter((one) => one.case.split === 'validation')
        .map(({ case: { line, ...row }, recipe }) => ({ row, recipe }));
    expect(of(20)).toEqual(of(6));
    expect(phantomCases({ train: 6 }).slice(0, 6)).toEqual(phantomCases({ train: 20 }).slice(0, 6));
    const names = phantomCases({ train: 3, validation: 2 }).map((one) => one.case.name);
    expect(names).toEqual(['train-001', 'train-002', 'train-003', 'validation-001', 'validation-002']);
  });

  test('has the numbers of lesions that it is asked for', () => {
    const lesions = (range: readonly [number, number]) => [
      ...new Set(phantomCases({ lesions: range }).map(({ recipe }) => recipe.lesions)),
    ];
    expect(lesions([2, 4]).sort()).toEqual([0, 2, 3, 4]);
    expect(lesions([1, 1]).sort()).toEqual([0, 1]);
    for (const range of [
      [0, 2],
      [3, 2],
      [1, 2.5],
    ] as const) {
      expect(() => phantomCases({ lesions: range })).toThrow(UsageError);
    }
    expect(() => phantomCases({ lesions: [3, 2] })).toThrow(
      'phantom cohort: A positive cannot have from 3 to 2 lesions. Give the fewest, at least 1, and then the most.',
    );
  });

  test('has lesions in proportion to its volumes', () => {
    expect(phantomCohortSettings().lesionRadius).toEqual([4, 7]);
    expect(phantomCohortSettings({ shape: [96, 32, 48] }).lesionRadius).toEqual([2, 3.5]);
    expect(phantomCohortSettings({ lesionRadius: [3, 4] }).lesionRadius).toEqual([3, 4]);
  });

  test('has a table that can be written, read and trained with', () => {
    const cases = phantomCases(small).map((one) => one.case);
    const cohort = { name: 'cohort.csv', classes: ['label'], cases };
    const read = parseCohort(writeCohort(cohort), 'cohort.csv');
    expect(read).toEqual(cohort);
    requireBothClasses(read, 'train');
    requireBothClasses(read, 'validation');
    expect(read.cases[0]).toMatchObject({
      images: ['images/train-001.nii.gz'],
      mask: 'masks/train-001_mask.nii.gz',
    });
    expect(read.cases[1].mask).toBeUndefined();
  });
});
