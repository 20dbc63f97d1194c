/**
 * The first sheet of an .xlsx file, which is a ZIP archive of XML (ECMA-376, part 1, chapter 18): the workbook names the sheet, cells point
 * to a table of texts, and styles say which numbers are dates. Parts are unpacked as they are read, and rows are handed on one by one,
 * so that a table of a million rows is read in the memory of its texts, and a file of a kilobyte cannot fill gigabytes.
 */
import { TonnoError } from '../../errors.ts';
import type { TableRow } from './row.ts';
import { type XmlHandlers, XmlReader } from './xml.ts';
import { unpackEntry, type ZipEntry, zipEntries } from './zip.ts';

const MIB = 2 ** 20;
/** Of all rows, empty ones between others in a row included; the largest table known here has four million. */
const MOST_CELLS = 2 ** 25;
/** A sheet has no more columns: XFD. */
const MOST_COLUMNS = 2 ** 14;
const DAY = 86_400_000;

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/**
 * Rows of the first sheet that are not blank and that `keep` keeps; dates as YYYY-MM-DD.
 * @param most bytes that the file may unpack to.
 * @throws TonnoError when it is no .xlsx file, damaged, or too large.
 */
export async function readWorkbook(
  bytes: Uint8Array,
  name: string,
  most: number,
  keep: (cells: readonly string[]) => boolean,
): Promise<TableRow[]> {
  try {
    return await new Workbook(bytes, name, most).rows(keep);
  } catch (error) {
    if (error instanceof TonnoError) throw error;
    throw new TonnoError(name, 'It cannot be read as an .xlsx file: it is damaged, or something else.', {
      remedy: 'Copy or download it again, or save it as .csv.',
      cause: error,
    });
  }
}

class Workbook {
  readonly #bytes: Uint8Array;
  readonly #name: string;
  readonly #entries: ReadonlyMap<string, ZipEntry>;

  constructor(bytes: Uint8Array, name: string, most: number) {
    this.#bytes = bytes;
    this.#name = name;
    const entries = zipEntries(bytes);
    const total = entries.reduce((sum, { size }) => sum + size, 0);
    if (total > most) {
      throw new TonnoError(
        name,
        `It unpacks to ${Math.ceil(total / MIB)} MiB; no more than ${most / MIB} MiB are read.`,
        { remedy: 'Check that this is the right file.' },
      );
    }
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  async rows(keep: (cells: readonly string[]) => boolean): Promise<TableRow[]> {
    const { sheet, from1904 } = await this.#firstSheet();
    const texts = await this.#texts();
    const dates = await this.#dateStyles();
    const value = (kind: string | undefined, style: number, raw: string): string => {
      if (kind === 's') {
        const text = texts[Number(raw)];
        if (raw === '' || text === undefined) throw new Error(`There is no text ${raw}.`);
        return text;
      }
      if (kind === 'b') return raw === '1' ? 'TRUE' : 'FALSE';
      if ((kind !== undefined && kind !== 'n') || raw === '') return unescaped(raw);
      const number = Number(raw);
      if (Number.isNaN(number)) throw new Error(`${raw} is no number.`);
      return dates.has(style) ? dateText(number, from1904) : String(number);
    };
    const rows: TableRow[] = [];
    const handlers = sheetHandlers(
      value,
      (cells, line) => {
        if (cells.some((cell) => cell !== '') && keep(cells)) rows.push({ cells, line });
      },
      this.#name,
    );
    if (!(await this.#read(sheet, handlers))) throw new Error(`There is no ${sheet}.`);
    return rows;
  }

  /** Reads a part. @returns false where there is none. */
  async #read(path: string, handlers: XmlHandlers): Promise<boolean> {
    const entry = this.#entries.get(path);
    if (!entry) return false;
    const reader = new XmlReader(handlers);
    const decoder = new TextDecoder('utf-8');
    await unpackEntry(this.#bytes, entry, (piece) => reader.write(decoder.decode(piece, { stream: true })));
    reader.write(decoder.decode());
    reader.end();
    return true;
  }

  async #firstSheet(): Promise<{ sheet: string; from1904: boolean }> {
    let id: string | undefined;
    let from1904 = false;
    await this.#read('xl/workbook.xml', {
      open(element, attribute) {
        if (element === 'sheet') id ??= attribute('id');
        if (element === 'workbookPr') from1904 = /^(1|true)$/.test(attribute('date1904') ?? '');
      },
    });
    let target: string | undefined;
    await this.#read('xl/_rels/workbook.xml.rels', {
      open(element, attribute) {
        if (element === 'Relationship' && attribute('Id') === id) target = attribute('Target');
      },
    });
    if (id === undefined || target === undefined) throw new Error('It names no sheet.');
    return { sheet: target.startsWith('/') ? target.slice(1) : `xl/${target}`, from1904 };
  }

  /** The texts that cells point to; none where all stand in the cells. */
  async #texts(): Promise<string[]> {
    const texts: string[] = [];
    let text = '';
    let [within, phonetic] = [false, false];
    await this.#read('xl/sharedStrings.xml', {
      open(element) {
        if (element === 'si') text = '';
        if (element === 't') within = true;
        // How it is read aloud, in Japanese.
        if (element === 'rPh') phonetic = true;
      },
      text(part) {
        if (within && !phonetic) text += part;
      },
      close(element) {
        if (element === 't') within = false;
        if (element === 'rPh') phonetic = false;
        if (element === 'si') texts.push(unescaped(text));
      },
    });
    return texts;
  }

  /** Styles, by their place, that show a number as a date. */
  async #dateStyles(): Promise<Set<number>> {
    const formats = new Set<string>();
    const styles = new Set<number>();
    let place = -1;
    await this.#read('xl/styles.xml', {
      open(element, attribute) {
        if (element === 'numFmt' && isDateFormat(attribute('formatCode') ?? '')) {
          formats.add(attribute('numFmtId') ?? '');
        }
        if (element === 'cellXfs') place = 0;
        if (element !== 'xf' || place < 0) return;
        const format = attribute('numFmtId') ?? '';
        if (formats.has(format) || isDateId(Number(format))) styles.add(place);
        place++;
      },
      close(element) {
        if (element === 'cellXfs') place = -1;
      },
    });
    return styles;
  }
}

function sheetHandlers(
  value: (kind: string | undefined, style: number, raw: string) => string,
  onRow: (cells: string[], line: number) => void,
  name: string,
): XmlHandlers {
  let cells: string[] = [];
  let [line, column, total] = [0, 0, 0];
  let kind: string | undefined;
  let style = 0;
  let raw = '';
  let within = false;
  return {
    open(element, attribute) {
      if (element === 'row') {
        cells = [];
        column = 0;
        line = Number(attribute('r') ?? line + 1);
      } else if (element === 'c') {
        // Without an address it is the next one.
        const letters = /^[A-Z]+/.exec(attribute('r') ?? '')?.[0];
        if (letters) column = columnOf(letters);
        kind = attribute('t');
        style = Number(attribute('s') ?? 0);
        raw = '';
      } else if (element === 'v' || element === 't') within = true;
    },
    text(part) {
      if (within) raw += part;
    },
    close(element) {
      if (element === 'v' || element === 't') within = false;
      else if (element === 'c') {
        if (column >= MOST_COLUMNS) throw new Error(`There is no column ${column}.`);
        const text = value(kind, style, raw).trim();
        if (text !== '') {
          total += column + 1 - cells.length;
          if (total > MOST_CELLS) throw tooManyCells(name);
          while (cells.length < column) cells.push('');
          cells[column] = text;
        }
        column++;
      } else if (element === 'row') onRow(cells, line);
    },
  };
}

function tooManyCells(name: string): TonnoError {
  return new TonnoError(name, `Its sheet has more than ${MOST_CELLS} cells.`, {
    remedy: 'Delete what stands far from the table, or save the table as .csv.',
  });
}

/** From 0: A, B, …, Z, AA, … */
function columnOf(letters: string): number {
  let column = 0;
  for (let i = 0; i < letters.length; i++) column = 26 * column + letters.charCodeAt(i) - 64;
  return column - 1;
}

/** Formats of numbers that need no definition (18.8.30): dates, and dates in the languages of East Asia. */
function isDateId(id: number): boolean {
  return (id >= 14 && id <= 17) || id === 22 || (id >= 27 && id <= 36) || (id >= 50 && id <= 58);
}

/** A code with a day, month or year outside of quotation marks, brackets and escapes. */
function isDateFormat(code: string): boolean {
  const plain = code.replace(/"[^"]*"|\[[^\]]*\]|\\.|_./g, '');
  return /[dy]/i.test(plain) || /mmm/i.test(plain);
}

/** Days since 30 December 1899, or since 1904 began. The year 1900 had no 29 February, but has one here, before day 61. */
function dateText(days: number, from1904: boolean): string {
  const start = from1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, days < 60 ? 31 : 30);
  const date = new Date(start + Math.round(days * DAY));
  if (Number.isNaN(date.getTime())) return String(days);
  return date.toISOString().replace(/(T00:00:00)?\.000Z$/, '');
}

/** Signs that XML cannot hold are written as _x000D_. */
function unescaped(text: string): string {
  if (!text.includes('_x')) return text;
  return text.replace(/_x([0-9A-F]{4})_/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
