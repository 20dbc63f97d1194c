/**
 * The open case as the page knows it: what is on the desk, which heatmap is looked at, and what a person changed and has
 * not saved. Cases are opened one after another, so that desk and page speak of the same one; what is asked of a case
 * that has since been closed is ignored (`generation`).
 */
import { batch, signal } from '@preact/signals';
import { isShared } from '../../volume/shared.ts';
import type {
  CaseInfo,
  DeskApi,
  HeatmapInfo,
  LogitProfile,
  NewHeatmap,
  Opened,
  OpenOptions,
  Source,
  ThresholdChoice,
} from '../protocol.ts';
import { type Failure, failureOf } from '../remote.ts';
import type { News } from './news.ts';
import { wayIn } from './reading.ts';

/** What is being read. */
export interface Opening {
  readonly what: string;
  /** 0 to 1 where it is known. */
  readonly share?: number;
}

/** Several series, of which one is to be chosen. */
export interface SeriesChoice {
  readonly series: readonly { readonly uid: string; readonly title: string }[];
  readonly again: Again;
}

/** Opens the same once more, with what was chosen about it meanwhile. */
export type Again = (chosen: OpenOptions) => Promise<unknown>;

/** What is done when there is no case at the end. */
interface Answers {
  choose?(series: SeriesChoice['series']): void;
  refused?(failure: Failure): void;
}

/** How the case was opened, for a desk that has to be set up again. */
type Reopen = () => Promise<Opened>;

/** What the page itself asks the desk; the rest is the viewer's. */
export type PageDesk = Pick<
  DeskApi,
  'open' | 'phantom' | 'openTruth' | 'volume' | 'openHeatmap' | 'putHeatmap' | 'chooseHeatmap' | 'heatmaps'
>;

export interface CaseServices {
  readonly desk: PageDesk;
  readonly news: News;
  /** Asks a person; true goes on. */
  confirm(sentence: string): boolean;
}

export class CaseStore {
  readonly info = signal<CaseInfo | undefined>();
  readonly opening = signal<Opening | undefined>();
  readonly choice = signal<SeriesChoice | undefined>();
  readonly heatmaps = signal<readonly HeatmapInfo[]>([]);
  readonly chosen = signal<string | undefined>();
  readonly revision = signal(0);
  readonly profiles = signal<readonly LogitProfile[]>([]);
  /** A person decided or painted, and has not saved it. */
  readonly unsaved = signal(false);
  /** Thresholds that were last laid on the chosen heatmap. */
  readonly thresholds = signal<ThresholdChoice | undefined>();
  /** Grows with every case that is opened. */
  readonly generation = signal(0);
  readonly #services: CaseServices;
  #queue: Promise<unknown> = Promise.resolve();
  #tickets = 0;
  #reopen: Reopen | undefined;
  #truth: readonly Source[] | undefined;
  /** Heatmaps whose memory is shared with the desk: they outlive it and cost nothing. */
  readonly #held = new Map<string, NewHeatmap>();

  constructor(services: CaseServices) {
    this.#services = services;
  }

  /** Opens a volume from its files. What was open stays when it fails. */
  open(
    files: readonly Source[],
    options: OpenOptions = {},
    again: Again = (chosen) => this.open(files, { ...options, ...chosen }),
  ): Promise<boolean> {
    const { news } = this.#services;
    if (files.length === 0) {
      news.fail({
        subject: 'What was given',
        problem: 'There is no file in it.',
        remedy: 'Give a NIfTI, NRRD or MetaImage file, or a folder with a DICOM series.',
        fault: false,
      });
      return Promise.resolve(false);
    }
    const what = files.length === 1 ? files[0].name : `${files.length} files`;
    return this.#enter(`Reading ${what}`, () => this.#services.desk.open(files, options), {
      choose: (series) => {
        this.choice.value = { series, again };
      },
      refused: (failure) => {
        const way = wayIn(failure);
        if (way) news.fail(way.failure, { label: way.label, act: () => void again(way.reading) });
        else news.fail(failure);
      },
    });
  }

  /** Opens the series that was chosen among several. */
  async chooseSeries(uid: string): Promise<void> {
    await this.choice.value?.again({ series: uid });
  }

  phantom(): Promise<boolean> {
    const { desk } = this.#services;
    return this.#enter('Making a phantom', async () => ({ kind: 'case', info: await desk.phantom() }));
  }

  /** Tells what is being read before the desk has it: files on their way from a server. */
  fetching(opening: Opening | undefined): void {
    this.opening.value = opening;
  }

  async openTruth(files: readonly Source[]): Promise<void> {
    const { desk, news } = this.#services;
    const { value: generation } = this.generation;
    if (!this.info.value || files.length === 0) return;
    this.opening.value = { what: 'Reading the truth mask' };
    try {
      const info = await desk.openTruth(files);
      if (generation !== this.generation.value) return;
      this.#truth = files;
      batch(() => {
        this.info.value = info;
        this.revision.value++;
      });
      news.say('The truth mask is open.');
    } catch (error) {
      if (generation === this.generation.value) news.report(error);
    } finally {
      if (generation === this.generation.value) this.opening.value = undefined;
    }
  }

  /** Chooses among the heatmaps on the desk. */
  async choose(id: string): Promise<void> {
    const { value: generation } = this.generation;
    if (!this.heatmaps.value.some((heatmap) => heatmap.id === id)) return;
    try {
      const info = await this.#services.desk.chooseHeatmap(id);
      if (generation === this.generation.value && info) this.#looked(info);
    } catch (error) {
      if (generation === this.generation.value) this.#services.news.report(error);
    }
  }

  /**
   * Puts a heatmap on the desk, or new values in the place of its own, and shows it, unless a person looks at another
   * one meanwhile and `gently` is asked for.
   */
  async show(heatmap: NewHeatmap, { gently = false } = {}): Promise<void> {
    const { value: generation } = this.generation;
    const known = this.heatmaps.value.some(({ id }) => id === heatmap.id);
    if (isShared(heatmap.data)) this.#held.set(heatmap.id, heatmap);
    const info = await this.#services.desk.putHeatmap(heatmap);
    if (generation !== this.generation.value) return;
    this.#listed(info);
    if (!known) await this.#cleared();
    if (generation !== this.generation.value) return;
    const { value: looked } = this.chosen;
    if (gently && known && looked !== undefined && looked !== heatmap.id) await this.choose(looked);
    else this.#looked(info);
  }

  /** Has the desk read a heatmap's file. */
  async openHeatmap(source: Source, about: Parameters<DeskApi['openHeatmap']>[1]): Promise<void> {
    const { value: generation } = this.generation;
    const info = await this.#services.desk.openHeatmap(source, about);
    if (generation !== this.generation.value) return;
    this.#listed(info);
    await this.#cleared();
    await this.choose(info.id);
  }

  /** A call of the viewer to the desk went through. */
  viewerCalled(method: string, [given]: readonly unknown[]): void {
    if (['decide', 'paint', 'undo', 'redo'].includes(method)) this.unsaved.value = true;
    if (method === 'save' && given !== 'heatmap') this.unsaved.value = false;
    if (method === 'threshold') this.thresholds.value = given as ThresholdChoice;
  }

  /** A desk that stopped and is started anew gets back what the page still has. */
  async revive(): Promise<void> {
    const reopen = this.#reopen;
    const truth = this.#truth;
    const { value: chosen } = this.chosen;
    const held = [...this.#held.values()];
    if (!reopen) return;
    this.#reopen = undefined;
    this.unsaved.value = false;
    const open = await this.#enter('Reading the volume again', reopen);
    if (!open) {
      this.#close();
      return;
    }
    if (truth) await this.openTruth(truth);
    try {
      for (const heatmap of held) await this.show(heatmap);
      if (chosen) await this.choose(chosen);
    } catch (error) {
      this.#services.news.report(error);
    }
  }

  /** Opens after whatever is being opened, and only if nothing else was asked for in the meantime. */
  async #enter(what: string, open: Reopen, { choose, refused }: Answers = {}): Promise<boolean> {
    const { news, confirm } = this.#services;
    if (
      this.unsaved.value &&
      !confirm('What you changed in the lesions is not saved. Open another volume?')
    ) {
      return false;
    }
    const ticket = ++this.#tickets;
    this.choice.value = undefined;
    this.opening.value = { what };
    const earlier = this.#queue;
    const work = (async () => {
      await earlier;
      if (ticket !== this.#tickets) return false;
      try {
        const opened = await open();
        if (ticket !== this.#tickets) return false;
        if (opened.kind === 'choose') {
          choose?.(opened.series);
          news.say('There are several series. Choose one.');
          return false;
        }
        this.#opened(opened.info, open);
        return true;
      } catch (error) {
        if (ticket === this.#tickets) (refused ?? news.fail.bind(news))(failureOf(error));
        return false;
      } finally {
        if (ticket === this.#tickets) this.opening.value = undefined;
      }
    })();
    this.#queue = work;
    return work;
  }

  #opened(info: CaseInfo, reopen: Reopen): void {
    this.#held.clear();
    this.#reopen = reopen;
    this.#truth = undefined;
    batch(() => {
      this.#empty();
      this.info.value = info;
    });
    this.#services.news.say(`${info.name} is open.`);
  }

  #close(): void {
    this.#held.clear();
    batch(() => {
      this.#empty();
      this.info.value = undefined;
    });
  }

  #empty(): void {
    this.generation.value++;
    this.heatmaps.value = [];
    this.chosen.value = undefined;
    this.thresholds.value = undefined;
    this.profiles.value = [];
    this.unsaved.value = false;
    this.revision.value++;
  }

  #listed(info: HeatmapInfo): void {
    const { value } = this.heatmaps;
    const at = value.findIndex(({ id }) => id === info.id);
    this.heatmaps.value = at < 0 ? [...value, info] : value.with(at, info);
  }

  /** The desk has room for so many heatmaps, and puts the longest unused away: those made here are told of. */
  async #cleared(): Promise<void> {
    const { value: generation } = this.generation;
    const there = new Set((await this.#services.desk.heatmaps()).map(({ id }) => id));
    if (generation !== this.generation.value) return;
    const gone = this.heatmaps.value.filter(({ id }) => !there.has(id));
    if (gone.length === 0) return;
    this.heatmaps.value = this.heatmaps.value.filter(({ id }) => there.has(id));
    for (const { id, title } of gone) {
      this.#held.delete(id);
      if (isFetched(id)) continue;
      this.#services.news.fail({
        subject: title,
        problem: 'It was put away to make room for another heatmap.',
        remedy: 'Make it again, and save what should stay.',
        fault: false,
      });
    }
  }

  #looked(info: HeatmapInfo): void {
    batch(() => {
      if (this.chosen.value !== info.id) this.thresholds.value = undefined;
      this.chosen.value = info.id;
      this.revision.value++;
    });
  }
}

/** Ids of heatmaps that came from files of the server, and can come again. */
const FETCHED = 'series:';
export const fetchedId = (series: string) => FETCHED + series;
const isFetched = (id: string) => id.startsWith(FETCHED);
