/** What counts as unlike the others. */
import { describe, expect, test } from 'vitest';
import { checkCohort } from '../../../src/datasets/checks/battery.ts';
import { type CaseFacts, measureVolume } from '../../../src/datasets/checks/facts.ts';
import type { Volume } from '../../../src/volume/volume.ts';
import { diagonal, noiseVolume } from '../../support/fault-cohort.ts';

/** Names of the cases that a check finds. */
function outliers(check: string, volumes: readonly Volume[]): number[] {
  const cases = volumes.map((volume, i): CaseFacts => {
    const row = { name: String(i), patient: '', split: undefined, labels: [], images: [`${i}.nii`], line: i };
    return {
      row,
      images: [{ path: `${i}.nii`, role: 'image', volume: measureVolume(volume, 0), faults: [] }],
    };
  });
  return checkCohort({ name: 'c.csv', classes: [], cases })
    .filter((finding) => finding.check === check)
    .map(({ subject }) => Number(subject.slice('case '.length)));
}

// Where |ln v − median| > max(ln 1.5, 3.5 · median_abs_deviation(ln v, scale='normal')), by SciPy 1.
const FIRST = 2.014;
test.each<[string, number[], number[]]>([
  ['equals and one below the factor', [3, ...new Array(13).fill(FIRST)], []],
  ['equals and one above it', [3.05, ...new Array(13).fill(FIRST)], [0]],
  [
    'some spread',
    [4, 0.2, 1.972, 1.506, 1.721, 1.782, 1.685, 2.313, 1.982, 1.738, 2.231, 2.478, 1.335, 1.889],
    [0, 1],
  ],
  [
    'a wild cohort, in which even thirty times as much is nothing odd',
    [4, 60, 0.718, 2.047, 1.954, 1.579, 0.871, 1.467, 0.841, 0.681, 2.41, 0.829, 5.136, 3.573],
    [],
  ],
  ['two cases alone', [1, 10], []],
  ['three', [1, 1, 10], [2]],
])('spacing: %s', (_, sizes, expected) => {
  const volumes = sizes.map((z, i) => noiseVolume(i, { geometry: diagonal(1, 1, z) }));
  expect(outliers('spacing-outlier', volumes)).toEqual(expected);
});

describe('values', () => {
  const usual = Array.from({ length: 6 }, (_, i) => noiseVolume(i));
  const changed = (change: (value: number) => number) => {
    const volume = noiseVolume(9);
    return [...usual, { ...volume, data: volume.data.map(change) }];
  };

  test('in another unit, either way', () => {
    expect(
      outliers(
        'value-outlier',
        changed((value) => 1000 * value),
      ),
    ).toEqual([6]);
    expect(
      outliers(
        'value-outlier',
        changed((value) => value / 1000),
      ),
    ).toEqual([6]);
    // Factors as scanners and windows make them are no unit.
    expect(
      outliers(
        'value-outlier',
        changed((value) => 3 * value),
      ),
    ).toEqual([]);
  });

  test('with another zero', () => {
    // The noise is uniform in 0…1: its deviation is 0.29.
    expect(
      outliers(
        'value-outlier',
        changed((value) => value + 0.7),
      ),
    ).toEqual([6]);
    expect(
      outliers(
        'value-outlier',
        changed((value) => value - 0.7),
      ),
    ).toEqual([6]);
    expect(
      outliers(
        'value-outlier',
        changed((value) => value + 0.4),
      ),
    ).toEqual([]);
  });
});

test('shapes: twice as many voxels along any axis, and no fewer', () => {
  const shaped = (shape: readonly [number, number, number], i: number) => noiseVolume(i, { shape });
  const usual = Array.from({ length: 5 }, (_, i) => shaped([8, 9, 10], i));
  expect(outliers('shape-outlier', [...usual, shaped([8, 9, 21], 7)])).toEqual([5]);
  expect(outliers('shape-outlier', [...usual, shaped([4, 9, 10], 7)])).toEqual([5]);
  expect(outliers('shape-outlier', [...usual, shaped([8, 9, 19], 7)])).toEqual([]);
});
