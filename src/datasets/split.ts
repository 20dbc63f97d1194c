/**
 * Which patients are for training and which for validation. Every patient draws a number of their own from the seed and
 * their name; of those with the finding, and of those without, the smallest numbers go to validation. So the split
 * depends on who is there and not on the order in which they came, and one patient more or less moves hardly any other.
 */
import { listed, TonnoError } from '../errors.ts';
import { randomStreams } from '../geometry/random.ts';
import { parseTable, type Split } from './cohort.ts';

/** What the split must know of a case. */
export interface SplitCase {
  readonly name: string;
  /** What else it may be called in a list: the name of its study. */
  readonly study?: string;
  readonly patient: string;
  /** 0 or 1 for each class. */
  readonly labels: readonly number[];
  /** Where it is decided already; all cases of the patient go along. */
  readonly split?: Split;
}

export interface DrawnSplit {
  readonly seed: number;
  /** Shares of the patients with and without the finding that go to validation. */
  readonly validation: { readonly positive: number; readonly negative: number };
}

/**
 * The split of each patient, drawn. A patient has the finding when any of their cases has any. Patients whose split is
 * decided count towards the shares. Of two patients or more that may be drawn, one at least stays on either side, unless the share is 0.
 * @param subject the archive, for errors.
 * @throws TonnoError when cases of one patient are decided to be in both.
 */
export function drawSplit(
  cases: readonly SplitCase[],
  { seed, validation }: DrawnSplit,
  subject: string,
): Map<string, Split> {
  const splits = decided(cases, subject);
  const positives = new Set(cases.filter(({ labels }) => labels.includes(1)).map(({ patient }) => patient));
  const patients = [...new Set(cases.map(({ patient }) => patient))];
  for (const [positive, share] of [
    [true, validation.positive],
    [false, validation.negative],
  ] as const) {
    const all = patients.filter((patient) => positives.has(patient) === positive);
    const free = all.filter((patient) => !splits.has(patient)).map((patient) => lot(patient, seed));
    const fixed = all.filter((patient) => splits.get(patient) === 'validation').length;
    const bothSides = share > 0 && all.length > 1;
    const wanted = Math.round(share * all.length);
    const count = Math.max(bothSides ? 1 : 0, Math.min(wanted, bothSides ? all.length - 1 : wanted)) - fixed;
    free.sort((a, b) => a.number - b.number || (a.patient < b.patient ? -1 : 1));
    for (const [i, { patient }] of free.entries()) splits.set(patient, i < count ? 'validation' : 'train');
  }
  return splits;
}

function decided(cases: readonly SplitCase[], subject: string): Map<string, Split> {
  const first = new Map<string, SplitCase>();
  for (const one of cases.filter(({ split }) => split !== undefined)) {
    const other = first.get(one.patient) ?? one;
    first.set(one.patient, other);
    if (other.split === one.split) continue;
    throw new TonnoError(
      subject,
      `It has cases of patient ${one.patient} in two splits: ${other.name} in ${other.split}, ${one.name} in ${one.split}.`,
      { remedy: 'Give a list of your own with --split.' },
    );
  }
  return new Map([...first].map(([patient, { split }]) => [patient, split!]));
}

/** A patient's number in [0, 1). */
function lot(patient: string, seed: number): { patient: string; number: number } {
  const [random] = randomStreams(hash(`${seed} ${patient}`), 1);
  return { patient, number: random.uniform([0, 1]) };
}

/** FNV-1a over the text's UTF-16 units: 32 bits that differ wherever the text does, as good as always. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value | 0;
}

/** A list of who is in which split, by patients or by cases. */
export interface SplitList {
  /** The file, for errors. */
  readonly name: string;
  readonly by: 'patient' | 'case';
  readonly splits: ReadonlyMap<string, Split>;
}

/**
 * Reads a list: comma-separated text with the columns `split` and `patient`, or `split` and `case`; others may be there.
 * A cohort's own table is such a list, by its patients.
 * @throws TonnoError that names file and line when it cannot be read, or somebody is in both splits.
 */
export function parseSplitList(text: string, name: string): SplitList {
  const [header, ...rows] = parseTable(text, name);
  const by = (['patient', 'case'] as const).find((column) => header?.cells.includes(column));
  if (!header || !by || !header.cells.includes('split')) {
    throw new TonnoError(name, 'It has no columns split and patient, or split and case.', {
      remedy: 'Write one line for each patient below a header patient,split.',
    });
  }
  const [own, split] = [by, 'split'].map((column) => header.cells.indexOf(column));
  const splits = new Map<string, Split>();
  for (const { cells, line } of rows) {
    const [who, where] = [cells[own] ?? '', cells[split] ?? ''];
    const at = `${name}, line ${line}`;
    if (who === '')
      throw new TonnoError(at, `There is no ${by} in it.`, { remedy: `Fill in the column ${by}.` });
    if (where !== 'train' && where !== 'validation') {
      throw new TonnoError(at, `${who} is in the split ${JSON.stringify(where)}.`, {
        remedy: 'Write train or validation.',
      });
    }
    if ((splits.get(who) ?? where) !== where) {
      throw new TonnoError(at, `The ${by} ${who} is in both splits.`, { remedy: 'Keep one of them.' });
    }
    splits.set(who, where);
  }
  return { name, by, splits };
}

/**
 * The split of each patient by a list.
 * @returns the splits, and those names of the list that nobody has.
 * @throws TonnoError when a patient is not in it, or in both splits by their cases.
 */
export function listedSplit(
  cases: readonly SplitCase[],
  { name, by, splits }: SplitList,
): { readonly splits: Map<string, Split>; readonly unknown: readonly string[] } {
  const found = new Map<string, { readonly split: Split; readonly by: string }>();
  const known = new Set<string>();
  for (const one of cases) {
    const names = by === 'patient' ? [one.patient] : [one.name, one.study ?? one.name];
    for (const own of new Set(names)) {
      const split = splits.get(own);
      if (split === undefined) continue;
      known.add(own);
      const first = found.get(one.patient) ?? { split, by: own };
      found.set(one.patient, first);
      if (first.split === split) continue;
      throw new TonnoError(
        name,
        `Patient ${one.patient} is in both splits: case ${first.by} in ${first.split}, case ${own} in ${split}.`,
        { remedy: 'Put all cases of a patient in one split.' },
      );
    }
  }
  const missing = [...new Set(cases.map(({ patient }) => patient))].filter((patient) => !found.has(patient));
  if (missing.length > 0) {
    throw new TonnoError(name, `It leaves out ${listed(missing, 3)}.`, {
      remedy: 'Add a line for each patient of the archive.',
    });
  }
  return {
    splits: new Map([...found].map(([patient, { split }]) => [patient, split])),
    unknown: [...splits.keys()].filter((own) => !known.has(own)),
  };
}
