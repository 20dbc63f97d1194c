/**
 * Which predicted components meet which true ones. A pair is a predicted and a true component that overlap, with their
 * intersection over union; only such pairs are held. A component counts as found when one of its pairs is above the limit,
 * so that several may share a partner (A.7).
 */

import type { Box } from '../volume/crop.ts';
import type { Shape } from '../volume/volume.ts';
import { boundingBoxes, boxIou, sharedByBoxes } from './boxes.ts';
import { type ComponentRuns, runSizes } from './components.ts';
import { iou } from './overlap.ts';

export interface Pair {
  /** Label of the predicted component. */
  readonly predicted: number;
  /** Label of the true one. */
  readonly truth: number;
  /** Voxels in both; of bounding boxes, in both boxes. */
  readonly shared: number;
  readonly iou: number;
}

/** Pairs of components that share voxels, in scan order of where they first do. */
export function matchMasks(predicted: ComponentRuns, truth: ComponentRuns): Pair[] {
  const shared = sharedVoxels(predicted, truth);
  const [sizes, trueSizes] = [runSizes(predicted), runSizes(truth)];
  return [...shared].map(([key, voxels]) => {
    const pair = { predicted: Math.floor(key / (truth.count + 1)), truth: key % (truth.count + 1) };
    return {
      ...pair,
      shared: voxels,
      iou: iou(voxels, sizes[pair.predicted - 1], trueSizes[pair.truth - 1]),
    };
  });
}

/** Pairs of the predicted components' bounding boxes and the true box, whose label is 1. */
export function matchBoxes(predicted: ComponentRuns, shape: Shape, truth: Box): Pair[] {
  return boundingBoxes(predicted, shape)
    .map((box, i) => ({
      predicted: i + 1,
      truth: 1,
      shared: sharedByBoxes(box, truth),
      iou: boxIou(box, truth),
    }))
    .filter((pair) => pair.shared > 0);
}

/** Voxels that two components share, by predicted × (true components + 1) + true. */
function sharedVoxels(predicted: ComponentRuns, truth: ComponentRuns): Map<number, number> {
  const shared = new Map<number, number>();
  let a = 0;
  let b = 0;
  while (a < predicted.labels.length && b < truth.labels.length) {
    const voxels =
      Math.min(predicted.ends[a], truth.ends[b]) - Math.max(predicted.starts[a], truth.starts[b]);
    if (voxels > 0) {
      const key = predicted.labels[a] * (truth.count + 1) + truth.labels[b];
      shared.set(key, (shared.get(key) ?? 0) + voxels);
    }
    if (predicted.ends[a] < truth.ends[b]) a++;
    else b++;
  }
  return shared;
}

export interface Detection {
  /** Share of the predicted components that have a match; 0 when nothing is predicted. */
  readonly precision: number;
  /** Share of the true components that have one. */
  readonly recall: number;
  /** Their harmonic mean; 0 when both are 0. */
  readonly f1: number;
}

/**
 * Precision, recall and F1-score of one case.
 * @param matches pairs that count as matches, of the components that are predicted.
 * @param predicted number of predicted components.
 * @param truth number of true ones, at least 1.
 */
export function detection(matches: readonly Pair[], predicted: number, truth: number): Detection {
  const precision = predicted === 0 ? 0 : new Set(matches.map((match) => match.predicted)).size / predicted;
  const recall = new Set(matches.map((match) => match.truth)).size / truth;
  const sum = precision + recall;
  return { precision, recall, f1: sum === 0 ? 0 : (2 * precision * recall) / sum };
}
