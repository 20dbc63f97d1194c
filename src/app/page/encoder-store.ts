/**
 * The encoder: what it is, and the file it came from, with which an engine that was started anew gets it back.
 */
import { signal } from '@preact/signals';
import type { EncoderInfo, EngineApi, EngineInfo, Source } from '../protocol.ts';
import type { News } from './news.ts';
import { type Fetch, fetchSource } from './sources.ts';

/** The engine in its worker, which can be started anew. */
export interface Restartable {
  /** Ends it, whatever it does; the next call starts another. */
  restart(): void;
}

export interface EncoderServices {
  readonly engine: EngineApi & Restartable;
  readonly news: News;
  readonly fetch: Fetch;
}

/** The small encoder for phantoms, relative to the page. */
export const EXAMPLE = 'examples/phantom-encoder.onnx';

export class EncoderStore {
  readonly info = signal<EncoderInfo | undefined>();
  readonly opening = signal<string | undefined>();
  readonly engine = signal<EngineInfo | undefined>();
  readonly loading = signal(false);
  readonly #services: EncoderServices;
  #source: Source | undefined;
  /** The engine was started anew and has not been given the encoder yet. */
  #lost = false;
  #tickets = 0;

  constructor(services: EncoderServices) {
    this.#services = services;
  }

  /** Loads the engine while the volume is being chosen. What fails here fails again where it matters. */
  async warmUp(): Promise<void> {
    this.loading.value = true;
    try {
      this.engine.value ??= await this.#services.engine.warmUp();
    } catch {
      this.engine.value = undefined;
    } finally {
      this.loading.value = false;
    }
  }

  /** The encoder that was open stays when it fails. */
  async open(source: Source): Promise<boolean> {
    return this.#enter(source.name, async () => source);
  }

  example(): Promise<boolean> {
    return this.fetch('phantom-encoder.onnx', EXAMPLE);
  }

  /** An encoder of the study that is looked at. */
  fetch(name: string, address: string): Promise<boolean> {
    return this.#enter(name, () => fetchSource(this.#services.fetch, address, name));
  }

  /** Starts the engine anew: after a lost device, or when it stopped by itself. */
  restart(): void {
    this.#services.engine.restart();
    this.stopped();
  }

  /** The engine is gone, and the next one knows nothing. */
  stopped(): void {
    this.#lost = this.info.value !== undefined;
    this.engine.value = undefined;
  }

  /** Sees to it that the engine has the encoder. */
  async ready(): Promise<EncoderInfo | undefined> {
    if (this.#lost && this.#source) {
      this.info.value = await this.#services.engine.openEncoder(this.#source);
      this.#lost = false;
    }
    return this.info.value;
  }

  async #enter(name: string, get: () => Promise<Source>): Promise<boolean> {
    const { engine, news } = this.#services;
    const ticket = ++this.#tickets;
    this.opening.value = name;
    try {
      const source = await get();
      const info = await engine.openEncoder(source);
      if (ticket !== this.#tickets) return false;
      this.#source = source;
      this.#lost = false;
      this.info.value = info;
      news.say(`The encoder ${info.name} is open.`);
      return true;
    } catch (error) {
      if (ticket === this.#tickets) news.report(error);
      return false;
    } finally {
      if (ticket === this.#tickets) this.opening.value = undefined;
    }
  }
}
