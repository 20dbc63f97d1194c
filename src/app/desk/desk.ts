/**
 * The desk: one case with all that is known and decided about it. Volume and truth come from files, heatmaps from files or
 * from the engine; lesions follow from the chosen heatmap, its thresholds and a person's hand. It lives in a worker and
 * answers with what is to be seen; nothing here knows of a page.
 */

import { lesionPhantom } from '../../datasets/phantom.ts';
import { phantomCases } from '../../datasets/phantom-cohort.ts';
import { UsageError, VolumeError } from '../../errors.ts';
import type { ComponentRuns } from '../../evaluation/components.ts';
import type { DecodedDicom } from '../../formats/dicom/series.ts';
import { decodeNifti, encodeNifti } from '../../formats/nifti.ts';
import { percentiles } from '../../report/percentiles.ts';
import { planeView } from '../../report/planes.ts';
import { mapPoint } from '../../volume/affine.ts';
import { reorientVolume } from '../../volume/reorient.ts';
import { extremes } from '../../volume/statistics.ts';
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
import { type OpenedVolume, openSources } from './opening.ts';
import { drawPlane, type Seen } from './pictures.ts';
import { saveFiles } from './saving.ts';
import { openTruth, truthRuns } from './truth.ts';

/** The case that is open. */
interface OpenCase {
  readonly volume: Volume;
  readonly info: CaseInfo;
  readonly source?: DecodedDicom;
  readonly truth?: ComponentRuns;
}

interface HeldHeatmap {
  readonly info: HeatmapInfo;
  readonly data: Float32Array;
  /** Made when lesions are first asked for. */
  findings?: Findings;
  /** Whether anyone has laid thresholds, decided or painted; until then the first thresholds follow new values. */
  touched: boolean;
}

/** Bytes of heatmaps that are kept: the longest unused go first. */
const HELD_BYTES = 512 * 2 ** 20;
/** Phantoms of the page are positives of cohorts that no shipped encoder has learned from. */
const PHANTOM_SEED = 1000;

export class Desk implements DeskApi {
  #case: OpenCase | undefined;
  /** In the order of their last use. */
  readonly #heatmaps = new Map<string, HeldHeatmap>();
  #chosen: string | undefined;
  readonly #heldBytes: number;

  /** @param heldBytes of heatmaps that are kept; the chosen one and those that a person worked on are kept anyway. */
  constructor(heldBytes = HELD_BYTES) {
    this.#heldBytes = heldBytes;
  }

  async open(files: readonly Source[], options: OpenOptions = {}): Promise<Opened> {
    const opened = await openSources(files, options);
    if (opened.kind === 'choose') return opened;
    return { kind: 'case', info: this.#begin(opened) };
  }

  /**
   * The first case for validation of the cohort that `tonno prepare phantom` makes of seed 1000 + `seed`, as it is read from
   * its file: what is made of it here and there can be compared.
   */
  async phantom(seed = 0): Promise<CaseInfo> {
    const cases = phantomCases({ train: 0, validation: 2, seed: PHANTOM_SEED + seed });
    const positive = cases.find(({ case: { labels } }) => labels[0] === 1);
    if (!positive) throw new RangeError('A cohort of two phantoms has no positive.');
    const { image, mask } = lesionPhantom(positive.recipe);
    const name = `phantom-${seed}`;
    const { volume } = await decodeNifti(await encodeNifti(image, { datatype: 'float32' }), name);
    return this.#begin({ volume, format: 'Phantom', notes: [], truth: truthRuns(mask, mask.shape) });
  }

  /** Takes the place of what was open. */
  #begin({
    volume: decoded,
    format,
    notes,
    source,
    truth,
  }: Pick<OpenCase, 'source' | 'truth'> & Pick<OpenedVolume, 'volume' | 'format' | 'notes'>): CaseInfo {
    const volume = shared(decoded);
    const { name = 'volume', shape, channels, geometry } = volume;
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
      windows: Array.from({ length: channels }, (_, channel) => windowOf(channelOf(volume, channel))),
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
    const { volume, source } = this.#open();
    const truth = await openTruth(files, volume, source);
    const open = this.#still(volume, files[0].name);
    this.#case = { ...open, truth, info: { ...open.info, truth: true } };
    return this.#case.info;
  }

  async volume(): Promise<Volume> {
    return this.#open().volume;
  }

  async openHeatmap(
    source: Source,
    about: Pick<NewHeatmap, 'id' | 'title' | 'thresholds'> & Partial<Pick<NewHeatmap, 'record'>>,
  ): Promise<HeatmapInfo> {
    const { volume } = this.#open();
    const { name } = source;
    const opened = await openSources([source]);
    if (opened.kind === 'choose') throw new VolumeError(name, 'It holds several series and no heatmap.');
    if (opened.volume.channels !== 1) {
      throw new VolumeError(name, `It has ${opened.volume.channels} channels, and a heatmap has one.`, {
        remedy: 'Make it of one class.',
      });
    }
    const { data } = reorientVolume(opened.volume, volume, volume.name ?? 'the volume');
    this.#still(volume, name);
    return this.putHeatmap({ record: { file: name }, ...about, data });
  }

  /** The case, unless another was opened while something was read for it. */
  #still(volume: Volume, name: string): OpenCase {
    if (this.#case?.volume === volume) return this.#case;
    // What a truth or a heatmap belongs to is the volume that was open when it was chosen.
    throw new UsageError(name, 'Another volume was opened while it was read.', {
      remedy: 'Open it again if it belongs to that one.',
    });
  }

  async putHeatmap({ id, title, data, record, thresholds }: NewHeatmap): Promise<HeatmapInfo> {
    const { volume } = this.#open();
    if (data.length !== voxelCount(volume.shape)) {
      throw new VolumeError(title, 'It is a heatmap of another volume.', {
        remedy: 'Reconstruct the volume that is open.',
      });
    }
    const { minimum, maximum } = extremes(data);
    const info: HeatmapInfo = {
      ...{ id, title, minimum, maximum, record },
      range: rangeOf(data, Math.max(maximum, -minimum)),
      thresholds: thresholds ?? firstThresholds(maximum),
    };
    const before = this.#heatmaps.get(id);
    const kept = before?.touched ? before.findings : undefined;
    kept?.setHeatmap(data);
    this.#use(id, { info, data, findings: kept, touched: kept !== undefined });
    return info;
  }

  /** Shows a heatmap, and lets go of those that are too many. What a person worked on stays: it cannot be made again. */
  #use(id: string, held: HeldHeatmap): void {
    this.#heatmaps.delete(id);
    this.#heatmaps.set(id, held);
    this.#chosen = id;
    let bytes = 0;
    for (const [other, { data, findings }] of [...this.#heatmaps].reverse()) {
      bytes += data.byteLength;
      if (bytes > this.#heldBytes && other !== id && !findings?.touched) this.#heatmaps.delete(other);
    }
  }

  async chooseHeatmap(id: string | undefined): Promise<HeatmapInfo | undefined> {
    const held = id === undefined ? undefined : this.#heatmaps.get(id);
    if (id !== undefined && !held) {
      throw new UsageError('heatmap', 'It is not on the desk any more.', {
        remedy: 'Open or make it again.',
      });
    }
    if (held) this.#use(held.info.id, held);
    else this.#chosen = undefined;
    return held?.info;
  }

  async heatmaps(): Promise<readonly HeatmapInfo[]> {
    return [...this.#heatmaps.values()].map(({ info }) => info);
  }

  async plane(request: PlaneRequest): Promise<PlanePicture> {
    return drawPlane(this.#seen(request.mask), this.#open().info.views[request.axis], request);
  }

  /** @param withLesions they are not looked for where nobody sees them. */
  #seen(withLesions: boolean): Seen {
    const { volume, truth } = this.#open();
    const held = this.#held();
    const findings = held && withLesions ? this.#findingsOf(held) : undefined;
    return {
      ...{ volume, truth, heatmap: held?.data },
      ...(findings && { lesions: findings.runs, decisions: findings.decisions }),
    };
  }

  async probe(voxel: Vector): Promise<Probe> {
    const { volume, truth } = this.#open();
    const { shape, channels, geometry } = volume;
    const [d, h, w] = voxel.map((index, axis) => Math.min(Math.max(Math.round(index), 0), shape[axis] - 1));
    const at = (d * shape[1] + h) * shape[2] + w;
    const held = this.#held();
    const lesion = held ? labelAt(this.#findingsOf(held).runs, at) : 0;
    return {
      world: mapPoint(geometry.affine, [w, h, d]),
      values: Array.from({ length: channels }, (_, channel) => channelOf(volume, channel)[at]),
      ...(held && { heatmap: held.data[at] }),
      ...(lesion > 0 && { lesion }),
      ...(truth && { truth: labelAt(truth, at) > 0 }),
    };
  }

  async threshold(choice: ThresholdChoice): Promise<LesionList> {
    const held = this.#needHeld();
    held.touched = true;
    held.findings ??= new Findings(held.data, this.#open().info);
    return held.findings.threshold(choice);
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
    const held = this.#needHeld();
    const { info: heatmap, data } = held;
    const findings = this.#findingsOf(held);
    return saveFiles(kind, { info, volume, source, heatmap: { ...heatmap, data }, findings });
  }

  async render(side: number): Promise<RenderVolume> {
    const { info } = this.#open();
    return coarseCase(this.#seen(true), side, info.windows[0]);
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

  /** For a change by a person's hand. */
  #findings(): Findings {
    const held = this.#needHeld();
    held.touched = true;
    return this.#findingsOf(held);
  }

  /** With the first thresholds where nobody has laid others. */
  #findingsOf(held: HeldHeatmap): Findings {
    if (!held.findings) {
      held.findings = new Findings(held.data, this.#open().info);
      held.findings.threshold(held.info.thresholds);
    }
    return held.findings;
  }
}

function channelOf({ data, shape }: Volume, channel: number): Float32Array {
  const voxels = voxelCount(shape);
  return data.subarray(channel * voxels, (channel + 1) * voxels);
}

/** In memory that other threads may read, where the page is isolated enough to have such; as it is otherwise. */
function shared(volume: Volume): Volume {
  if (!globalThis.crossOriginIsolated) return volume;
  const data = new Float32Array(new SharedArrayBuffer(volume.data.byteLength));
  data.set(volume.data);
  return { ...volume, data };
}

/** Percentiles of an image's values that are black and white at first. */
const WINDOW_PERCENTS = [0.5, 99.5];

function windowOf(values: Float32Array): CaseInfo['windows'][number] {
  const { minimum, maximum } = extremes(values);
  const [low, high] = percentiles(values, WINDOW_PERCENTS);
  // Nearly all of some images is one value: then what exceeds it is to be seen.
  return { low, high: high > low ? high : maximum, minimum, maximum };
}

/** Percent of voxels whose magnitude the colours' range is not to be less than. */
const RANGE_PERCENT = 99.9;

/** What few voxels exceed, and half of the strongest at least: a few strong voxels must not drown in colours of the weak. */
function rangeOf(data: Float32Array, largest: number): number {
  const [most] = percentiles(data, [RANGE_PERCENT], { magnitude: true });
  return Math.max(most, largest / 2) || 1;
}

/** Where nobody has tuned any: lesions reach above half of the maximum, and their voxels above a quarter of it. */
function firstThresholds(maximum: number): ThresholdChoice {
  const top = maximum > 0 ? maximum : 1;
  return { low: top / 4, high: top / 2 };
}
