/** The protocol of an evaluation in words, from the settings that it was made with: what the paper describes in A.7. */
import type { Evaluation, ProtocolSettings } from '../evaluation/evaluation.ts';

/** Sentences on how the numbers of an evaluation came about. */
export function protocolSentences({ settings, truth }: Evaluation): string[] {
  const { folds, seed, sensitivityWeight, resamples } = settings;
  const overlap =
    truth === 'boxes' ? 'Bounding boxes of components' : `Components (${settings.connectivity} neighbours)`;
  return [
    `Monte-Carlo cross-validation of ${count(folds, 'fold')} (seed ${seed}): in each, one half of the shuffled patients chooses the thresholds and the other half is measured.`,
    `The high threshold τ is the one that makes (${decimal(sensitivityWeight)} · sensitivity + specificity) / ${decimal(sensitivityWeight + 1)} greatest, a case being called positive when its heatmap’s maximum exceeds τ.`,
    lowThreshold(settings, truth),
    truth === 'none'
      ? 'There is no mask or box, so that nothing is said about lesions and voxels.'
      : `${overlap} match when their intersection over union is greater than ${fraction(settings.iou)}; precision, recall, F1-score and overlap are means over the positive cases.`,
    `Intervals are 95 % by bootstrap over patients, with ${count(resamples, 'resampling')}.`,
  ];
}

function lowThreshold({ masks, grid, share }: ProtocolSettings, truth: Evaluation['truth']): string {
  const kept = 'what exceeds τ′ is the segmentation, without components that nowhere exceed τ';
  if (truth === 'none') return `The low threshold τ′ is ${decimal(share)} · τ: ${kept}.`;
  const kind = truth === 'boxes' ? 'box' : 'mask';
  const plural = truth === 'boxes' ? 'boxes' : 'masks';
  return `The low threshold τ′ is tuned on at most ${masks} ${masks === 1 ? kind : plural} of that half, among ${count(grid, 'value')}: ${kept}.`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}

function decimal(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function fraction(value: number): string {
  return value > 0 && value < 1 && Number.isInteger(1 / value) ? `1/${1 / value}` : decimal(value);
}
