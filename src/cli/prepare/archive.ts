/**
 * tonno prepare NAME SOURCE: an archive as it was downloaded in, a cohort out. Studies are prepared by threads and kept
 * as soon as they are whole, so that a stopped preparation goes on; who is in which split, and the table, come last.
 */
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join, resolve, sep } from 'node:path';
import { type Command, Option } from 'commander';
import type { Adapter, AdapterSettings, FoundStudies, Study } from '../../datasets/adapter.ts';
import { type Cohort, requireBothClasses, type Split, writeCohort } from '../../datasets/cohort.ts';
import { isStudyName } from '../../datasets/prepared.ts';
import {
  type DrawnSplit,
  drawSplit,
  listedSplit,
  parseSplitList,
  type SplitCase,
  type SplitList,
} from '../../datasets/split.ts';
import { listed, TonnoError, UsageError } from '../../errors.ts';
import { VERSION } from '../../version.ts';
import { COHORT_RECORD, type CohortRecord, preprocessingText } from '../cohort-record.ts';
import { exists, jsonBytes, readBytes, writeWhole } from '../files.ts';
import { share, wholeNumber } from '../options.ts';
import type { Run } from '../run.ts';
import { requireArchive, sourceFolder } from '../source-folder.ts';
import type { VolumeOptions } from '../volumes.ts';
import { claimFolder, IMAGES, MASKS, refuseChangedTable, sha256, TABLE } from './folder.ts';
import { STUDIES, type StoredStudy, storedStudyOf, storeStudy } from './stored.ts';
import { prepareStudies } from './studies.ts';

export interface ArchiveOptions {
  out: string;
  seed: number;
  split?: string;
  validation?: number;
  jobs?: number;
  nan: 'refuse' | 'zero';
  int64: 'refuse' | 'convert';
  skipBad?: boolean;
}

/** Options of every archive; all others are the adapter's own. */
const COMMON: readonly string[] = [
  'out',
  'seed',
  'split',
  'validation',
  'jobs',
  'nan',
  'int64',
  'skipBad',
  'json',
];

/** Below the help. */
const RESUME = `
What is there and whole is not made again: a preparation that was stopped goes
on with the same command.`;

export function addArchive(prepare: Command, name: string, adapter: Adapter, run: Run): void {
  const command = prepare
    .command(name)
    .summary(adapter.summary)
    .description(adapter.description)
    .argument('<source>', 'folder of the archive, unpacked')
    .requiredOption('-o, --out <cohort>', 'where the cohort goes; made if missing');
  for (const { flags, description, required = false } of adapter.options) {
    command.addOption(new Option(flags, description).makeOptionMandatory(required));
  }
  const { positive, negative } = adapter.validation;
  const percent = (part: number) => `${Math.round(1000 * part) / 10} %`;
  const shares =
    positive === negative
      ? percent(positive)
      : `${percent(positive)} of positives, ${percent(negative)} of others`;
  command
    .optionsGroup('Split:')
    .option('--seed <n>', 'of the split', wholeNumber(0, 2 ** 31 - 1), 0)
    .option('--validation <share>', `of patients for validation (${shares})`, share)
    .addOption(
      new Option('--split <file>', 'a table with the columns patient or case, and split').conflicts([
        'seed',
        'validation',
      ]),
    )
    .optionsGroup('Volumes:')
    .addOption(
      new Option('--nan <what>', 'voxels that are not finite').choices(['refuse', 'zero']).default('refuse'),
    )
    .addOption(
      new Option('--int64 <what>', '64-bit integers').choices(['refuse', 'convert']).default('refuse'),
    )
    .option('--skip-bad', 'leave out what cannot be prepared')
    .option('--jobs <n>', 'studies at a time, each in memory (all cores)', wholeNumber(1, 1024))
    .optionsGroup('Options:')
    .addHelpText('after', RESUME)
    .action((source: string, options: ArchiveOptions & Record<string, unknown>) =>
      run(async () => {
        const settings = settingsOf(options);
        const prepared = await prepareArchive({ name, adapter, source, settings, options }, run);
        run.terminal.print(prepared.table);
        run.terminal.result({ command: `prepare ${name}`, ...prepared });
      }),
    );
}

/** The adapter's settings among all options, as texts. */
function settingsOf(options: object): AdapterSettings {
  const own = Object.entries(options).filter(([key]) => !COMMON.includes(key));
  return Object.fromEntries(
    own.map(([key, value]) => [key, value === undefined ? undefined : String(value)]),
  );
}

interface Archive {
  /** Of the adapter. */
  readonly name: string;
  readonly adapter: Adapter;
  /** Path of the archive. */
  readonly source: string;
  readonly settings: AdapterSettings;
  readonly options: ArchiveOptions;
}

/** A bad study and why. */
interface LeftOut {
  readonly study: string;
  readonly problem: string;
}

/** Writes the cohort, or what is missing of it. */
export async function prepareArchive(archive: Archive, run: Run) {
  const { adapter, source, settings, options } = archive;
  const { out } = options;
  const { terminal } = run;
  await requireArchive(source);
  refuseWithin(source, out);
  const list = options.split === undefined ? undefined : await readSplitList(options.split);
  const volumes = volumeOptions(archive);
  const found = await adapter.find(sourceFolder(source, volumes), settings);
  checkFound(found, source);
  if (list?.by === 'patient') {
    // Whoever is missing is missed now, not after all is prepared.
    listedSplit(
      found.studies.map(({ name, patient }) => ({ name, patient, labels: [] })),
      list,
    );
  }
  terminal.log(`${counted(found.studies.length, 'study', 'studies')} in ${source}.`);
  for (const note of found.notes) terminal.log(note);

  const drawn = drawing(archive);
  const split = list ? { list: basename(list.name), sha256: list.sha256 } : drawn;
  const claim = claimOf(archive, found);
  const besides = ['split', 'notes', 'counts', 'leftOut', 'table'];
  const before = await claimFolder(out, claim, besides, [IMAGES, MASKS, STUDIES]);
  const table = join(out, TABLE);
  await refuseChangedTable(table, (bytes) => sha256(bytes) === before?.table?.sha256);
  await refuseOtherSplit(table, before, split);

  const { stored, leftOut, made } = await prepareAll(archive, found, volumes, run);
  if (leftOut.length > 0 && !options.skipBad) throw incomplete(out, leftOut);
  const { cases, rows } = casesOf(found.studies, stored, source);
  const { splits, unknown } = list
    ? listedSplit(cases, list)
    : { splits: drawSplit(cases, drawn, source), unknown: [] };
  const cohort: Cohort = {
    name: table,
    classes: found.classes,
    cases: rows.map((row, i) => ({ ...row, split: splits.get(row.patient)!, line: i + 2 })),
  };
  const warnings = [
    ...(unknown.length > 0
      ? [`${options.split} names ${listed(unknown, 3)}, which no patient and no case is called.`]
      : []),
    ...[...stored.values()].flatMap((study) => study.warnings),
  ];
  const remarks = countRemarks([...stored.values()]);
  const text = writeCohort(cohort);
  const counts = countsOf(cohort);
  const notes = [...found.notes, ...remarks, ...warnings];
  const record = { ...claim, split, notes, counts, leftOut, table: { sha256: sha256(text) } };
  // A table that is there is what the record says it is, whenever this is cut short.
  if (before?.table?.sha256 !== record.table.sha256) await rm(table, { force: true });
  await writeWhole({ [join(out, COHORT_RECORD)]: jsonBytes(record) });
  await writeWhole({ [table]: new TextEncoder().encode(text) });
  for (const remark of remarks) terminal.log(remark);
  for (const warning of warnings) terminal.warn(warning);
  if (leftOut.length > 0) {
    const which = listed(
      leftOut.map(({ study }) => study),
      3,
    );
    terminal.warn(`${counted(leftOut.length, 'study is', 'studies are')} left out: ${which}.`);
  }
  tell(cohort, counts, run);
  const values = preprocessingText(adapter.preprocessing);
  if (values) terminal.log(`Encoders that learn from it will see: ${values}.`);
  return { table, cases: rows.length, made, kept: stored.size - made, leftOut, notes, counts };
}

/** How volumes are read. Which series, and whether PET becomes SUV, is asked where an archive may hold DICOM. */
function volumeOptions({ settings, options }: Archive): VolumeOptions {
  const { series, suv } = settings;
  const dicom = { ...(series !== undefined && { series }), ...(suv === 'false' && { suv: false }) };
  return { nan: options.nan, int64: options.int64, ...dicom };
}

/** A cohort in its own archive would be a part of it the next time. */
function refuseWithin(source: string, out: string): void {
  const [archive, cohort] = [resolve(source), resolve(out)];
  if (cohort !== archive && !cohort.startsWith(archive.endsWith(sep) ? archive : `${archive}${sep}`)) return;
  throw new UsageError(`--out ${out}`, `It lies in the archive ${source}.`, {
    remedy: 'Choose a folder beside it.',
  });
}

async function readSplitList(path: string): Promise<SplitList & { readonly sha256: string }> {
  const bytes = await readBytes(path);
  return { ...parseSplitList(new TextDecoder().decode(bytes), path), sha256: sha256(bytes) };
}

function checkFound({ studies }: FoundStudies, source: string): void {
  if (studies.length === 0) {
    throw new TonnoError(source, 'There is no study in it.', {
      remedy: 'Check that it is the folder of the archive, as it was unpacked.',
    });
  }
  const seen = new Set<string>();
  for (const { name } of studies) {
    const key = name.toLowerCase();
    if (!isStudyName(name) || seen.has(key)) {
      throw new TonnoError(
        source,
        `Its study ${JSON.stringify(name)} has the name of another, or none for a file.`,
        {
          remedy: 'Rename it in the archive.',
        },
      );
    }
    seen.add(key);
  }
}

function drawing({ adapter, options }: Archive): DrawnSplit {
  const { seed, validation } = options;
  return {
    seed,
    validation:
      validation === undefined ? adapter.validation : { positive: validation, negative: validation },
  };
}

/** All that decides what the volumes hold. */
function claimOf({ name, adapter, settings, options }: Archive, { channels, classes }: FoundStudies) {
  const said = { ...settings, nan: options.nan, int64: options.int64 };
  return {
    software: { name: 'tonno', version: VERSION },
    source: name,
    description: adapter.description,
    settings: Object.fromEntries(Object.entries(said).sort(([a], [b]) => (a < b ? -1 : 1))),
    channels,
    classes,
    preprocessing: adapter.preprocessing,
  };
}

/** Encoders may have learned from the split that is there. */
async function refuseOtherSplit(
  table: string,
  before: CohortRecord | undefined,
  split: object,
): Promise<void> {
  const there = before?.split;
  if (there === undefined || JSON.stringify(there) === JSON.stringify(split) || !(await exists(table)))
    return;
  throw new TonnoError(table, `Its patients were split otherwise, by ${JSON.stringify(there)}.`, {
    remedy: 'Move the table away to have them split anew; the volumes are kept.',
  });
}

/** What many studies have in common is said once, also where the numbers in it differ. */
export function countRemarks(studies: readonly Pick<StoredStudy, 'remarks'>[]): string[] {
  const alike = new Map<string, Set<string>>();
  const counts = new Map<string, number>();
  for (const { remarks } of studies) {
    const keys = remarks.map((remark) => {
      const key = remark.replace(/\d+(\.\d+)?(e[+-]?\d+)?/gi, '#');
      alike.set(key, (alike.get(key) ?? new Set()).add(remark));
      return key;
    });
    for (const key of new Set(keys)) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...alike].map(([key, [first, ...others]]) => {
    const where = counted(counts.get(key)!, 'study', 'studies');
    return `${first} (${where}${others.length > 0 ? ', each with numbers of its own' : ''})`;
  });
}

/** Prepares what is not there. */
async function prepareAll(
  archive: Archive,
  found: FoundStudies,
  volumes: VolumeOptions,
  { terminal, signal }: Run,
) {
  const { out, jobs = availableParallelism() } = archive.options;
  const stored = new Map<string, StoredStudy>();
  const leftOut: LeftOut[] = [];
  const missing: Study[] = [];
  for (const study of found.studies) {
    signal.throwIfAborted();
    const whole = await storedStudyOf(out, study);
    if (whole) stored.set(study.name, whole);
    else missing.push(study);
  }
  const kept = stored.size;
  if (kept > 0) terminal.log(`${kept} of them are there already.`);
  const progress = terminal.progress('studies');
  const tell = () => {
    const done = stored.size + leftOut.length;
    const count = done - kept;
    progress.update(done, found.studies.length, '', { count, units: 'studies' }, { from: kept });
  };
  tell();
  try {
    await prepareStudies({
      tasks: missing.map((study) => ({
        adapter: archive.name,
        source: archive.source,
        settings: archive.settings,
        volumes,
        classes: found.classes,
        channels: found.channels,
        study,
      })),
      jobs,
      signal,
      async onPrepared({ study }, prepared) {
        stored.set(study.name, await storeStudy(out, study, prepared));
        tell();
      },
      onBad({ study }, problem) {
        terminal.log(`error: study ${study.name}: ${problem}`);
        leftOut.push({ study: study.name, problem });
        tell();
      },
    });
  } finally {
    progress.end();
  }
  // In the order of the archive, whoever was ready first.
  const order = new Map(found.studies.map(({ name }, i) => [name, i]));
  leftOut.sort((a, b) => order.get(a.study)! - order.get(b.study)!);
  return {
    stored: new Map(
      found.studies.flatMap(({ name }) => (stored.has(name) ? [[name, stored.get(name)!] as const] : [])),
    ),
    leftOut,
    made: stored.size - kept,
  };
}

function incomplete(out: string, leftOut: readonly LeftOut[]): TonnoError {
  const which = listed(
    leftOut.map(({ study }) => study),
    3,
  );
  return new TonnoError(
    out,
    `There is no ${TABLE} yet: ${counted(leftOut.length, 'study', 'studies')} could not be prepared (${which}).`,
    {
      remedy:
        'Mend what is said above and give the same command again, which makes no more than what is missing; or add --skip-bad to leave them out.',
    },
  );
}

type Row = Omit<Cohort['cases'][number], 'split' | 'line'>;

/** All cases, for the split and for the table. */
function casesOf(studies: readonly Study[], stored: ReadonlyMap<string, StoredStudy>, source: string) {
  const cases: SplitCase[] = [];
  const rows: Row[] = [];
  for (const { name, patient, split } of studies) {
    for (const own of stored.get(name)?.cases ?? []) {
      cases.push({ name: own.name, study: name, patient, labels: own.labels, split });
      rows.push({ ...own, patient });
    }
  }
  const names = rows.map((row) => row.name.toLowerCase());
  const twice = names.findIndex((key, i) => names.indexOf(key) !== i);
  if (twice >= 0) throw new TonnoError(source, `Two of its studies have a case ${rows[twice].name}.`);
  if (rows.length > 0) return { cases, rows };
  throw new TonnoError(source, 'None of its studies could be prepared.', {
    remedy: 'Check that it is the archive that it should be.',
  });
}

/** Cases and patients of a split, and positives of each class. */
interface Counts {
  readonly cases: number;
  readonly patients: number;
  readonly positives: Readonly<Record<string, number>>;
}

function countsOf({ classes, cases }: Cohort): Record<Split, Counts> {
  const of = (split: Split): Counts => {
    const own = cases.filter((row) => row.split === split);
    const positives = classes.map((name, i) => [name, own.filter(({ labels }) => labels[i] === 1).length]);
    return {
      cases: own.length,
      patients: new Set(own.map(({ patient }) => patient)).size,
      positives: Object.fromEntries(positives),
    };
  };
  return { train: of('train'), validation: of('validation') };
}

function tell(cohort: Cohort, counts: Record<Split, Counts>, { terminal }: Run): void {
  const said = (['train', 'validation'] as const).map((split) => {
    const { cases, patients, positives } = counts[split];
    const found = cohort.classes.map((name) =>
      cohort.classes.length > 1 ? `${positives[name]} with ${name}` : `${positives[name]} positive`,
    );
    const who = cases === patients ? '' : ` of ${counted(patients, 'patient', 'patients')}`;
    return `${counted(cases, 'case', 'cases')}${who} for ${split === 'train' ? 'training' : split}, ${found.join(', ')}`;
  });
  terminal.log(`${said.join('; ')}.`);
  for (const split of ['train', 'validation'] as const) {
    try {
      requireBothClasses(cohort, split);
    } catch (error) {
      if (!(error instanceof TonnoError)) throw error;
      terminal.warn(error.problem);
    }
  }
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
