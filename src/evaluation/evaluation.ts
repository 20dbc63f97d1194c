/**
 * What is evaluated and what comes of it. A case is a heatmap with a label and, where there is one, the truth: a mask or
 * a bounding box. The protocol (protocol.ts) is the paper's A.7, the same for every method and layer.
 */
import type { Box } from '../volume/crop.ts';
import type { Shape, Vector } from '../volume/volume.ts';
import type { Connectivity } from './components.ts';

/** One case as it is loaded. */
export interface CaseData {
  /** [D, H, W]. */
  readonly heatmap: Float32Array;
  readonly shape: Shape;
  /** Millimetres along (axis 0, axis 1, axis 2). */
  readonly spacing: Vector;
  /** [D, H, W], not 0 where the finding is. */
  readonly mask?: Uint8Array;
  /** The one bounding box that was drawn, where there is no mask. */
  readonly box?: Box;
}

export interface EvaluationCase {
  readonly name: string;
  /** Cases of one patient are never on both sides of a fold, and are drawn together by the bootstrap. */
  readonly patient: string;
  readonly label: 0 | 1;
  /** Is called a few times, never twice at once, so that no more than one case need be in memory. */
  load(): Promise<CaseData>;
}

/** Everything that decides the numbers. */
export interface ProtocolSettings {
  /** Folds of the Monte-Carlo cross-validation. */
  readonly folds: number;
  /** Of the shuffles, of which masks tune the low threshold, and of the bootstrap. */
  readonly seed: number;
  /** Weight of sensitivity against specificity, to which it is 1, when τ is chosen. */
  readonly sensitivityWeight: number;
  /** Masks or boxes that tune the low threshold τ′ in each fold, at most. */
  readonly masks: number;
  /** Values of τ′ that are tried. */
  readonly grid: number;
  /** Share of τ that τ′ is where no mask tunes it. */
  readonly share: number;
  readonly connectivity: Connectivity;
  /** Components match when their intersection over union is greater. */
  readonly iou: number;
  /** Resamplings of the bootstrap. */
  readonly resamples: number;
}

/** The paper's A.7; what it leaves open follows the conventions named in protocol.ts. */
export const defaultProtocol: ProtocolSettings = {
  folds: 10,
  seed: 0,
  sensitivityWeight: 5,
  masks: 5,
  grid: 20,
  share: 0.5,
  connectivity: 26,
  iou: 1 / 8,
  resamples: 2000,
};

/** A number that is reported. */
export interface Metric {
  readonly title: string;
  /** One of the paper's tables' columns; the others are what readers of the field expect beside them. */
  readonly paper: boolean;
  /** One line on what it is, for the report. */
  readonly about: string;
}

export const metrics = {
  precision: { title: 'Precision', paper: true, about: 'share of predicted lesions that match a true one' },
  recall: { title: 'Recall', paper: true, about: 'share of true lesions that match a predicted one' },
  f1: { title: 'F1-score', paper: true, about: 'harmonic mean of precision and recall, a case at a time' },
  dice: { title: 'Dice', paper: true, about: 'overlap of the voxels of prediction and mask' },
  maxIou: {
    title: 'MaxIoU',
    paper: true,
    about: 'best overlap of a predicted bounding box with the true one',
  },
  balancedAccuracy: {
    title: 'Balanced accuracy',
    paper: true,
    about: 'mean of sensitivity and specificity over volumes',
  },
  sensitivity: { title: 'Sensitivity', paper: false, about: 'share of positive volumes called positive' },
  specificity: { title: 'Specificity', paper: false, about: 'share of negative volumes called negative' },
  auc: { title: 'AUC', paper: false, about: 'area under the ROC curve of the heatmap’s maximum' },
  froc: {
    title: 'FROC',
    paper: false,
    about: 'mean lesion sensitivity at 1/8 to 8 false positives a volume',
  },
  averagePrecision: {
    title: 'Average precision',
    paper: false,
    about: 'area under the precision–recall curve of voxels',
  },
  volumeAgreement: {
    title: 'Volume agreement',
    paper: false,
    about: 'Lin’s concordance of the volumes of matched lesions',
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;

/** Numbers that could not be worked out (no mask, no positive case) are absent. */
export type Metrics = Readonly<Partial<Record<MetricName, number>>>;

/** Mean and spread over folds, and how far the cases themselves would let it vary. */
export interface Summary {
  readonly mean: number;
  /** Sample standard deviation over the folds; 0 for a single one. */
  readonly deviation: number;
  /** 95 % by bootstrap over patients; absent where it cannot be had. */
  readonly interval?: readonly [low: number, high: number];
}

/** One half to fit on, the other to measure on. */
export interface Fold {
  /** Names of cases. */
  readonly fit: readonly string[];
  readonly measure: readonly string[];
  /** Whose masks or boxes the low threshold was tuned on; empty when it was not. */
  readonly tunedOn: readonly string[];
  /** τ. */
  readonly high: number;
  /** τ′. */
  readonly low: number;
  readonly metrics: Metrics;
}

/** A case over the folds that measured it. */
export interface CaseResult {
  readonly name: string;
  readonly patient: string;
  readonly label: 0 | 1;
  /** Of the heatmap. */
  readonly maximum: number;
  /** Folds that measured it. */
  readonly folds: number;
  /** Share of those that called it positive; 0 where none measured it. */
  readonly calledPositive: number;
  /** Means over those folds; of the whole heatmap where no threshold is in it. */
  readonly metrics: Metrics;
  /** Of the mask, in mm³; absent where there is none. */
  readonly trueVolume?: number;
}

/** Lesion sensitivity against false positives a volume, as the high threshold falls. */
export interface FrocCurve {
  readonly falsePositives: readonly number[];
  readonly sensitivity: readonly number[];
}

export interface Evaluation {
  readonly settings: ProtocolSettings;
  /** What the overlap was measured with. */
  readonly truth: 'masks' | 'boxes' | 'none';
  /** Sentences that a reader of the numbers must know, for instance that τ′ was not tuned. */
  readonly notes: readonly string[];
  readonly summary: Readonly<Partial<Record<MetricName, Summary>>>;
  readonly folds: readonly Fold[];
  readonly cases: readonly CaseResult[];
  readonly froc?: FrocCurve;
}
