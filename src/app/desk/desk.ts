/**
 * The desk: one case with all that is known and decided about it. Volume and truth come from files, heatmaps from files or
 * from the engine; lesions follow from the chosen heatmap, its thresholds and a person's hand. It lives in a worker and
 * answers with what is to be seen; nothing here knows of a page.
 */
import { lesionPhantom } from '../../datasets/phantom.ts';
import { phantomCases } from '../../datasets/phantom-cohort.ts';
import { UsageError, VolumeError } from '../../errors.ts';
import type { DecodedDicom } from '../../formats/dicom/series.ts';
import { percentiles } from '../../report/percentiles.ts';
import { planeView } from '../../report/planes.ts';
import { mapPoint } from '../../volume/affine.ts';
import { reorientVolume } from '../../volume/reorient.ts';
import { channelStatistics, extremes } from '../../volume/statistics.ts';
import { spacing, type Vector, type Volume, voxelCount } from '../../volume/volume.ts';
import type {
  CaseInfo,
  Decision,
  DeskApi,
  HeatmapInfo,
  LesionList,
  NewHeatmap,
  Opened,
  OpenOptions,
  PlanePicture,
  PlaneRequest,
  Probe,
  RenderVolume,
  SavedFile,
  SaveKind,
  Source,
  Stroke,
  ThresholdChoice,
} from '../protocol.ts';
import { coarseCase } from './coarse.ts';
import { Findings } from './findings.ts';
import { labelAt } from './label-runs.ts';
import { openSources } from './opening.ts';
import { drawPlane, type Seen } from './pictures.ts';
import { saveFiles } from './saving.ts';
import { openTruth } from './truth.ts';

/** The case that is open. */
interface OpenCase {
  readonly volume: Volume;
  readonly info: CaseInfo;
  readonly source?: DecodedDicom;
  readonly truth?: Uint8Array;
}

interface HeldHeatmap {
  readonly info: HeatmapInfo;
  readonly data: Float32Array;
  readonly findings: Findings;
}

/** Bytes of heatmaps that are kept beside the chosen one: the longest unused go first. */
const HELD_BYTES = 512 * 2 ** 20;
/** Phantoms of the page are positives of cohorts that no shipped encoder has learned from. */
const PHANTOM_SEED = 1000;

export class Desk implements DeskApi {
  #case: OpenCase | undefined;
  /** In the order of their last use. */
  readonly #heatmaps = new Map<string, HeldHeatmap>();
  #chosen: string | undefined;

  async open(files: readonly Source[], options: OpenOptions = {}): Promise<Opened> {
    const opened = await openSources(files, options);
    if (opened.kind === 'choose') return opened;
    return { kind: 'case', info: this.#begin(opened) };
  }

  async phantom(seed = 0): Promise<CaseInfo> {
    const cases = phantomCases({ train: 0, validation: 2, seed: PHANTOM_SEED + seed });
    const positive = cases.find(({ case: { labels } }) => labels[0] === 1);
    if (!positive) throw new RangeError('A cohort of two phantoms has no positive.');
    const { image, mask } = lesionPhantom(positive.recipe);
    const volume = { ...image, name: `phantom-${seed}` };
    const truth = Uint8Array.from(mask.data);
    return this.#begin({ volume, format: 'Phantom', notes: [], truth });
  }

  /** Takes the place of what was open. */
  #begin({
    volume: decoded,
    format,
    notes,
    source,
    truth,
  }: Pick<OpenCase, 'source' | 'truth'> & {
    volume: Volume;
    format: string;
    notes: readonly string[];
  }): CaseInfo {
    const volume = shared(decoded);
    const { name = 'volume', shape, channels, geometry } = volume;
    const voxels = voxelCount(shape);
    const statistics = channelStatistics(volume);
    const info: CaseInfo = {
      name,
      shape,
      channels,
      geometry,
      spacing: spacing(geometry),
      format,
      dicom: source !== undefined,
      ...(source?.units && { units: source.units }),
      notes,
      windows: statistics.map(({ minimum, maximum }, c) => {
        const [low, high] = percentiles(volume.data.subarray(c * voxels, (c + 1) * voxels), [0.5, 99.5]);
        return { low, high: high > low ? high : maximum, minimum, maximum };
      }),
      views: [planeView(geometry, 0), planeView(geometry, 1), planeView(geometry, 2)],
      truth: truth !== undefined,
    };
    // The source's own voxels are the case's: a second copy would be half the memory.
    const slim = source && { ...source, volume };
    this.#case = { volume, info, source: slim, truth };
    this.#heatmaps.clear();
    this.#chosen = undefined;
    return info;
  }

  async openTruth(files: readonly Source[]): Promise<CaseInfo> {
    const open = this.#open();
    const truth = await openTruth(files, open.volume, open.source);
    this.#case = { ...open, truth, info: { ...open.info, truth: true } };
    return this.#case.info;
  }

  async volume(): Promise<Volume> {
    return this.#open().volume;
  }

  async openHeatmap(
    { file, name }: Source,
    about: Pick<NewHeatmap, 'id' | 'title' | 'thresholds'> & Partial<Pick<NewHeatmap, 'record'>>,
  ): Promise<HeatmapInfo> {
    const { volume } = this.#open();
    const opened = await openSources([{ file, name }]);
    if (opened.kind === 'choose') throw new VolumeError(name, 'It holds several series and no heatmap.');
    const heatmap = reorientVolume(opened.volume, volume, volume.name ?? 'the volume');
    if (heatmap.channels !== 1) {
      throw new VolumeError(name, `It has ${heatmap.channels} channels, and a heatmap has one.`, {
        remedy: 'Make it of one class.',
      });
    }
    return this.putHeatmap({ record: { file: name }, ...about, data: heatmap.data });
  }

  async putHeatmap({ id, title, data, record, thresholds }: NewHeatmap): Promise<HeatmapInfo> {
    const { volume, info: place } = this.#open();
    if (data.length !== voxelCount(volume.shape)) {
      throw new VolumeError(title, 'It is a heatmap of another volume.', {
        remedy: 'Reconstruct the volume that is open.',
      });
    }
    const before = this.#heatmaps.get(id);
    const { minimum, maximum } = extremes(data);
    const info: HeatmapInfo = {
      id,
      title,
      minimum,
      maximum,
      range: rangeOf(data),
      thresholds: thresholds ?? firstThresholds(maximum),
      record,
    };
    const findings = before?.findings ?? new Findings(data, place);
    if (before) findings.setHeatmap(data);
    this.#use(id, { info, data, findings });
    return info;
  }

  #use(id: string, held: HeldHeatmap): void {
    this.#heatmaps.delete(id);
    this.#heatmaps.set(id, held);
    this.#chosen = id;
    let bytes = 0;
    for (const [other, { data }] of [...this.#heatmaps].reverse()) {
      bytes += data.byteLength;
      if (bytes > HELD_BYTES && other !== id) this.#heatmaps.delete(other);
    }
  }

  async chooseHeatmap(id: string | undefined): Promise<HeatmapInfo | undefined> {
    const held = id === undefined ? undefined : this.#heatmaps.get(id);
    if (id !== undefined && !held) {
      throw new UsageError('heatmap', 'It is not on the desk any more.', {
        remedy: 'Open or make it again.',
      });
    }
    if (id !== undefined && held) this.#use(id, held);
    else this.#chosen = undefined;
    return held?.info;
  }

  async heatmaps(): Promise<readonly HeatmapInfo[]> {
    return [...this.#heatmaps.values()].map(({ info }) => info);
  }

  async plane(request: PlaneRequest): Promise<PlanePicture> {
    return drawPlane(this.#seen(), this.#open().info.views[request.axis], request);
  }

  #seen(): Seen {
    const { volume, truth } = this.#open();
    const held = this.#held();
    return {
      volume,
      truth,
      heatmap: held?.data,
      lesions: held?.findings.runs,
      decision: (lesion) => held?.findings.decision(lesion),
    };
  }

  async probe(voxel: Vector): Promise<Probe> {
    const { volume, truth } = this.#open();
    const { shape, channels, data, geometry } = volume;
    const [d, h, w] = voxel.map((index, axis) => Math.min(Math.max(Math.round(index), 0), shape[axis] - 1));
    const at = (d * shape[1] + h) * shape[2] + w;
    const held = this.#held();
    return {
      world: mapPoint(geometry.affine, [w, h, d]),
      values: Array.from({ length: channels }, (_, c) => data[c * voxelCount(shape) + at]),
      ...(held && { heatmap: held.data[at], lesion: labelAt(held.findings.runs, at) }),
      ...(truth && { truth: truth[at] > 0 }),
    };
  }

  async threshold(choice: ThresholdChoice): Promise<LesionList> {
    return this.#findings().threshold(choice);
  }

  async decide(lesion: number, decision: Decision | undefined): Promise<LesionList> {
    return this.#findings().decide(lesion, decision);
  }

  async paint(stroke: Stroke): Promise<LesionList> {
    return this.#findings().paint(stroke);
  }

  async undo(): Promise<LesionList> {
    return this.#findings().undo();
  }

  async redo(): Promise<LesionList> {
    return this.#findings().redo();
  }

  async save(kind: SaveKind): Promise<readonly SavedFile[]> {
    const { volume, info, source } = this.#open();
    const { info: heatmap, data, findings } = this.#needHeld();
    return saveFiles(kind, { info, volume, source, heatmap: { ...heatmap, data }, findings });
  }

  async render(side: number): Promise<RenderVolume> {
    const { info } = this.#open();
    return coarseCase(this.#seen(), side, info.windows[0]);
  }

  /** @throws UsageError when nothing is open. */
  #open(): OpenCase {
    if (this.#case) return this.#case;
    throw new UsageError('The desk', 'No volume is open.', { remedy: 'Open one first.' });
  }

  #held(): HeldHeatmap | undefined {
    return this.#chosen === undefined ? undefined : this.#heatmaps.get(this.#chosen);
  }

  #needHeld(): HeldHeatmap {
    const held = this.#held();
    if (held) return held;
    throw new UsageError('The desk', 'There is no heatmap yet.', {
      remedy: 'Reconstruct or open one first.',
    });
  }

  #findings(): Findings {
    return this.#needHeld().findings;
  }
}

/** In memory that other threads may read, where the page is isolated enough to have such; as it is otherwise. */
function shared(volume: Volume): Volume {
  if (!globalThis.crossOriginIsolated || typeof SharedArrayBuffer === 'undefined') return volume;
  const data = new Float32Array(new SharedArrayBuffer(volume.data.byteLength));
  data.set(volume.data);
  return { ...volume, data };
}

/** Percent of voxels whose magnitude the colours' range is not to be less than. */
const RANGE_PERCENT = 99.9;

/** What few voxels exceed, and half of the strongest at least: a few strong voxels must not drown in colours of the weak. */
function rangeOf(data: Float32Array): number {
  const [most] = percentiles(data, [RANGE_PERCENT], { magnitude: true });
  const { minimum, maximum } = extremes(data);
  return Math.max(most, maximum / 2, -minimum / 2) || 1;
}

/** Where nobody has tuned any: lesions reach above half of the maximum, and their voxels above a quarter of it. */
function firstThresholds(maximum: number): ThresholdChoice {
  const top = maximum > 0 ? maximum : 1;
  return { low: top / 4, high: top / 2 };
}
