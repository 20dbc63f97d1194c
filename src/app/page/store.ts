/**
 * All that the page knows, as signals, and all that can be done, as actions. It knows of no document and of no worker:
 * desk, engine and whatever else is outside are given to it. The parts watch one another here and nowhere else.
 */
import { effect, type Signal, signal } from '@preact/signals';
import type { EngineApi, Source } from '../protocol.ts';
import type { Failure } from '../remote.ts';
import { type Address, BrowseStore } from './browse-store.ts';
import { CaseStore, type PageDesk } from './case-store.ts';
import { EncoderStore, type Restartable } from './encoder-store.ts';
import type { Keeper } from './keep.ts';
import { KeptStore } from './kept-store.ts';
import { News } from './news.ts';
import type { Reading } from './reading.ts';
import { RunStore } from './run-store.ts';
import { type Choices, initialChoices } from './settings.ts';
import { type Fetch, sorted } from './sources.ts';

export interface Services {
  readonly desk: PageDesk;
  readonly engine: EngineApi & Restartable;
  readonly keeper: Keeper;
  readonly fetch: Fetch;
  readonly address: Address;
  /** Asks a person; true goes on. */
  confirm(sentence: string): boolean;
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls after so many milliseconds. */
  later(call: () => void, milliseconds: number): void;
  readonly choices?: Choices;
  readonly reading?: Reading;
}

export interface Store {
  readonly news: News;
  readonly opened: CaseStore;
  readonly encoder: EncoderStore;
  readonly runs: RunStore;
  readonly kept: KeptStore;
  readonly browse: BrowseStore;
  readonly choices: Signal<Choices>;
  readonly reading: Signal<Reading>;
  /** Opens whatever was dropped or chosen: encoders where they belong, the rest as the volume. */
  take(sources: readonly Source[]): Promise<void>;
  change(choices: Partial<Choices>): void;
  /** A worker stopped by itself; calls to it have failed already. */
  deskStopped(failure: Failure): Promise<void>;
  engineStopped(failure: Failure): void;
  /** A call from the viewer went through, seen from here. */
  viewerCalled(method: string, given: readonly unknown[]): void;
  /** Whether closing the page loses something. */
  readonly busy: () => boolean;
}

export function createStore(services: Services): Store {
  const { desk, engine, keeper, fetch, address, now, later, confirm } = services;
  const news = new News();
  const choices = signal<Choices>(services.choices ?? initialChoices);
  const reading = signal<Reading>(services.reading ?? {});
  const opened = new CaseStore({ desk, news, confirm });
  const encoder = new EncoderStore({ engine, news, fetch });
  const kept = new KeptStore({ keeper, desk, opened, news, now });
  const browse = new BrowseStore({ opened, news, fetch, address });
  const runs = new RunStore({
    desk,
    engine,
    news,
    opened,
    encoder,
    choices,
    now,
    later,
    measured: (volume) => kept.measured(volume),
    keep: (heatmap, ended) => kept.keep(heatmap, ended),
  });

  let generation = opened.generation.value;
  effect(() => {
    if (opened.generation.value === generation) return;
    generation = opened.generation.value;
    const info = opened.info.peek();
    runs.leave();
    if (info) void kept.look(info);
  });

  return {
    news,
    opened,
    encoder,
    runs,
    kept,
    browse,
    choices,
    reading,
    async take(sources) {
      const { volume, encoder: model } = sorted(sources);
      news.clear();
      if (browse.mode.value === 'browsing' && volume.length > 0) {
        news.fail({
          subject: volume[0].name,
          problem: 'This page looks through what it was started with, and opens nothing else.',
          remedy: 'Start `tonno app` to open other volumes; encoders can be given here too.',
          fault: false,
        });
        if (model) await encoder.open(model);
        return;
      }
      await Promise.all([
        ...(model ? [encoder.open(model)] : []),
        ...(volume.length > 0 || !model ? [opened.open(volume, reading.value)] : []),
      ]);
    },
    change(changed) {
      choices.value = { ...choices.value, ...changed };
    },
    async deskStopped(failure) {
      news.fail(failure);
      await opened.revive();
    },
    engineStopped(failure) {
      encoder.stopped();
      runs.engineStopped();
      news.fail(failure);
    },
    viewerCalled(method, given) {
      opened.viewerCalled(method, given);
      if (method === 'threshold' && opened.thresholds.value) {
        void kept.thresholds(opened.thresholds.value, opened.chosen.value);
      }
    },
    busy: () => runs.run.value !== undefined || opened.unsaved.value,
  };
}
