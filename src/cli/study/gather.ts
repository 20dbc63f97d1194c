/**
 * A study's folder as what its report is made of: numbers, curves, histograms and pictures. Only files are read and planes
 * drawn here; no encoder runs.
 */
import { basename, dirname, join, resolve } from 'node:path';
import type { Split } from '../../datasets/cohort.ts';
import { TonnoError } from '../../errors.ts';
import type { MethodName } from '../../reconstruction/methods.ts';
import { heatmapTitle } from '../../reconstruction/titles.ts';
import type {
  CohortSummary,
  StudyEncoder,
  StudyReport,
  StudyResult,
  TrainingPoint,
} from '../../report/study.ts';
import { spacing } from '../../volume/volume.ts';
import { readBytes, readRecord } from '../files.ts';
import type { Run } from '../run.ts';
import { METRICS } from '../run-folder.ts';
import { readVolume } from '../volumes.ts';
import { encoderLogits } from './logits.ts';
import { drawComparison, drawGallery, drawProfiles, drawViews } from './pictures.ts';
import type { StudyRecord } from './record.ts';
import { readStudy, type StoredStudy, type StudySeries } from './stored.ts';

/** @throws TonnoError when the folder holds no study, or something that belongs to it is gone. */
export async function gatherStudy(
  folder: string,
  { terminal, signal }: Run,
): Promise<{ report: StudyReport; series: readonly StudySeries[]; seconds: number }> {
  const study = await readStudy(folder);
  const { record, series } = study;
  const { experiment } = record;
  const progress = terminal.progress('pictures');
  const encoders: StudyEncoder[] = [];
  for (const encoder of record.encoders) encoders.push(await describeEncoder(study, encoder));
  const gallery = await drawGallery(study, (done, total) => {
    signal.throwIfAborted();
    progress.update(done, total, 'cases', { count: done, units: 'cases' });
  });
  const comparison = experiment.report.comparison ? await drawComparison(study) : undefined;
  const grids = await drawViews(study);
  progress.end();
  const seconds = Object.values(record.seconds).reduce((sum, one) => sum + one, 0);
  const report: StudyReport = {
    title: experiment.title,
    notes: notesOn(record),
    cohort: await describeCohort(study),
    encoders,
    results: series.map((one) => describeResult(one, experiment.report.baseline)),
    gallery,
    comparison,
    grids,
    settings: settingsOf(record),
    versions: versionsOf(record, seconds),
  };
  return { report, series, seconds };
}

/** What must be known before any number is read. */
function notesOn({ encoders }: StudyRecord): string[] {
  const trained = encoders.filter(({ run }) => run !== undefined);
  const who =
    trained.length === encoders.length ? 'The encoders' : trained.map(({ name }) => name).join(', ');
  return trained.length === 0
    ? []
    : [`${who} learned from the labels of whole volumes alone; masks serve nothing but the evaluation.`];
}

function describeResult(
  { encoder, title, method, cam, layer, evaluation }: StudySeries,
  baseline: MethodName,
): StudyResult {
  return {
    encoder,
    method: method ? heatmapTitle({ method, cam }, '★') : title,
    layer,
    baseline: method === baseline,
    evaluation,
  };
}

async function describeEncoder(
  study: StoredStudy,
  { name, description, run, logits: file }: StudyRecord['encoders'][number],
): Promise<StudyEncoder> {
  const path = join(study.folder, file);
  const problem = 'These are no logits, or they are damaged.';
  const remedy = 'Remove the folder and run the experiment again.';
  const { data: logits, error } = encoderLogits.safeParse(await readRecord(path, problem, { remedy }));
  if (error) throw new TonnoError(path, problem, { remedy, cause: error });
  return {
    name,
    description,
    logits: logits.slices,
    profiles: await drawProfiles(study, name, logits.profiles),
    ...(run && { curve: await readCurve(join(study.folder, run, METRICS)) }),
  };
}

/** The lines of a training's metrics.jsonl; the last may be cut off. */
async function readCurve(path: string): Promise<TrainingPoint[]> {
  const lines = new TextDecoder()
    .decode(await readBytes(path))
    .split('\n')
    .filter(Boolean);
  return lines.flatMap((line): TrainingPoint[] => {
    const {
      step,
      loss,
      auc,
      best_balanced_accuracy: balancedAccuracy,
    } = JSON.parse(line) as Record<string, number>;
    return [{ step, loss, auc, balancedAccuracy }];
  });
}

async function describeCohort({ record, cohort, cases }: StoredStudy): Promise<CohortSummary> {
  const label = Math.max(0, cohort.classes.indexOf(String(record.experiment.evaluation.label ?? '')));
  const splits = (['train', 'validation'] as const satisfies readonly Split[]).map((split) => {
    const own = cohort.cases.filter((row) => row.split === split);
    const positives = own.filter(({ labels }) => labels[label] === 1).length;
    const patients = new Set(own.map(({ patient }) => patient)).size;
    return { split, positives, negatives: own.length - positives, patients };
  });
  const path = resolve(dirname(cohort.name), cases[0].images[0]);
  const { volume } = await readVolume(path);
  const size = spacing(volume.geometry).map((length) => Number(length.toPrecision(3)));
  return {
    name:
      typeof record.experiment.cohort === 'string'
        ? join(basename(dirname(cohort.name)), basename(cohort.name))
        : 'Phantoms',
    volumes: `the first: ${volume.shape.join(' × ')} voxels of ${size.join(' × ')} mm${cases[0].images.length > 1 ? `, ${cases[0].images.length} channels` : ''}`,
    splits,
  };
}

/** Every setting of the experiment by its path in the file. */
function settingsOf({ experiment }: StudyRecord): [string, string][] {
  const walk = (value: unknown, path: string): [string, string][] => {
    if (
      typeof value !== 'object' ||
      value === null ||
      (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    ) {
      return [[path, Array.isArray(value) ? value.join(', ') : String(value)]];
    }
    return Object.entries(value).flatMap(([key, item]) =>
      walk(item, Array.isArray(value) ? `${path}[${key}]` : [path, key].filter(Boolean).join('.')),
    );
  };
  return walk(experiment, '');
}

function versionsOf({ software, machine }: StudyRecord, seconds: number): [string, string][] {
  return [
    [software.name, software.version],
    ['Node.js', software.node],
    ['ONNX Runtime', software.engine],
    ['machine', machine],
    ['time of all steps', `${(seconds / 60).toFixed(1)} minutes`],
  ];
}
