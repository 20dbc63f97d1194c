/** The one place for what went wrong: what, and what to do, until it is dismissed. */
import type { JSX } from 'preact';
import type { News, Notice } from './news.ts';

export function Errors({ news }: { news: News }): JSX.Element {
  return (
    <div class="errors">
      {news.notices.value.map((notice) => (
        <ErrorNotice key={notice.id} notice={notice} onDismiss={() => news.dismiss(notice.id)} />
      ))}
    </div>
  );
}

function ErrorNotice({ notice, onDismiss }: { notice: Notice; onDismiss(): void }): JSX.Element {
  const { failure, remedy } = notice;
  return (
    <div class="error" role="alert" data-testid="error">
      <p>
        <strong>{failure.subject}:</strong> {failure.problem} {failure.remedy}
      </p>
      <div class="row">
        {remedy && (
          <button
            type="button"
            onClick={() => {
              onDismiss();
              remedy.act();
            }}
          >
            {remedy.label}
          </button>
        )}
        <button type="button" onClick={onDismiss}>
          Dismiss
        </button>
      </div>
    </div>
  );
}
