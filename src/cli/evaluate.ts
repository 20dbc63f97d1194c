/** tonno evaluate: heatmaps of a cohort's cases, its labels and masks in; the numbers of the paper's tables out. */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { defaultProtocol, type ProtocolSettings } from '../evaluation/evaluation.ts';
import { readCohort, type SplitChoice, splits } from './cohort-cases.ts';
import { seriesRecord, writeEvaluation } from './evaluation-files.ts';
import { evaluationTable } from './evaluation-table.ts';
import { prepareFolder } from './files.ts';
import { evaluateFolder } from './folder-evaluation.ts';
import { connectivity, share, wholeNumber } from './options.ts';
import type { Run } from './run.ts';

/** The settings of the protocol that can be chosen; the others are the paper's. */
export interface ProtocolOptions
  extends Pick<ProtocolSettings, 'folds' | 'seed' | 'masks' | 'connectivity' | 'share'> {
  /** Of the cohort. */
  label?: string;
}

interface EvaluateOptions extends ProtocolOptions {
  cohort: string;
  split: SplitChoice;
  out?: string;
}

/** Below the help. */
const WRITTEN = `
Heatmaps are CASE_desc-METHOD[_cam-MAP_layer-LAYER]_heatmap.nii.gz, as
\`tonno reconstruct --cohort\` writes them; all cases of the split need theirs.
The protocol is the paper's (A.7): in each fold two thresholds are chosen on
one half of the cases and numbers measured on the other. Without masks and
boxes the volumes alone are judged.

Written are metrics.csv, cases.csv, folds.csv and metrics.json. The table shows
mean±deviation over the folds.`;

export function addEvaluate(program: Command, run: Run): void {
  const command = program.command('evaluate');
  command
    .summary('measure heatmaps by the labels and masks of a cohort')
    .description('Measure the heatmaps in a folder by the labels and masks of a cohort, method by method.')
    .argument('<folder>', 'with heatmaps, or with a folder heatmaps in it')
    .requiredOption('--cohort <cohort.csv>', 'whose cases they are of')
    .addOption(new Option('--split <name>', 'of the cohort').choices(splits).default('validation'))
    .option('-o, --out <folder>', 'where the numbers go (FOLDER/evaluation)');
  addProtocolOptions(command)
    .addHelpText('after', WRITTEN)
    .action((folder: string, options: EvaluateOptions) => run(() => evaluateHeatmaps(folder, options, run)));
}

/** All that decides the numbers: the options of `tonno evaluate`, and an experiment's settings of its evaluation. */
export function addProtocolOptions(command: Command): Command {
  const { folds, seed, masks, share: shareOfHigh } = defaultProtocol;
  return command
    .option('--label <name>', 'of the cohort, where it has several')
    .option('--folds <n>', 'of the cross-validation', wholeNumber(1, 1000), folds)
    .option('--seed <n>', 'of all that is drawn', wholeNumber(0, 2 ** 31 - 1), seed)
    .option('--masks <n>', 'masks that tune the low threshold in a fold', wholeNumber(0, 100_000), masks)
    .option(
      '--connectivity <n>',
      'neighbours of a voxel: 6, 18 or 26',
      connectivity,
      defaultProtocol.connectivity,
    )
    .option('--share <x>', 'low threshold over high where no mask tunes it', share, shareOfHigh);
}

async function evaluateHeatmaps(
  folder: string,
  { cohort: table, split, label, out = join(folder, 'evaluation'), ...settings }: EvaluateOptions,
  run: Run,
): Promise<void> {
  const { terminal, signal } = run;
  const cohort = await readCohort(table);
  const { folds, seed, masks, connectivity, share } = settings;
  const evaluated = await evaluateFolder({
    folder,
    cohort,
    split,
    label,
    settings: { folds, seed, masks, connectivity, share },
    run,
    ready: () => prepareFolder(out),
  });
  signal.throwIfAborted();
  const files = await writeEvaluation(out, evaluated, table);
  const { series, cases } = evaluated;
  for (const note of new Set(series.flatMap(({ evaluation }) => evaluation.notes))) terminal.warn(note);
  for (const line of evaluationTable(series)) terminal.print(line);
  for (const path of Object.values(files)) terminal.print(path);
  terminal.result({
    command: 'evaluate',
    cohort: { file: table, split, label: evaluated.label, cases: cases.length },
    files,
    results: series.map(seriesRecord),
  });
}
