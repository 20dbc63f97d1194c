/** Tables for a terminal. */

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
