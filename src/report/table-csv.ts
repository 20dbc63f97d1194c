/**
 * A table as CSV (RFC 4180): every number with all its digits, and columns of their own for what a printed table puts
 * beside the mean. The columns never depend on which numbers are known, so that programs find the same ones everywhere.
 */
import { isMetric, type Table, type TableCell, type TableColumn } from './tables.ts';

/** What a metric's columns are called after the metric's own: "f1", "f1_sd", "f1_low", "f1_high", "f1_difference". */
const PARTS = ['', '_sd', '_low', '_high', '_difference'] as const;

/**
 * @returns lines that end with CR LF, the first of them the columns' ids; a metric has five columns: its mean, its
 *   standard deviation over the folds, both ends of its 95 % interval, and its difference to the baseline between the
 *   printed values. What is not known is empty.
 */
export function tableCsv({ columns, rows }: Table): string {
  const header = columns.flatMap(({ id, kind }) =>
    kind === 'metric' ? PARTS.map((part) => id + part) : [id],
  );
  const lines = rows.map((row) => row.flatMap((cell, i) => fields(columns[i], cell)));
  return [header, ...lines].map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

function fields({ kind }: TableColumn, cell: TableCell): (string | number | undefined)[] {
  if (kind !== 'metric') return [isMetric(cell) ? undefined : cell];
  if (!isMetric(cell)) return PARTS.map(() => undefined);
  return [cell.mean, cell.deviation, cell.interval?.[0], cell.interval?.[1], cell.difference];
}

function field(value: string | number | undefined): string {
  const text = value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
