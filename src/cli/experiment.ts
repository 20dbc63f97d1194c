/** tonno experiment: a file that describes a study in, the whole study and its report out. */
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { openFile } from './open.ts';
import type { Run } from './run.ts';
import { readExperiment } from './study/experiment.ts';
import { runStudy } from './study/study.ts';
import { tellStudy, writeReport } from './study/write-report.ts';

interface ExperimentOptions {
  out?: string;
  open?: boolean;
  validate: boolean;
}

/** Below the help. */
const STEPS = `
Steps: cohort, training of each encoder, heatmaps, evaluation, report. What is
there with the same settings is not made again, so a study that was stopped
goes on where it was. docs/experiments.md says what the file holds.`;

export function addExperiment(program: Command, run: Run): void {
  program
    .command('experiment')
    .summary('run a whole study: cohort, trainings, heatmaps, evaluation, report')
    .description('Run a study that a file describes, or what is left to do of it.')
    .argument('<experiment.json>', 'see docs/experiments.md')
    .option('-o, --out <folder>', 'of the study; made if missing (the file’s name)')
    .option('--open', 'show the report when it is there')
    .option('--no-validate', 'do not look for faults in a given cohort first; see `tonno validate`')
    .addHelpText('after', STEPS)
    .action((file: string, options: ExperimentOptions) => run(() => experiment(file, options, run)));
}

async function experiment(file: string, { out, open, validate }: ExperimentOptions, run: Run): Promise<void> {
  const described = await readExperiment(file);
  const folder = out ?? basename(file).replace(/\.json$/i, '');
  await runStudy(described, folder, file, run, { validate });
  const written = await writeReport(folder, run);
  tellStudy('experiment', folder, written, run);
  if (open) await openFile(join(folder, written.report));
}
