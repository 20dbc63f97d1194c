/** A desk and an engine that do what a test says, and remember what they were asked. */

import type { Address, Place } from '../../../src/app/page/browse-store.ts';
import type { PageDesk } from '../../../src/app/page/case-store.ts';
import type { Restartable } from '../../../src/app/page/encoder-store.ts';
import type { Keeper, KeptAbout } from '../../../src/app/page/keep.ts';
import { createStore, type Services } from '../../../src/app/page/store.ts';
import type {
  CaseInfo,
  EncoderInfo,
  EngineApi,
  EngineOutcome,
  EngineProgress,
  HeatmapInfo,
  NewHeatmap,
  Opened,
  OpenOptions,
  ReconstructionSettings,
  Source,
} from '../../../src/app/protocol.ts';
import { planMethod } from '../../../src/reconstruction/methods.ts';
import type { Browsed } from '../../../src/report/browse.ts';
import { type PlaneView, planeView } from '../../../src/report/planes.ts';
import { createVolume, type Shape, type Volume } from '../../../src/volume/volume.ts';

/** A promise and its ends. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Lets everything that can go on do so: chains of promises, and of as many turns as anything here takes. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setTimeout(resolve));
}

export const source = (name: string, text = ''): Source => ({ name, file: new Blob([text]) });

export function caseInfo(name: string, shape: Shape = [4, 3, 2]): CaseInfo {
  const { geometry } = createVolume(new Float32Array(24), [4, 3, 2]);
  return {
    name,
    shape,
    channels: 1,
    geometry,
    spacing: [1, 1, 1],
    format: 'NIfTI',
    dicom: false,
    notes: [],
    windows: [{ low: 0, high: 1, minimum: 0, maximum: 1 }],
    views: ([0, 1, 2] as const).map((axis) => planeView(geometry, axis)) as [PlaneView, PlaneView, PlaneView],
    truth: false,
  };
}

export class FakeDesk implements PageDesk {
  readonly asked: string[] = [];
  readonly options: OpenOptions[] = [];
  readonly put: NewHeatmap[] = [];
  /** What opening a file of a name comes to; at once a case of that name where it is not said. */
  readonly openings = new Map<string, Promise<Opened>>();
  voxels = Float32Array.from({ length: 24 }, (_, i) => i);
  failing: unknown;
  #listed: HeatmapInfo[] = [];

  async open(files: readonly Source[], options: OpenOptions = {}): Promise<Opened> {
    const { name } = files[0];
    this.options.push(options);
    this.asked.push(
      `open ${name}${options.channels ? ' as channels' : ''}${options.series ? ` ${options.series}` : ''}`,
    );
    const opened = await (this.openings.get(options.series ?? name) ?? {
      kind: 'case' as const,
      info: caseInfo(name),
    });
    this.#listed = [];
    return opened;
  }
  async phantom(): Promise<CaseInfo> {
    this.#listed = [];
    return caseInfo('phantom');
  }
  async openTruth(files: readonly Source[]): Promise<CaseInfo> {
    this.asked.push(`truth ${files[0].name}`);
    return { ...caseInfo('with truth'), truth: true };
  }
  async volume(): Promise<Volume> {
    return createVolume(this.voxels, [4, 3, 2]);
  }
  async openHeatmap(
    { name }: Source,
    about: { id: string; title: string; thresholds?: { low: number; high: number } },
  ): Promise<HeatmapInfo> {
    this.asked.push(`heatmap ${name} as ${about.id}`);
    return this.#list(about.id, about.title, 1);
  }
  async putHeatmap(heatmap: NewHeatmap): Promise<HeatmapInfo> {
    if (this.failing) throw this.failing;
    this.put.push(heatmap);
    return this.#list(heatmap.id, heatmap.title, heatmap.data[0]);
  }
  async chooseHeatmap(id: string | undefined): Promise<HeatmapInfo | undefined> {
    this.asked.push(`choose ${id}`);
    return this.#listed.find((info) => info.id === id);
  }
  async heatmaps(): Promise<readonly HeatmapInfo[]> {
    return this.#listed;
  }
  /** Makes room. */
  drop(id: string) {
    this.#listed = this.#listed.filter((info) => info.id !== id);
  }
  #list(id: string, title: string, maximum: number): HeatmapInfo {
    const thresholds = { low: 0, high: 1 };
    const info = { id, title, minimum: 0, maximum, range: 1, thresholds, record: {} };
    this.#listed = [...this.#listed.filter((one) => one.id !== id), info];
    return info;
  }
}

export const encoderInfo: EncoderInfo = {
  name: 'small.onnx',
  channels: 1,
  classes: ['lesion'],
  defaultSize: 224,
  layers: [
    { name: 'a', title: 'Layer 1' },
    { name: 'b', title: 'Layer 2' },
    { name: 'c', title: 'Layer 3' },
  ],
  scaling: 'as they are',
};

/** One call of `reconstruct` or `more`, answered by the test. */
export interface Job {
  readonly settings?: ReconstructionSettings;
  readonly directions?: number;
  /** Resolves when an estimate was taken in. */
  readonly told: (progress: EngineProgress) => unknown;
  readonly end: ReturnType<typeof deferred<EngineOutcome>>;
}

const engineInfo = { device: 'cpu', title: 'WebAssembly with 2 threads' } as const;

export function heatmap(value: number, id = 'engine'): NewHeatmap {
  return { id, title: 'ToNNO', data: new Float32Array(24).fill(value), record: { made: value } };
}

export function progress(done: number, estimate?: number): EngineProgress {
  return {
    done,
    total: 10,
    slices: done * 8,
    slicesPerSecond: 100,
    left: 10 - done,
    info: engineInfo,
    ...(estimate !== undefined && { estimate: heatmap(estimate) }),
  };
}

export function outcome(done: number, value: number): EngineOutcome {
  return {
    done,
    total: 10,
    seconds: 3,
    info: engineInfo,
    plan: planMethod({ method: 'tonno' }),
    heatmap: heatmap(value),
  };
}

export class FakeEngine implements EngineApi, Restartable {
  readonly asked: string[] = [];
  readonly jobs: Job[] = [];
  /** What opening an encoder comes to. */
  encoder: () => Promise<EncoderInfo> = async () => encoderInfo;

  async openEncoder({ name }: Source): Promise<EncoderInfo> {
    this.asked.push(`encoder ${name}`);
    return this.encoder();
  }
  async warmUp() {
    return engineInfo;
  }
  reconstruct(_: Volume, settings: ReconstructionSettings, told: Job['told']): Promise<EngineOutcome> {
    const end = deferred<EngineOutcome>();
    this.asked.push('reconstruct');
    this.jobs.push({ settings, told, end });
    return end.promise;
  }
  async stop() {
    this.asked.push('stop');
  }
  more(directions: number, told: Job['told']): Promise<EngineOutcome> {
    const end = deferred<EngineOutcome>();
    this.asked.push(`more ${directions}`);
    this.jobs.push({ directions, told, end });
    return end.promise;
  }
  /** What was measured before a failure. */
  measured: EngineOutcome | undefined;
  async rescue() {
    return this.measured;
  }
  async profiles() {
    this.asked.push('profiles');
    return ([0, 1, 2] as const).map((axis) => ({ axis, values: new Float32Array(3) }));
  }
  restart() {
    this.asked.push('restart');
  }
}

export class FakeKeeper implements Keeper {
  kept: { about: KeptAbout; values: Float32Array } | undefined;
  async about() {
    return this.kept?.about;
  }
  async values() {
    return this.kept?.values;
  }
  async save(about: KeptAbout, values: Float32Array) {
    this.kept = { about, values: values.slice() };
  }
  async amend(thresholds: { low: number; high: number }) {
    if (this.kept) this.kept = { ...this.kept, about: { ...this.kept.about, thresholds } };
  }
  async forget() {
    this.kept = undefined;
  }
}

/** A history of places. */
export class FakeAddress implements Address {
  readonly steps: Place[] = [{}];
  read() {
    return this.steps.at(-1) ?? {};
  }
  write(place: Place, how: 'push' | 'replace') {
    if (how === 'push') this.steps.push(place);
    else this.steps[this.steps.length - 1] = place;
  }
}

/** A server with these files; `hold` makes one wait. */
export class FakeServer {
  readonly asked: string[] = [];
  readonly files = new Map<string, string>();
  readonly held = new Map<string, Promise<void>>();
  readonly fetch = async (address: string): Promise<Response> => {
    this.asked.push(address);
    await this.held.get(address);
    const text = this.files.get(address);
    return text === undefined ? new Response('', { status: 404 }) : new Response(text);
  };
  browse(browsed: Browsed) {
    this.files.set('browse.json', JSON.stringify(browsed));
    for (const { images, mask, heatmaps } of browsed.cases) {
      for (const { files } of mask ? [...images, mask] : images) {
        for (const file of files) this.files.set(file, file);
      }
      for (const { file, sidecar } of Object.values(heatmaps)) {
        this.files.set(file, file);
        if (sidecar) this.files.set(sidecar, '{}');
      }
    }
  }
}

/** A store over fakes, with a clock that the test moves. */
export function world(given: Partial<Services> = {}) {
  const desk = new FakeDesk();
  const engine = new FakeEngine();
  const keeper = new FakeKeeper();
  const address = new FakeAddress();
  const server = new FakeServer();
  const clock = { time: 0, later: [] as (() => void)[] };
  const asked: string[] = [];
  const services = {
    desk,
    engine,
    keeper,
    address,
    fetch: server.fetch,
    now: () => clock.time,
    later: (call: () => void) => void clock.later.push(call),
    confirm: (sentence: string) => {
      asked.push(sentence);
      return false;
    },
    ...given,
  };
  return { store: createStore(services), desk, engine, keeper, address, server, clock, asked };
}

/** A world with an open case and an encoder. */
export async function furnished(given: Partial<Services> = {}) {
  const made = world(given);
  await made.store.take([source('liver.nii.gz'), source('small.onnx')]);
  return made;
}
