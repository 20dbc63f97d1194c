/**
 * Looking through what `tonno view` gives: which case is open, with which heatmap over it. The address says it too, so
 * that going back, reloading and handing it on work. A series' heatmap is fetched when it is looked at.
 */
import { batch, signal } from '@preact/signals';
import type { Browsed, BrowsedCase, BrowsedVolume } from '../../report/browse.ts';
import type { OpenOptions, Source, ThresholdChoice } from '../protocol.ts';
import { type CaseStore, fetchedId } from './case-store.ts';
import type { News } from './news.ts';
import { type Fetch, fetchSource, fetchSources } from './sources.ts';

/** What the page's address names behind its hash. */
export interface Place {
  readonly name?: string;
  readonly series?: string;
}

export function readPlace(hash: string): Place {
  const values = new URLSearchParams(hash.replace(/^#/, ''));
  const name = values.get('case');
  const series = values.get('series');
  return { ...(name && { name }), ...(series && { series }) };
}

export function writePlace({ name, series }: Place): string {
  const values = new URLSearchParams();
  if (name) values.set('case', name);
  if (series) values.set('series', series);
  return values.size > 0 ? `#${values}` : '';
}

export interface Address {
  read(): Place;
  /** A step of its own in the history, or in the place of the last. */
  write(place: Place, how: 'push' | 'replace'): void;
}

export interface BrowseServices {
  readonly opened: CaseStore;
  readonly news: News;
  readonly fetch: Fetch;
  readonly address: Address;
}

/** Where `tonno view` describes what it gives, relative to the page. */
const BROWSE = 'browse.json';

export class BrowseStore {
  /** Whether there is a study to look through, once it is known. */
  readonly mode = signal<'unknown' | 'alone' | 'browsing'>('unknown');
  readonly browsed = signal<Browsed | undefined>();
  readonly series = signal<string | undefined>();
  /** The case that is open or on its way. */
  readonly current = signal<string | undefined>();
  readonly #services: BrowseServices;
  #tickets = 0;
  /** The case that the desk has, also while the table is looked at. */
  #open: { readonly name: string; readonly generation: number } | undefined;

  constructor(services: BrowseServices) {
    this.#services = services;
  }

  /** Asks the server whether there is something to look through. */
  async start(): Promise<void> {
    const { fetch, address, news } = this.#services;
    let browsed: Browsed;
    try {
      const response = await fetch(BROWSE);
      if (!response.ok) {
        this.mode.value = 'alone';
        return;
      }
      browsed = await response.json();
    } catch {
      // A host that answers with a page of its own, or with nothing, has no study.
      this.mode.value = 'alone';
      return;
    }
    const { name, series } = address.read();
    const known = browsed.series.some(({ id }) => id === series);
    batch(() => {
      this.browsed.value = browsed;
      this.series.value = known ? series : browsed.series[0]?.id;
      this.mode.value = 'browsing';
    });
    this.series.subscribe((chosen) => {
      if (chosen !== undefined) void this.#switched(chosen);
    });
    if (name) await this.#load(name);
    else if (browsed.cases.length === 1) await this.#load(browsed.cases[0].name);
    else news.say(`${browsed.title}: ${browsed.cases.length} cases.`);
  }

  /** Opens a case from the table. */
  async open(name: string): Promise<void> {
    this.#services.news.clear();
    this.#services.address.write({ name, series: this.series.value }, 'push');
    await this.#load(name);
  }

  /** Back to the table; the case stays on the desk. */
  leave(): void {
    this.#services.address.write({ series: this.series.value }, 'push');
    this.#tickets++;
    this.current.value = undefined;
    this.#services.opened.fetching(undefined);
  }

  /** The address was changed: back, forward, or by hand. */
  async follow(): Promise<void> {
    const { name, series } = this.#services.address.read();
    const { value: browsed } = this.browsed;
    if (!browsed) return;
    if (name === undefined) {
      this.#tickets++;
      this.current.value = undefined;
      return;
    }
    const known = browsed.series.some(({ id }) => id === series);
    if (name !== this.current.value) {
      if (known) this.series.value = series;
      await this.#load(name);
    } else if (known) this.series.value = series;
  }

  /** Series that the open case has a heatmap of. */
  offered(): readonly { readonly id: string; readonly title: string }[] {
    const found = this.#case(this.current.value);
    return this.browsed.value?.series.filter(({ id }) => found?.heatmaps[id]) ?? [];
  }

  /** A heatmap of a series was chosen in the viewer. */
  looked(id: string): void {
    const series = this.browsed.value?.series.find((one) => fetchedId(one.id) === id);
    if (series) this.series.value = series.id;
  }

  #case(name: string | undefined): BrowsedCase | undefined {
    return this.browsed.value?.cases.find((one) => one.name === name);
  }

  async #load(name: string, chosen: OpenOptions = {}): Promise<void> {
    const { opened, news, fetch } = this.#services;
    const found = this.#case(name);
    if (!found) {
      news.fail({
        subject: name,
        problem: 'There is no such case here.',
        remedy: 'Choose one from the table.',
        fault: false,
      });
      this.current.value = undefined;
      return;
    }
    const ticket = ++this.#tickets;
    const { value: before } = this.current;
    this.current.value = name;
    this.#services.address.write({ name, series: this.series.value }, 'replace');
    if (this.#open?.name === name && this.#open.generation === opened.generation.value) {
      if (this.series.value !== undefined) await this.#switched(this.series.value);
      return;
    }
    const what = `Fetching ${name}`;
    try {
      opened.fetching({ what, share: 0 });
      const sources = await fetchSources(fetch, found.images.flatMap(filesOf), (share) => {
        if (ticket === this.#tickets) opened.fetching({ what, share });
      });
      if (ticket !== this.#tickets) return;
      const options = { ...(found.images.length > 1 && { channels: true }), ...chosen };
      const done = await opened.open(sources, options, (further) =>
        this.#load(name, { ...chosen, ...further }),
      );
      if (ticket !== this.#tickets) return;
      if (!done) {
        this.current.value = before;
        return;
      }
      this.#open = { name, generation: opened.generation.value };
      await this.#furnish(found, ticket);
    } catch (error) {
      if (ticket !== this.#tickets) return;
      opened.fetching(undefined);
      this.current.value = before;
      news.report(error);
    }
  }

  /** Truth and heatmap of the case that was opened. A failure of one leaves the other. */
  async #furnish({ mask }: BrowsedCase, ticket: number): Promise<void> {
    const { opened, news, fetch } = this.#services;
    if (mask) {
      try {
        const files = await fetchSources(fetch, filesOf(mask), () => undefined);
        if (ticket !== this.#tickets) return;
        await opened.openTruth(files);
      } catch (error) {
        if (ticket === this.#tickets) news.report(error);
      }
    }
    if (ticket === this.#tickets && this.series.value !== undefined) await this.#switched(this.series.value);
  }

  /** Another series, or the first for a case: its heatmap is fetched unless the desk has it. */
  async #switched(series: string): Promise<void> {
    const { opened, news, fetch, address } = this.#services;
    const name = this.current.value;
    if (name === undefined) return;
    address.write({ name, series }, 'replace');
    const heatmap = this.#case(name)?.heatmaps[series];
    if (!heatmap || !opened.info.value || opened.opening.value) return;
    const id = fetchedId(series);
    if (opened.chosen.value === id) return;
    if (opened.heatmaps.value.some((one) => one.id === id)) return opened.choose(id);
    const { value: generation } = opened.generation;
    const current = () => generation === opened.generation.value && this.series.value === series;
    const title = this.browsed.value?.series.find((one) => one.id === series)?.title ?? series;
    try {
      const source = await fetchSource(fetch, heatmap.file, last(heatmap.file));
      const record = await this.#record(heatmap.sidecar);
      if (!current()) return;
      const thresholds: ThresholdChoice | undefined = heatmap.thresholds;
      await opened.openHeatmap(source, {
        id,
        title,
        ...(thresholds && { thresholds }),
        ...(record && { record }),
      });
    } catch (error) {
      if (current()) news.report(error);
    }
  }

  /** A sidecar that cannot be read is none: the heatmap can be looked at without. */
  async #record(sidecar: string | undefined): Promise<Record<string, unknown> | undefined> {
    if (!sidecar) return undefined;
    try {
      const response = await this.#services.fetch(sidecar);
      return response.ok ? await response.json() : undefined;
    } catch {
      return undefined;
    }
  }
}

const last = (address: string) => decodeURIComponent(address.split('/').at(-1) ?? address);

/** A volume's files under names that tell volumes of several files apart. */
function filesOf({ name, files }: BrowsedVolume): { address: string; name: Source['name'] }[] {
  if (files.length === 1) return [{ address: files[0], name: last(files[0]) }];
  return files.map((address) => ({ address, name: `${name}/${last(address)}` }));
}
