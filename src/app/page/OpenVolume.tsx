/** All ways to a volume but dropping it, which works anywhere on the page. */
import type { JSX } from 'preact';
import { CheckField, FileButton } from './controls.tsx';
import type { Store } from './store.ts';

export function OpenVolume({ store, onOpen }: { store: Store; onOpen?(): void }): JSX.Element {
  const take: Store['take'] = (sources) => {
    onOpen?.();
    return store.take(sources);
  };
  return (
    <div class="open-volume">
      <div class="row">
        <FileButton testid="open-files" multiple primary onFiles={take}>
          Choose files…
        </FileButton>
        <FileButton testid="open-folder" folder onFiles={take}>
          Choose a folder…
        </FileButton>
        <button
          type="button"
          data-testid="try-phantom"
          onClick={() => {
            onOpen?.();
            store.news.clear();
            void store.opened.phantom();
          }}
        >
          Try a phantom
        </button>
      </div>
      <ReadingOptions store={store} />
    </div>
  );
}

function ReadingOptions({ store }: { store: Store }): JSX.Element {
  const { nan, int64, suv } = store.reading.value;
  const change = (changed: Partial<typeof store.reading.value>) => {
    store.reading.value = { ...store.reading.value, ...changed };
  };
  return (
    <details class="reading">
      <summary>How files are read</summary>
      <CheckField
        label="Read values that are no numbers as 0 instead of refusing the file"
        checked={nan === 'zero'}
        onChange={(checked) => change({ nan: checked ? 'zero' : 'refuse' })}
      />
      <CheckField
        label="Round 64-bit whole numbers that do not fit instead of refusing the file"
        checked={int64 === 'convert'}
        onChange={(checked) => change({ int64: checked ? 'convert' : 'refuse' })}
      />
      <CheckField
        label="Leave DICOM PET in its stored units, as no SUV"
        checked={suv === false}
        onChange={(checked) => change({ suv: !checked })}
      />
    </details>
  );
}
