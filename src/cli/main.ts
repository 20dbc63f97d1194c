#!/usr/bin/env node
/** The command line: one file a command, this one puts them together. */
import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { addApp } from './app.ts';
import { addConvert } from './convert.ts';
import { addDemo } from './demo.ts';
import { addEvaluate } from './evaluate.ts';
import { addExperiment } from './experiment.ts';
import { fileError } from './files.ts';
import { addFilter } from './filter.ts';
import { addInfo } from './info.ts';
import { addLayers } from './layers.ts';
import { addPrepare } from './prepare.ts';
import { addReconstruct } from './reconstruct.ts';
import { addReport } from './report.ts';
import { createRun, messageOf } from './run.ts';
import { addSegment } from './segment.ts';
import { Terminal } from './terminal.ts';
import { addTrain } from './train.ts';
import { addValidate } from './validate.ts';
import { addView } from './view.ts';
import { addWeights } from './weights.ts';

const program = new Command('tonno');
let terminal: Terminal | undefined;
const run = createRun(() => {
  terminal ??= new Terminal(Boolean(program.opts().json));
  return terminal;
});

program
  .description('Finds lesions in 3D medical scans: tomographic reconstruction of a 2D network’s output.')
  .version(VERSION)
  .option('--json', 'one JSON object on stdout, everything else on stderr')
  .showHelpAfterError('(--help shows what there is)')
  // Their own help says what they take; here there is room for what they are for.
  .configureHelp({ subcommandTerm: (command) => command.name() })
  .exitOverride();

const commands = [
  addReconstruct,
  addFilter,
  addSegment,
  addEvaluate,
  addExperiment,
  addReport,
  addView,
  addApp,
  addInfo,
  addConvert,
  addLayers,
  addDemo,
  addPrepare,
  addTrain,
  addValidate,
  addWeights,
];
for (const add of commands) add(program, run);
for (const command of program.commands.flatMap((own) => [own, ...own.commands])) {
  // --json may stand before or after the command's name.
  command.option('--json', 'one JSON object on stdout, everything else on stderr');
  command.on('option:json', () => program.setOptionValue('json', true));
  command.exitOverride().showHelpAfterError('(--help shows what there is)');
}

// Whoever reads the output may stop reading, as `head` does: that is no reason to stop working.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.exitCode = 1;
    if (stream === process.stdout) terminal?.log(`error: ${messageOf(fileError('stdout', error))}`);
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version end with 0; everything else commander refuses is wrong usage.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
