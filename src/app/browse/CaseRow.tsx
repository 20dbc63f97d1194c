/** A case in the table. Its button is for keys; the whole row is for the pointer. */
import type { JSX } from 'preact';
import { memo } from 'preact/compat';
import type { Column, Row } from './cases.ts';
import { COLUMNS, Verdict } from './columns.tsx';

interface CaseRowProps {
  readonly row: Row;
  readonly columns: readonly Column[];
  /** Whether this case is open. */
  readonly current: boolean;
  /** Whether Tab comes here. */
  readonly stop: boolean;
  onOpen(name: string): void;
}

export const CaseRow = memo(function CaseRow({
  row,
  columns,
  current,
  stop,
  onOpen,
}: CaseRowProps): JSX.Element {
  const { name, patient, split } = row;
  const about = [patient, split].filter(Boolean).join(', ');
  return (
    <tr class={current ? 'cases-current' : undefined} onClick={() => onOpen(name)}>
      {columns.map((column) =>
        column === 'name' ? (
          <th key={column} scope="row" class={COLUMNS.name.style}>
            {/* Its click is the row's. */}
            <button
              type="button"
              data-testid={`case-${name}`}
              tabIndex={stop ? 0 : -1}
              aria-current={current ? 'true' : undefined}
            >
              {name}
            </button>
            {row.label !== undefined && (
              <span class="cases-about cases-about-label">
                label&nbsp;{row.label} <Verdict row={row} />
              </span>
            )}
            {about && <span class="cases-about cases-about-origin">{about}</span>}
          </th>
        ) : (
          <td key={column} class={COLUMNS[column].style}>
            {COLUMNS[column].cell(row)}
          </td>
        ),
      )}
    </tr>
  );
});
