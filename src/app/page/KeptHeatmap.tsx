/** What the browser keeps of an earlier visit, said plainly, with the ways to have it and to be rid of it. */
import type { JSX } from 'preact';
import { CheckField } from './controls.tsx';
import type { Store } from './store.ts';
import { counted } from './words.ts';

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

export function KeptHeatmap({ store }: { store: Store }): JSX.Element {
  const { kept, opened } = store;
  const about = kept.about.value;
  const open = opened.info.value !== undefined;
  return (
    <div class="kept" data-testid="kept">
      {about && (
        <p>
          {kept.offered.value ? 'Kept of this volume' : 'Kept on this machine only'}: {about.title} of{' '}
          <strong>{about.caseName}</strong>, {counted(about.done, 'angle')} of {about.total},{' '}
          {day.format(about.time)}.{!open && ' Open the same volume to see it again.'}
        </p>
      )}
      {kept.reason.value && <p class="warning">{kept.reason.value}</p>}
      {about && (
        <div class="row">
          {kept.offered.value && (
            <button type="button" class="primary" data-testid="restore" onClick={() => kept.restore()}>
              Show it
            </button>
          )}
          <button type="button" data-testid="forget" onClick={() => kept.forget()}>
            Forget
          </button>
        </div>
      )}
      {open && (
        <CheckField
          label="Keep the last heatmap in this browser until it is forgotten"
          testid="keep"
          checked={kept.wanted.value}
          onChange={(wanted) => kept.want(wanted)}
        />
      )}
    </div>
  );
}
