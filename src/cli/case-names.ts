/**
 * Names of files that belong to a case of a cohort. A case may be called anything, a file may not: what some file system
 * would not take is written as %XX, as in addresses, so that different names stay different and each file leads back
 * to its case.
 */
import type { CohortCase } from '../datasets/cohort.ts';
import { TonnoError } from '../errors.ts';

/** Letters and digits of all scripts, and what file names are made of everywhere. */
const UNSAFE = /[^\p{L}\p{M}\p{N}._+-]/gu;
/** Files that begin so are hidden, or mean a folder. */
const HIDDEN = /^\./;

/** The stem of the names of a case's results. */
export function caseStem(name: string): string {
  const escaped = (text: string) =>
    [...new TextEncoder().encode(text)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join('');
  return name.replace(UNSAFE, escaped).replace(HIDDEN, escaped);
}

/**
 * The stem of each case's results, in the order of the cases.
 * @param table for errors.
 * @throws TonnoError when a file system that knows no capitals, or one way to write é, would take two for one.
 */
export function caseStems(cases: readonly CohortCase[], table: string): string[] {
  const seen = new Map<string, CohortCase>();
  return cases.map((row) => {
    const stem = caseStem(row.name);
    const key = stem.normalize('NFC').toLowerCase();
    const first = seen.get(key);
    if (first) {
      throw new TonnoError(
        `${table}, line ${row.line}`,
        `Files of case ${row.name} would have the names of those of case ${first.name} (line ${first.line}) wherever capitals do not count.`,
        { remedy: 'Give one of them another name.' },
      );
    }
    seen.set(key, row);
    return stem;
  });
}
