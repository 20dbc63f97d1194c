/**
 * The table of a cohort: one row a case, with its label, its split and where its voxels lie. Comma-separated text
 * with a header, as spreadsheets write it (RFC 4180). The columns, in any order:
 *
 * | column | what it holds |
 * |---|---|
 * | `case` | a name of its own |
 * | `patient` | whose it is; empty for a patient with this case alone |
 * | `split` | `train` or `validation`, one for all cases of a patient |
 * | `label` | 1 where the finding is anywhere in the volume, else 0 |
 * | `image` | the file of the volume; of several channels their files with `;` between them |
 * | `mask` | the file of the finding's mask, for evaluation only; empty or left out where there is none |
 * | `box` | where only a bounding box was drawn: `d0:d1 h0:h1 w0:w1`, likewise for evaluation only |
 *
 * Where there are several findings, each has a column `label:NAME` in place of `label` or beside it; the one of
 * `label` is then called "label". Files are named from the table's folder; nothing here opens them. A box is in voxels
 * along the array's axes 0, 1 and 2, counted from 0: from the first that is in it up to the first that is not.
 */
import { TonnoError } from '../errors.ts';
import type { Box } from '../volume/crop.ts';
import {
  type CohortCase,
  type ReadTable,
  readLines,
  readTable,
  SEPARATOR,
  type Split,
  type TableProblem,
  type TableRow,
} from './cohort-table.ts';

export type { CohortCase, Split, TableRow } from './cohort-table.ts';

export interface Cohort {
  /** The table's file, for errors. */
  readonly name: string;
  /** Names of the labels, in the order of their columns. */
  readonly classes: readonly string[];
  /** In the order of the table, at least one. */
  readonly cases: readonly CohortCase[];
}

/**
 * Reads a cohort's table.
 * @param text with or without a byte order mark; lines end as they like.
 * @param name the file, for errors.
 * @throws TonnoError that names file and line when the table cannot be read or contradicts itself.
 */
export function parseCohort(text: string, name: string): Cohort {
  const { classes, cases, problems } = readTable(text, name);
  refuseFirst(problems);
  // Without a problem every row has a split and labels.
  return { name, classes, cases: cases as CohortCase[] };
}

/**
 * The lines of comma-separated text that are not blank, whatever their columns.
 * @throws TonnoError that names file and line when it cannot be read.
 */
export function parseTable(text: string, name: string): readonly TableRow[] {
  const { rows, problems } = readLines(text, name);
  refuseFirst(problems);
  return rows;
}

function refuseFirst([first]: readonly TableProblem[]): void {
  if (!first) return;
  const { subject, problem, remedy, cause } = first;
  throw new TonnoError(subject, problem, { remedy, cause });
}

/**
 * The table as text, such that `parseCohort` gives the same cohort back.
 * @throws TonnoError when something cannot be written: `;` or spaces at the ends of a file's name, line breaks
 *   anywhere, or whatever `parseCohort` refuses.
 */
export function writeCohort({ name, classes, cases }: Cohort): string {
  const only = classes.length === 1 && classes[0] === 'label';
  const labels = only ? ['label'] : classes.map((label) => (label === 'label' ? label : `label:${label}`));
  const boxes = cases.some(({ box }) => box !== undefined);
  const rows = cases.map((row) => [
    row.name,
    row.patient,
    row.split,
    ...row.labels.map(String),
    joinImages(row, name),
    row.mask ?? '',
    ...(boxes ? [row.box ? boxText(row.box) : ''] : []),
  ]);
  const header = ['case', 'patient', 'split', ...labels, 'image', 'mask', ...(boxes ? ['box'] : [])];
  const table = [header, ...rows];
  const text = table.map((cells) => `${cells.map(quoted).join()}\n`).join('');
  // Whoever reads it finds what is wrong with it now rather than later.
  parseCohort(text, name);
  return text;
}

/**
 * Makes sure that every class has a positive and a negative case in a split: without both nothing can be learned,
 * and no area under a curve be computed.
 * @throws TonnoError that names the class.
 */
export function requireBothClasses(cohort: Cohort, split: Split): void {
  const [first] = lackingClasses(cohort, split);
  if (first) throw new TonnoError(cohort.name, first.problem, { remedy: first.remedy });
}

/** What `requireBothClasses` would refuse, all of it; a row whose split or label cannot be read counts for none. */
export function lackingClasses(
  { classes, cases }: Pick<ReadTable, 'classes' | 'cases'>,
  split: Split,
): { readonly problem: string; readonly remedy: string }[] {
  const chosen = cases.filter((row) => row.split === split);
  const remedy = 'Each split needs cases with the finding and cases without it.';
  return classes.flatMap((label, index) => {
    const which = classes.length > 1 ? ` for ${label}` : '';
    const lacking = [1, 0].filter((value) => !chosen.some(({ labels }) => labels[index] === value));
    return lacking.map((value) => ({
      problem: `The split ${split} has no ${value === 1 ? 'positive' : 'negative'} case${which} among ${chosen.length}.`,
      remedy,
    }));
  });
}

function boxText({ from, to }: Box): string {
  return from.map((start, axis) => `${start}:${to[axis]}`).join(' ');
}

function joinImages({ name, images }: CohortCase, file: string): string {
  const odd = images.find((path) => path.includes(SEPARATOR) || path.trim() !== path);
  if (odd !== undefined) {
    throw new TonnoError(
      file,
      `The table cannot hold the image ${JSON.stringify(odd)} of case ${name}: ${SEPARATOR} stands between channels, and spaces at the ends are not kept.`,
      { remedy: 'Rename the file.' },
    );
  }
  return images.join(SEPARATOR);
}

/** Quotation marks keep commas, line breaks and the spaces at the ends; those in the text are doubled. */
function quoted(cell: string): string {
  return /[",\p{Cc}]|^\s|\s$/u.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
