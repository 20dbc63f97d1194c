/**
 * The first sheet of an .xlsx file, which is a ZIP archive of XML. A library reads it; but a file of a kilobyte can make it
 * fill gigabytes, either because it unpacks to them or because a lone cell stands in the last row and column of a sheet. So
 * sizes and addresses are looked at first.
 */
import { TonnoError } from '../../errors.ts';
import type { TableRow } from './row.ts';
import { unpackEntry, type ZipEntry, zipEntries } from './zip.ts';

const MIB = 2 ** 20;
/** Of rows times columns. The largest table known here, of all images of a large archive, has five million. */
const MOST_CELLS = 2 ** 25;
/** Engines hold no longer text than some 2^29 characters, and the library makes one of each sheet. */
const MOST_TEXT = 2 ** 29 - 32;

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/**
 * Rows of the first sheet that are not blank; dates as YYYY-MM-DD.
 * @throws TonnoError when it is no .xlsx file, damaged, or too large.
 */
export async function readWorkbook(bytes: Uint8Array, name: string, most: number): Promise<TableRow[]> {
  try {
    await refuseLarge(bytes, name, most);
    const { readSheet } = await import('read-excel-file/universal');
    const sheet = (await readSheet(bytes.slice().buffer)) as readonly (readonly unknown[])[];
    return sheet.flatMap((row, i) => {
      const cells = row.map(cellText);
      return cells.some((cell) => cell !== '') ? [{ cells, line: i + 1 }] : [];
    });
  } catch (error) {
    if (error instanceof TonnoError) throw error;
    throw new TonnoError(name, 'It cannot be read as an .xlsx file: it is damaged, or something else.', {
      remedy: 'Copy or download it again, or save it as .csv.',
      cause: error,
    });
  }
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString().replace(/T00:00:00\.000Z$/, '');
  return String(value).trim();
}

async function refuseLarge(bytes: Uint8Array, name: string, most: number): Promise<void> {
  const entries = zipEntries(bytes);
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (total > most || entries.some(({ size }) => size > MOST_TEXT)) {
    throw new TonnoError(
      name,
      `It unpacks to ${Math.ceil(total / MIB)} MiB; no more than ${Math.floor(Math.min(most, MOST_TEXT) / MIB)} MiB are read.`,
      { remedy: 'Check that this is the right file, or save its sheet as .csv.' },
    );
  }
  // Which part is the sheet is written in the others, so all of them are looked at.
  for (const entry of entries) {
    if (entry.name.endsWith('.xml')) await refuseFarCells(bytes, entry, name);
  }
}

/** The library makes all rows and columns up to the last one that is mentioned. */
async function refuseFarCells(bytes: Uint8Array, entry: ZipEntry, name: string): Promise<void> {
  let [rows, columns] = [0, 0];
  let rest = '';
  await unpackEntry(bytes, entry, (piece) => {
    const text = rest + latin1(piece);
    for (const [, letters, digits] of text.matchAll(/\sr\s*=\s*["']([A-Z]{0,3})(\d{1,8})["']/g)) {
      rows = Math.max(rows, Number(digits));
      let column = 0;
      for (let i = 0; i < letters.length; i++) column = 26 * column + letters.charCodeAt(i) - 64;
      columns = Math.max(columns, column);
    }
    rest = text.slice(-40);
  });
  if (rows * columns <= MOST_CELLS) return;
  throw new TonnoError(
    name,
    `Its sheet reaches to row ${rows} and column ${columns}, which are ${rows * columns} cells; no more than ${MOST_CELLS} are read.`,
    { remedy: 'Delete what stands far from the table, or save the table as .csv.' },
  );
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
