/**
 * A check looks at one kind of thing (the table, a file, a case, the cohort) and finds what is wrong with it, in nibabel's
 * manner: a level, what it is, how to mend it. Checks read no files and change nothing; `battery.ts` lists them all.
 */
import type { ReadTable, Split } from '../cohort-table.ts';
import type { CaseFacts, CohortFacts, FileFacts } from './facts.ts';

/**
 * error: what follows cannot work, or its numbers would mislead. warning: it works, but something is probably not as it was
 * meant. info: good to know.
 */
export const levels = ['error', 'warning', 'info'] as const;
export type Level = (typeof levels)[number];

export interface Finding {
  /** Name of the check. */
  readonly check: string;
  readonly level: Level;
  /** The file, case or table that it is about. */
  readonly subject: string;
  /** A sentence. */
  readonly message: string;
  /** What to do, a sentence; empty where nothing has to be done. */
  readonly remedy: string;
  /** Whether `tonno validate --fix` mends it in a copy. */
  readonly fixable: boolean;
}

/** What a check finds; its name is added, and its level where none is said. */
export interface Found {
  readonly subject: string;
  readonly message: string;
  readonly remedy?: string;
  readonly level?: Level;
  readonly fixable?: boolean;
}

interface CheckOf<Kind extends string, Subject> {
  readonly name: string;
  /** Of its gravest findings. */
  readonly level: Level;
  /** Which of `Subjects` it looks at. */
  readonly looksAt: Kind;
  /** What it finds, in a line. */
  readonly finds: string;
  run(subject: Subject): Iterable<Found>;
}

/** A table and the splits that are wanted of it. */
export interface TableSubject {
  readonly table: ReadTable;
  readonly splits: readonly Split[];
}

/** What checks look at. */
export interface Subjects {
  readonly table: TableSubject;
  readonly file: FileFacts;
  readonly case: CaseFacts;
  readonly cohort: CohortFacts;
}

export type Check = { [Kind in keyof Subjects]: CheckOf<Kind, Subjects[Kind]> }[keyof Subjects];

/** How a sentence begins that is about a case. */
export const caseSubject = ({ row }: CaseFacts): string => `case ${row.name}`;
