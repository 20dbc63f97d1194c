/** The record of a study: what was made, where it lies, and by what. `tonno report` needs nothing else. */
import { join } from 'node:path';
import { z } from 'zod';
import { TonnoError } from '../../errors.ts';
import { exists, jsonBytes, readRecord, writeWhole } from '../files.ts';
import { experimentSchema } from './experiment.ts';

export const STUDY_RECORD = 'study.json';

const record = z.object({
  software: z.object({ name: z.string(), version: z.string(), node: z.string(), engine: z.string() }),
  machine: z.string(),
  /** As it was asked for, with whole paths. */
  experiment: experimentSchema,
  /** Path of the cohort's table; that of a cohort made by the study is relative to the study, like all below. */
  cohort: z.string(),
  /** In the order of the experiment. */
  encoders: z.array(
    z.object({
      name: z.string(),
      /** The encoder's file; of a given one a whole path. */
      model: z.string(),
      description: z.string(),
      /** Folder of its training, where it was trained here. */
      run: z.string().optional(),
      logits: z.string(),
    }),
  ),
  /** One for each encoder and each entry of the experiment's heatmaps. */
  evaluations: z.array(z.object({ encoder: z.string(), heatmaps: z.string(), folder: z.string() })),
  /** One case by other seeds, and by other numbers of slices and directions. */
  views: z.array(
    z.object({
      encoder: z.string(),
      case: z.string(),
      seed: z.number(),
      slices: z.number(),
      directions: z.number(),
      kind: z.enum(['seeds', 'grid']),
      heatmap: z.string(),
    }),
  ),
  /** What each step took when it was taken. */
  seconds: z.record(z.string(), z.number()),
});

export type StudyRecord = z.infer<typeof record>;

export function writeStudyRecord(study: string, value: StudyRecord): Promise<void> {
  return writeWhole({ [join(study, STUDY_RECORD)]: jsonBytes(value) });
}

/** @throws TonnoError when there is none, or it is damaged. */
export async function readStudyRecord(study: string): Promise<StudyRecord> {
  const path = join(study, STUDY_RECORD);
  if (!(await exists(path))) {
    throw new TonnoError(study, `It is no study: there is no ${STUDY_RECORD} in it.`, {
      remedy:
        'Name the folder that `tonno experiment` or `tonno demo` was given with --out, once it is done.',
    });
  }
  const problem = 'It is no record of a study, or it is damaged.';
  const remedy = 'Run the experiment again: what is there will not be made again.';
  const { data, error } = record.safeParse(await readRecord(path, problem, { remedy }));
  if (data) return data;
  throw new TonnoError(path, problem, { remedy, cause: error });
}
