/** A row of a table with something in it. */
export interface TableRow {
  /** Trimmed; fewer than there are columns where the last are empty. */
  readonly cells: readonly string[];
  /** Where it stands in the file, from 1. */
  readonly line: number;
}
