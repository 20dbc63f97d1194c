/** Of a study's kinds of heatmaps the one whose numbers are shown, and how it did. */
import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import type { BrowsedSeries } from '../../report/browse.ts';

export function SeriesChoice({
  series,
  chosen,
}: {
  readonly series: readonly BrowsedSeries[];
  readonly chosen: Signal<string | undefined>;
}): JSX.Element | null {
  const id = useId();
  if (series.length === 0) return null;
  const now = series.find((one) => one.id === chosen.value);
  return (
    <div class="cases-series">
      <label for={id}>
        <span>Heatmaps</span>
        <select
          id={id}
          data-testid="series"
          value={now?.id ?? ''}
          onChange={(event) => {
            chosen.value = event.currentTarget.value || undefined;
          }}
        >
          {!now && <option value="">Choose one</option>}
          {byEncoder(series).map(([encoder, members]) =>
            encoder === '' ? (
              members.map(optionOf)
            ) : (
              <optgroup key={encoder} label={encoder}>
                {members.map(optionOf)}
              </optgroup>
            ),
          )}
        </select>
      </label>
      {now && (now.dice !== undefined || now.f1 !== undefined) && (
        <p class="cases-means">
          Mean {now.dice !== undefined && `Dice ${now.dice.toFixed(3)}`}
          {now.dice !== undefined && now.f1 !== undefined && ', '}
          {now.f1 !== undefined && `F1 ${now.f1.toFixed(3)}`}
        </p>
      )}
    </div>
  );
}

/** In the order in which encoders come first; those of none have an empty name. */
function byEncoder(series: readonly BrowsedSeries[]): [encoder: string, members: BrowsedSeries[]][] {
  const groups = new Map<string, BrowsedSeries[]>();
  for (const one of series) {
    const encoder = one.encoder ?? '';
    groups.set(encoder, [...(groups.get(encoder) ?? []), one]);
  }
  return [...groups];
}

function optionOf({ id, title, dice }: BrowsedSeries): JSX.Element {
  return (
    <option key={id} value={id}>
      {title}
      {dice !== undefined && ` (Dice ${dice.toFixed(2)})`}
    </option>
  );
}
