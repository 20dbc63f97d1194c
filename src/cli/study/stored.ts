/** A study on the disk: its record, its cohort, and every kind of heatmap with its numbers and the places of its files. */
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Cohort, CohortCase } from '../../datasets/cohort.ts';
import { TonnoError } from '../../errors.ts';
import type { Evaluation } from '../../evaluation/evaluation.ts';
import { readCohort } from '../cohort-cases.ts';
import { readRecord } from '../files.ts';
import type { EvaluatedSeries } from '../folder-evaluation.ts';
import { findHeatmaps, inOrder } from '../heatmap-folder.ts';
import { readStudyRecord, type StudyRecord } from './record.ts';

/** One kind of heatmap of one encoder, with its numbers and where its files are. */
export interface StudySeries extends EvaluatedSeries {
  readonly encoder: string;
}

/** What is read once and used in several places. */
export interface StoredStudy {
  readonly folder: string;
  readonly record: StudyRecord;
  /** Its name is the path of the table. */
  readonly cohort: Cohort;
  /** Those that heatmaps were made of. */
  readonly cases: readonly CohortCase[];
  readonly series: readonly StudySeries[];
}

/** @throws TonnoError when the folder holds no study, or its cohort or numbers are gone. */
export async function readStudy(folder: string): Promise<StoredStudy> {
  const record = await readStudyRecord(folder);
  const cohort = await readCohort(resolve(folder, record.cohort));
  const cases = cohort.cases.filter(({ split }) => split === 'validation');
  const series: StudySeries[] = [];
  for (const { name } of record.encoders) {
    const own: StudySeries[] = [];
    for (const evaluation of record.evaluations.filter(({ encoder }) => encoder === name)) {
      own.push(...(await readSeries(folder, evaluation, cohort, cases)));
    }
    series.push(...own.sort(inOrder));
  }
  return { folder, record, cohort, cases, series };
}

const metricsFile = z.object({
  results: z.array(
    z.looseObject({
      name: z.string(),
      title: z.string(),
      method: z.string().optional(),
      evaluation: z.custom<Evaluation>(
        (value) => typeof value === 'object' && value !== null && 'folds' in value,
      ),
    }),
  ),
});

/** Numbers of one kind of heatmaps, by its name. */
export type StoredResult = z.infer<typeof metricsFile>['results'][number];

/** The numbers in a metrics.json. @throws TonnoError when there are none, or they are damaged. */
export async function readResults(path: string): Promise<readonly StoredResult[]> {
  const problem = 'These are no numbers of an evaluation, or they are damaged.';
  const remedy = 'Remove its folder and run the experiment again.';
  const { data, error } = metricsFile.safeParse(await readRecord(path, problem, { remedy }));
  if (error) throw new TonnoError(path, problem, { remedy, cause: error });
  return data.results;
}

async function readSeries(
  folder: string,
  { encoder, heatmaps, folder: numbers }: StudyRecord['evaluations'][number],
  cohort: Cohort,
  cases: readonly CohortCase[],
): Promise<StudySeries[]> {
  const results = await readResults(join(folder, numbers, 'metrics.json'));
  const found = await findHeatmaps(join(folder, heatmaps), cohort, cases);
  return found.flatMap((one) => {
    const numbers = results.find(({ name }) => name === one.name);
    return numbers ? [{ ...one, encoder, evaluation: numbers.evaluation }] : [];
  });
}
