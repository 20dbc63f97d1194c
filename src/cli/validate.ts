/** tonno validate: a cohort or volumes in, what is wrong with them out. Nothing is changed but in a copy. */
import { open, stat } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { checkCohort, checkTable, checkVolumes, inOrder } from '../datasets/checks/battery.ts';
import { type Finding, type Level, levels } from '../datasets/checks/check.ts';
import type { CohortFacts, FileFacts } from '../datasets/checks/facts.ts';
import { gatherCohort } from '../datasets/checks/gather.ts';
import { readTable } from '../datasets/cohort-table.ts';
import { UsageError } from '../errors.ts';
import { onFile, readBytes } from './files.ts';
import type { Run } from './run.ts';
import { besideTable, readFileFacts } from './validation/file-facts.ts';
import { countLine, findingLines, wrapped } from './validation/lines.ts';
import { type MendedCopy, mendCohort, mendVolumes } from './validation/mended-copy.ts';
import type { VolumeOptions } from './volumes.ts';

interface ValidateOptions extends Pick<VolumeOptions, 'nan' | 'int64'> {
  fix?: string;
  level: Level;
}

/** Below the help. */
const LEVELS = `
An error is what a training or an evaluation would refuse, or be misled by; a
warning is what was probably not meant; a note is good to know. With errors the
command ends with 1. docs/validate.md lists all checks.

--fix leaves the source as it is. In the copy voxels that are not finite are 0,
masks are 0 and 1, the qform says what the sform says, and the table is written
as it was read; validation.json in it tells what was changed. Everything else
is told, and for you to decide.`;

export function addValidate(program: Command, run: Run): void {
  program
    .command('validate')
    .summary('find what is wrong with a cohort or with volumes')
    .description('Check a cohort, its table and all its files, or single volumes; changes nothing.')
    .usage('[options] <cohort.csv> | <volume...>')
    .argument('<files...>', 'one table of a cohort, or volumes')
    .option('--fix <folder>', 'write a copy with all mended that needs no decision')
    .addOption(
      new Option('--level <level>', 'the least that is printed; --json tells all')
        .choices(levels)
        .default('info'),
    )
    .addOption(
      new Option('--nan <what>', 'voxels that are not finite, as they will be read')
        .choices(['refuse', 'zero'])
        .default('refuse'),
    )
    .addOption(
      new Option('--int64 <what>', '64-bit integers, as they will be read')
        .choices(['refuse', 'convert'])
        .default('refuse'),
    )
    .addHelpText('after', LEVELS)
    .action((files: string[], options: ValidateOptions) => run(() => validate(files, options, run)));
}

/** What was found where. */
interface Validated {
  readonly findings: readonly Finding[];
  /** "4 cases in 8 files". */
  readonly extent: string;
  /** What it is about, for programs. */
  readonly subject: Readonly<Record<string, unknown>>;
  copyMended(folder: string): Promise<MendedCopy>;
}

async function validate(files: string[], options: ValidateOptions, run: Run): Promise<void> {
  const { terminal } = run;
  let validated = await look(files, options, run);
  let copy: MendedCopy | undefined;
  if (options.fix !== undefined) {
    copy = await validated.copyMended(options.fix);
    for (const line of mendedLines(copy)) terminal.print(line);
    validated = await look(copy.table ? [copy.table] : [...copy.volumes], options, run);
  }
  const { findings, extent, subject } = validated;
  for (const line of findingLines(findings, options.level)) terminal.print(line);
  for (const line of wrapped(`${extent}: ${countLine(findings)}.`, '', '  ')) terminal.print(line);
  const counts = Object.fromEntries(
    levels.map((level) => [level, findings.filter((finding) => finding.level === level).length]),
  );
  terminal.result({ command: 'validate', ...subject, counts, findings, ...(copy && { fixed: copy }) });
  if (counts.error > 0) process.exitCode = 1;
}

/** @throws UsageError for a table beside anything else. */
async function look(files: readonly string[], options: ValidateOptions, run: Run): Promise<Validated> {
  const tables: string[] = [];
  for (const file of files) if (await isTable(file)) tables.push(file);
  if (tables.length === 0) return lookAtVolumes(files, options, run);
  if (files.length === 1) return lookAtCohort(files[0], options, run);
  throw new UsageError(tables[0], 'It is a table, and there are other files beside it.', {
    remedy: 'Give one table, or volumes alone.',
  });
}

async function lookAtCohort(
  path: string,
  { nan, int64 }: ValidateOptions,
  run: Pick<Run, 'terminal' | 'signal'>,
): Promise<Validated> {
  const { terminal, signal } = run;
  const table = readTable(new TextDecoder('utf-8', { ignoreBOM: true }).decode(await readBytes(path)), path);
  const progress = terminal.progress('checking');
  const facts = await gatherCohort(
    table,
    (file, role) => readFileFacts(besideTable(path, file), role, { nan, int64, signal }),
    {
      signal,
      onFile: (done, total) => progress.update(done, total, 'files', { count: done, units: 'files' }),
    },
  ).finally(() => progress.end());
  const count = filesOf(facts).size;
  return {
    findings: inOrder([...checkTable(table), ...checkCohort(facts)]),
    extent: `${counted(table.cases.length, 'case')} in ${counted(count, 'file')}`,
    subject: { cohort: path, classes: table.classes, cases: table.cases.length, files: count },
    copyMended: (folder) => mendCohort(table, facts, folder, run),
  };
}

async function lookAtVolumes(
  paths: readonly string[],
  { nan, int64 }: ValidateOptions,
  run: Pick<Run, 'terminal' | 'signal'>,
): Promise<Validated> {
  const { terminal, signal } = run;
  const progress = terminal.progress('checking');
  const facts: FileFacts[] = [];
  try {
    for (const path of new Set(paths)) {
      signal.throwIfAborted();
      facts.push(await readFileFacts(path, 'image', { nan, int64, signal }));
      progress.update(facts.length, paths.length, 'files', { count: facts.length, units: 'files' });
    }
  } finally {
    progress.end();
  }
  return {
    findings: checkVolumes(facts),
    extent: counted(facts.length, 'volume'),
    subject: { volumes: facts.map(({ path }) => path) },
    copyMended: (folder) => mendVolumes(facts, folder, run),
  };
}

/** Beginnings of headers in words, which are no tables: NRRD's, and "Key = value" of MetaImage. */
const WORDY_HEADER = /^(NRRD0|\s*\w+\s*=)/;
const HEAD_BYTES = 4096;

/** By content: text that is no header of a volume; and whatever calls itself .csv, so that it is told what is wrong with it. */
async function isTable(path: string): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isDirectory()) return false;
  if (/\.csv$/i.test(path)) return true;
  // A volume that is not there is a finding among others.
  if (!entry) return false;
  const head = new Uint8Array(HEAD_BYTES);
  const length = await onFile(path, async () => {
    const file = await open(path);
    try {
      return (await file.read(head, 0, HEAD_BYTES, 0)).bytesRead;
    } finally {
      await file.close();
    }
  });
  const text = new TextDecoder().decode(head.subarray(0, length));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what tells text from anything else.
  return length > 0 && !/[\x00-\x08\x0e-\x1f]/.test(text) && !WORDY_HEADER.test(text);
}

function filesOf({ cases }: CohortFacts): Set<string> {
  return new Set(
    cases.flatMap(({ images, mask }) => [...images, ...(mask ? [mask] : [])]).map(({ path }) => path),
  );
}

function mendedLines({ folder, table, mended, tableChanges, copied }: MendedCopy): string[] {
  const told = [
    ...tableChanges.map((change) => `${table}: ${change}`),
    ...mended.map(({ file, changes }) => `${file}: ${changes.join(' ')}`),
  ];
  const others = copied > 0 ? `; ${counted(copied, 'file')} copied as they were` : '';
  return [
    ...told.flatMap((line) => wrapped(line, 'mended  ', '    ')),
    ...wrapped(`${folder}: ${counted(mended.length, 'file')} mended${others}.`, '', '  '),
    '',
  ];
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
