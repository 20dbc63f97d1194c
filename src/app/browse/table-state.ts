/**
 * How the table of something browsed is ordered and narrowed down. It belongs to what is browsed and not to the table on
 * the screen: who comes back from a case finds the table as it was left.
 */
import { type Signal, signal } from '@preact/signals';
import type { Browsed } from '../../report/browse.ts';
import type { KindName, Order } from './cases.ts';

export interface TableState {
  readonly text: Signal<string>;
  readonly kind: Signal<KindName>;
  readonly order: Signal<Order>;
  /** The case that keys act on. */
  readonly active: Signal<string | undefined>;
}

const states = new WeakMap<Browsed, TableState>();

export function stateOf(browsed: Browsed): TableState {
  const kept = states.get(browsed);
  if (kept) return kept;
  const state: TableState = {
    text: signal(''),
    kind: signal('all'),
    order: signal({ column: 'name', descending: false }),
    active: signal(undefined),
  };
  states.set(browsed, state);
  return state;
}
