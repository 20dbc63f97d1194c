/** What is being read, and the choice where there are several series. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Store } from './store.ts';

export function OpeningNotice({ store }: { store: Store }): JSX.Element | null {
  const opening = store.opened.opening.value;
  if (!opening) return null;
  return (
    <div class="opening card" role="status" data-testid="opening">
      <p>{opening.what} …</p>
      <progress aria-label={opening.what} {...(opening.share !== undefined && { value: opening.share })} />
    </div>
  );
}

export function SeriesQuestion({ store }: { store: Store }): JSX.Element | null {
  const { opened } = store;
  const choice = opened.choice.value;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (choice) heading.current?.focus();
  }, [choice]);
  if (!choice) return null;
  return (
    <section class="card" data-testid="series-question" aria-labelledby="series-question">
      <h2 id="series-question" tabIndex={-1} ref={heading}>
        Several series
      </h2>
      <p>There is more than one series in what was given. Which one is meant?</p>
      <ul class="choices">
        {choice.series.map(({ uid, title }) => (
          <li key={uid}>
            <button type="button" onClick={() => void opened.chooseSeries(uid)}>
              {title}
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        onClick={() => {
          opened.choice.value = undefined;
        }}
      >
        None of them
      </button>
    </section>
  );
}
