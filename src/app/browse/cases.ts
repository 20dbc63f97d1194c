/**
 * The table's rows: a case, and what is known of it in the chosen series of heatmaps. A case is called positive by a
 * series when its heatmap reaches above τ, which is the threshold that the case did not help to choose; cases where the
 * two are at odds with the label are what one looks for.
 */
import type { Browsed } from '../../report/browse.ts';

export interface Row {
  readonly name: string;
  readonly patient?: string;
  readonly split?: string;
  readonly label?: 0 | 1;
  readonly maximum?: number;
  readonly dice?: number;
  readonly f1?: number;
  /** Whether the maximum is above τ, where both are known. */
  readonly predicted?: boolean;
}

export type Column = 'name' | 'patient' | 'split' | 'label' | 'maximum' | 'dice' | 'f1';

export interface Order {
  readonly column: Column;
  readonly descending: boolean;
}

/** The cases as a series sees them; without a series, or where it has no heatmap, nothing is measured. */
export function rowsOf({ cases }: Browsed, series: string | undefined): Row[] {
  return cases.map(({ name, patient, split, label, heatmaps }) => {
    const heatmap = series === undefined ? undefined : heatmaps[series];
    const { maximum, dice, f1, thresholds } = heatmap ?? {};
    const predicted = maximum !== undefined && thresholds ? maximum > thresholds.high : undefined;
    return { name, patient, split, label, maximum, dice, f1, predicted };
  });
}

interface Kind {
  readonly title: string;
  /** Whether anything is known of a row that this asks for. */
  knows(row: Row): boolean;
  /** The rows of this kind, given all of them. */
  holds(rows: readonly Row[]): (row: Row) => boolean;
}

const known = (row: Row) => row.label !== undefined && row.predicted !== undefined;

/** What the table can be narrowed down to. */
export const KINDS = {
  all: { title: 'All cases', knows: () => true, holds: () => () => true },
  missed: {
    title: 'Missed: label 1, nothing found',
    knows: known,
    holds: () => (row) => row.label === 1 && row.predicted === false,
  },
  'false-alarm': {
    title: 'False alarm: label 0, something found',
    knows: known,
    holds: () => (row) => row.label === 0 && row.predicted === true,
  },
  'worst-dice': {
    title: 'Lowest quarter of Dice',
    knows: (row) => row.dice !== undefined,
    holds: (rows) => {
      const limit = lowestQuarter(rows.flatMap(({ dice }) => dice ?? []));
      return (row) => row.dice !== undefined && row.dice <= limit;
    },
  },
  positive: {
    title: 'Label 1',
    knows: (row) => row.label !== undefined,
    holds: () => (row) => row.label === 1,
  },
  negative: {
    title: 'Label 0',
    knows: (row) => row.label !== undefined,
    holds: () => (row) => row.label === 0,
  },
} as const satisfies Readonly<Record<string, Kind>>;

export type KindName = keyof typeof KINDS;

export interface KindOffered {
  readonly name: KindName;
  readonly title: string;
  /** Rows of this kind. */
  readonly count: number;
}

/** The kinds that can be told in these rows. */
export function kindsOf(rows: readonly Row[]): KindOffered[] {
  return (Object.keys(KINDS) as KindName[])
    .filter((name) => name === 'all' || rows.some(KINDS[name].knows))
    .map((name) => ({
      name,
      title: KINDS[name].title,
      count: rows.filter(KINDS[name].holds(rows)).length,
    }));
}

/** Rows of a kind in whose names, patient or split each of the words occurs. */
export function narrowed(rows: readonly Row[], text: string, kind: KindName): Row[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const holds = KINDS[kind].holds(rows);
  return rows.filter((row) => {
    if (!holds(row)) return false;
    const said = `${row.name}\n${row.patient ?? ''}\n${row.split ?? ''}`.toLocaleLowerCase();
    return words.every((word) => said.includes(word));
  });
}

/** Numbers in texts count as numbers: case 9 comes before case 10. */
const collator = new Intl.Collator('en', { numeric: true });

/** Rows in order, those that lack the value last either way, equal ones by name. */
export function ordered(rows: readonly Row[], { column, descending }: Order): Row[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [first, second] = [a[column], b[column]];
    if (first === undefined || second === undefined) {
      if (first !== second) return first === undefined ? 1 : -1;
    } else {
      const difference =
        typeof first === 'number' && typeof second === 'number'
          ? first - second
          : collator.compare(String(first), String(second));
      if (difference !== 0) return sign * difference;
    }
    return collator.compare(a.name, b.name);
  });
}

/** The columns that say something about some case. */
export function columnsOf(rows: readonly Row[]): Column[] {
  const columns: readonly Column[] = ['name', 'patient', 'split', 'label', 'maximum', 'dice', 'f1'];
  return columns.filter((column) => column === 'name' || rows.some((row) => row[column] !== undefined));
}

/** The value that a quarter of the values, rounded up, do not exceed. */
function lowestQuarter(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length / 4) - 1] ?? Number.NEGATIVE_INFINITY;
}
