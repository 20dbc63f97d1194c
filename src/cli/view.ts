/** tonno view: the same page over what lies on this machine, a study, a training, a cohort, heatmaps or volumes. */
import type { Command } from 'commander';
import type { Browsed } from '../report/browse.ts';
import type { Run } from './run.ts';
import { browse } from './serve/browsing/browse.ts';
import { addServeOptions, type ServeOptions, serveUntilStopped } from './serve/command.ts';
import { PageFiles } from './serve/page-files.ts';

interface ViewOptions extends ServeOptions {
  readonly label?: string;
}

/** Below the help. */
const SERVED = `
PATH is a study (of \`tonno experiment\` or \`tonno demo\`), a training, a cohort's
table, a folder with heatmaps, volumes or DICOM files, or one volume. Files are
looked at when it starts; what is new then shows after another start.

The address works once, in one browser of this machine, which may load the page
again. Served are the files that were found in PATH, and elsewhere the volumes
and encoders that a table or record in it names; links that lead out of PATH are
not followed. From another machine, forward the port under the same number:
  ssh -L 8000:127.0.0.1:8000 HOST, and there  tonno view PATH --port 8000`;

export function addView(program: Command, run: Run): void {
  const command = program.command('view');
  command
    .summary('look through a study, a training or a folder in the browser')
    .description(
      'Look through a study, a training, a cohort or a folder in the browser: a table of its cases, and each in the viewer with its heatmaps.',
    )
    .argument('<path>', 'a folder, a cohort’s table or a volume')
    .option('--label <name>', 'of the cohort, where it has several');
  addServeOptions(command)
    .addHelpText('after', SERVED)
    .action((path: string, options: ViewOptions) => run(() => view(path, options, run)));
}

async function view(path: string, { label, ...options }: ViewOptions, run: Run): Promise<void> {
  const { terminal, signal } = run;
  const page = await PageFiles.open();
  const { browsed, files } = await browse(path, { label, signal });
  for (const note of browsed.notes) terminal.warn(note);
  terminal.log(`${browsed.title}: ${extent(browsed)}.`);
  await serveUntilStopped({ page, data: { browsed, files } }, options, run, ({ url, port }) => {
    const { title, kind, series, cases, encoders, notes } = browsed;
    terminal.print(url);
    terminal.result({
      command: 'view',
      address: url,
      port,
      title,
      kind,
      series: series.length,
      cases: cases.length,
      encoders: encoders.length,
      notes,
    });
  });
}

/** "8 cases, 2 kinds of heatmaps, 1 encoder". */
function extent({ cases, series, encoders }: Browsed): string {
  const counted = (count: number, one: string, several: string) => `${count} ${count === 1 ? one : several}`;
  return [
    counted(cases.length, 'case', 'cases'),
    ...(series.length > 0 ? [counted(series.length, 'kind of heatmaps', 'kinds of heatmaps')] : []),
    ...(encoders.length > 0 ? [counted(encoders.length, 'encoder', 'encoders')] : []),
  ].join(', ');
}
