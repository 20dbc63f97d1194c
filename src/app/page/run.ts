/** A reconstruction as the page speaks of it: under way, ended, and as something to keep. */
import type {
  CaseInfo,
  EngineProgress,
  HeatmapInfo,
  NewHeatmap,
  ReconstructionSettings,
} from '../protocol.ts';

/** A reconstruction under way. */
export interface Run {
  /** No two are alike. */
  readonly ticket: number;
  /** Of its heatmap. */
  readonly id: string;
  readonly generation: number;
  readonly settings: ReconstructionSettings;
  readonly stopping: boolean;
  readonly progress?: EngineProgress;
}

/** How the last one ended: it can be gone on with. */
export interface Ended {
  readonly id: string;
  readonly generation: number;
  readonly settings: ReconstructionSettings;
  readonly done: number;
  readonly total: number;
  readonly seconds: number;
  /** Slices a second. */
  readonly speed: number;
}

/** A heatmap as it comes, for whoever keeps it over the end of the page. */
export interface Kept {
  readonly info: CaseInfo;
  readonly heatmap: NewHeatmap;
  readonly settings: ReconstructionSettings;
  readonly done: number;
  readonly total: number;
}

/** Ids of heatmaps that are made here, before their number. */
export const RUN = 'reconstruction-';

/** Several of one title are told apart by their numbers. */
export function named(heatmap: NewHeatmap, id: string, others: readonly HeatmapInfo[]): NewHeatmap {
  const taken = others.some((other) => other.title === heatmap.title && other.id !== id);
  return { ...heatmap, id, title: taken ? `${heatmap.title} (${id.slice(RUN.length)})` : heatmap.title };
}
