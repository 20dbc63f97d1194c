/**
 * Names of files in BIDS: entities, each a key and a value, and a suffix that says what is in the file. Which of several files
 * with one suffix is meant is said by entities.
 */
import { UsageError } from '../../errors.ts';

export type Entities = ReadonlyMap<string, string>;

/** A file of a volume. */
export interface BidsFile {
  /** From the data set's folder. */
  readonly path: string;
  readonly entities: Entities;
  /** "T1w" */
  readonly suffix: string;
}

/** "sub-01_acq-mprage_T1w.nii.gz"; undefined of what is no volume of a participant. */
export function parseBidsName(file: string, path: string): BidsFile | undefined {
  const [, stem] = /^(sub-.+)\.nii(?:\.gz)?$/.exec(file) ?? [];
  const parts = stem?.split('_') ?? [];
  const suffix = parts.pop();
  if (!suffix || !/^[A-Za-z0-9]+$/.test(suffix)) return undefined;
  const pairs = parts.map((part) => /^([A-Za-z0-9]+)-([A-Za-z0-9+]+)$/.exec(part));
  if (!pairs.every((pair) => pair !== null)) return undefined;
  return { path, entities: new Map(pairs.map(([, key, value]) => [key, value])), suffix };
}

/**
 * "acq-mprage,run-1" as entities; a value may be empty.
 * @throws UsageError when it is written otherwise.
 */
export function parseEntities(setting: string | undefined, option: string): Entities {
  const entities = new Map<string, string>();
  for (const part of setting?.split(',') ?? []) {
    const [, key, value] = /^([A-Za-z0-9]+)-([A-Za-z0-9+]*)$/.exec(part.trim()) ?? [];
    if (key === undefined || entities.has(key)) {
      throw new UsageError(option, `${JSON.stringify(setting)} is no list of entities.`, {
        remedy: 'Write each once, with commas between: acq-mprage,run-1.',
      });
    }
    entities.set(key, value);
  }
  return entities;
}

/**
 * Files that do not contradict the entities, and of these the ones that have most of them: a choice of run 1 leaves those
 * alone who were scanned once. An empty value wants files without the entity.
 */
export function bestMatches(files: readonly BidsFile[], wanted: Entities): BidsFile[] {
  const scores = files.map(({ entities }) => {
    let score = 0;
    for (const [key, value] of wanted) {
      const own = entities.get(key);
      if (value === '' ? own !== undefined : own !== undefined && !isSame(own, value)) return -1;
      if (own !== undefined || value === '') score++;
    }
    return score;
  });
  const best = Math.max(0, ...scores);
  return files.filter((_, i) => scores[i] === best);
}

/** Indices may be written with zeros before them. */
function isSame(a: string, b: string): boolean {
  return a === b || (/^\d+$/.test(a) && /^\d+$/.test(b) && Number(a) === Number(b));
}
