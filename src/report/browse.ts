/**
 * A run, a study or a folder as something to look through: the table of its cases and where their files are. It is
 * plain JSON, written by `tonno view` and read by the page; paths are relative to the page's own address.
 */

/** One volume: a file, or the files of a DICOM series. */
export interface BrowsedVolume {
  readonly name: string;
  /** Addresses, relative to the page: `files/0/images/case-001.nii.gz`. */
  readonly files: readonly string[];
}

/** A kind of heatmaps: one method at one layer of one encoder. */
export interface BrowsedSeries {
  readonly id: string;
  /** 'Tomographic LayerCAM, layer 2'. */
  readonly title: string;
  /** Of a study its encoder. */
  readonly encoder?: string;
  readonly method?: string;
  readonly cam?: string;
  readonly layer?: string;
  /** Means over the folds, where it was evaluated. */
  readonly dice?: number;
  readonly f1?: number;
}

export interface BrowsedHeatmap {
  readonly file: string;
  readonly sidecar?: string;
  /** Largest value, where it is known without reading the heatmap. */
  readonly maximum?: number;
  /** Mean over the folds that measure the case. */
  readonly dice?: number;
  readonly f1?: number;
  /** That this case did not help to choose. */
  readonly thresholds?: { readonly low: number; readonly high: number };
}

export interface BrowsedCase {
  readonly name: string;
  readonly patient?: string;
  readonly split?: string;
  readonly label?: 0 | 1;
  /** One a channel. */
  readonly images: readonly BrowsedVolume[];
  readonly mask?: BrowsedVolume;
  /** By the series' id. */
  readonly heatmaps: Readonly<Record<string, BrowsedHeatmap>>;
}

export interface Browsed {
  readonly title: string;
  readonly kind: 'study' | 'run' | 'cohort' | 'folder' | 'volume';
  readonly series: readonly BrowsedSeries[];
  readonly cases: readonly BrowsedCase[];
  /** Models to reconstruct with. */
  readonly encoders: readonly { readonly name: string; readonly file: string }[];
  /** What could not be used, and why, as sentences. */
  readonly notes: readonly string[];
}
