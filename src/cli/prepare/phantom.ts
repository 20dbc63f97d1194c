/** A cohort of phantoms on the disk: images, masks and the table, each phantom made where it is missing. */
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { writeCohort } from '../../datasets/cohort.ts';
import { lesionPhantom } from '../../datasets/phantom.ts';
import { type PhantomCase, phantomCases, phantomCohortSettings } from '../../datasets/phantom-cohort.ts';
import type { Range } from '../../geometry/random.ts';
import { VERSION } from '../../version.ts';
import type { Shape } from '../../volume/volume.ts';
import { exists, writeWhole } from '../files.ts';
import { numbers, wholeNumber } from '../options.ts';
import type { Run } from '../run.ts';
import { volumeBytes } from '../volumes.ts';
import { claimFolder, refuseChangedTable, TABLE } from './folder.ts';

export interface PhantomOptions {
  out: string;
  train: number;
  validation: number;
  /** Of all three sides, or of each. */
  size: number | Shape;
  seed: number;
  lesions: Range;
  lesionRadius?: Range;
}

export function addPhantom(prepare: Command, run: Run): void {
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
    .option('--size <voxels>', 'side of the volumes, or three: d,h,w', sides, 64)
    .option('--seed <n>', 'of the cohort', wholeNumber(0, 2 ** 31 - 1), 0)
    .option('--lesions <least,most>', 'in a positive case', lesionCounts, [1, 3])
    .option(
      '--lesion-radius <least,most>',
      'in voxels (4,7 for 64 voxels, in proportion for others)',
      lesionRadii,
    );
}

/** Writes the cohort, or what is missing of it. */
export async function preparePhantoms(options: PhantomOptions, { terminal, signal }: Run) {
  const { out, size, seed, train, validation, lesions, lesionRadius } = options;
  const shape: Shape = typeof size === 'number' ? [size, size, size] : size;
  const more = lesionRadius && { lesionRadius };
  const settings = phantomCohortSettings({ shape, train, validation, seed, lesions, ...more });
  const cases = phantomCases(settings);
  const table = join(out, TABLE);
  const text = writeCohort({ name: table, classes: ['label'], cases: cases.map((one) => one.case) });
  await claimFolder(out, { software: { name: 'tonno', version: VERSION }, source: 'phantom', settings });
  await refuseChangedTable(table, (bytes) => new TextDecoder().decode(bytes) === text);
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
    `${cases.length} phantoms of ${shape.join(' × ')} voxels, ${positives} with lesions${kept > 0 ? `; ${kept} were there already` : ''}.`,
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

/** "64" or, for axes 0, 1 and 2, "48,64,64". */
function sides(text: string): number | Shape {
  const side = wholeNumber(40, 512);
  const [d, h, w, ...more] = text.split(',').map(side);
  if (h === undefined) return d;
  if (w === undefined || more.length > 0) {
    throw new InvalidArgumentError('It must be one number of voxels, or three such as 48,64,64.');
  }
  return [d, h, w];
}

/** "3,6" or, for the same in all, "5". */
function lesionRadii(text: string): Range {
  const [least, most = least, ...more] = numbers(text);
  if (least <= 0 || most < least || more.length > 0) {
    throw new InvalidArgumentError('It must be a number above 0, or the least and the most such as 3,6.');
  }
  return [least, most];
}
