/**
 * Monte-Carlo cross-validation (A.7): in each fold the cases are shuffled, thresholds are fitted on the first half and
 * numbers measured on the second. Patients are shuffled rather than cases, so that no patient is on both sides; with one
 * case a patient that is the paper's half.
 */
import { TonnoError } from '../errors.ts';
import type { Random } from '../geometry/random.ts';

/** A fold by indices of cases. */
export interface FoldPlan {
  readonly fit: readonly number[];
  readonly measure: readonly number[];
  /** Those of `fit` whose truth tunes the low threshold. */
  readonly masks: readonly number[];
}

export interface FoldCase {
  readonly name: string;
  readonly patient: string;
  readonly label: 0 | 1;
  /** Positive, with a mask or box. */
  readonly hasTruth: boolean;
}

/** Shuffles that are tried for one in which both halves hold both classes. */
const TRIES = 1000;

/**
 * One fold a stream. The same seed and the same cases give the same folds, in whatever order the cases come.
 * @param masks cases that tune the low threshold in each fold, at most.
 * @throws TonnoError that says which class is short when no shuffle gives both halves both classes.
 */
export function drawFolds(cases: readonly FoldCase[], streams: readonly Random[], masks: number): FoldPlan[] {
  const patients = byPatient(cases);
  for (const label of [1, 0] as const) {
    const having = patients.filter((own) => own.some((i) => cases[i].label === label)).length;
    if (having < 2) throw tooFew(label, `Of patients with ${className(label)} cases there are ${having}`);
  }
  return streams.map((random) => {
    const { fit, measure } = drawHalves(cases, patients, random);
    const drawn = shuffle(
      fit.filter((i) => cases[i].hasTruth),
      random,
    );
    return { fit, measure, masks: drawn.slice(0, masks) };
  });
}

function drawHalves(
  cases: readonly FoldCase[],
  patients: readonly (readonly number[])[],
  random: Random,
): Omit<FoldPlan, 'masks'> {
  let missing: 0 | 1 = 1;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const order = shuffle(patients, random);
    const split = halfway(order, cases.length);
    const halves = [order.slice(0, split).flat(), order.slice(split).flat()];
    const lacking = ([1, 0] as const).find((label) =>
      halves.some((half) => half.every((i) => cases[i].label !== label)),
    );
    if (lacking === undefined) return { fit: halves[0], measure: halves[1] };
    missing = lacking;
  }
  throw tooFew(missing, `In none of ${TRIES} shuffles did both halves hold a ${className(missing)} case`);
}

/** How many of the patients make the first half: up to where a further one would not bring it nearer to half the cases. */
function halfway(patients: readonly (readonly number[])[], cases: number): number {
  let count = 0;
  let split = 0;
  // Nearer means |2·(count + n) − cases| < |2·count − cases|.
  while (split < patients.length && 2 * count + patients[split].length < cases) {
    count += patients[split++].length;
  }
  return split;
}

/** Indices of each patient's cases, by name: what the shuffle starts from must not depend on the order given. */
function byPatient(cases: readonly FoldCase[]): number[][] {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const order = cases.map((_, i) => i).sort((a, b) => compare(cases[a].name, cases[b].name));
  const groups = groupByPatient(order, (i) => cases[i].patient);
  return [...groups].sort(([a], [b]) => compare(a, b)).map(([, own]) => own);
}

/** Indices by the patient they belong to, in the order in which each is first met. */
export function groupByPatient(
  indices: readonly number[],
  patient: (index: number) => string,
): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const index of indices) {
    const group = groups.get(patient(index));
    if (group) group.push(index);
    else groups.set(patient(index), [index]);
  }
  return groups;
}

/** Fisher and Yates. */
function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
  }
  return shuffled;
}

const className = (label: 0 | 1) => (label === 1 ? 'positive' : 'negative');

function tooFew(label: 0 | 1, problem: string): TonnoError {
  return new TonnoError('cross-validation', `${problem}; each half of a fold needs one.`, {
    remedy: `Add ${className(label)} cases of other patients.`,
  });
}
