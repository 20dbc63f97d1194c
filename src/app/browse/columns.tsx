/** The table's columns: how they are called, and what of a case stands in them. */
import type { ComponentChildren } from 'preact';
import { formatNumber } from '../../report/rows.ts';
import type { Column, Row } from './cases.ts';

interface ColumnLook {
  readonly title: string;
  readonly hint: string;
  /** Numbers stand right, and their largest come first at first. */
  readonly numeric: boolean;
  readonly style: string;
  cell(row: Row): ComponentChildren;
}

/** Where there is little room, patient, split and label stand below the case’s name instead. */
export const COLUMNS: Readonly<
  Record<Exclude<Column, 'name'>, ColumnLook> & Record<'name', Omit<ColumnLook, 'cell'>>
> = {
  name: { title: 'Case', hint: 'The case’s name', numeric: false, style: 'cases-name' },
  patient: {
    title: 'Patient',
    hint: 'Whose scan it is',
    numeric: false,
    style: 'cases-wide',
    cell: ({ patient }) => patient,
  },
  split: {
    title: 'Split',
    hint: 'What the case was used for',
    numeric: false,
    style: 'cases-wide',
    cell: ({ split }) => split,
  },
  label: {
    title: 'Label',
    hint: '1: the scan is said to show a lesion',
    numeric: false,
    style: 'cases-label',
    cell: (row) => (
      <>
        {row.label}
        <Verdict row={row} />
      </>
    ),
  },
  maximum: {
    title: 'Maximum',
    hint: 'The heatmap’s largest value',
    numeric: true,
    style: 'cases-number',
    cell: ({ maximum }) => maximum !== undefined && formatNumber(maximum),
  },
  dice: {
    title: 'Dice',
    hint: 'Overlap of mask and truth, mean over the folds that measure the case',
    numeric: true,
    style: 'cases-number',
    cell: ({ dice }) => dice?.toFixed(3),
  },
  f1: {
    title: 'F1',
    hint: 'Of lesions found, mean over the folds that measure the case',
    numeric: true,
    style: 'cases-number',
    cell: ({ f1 }) => f1?.toFixed(3),
  },
};

/** Where heatmap and label are at odds, which way. */
export function Verdict({ row: { label, predicted } }: { row: Row }) {
  if (label === 1 && predicted === false) return <span class="cases-tag">missed</span>;
  if (label === 0 && predicted === true) return <span class="cases-tag">false alarm</span>;
  return null;
}
