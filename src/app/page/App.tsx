/** The page: which of its faces is shown, and what works on all of them. */
import { useSignal } from '@preact/signals';
import type { Remote } from 'comlink';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { DeskApi } from '../protocol.ts';
import { Viewer } from '../viewer/Viewer.tsx';
import { CaseBar } from './CaseBar.tsx';
import { Errors } from './Errors.tsx';
import { Header } from './Header.tsx';
import { OpeningNotice, SeriesQuestion } from './Opening.tsx';
import { SettingsPanel } from './SettingsPanel.tsx';
import { StartDoor } from './StartDoor.tsx';
import { droppedSources } from './sources.ts';
import type { Store } from './store.ts';
import { Table } from './Table.tsx';

export interface AppProps {
  readonly store: Store;
  /** For the viewer, which asks it more than the store does. */
  readonly desk: Remote<DeskApi>;
}

export function App({ store, desk }: AppProps): JSX.Element {
  const dragging = useDrop(store);
  return (
    <>
      <Header store={store} />
      <main id="main" tabIndex={-1} class={dragging ? 'dragging' : undefined}>
        <Errors news={store.news} />
        <OpeningNotice store={store} />
        <SeriesQuestion store={store} />
        <Face store={store} desk={desk} />
      </main>
      <p class="unseen" aria-live="polite">
        {store.news.said}
      </p>
      {dragging && <div class="drop-here">Drop it to open it.</div>}
    </>
  );
}

function Face({ store, desk }: AppProps): JSX.Element | null {
  const { browse, opened } = store;
  const { value: mode } = browse.mode;
  const open = opened.info.value !== undefined;
  if (mode === 'unknown') return null;
  if (mode === 'browsing' && browse.current.value === undefined) return <Table store={store} />;
  if (open) return <Workspace store={store} desk={desk} />;
  return mode === 'alone' ? <StartDoor store={store} /> : null;
}

function Workspace({ store, desk }: AppProps): JSX.Element | null {
  const { opened, browse, news } = store;
  const info = opened.info.value;
  if (!info) return null;
  return (
    <div class="workspace">
      <CaseBar store={store} />
      <SettingsPanel store={store} />
      <div class="picture">
        <Viewer
          // Another case is looked at from its own middle.
          key={opened.generation.value}
          desk={desk}
          info={info}
          heatmaps={opened.heatmaps}
          chosen={opened.chosen}
          revision={opened.revision}
          profiles={opened.profiles}
          onChoose={(id) => {
            void opened.choose(id).then(() => browse.looked(id));
          }}
          onFailure={(failure) => news.fail(failure)}
          onSay={(sentence) => news.say(sentence)}
        />
      </div>
    </div>
  );
}

/** Files can be dropped anywhere. True while they are held over the page. */
function useDrop(store: Store): boolean {
  const over = useSignal(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const hold = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      over.value = true;
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) over.value = false;
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      over.value = false;
      droppedSources(event.dataTransfer).then(
        (sources) => store.take(sources),
        (error) => store.news.report(error),
      );
    };
    document.addEventListener('dragover', hold);
    document.addEventListener('dragleave', leave);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', hold);
      document.removeEventListener('dragleave', leave);
      document.removeEventListener('drop', drop);
    };
  }, [store, over]);
  return over.value;
}
