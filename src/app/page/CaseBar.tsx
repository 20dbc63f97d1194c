/** Over the picture: what is open, what was done on reading it, its truth, and the way to another volume. */
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { FileButton, SelectField } from './controls.tsx';
import { OpenVolume } from './OpenVolume.tsx';
import type { Store } from './store.ts';
import { millimetres } from './words.ts';

export function CaseBar({ store }: { store: Store }): JSX.Element | null {
  const { opened, browse } = store;
  const info = opened.info.value;
  if (!info) return null;
  const { shape, channels, spacing, format, units, notes, truth } = info;
  const facts = [
    `${shape.join(' × ')} voxels`,
    millimetres(spacing),
    ...(channels > 1 ? [`${channels} channels`] : []),
    ...(units ? [units] : []),
    format,
  ];
  return (
    <div class="case-bar">
      <div class="case-name">
        <h2>{browse.current.value ?? info.name}</h2>
        <p class="hint">{facts.join(' · ')}</p>
      </div>
      <div class="row">
        {browse.mode.value === 'browsing' ? <SeriesField store={store} /> : <OpenAnother store={store} />}
        <FileButton testid="open-truth" multiple onFiles={(files) => void opened.openTruth(files)}>
          {truth ? 'Another truth mask…' : 'Add a truth mask…'}
        </FileButton>
      </div>
      {notes.length > 0 && (
        <details class="notes">
          <summary>What was done on reading</summary>
          <ul>
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function SeriesField({ store }: { store: Store }): JSX.Element {
  const { browse } = store;
  const offered = browse.offered();
  const series = browse.series.value ?? '';
  return (
    <>
      <button type="button" data-testid="back-to-table" onClick={() => browse.leave()}>
        All cases
      </button>
      {offered.length > 0 && (
        <SelectField
          label="Heatmap of the study"
          testid="series-choice"
          value={offered.some(({ id }) => id === series) ? series : ''}
          options={[
            ...(offered.some(({ id }) => id === series) ? [] : [{ value: '', title: 'Choose …' }]),
            ...offered.map(({ id, title }) => ({ value: id, title })),
          ]}
          onChange={(id) => {
            browse.series.value = id;
          }}
        />
      )}
    </>
  );
}

function OpenAnother({ store }: { store: Store }): JSX.Element {
  const details = useRef<HTMLDetailsElement>(null);
  return (
    <details class="another" ref={details}>
      <summary class="button">Another volume</summary>
      <div class="card">
        <OpenVolume
          store={store}
          onOpen={() => {
            if (details.current) details.current.open = false;
          }}
        />
      </div>
    </details>
  );
}
