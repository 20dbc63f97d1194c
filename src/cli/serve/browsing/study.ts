/** A study: the cases that its heatmaps were made of, each kind of heatmap with its numbers, and its encoders. */
import { join, resolve } from 'node:path';
import { caseStem } from '../../case-names.ts';
import { readCohort } from '../../cohort-cases.ts';
import { heatmapFiles } from '../../heatmap-folder.ts';
import { readStudyRecord, type StudyRecord } from '../../study/record.ts';
import { readResults } from '../../study/stored.ts';
import { bareCase, type Case, recordedInput, recordedRow, Tables, tableCases } from './cases.ts';
import { attempt, type Context } from './context.ts';
import { type Found, gather, type OwnedSet, shareEncoders } from './gather.ts';
import { type FoundHeatmap, readHeatmaps } from './heatmaps.ts';

/** @throws TonnoError when its record cannot be read. */
export async function browseStudy(folder: string, given: Context): Promise<Found> {
  const record = await readStudyRecord(folder);
  const measuredBy = record.experiment.evaluation.label;
  const context = {
    ...given,
    label: given.label ?? (measuredBy === undefined ? undefined : String(measuredBy)),
  };
  const cohort = await attempt(() => readCohort(resolve(folder, record.cohort)), context.notes);
  const cases = cohort ? tableCases(cohort, context).filter(({ split }) => split === 'validation') : [];
  const byStem = new Map(cases.map((one) => [caseStem(one.name), one]));
  const tables = new Tables(context);
  const sets: OwnedSet[] = [];
  for (const [number, part] of record.evaluations.entries()) {
    const heatmaps = await heatmapsOf(folder, part, context);
    const owners = new Map<FoundHeatmap, Case>();
    for (const heatmap of heatmaps) {
      const owner =
        byStem.get(heatmap.stem) ??
        (await recordedRow(heatmap, tables)) ??
        (await recordedInput(heatmap)) ??
        bareCase(heatmap);
      // In all folders of a study a case has one name.
      byStem.set(heatmap.stem, owner);
      owners.set(heatmap, owner);
    }
    const results = await attempt(
      () => readResults(join(folder, part.folder, 'metrics.json')),
      context.notes,
    );
    sets.push({ heatmaps, owners, results, root: folder, number, encoder: part.encoder });
  }
  const encoders = record.encoders.map(({ name, model }) => ({ name, path: resolve(folder, model) }));
  return {
    title: record.experiment.title,
    kind: 'study',
    ...(await gather(sets, cases, context)),
    encoders: await shareEncoders(encoders, context),
  };
}

async function heatmapsOf(
  folder: string,
  { heatmaps }: StudyRecord['evaluations'][number],
  context: Context,
): Promise<FoundHeatmap[]> {
  const paths = await attempt(() => heatmapFiles(join(folder, heatmaps)), context.notes);
  return readHeatmaps(paths ?? [], context);
}
