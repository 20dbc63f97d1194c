/**
 * One step of a study: a folder, and in it, when the step is done, a record of the settings that made it. The folder's
 * name holds a hash of those settings, so that a step whose output with the same settings is there need not be taken
 * again, and one whose settings have changed leaves what was there where it is.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { VERSION } from '../../version.ts';
import { exists, jsonBytes, prepareFolder, readRecord, writeWhole } from '../files.ts';
import type { Terminal } from '../terminal.ts';

/** Written last: a folder with it is whole. */
const RECORD = 'step.json';
/** Hexadecimal digits of the hash in a folder's name. */
const DIGITS = 10;

export interface Step {
  /** Folder of steps of its kind, within the study's. */
  readonly kind: 'validation' | 'cohort' | 'encoders' | 'heatmaps' | 'logits' | 'evaluations' | 'views';
  /** What tells it from others for those who look into the folder. */
  readonly name: string;
  /** Everything that its output depends on. */
  readonly settings: unknown;
}

/** What a step's record says. */
interface StepRecord {
  readonly seconds: number;
}

export interface StepOutput {
  /** Relative to the study. */
  readonly folder: string;
  /** That it took when it was taken, in its last part where it was interrupted before. */
  readonly seconds: number;
  readonly taken: boolean;
}

/**
 * Takes a step unless it was taken before.
 * @param work fills the folder; it may find there what an interrupted one left.
 */
export async function takeStep(
  study: string,
  step: Step,
  terminal: Terminal,
  work: (folder: string) => Promise<void>,
): Promise<StepOutput> {
  const folder = `${step.kind}/${stepName(step)}`;
  const path = join(study, folder);
  const record = join(path, RECORD);
  if (await exists(record)) {
    terminal.log(`  ${folder} is there already.`);
    const { seconds } = (await readRecord(record, 'It is no record of a step, or damaged.', {
      remedy: 'Remove the folder to have it made again.',
    })) as StepRecord;
    return { folder, seconds, taken: false };
  }
  const started = performance.now();
  await prepareFolder(path);
  await work(path);
  const seconds = (performance.now() - started) / 1000;
  await writeWhole({
    [record]: jsonBytes({ software: { name: 'tonno', version: VERSION }, ...step, seconds }),
  });
  return { folder, seconds, taken: true };
}

/** `frozen-batch-norm-1f2e3d4c5b`. */
function stepName({ name, settings }: Step): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return [slug, hashOf({ settings, version: VERSION })].filter(Boolean).join('-');
}

/** The same for the same statements, whatever their order. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, DIGITS);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item)).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}
