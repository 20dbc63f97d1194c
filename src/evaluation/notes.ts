/** Sentences without which the numbers of an evaluation would mislead. */
import type { CaseResult, Evaluation, Fold, ProtocolSettings } from './evaluation.ts';
import type { InspectedCase } from './inspection.ts';

export function notesOn(
  truth: Evaluation['truth'],
  folds: readonly Fold[],
  cases: readonly CaseResult[],
  inspected: readonly InspectedCase[],
  { share, masks }: ProtocolSettings,
): string[] {
  const notes: string[] = [];
  const say = (when: boolean, sentence: string) => {
    if (when) notes.push(sentence);
  };
  const untuned = folds.filter((fold) => fold.tunedOn.length === 0);
  const fewer = folds.filter((fold) => fold.tunedOn.length > 0 && fold.tunedOn.length < masks);
  const positives = cases.filter((one) => one.label === 1);
  const unknown = cases.filter((one, i) => one.label === 1 && !inspected[i].hasTruth);
  const unmeasured = cases.filter((one) => one.folds === 0);
  const kind = truth === 'boxes' ? 'bounding box' : 'mask';
  say(
    truth === 'none',
    `No case has a mask or a bounding box: the low threshold τ′ was not tuned but is ${share} × τ, and nothing was measured that needs lesions (precision, recall, F1-score, Dice, FROC).`,
  );
  say(
    truth !== 'none' && untuned.length > 0,
    `In ${untuned.length} of ${folds.length} folds no ${kind} tuned the low threshold τ′; it is ${share} × τ there.`,
  );
  say(
    fewer.length > 0,
    `In ${fewer.length} of ${folds.length} folds fewer than ${masks} cases with a ${kind} tuned the low threshold τ′.`,
  );
  say(
    truth !== 'none' && unknown.length > 0,
    `${unknown.length} of ${positives.length} positive cases have no ${kind}: precision, recall, F1-score and overlap are those of the others.`,
  );
  say(
    truth === 'boxes',
    'There is one bounding box a case: predicted lesions that count as false positives may be true ones, so precision, F1-score and FROC say little (A.7).',
  );
  const below = folds.filter((fold) => fold.high <= 0);
  say(
    below.length > 0,
    `In ${below.length} of ${folds.length} folds the high threshold τ is not above 0; the way to it, of which τ′ is a share, begins at the mean of the heatmaps there.`,
  );
  say(
    unmeasured.length > 0,
    `${unmeasured.length} of ${cases.length} cases were in the measured half of no fold.`,
  );
  return notes;
}
