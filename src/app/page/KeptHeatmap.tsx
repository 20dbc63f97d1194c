/** What the browser keeps of an earlier visit, said plainly, with the ways to have it and to be rid of it. */
import type { JSX } from 'preact';
import { CheckField } from './controls.tsx';
import type { KeptAbout } from './keep.ts';
import type { Store } from './store.ts';
import { counted } from './words.ts';

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

function What({ about }: { about: KeptAbout }): JSX.Element {
  const { title, caseName, done, total, time } = about;
  const angles = done < total ? `${done} of ${counted(total, 'angle')}` : counted(total, 'angle');
  return (
    <>
      {title} of <strong>{caseName}</strong>, {angles}, {day.format(time)}.
    </>
  );
}

function Forget({ store }: { store: Store }): JSX.Element {
  return (
    <button type="button" data-testid="forget" onClick={() => void store.kept.forget()}>
      Forget it
    </button>
  );
}

/** On the door: that there is something, and what to do to see it. */
export function KeptNotice({ store }: { store: Store }): JSX.Element | null {
  const about = store.kept.about.value;
  if (!about) return null;
  return (
    <div class="kept" data-testid="kept">
      <p>
        Kept in this browser: <What about={about} /> Open the same volume to see it again.
      </p>
      <div class="row">
        <Forget store={store} />
      </div>
    </div>
  );
}

/** Over the volume that it was made of. */
export function KeptOffer({ store }: { store: Store }): JSX.Element | null {
  const { kept } = store;
  const about = kept.about.value;
  if (kept.reason.value) return <p class="warning">{kept.reason.value}</p>;
  if (!about || !kept.offered.value) return null;
  return (
    <div class="kept" data-testid="kept">
      <p>
        There is a heatmap of this volume from before: <What about={about} />
      </p>
      <div class="row">
        <button type="button" class="primary" data-testid="restore" onClick={() => void kept.restore()}>
          Show it
        </button>
        <Forget store={store} />
      </div>
    </div>
  );
}

/** Whether anything is kept, and what. */
export function KeptSettings({ store }: { store: Store }): JSX.Element {
  const { kept } = store;
  const about = kept.about.value;
  return (
    <div class="kept">
      <CheckField
        label="Keep the last heatmap in this browser, until it is forgotten"
        testid="keep"
        checked={kept.wanted.value}
        onChange={(wanted) => void kept.want(wanted)}
      />
      {about && !kept.offered.value && (
        <>
          <p class="hint">
            Kept: <What about={about} />
          </p>
          <div class="row">
            <Forget store={store} />
          </div>
        </>
      )}
    </div>
  );
}
