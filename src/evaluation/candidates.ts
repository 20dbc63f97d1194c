/**
 * What a heatmap shows above a low threshold, and what of it a high one keeps. Candidates are components with their maximum
 * as score. They are found once for a low threshold; every high one after that is a choice among them, and all
 * numbers of A.7 follow from their sizes, maxima and overlaps.
 */
import type { Shape } from '../volume/volume.ts';
import { componentMaxima, runsAbove, type Thresholds } from './binarisation.ts';
import { type ComponentRuns, type Connectivity, connectedRuns, runSizes } from './components.ts';
import type { CaseData } from './evaluation.ts';
import type { FrocVolume } from './froc.ts';
import { type Detection, detection, matchBoxes, matchMasks, type Pair } from './matching.ts';
import { dice } from './overlap.ts';

/** What is true of a case. */
export interface Truth {
  readonly kind: 'mask' | 'box';
  /** Lesions: components of the mask; the one box. */
  readonly count: number;
  /** Voxels of the mask; 0 for a box. */
  readonly voxels: number;
  /** Voxels of each lesion; empty for a box. */
  readonly sizes: Int32Array;
  match(predicted: ComponentRuns, shape: Shape): Pair[];
}

/** The mask's truth, else the box's, else none. */
export function truthOf({ mask, box, shape }: CaseData, connectivity: Connectivity): Truth | undefined {
  if (mask) {
    const runs = connectedRuns(mask, shape, connectivity);
    const sizes = runSizes(runs);
    return {
      kind: 'mask',
      count: runs.count,
      voxels: sizes.reduce((sum, size) => sum + size, 0),
      sizes,
      match: (predicted) => matchMasks(predicted, runs),
    };
  }
  if (!box) return undefined;
  return {
    kind: 'box',
    count: 1,
    voxels: 0,
    sizes: new Int32Array(),
    match: (predicted, grid) => matchBoxes(predicted, grid, box),
  };
}

export interface Candidates {
  /** Scores of candidate 1, 2, …. */
  readonly maxima: Float32Array;
  readonly sizes: Int32Array;
  /** With the truth; empty where there is none. */
  readonly pairs: readonly Pair[];
}

/** The components of the voxels above `low`. */
export function findCandidates(
  { heatmap, shape }: CaseData,
  low: number,
  connectivity: Connectivity,
  truth?: Truth,
): Candidates {
  const runs = runsAbove(heatmap, shape, low, connectivity);
  return {
    maxima: componentMaxima(runs, heatmap),
    sizes: runSizes(runs),
    pairs: truth?.match(runs, shape) ?? [],
  };
}

/** Dice of the voxels that τ keeps, or the best overlap of a kept box: what τ′ is tuned to make large. */
export function overlapAt(candidates: Candidates, truth: Truth, high: Thresholds['high']): number {
  const { maxima, sizes, pairs } = candidates;
  const kept = pairs.filter(({ predicted }) => maxima[predicted - 1] > high);
  if (truth.kind === 'box') return kept.reduce((best, { iou }) => Math.max(best, iou), 0);
  const shared = kept.reduce((sum, pair) => sum + pair.shared, 0);
  const voxels = sizes.reduce((sum, size, i) => sum + (maxima[i] > high ? size : 0), 0);
  return dice(shared, voxels, truth.voxels);
}

export interface CaseMeasures extends Detection {
  /** Dice or MaxIoU. */
  readonly overlap: number;
  /** Voxels of true lesions and of the kept candidate that overlaps each best, where they match; none for boxes. */
  readonly matched: readonly (readonly [truth: number, predicted: number])[];
}

/**
 * The numbers of a positive case.
 * @param limit pairs match when their intersection over union is greater.
 */
export function measureAt(
  candidates: Candidates,
  truth: Truth,
  high: Thresholds['high'],
  limit: number,
): CaseMeasures {
  const { maxima, sizes, pairs } = candidates;
  const matches = pairs.filter(({ predicted, iou }) => iou > limit && maxima[predicted - 1] > high);
  const predicted = maxima.reduce((count, maximum) => count + (maximum > high ? 1 : 0), 0);
  const best = new Map<number, Pair>();
  for (const match of matches) {
    const held = best.get(match.truth);
    // Of equal overlaps the larger candidate, so that no turn of the grid changes the choice.
    const larger = held && match.iou === held.iou && sizes[match.predicted - 1] > sizes[held.predicted - 1];
    if (!held || match.iou > held.iou || larger) best.set(match.truth, match);
  }
  return {
    ...detection(matches, predicted, truth.count),
    overlap: overlapAt(candidates, truth, high),
    matched:
      truth.kind === 'mask'
        ? [...best.values()].map((match) => [truth.sizes[match.truth - 1], sizes[match.predicted - 1]])
        : [],
  };
}

/** Scores of true and false candidates, whatever the high threshold. */
export function frocScores({ maxima, pairs }: Candidates, lesions: number, limit: number): FrocVolume {
  const scores = new Float32Array(lesions).fill(Number.NEGATIVE_INFINITY);
  const matched = new Uint8Array(maxima.length);
  for (const { predicted, truth, iou } of pairs) {
    if (iou <= limit) continue;
    matched[predicted - 1] = 1;
    scores[truth - 1] = Math.max(scores[truth - 1], maxima[predicted - 1]);
  }
  return { falsePositives: maxima.filter((_, i) => matched[i] === 0), lesions: scores };
}
