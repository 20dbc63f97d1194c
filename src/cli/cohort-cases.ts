/** The cases of a cohort's split, as inputs of a reconstruction. */
import { type Cohort, type CohortCase, parseCohort, type Split } from '../datasets/cohort.ts';
import { TonnoError } from '../errors.ts';
import { caseStems } from './case-names.ts';
import { CohortImages } from './cohort-images.ts';
import { readBytes } from './files.ts';
import type { ReconstructionCase } from './reconstruction.ts';
import type { VolumeOptions } from './volumes.ts';

/** One split, or the whole cohort. */
export type SplitChoice = Split | 'all';
export const splits = ['validation', 'train', 'all'] as const satisfies readonly SplitChoice[];

/** @throws TonnoError when the table cannot be read. */
export async function readCohort(table: string): Promise<Cohort> {
  return parseCohort(new TextDecoder().decode(await readBytes(table)), table);
}

/** @throws TonnoError when there is no case in it. */
export function casesOfSplit(
  { name, cases }: Pick<Cohort, 'name' | 'cases'>,
  split: SplitChoice,
): CohortCase[] {
  const chosen = cases.filter((row) => split === 'all' || row.split === split);
  if (chosen.length > 0) return chosen;
  throw new TonnoError(name, `The split ${split} has no case.`, {
    remedy: 'Choose another one with --split.',
  });
}

/**
 * The cases of a split, ready to be read with the channels of all their files.
 * @param table path of the cohort's table.
 * @throws TonnoError when the table cannot be read, files are missing, or names of results would fall together.
 */
export async function cohortCases(
  table: string,
  { split, ...options }: VolumeOptions & { readonly split: SplitChoice },
): Promise<ReconstructionCase[]> {
  const cohort = await readCohort(table);
  const cases = casesOfSplit(cohort, split);
  const stems = caseStems(cases, table);
  // Whoever makes the heatmaps says which voxels were not finite.
  const images = new CohortImages(table, options, () => {});
  await images.check({ name: cohort.name, cases });
  return cases.map((row, i) => ({
    name: stems[i],
    volume: images.paths(row).join(';'),
    read: () => images.readCounting(row),
    record: { case: { name: row.name, cohort: table, images: row.images } },
  }));
}
