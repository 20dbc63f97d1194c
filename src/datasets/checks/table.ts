/** Faults of a cohort's table that reading it meets (cohort-table.ts), and what it passes over in silence. */
import type { TableProblem } from '../cohort-table.ts';
import type { Check } from './check.ts';

/** What each kind of problem is about. */
const problems: Readonly<Record<TableProblem['kind'], string>> = {
  'table-unreadable': 'a table that is no comma-separated text, or empty',
  'table-columns': 'columns that are missing, unknown or there twice',
  'table-row': 'rows with cells too many or too few, without a name or an image',
  'unknown-split': 'cases that are neither in train nor in validation',
  'label-not-numeric': 'labels other than 0 and 1',
  'box-unreadable': 'boxes that cannot be read',
  'case-name-twice': 'two cases of one name',
  'patient-in-two-splits': 'patients with cases in both splits',
  'channel-files': 'cases with another number of files than the others',
};

/** Names that a message lists. */
const LISTED = 5;

export const tableChecks: readonly Check[] = [
  ...Object.entries(problems).map(
    ([name, finds]): Check => ({
      name,
      level: 'error',
      looksAt: 'table',
      finds,
      *run({ table }) {
        for (const { kind, subject, problem, remedy, fixable } of table.problems) {
          if (kind === name) yield { subject, message: problem, remedy, fixable };
        }
      },
    }),
  ),
  {
    name: 'table-oddities',
    level: 'info',
    looksAt: 'table',
    finds: 'a byte order mark, and spaces around cells',
    *run({ table }) {
      if (table.oddities.length === 0) return;
      const message = `It has ${table.oddities.join(' and ')}, which are passed over.`;
      yield { subject: table.name, message, fixable: true };
    },
  },
  {
    name: 'patient-missing',
    level: 'info',
    looksAt: 'table',
    finds: 'cases that name no patient',
    *run({ table: { name, withoutPatient } }) {
      if (withoutPatient.length === 0) return;
      const several = withoutPatient.length > 1;
      yield {
        subject: name,
        message: `${listed(withoutPatient)} ${several ? 'name no patient and count as patients of their own' : 'names no patient and counts as a patient of its own'}.`,
        remedy: 'Name the patients if some have several cases.',
        fixable: true,
      };
    },
  },
];

/** "Case a", "Cases a, b and 7 more". */
function listed(names: readonly string[]): string {
  const rest = names.length - LISTED;
  const shown = names.slice(0, rest === 1 ? LISTED + 1 : LISTED).join(', ');
  return `${names.length === 1 ? 'Case' : 'Cases'} ${shown}${rest > 1 ? ` and ${rest} more` : ''}`;
}
