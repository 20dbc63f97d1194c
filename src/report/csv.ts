/** Comma-separated text. */

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
