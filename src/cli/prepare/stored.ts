/**
 * Studies that are prepared, as they lie in a cohort's folder: their volumes and, written last, a record of what they are.
 * A study with a record whose files are as large as it says is whole and need not be prepared again.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Study } from '../../datasets/adapter.ts';
import type { Box } from '../../volume/crop.ts';
import { exists, jsonBytes, readRecord, writeWhole } from '../files.ts';
import type { PreparedStudy } from './studies.ts';

export const STUDIES = 'studies';

const vector = z.tuple([z.number(), z.number(), z.number()]);
const storedCase = z.object({
  name: z.string(),
  labels: z.array(z.number()),
  images: z.array(z.string()),
  mask: z.string().optional(),
  box: z.object({ from: vector, to: vector }).optional(),
});
const storedStudy = z.object({
  /** As the archive had it. */
  study: z.unknown(),
  cases: z.array(storedCase),
  /** Bytes of each file, by its path in the cohort's folder. */
  files: z.record(z.string(), z.number()),
  warnings: z.array(z.string()),
  remarks: z.array(z.string()),
});

export interface StoredStudy {
  readonly cases: readonly {
    readonly name: string;
    readonly labels: readonly number[];
    readonly images: readonly string[];
    readonly mask?: string;
    readonly box?: Box;
  }[];
  /** What must be looked at, and how volumes were read, as sentences. */
  readonly warnings: readonly string[];
  readonly remarks: readonly string[];
}

/** A study that is prepared and whole; undefined where it is not, or where the archive has another of its name now. */
export async function storedStudyOf(folder: string, study: Study): Promise<StoredStudy | undefined> {
  const path = recordPath(folder, study);
  if (!(await exists(path))) return undefined;
  const remedy = 'Remove it to have the study prepared again.';
  const { data } = storedStudy.safeParse(await readRecord(path, 'It is no record of a study.', { remedy }));
  if (!data || canonical(data.study) !== canonical(study)) return undefined;
  for (const [file, bytes] of Object.entries(data.files)) {
    const size = await stat(join(folder, file)).then(
      (entry) => entry.size,
      () => undefined,
    );
    if (size !== bytes) return undefined;
  }
  return data;
}

/** Writes the files of a study and then its record. */
export async function storeStudy(
  folder: string,
  study: Study,
  { files, ...rest }: PreparedStudy,
): Promise<StoredStudy> {
  const sizes = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, bytes.length]));
  const bytes = Object.entries(files).map(([path, own]) => [join(folder, path), own] as const);
  const record = jsonBytes({ study, ...rest, files: sizes });
  await writeWhole({ ...Object.fromEntries(bytes), [recordPath(folder, study)]: record });
  return rest;
}

function recordPath(folder: string, { name }: Study): string {
  return join(folder, STUDIES, `${name}.json`);
}

/** As it is after it has been in a file. */
function canonical(study: unknown): string {
  return JSON.stringify(study);
}
