/**
 * The folder of a cohort: a record of how its files are made, which is there before any of them, volumes in folders of
 * their own, and the table, which comes last. So a folder with a table is whole, one without it can be gone on with, and
 * what was made otherwise is never mixed with what is to be made.
 */
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TonnoError } from '../../errors.ts';
import { COHORT_RECORD, type CohortRecord } from '../cohort-record.ts';
import { exists, jsonBytes, onFile, prepareFolder, readBytes, readRecord, writeWhole } from '../files.ts';

export const TABLE = 'cohort.csv';
export const IMAGES = 'images';
export const MASKS = 'masks';

/**
 * Makes the folder and writes down what goes into it, unless it says that already.
 * @param claim all that decides what the volumes hold.
 * @param besides what a record says that does not.
 * @param folders of the cohort's files.
 * @returns the record that was there.
 * @throws TonnoError when the folder holds another cohort, or a table or volumes of unknown origin.
 */
export async function claimFolder(
  folder: string,
  claim: object,
  besides: readonly string[] = [],
  folders: readonly string[] = [IMAGES, MASKS],
): Promise<CohortRecord | undefined> {
  await prepareFolder(folder);
  const path = join(folder, COHORT_RECORD);
  let before: CohortRecord | undefined;
  if (await exists(path)) {
    const problem = 'It is not JSON, and does not say how the cohort in its folder was made.';
    before = (await readRecord(path, problem, { remedy: 'Give another folder with --out.' })) as CohortRecord;
    refuseOther(path, before, claim, besides);
  } else {
    for (const name of [TABLE, ...folders]) {
      if (!(await exists(join(folder, name)))) continue;
      throw new TonnoError(
        join(folder, name),
        `It is there already, without a ${COHORT_RECORD} that says how it was made.`,
        { remedy: 'Give another folder with --out.' },
      );
    }
    await writeWhole({ [path]: jsonBytes(claim) });
  }
  for (const name of folders) {
    await prepareFolder(join(folder, name));
    await sweep(join(folder, name));
  }
  return before;
}

function refuseOther(path: string, record: object, claim: object, besides: readonly string[]): void {
  const decisive = Object.entries(record ?? {}).filter(([key]) => !besides.includes(key));
  const theirs = statements(Object.fromEntries(decisive));
  // As it comes back from a file.
  const ours = statements(JSON.parse(JSON.stringify(claim)));
  const other = [...new Set([...theirs.keys(), ...ours.keys()])].find(
    (key) => theirs.get(key) !== ours.get(key),
  );
  if (other === undefined) return;
  throw new TonnoError(
    path,
    `The folder holds a cohort with other settings: ${other} is ${theirs.get(other) ?? 'missing'} there and ${ours.get(other) ?? 'missing'} here.`,
    { remedy: 'Give the same settings to go on with it, or another folder with --out.' },
  );
}

/** Everything a record says, by its path in it. */
function statements(record: unknown, path = ''): Map<string, string> {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    return new Map([[path, JSON.stringify(record)]]);
  }
  return new Map(
    Object.entries(record).flatMap(([key, value]) => [...statements(value, path ? `${path}.${key}` : key)]),
  );
}

/** Removes what processes left half-written that were killed, and are gone. */
async function sweep(folder: string): Promise<void> {
  for (const name of await onFile(folder, () => readdir(folder))) {
    const [, pid] = /^\..*\.(\d+)\.tmp$/.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A table that someone has worked on must not be lost. @param is whether its bytes are what was written. */
export async function refuseChangedTable(path: string, is: (bytes: Uint8Array) => boolean): Promise<void> {
  if (!(await exists(path)) || is(await readBytes(path))) return;
  throw new TonnoError(path, 'It has been changed since it was written.', {
    remedy: 'Keep it as it is, or move it away to have it written again.',
  });
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
