/**
 * A reconstruction from its start to its end. There is one at a time: a second one ends the first, whose answers are no
 * longer listened to. Estimates go to the desk as they come, the latest only where the desk is slower; whatever is there
 * when a run is stopped or fails stays in the list of heatmaps.
 */
import type { Signal } from '@preact/signals';
import { signal } from '@preact/signals';
import type { Volume } from '../../volume/volume.ts';
import type {
  CaseInfo,
  EngineApi,
  EngineOutcome,
  EngineProgress,
  ReconstructionSettings,
} from '../protocol.ts';
import { failureOf } from '../remote.ts';
import type { CaseStore, PageDesk } from './case-store.ts';
import type { EncoderStore } from './encoder-store.ts';
import type { News, Remedy } from './news.ts';
import { type Ended, type Kept, named, RUN, type Run } from './run.ts';
import { type Choices, obstacle, settingsOf } from './settings.ts';
import { counted, duration, progressSentence } from './words.ts';

export interface RunServices {
  readonly desk: PageDesk;
  readonly engine: EngineApi;
  readonly news: News;
  readonly opened: CaseStore;
  readonly encoder: EncoderStore;
  readonly choices: Signal<Choices>;
  /** Milliseconds. */
  now(): number;
  /** Calls after so many milliseconds. */
  later(call: () => void, milliseconds: number): void;
  /** Told of the volume before the engine gets it, and awaited: it may be handed over then. */
  measured?(volume: Volume): Promise<void>;
  /** Given heatmaps before the desk gets them. */
  keep?(kept: Kept, ended: boolean): Promise<void>;
}

/** Milliseconds between sentences that are read aloud. */
const QUIET = 6000;
/** Milliseconds until an engine that was asked to stop is taken to hang. */
const PATIENCE = 15_000;
/** Seconds that logit profiles may take to be made unasked. */
const CHEAP = 15;

export class RunStore {
  readonly run = signal<Run | undefined>();
  readonly ended = signal<Ended | undefined>();
  readonly profiling = signal(false);
  readonly #services: RunServices;
  #count = 0;
  #tickets = 0;
  #said = 0;
  #latest: EngineProgress | undefined;
  #putting: Promise<void> | undefined;

  constructor(services: RunServices) {
    this.#services = services;
  }

  /** Reconstructs the open case with the encoder and the choices. */
  async start(): Promise<void> {
    const { desk, engine, news, opened, measured } = this.#services;
    const info = opened.info.value;
    if (!info || !this.#possible(info)) return;
    news.clear();
    this.ended.value = undefined;
    await this.#go(`${RUN}${++this.#count}`, undefined, async (run, told) => {
      const volume = await desk.volume();
      await measured?.(volume);
      if (!this.#current(run)) return undefined;
      return engine.reconstruct(volume, run.settings, told);
    });
  }

  /** Goes on with the last reconstruction: what was left of it, and further angles. */
  async more(directions: number): Promise<void> {
    const { engine, news } = this.#services;
    const { value: ended } = this.ended;
    if (!ended || this.run.value) return;
    news.clear();
    await this.#go(ended.id, ended.settings, (_, told) => engine.more(directions, told));
  }

  /** Keeps what is there. */
  async stop(): Promise<void> {
    const { engine, news, later } = this.#services;
    const { value: run } = this.run;
    if (!run) return;
    this.run.value = { ...run, stopping: true };
    later(() => this.#impatient(run), PATIENCE);
    try {
      await engine.stop();
    } catch (error) {
      news.report(error);
    }
  }

  /** An engine that does not answer can be ended: a GPU that hangs does not always say so. */
  #impatient(run: Run): void {
    const { encoder, news } = this.#services;
    if (!this.#current(run)) return;
    news.fail(
      {
        subject: 'The engine',
        problem: 'It has not stopped yet: it may still be at a large batch of slices, or hang.',
        remedy: 'Wait, or start it anew; the heatmap that is shown stays.',
        fault: false,
      },
      {
        label: 'Start it anew',
        act: () => {
          if (this.#current(run)) encoder.restart();
        },
      },
    );
  }

  /** The case is another: what is under way ends and is not listened to. */
  leave(): void {
    const { engine } = this.#services;
    const { value: run } = this.run;
    this.run.value = undefined;
    this.ended.value = undefined;
    if (run) engine.stop().catch(() => undefined);
  }

  /** The engine stopped by itself: what it knew of the last reconstruction is gone. */
  engineStopped(): void {
    this.ended.value = undefined;
  }

  /** The logit of every plane of voxels along each axis. */
  async profiles(): Promise<void> {
    const { desk, engine, encoder, opened, choices, news } = this.#services;
    const { value: generation } = opened.generation;
    if (this.profiling.value || !opened.info.value) return;
    this.profiling.value = true;
    try {
      const info = await encoder.ready();
      if (!info) return;
      const profiles = await engine.profiles(await desk.volume(), settingsOf(choices.value, info));
      if (generation === opened.generation.value) opened.profiles.value = profiles;
    } catch (error) {
      if (generation === opened.generation.value) news.report(error);
    } finally {
      this.profiling.value = false;
    }
  }

  #possible(info: CaseInfo): boolean {
    const { encoder, choices, news } = this.#services;
    const found = encoder.info.value;
    if (!found) {
      news.fail({
        subject: 'The encoder',
        problem: `There is none yet to look at ${info.name} with.`,
        remedy: 'Give an .onnx file, or try the small encoder.',
        fault: false,
      });
      return false;
    }
    const problem = obstacle(choices.value, found);
    if (problem === undefined) return true;
    news.fail({
      subject: found.name,
      problem,
      remedy: 'Choose ToNNO, which needs the logit only.',
      fault: false,
    });
    return false;
  }

  async #go(
    id: string,
    given: ReconstructionSettings | undefined,
    work: (
      run: Run,
      told: (progress: EngineProgress) => Promise<void> | undefined,
    ) => Promise<EngineOutcome | undefined>,
  ): Promise<void> {
    const { opened, encoder, choices, now } = this.#services;
    const before = encoder.info.value;
    if (!before) return;
    const settings = given ?? settingsOf(choices.value, before);
    const run: Run = {
      ticket: ++this.#tickets,
      id,
      generation: opened.generation.value,
      settings,
      stopping: false,
    };
    this.run.value = run;
    this.#latest = undefined;
    this.#said = now();
    try {
      if (!(await encoder.ready())) return;
      const outcome = await work(run, (progress) => this.#progress(run, progress));
      if (outcome && this.#current(run)) await this.#finish(run, outcome);
    } catch (error) {
      if (this.#current(run)) await this.#failed(run, error, given !== undefined);
    } finally {
      if (this.#current(run)) this.run.value = undefined;
    }
  }

  /** Whether a run is the one under way, of the case that is open. */
  #current({ ticket, generation }: Run): boolean {
    return this.run.value?.ticket === ticket && generation === this.#services.opened.generation.value;
  }

  /** Its promise says that the estimate was taken in: the engine may write the next into the same memory. */
  #progress(run: Run, progress: EngineProgress): Promise<void> | undefined {
    if (!this.#current(run)) return undefined;
    const { news, encoder, now } = this.#services;
    const { estimate, ...numbers } = progress;
    this.run.value = { ...(this.run.value ?? run), progress: numbers };
    encoder.engine.value = progress.info;
    if (now() - this.#said >= QUIET) {
      this.#said = now();
      news.say(progressSentence(progress));
    }
    if (!estimate) return undefined;
    this.#latest = progress;
    this.#putting ??= this.#putLatest(run).finally(() => {
      this.#putting = undefined;
    });
    return this.#putting;
  }

  /** One estimate at a time, always the latest, and none over another heatmap that a person looks at. */
  async #putLatest(run: Run): Promise<void> {
    const { opened, news, keep } = this.#services;
    while (this.#latest && this.#current(run)) {
      const { estimate, done, total } = this.#latest;
      this.#latest = undefined;
      const known = opened.heatmaps.value.some(({ id }) => id === run.id);
      if (!estimate || (known && opened.chosen.value !== run.id)) continue;
      const heatmap = named(estimate, run.id, opened.heatmaps.value);
      const info = opened.info.value;
      try {
        if (info) await keep?.({ info, heatmap, settings: run.settings, done, total }, false);
        if (this.#current(run)) await opened.show(heatmap);
      } catch (error) {
        if (this.#current(run)) news.report(error);
      }
    }
  }

  async #finish(run: Run, outcome: EngineOutcome): Promise<void> {
    const { opened, news } = this.#services;
    const { done, total, seconds } = outcome;
    const speed = this.run.value?.progress?.slicesPerSecond ?? 0;
    if (!(await this.#show(run, outcome, speed))) return;
    news.say(
      done < total
        ? `Stopped after ${counted(done, 'angle')} of ${total}. What is there stays.`
        : `The heatmap of ${counted(done, 'angle')} is there after ${duration(seconds)}.`,
    );
    this.run.value = undefined;
    const planes = opened.info.value?.shape.reduce((sum, length) => sum + length, 0) ?? 0;
    const cheap = speed > 0 && planes / speed < CHEAP;
    if (cheap && opened.profiles.value.length === 0) void this.profiles();
  }

  /** Puts on the desk what there is at an end, of whatever kind. False when nobody wants it any more. */
  async #show(run: Run, outcome: EngineOutcome, speed: number): Promise<boolean> {
    const { opened, encoder, keep } = this.#services;
    const { done, total, seconds } = outcome;
    this.#latest = undefined;
    await this.#putting;
    const info = opened.info.value;
    if (!info || !this.#current(run)) return false;
    const heatmap = named(outcome.heatmap, run.id, opened.heatmaps.value);
    encoder.engine.value = outcome.info;
    await keep?.({ info, heatmap, settings: run.settings, done, total }, true);
    if (!this.#current(run)) return false;
    await opened.show(heatmap, { gently: true });
    const { id, generation, settings } = run;
    this.ended.value = { id, generation, settings, done, total, seconds, speed };
    return this.#current(run);
  }

  /**
   * What was measured is shown, and can be gone on with: the engine finds another device where its own is gone. Where even
   * that failed, it is started anew.
   */
  async #failed(run: Run, error: unknown, again: boolean): Promise<void> {
    const { news } = this.#services;
    const failure = failureOf(error);
    const rescued = await this.#rescue(run);
    if (!failure.device) {
      news.fail(failure);
      return;
    }
    if (rescued && !again) {
      news.fail(failure, { label: 'Go on', act: () => void this.more(0) });
      return;
    }
    this.#services.encoder.restart();
    this.ended.value = undefined;
    news.fail(failure, this.#without());
  }

  async #rescue(run: Run): Promise<boolean> {
    try {
      const outcome = await this.#services.engine.rescue();
      return outcome !== undefined && (await this.#show(run, outcome, 0));
    } catch {
      // What failed first is what a person is told of.
      return false;
    }
  }

  /** Starting again without a GPU, unless that is what failed. */
  #without(): Remedy | undefined {
    const { choices } = this.#services;
    if (choices.value.device === 'cpu') return undefined;
    return {
      label: 'Start again with WebAssembly',
      act: () => {
        choices.value = { ...choices.value, device: 'cpu' };
        void this.start();
      },
    };
  }
}
