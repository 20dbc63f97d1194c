/**
 * What a person looks at and how: crosshair, window, heatmap's look, thresholds, the lesions that follow, the brush. Signals
 * and the calls to the desk that keep them true, without a page; components show and set them.
 */
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Remote } from 'comlink';
import type { Axis } from '../../report/planes.ts';
import type { Vector } from '../../volume/volume.ts';
import type {
  CaseInfo,
  Decision,
  DeskApi,
  FoundLesion,
  HeatmapInfo,
  LesionList,
  PlaneRequest,
  Probe,
  SaveKind,
  ThresholdChoice,
} from '../protocol.ts';
import { type Failure, failureOf } from '../remote.ts';
import { axesInOrder, nearestVoxel } from './coordinates.ts';
import { Latest } from './latest.ts';

export type Tool = 'look' | 'erase' | 'restore';

export interface StateInputs {
  readonly desk: Remote<DeskApi>;
  readonly info: CaseInfo;
  readonly heatmaps: ReadonlySignal<readonly HeatmapInfo[]>;
  readonly chosen: ReadonlySignal<string | undefined>;
  readonly revision: ReadonlySignal<number>;
  onFailure(failure: Failure): void;
  onSay(sentence: string): void;
}

/** What a person has set for one heatmap; what was not set follows the heatmap. */
interface Look {
  thresholds?: ThresholdChoice;
  range?: number;
}

/** Thresholds on their way to the desk, and when a person set them. */
interface Laying {
  readonly choice: ThresholdChoice;
  readonly since?: number;
}

const MOST_ZOOM = 12;

/** Radii of the brush, in millimetres. */
export const BRUSH = { smallest: 0.5, largest: 40 };

export class ViewerState {
  readonly info: CaseInfo;
  readonly crosshair: Signal<Vector>;
  readonly probe = signal<Probe | undefined>(undefined);
  readonly channel = signal(0);
  readonly window: Signal<readonly [low: number, high: number]>;
  readonly opacity = signal(1);
  readonly heatmapShown = signal(true);
  readonly range = signal(1);
  readonly maskShown = signal(true);
  readonly truthShown = signal(true);
  readonly thresholds = signal<ThresholdChoice>({ low: 0, high: 0 });
  readonly list = signal<LesionList | undefined>(undefined);
  readonly lesion = signal<number | undefined>(undefined);
  readonly tool = signal<Tool>('look');
  /** Millimetres. */
  readonly brush: Signal<number>;
  readonly zoom = signal(1);
  /** What is in the middle of the planes where they are zoomed; need not be whole. */
  readonly centre: Signal<Vector>;
  /** The plane that keys move in. */
  readonly plane: Signal<Axis>;
  /** Grows whenever planes must be drawn anew though no request has changed. */
  readonly version = signal(0);
  readonly heatmap: ReadonlySignal<HeatmapInfo | undefined>;

  readonly #inputs: StateInputs;
  readonly #looks = new Map<string, Look>();
  readonly #stop: (() => void)[] = [];
  readonly #laying: Latest<Laying>;
  readonly #probing: Latest<Vector>;
  readonly #painting: Latest<undefined>;
  /** Points of the stroke that the desk has not been told of. */
  #stroke: Vector[] = [];
  /** Whether the desk has a part of the stroke. */
  #continues = false;
  /** When the thresholds that the desk answered last were set, and which planes do not show them yet. */
  #asked: { readonly since: number; readonly version: number; readonly planes: Set<Axis> } | undefined;

  constructor(inputs: StateInputs) {
    const { info, desk, heatmaps, chosen, revision } = inputs;
    this.#inputs = inputs;
    this.info = info;
    this.crosshair = signal(
      nearestVoxel([info.shape[0] / 2, info.shape[1] / 2, info.shape[2] / 2], info.shape),
    );
    this.plane = signal(axesInOrder(info.views)[0]);
    this.centre = signal(this.crosshair.peek());
    const { low, high } = info.windows[0];
    this.window = signal([low, high]);
    this.brush = signal(Number((3 * Math.min(...info.spacing)).toPrecision(2)));
    this.heatmap = computed(() => heatmaps.value.find(({ id }) => id === chosen.value));
    const failed = (error: unknown) => inputs.onFailure(failureOf(error));
    this.#laying = new Latest(
      async ({ choice, since }) => this.#show(await desk.threshold(choice), since),
      failed,
    );
    this.#probing = new Latest(async (voxel) => {
      this.probe.value = await desk.probe(voxel);
    }, failed);
    this.#painting = new Latest(() => this.#sendStroke(), failed);
    this.#stop.push(
      effect(() => {
        const heatmap = this.heatmap.value;
        // A new estimate of the same heatmap is laid on anew.
        revision.value;
        if (heatmap) this.#takeUp(heatmap);
        else this.#putDown();
      }),
      effect(() => {
        this.version.value;
        this.#probing.ask(this.crosshair.value);
      }),
    );
  }

  /** Ends what listens. */
  dispose(): void {
    for (const stop of this.#stop) stop();
  }

  #takeUp({ id, thresholds, range }: HeatmapInfo): void {
    const look = this.#looks.get(id);
    batch(() => {
      this.range.value = look?.range ?? range;
      this.thresholds.value = look?.thresholds ?? thresholds;
    });
    this.#laying.ask({ choice: this.thresholds.peek() });
  }

  #putDown(): void {
    batch(() => {
      this.list.value = undefined;
      this.lesion.value = undefined;
      this.version.value = this.version.peek() + 1;
    });
  }

  #show(list: LesionList, since?: number): void {
    const version = this.version.peek() + 1;
    if (since !== undefined) this.#asked = { since, version, planes: new Set([0, 1, 2]) };
    batch(() => {
      this.list.value = list;
      const chosen = this.lesion.peek();
      if (chosen !== undefined && !list.lesions.some(({ number }) => number === chosen)) {
        this.lesion.value = undefined;
      }
      this.version.value = version;
    });
  }

  #look(): Look | undefined {
    const id = this.heatmap.peek()?.id;
    if (id === undefined) return undefined;
    const look = this.#looks.get(id) ?? {};
    this.#looks.set(id, look);
    return look;
  }

  /** Sets one of the two thresholds; the other gives way where it must, since τ′ is not above τ. */
  setThreshold(which: 'low' | 'high', value: number): void {
    const look = this.#look();
    if (!look || !Number.isFinite(value)) return;
    const { low, high } = this.thresholds.peek();
    const choice =
      which === 'low'
        ? { low: value, high: Math.max(value, high) }
        : { low: Math.min(low, value), high: value };
    look.thresholds = choice;
    this.thresholds.value = choice;
    this.#laying.ask({ choice, since: performance.now() });
  }

  /**
   * A plane says that it shows what was there at a version. When all three show the lesions of thresholds that a person
   * set, the time since then is measured, as `tonno-threshold`.
   */
  drawn(axis: Axis, version: number): void {
    const asked = this.#asked;
    if (!asked || version < asked.version) return;
    asked.planes.delete(axis);
    if (asked.planes.size > 0) return;
    performance.measure('tonno-threshold', { start: asked.since, end: performance.now() });
    this.#asked = undefined;
  }

  setRange(value: number): void {
    const look = this.#look();
    if (!look || !(value > 0)) return;
    look.range = value;
    this.range.value = value;
  }

  setChannel(channel: number): void {
    const { low, high } = this.info.windows[channel];
    batch(() => {
      this.channel.value = channel;
      this.window.value = [low, high];
    });
  }

  /** Moves the crosshair to the voxel that a point lies in. */
  moveTo(point: Vector): void {
    const voxel = nearestVoxel(point, this.info.shape);
    if (voxel.join() !== this.crosshair.peek().join()) this.crosshair.value = voxel;
  }

  /** Moves the crosshair to another slice along an axis. */
  moveToSlice(axis: Axis, index: number): void {
    const voxel: [number, number, number] = [...this.crosshair.peek()];
    voxel[axis] = index;
    this.moveTo(voxel);
  }

  setOpacity(value: number): void {
    this.opacity.value = Math.min(Math.max(value, 0), 1);
  }

  /** Zooms as far as it goes. @param centre what is in the middle once the picture has grown so much. */
  zoomBy(by: number, centre: (by: number) => Vector): void {
    const before = this.zoom.peek();
    const zoom = Math.min(Math.max(before * by, 1), MOST_ZOOM);
    batch(() => {
      this.centre.value = centre(zoom / before);
      this.zoom.value = zoom;
    });
  }

  request(axis: Axis): PlaneRequest {
    return {
      axis,
      index: this.crosshair.value[axis],
      channel: this.channel.value,
      window: this.window.value,
      opacity: this.heatmapShown.value && this.heatmap.value ? this.opacity.value : 0,
      range: this.range.value,
      mask: this.maskShown.value,
      truth: this.truthShown.value,
      lesion: this.lesion.value,
    };
  }

  /** Chooses a lesion and goes to its highest voxel. */
  goTo({ number, peak, maximum, volume }: FoundLesion): void {
    batch(() => {
      this.lesion.value = number;
      this.moveTo(peak);
      this.centre.value = peak;
    });
    const place = (this.list.peek()?.lesions.findIndex((one) => one.number === number) ?? 0) + 1;
    this.#inputs.onSay(`Lesion ${place}, maximum ${short(maximum)}, ${volumeText(volume)}.`);
  }

  /** The lesion after the chosen one in the list, or before it; round about. */
  step(by: 1 | -1): void {
    const lesions = this.list.peek()?.lesions ?? [];
    if (lesions.length === 0) return;
    const at = lesions.findIndex(({ number }) => number === this.lesion.peek());
    const next = at < 0 ? (by > 0 ? 0 : lesions.length - 1) : (at + by + lesions.length) % lesions.length;
    this.goTo(lesions[next]);
  }

  decide(decision: Decision | undefined, lesion = this.lesion.peek()): void {
    if (lesion === undefined) {
      this.#inputs.onSay('No lesion is chosen.');
      return;
    }
    this.#run(async () => {
      this.#show(await this.#inputs.desk.decide(lesion, decision));
      this.#inputs.onSay(decision ? `Lesion ${decision}.` : 'The decision is taken back.');
    });
  }

  undo(): void {
    this.#run(async () => this.#show(await this.#inputs.desk.undo()));
  }

  redo(): void {
    this.#run(async () => this.#show(await this.#inputs.desk.redo()));
  }

  setBrush(millimetres: number): void {
    this.brush.value = Math.min(Math.max(millimetres, BRUSH.smallest), BRUSH.largest);
  }

  /** Goes on with a stroke of the brush. */
  paint(point: Vector): void {
    if (this.tool.peek() === 'look' || !this.heatmap.peek()) return;
    this.#stroke.push(point);
    this.#painting.ask(undefined);
  }

  /** The next point begins a stroke of its own. */
  endStroke(): void {
    this.#run(() => {
      const sent = this.#sendStroke();
      this.#stroke = [];
      this.#continues = false;
      return sent;
    });
  }

  async #sendStroke(): Promise<void> {
    const tool = this.tool.peek();
    if (tool === 'look' || this.#stroke.length === 0) return;
    const points = this.#stroke;
    // The next piece is joined to the end of this one.
    this.#stroke = points.slice(-1);
    const continues = this.#continues;
    this.#continues = true;
    this.#show(await this.#inputs.desk.paint({ points, radius: this.brush.peek(), tool, continues }));
  }

  save(kind: SaveKind): void {
    this.#run(async () => {
      for (const { name, content } of await this.#inputs.desk.save(kind)) download(name, content);
    });
  }

  #run(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#inputs.onFailure(failureOf(error)));
  }
}

/** How long a file's address is kept for the browser to fetch it. */
const FETCH_TIME = 60_000;

function download(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), FETCH_TIME);
}

/** A number as it is read at a glance. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Number(value.toPrecision(4)).toString();
}

/** mm³, or ml from one on. */
export function volumeText(volume: number): string {
  return volume >= 1000 ? `${(volume / 1000).toFixed(2)} ml` : `${Math.round(volume)} mm³`;
}
