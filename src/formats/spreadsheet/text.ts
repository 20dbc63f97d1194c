/** Tables of text: what the bytes say, what stands between the columns, and the rows. */
import { type CsvError, parse } from 'csv-parse/browser/esm/sync';
import { TonnoError } from '../../errors.ts';
import type { TableRow } from './row.ts';

const MIB = 2 ** 20;
const PIECE = MIB / 4;
/** Old .xls files, and .xlsx files with a password, are containers that begin so. */
const COMPOUND_FILE = [0xd0, 0xcf, 0x11, 0xe0];

/**
 * Text in UTF-8, in UTF-16 with a byte order mark, or else in Windows' Western code page, which spreadsheets still write.
 * @throws TonnoError when it is no text, or longer than `most` bytes.
 */
export function decodeText(bytes: Uint8Array, name: string, most: number): string {
  if (COMPOUND_FILE.every((byte, i) => bytes[i] === byte)) {
    throw new TonnoError(name, 'This is an old .xls file, or an .xlsx file with a password.', {
      remedy: 'Save it as .xlsx or .csv, without a password.',
    });
  }
  if (bytes.length > most) {
    throw new TonnoError(
      name,
      `The table is ${Math.ceil(bytes.length / MIB)} MiB large; no more than ${most / MIB} MiB are read.`,
      { remedy: 'Check that this is the right file.' },
    );
  }
  const mark = (bytes[0] << 8) | bytes[1];
  if (mark === 0xfffe) return new TextDecoder('utf-16le').decode(bytes);
  if (mark === 0xfeff) return new TextDecoder('utf-16be').decode(bytes);
  if (bytes.subarray(0, 4096).includes(0)) {
    throw new TonnoError(name, 'This is neither an .xlsx file nor text.', {
      remedy: 'Give a table as .xlsx, .csv or .tsv.',
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/**
 * The rows that are not blank and that `keep` keeps.
 * @param piece characters that are parsed at a time, more or less.
 * @throws TonnoError when quotation marks do not fit together.
 */
export function parseText(
  text: string,
  name: string,
  keep: (cells: readonly string[]) => boolean,
  piece = PIECE,
): TableRow[] {
  const rows: TableRow[] = [];
  const sign = delimiter(text);
  let before = 0;
  for (const part of pieces(text, piece)) {
    const add = (cells: string[], line: number) => {
      if (keep(cells)) rows.push({ cells, line: before + line });
    };
    // Tables of a million rows rarely have quotation marks, and without them there is nothing to be told apart.
    if (part.includes('"')) parseQuoted(part, sign, name, add);
    else parsePlain(part, sign, add);
    before += part.split('\n').length - 1;
  }
  return rows;
}

function parsePlain(text: string, sign: string, add: (cells: string[], line: number) => void): void {
  for (const [i, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const cells = line.split(sign).map((cell) => cell.trim());
    if (cells.some((cell) => cell !== '')) add(cells, i + 1);
  }
}

function parseQuoted(
  text: string,
  sign: string,
  name: string,
  add: (cells: string[], line: number) => void,
): void {
  try {
    parse(text, {
      bom: true,
      delimiter: sign,
      trim: true,
      relax_column_count: true,
      // A mark in the middle of a cell is one of inches or minutes.
      relax_quotes: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      on_record: (cells, { lines }) => {
        add(cells, lines);
        return null;
      },
    });
  } catch (error) {
    throw new TonnoError(name, `It cannot be read as a table of text. ${(error as CsvError).message}.`, {
      remedy: 'Save it again as .csv.',
      cause: error,
    });
  }
}

/** Whole rows: the library needs many times the memory of the text that it is given. */
function* pieces(text: string, length: number): Generator<string> {
  for (let start = 0; start < text.length; ) {
    let end = start;
    let marks = 0;
    do {
      const from = end;
      end = text.indexOf('\n', from + length) + 1 || text.length;
      marks += text.slice(from, end).split('"').length - 1;
      // A line break between quotation marks is part of a cell.
    } while (marks % 2 === 1 && end < text.length);
    yield text.slice(start, end);
    start = end;
  }
}

/** What stands between the columns of the first line that has anything; spreadsheets write what their country is used to. */
function delimiter(text: string): string {
  const line = /^.*\S.*$/m.exec(text)?.[0].replace(/"[^"]*"/g, '') ?? '';
  const counts = ['\t', ';', ','].map((sign) => line.split(sign).length);
  return ['\t', ';', ','][counts.lastIndexOf(Math.max(...counts))];
}
