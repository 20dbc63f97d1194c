/**
 * When the last heatmap is kept, and when it is offered again: to the volume it was made of, known by its name, its grid
 * and a hash of its voxels. That nothing can be kept stops nothing.
 */
import { signal } from '@preact/signals';
import { voxelHash } from '../../datasets/checks/hash.ts';
import { type Volume, voxelCount } from '../../volume/volume.ts';
import type { CaseInfo, ThresholdChoice } from '../protocol.ts';
import type { CaseStore, PageDesk } from './case-store.ts';
import { type Keeper, type KeptAbout, LARGEST } from './keep.ts';
import type { News } from './news.ts';
import type { Kept } from './run.ts';

export interface KeptServices {
  readonly keeper: Keeper;
  readonly desk: PageDesk;
  readonly opened: CaseStore;
  readonly news: News;
  /** Milliseconds since 1970. */
  now(): number;
}

/** Milliseconds between estimates that are kept. */
const OFTEN = 30_000;
/** Voxels that are hashed before the page gets its turn again: some 5 ms. */
const PIECE = 1 << 20;

/** A hash of all voxels, piece by piece. */
export async function volumeHash({ data }: Volume): Promise<string> {
  const pieces: string[] = [];
  for (let from = 0; from < data.length; from += PIECE) {
    pieces.push(voxelHash(data.subarray(from, from + PIECE)));
    await new Promise<void>((resolve) => setTimeout(resolve));
  }
  return pieces.join('');
}

const heatmapBytes = ({ shape }: Volume) => voxelCount(shape) * Float32Array.BYTES_PER_ELEMENT;

const alike = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((value, i) => value === b[i]);

export class KeptStore {
  /** What is kept, of this visit or an earlier one. */
  readonly about = signal<KeptAbout | undefined>();
  /** It was made of the volume that is open, in an earlier visit. */
  readonly offered = signal(false);
  /** A person may want nothing kept. */
  readonly wanted = signal(true);
  /** Why the heatmap that is there is not kept. */
  readonly reason = signal<string | undefined>();
  readonly #services: KeptServices;
  #hash: { readonly generation: number; readonly hash: string } | undefined;
  /** Thresholds on their way to where they are kept. */
  #laid: ThresholdChoice | undefined;
  /** On the desk, of the heatmap that is kept. */
  #id: string | undefined;
  #time = Number.NEGATIVE_INFINITY;

  constructor(services: KeptServices) {
    this.#services = services;
  }

  /** Looks for what an earlier visit left. */
  async start(): Promise<void> {
    this.about.value = await this.#try((keeper) => keeper.about());
  }

  /** Whether what is kept belongs to the case that was opened. */
  async look(info: CaseInfo): Promise<void> {
    const { desk, opened } = this.#services;
    const { value: generation } = opened.generation;
    const { value: about } = this.about;
    this.offered.value = false;
    this.#id = undefined;
    if (about?.caseName !== info.name) return;
    if (!alike(about.shape, info.shape) || !alike(about.affine, info.geometry.affine)) return;
    try {
      await this.measured(await desk.volume());
    } catch {
      return;
    }
    if (generation !== opened.generation.value || this.about.value !== about) return;
    this.offered.value = this.#hash?.hash === about.hash;
  }

  /** Takes the hash of the case's voxels, once, unless its heatmaps are too large to be kept. */
  async measured(volume: Volume): Promise<void> {
    const { value: generation } = this.#services.opened.generation;
    if (this.#hash?.generation === generation || heatmapBytes(volume) > LARGEST) return;
    const hash = await volumeHash(volume);
    if (generation === this.#services.opened.generation.value) this.#hash = { generation, hash };
  }

  /** Keeps a heatmap: each that is whole, and of the estimates one in a while. */
  async keep({ info, heatmap, settings, done, total }: Kept, ended: boolean): Promise<void> {
    const { opened, now } = this.#services;
    if (!this.wanted.value || (!ended && now() - this.#time < OFTEN)) return;
    if (heatmap.data.byteLength > LARGEST) {
      this.reason.value = 'It is too large to be kept for the next visit: save it.';
      return;
    }
    if (this.#hash?.generation !== opened.generation.value) return;
    this.#time = now();
    const about: KeptAbout = {
      caseName: info.name,
      shape: info.shape,
      affine: info.geometry.affine,
      hash: this.#hash.hash,
      title: heatmap.title,
      record: heatmap.record,
      settings,
      done,
      total,
      time: now(),
      ...(opened.thresholds.value &&
        opened.chosen.value === heatmap.id && { thresholds: opened.thresholds.value }),
    };
    const kept = await this.#try(async (keeper) => {
      await keeper.save(about, heatmap.data);
      return true;
    });
    this.offered.value = false;
    this.reason.value = kept ? undefined : 'This browser lets it not be kept for the next visit: save it.';
    if (!kept) return;
    this.about.value = about;
    this.#id = heatmap.id;
  }

  /** Thresholds were laid on the heatmap that is kept. */
  async thresholds(choice: ThresholdChoice, id: string | undefined): Promise<void> {
    if (id === undefined || id !== this.#id) return;
    const amending = this.#laid !== undefined;
    this.#laid = choice;
    if (amending) return;
    // A slider lays them faster than they are stored: the last is what matters.
    for (let latest = choice; ; latest = this.#laid) {
      await this.#try((keeper) => keeper.amend(latest));
      if (latest === this.#laid) break;
    }
    this.#laid = undefined;
  }

  /** Puts the kept heatmap on the desk. */
  async restore(): Promise<void> {
    const { opened, news } = this.#services;
    const { value: about } = this.about;
    if (!about || !this.offered.value) return;
    this.offered.value = false;
    this.#id = 'kept';
    try {
      const data = await this.#services.keeper.values();
      if (!data) throw new Error('The browser has lost the values.');
      const { title, record, thresholds } = about;
      await opened.show({
        id: 'kept',
        title: `${title} (kept)`,
        data,
        record,
        ...(thresholds && { thresholds }),
      });
      news.say('The kept heatmap is open.');
    } catch (error) {
      news.report(error);
    }
  }

  async forget(): Promise<void> {
    this.offered.value = false;
    this.about.value = undefined;
    this.#id = undefined;
    await this.#try((keeper) => keeper.forget());
    this.#services.news.say('The kept heatmap is forgotten.');
  }

  /** Whether to keep heatmaps from now on; what was kept is forgotten when not. */
  async want(wanted: boolean): Promise<void> {
    this.wanted.value = wanted;
    if (!wanted) await this.forget();
  }

  async #try<T>(work: (keeper: Keeper) => Promise<T>): Promise<T | undefined> {
    try {
      return await work(this.#services.keeper);
    } catch {
      return undefined;
    }
  }
}
