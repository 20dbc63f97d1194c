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
import { type CsvError, parse } from 'csv-parse/browser/esm/sync';
import { TonnoError } from '../errors.ts';
import type { Box } from '../volume/crop.ts';

/** What a case is for. */
export type Split = 'train' | 'validation';

/** One row of the table. */
export interface CohortCase {
  readonly name: string;
  /** The case's own name where the table has none. */
  readonly patient: string;
  readonly split: Split;
  /** 0 or 1 for each class of the cohort. */
  readonly labels: readonly number[];
  /** One file for each channel, the same number in every case. */
  readonly images: readonly string[];
  readonly mask?: string;
  /** The one bounding box that was drawn. */
  readonly box?: Box;
  /** Where it stands in the table; the header is line 1. */
  readonly line: number;
}

export interface Cohort {
  /** The table's file, for errors. */
  readonly name: string;
  /** Names of the labels, in the order of their columns. */
  readonly classes: readonly string[];
  /** In the order of the table, at least one. */
  readonly cases: readonly CohortCase[];
}

const COLUMNS = ['case', 'patient', 'split', 'label', 'image', 'mask', 'box'];
const SEPARATOR = ';';
const WANTED =
  'The columns are case, patient, split, label or label:NAME, image and, where there are any, mask and box.';

/**
 * Reads a cohort's table.
 * @param text with or without a byte order mark; lines end as they like.
 * @param name the file, for errors.
 * @throws TonnoError that names file and line when the table cannot be read or contradicts itself.
 */
export function parseCohort(text: string, name: string): Cohort {
  const [header, ...rows] = parseTable(text, name);
  if (!header) {
    throw new TonnoError(name, 'The table is empty.', { remedy: WANTED });
  }
  const columns = findColumns(header, name);
  if (rows.length === 0) {
    throw new TonnoError(name, 'The table has a header but no case.', {
      remedy: 'Add a line for each case.',
    });
  }
  const cases = rows.map((row) => readCase(row, columns, name));
  checkNames(cases, name);
  checkPatients(cases, name);
  checkChannels(cases, name);
  return { name, classes: columns.classes.map(({ name: label }) => label), cases };
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
export function requireBothClasses({ name, classes, cases }: Cohort, split: Split): void {
  const chosen = cases.filter((row) => row.split === split);
  for (const [index, label] of classes.entries()) {
    for (const [value, kind] of [
      [1, 'positive'],
      [0, 'negative'],
    ] as const) {
      if (chosen.some(({ labels }) => labels[index] === value)) continue;
      const which = classes.length > 1 ? ` for ${label}` : '';
      throw new TonnoError(name, `The split ${split} has no ${kind} case${which} among ${chosen.length}.`, {
        remedy: 'Each split needs cases with the finding and cases without it.',
      });
    }
  }
}

/** A line of a table. */
export interface TableRow {
  readonly cells: readonly string[];
  readonly line: number;
}

/**
 * The lines of comma-separated text that are not blank.
 * @throws TonnoError that names file and line when it cannot be read.
 */
export function parseTable(text: string, name: string): TableRow[] {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, {
      bom: true,
      info: true,
      trim: true,
      relax_column_count: true,
      skip_empty_lines: true,
      // Spreadsheets leave lines of commas behind.
      skip_records_with_empty_values: true,
    }) as unknown as typeof records;
  } catch (error) {
    throw new TonnoError(name, `It cannot be read as comma-separated text. ${(error as CsvError).message}.`, {
      remedy: 'Save it as CSV again.',
      cause: error,
    });
  }
  const rows = records.map(({ record, info }) => ({ cells: record, line: info.lines }));
  for (const { cells, line } of rows) {
    const cell = cells.find((candidate) => /\p{Cc}/u.test(candidate));
    if (cell === undefined) continue;
    throw at(name, line, `There is a line break or another control character in ${JSON.stringify(cell)}.`, {
      remedy: 'Take it out; if it is not meant to be there, look for a quotation mark that is not closed.',
    });
  }
  return rows;
}

interface Columns {
  readonly count: number;
  /** Place of a column among the cells. */
  readonly place: (column: string) => number;
  readonly classes: readonly { readonly name: string; readonly place: number }[];
}

function findColumns({ cells: header, line }: TableRow, name: string): Columns {
  const list = `The header has ${header.map((column) => JSON.stringify(column)).join(', ')}`;
  const classes = header.flatMap((column, place) => {
    if (column === 'label') return [{ name: column, place }];
    return column.startsWith('label:') ? [{ name: column.slice('label:'.length).trim(), place }] : [];
  });
  const missing = ['case', 'patient', 'split', 'image'].filter((column) => !header.includes(column));
  if (classes.length === 0) missing.push('label');
  if (missing.length > 0) {
    const alien = header.length === 1 && /[;\t]/.test(header[0]);
    throw at(name, line, `${list}; missing: ${missing.join(', ')}.`, {
      remedy: alien ? 'Put commas between the columns.' : WANTED,
    });
  }
  const known = (column: string) => COLUMNS.includes(column) || /^label:\s*\S/.test(column);
  const unknown = header.find((column) => !known(column));
  if (unknown !== undefined) {
    throw at(name, line, `There is no meaning for a column ${JSON.stringify(unknown)}.`, {
      remedy: `Take it out, or call it label:NAME if it is a label. ${WANTED}`,
    });
  }
  const meanings = header.map(
    (column, place) => classes.find((label) => label.place === place)?.name ?? `column ${column}`,
  );
  const twice = header.find((_, place) => meanings.indexOf(meanings[place]) !== place);
  if (twice !== undefined) {
    throw at(name, line, `There are two columns for ${twice}.`, { remedy: 'Keep one of them.' });
  }
  return { count: header.length, place: (column) => header.indexOf(column), classes };
}

function readCase({ cells, line }: TableRow, { count, place, classes }: Columns, file: string): CohortCase {
  if (cells.length !== count) {
    throw at(file, line, `The header has ${count} columns, but this line ${cells.length}.`, {
      remedy: 'Put text with commas in quotation marks.',
    });
  }
  const cell = (column: string) => cells[place(column)] ?? '';
  const name = cell('case');
  if (name.trim() === '')
    throw at(file, line, 'The case has no name.', { remedy: 'Fill in the column case.' });
  const split = cell('split');
  if (split !== 'train' && split !== 'validation') {
    throw at(file, line, `Case ${name} is in the split ${JSON.stringify(split)}.`, {
      remedy: 'Write train or validation.',
    });
  }
  const labels = classes.map((label) => {
    const text = cells[label.place];
    if (text === '0' || text === '1') return Number(text);
    const which = label.name === 'label' ? 'label' : `label:${label.name}`;
    throw at(file, line, `Case ${name} has ${JSON.stringify(text)} in the column ${which}.`, {
      remedy: 'Write 1 where the finding is anywhere in the volume and 0 where it is not.',
    });
  });
  const images = cell('image')
    .split(SEPARATOR)
    .map((path) => path.trim());
  if (images.includes('')) {
    const which = images.length > 1 ? ` for channel ${images.indexOf('') + 1}` : '';
    throw at(file, line, `Case ${name} has no image${which}.`, {
      remedy: `Name a file for each channel, with ${SEPARATOR} between them.`,
    });
  }
  const mask = cell('mask') || undefined;
  const box = readBox(cell('box'), () =>
    at(file, line, `Case ${name} has the box ${JSON.stringify(cell('box'))}.`, BOX),
  );
  return { name, patient: cell('patient') || name, split, labels, images, mask, box, line };
}

const BOX = {
  remedy:
    'Write d0:d1 h0:h1 w0:w1, in voxels from 0 along axes 0, 1 and 2, the second of each pair behind the last voxel.',
};

/** @param wrong the error for text that is neither empty nor a box with a voxel in it. */
function readBox(text: string, wrong: () => TonnoError): Box | undefined {
  if (text === '') return undefined;
  const [, ...ends] = /^(\d+):(\d+)\s+(\d+):(\d+)\s+(\d+):(\d+)$/.exec(text)?.map(Number) ?? [];
  const [d0, d1, h0, h1, w0, w1] = ends;
  // An axis is never that long, and larger numbers would not come back as they were written.
  if (ends.length === 0 || !ends.every(Number.isSafeInteger)) throw wrong();
  if (d0 >= d1 || h0 >= h1 || w0 >= w1) throw wrong();
  return { from: [d0, h0, w0], to: [d1, h1, w1] };
}

function boxText({ from, to }: Box): string {
  return from.map((start, axis) => `${start}:${to[axis]}`).join(' ');
}

function checkNames(cases: readonly CohortCase[], file: string): void {
  const seen = new Map<string, CohortCase>();
  for (const row of cases) {
    const first = seen.get(row.name);
    if (first) {
      throw at(file, row.line, `There is already a case ${row.name} on line ${first.line}.`, {
        remedy: 'Give every case a name of its own.',
      });
    }
    seen.set(row.name, row);
  }
}

/** A network recognises a patient: cases of one in both splits would make it look better than it is. */
function checkPatients(cases: readonly CohortCase[], file: string): void {
  const seen = new Map<string, CohortCase>();
  for (const row of cases) {
    const first = seen.get(row.patient) ?? row;
    seen.set(row.patient, first);
    if (first.split === row.split) continue;
    const of = ({ name, split, line }: CohortCase) => `case ${name} (line ${line}) in ${split}`;
    throw at(file, row.line, `Patient ${row.patient} is in two splits: ${of(first)}, ${of(row)}.`, {
      remedy: 'Put all cases of a patient in one split.',
    });
  }
}

function checkChannels(cases: readonly CohortCase[], file: string): void {
  const [first] = cases;
  const other = cases.find(({ images }) => images.length !== first.images.length);
  if (!other) return;
  const count = ({ name, images }: CohortCase) =>
    `case ${name} has ${images.length} channel${images.length === 1 ? '' : 's'}`;
  throw at(file, other.line, `${capital(count(other))}, but ${count(first)} (line ${first.line}).`, {
    remedy: `Name the same channels in every case, in the same order, with ${SEPARATOR} between them.`,
  });
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

const capital = (text: string) => text[0].toUpperCase() + text.slice(1);

function at(file: string, line: number, problem: string, options: { remedy: string }): TonnoError {
  return new TonnoError(`${file}, line ${line}`, problem, options);
}
