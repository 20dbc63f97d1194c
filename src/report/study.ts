/** What a report is made of: a study's numbers and pictures, gathered. It holds no path and opens no file. */
import type { Evaluation } from '../evaluation/evaluation.ts';

/** A picture as PNG bytes. */
export interface Picture {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** What it shows, for those who do not see it. */
  readonly alt: string;
  readonly caption: string;
}

export interface CohortSummary {
  readonly name: string;
  readonly modality?: string;
  /** "64 × 64 × 64 voxels of 1 × 1 × 1 mm", say. */
  readonly volumes?: string;
  /** Table 3. */
  readonly splits: readonly {
    readonly split: string;
    readonly positives: number;
    readonly negatives: number;
    readonly patients: number;
  }[];
}

/** A line of metrics.jsonl that a training wrote. */
export interface TrainingPoint {
  readonly step: number;
  readonly loss?: number;
  readonly auc?: number;
  readonly balancedAccuracy?: number;
}

/** Logits of slices by the label of their volume (Fig. 2a). */
export interface SliceLogits {
  readonly positive: readonly number[];
  readonly negative: readonly number[];
}

/** Logits of the slices along one array axis (Fig. 2b). */
export interface AxisLogits {
  readonly axis: 0 | 1 | 2;
  readonly position: readonly number[];
  readonly values: readonly number[];
}

export interface StudyEncoder {
  readonly name: string;
  /** Network, norm, width, how it was trained or where it came from: one line. */
  readonly description: string;
  readonly curve?: readonly TrainingPoint[];
  readonly logits?: SliceLogits;
  /** A positive case with its logits along the axes over its planes. */
  readonly profiles?: Picture;
}

export interface StudyResult {
  /** Name of the encoder. */
  readonly encoder: string;
  /** "Tomographic LayerCAM", without the layer. */
  readonly method: string;
  readonly layer?: string;
  /** True for the row that differences are to: the best layer of such a method is the baseline (Table 2). */
  readonly baseline: boolean;
  readonly evaluation: Evaluation;
}

export interface StudyReport {
  readonly title: string;
  /** Sentences below the title: what was done, and what must be known to read the numbers. */
  readonly notes: readonly string[];
  readonly cohort: CohortSummary;
  readonly encoders: readonly StudyEncoder[];
  /** In the order of the experiment: encoders, methods, layers. */
  readonly results: readonly StudyResult[];
  /** Image, heatmap, segmentation and truth of cases (Fig. 6). */
  readonly gallery: readonly Picture[];
  /** One case by all methods and layers (Fig. 11). */
  readonly comparison?: Picture;
  /** M × L and seeds (Figs. 7 and 8), on request. */
  readonly grids: readonly Picture[];
  /** Every setting, by name. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Software and its version, by name; the machine, the time. */
  readonly versions: readonly (readonly [name: string, value: string])[];
}
