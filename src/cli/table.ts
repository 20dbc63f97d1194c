/** Tables: columns for a terminal, comma-separated text for a file. */

const GAP = '  ';

/**
 * Rows in columns as wide as what is in them, the first row being the header.
 * @param left columns of words; the others are numbers and stand to the right.
 */
export function columnsOf(rows: readonly (readonly string[])[], left: readonly number[] = []): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        left.includes(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join(GAP)
      .trimEnd(),
  );
}

/** A cell of a file: what is not known is empty. */
export type Cell = string | number | undefined;

/** Comma-separated text (RFC 4180), the first row being the header. Numbers are as they are. */
export function csvBytes(rows: readonly (readonly Cell[])[]): Uint8Array {
  const quoted = (cell: Cell) => {
    const text = cell === undefined ? '' : String(cell);
    return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return new TextEncoder().encode(rows.map((cells) => `${cells.map(quoted).join()}\n`).join(''));
}
