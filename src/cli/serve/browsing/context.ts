/** What all that looks through a folder shares: the files that the page may ask for, and notes of what could not be used. */
import { listed, TonnoError } from '../../../errors.ts';
import type { SharedFiles, Unshared } from '../shared-files.ts';

export interface Context {
  readonly files: SharedFiles;
  readonly notes: Notes;
  /** Name of the label that counts, of a cohort that has several. */
  readonly label?: string;
  readonly signal: AbortSignal;
}

export type Reason = Unshared | 'unknown' | 'apart';

/** What is said of one file, and of several. */
const REASONS: Readonly<Record<Reason, readonly [one: string, several: string]>> = {
  missing: ['is not there, or cannot be read', 'are not there, or cannot be read'],
  'not a file': ['is no file', 'are no files'],
  outside: [
    'is a link that leads out of what was given, and is not followed',
    'are links that lead out of what was given, and are not followed',
  ],
  unknown: ['is no volume of a known format', 'are no volumes of a known format'],
  apart: [
    'has its voxels in a file that does not lie beside it, and is left out',
    'have their voxels in files that do not lie beside them, and are left out',
  ],
};
/** Files that a note names. */
const NAMED = 3;

/** Sentences, each once; files that cannot be used for one reason are one of them. */
export class Notes {
  private readonly said = new Set<string>();
  private readonly unusable = new Map<Reason, Set<string>>();

  add(sentence: string): void {
    this.said.add(sentence);
  }

  addFile(why: Reason, path: string): void {
    this.unusable.set(why, (this.unusable.get(why) ?? new Set()).add(path));
  }

  sentences(): string[] {
    const files = [...this.unusable].map(([why, paths]) => {
      const [one, several] = REASONS[why];
      return paths.size === 1
        ? `${listed([...paths])} ${one}.`
        : `${paths.size} files ${several}: ${listed([...paths], NAMED)}.`;
    });
    return [...this.said, ...files];
  }
}

/** What a piece of work gives; where something is wrong with what it was given, a note and nothing. */
export async function attempt<T>(work: () => Promise<T>, notes: Notes): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TonnoError)) throw error;
    notes.add(error.message);
    return undefined;
  }
}

/** JSON has no other numbers, and a page could show no other. */
export function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Names as people count: case-2 before case-10. */
export const byName = new Intl.Collator('en', { numeric: true }).compare;

/** The items of a list that share a key, in the order of their first. */
export function grouped<T>(list: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const own = groups.get(keyOf(item));
    if (own) own.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups.values()];
}
