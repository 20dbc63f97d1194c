/** The cases of what `tonno view` was given. */
import type { JSX } from 'preact';
import { CaseTable } from '../browse/CaseTable.tsx';
import type { Store } from './store.ts';

export function Table({ store }: { store: Store }): JSX.Element | null {
  const { browse } = store;
  const browsed = browse.browsed.value;
  if (!browsed) return null;
  return (
    <div class="browse">
      {browsed.notes.length > 0 && (
        <ul class="notes">
          {browsed.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <CaseTable browsed={browsed} series={browse.series} onOpen={(name) => void browse.open(name)} />
    </div>
  );
}
