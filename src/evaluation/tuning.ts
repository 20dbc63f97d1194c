/** Both thresholds of every fold: the high one from maxima, the low one from the few masks or boxes that tune it. */
import { findCandidates, overlapAt, type Truth, truthOf } from './candidates.ts';
import type { CaseData, ProtocolSettings } from './evaluation.ts';
import type { FoldPlan } from './folds.ts';
import type { InspectedCase } from './inspection.ts';
import { bestHigh, bestLow, fixedLow, lowGrid } from './thresholds.ts';

/** A fold while its low threshold is being sought. */
export interface FoldTuning {
  readonly plan: FoldPlan;
  /** τ. */
  readonly high: number;
  /** Candidates for τ′. */
  readonly grid: readonly number[];
  /** Dice or best box overlap of each tuning case by its index, at each value of the grid. */
  readonly scores: Map<number, readonly number[]>;
  /** τ′ where nothing tunes it. */
  readonly fixed: number;
}

/** A fold with its high threshold. */
export function startTuning(
  plan: FoldPlan,
  inspected: readonly InspectedCase[],
  labels: readonly (0 | 1)[],
  { sensitivityWeight, grid, share }: ProtocolSettings,
): FoldTuning {
  const { fit } = plan;
  const high = bestHigh(
    fit.map((i) => inspected[i].maximum),
    fit.map((i) => labels[i]),
    sensitivityWeight,
  );
  // Every heatmap counts alike, whatever its size.
  const mean = fit.reduce((sum, i) => sum + inspected[i].mean, 0) / fit.length;
  return {
    plan,
    high,
    grid: lowGrid(high, mean, grid),
    scores: new Map(),
    fixed: fixedLow(high, mean, share),
  };
}

/** What one case says about the low threshold of the folds that it tunes. */
export function tuneOn(
  index: number,
  data: CaseData,
  folds: readonly FoldTuning[],
  { connectivity }: ProtocolSettings,
): void {
  const truth = truthOf(data, connectivity);
  if (!truth) return;
  const own = folds.filter(({ plan }) => plan.masks.includes(index));
  // Folds share many of their thresholds: components are found once for each low one.
  const lows = new Set(own.flatMap(({ grid }) => grid));
  const found = new Map([...lows].map((low) => [low, scoresAt(low, data, truth, own, connectivity)]));
  for (const { grid, high, scores } of own) {
    scores.set(
      index,
      grid.map((low) => found.get(low)?.get(high) ?? 0),
    );
  }
}

/** By high threshold, for those of the folds whose grid has the low one. */
function scoresAt(
  low: number,
  data: CaseData,
  truth: Truth,
  folds: readonly FoldTuning[],
  connectivity: ProtocolSettings['connectivity'],
): Map<number, number> {
  const candidates = findCandidates(data, low, connectivity, truth);
  const highs = new Set(folds.filter(({ grid }) => grid.includes(low)).map(({ high }) => high));
  return new Map([...highs].map((high) => [high, overlapAt(candidates, truth, high)]));
}

/** τ′: the best of the grid by the mean over the tuning cases, or the fixed share of τ without any. */
export function tunedLow({ plan, grid, scores, fixed }: FoldTuning): number {
  if (plan.masks.length === 0) return fixed;
  return bestLow(grid, meanScores(plan.masks.map((index) => scores.get(index) ?? [])));
}

/** The mean of each column. */
export function meanScores(rows: readonly (readonly number[])[]): number[] {
  return rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);
}
