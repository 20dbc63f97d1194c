/** tonno app: the page alone. Volumes and encoders are opened in it and never leave the browser. */
import type { Command } from 'commander';
import type { Run } from './run.ts';
import { addServeOptions, type ServeOptions, serveUntilStopped } from './serve/command.ts';
import { PageFiles } from './serve/page-files.ts';

export function addApp(program: Command, run: Run): void {
  const command = program.command('app');
  command
    .summary('open the application in the browser')
    .description(
      'Open the application: volumes and encoders are opened in the browser, heatmaps made, looked at and corrected there. Nothing is uploaded anywhere.',
    );
  addServeOptions(command).action((options: ServeOptions) =>
    run(async () => {
      const page = await PageFiles.open();
      await serveUntilStopped({ page }, options, run, ({ url, port }) => {
        run.terminal.print(url);
        run.terminal.result({ command: 'app', address: url, port });
      });
    }),
  );
}
