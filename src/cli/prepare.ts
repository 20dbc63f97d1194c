/**
 * tonno prepare: a source of cases in, a cohort on the disk out: images, masks and the table that `tonno train` reads.
 * Each source is a command of its own. The settings are written first and the table last, so that a folder with a
 * table is whole, and one without it can be gone on with.
 */
import type { Command } from 'commander';
import { adapters } from '../datasets/adapters.ts';
import { addArchive } from './prepare/archive.ts';
import { TABLE } from './prepare/folder.ts';
import { addPhantom } from './prepare/phantom.ts';
import type { Run } from './run.ts';

export function addPrepare(program: Command, run: Run): void {
  const prepare = program
    .command('prepare')
    .summary('put a cohort with scan-level labels on the disk')
    .description(`Write images, masks and ${TABLE}, the table of a cohort.`)
    // Their own help says what they take.
    .configureHelp({ subcommandTerm: (command) => command.name() });
  for (const [name, adapter] of Object.entries(adapters)) addArchive(prepare, name, adapter, run);
  addPhantom(prepare, run);
}
