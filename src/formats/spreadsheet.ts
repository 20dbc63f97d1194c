/**
 * Tables as people keep them: the first sheet of an .xlsx file, or text with commas, semicolons or tabs between the
 * columns. What a file is is seen from its content, whatever its name. Every cell becomes text, and columns are found by
 * their names, which may stand below other rows: some tables have headers of several rows.
 */
import { listed, TonnoError } from '../errors.ts';
import type { TableRow } from './spreadsheet/row.ts';
import { decodeText, parseText } from './spreadsheet/text.ts';
import { isZip, readWorkbook } from './spreadsheet/workbook.ts';

export type { TableRow } from './spreadsheet/row.ts';

export interface Table {
  /** The file, for errors. */
  readonly name: string;
  readonly rows: readonly TableRow[];
}

export interface TableOptions {
  /** Of text, or of all that an .xlsx file holds unpacked; default 64 MiB. */
  readonly maxBytes?: number;
  /** Which rows to keep: of large tables few may be wanted. */
  readonly keep?: (cells: readonly string[]) => boolean;
}

/** Rows of a table by the names of its columns. */
export interface NamedRow {
  readonly line: number;
  /** Empty where the table has no such column. */
  readonly get: (column: string) => string;
}

const MOST_BYTES = 64 * 2 ** 20;
/** Headers of more rows than this are none. */
const HEADER_ROWS = 10;

/**
 * Reads a table.
 * @param name what errors call the file.
 * @throws TonnoError when it is no table, damaged, empty, or larger than `maxBytes` or some 33 million cells.
 */
export async function decodeTable(
  bytes: Uint8Array,
  name: string,
  { maxBytes = MOST_BYTES, keep = () => true }: TableOptions = {},
): Promise<Table> {
  const rows = isZip(bytes)
    ? await readWorkbook(bytes, name, maxBytes, keep)
    : parseText(decodeText(bytes, name, maxBytes), name, keep);
  if (rows.length === 0) {
    throw new TonnoError(name, 'The table is empty.', {
      remedy: 'Copy or download it again; of an .xlsx file the first sheet is read.',
    });
  }
  return { name, rows };
}

/**
 * The rows below the header, which is the first of the topmost rows that has all required columns. Capitals, spaces and
 * signs in their names do not matter.
 * @param optional columns that may be missing: their cells are then empty.
 * @throws TonnoError when a column is missing or there twice.
 */
export function namedRows(
  { name, rows }: Table,
  required: readonly string[],
  optional: readonly string[] = [],
): NamedRow[] {
  const plain = rows.slice(0, HEADER_ROWS).map(({ cells }) => cells.map(plainName));
  const missing = plain.map((cells) => required.filter((column) => !cells.includes(plainName(column))));
  const header = missing.findIndex((columns) => columns.length === 0);
  if (header < 0) {
    const nearest = missing.reduce(
      (best, columns, i) => (columns.length < missing[best].length ? i : best),
      0,
    );
    const seen = rows[nearest].cells.filter((cell) => cell !== '').map((cell) => JSON.stringify(cell));
    throw new TonnoError(
      name,
      `There is no column ${missing[nearest].map((column) => JSON.stringify(column)).join(' and no column ')}.`,
      { remedy: `The columns are ${listed(seen, 30)}.` },
    );
  }
  const places = new Map<string, number>();
  for (const column of [...required, ...optional]) {
    const place = plain[header].indexOf(plainName(column));
    if (plain[header].indexOf(plainName(column), place + 1) > 0 && place >= 0) {
      throw new TonnoError(name, `There are two columns ${JSON.stringify(rows[header].cells[place])}.`, {
        remedy: 'Keep one of them, or rename the other.',
      });
    }
    places.set(column, place);
  }
  return rows.slice(header + 1).map(({ cells, line }) => ({
    line,
    get: (column) => cells[places.get(column) ?? -1] ?? '',
  }));
}

/** Whether one of the topmost rows has a cell of this name. */
export function hasColumn({ rows }: Table, column: string): boolean {
  const plain = plainName(column);
  return rows.slice(0, HEADER_ROWS).some(({ cells }) => cells.some((cell) => plainName(cell) === plain));
}

/** Names of columns are written in many ways: "Patient ID", "PatientID", "patient_id". */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}
