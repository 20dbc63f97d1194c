/**
 * The rows of a cohort's table, one after the other, and everything that is wrong with them: nothing stops at the first
 * fault, so that a table can be mended in one go. Whoever cannot live with any takes the first (`parseCohort`); the checks
 * of `tonno validate` take all. The order of the problems is that of reading: the text, the header, each row from left to
 * right, and then what only shows when all rows are known.
 */
import { type CsvError, parse } from 'csv-parse/browser/esm/sync';
import type { Box } from '../volume/crop.ts';

/** What a case is for. */
export type Split = 'train' | 'validation';
export const splits: readonly Split[] = ['train', 'validation'];

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

/** A row as far as it can be read; what could not be is undefined, and among the problems. */
export interface ReadCase extends Omit<CohortCase, 'split' | 'labels'> {
  readonly split: Split | undefined;
  readonly labels: readonly (number | undefined)[];
}

/** The kinds of problems, by the names of the checks that tell them. */
export const tableProblems = [
  'table-unreadable',
  'table-columns',
  'table-row',
  'unknown-split',
  'label-not-numeric',
  'box-unreadable',
  'case-name-twice',
  'patient-in-two-splits',
  'channel-files',
] as const;

export interface TableProblem {
  readonly kind: (typeof tableProblems)[number];
  /** The file, with the line where there is one. */
  readonly subject: string;
  /** A sentence. */
  readonly problem: string;
  /** A sentence. */
  readonly remedy: string;
  /** Whether the table can be written as it is meant without asking anybody. */
  readonly fixable?: boolean;
  readonly cause?: unknown;
}

export interface ReadTable {
  /** The table's file. */
  readonly name: string;
  /** Names of the labels; none where the header is no use. */
  readonly classes: readonly string[];
  /** Rows with a name and files. */
  readonly cases: readonly ReadCase[];
  readonly problems: readonly TableProblem[];
  /** What stands in the text and means nothing, as ends of "It has …". */
  readonly oddities: readonly string[];
  /** Cases that name no patient. */
  readonly withoutPatient: readonly string[];
}

const COLUMNS = ['case', 'patient', 'split', 'label', 'image', 'mask', 'box'];
export const SEPARATOR = ';';
const WANTED =
  'The columns are case, patient, split, label or label:NAME, image and, where there are any, mask and box.';

/**
 * Reads a table as far as it goes.
 * @param text with or without a byte order mark; lines end as they like.
 * @param name the file, for the problems.
 */
export function readTable(text: string, name: string): ReadTable {
  const nothing = { name, classes: [], cases: [], oddities: [], withoutPatient: [] };
  const lines = readLines(text, name);
  if (lines.problems.length > 0) return { ...nothing, problems: lines.problems };
  const unreadable = (problem: string, remedy: string): TableProblem => ({
    kind: 'table-unreadable',
    subject: name,
    problem,
    remedy,
  });
  if (lines.rows.length === 0) {
    return { ...nothing, problems: [unreadable('The table is empty.', WANTED)] };
  }
  const [header, ...rows] = lines.rows;
  const { columns, problems } = readHeader(header, name);
  if (!columns) return { ...nothing, problems };
  if (rows.length === 0) {
    const empty = unreadable('The table has a header but no case.', 'Add a line for each case.');
    return { ...nothing, problems: [...problems, empty] };
  }
  const read = rows.map((row) => readRow(row, columns, name));
  const cases = read.flatMap((row) => row.case ?? []);
  return {
    name,
    classes: columns.classes.map((label) => label.name),
    cases,
    problems: [
      ...problems,
      ...read.flatMap((row) => row.problems),
      ...sameNames(cases, name),
      ...splitPatients(cases, name),
      ...otherChannels(cases, name),
    ],
    oddities: odditiesOf(text, lines.rows),
    withoutPatient: read.flatMap((row) => (row.case && !row.hasPatient ? row.case.name : [])),
  };
}

/** A line of a table. */
export interface TableRow {
  readonly cells: readonly string[];
  readonly line: number;
}

const READING = {
  bom: true,
  relax_column_count: true,
  skip_empty_lines: true,
  // Spreadsheets leave lines of commas behind.
  skip_records_with_empty_values: true,
} as const;

/** The lines of comma-separated text that are not blank. */
export function readLines(
  text: string,
  name: string,
): { readonly rows: readonly TableRow[]; readonly problems: readonly TableProblem[] } {
  const kind = 'table-unreadable';
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, { ...READING, info: true, trim: true }) as unknown as typeof records;
  } catch (cause) {
    const problem = `It cannot be read as comma-separated text. ${(cause as CsvError).message}.`;
    return {
      rows: [],
      problems: [{ kind, subject: name, problem, remedy: 'Save it as CSV again.', cause }],
    };
  }
  const rows = records.map(({ record, info }) => ({ cells: record, line: info.lines }));
  const problems = rows.flatMap(({ cells, line }) => {
    const cell = cells.find((candidate) => /\p{Cc}/u.test(candidate));
    if (cell === undefined) return [];
    const problem = `There is a line break or another control character in ${JSON.stringify(cell)}.`;
    const remedy =
      'Take it out; if it is not meant to be there, look for a quotation mark that is not closed.';
    return [{ kind, subject: at(name, line), problem, remedy } as const];
  });
  return { rows, problems };
}

/** What spreadsheets and editors leave in a table. */
function odditiesOf(text: string, rows: readonly TableRow[]): string[] {
  const trimmed = rows.map(({ cells }) => cells.join('\0'));
  let spaces: boolean;
  try {
    const records = parse(text, { ...READING, relax_quotes: true }) as string[][];
    spaces = records.some((cells, i) => cells.join('\0') !== trimmed[i]);
  } catch {
    // Only spaces around quotation marks can stop it here.
    spaces = true;
  }
  return [
    ...(text.startsWith('\uFEFF') ? ['a byte order mark'] : []),
    ...(spaces ? ['spaces around cells'] : []),
  ];
}

interface Columns {
  readonly count: number;
  /** Place of a column among the cells; -1 where there is none. */
  readonly place: (column: string) => number;
  readonly classes: readonly { readonly name: string; readonly place: number }[];
}

function readHeader(
  { cells: header, line }: TableRow,
  name: string,
): { columns?: Columns; problems: TableProblem[] } {
  const problem = (words: string, remedy: string, fixable = false): TableProblem => ({
    kind: 'table-columns',
    subject: at(name, line),
    problem: words,
    remedy,
    fixable,
  });
  const list = `The header has ${header.map((column) => JSON.stringify(column)).join(', ')}`;
  const classes = header.flatMap((column, place) => {
    if (column === 'label') return [{ name: column, place }];
    return column.startsWith('label:') ? [{ name: column.slice('label:'.length).trim(), place }] : [];
  });
  const missing = ['case', 'patient', 'split', 'image'].filter((column) => !header.includes(column));
  if (classes.length === 0) missing.push('label');
  const problems: TableProblem[] = [];
  if (missing.length > 0) {
    const alien = header.length === 1 && /[;\t]/.test(header[0]);
    const remedy = alien ? 'Put commas between the columns.' : WANTED;
    // Where nobody says whose a case is, it is a patient of its own; everything else has to be told.
    const fixable = missing.join() === 'patient';
    problems.push(problem(`${list}; missing: ${missing.join(', ')}.`, remedy, fixable));
    if (!fixable) return { problems };
  }
  const known = (column: string) => COLUMNS.includes(column) || /^label:\s*\S/.test(column);
  for (const unknown of header.filter((column) => !known(column))) {
    problems.push(
      problem(
        `There is no meaning for a column ${JSON.stringify(unknown)}.`,
        `Take it out, or call it label:NAME if it is a label. ${WANTED}`,
      ),
    );
  }
  const meanings = header.map(
    (column, place) => classes.find((label) => label.place === place)?.name ?? `column ${column}`,
  );
  const twice = header.filter((_, place) => meanings.indexOf(meanings[place]) !== place);
  for (const column of twice) {
    problems.push(problem(`There are two columns for ${column}.`, 'Keep one of them.'));
  }
  const own = classes.filter(({ name: label, place }) => label !== '' && meanings.indexOf(label) === place);
  return {
    columns: { count: header.length, place: (column) => header.indexOf(column), classes: own },
    problems,
  };
}

interface ReadRow {
  /** Absent where the row does not say which case it is or where its images are. */
  readonly case?: ReadCase;
  readonly hasPatient: boolean;
  readonly problems: readonly TableProblem[];
}

function readRow({ cells, line }: TableRow, { count, place, classes }: Columns, file: string): ReadRow {
  const problems: TableProblem[] = [];
  const complain = (kind: TableProblem['kind'], problem: string, remedy: string) => {
    problems.push({ kind, subject: at(file, line), problem, remedy });
  };
  if (cells.length !== count) {
    complain(
      'table-row',
      `The header has ${count} columns, but this line ${cells.length}.`,
      'Put text with commas in quotation marks.',
    );
    // Which cell is which nobody knows.
    return { hasPatient: true, problems };
  }
  const cell = (column: string) => cells[place(column)] ?? '';
  const name = cell('case');
  if (name.trim() === '') complain('table-row', 'The case has no name.', 'Fill in the column case.');
  const split = splits.find((known) => known === cell('split'));
  if (!split) {
    const given = JSON.stringify(cell('split'));
    complain('unknown-split', `Case ${name} is in the split ${given}.`, 'Write train or validation.');
  }
  const labels = classes.map((label) => {
    const text = cells[label.place];
    if (text === '0' || text === '1') return Number(text);
    const which = label.name === 'label' ? 'label' : `label:${label.name}`;
    complain(
      'label-not-numeric',
      `Case ${name} has ${JSON.stringify(text)} in the column ${which}.`,
      'Write 1 where the finding is anywhere in the volume and 0 where it is not.',
    );
    return undefined;
  });
  const images = cell('image')
    .split(SEPARATOR)
    .map((path) => path.trim());
  const lacking = images.indexOf('');
  if (lacking >= 0) {
    complain(
      'table-row',
      `Case ${name} has no image${images.length > 1 ? ` for channel ${lacking + 1}` : ''}.`,
      `Name a file for each channel, with ${SEPARATOR} between them.`,
    );
  }
  const box = readBox(cell('box'));
  if (box === 'wrong') {
    complain('box-unreadable', `Case ${name} has the box ${JSON.stringify(cell('box'))}.`, BOX);
  }
  const patient = cell('patient');
  const whole = name.trim() !== '' && lacking < 0;
  const row = {
    name,
    patient: patient || name,
    split,
    labels,
    images,
    mask: cell('mask') || undefined,
    box: box === 'wrong' ? undefined : box,
    line,
  };
  return { ...(whole && { case: row }), hasPatient: patient !== '', problems };
}

const BOX =
  'Write d0:d1 h0:h1 w0:w1, in voxels from 0 along axes 0, 1 and 2, the second of each pair behind the last voxel.';

/** 'wrong' for text that is neither empty nor a box with a voxel in it. */
function readBox(text: string): Box | 'wrong' | undefined {
  if (text === '') return undefined;
  const [, ...ends] = /^(\d+):(\d+)\s+(\d+):(\d+)\s+(\d+):(\d+)$/.exec(text)?.map(Number) ?? [];
  const [d0, d1, h0, h1, w0, w1] = ends;
  // An axis is never that long, and larger numbers would not come back as they were written.
  if (ends.length === 0 || !ends.every(Number.isSafeInteger)) return 'wrong';
  if (d0 >= d1 || h0 >= h1 || w0 >= w1) return 'wrong';
  return { from: [d0, h0, w0], to: [d1, h1, w1] };
}

function sameNames(cases: readonly ReadCase[], file: string): TableProblem[] {
  const seen = new Map<string, ReadCase>();
  return cases.flatMap((row) => {
    const first = seen.get(row.name);
    if (!first) {
      seen.set(row.name, row);
      return [];
    }
    const problem = `There is already a case ${row.name} on line ${first.line}.`;
    const remedy = 'Give every case a name of its own.';
    return [{ kind: 'case-name-twice', subject: at(file, row.line), problem, remedy } as const];
  });
}

/** A network recognises a patient: cases of one in both splits would make it look better than it is. One problem each. */
function splitPatients(cases: readonly ReadCase[], file: string): TableProblem[] {
  const seen = new Map<string, ReadCase>();
  const told = new Set<string>();
  return cases.flatMap((row) => {
    if (!row.split) return [];
    const first = seen.get(row.patient) ?? row;
    seen.set(row.patient, first);
    if (first.split === row.split || told.has(row.patient)) return [];
    told.add(row.patient);
    const of = ({ name, split, line }: ReadCase) => `case ${name} (line ${line}) in ${split}`;
    const problem = `Patient ${row.patient} is in two splits: ${of(first)}, ${of(row)}.`;
    const remedy = 'Put all cases of a patient in one split.';
    return [{ kind: 'patient-in-two-splits', subject: at(file, row.line), problem, remedy } as const];
  });
}

/** Cases with another number of files than most, or than the first where there is no most. */
function otherChannels(cases: readonly ReadCase[], file: string): TableProblem[] {
  const counts = new Map<number, number>();
  for (const { images } of cases) counts.set(images.length, (counts.get(images.length) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const model = cases.find(({ images }) => counts.get(images.length) === most);
  const count = ({ name, images }: ReadCase) =>
    `case ${name} has ${images.length} channel${images.length === 1 ? '' : 's'}`;
  return cases.flatMap((row) => {
    if (!model || row.images.length === model.images.length) return [];
    const problem = `${capital(count(row))}, but ${count(model)} (line ${model.line}).`;
    const remedy = `Name the same channels in every case, in the same order, with ${SEPARATOR} between them.`;
    return [{ kind: 'channel-files', subject: at(file, row.line), problem, remedy } as const];
  });
}

const capital = (text: string) => text[0].toUpperCase() + text.slice(1);

const at = (file: string, line: number) => `${file}, line ${line}`;
