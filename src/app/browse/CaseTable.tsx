/**
 * The cases of what `tonno view` was given: to be ordered by any column, narrowed down by words and by what went wrong, and
 * opened. A row is one stop for Tab however many there are; up and down go from row to row.
 */
import type { Signal } from '@preact/signals';
import type { JSX, TargetedKeyboardEvent } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Browsed } from '../../report/browse.ts';
import './browse.css';
import { CaseFilters } from './CaseFilters.tsx';
import { CaseRow } from './CaseRow.tsx';
import { type Column, columnsOf, kindsOf, narrowed, ordered, rowsOf } from './cases.ts';
import { COLUMNS } from './columns.tsx';
import { useGrowing } from './growing.ts';
import { SeriesChoice } from './SeriesChoice.tsx';
import { stateOf } from './table-state.ts';

export interface CaseTableProps {
  readonly browsed: Browsed;
  /** Whose numbers are shown; chosen here. */
  readonly series: Signal<string | undefined>;
  /** The case that is open. */
  readonly current?: string;
  onOpen(name: string): void;
}

/** Rows that a key of a page goes by. */
const PAGE = 10;

export function CaseTable({ browsed, series, current, onOpen }: CaseTableProps): JSX.Element {
  const body = useRef<HTMLTableSectionElement>(null);
  const state = stateOf(browsed);
  const { column, descending } = state.order.value;

  const rows = useMemo(() => rowsOf(browsed, series.value), [browsed, series.value]);
  const columns = useMemo(() => columnsOf(rows), [rows]);
  const kinds = useMemo(() => kindsOf(rows), [rows]);
  // A series may know less than the one before it.
  const kind = kinds.some(({ name }) => name === state.kind.value) ? state.kind.value : 'all';
  const shown = useMemo(
    () => ordered(narrowed(rows, state.text.value, kind), { column, descending }),
    [rows, state.text.value, kind, column, descending],
  );
  const indexOf = (name: string | undefined) => shown.findIndex((row) => row.name === name);

  const { length, end, reach } = useGrowing(shown, indexOf(state.active.value) + 1);
  const active = indexOf(state.active.value);
  /** The row that Tab comes to. */
  const stop = active >= 0 && active < length ? active : 0;

  function attend(row: number, focus: boolean): void {
    const button = body.current?.rows.item(row)?.querySelector('button');
    button?.scrollIntoView({ block: 'nearest' });
    if (focus) button?.focus();
  }
  /** A row to be attended to as soon as it is laid out. */
  const wanted = useRef<{ readonly row: number; readonly focus: boolean } | undefined>(undefined);
  useLayoutEffect(() => {
    if (!wanted.current || wanted.current.row >= length) return;
    attend(wanted.current.row, wanted.current.focus);
    wanted.current = undefined;
  });
  function goTo(row: number, focus: boolean): void {
    if (row < 0) return;
    state.active.value = shown[row].name;
    if (row < length) {
      attend(row, focus);
    } else {
      wanted.current = { row, focus };
      reach(row + 1);
    }
  }
  useEffect(() => {
    // Who comes back from a case by keys goes on where the case is.
    goTo(indexOf(current ?? state.active.peek()), document.activeElement === document.body);
  }, [current]);

  // One function for all rows and times, so that rows that stay as they are need not be looked at again.
  const latest = useRef(onOpen);
  latest.current = onOpen;
  const open = useCallback(
    (name: string) => {
      state.active.value = name;
      latest.current(name);
    },
    [state],
  );

  function orderBy(next: Column): void {
    state.order.value =
      next === column
        ? { column, descending: !descending }
        : { column: next, descending: COLUMNS[next].numeric };
  }

  function move(event: TargetedKeyboardEvent<HTMLTableSectionElement>): void {
    const to = target(event.key, stop, shown.length);
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    // The page has other uses for arrows.
    event.stopPropagation();
    goTo(to, true);
  }

  return (
    <section class="cases" aria-label="Cases">
      <div class="cases-controls">
        <SeriesChoice series={browsed.series} chosen={series} />
        <CaseFilters state={state} kinds={kinds} kind={kind} />
        <p class="cases-count" role="status">
          {shown.length === rows.length ? count(rows.length) : `${shown.length} of ${count(rows.length)}`}
        </p>
      </div>
      {rows.length === 0 && <p class="cases-empty">There are no cases here.</p>}
      {rows.length > 0 && shown.length === 0 && (
        <p class="cases-empty">
          No case is like that.{' '}
          <button
            type="button"
            onClick={() => {
              state.text.value = '';
              state.kind.value = 'all';
            }}
          >
            Show all cases
          </button>
        </p>
      )}
      {shown.length > 0 && (
        <div class="cases-scroll" data-scrolls>
          <table data-testid="case-table">
            <thead>
              <tr>
                {columns.map((name) => (
                  <th
                    key={name}
                    scope="col"
                    class={COLUMNS[name].style}
                    aria-sort={name !== column ? 'none' : descending ? 'descending' : 'ascending'}
                  >
                    <button type="button" title={COLUMNS[name].hint} onClick={() => orderBy(name)}>
                      {COLUMNS[name].title}
                      <span class="cases-arrow" aria-hidden="true">
                        {name !== column ? '' : descending ? '▼' : '▲'}
                      </span>
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody ref={body} onKeyDown={move}>
              {shown.slice(0, length).map((row, i) => (
                <CaseRow
                  key={row.name}
                  row={row}
                  columns={columns}
                  current={row.name === current}
                  stop={i === stop}
                  onOpen={open}
                />
              ))}
              {length < shown.length && (
                <tr ref={end} class="cases-more">
                  <td colSpan={columns.length}>
                    <button type="button" onClick={() => reach(shown.length)}>
                      Show the other {shown.length - length}
                    </button>
                  </td>
                </tr>
              )}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function count(cases: number): string {
  return `${cases} ${cases === 1 ? 'case' : 'cases'}`;
}

/** The row that a key goes to, or undefined where it goes to none. */
function target(key: string, from: number, length: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowUp: -1,
    ArrowDown: 1,
    PageUp: -PAGE,
    PageDown: PAGE,
    Home: -length,
    End: length,
  };
  const step = Object.hasOwn(steps, key) ? steps[key] : undefined;
  return step === undefined ? undefined : Math.min(Math.max(from + step, 0), length - 1);
}
