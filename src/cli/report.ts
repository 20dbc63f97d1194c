/** tonno report: the report of a study that is there, made again. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { openFile } from './open.ts';
import type { Run } from './run.ts';
import { tellStudy, writeReport } from './study/write-report.ts';

export function addReport(program: Command, run: Run): void {
  program
    .command('report')
    .summary('make the report of a study again')
    .description('Write report.html and the tables, as CSV and LaTeX, of a study that is there.')
    .argument('<study>', 'folder that experiment or demo wrote')
    .option('--open', 'show the report when it is there')
    .action((study: string, { open }: { open?: boolean }) =>
      run(async () => {
        const written = await writeReport(study, run);
        tellStudy('report', study, written, run);
        if (open) await openFile(join(study, written.report));
      }),
    );
}
