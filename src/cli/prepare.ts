/**
 * tonno prepare: a source of cases in, a cohort on the disk out: images, masks and the table that `tonno train` reads.
 * Each source is a command of its own. The settings are written first and the table last, so that a folder with a
 * table is whole, and one without it can be gone on with.
 */
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { writeCohort } from '../datasets/cohort.ts';
import { lesionPhantom } from '../datasets/phantom.ts';
import { type PhantomCase, phantomCases, phantomCohortSettings } from '../datasets/phantom-cohort.ts';
import { TonnoError } from '../errors.ts';
import type { Range } from '../geometry/random.ts';
import { VERSION } from '../version.ts';
import { exists, jsonBytes, prepareFolder, readBytes, readRecord, writeWhole } from './files.ts';
import { numbers, wholeNumber } from './options.ts';
import type { Run } from './run.ts';
import { volumeBytes } from './volumes.ts';

export interface PhantomOptions {
  out: string;
  train: number;
  validation: number;
  size: number;
  seed: number;
  lesions: Range;
}

/** Seen as a record of how the folder's files were made; anything else in it is another run's. */
const RECORD = 'cohort.json';
export const TABLE = 'cohort.csv';

export function addPrepare(program: Command, run: Run): void {
  const prepare = program
    .command('prepare')
    .summary('put a cohort with scan-level labels on the disk')
    .description(`Write images, masks and ${TABLE}, the table of a cohort.`);
  const phantom = prepare
    .command('phantom')
    .summary('phantoms with and without lesions, told apart by shape alone')
    .description(
      'Make a cohort of phantoms, half of them with lesions: as bright as one another, so that shapes must be learned.',
    )
    .requiredOption('-o, --out <folder>', 'where the cohort goes; made if missing');
  addPhantomOptions(phantom).action((options: PhantomOptions) =>
    run(async () => {
      const prepared = await preparePhantoms(options, run);
      run.terminal.print(prepared.table);
      run.terminal.result({ command: 'prepare phantom', ...prepared });
    }),
  );
}

/** All that decides what a cohort of phantoms holds: also an experiment's settings of one. */
export function addPhantomOptions(command: Command): Command {
  return command
    .option('--train <n>', 'cases for training', wholeNumber(2, 100_000), 160)
    .option('--validation <n>', 'cases for validation', wholeNumber(2, 100_000), 40)
    .option('--size <voxels>', 'side of the volumes', wholeNumber(40, 512), 64)
    .option('--seed <n>', 'of the cohort', wholeNumber(0, 2 ** 31 - 1), 0)
    .option('--lesions <least,most>', 'in a positive case', lesionCounts, [1, 3]);
}

/** Writes the cohort, or what is missing of it. */
export async function preparePhantoms(options: PhantomOptions, { terminal, signal }: Run) {
  const { out, size, seed, ...counts } = options;
  const settings = phantomCohortSettings({ ...counts, seed, shape: [size, size, size] });
  const cases = phantomCases(settings);
  const table = join(out, TABLE);
  const text = writeCohort({ name: table, classes: ['label'], cases: cases.map((one) => one.case) });
  await claimFolder(out, { software: { name: 'tonno', version: VERSION }, source: 'phantom', settings });
  await refuseOtherTable(table, text);
  const progress = terminal.progress('phantoms');
  let made = 0;
  try {
    for (const [done, one] of cases.entries()) {
      if (await writePhantom(out, one, `tonno ${VERSION} phantom ${one.case.name} seed=${seed}`, signal))
        made++;
      progress.update(done + 1, cases.length, 'cases', { count: made, units: 'cases' });
    }
  } finally {
    progress.end();
  }
  await writeWhole({ [table]: new TextEncoder().encode(text) });
  const positives = cases.filter((one) => one.case.labels[0] === 1).length;
  const kept = cases.length - made;
  terminal.log(
    `${cases.length} phantoms of ${size} × ${size} × ${size} voxels, ${positives} with lesions${kept > 0 ? `; ${kept} were there already` : ''}.`,
  );
  return { table, cases: cases.length, positives, made, kept, settings };
}

/** Writes what is missing of a case. Whatever has its final name is whole. @returns whether anything was. */
async function writePhantom(
  folder: string,
  { case: row, recipe }: PhantomCase,
  description: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [image, mask] = [join(folder, row.images[0]), row.mask && join(folder, row.mask)];
  if ((await exists(image)) && (!mask || (await exists(mask)))) return false;
  const phantom = lesionPhantom(recipe);
  const files = { [image]: await volumeBytes(phantom.image, { datatype: 'float32', description, signal }) };
  if (mask) files[mask] = await volumeBytes(phantom.mask, { datatype: 'uint8', description, signal });
  await writeWhole(files);
  return true;
}

/**
 * Makes the folder and writes down what goes into it, unless it says that already.
 * @throws TonnoError when it holds another cohort, or a table or volumes of unknown origin.
 */
async function claimFolder(folder: string, record: object): Promise<void> {
  await prepareFolder(folder);
  const path = join(folder, RECORD);
  if (await exists(path)) {
    const theirs = statements(
      await readRecord(path, 'It is not JSON, and does not say how the cohort in its folder was made.', {
        remedy: 'Give another folder with --out.',
      }),
    );
    const ours = statements(record);
    const other = [...new Set([...theirs.keys(), ...ours.keys()])].find(
      (key) => theirs.get(key) !== ours.get(key),
    );
    if (other !== undefined) {
      throw new TonnoError(
        path,
        `The folder holds a cohort with other settings: ${other} is ${theirs.get(other) ?? 'missing'} there and ${ours.get(other) ?? 'missing'} here.`,
        { remedy: 'Give the same settings to go on with it, or another folder with --out.' },
      );
    }
  } else {
    for (const name of [TABLE, 'images', 'masks']) {
      if (!(await exists(join(folder, name)))) continue;
      throw new TonnoError(
        join(folder, name),
        `It is there already, without a ${RECORD} that says how it was made.`,
        {
          remedy: 'Give another folder with --out.',
        },
      );
    }
    await writeWhole({ [path]: jsonBytes(record) });
  }
  await prepareFolder(join(folder, 'images'));
  await prepareFolder(join(folder, 'masks'));
}

/** A table that someone has worked on must not be lost. */
async function refuseOtherTable(path: string, text: string): Promise<void> {
  if (!(await exists(path)) || new TextDecoder().decode(await readBytes(path)) === text) return;
  throw new TonnoError(path, 'It has been changed since it was written.', {
    remedy: 'Keep it as it is, or move it away to have it written again.',
  });
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

/** "1,3" or, for the same number in all, "2". */
function lesionCounts(text: string): Range {
  const [least, most = least, ...more] = numbers(text);
  if (!Number.isInteger(least) || !Number.isInteger(most) || least < 1 || most < least || more.length > 0) {
    throw new InvalidArgumentError(
      'It must be a whole number of at least 1, or the fewest and the most such as 1,3.',
    );
  }
  return [least, most];
}
