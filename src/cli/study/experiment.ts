/**
 * An experiment as a file describes it: a cohort, encoders that are trained or given, heatmaps that are made with each,
 * how they are evaluated, and what the report shows. Every part takes the options of the command that does it:
 *
 *     {
 *       "title": "Phantoms",
 *       "cohort": {"phantom": {"train": 160, "validation": 40}},           or "cohort": "cohort.csv"
 *       "encoders": [
 *         {"name": "frozen batch norm", "train": {"width": 0.25, "size": 64, "steps": 2000}},
 *         {"name": "given", "file": "encoder.onnx"}
 *       ],
 *       "heatmaps": [{"method": ["tonno", "cam", "tomographic-cam"], "layer": ["1..4"], "size": 64}],
 *       "evaluation": {"folds": 10},
 *       "report": {"gallery": 6}
 *     }
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { TonnoError } from '../../errors.ts';
import { type MethodName, methods } from '../../reconstruction/methods.ts';
import { readRecord } from '../files.ts';
import type { Settings } from '../settings.ts';

const item = z.union([z.string(), z.number()]);
/** Options of a command by their long names. */
const settings: z.ZodType<Settings> = z.record(z.string(), z.union([item, z.boolean(), z.array(item)]));
const name = z.string().trim().min(1);

const encoder = z
  .strictObject({
    name,
    /** Path of an encoder. */
    file: z.string().optional(),
    /** Options of `tonno train`. */
    train: settings.optional(),
    /** Which of a training's encoders: that of its last step, or the best at validation. */
    weights: z.enum(['last', 'best']).default('last'),
  })
  .refine(({ file, train }) => (file === undefined) !== (train === undefined), {
    error: 'It needs either "file" or "train".',
  });

const report = z.strictObject({
  /** Method that the others are compared with. */
  baseline: z.enum(Object.keys(methods) as [MethodName, ...MethodName[]]).default('cam'),
  /** Cases in the gallery. */
  gallery: z.int().min(0).default(6),
  /** Whether one case is shown by all methods and layers (Fig. 11). */
  comparison: z.boolean().default(true),
  /** Seeds of the in-plane angles that one case is shown for (Fig. 7). */
  seeds: z.array(z.int().min(0)).default([]),
  /** Numbers of slices and of directions that one case is shown for (Fig. 8). */
  grid: z
    .strictObject({ slices: z.array(z.int().min(2)).min(1), directions: z.array(z.int().min(2)).min(1) })
    .optional(),
});

export const experimentSchema = z.strictObject({
  title: name,
  /** Path of a table, or the options of `tonno prepare phantom`. */
  cohort: z.union([z.string(), z.strictObject({ phantom: settings })]),
  encoders: z.array(encoder).min(1),
  /** Options of `tonno reconstruct`, each made of all cases by every encoder. */
  heatmaps: z.array(settings).min(1),
  /** Options of `tonno evaluate`. */
  evaluation: settings.default({}),
  report: report.prefault({}),
});

export type Experiment = z.infer<typeof experimentSchema>;
export type ExperimentEncoder = Experiment['encoders'][number];

/**
 * Reads an experiment; paths in it are relative to it.
 * @throws TonnoError that names what is wrong where.
 */
export async function readExperiment(path: string): Promise<Experiment> {
  const value = await readRecord(path, 'It is not JSON.', {
    remedy: 'Look for a comma, a bracket or a quotation mark too many or too few.',
  });
  const read = parseExperiment(value, path);
  const from = (file: string) => resolve(dirname(path), file);
  const settingsFrom = ({ pretrained, encoder, ...rest }: Settings): Settings => ({
    ...rest,
    ...(typeof pretrained === 'string' && { pretrained: from(pretrained) }),
    // A network's name, or the path of one to fine-tune.
    ...(encoder !== undefined && {
      encoder: /\.onnx$/i.test(String(encoder)) ? from(String(encoder)) : encoder,
    }),
  });
  return {
    ...read,
    cohort: typeof read.cohort === 'string' ? from(read.cohort) : read.cohort,
    encoders: read.encoders.map((encoder) => ({
      ...encoder,
      file: encoder.file && from(encoder.file),
      train: encoder.train && settingsFrom(encoder.train),
    })),
  };
}

/** @throws TonnoError that names what is wrong where. */
export function parseExperiment(value: unknown, file: string): Experiment {
  const { data, error } = experimentSchema.safeParse(value);
  if (error) {
    const problems = error.issues.map(({ path, message }) => {
      const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
      return place ? `${place.replace(/^\./, '')}: ${message.replace(/\.$/, '')}.` : `${message}.`;
    });
    throw new TonnoError(file, problems.join(' '), {
      remedy: 'docs/experiments.md says what an experiment holds.',
      cause: error,
    });
  }
  const twice = data.encoders.find(
    (own, i) => data.encoders.findIndex((other) => other.name === own.name) < i,
  );
  if (twice) {
    throw new TonnoError(file, `Two encoders are called ${JSON.stringify(twice.name)}.`, {
      remedy: 'Give each a name of its own.',
    });
  }
  return data;
}
