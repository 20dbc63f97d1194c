/**
 * Free-response ROC: the share of true lesions that are found against false positives a volume, as the high threshold
 * falls. Everything above the low threshold is a candidate and its maximum is its score; a lesion has the score of the best
 * candidate that matches it. The curve is a step function: between two thresholds nothing is claimed.
 */
import type { FrocCurve } from './evaluation.ts';

/** Scores of one volume. */
export interface FrocVolume {
  /** Of candidates that match no lesion. */
  readonly falsePositives: Float32Array;
  /** Of the best candidate of each true lesion, −∞ where there is none; empty for a negative volume. */
  readonly lesions: Float32Array;
}

/** False positives a volume at which sensitivity is averaged (LUNA16, Setio et al. 2017). */
export const frocRates = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8] as const;

/** False positives a volume up to which a curve goes. */
export const FROC_LIMIT = 16;

/** Where a curve is drawn: no false positive, and from 1/16 to 16 a volume in eighths of octaves. */
const axis = [0, ...Array.from({ length: 65 }, (_, k) => 2 ** (k / 8 - 4))];

export interface Froc {
  /** Mean sensitivity at the seven rates. */
  readonly mean: number;
  readonly curve: FrocCurve;
}

/** @returns undefined where there is no true lesion. */
export function froc(volumes: readonly FrocVolume[]): Froc | undefined {
  const lesions = Float32Array.from(volumes.flatMap((volume) => [...volume.lesions])).sort();
  if (lesions.length === 0) return undefined;
  const alarms = concatenate(volumes.map((volume) => volume.falsePositives))
    .sort()
    .reverse();
  const sensitivity = (rate: number): number => {
    // With so many false positives allowed, the threshold may not fall to the next one's score.
    const next = alarms[Math.floor(rate * volumes.length)] ?? Number.NEGATIVE_INFINITY;
    return lesions.reduce((sum, score) => sum + (score > next ? 1 : 0), 0) / lesions.length;
  };
  return {
    mean: frocRates.reduce((sum, rate) => sum + sensitivity(rate), 0) / frocRates.length,
    curve: { falsePositives: axis, sensitivity: axis.map(sensitivity) },
  };
}

/** The mean of curves. */
export function meanCurve(curves: readonly FrocCurve[]): FrocCurve | undefined {
  if (curves.length === 0) return undefined;
  return {
    falsePositives: axis,
    sensitivity: axis.map((_, i) => curves.reduce((sum, c) => sum + c.sensitivity[i], 0) / curves.length),
  };
}

/** The false positives of one volume that can matter among so many volumes: what follows is beyond the curve's end. */
export function highestAlarms(scores: Float32Array, volumes: number): Float32Array {
  return scores
    .slice()
    .sort()
    .slice(-(FROC_LIMIT * volumes + 1));
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
