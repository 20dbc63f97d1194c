/**
 * Whether a cohort of phantoms can be cheated on: how well numbers of a whole volume tell its classes apart, and how
 * well one threshold finds its lesions. An area under the curve of 0.5 is chance, in whichever direction.
 *
 *     npm run bench -- phantoms [seed]
 */
import { phantomCohort, phantomCohortSettings, rocAuc } from 'tonno';
import { machine } from './support/machine.ts';
import { shortcuts, thresholdDice } from './support/shortcuts.ts';

const seed = Number(process.argv[2] ?? 0);
const { shape, train, validation } = phantomCohortSettings({ seed });
console.log(machine());
console.log(`${train} + ${validation} phantoms of ${shape.join('×')}, seed ${seed}; max(AUC, 1 − AUC) of`);

const labels: number[] = [];
const numbers: Record<string, number>[] = [];
const dice: Record<string, number>[] = [];
const start = performance.now();
for (const { case: row, image, mask } of phantomCohort({ seed })) {
  labels.push(row.labels[0]);
  numbers.push(shortcuts(image));
  if (row.labels[0] === 1) dice.push(thresholdDice(image, mask));
}
const seconds = (performance.now() - start) / 1000;

const separation = (name: string, from: number) => {
  const scores = numbers.slice(from).map((found) => found[name]);
  const auc = rocAuc(scores, labels.slice(from));
  return Math.max(auc, 1 - auc);
};
console.log(`${''.padEnd(20)} all    validation`);
for (const name of Object.keys(numbers[0])) {
  console.log(`${name.padEnd(20)} ${separation(name, 0).toFixed(3)}  ${separation(name, train).toFixed(3)}`);
}
for (const [title, from] of [
  ['all cases', 0],
  ['validation', train],
] as const) {
  const [worst] = Object.keys(numbers[0]).sort((a, b) => separation(b, from) - separation(a, from));
  console.log(`worst over ${title}: ${worst}, ${separation(worst, from).toFixed(3)}`);
}
const means = Object.keys(dice[0]).map((level) => ({
  level,
  mean: dice.reduce((sum, of) => sum + of[level], 0) / dice.length,
}));
const best = means.reduce((a, b) => (b.mean > a.mean ? b : a));
console.log(`best threshold ${best.level}: mean Dice ${best.mean.toFixed(3)} over the positives`);
console.log(`${seconds.toFixed(1)} s`);
