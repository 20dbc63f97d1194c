/** How many cases each split has of each class. */
import { lackingClasses } from '../cohort.ts';
import type { ReadTable, Split } from '../cohort-table.ts';
import type { Check } from './check.ts';

/** Cases of the rarer class to those of the other, below which the rarer one is hardly ever seen. */
const RARE = 1 / 10;

export const balanceChecks: readonly Check[] = [
  {
    name: 'one-class-split',
    level: 'error',
    looksAt: 'table',
    finds: 'splits without a positive or without a negative case',
    *run({ table, splits }) {
      for (const split of splits) {
        if (!table.cases.some((row) => row.split === split)) continue;
        for (const { problem, remedy } of lackingClasses(table, split)) {
          yield { subject: table.name, message: problem, remedy };
        }
      }
    },
  },
  {
    name: 'class-balance',
    level: 'warning',
    looksAt: 'table',
    finds: 'classes with fewer than a tenth of the cases of the other in a split',
    *run({ table, splits }) {
      for (const { split, label, positive, negative } of countsOf(table, splits)) {
        const [few, many] = [Math.min(positive, negative), Math.max(positive, negative)];
        if (few === 0 || few >= RARE * many) continue;
        const rarer = positive < negative ? 'positive' : 'negative';
        yield {
          subject: table.name,
          message: `The split ${split} has ${few} ${rarer} and ${many} other cases${whichOf(table, label)}.`,
          remedy: 'Numbers of so few cases say little: add some, or put others into the split.',
        };
      }
    },
  },
  {
    name: 'class-counts',
    level: 'info',
    looksAt: 'table',
    finds: 'how many cases there are of each class',
    *run({ table, splits }) {
      const counts = countsOf(table, splits);
      if (counts.length === 0) return;
      const words = counts.map(
        ({ split, label, positive, negative }) =>
          `${positive} positive and ${negative} negative in ${split}${whichOf(table, label)}`,
      );
      yield { subject: table.name, message: `Cases: ${words.join('; ')}.` };
    },
  },
];

interface Count {
  readonly split: Split;
  readonly label: string;
  readonly positive: number;
  readonly negative: number;
}

/** For each split that has cases and each class; cases whose label cannot be read count for neither. */
function countsOf({ classes, cases }: ReadTable, splits: readonly Split[]): Count[] {
  return splits.flatMap((split) => {
    const chosen = cases.filter((row) => row.split === split);
    if (chosen.length === 0) return [];
    return classes.map((label, index) => {
      const count = (value: number) => chosen.filter(({ labels }) => labels[index] === value).length;
      return { split, label, positive: count(1), negative: count(0) };
    });
  });
}

function whichOf({ classes }: ReadTable, label: string): string {
  return classes.length > 1 ? ` for ${label}` : '';
}
