/**
 * What the page and its two workers say to one another. The **desk** holds the case: volume, truth, heatmaps, lesions
 * and what a person changed; it answers with planes as pixels, so that the page never computes. The **engine** holds
 * encoder and reconstruction. Neither knows of the other: the page carries volumes and heatmaps between them, shared
 * where the browser shares memory, handed over where it does not.
 */
import type { Lesion } from '../evaluation/lesions.ts';
import type { MethodName, Plan, PresetName } from '../reconstruction/methods.ts';
import type { Axis, PlaneView } from '../report/planes.ts';
import type { CamName } from '../responses/cam/cams.ts';
import type { Device } from '../runtime/session.ts';
import type { Geometry, Shape, Vector, Volume } from '../volume/volume.ts';

/** A file that was dropped or fetched. Of a folder its path in it, with slashes. */
export interface Source {
  readonly name: string;
  readonly file: Blob;
}

// ── Desk: the case ──────────────────────────────────────────────────────────────────────────────────────────────────

export interface OpenOptions {
  /** Of several DICOM series, the UID of the one that is meant. */
  readonly series?: string;
  readonly nan?: 'refuse' | 'zero';
  readonly int64?: 'refuse' | 'convert';
  readonly suv?: boolean;
  /** Files are the channels of one case, in their order, each a volume (a DICOM series is one entry of several files). */
  readonly channels?: boolean;
}

export interface CaseInfo {
  readonly name: string;
  readonly shape: Shape;
  readonly channels: number;
  readonly geometry: Geometry;
  /** Millimetres along the axes. */
  readonly spacing: Vector;
  /** What kind of file it was: 'NIfTI', 'DICOM series', …. */
  readonly format: string;
  /** Whether a DICOM Segmentation can refer to it. */
  readonly dicom: boolean;
  /** 'HU', 'SUVbw', … where the file says it. */
  readonly units?: string;
  /** What was done on reading, as sentences. */
  readonly notes: readonly string[];
  /** For each channel the values shown black and white at first (percentiles), and all that there are. */
  readonly windows: readonly {
    readonly low: number;
    readonly high: number;
    readonly minimum: number;
    readonly maximum: number;
  }[];
  /** How the planes perpendicular to each array axis are shown: views[axis]. */
  readonly views: readonly [PlaneView, PlaneView, PlaneView];
  readonly truth: boolean;
}

/** A volume is open, or there are several series to choose from first. */
export type Opened =
  | { readonly kind: 'case'; readonly info: CaseInfo }
  | { readonly kind: 'choose'; readonly series: readonly { readonly uid: string; readonly title: string }[] };

/** A heatmap on the desk. */
export interface HeatmapInfo {
  readonly id: string;
  /** 'ToNNO', 'Tomographic LayerCAM, layer 2'. */
  readonly title: string;
  readonly minimum: number;
  readonly maximum: number;
  /** Half of the symmetric range of colours at first: what few voxels exceed. */
  readonly range: number;
  /** Thresholds to begin with: the study's where it has them, else from the heatmap itself. */
  readonly thresholds: ThresholdChoice;
  /** The sidecar that goes with it when it is saved. */
  readonly record: Readonly<Record<string, unknown>>;
}

export interface NewHeatmap {
  readonly id: string;
  readonly title: string;
  /** [1, D, H, W] on the case's grid. */
  readonly data: Float32Array;
  readonly record: Readonly<Record<string, unknown>>;
  readonly thresholds?: ThresholdChoice;
}

export interface ThresholdChoice {
  /** τ′: a lesion's voxels are above it. */
  readonly low: number;
  /** τ: a lesion reaches above it. */
  readonly high: number;
}

export interface PlaneRequest {
  readonly axis: Axis;
  readonly index: number;
  readonly channel: number;
  /** The image's values that are black and white. */
  readonly window: readonly [low: number, high: number];
  /** 0 to 1; 0 leaves the heatmap out. */
  readonly opacity: number;
  /** Half of the symmetric range of colours. */
  readonly range: number;
  readonly mask: boolean;
  readonly truth: boolean;
  /** The lesion that is outlined more strongly. */
  readonly lesion?: number;
}

/** A plane as it is looked at: one pixel a voxel, oriented by the case's view of the axis. */
export interface PlanePicture {
  readonly width: number;
  readonly height: number;
  /** RGBA, [height, width, 4]. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  /** Outlines as x0, y0, x1, y1 … in pixels of the picture, (0, 0) its upper left corner. */
  readonly outlines: readonly { readonly kind: OutlineKind; readonly segments: Float32Array }[];
}

export type OutlineKind = 'truth' | 'lesion' | 'accepted' | 'rejected' | 'chosen';

/** What is at a voxel. */
export interface Probe {
  /** RAS+ millimetres. */
  readonly world: Vector;
  /** One for each channel. */
  readonly values: readonly number[];
  readonly heatmap?: number;
  readonly lesion?: number;
  readonly truth?: boolean;
}

export type Decision = 'accepted' | 'rejected';

export interface FoundLesion extends Lesion {
  readonly decision?: Decision;
}

export interface LesionList extends ThresholdChoice {
  /** By falling maximum. Their numbers are the labels in the mask. */
  readonly lesions: readonly FoundLesion[];
  /** Voxels that a person took away or gave back. */
  readonly painted: number;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

/** A ball of voxels around a point, by its radius in millimetres. */
export interface Stroke {
  /** Voxels along the stroke, (axis 0, axis 1, axis 2), whole or not. */
  readonly points: readonly Vector[];
  readonly radius: number;
  /** `erase` takes voxels of lesions away, `restore` gives back what was taken away. */
  readonly tool: 'erase' | 'restore';
  /** Goes on with the last stroke: both are undone in one step. */
  readonly continues?: boolean;
}

export type SaveKind = 'mask' | 'heatmap' | 'dicom-seg';

/** A file to download. Its bytes are the browser's, and in no memory of the page. */
export interface SavedFile {
  readonly name: string;
  readonly content: Blob;
}

/** Everything at most `side` voxels long, for a render in 3D: image, heatmap and lesions. */
export interface RenderVolume {
  readonly shape: Shape;
  readonly affine: readonly number[];
  /** The first channel: 0 and 255 are the ends of its first window. */
  readonly image: Uint8Array;
  readonly heatmap?: Float32Array;
  /** 1 in a lesion that nobody has judged, 2 in an accepted, 3 in a rejected one. */
  readonly lesions?: Uint8Array;
}

export interface DeskApi {
  /** Opens a volume from its files. What was open stays when it fails. */
  open(files: readonly Source[], options?: OpenOptions): Promise<Opened>;
  /** Opens a phantom with its truth. */
  phantom(seed?: number): Promise<CaseInfo>;
  /** Reads a mask on the case's grid as its truth. */
  openTruth(files: readonly Source[]): Promise<CaseInfo>;
  /** The case's volume for the engine: shared, or a copy of its own. */
  volume(): Promise<Volume>;
  /** Reads a heatmap's file. `record` is its sidecar's content where there is one. */
  openHeatmap(
    source: Source,
    about: Pick<NewHeatmap, 'id' | 'title' | 'thresholds'> & Partial<Pick<NewHeatmap, 'record'>>,
  ): Promise<HeatmapInfo>;
  /** Puts a heatmap on the desk, or new values in the place of one with its id, and shows it. */
  putHeatmap(heatmap: NewHeatmap): Promise<HeatmapInfo>;
  /** Which is looked at, thresholded, edited and saved. */
  chooseHeatmap(id: string | undefined): Promise<HeatmapInfo | undefined>;
  heatmaps(): Promise<readonly HeatmapInfo[]>;
  plane(request: PlaneRequest): Promise<PlanePicture>;
  probe(voxel: Vector): Promise<Probe>;
  /** Lays thresholds on the chosen heatmap. Decisions and paint of a person stay where they still mean something. */
  threshold(choice: ThresholdChoice): Promise<LesionList>;
  decide(lesion: number, decision: Decision | undefined): Promise<LesionList>;
  paint(stroke: Stroke): Promise<LesionList>;
  undo(): Promise<LesionList>;
  redo(): Promise<LesionList>;
  save(kind: SaveKind): Promise<readonly SavedFile[]>;
  render(side: number): Promise<RenderVolume>;
}

// ── Engine: encoder and reconstruction ──────────────────────────────────────────────────────────────────────────────

export interface EncoderInfo {
  readonly name: string;
  readonly channels: number;
  /** Names, or numbers as text. */
  readonly classes: readonly string[];
  /** Side of a slice where the encoder fixes it. */
  readonly size?: number;
  /** What a slice's side is when nobody says otherwise. */
  readonly defaultSize: number;
  /** For class activation maps; empty where it has none, and why. */
  readonly layers: readonly { readonly name: string; readonly title: string }[];
  readonly noLayers?: string;
  /** How a scan's values become the encoder's, in a few words. */
  readonly scaling: string;
}

export interface EngineInfo {
  readonly device: Device;
  /** 'WebGPU', 'WebAssembly with 4 threads', with why where it is not the faster. */
  readonly title: string;
}

export interface ReconstructionSettings {
  readonly method: MethodName;
  readonly preset: PresetName;
  readonly cam?: CamName;
  /** Name of a layer, for methods on maps. */
  readonly layer?: string;
  /** L and M; the preset's where absent. */
  readonly directions?: number;
  readonly slices?: number;
  readonly size?: number;
  readonly filter?: string;
  readonly axis?: Axis;
  readonly seed?: number;
  /** Index among the encoder's. */
  readonly classIndex?: number;
  readonly device: 'auto' | 'webgpu' | 'cpu';
}

export interface EngineProgress {
  readonly done: number;
  readonly total: number;
  readonly slices: number;
  readonly slicesPerSecond: number;
  /** Seconds. */
  readonly left: number;
  readonly info: EngineInfo;
  /** A heatmap of what was measured so far, once in a while; on the case's grid. */
  readonly estimate?: NewHeatmap;
}

/** How it ended: stopped (`done` < `total`) or through; what is there is in `heatmap`, and `more` goes on from it. */
export interface EngineOutcome {
  readonly done: number;
  readonly total: number;
  readonly seconds: number;
  readonly info: EngineInfo;
  readonly plan: Plan;
  readonly heatmap: NewHeatmap;
}

/** The logit of every plane of voxels along an axis (Fig. 2b), [shape[axis]]. */
export interface LogitProfile {
  readonly axis: Axis;
  readonly values: Float32Array;
}

export interface EngineApi {
  openEncoder(source: Source): Promise<EncoderInfo>;
  /** Loads the engine and finds what it can run on, while the volume is being chosen. */
  warmUp(): Promise<EngineInfo>;
  /** Ends an earlier reconstruction. `onProgress` is called in order. */
  reconstruct(
    volume: Volume,
    settings: ReconstructionSettings,
    onProgress: (progress: EngineProgress) => void,
  ): Promise<EngineOutcome>;
  /** Starts no further direction: `reconstruct` or `more` resolves with what there is. */
  stop(): Promise<void>;
  /** Goes on with the last reconstruction: first what was left of it, then `directions` new ones (0, or at least 2). */
  more(directions: number, onProgress: (progress: EngineProgress) => void): Promise<EngineOutcome>;
  /**
   * What was measured before `reconstruct` or `more` failed; undefined where it was nothing. It is not lost with the failure:
   * `more(0)` goes on from it, on another device where the GPU is gone.
   */
  rescue(): Promise<EngineOutcome | undefined>;
  /** Logit profiles along the three array axes; NaN on planes that the encoder's cropping leaves out. */
  profiles(volume: Volume, settings: ReconstructionSettings): Promise<readonly LogitProfile[]>;
}

/** Geometry of a case without its values. */
export type Place = { readonly shape: Shape; readonly geometry: Geometry };
