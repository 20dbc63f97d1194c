/** The page's entry: puts what is outside (workers, address, storage, clock) behind the store, and shows it. */
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './page/App.tsx';
import { readPlace, writePlace } from './page/browse-store.ts';
import { BrowserKeeper } from './page/keep.ts';
import { remember, remembered } from './page/memory.ts';
import type { Reading } from './page/reading.ts';
import { storedChoices } from './page/settings.ts';
import { createStore } from './page/store.ts';
import { applyTheme } from './page/theme.ts';
import { count } from './page/words.ts';
import { deskOf, engineOf, hire } from './page/workers.ts';
import type { DeskApi, EngineApi } from './protocol.ts';

applyTheme(document.documentElement);

const desk = hire<DeskApi>({
  start: () => new Worker(new URL('./desk/worker.ts', import.meta.url), { type: 'module' }),
  subject: 'The part of the page that holds the volume',
  remedy: 'It is started again with the volume; decisions on lesions are lost.',
  stopped: (failure) => void store.deskStopped(failure),
  called: (method, given) => store.viewerCalled(method, given),
});
const engine = hire<EngineApi>({
  start: () => new Worker(new URL('./engine/worker.ts', import.meta.url), { type: 'module' }),
  subject: 'The engine',
  remedy: 'It starts again when it is needed; what was computed stays.',
  stopped: (failure) => store.engineStopped(failure),
});

const store = createStore({
  desk: deskOf(desk),
  engine: engineOf(engine),
  keeper: new BrowserKeeper(),
  fetch: (address) => fetch(address),
  address: {
    read: () => readPlace(location.hash),
    write(place, how) {
      const address = `${location.pathname}${location.search}${writePlace(place)}`;
      if (how === 'push') history.pushState(null, '', address);
      else history.replaceState(null, '', address);
    },
  },
  confirm: (sentence) => confirm(sentence),
  now: () => Date.now(),
  later: (call, milliseconds) => void setTimeout(call, milliseconds),
  choices: storedChoices(remembered('choices')),
  reading: (remembered('reading') as Reading | undefined) ?? {},
});

effect(() => remember('choices', store.choices.value));
effect(() => remember('reading', store.reading.value));
store.kept.wanted.value = remembered('keep') !== false;
effect(() => remember('keep', store.kept.wanted.value ? undefined : false));
effect(() => {
  const progress = store.runs.run.value?.progress;
  const done = progress && `${count((100 * progress.done) / progress.total)} %`;
  const name = store.browse.current.value ?? store.opened.info.value?.name;
  document.title = [done, name, 'tonno'].filter(Boolean).join(' · ');
});

addEventListener('popstate', () => void store.browse.follow());
addEventListener('hashchange', () => void store.browse.follow());
addEventListener('beforeunload', (event) => {
  if (store.busy()) event.preventDefault();
});

const root = document.getElementById('app');
if (root) render(<App store={store} desk={desk.api} />, root);
void store.browse.start();
void store.kept.start();

// The engine is loaded while the volume is being chosen, once the page has been painted and has nothing else to do.
const whenIdle = globalThis.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 500));
requestAnimationFrame(() => whenIdle(() => void store.encoder.warmUp()));
