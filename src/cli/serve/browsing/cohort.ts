/** A cohort's table, and a training, which is the cohort it learned from and the encoders that came of it. */
import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { readCohort } from '../../cohort-cases.ts';
import { exists, readBytes } from '../../files.ts';
import { BEST_ENCODER, LAST_ENCODER, RUN_RECORD, type RunRecord, readRunRecord } from '../../run-folder.ts';
import { tableCases, whereIs } from './cases.ts';
import { attempt, type Context } from './context.ts';
import { encodersIn, type Found, gather, shareEncoders } from './gather.ts';

/** @throws TonnoError when it cannot be read. */
export async function browseTable(path: string, context: Context): Promise<Found> {
  const cohort = await readCohort(path);
  const whole = resolve(path);
  const folder = dirname(whole);
  return {
    title: `${basename(folder)}/${basename(whole)}`,
    kind: 'cohort',
    ...(await gather([], tableCases(cohort, context), context)),
    encoders: await shareEncoders(await encodersIn(folder), context, folder),
  };
}

/** @throws TonnoError when its record cannot be read. */
export async function browseRun(folder: string, context: Context): Promise<Found> {
  const record = await readRunRecord(folder);
  const table = record && (await trainingTable(folder, record.cohort, context));
  const cohort = table === undefined ? undefined : await attempt(() => readCohort(table), context.notes);
  const title = basename(resolve(folder));
  const encoders = [
    { name: `${title}, best`, path: join(folder, BEST_ENCODER) },
    { name: `${title}, last`, path: join(folder, LAST_ENCODER) },
  ];
  const there = await Promise.all(encoders.map(({ path }) => exists(path)));
  if (!there.includes(true)) context.notes.add(`There is no encoder in ${folder} yet.`);
  return {
    title,
    kind: 'run',
    ...(await gather([], cohort ? tableCases(cohort, context) : [], context)),
    encoders: await shareEncoders(
      encoders.filter((_, i) => there[i]),
      context,
      folder,
    ),
  };
}

/** The table that a training learned from: its path is as it was typed then. */
async function trainingTable(
  folder: string,
  { file, sha256 }: RunRecord['cohort'],
  { notes }: Context,
): Promise<string | undefined> {
  const table = typeof file === 'string' ? await whereIs(file, join(folder, RUN_RECORD)) : undefined;
  if (table === undefined) {
    notes.add(`The table that the training learned from is not there: ${file ?? 'its record names none'}.`);
    return undefined;
  }
  const bytes = await attempt(() => readBytes(table), notes);
  if (bytes && createHash('sha256').update(bytes).digest('hex') !== sha256) {
    notes.add(`${table} has changed since the training.`);
  }
  return table;
}
