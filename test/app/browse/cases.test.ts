import { describe, expect, it } from 'vitest';
import { columnsOf, kindsOf, narrowed, ordered, type Row, rowsOf } from '../../../src/app/browse/cases.ts';
import type { Browsed, BrowsedCase } from '../../../src/report/browse.ts';

function browsedOf(cases: Partial<BrowsedCase>[]): Browsed {
  return {
    title: 'A study',
    kind: 'study',
    series: [{ id: 'tonno', title: 'ToNNO' }],
    cases: cases.map((one, i) => ({ name: `case-${i + 1}`, images: [], heatmaps: {}, ...one })),
    encoders: [],
    notes: [],
  };
}

const names = (rows: readonly Row[]) => rows.map(({ name }) => name);
const thresholds = { low: 1, high: 2 };

describe('rows of the table', () => {
  it('are what the chosen series knows of the cases', () => {
    const browsed = browsedOf([
      { patient: 'a', label: 1, heatmaps: { tonno: { file: 'x', maximum: 3, dice: 0.5, thresholds } } },
      { heatmaps: { other: { file: 'y', maximum: 9 } } },
    ]);
    expect(rowsOf(browsed, 'tonno')).toEqual([
      { name: 'case-1', patient: 'a', label: 1, maximum: 3, dice: 0.5, predicted: true },
      { name: 'case-2' },
    ]);
    expect(rowsOf(browsed, 'other')[1].maximum).toBe(9);
    expect(rowsOf(browsed, undefined)[0].maximum).toBeUndefined();
  });

  it('are predicted positive above τ, not at it, and not at all where it is not known', () => {
    const heatmap = (maximum?: number, known = true) => ({
      heatmaps: { tonno: { file: 'x', maximum, ...(known && { thresholds }) } },
    });
    const browsed = browsedOf([
      heatmap(2.01),
      heatmap(2),
      heatmap(1.5),
      heatmap(undefined),
      heatmap(9, false),
    ]);
    const predicted = rowsOf(browsed, 'tonno').map((row) => row.predicted);
    expect(predicted).toEqual([true, false, false, undefined, undefined]);
  });
});

describe('order of the table', () => {
  const rows: Row[] = [
    { name: 'case-10', dice: 0.2, split: 'test' },
    { name: 'case-9', split: 'train' },
    { name: 'case-2', dice: 0.9 },
    { name: 'case-1', dice: 0.2, split: 'train' },
  ];

  it('counts with numbers in names', () => {
    expect(names(ordered(rows, { column: 'name', descending: false }))).toEqual([
      'case-1',
      'case-2',
      'case-9',
      'case-10',
    ]);
    expect(names(ordered(rows, { column: 'name', descending: true }))[0]).toBe('case-10');
  });

  it('has what is missing last either way, and equal ones by name', () => {
    expect(names(ordered(rows, { column: 'dice', descending: false }))).toEqual([
      'case-1',
      'case-10',
      'case-2',
      'case-9',
    ]);
    expect(names(ordered(rows, { column: 'dice', descending: true }))).toEqual([
      'case-2',
      'case-1',
      'case-10',
      'case-9',
    ]);
    expect(names(ordered(rows, { column: 'split', descending: true })).at(-1)).toBe('case-2');
  });

  it('takes zero and label 0 for values', () => {
    const labelled: Row[] = [{ name: 'a' }, { name: 'b', label: 1 }, { name: 'c', label: 0 }];
    expect(names(ordered(labelled, { column: 'label', descending: false }))).toEqual(['c', 'b', 'a']);
  });

  it('leaves its rows as they were', () => {
    const before = names(rows);
    ordered(rows, { column: 'dice', descending: true });
    expect(names(rows)).toEqual(before);
  });
});

describe('narrowing the table down', () => {
  const rows: Row[] = [
    { name: 'found', label: 1, predicted: true, dice: 0.8, patient: 'Ada', split: 'test' },
    { name: 'missed', label: 1, predicted: false, dice: 0, patient: 'Bob', split: 'test' },
    { name: 'alarm', label: 0, predicted: true, patient: 'Ada', split: 'train' },
    { name: 'clear', label: 0, predicted: false },
    { name: 'unknown', label: 1 },
    { name: 'unlabelled', predicted: true, dice: 0.4 },
    { name: 'weak', label: 1, predicted: true, dice: 0.1 },
    { name: 'fair', label: 1, predicted: true, dice: 0.3 },
  ];

  it('finds cases at odds with their label, where both are known', () => {
    expect(names(narrowed(rows, '', 'missed'))).toEqual(['missed']);
    expect(names(narrowed(rows, '', 'false-alarm'))).toEqual(['alarm']);
    expect(names(narrowed(rows, '', 'positive'))).toEqual(['found', 'missed', 'unknown', 'weak', 'fair']);
    expect(names(narrowed(rows, '', 'negative'))).toEqual(['alarm', 'clear']);
    expect(narrowed(rows, '', 'all')).toHaveLength(8);
  });

  it('takes the lowest quarter of Dice, rounded up, with all that are equal to its last', () => {
    // Five values: two of them.
    expect(names(narrowed(rows, '', 'worst-dice'))).toEqual(['missed', 'weak']);
    const zeros: Row[] = ['a', 'b', 'c', 'd'].map((name, i) => ({ name, dice: i < 3 ? 0 : 1 }));
    expect(names(narrowed(zeros, '', 'worst-dice'))).toEqual(['a', 'b', 'c']);
    expect(narrowed([{ name: 'a' }], '', 'worst-dice')).toEqual([]);
  });

  it('looks for every word, in name, patient and split, whatever the case', () => {
    expect(names(narrowed(rows, 'ADA', 'all'))).toEqual(['found', 'alarm']);
    expect(names(narrowed(rows, ' train  ada ', 'all'))).toEqual(['alarm']);
    expect(names(narrowed(rows, 'ada', 'positive'))).toEqual(['found']);
    expect(narrowed(rows, 'nobody', 'all')).toEqual([]);
  });

  it('offers what can be told, with how many there are', () => {
    expect(kindsOf(rows).map(({ name, count }) => [name, count])).toEqual([
      ['all', 8],
      ['missed', 1],
      ['false-alarm', 1],
      ['worst-dice', 2],
      ['positive', 5],
      ['negative', 2],
    ]);
    expect(kindsOf([{ name: 'a' }]).map(({ name }) => name)).toEqual(['all']);
    expect(kindsOf([{ name: 'a', label: 0, predicted: false }]).map(({ name }) => name)).toEqual([
      'all',
      'missed',
      'false-alarm',
      'positive',
      'negative',
    ]);
  });

  it('has the columns that say something', () => {
    expect(columnsOf(rows)).toEqual(['name', 'patient', 'split', 'label', 'dice']);
    expect(columnsOf([{ name: 'a', label: 0 }])).toEqual(['name', 'label']);
    expect(columnsOf([])).toEqual(['name']);
  });
});
