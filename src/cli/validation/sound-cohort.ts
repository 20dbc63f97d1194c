/** What has to be in order before anything is learned from a cohort or measured on it: errors end the work, warnings are told. */

import { checkCohort, checkTable } from '../../datasets/checks/battery.ts';
import type { Finding } from '../../datasets/checks/check.ts';
import { gatherCohort } from '../../datasets/checks/gather.ts';
import { type Cohort, parseCohort } from '../../datasets/cohort.ts';
import { type ReadCase, readTable, type Split } from '../../datasets/cohort-table.ts';
import { TonnoError } from '../../errors.ts';
import type { Run } from '../run.ts';
import type { VolumeOptions } from '../volumes.ts';
import { besideTable, readFileFacts } from './file-facts.ts';

/** Findings that are told one by one; of warnings, those of one check. */
const TOLD_ERRORS = 10;
const TOLD_WARNINGS = 3;

/**
 * The cohort in a table.
 * @param splits that are wanted of it.
 * @param warn whether to tell warnings as well; not where they have been told.
 * @throws TonnoError for an error in it; of several, when all of them have been told.
 */
export function parseSoundCohort(
  text: string,
  name: string,
  { terminal }: Pick<Run, 'terminal'>,
  { splits, warn = true }: { readonly splits?: readonly Split[]; readonly warn?: boolean } = {},
): Cohort {
  const findings = checkTable(readTable(text, name), splits);
  settle(warn ? findings : findings.filter(({ level }) => level === 'error'), name, { terminal });
  return parseCohort(text, name);
}

/**
 * Looks at the files of cases, with a progress line.
 * @param masks whose masks are wanted.
 * @throws TonnoError as `parseSoundCohort` does.
 */
export async function requireSoundFiles(
  cohort: Cohort,
  { nan, int64, masks }: VolumeOptions & { readonly masks: (row: Pick<ReadCase, 'split'>) => boolean },
  { terminal, signal }: Pick<Run, 'terminal' | 'signal'>,
): Promise<Finding[]> {
  const progress = terminal.progress('checking');
  const facts = await gatherCohort(
    cohort,
    (path, role) => readFileFacts(besideTable(cohort.name, path), role, { nan, int64, signal }),
    {
      masks,
      signal,
      onFile: (done, total) => progress.update(done, total, 'files', { count: done, units: 'files' }),
    },
  ).finally(() => progress.end());
  const findings = checkCohort(facts);
  settle(findings, cohort.name, { terminal });
  return findings;
}

/** Tells warnings, and throws where there is an error. */
function settle(findings: readonly Finding[], table: string, { terminal }: Pick<Run, 'terminal'>): void {
  const told = new Map<string, number>();
  const warnings = findings.filter(({ level }) => level === 'warning');
  for (const finding of warnings) {
    const count = (told.get(finding.check) ?? 0) + 1;
    told.set(finding.check, count);
    if (count <= TOLD_WARNINGS) terminal.warn(sentence(finding));
  }
  for (const [check, count] of told) {
    if (count > TOLD_WARNINGS) terminal.warn(`${check}: ${count - TOLD_WARNINGS} more of this kind.`);
  }
  const errors = findings.filter(({ level }) => level === 'error');
  if (errors.length === 0) return;
  const [{ subject, message, remedy }] = errors;
  if (errors.length === 1) throw new TonnoError(subject, message, { remedy });
  for (const error of errors.slice(0, TOLD_ERRORS)) terminal.log(`  ${sentence(error)}`);
  const more = errors.length - TOLD_ERRORS;
  if (more > 0) terminal.log(`  … and ${more} more.`);
  throw new TonnoError(table, `There are ${errors.length} errors in the cohort.`, {
    remedy: '`tonno validate` tells all that can be said about them.',
  });
}

function sentence({ subject, message, remedy }: Finding): string {
  return [`${subject}: ${message}`, remedy].filter(Boolean).join(' ');
}
