/** All checks, in the order in which their findings are told. A new one is an entry in its group's file. */
import type { Split } from '../cohort-table.ts';
import { splits as bothSplits, type ReadTable } from '../cohort-table.ts';
import { balanceChecks } from './balance.ts';
import { channelChecks } from './channels.ts';
import { type Check, type Finding, type Found, levels, type Subjects } from './check.ts';
import { duplicateChecks } from './duplicates.ts';
import type { CohortFacts, FileFacts } from './facts.ts';
import { fileChecks } from './files.ts';
import { outlierChecks } from './outliers.ts';
import { placementChecks } from './placement.ts';
import { tableChecks } from './table.ts';
import { truthChecks } from './truth.ts';

export const battery: readonly Check[] = [
  ...tableChecks,
  ...balanceChecks,
  ...fileChecks,
  ...placementChecks,
  ...channelChecks,
  ...truthChecks,
  ...duplicateChecks,
  ...outlierChecks,
];

/** What is wrong with a table alone. @param splits that are wanted; both unless given. */
export function checkTable(table: ReadTable, splits: readonly Split[] = bothSplits): Finding[] {
  return inOrder(runAll('table', { table, splits }));
}

/** What is wrong with volumes that are no cohort: for themselves, and whether some are the same. */
export function checkVolumes(files: readonly FileFacts[]): Finding[] {
  const cases = files.map((file, line) => {
    const row = { name: file.path, patient: '', split: undefined, labels: [], images: [file.path], line };
    return { row, images: [file] };
  });
  const together = new Set(duplicateChecks.map(({ name }) => name));
  return inOrder([
    ...files.flatMap((file) => runAll('file', file)),
    ...runAll('cohort', { name: '', classes: [], cases }).filter(({ check }) => together.has(check)),
  ]);
}

/** What `--fix` mends in a file. */
export function fixableIn(file: FileFacts): Finding[] {
  return runAll('file', file).filter(({ fixable }) => fixable);
}

/** What is wrong with the files of a cohort, for themselves and together; a file of several cases is told of once. */
export function checkCohort(cohort: CohortFacts): Finding[] {
  const files = new Map<string, FileFacts>();
  for (const { images, mask } of cohort.cases) {
    for (const file of [...images, ...(mask ? [mask] : [])]) files.set(`${file.role} ${file.path}`, file);
  }
  return inOrder([
    ...[...files.values()].flatMap((file) => runAll('file', file)),
    ...cohort.cases.flatMap((facts) => runAll('case', facts)),
    ...runAll('cohort', cohort),
  ]);
}

/** Findings of all checks, the gravest first, and of one level in the battery's order. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const place = new Map(battery.map(({ name }, i) => [name, i]));
  const rank = ({ level, check }: Finding) =>
    levels.indexOf(level) * battery.length + (place.get(check) ?? 0);
  return [...findings].sort((a, b) => rank(a) - rank(b));
}

function runAll<Kind extends keyof Subjects>(kind: Kind, subject: Subjects[Kind]): Finding[] {
  return battery.flatMap((check) => {
    if (check.looksAt !== kind) return [];
    // The kind says what the check takes, which the compiler does not follow through the union.
    const run = check.run as (subject: Subjects[Kind]) => Iterable<Found>;
    return [...run(subject)].map((found) => ({
      check: check.name,
      level: found.level ?? check.level,
      subject: found.subject,
      message: found.message,
      remedy: found.remedy ?? '',
      fixable: found.fixable ?? false,
    }));
  });
}
