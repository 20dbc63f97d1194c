/** What the table is narrowed down to: by words, and by what went wrong. */
import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import type { KindName, KindOffered } from './cases.ts';
import type { TableState } from './table-state.ts';

export function CaseFilters({
  state,
  kinds,
  kind,
}: {
  readonly state: TableState;
  readonly kinds: readonly KindOffered[];
  readonly kind: KindName;
}): JSX.Element {
  const id = useId();
  return (
    <>
      <label for={`${id}-text`}>
        <span>Search</span>
        <input
          id={`${id}-text`}
          type="search"
          data-testid="filter"
          placeholder="Case, patient or split"
          value={state.text.value}
          onInput={(event) => {
            state.text.value = event.currentTarget.value;
          }}
        />
      </label>
      {kinds.length > 1 && (
        <label for={`${id}-kind`}>
          <span>Show</span>
          <select
            id={`${id}-kind`}
            data-testid="filter-kind"
            value={kind}
            onChange={(event) => {
              const next = kinds.find(({ name }) => name === event.currentTarget.value)?.name;
              if (!next) return;
              state.kind.value = next;
              if (next === 'worst-dice') state.order.value = { column: 'dice', descending: false };
            }}
          >
            {kinds.map(({ name, title, count }) => (
              <option key={name} value={name}>
                {title} ({count})
              </option>
            ))}
          </select>
        </label>
      )}
    </>
  );
}
