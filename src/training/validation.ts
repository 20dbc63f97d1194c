/**
 * Validation as in A.6: a volume's logit is the maximum over its slices. The slices are cut from a few fixed directions
 * without augmentation, the same at every validation, so that the numbers of a training can be compared.
 */
import { balancedAccuracy, bestThreshold, rocAuc } from '../evaluation/classification.ts';
import { type Direction, fibonacciDirections } from '../geometry/directions.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import { Stack } from '../geometry/stack.ts';
import type { SliceEncoder } from '../responses/encoder.ts';
import { logitResponse } from '../responses/logit.ts';
import type { Session } from '../runtime/session.ts';
import type { ReadyVolume } from './cases.ts';

export interface ValidationSettings {
  /** Directions that each volume is looked at from. */
  readonly directions: number;
  /** Slices along each direction. */
  readonly slices: number;
}

export interface ClassScores {
  /** Area under the ROC curve of the volumes' logits. */
  readonly auc: number;
  /** Mean of sensitivity and specificity where a volume counts as positive from logit 0 on. */
  readonly balancedAccuracy: number;
  /** The same at the threshold where it is largest: maxima over many slices are seldom below 0. */
  readonly bestBalancedAccuracy: number;
}

export interface Validation extends ClassScores {
  /** Their means are the numbers beside. */
  readonly classes: readonly ClassScores[];
  /** Logits of each volume, one a class: maxima over its slices. */
  readonly logits: readonly (readonly number[])[];
}

export class Validator {
  private readonly encoder: SliceEncoder;
  private readonly session: Session;
  private readonly size: SliceSize;
  private readonly directions: readonly Direction[];

  /** @param session of the evaluation graph, its weights held. */
  constructor(encoder: SliceEncoder, session: Session, size: SliceSize, settings: ValidationSettings) {
    this.encoder = encoder;
    this.session = session;
    this.size = size;
    this.directions = fibonacciDirections(settings.directions, { slices: settings.slices });
  }

  /** The maximum of each class's logit over all slices of a volume. */
  async score({ sliced, scaling }: ReadyVolume, signal?: AbortSignal): Promise<number[]> {
    const response = logitResponse({ ...this.encoder, size: this.size }, this.session, scaling);
    const all = await Promise.all(
      this.directions.map(async (direction) => {
        const [logits] = await response.respond(new Stack(sliced, direction, this.size, 0), signal);
        return logits;
      }),
    );
    const best = Array<number>(all[0].kinds).fill(Number.NEGATIVE_INFINITY);
    for (const { data, kinds } of all) {
      for (const [i, logit] of data.entries()) best[i % kinds] = Math.max(best[i % kinds], logit);
    }
    return best;
  }
}

/**
 * @param logits one row a volume, one column a class.
 * @param labels likewise, 0 or 1, both in every column.
 */
export function judge(
  logits: readonly (readonly number[])[],
  labels: readonly (readonly number[])[],
): Validation {
  const classes = labels[0].map((_, k) => {
    const scores = logits.map((row) => row[k]);
    const truth = labels.map((row) => row[k]);
    return {
      auc: rocAuc(scores, truth),
      balancedAccuracy: balancedAccuracy(scores, truth, 0),
      bestBalancedAccuracy: bestThreshold(scores, truth).balancedAccuracy,
    };
  });
  const mean = (of: keyof ClassScores) =>
    classes.reduce((sum, scores) => sum + scores[of], 0) / classes.length;
  return {
    auc: mean('auc'),
    balancedAccuracy: mean('balancedAccuracy'),
    bestBalancedAccuracy: mean('bestBalancedAccuracy'),
    classes,
    logits,
  };
}
