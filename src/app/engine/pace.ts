/**
 * When a running reconstruction is looked at. The first look comes early; the next ones at growing intervals, as what is to
 * be seen changes less and less, and never so often that looking takes more than a small share of the time.
 */

/** Directions before the first look: fewer show stripes. */
const FIRST = 4;
/** Time between two looks over the time that the later one took. */
const COSTS = 20;
/** Share of the time since the beginning that passes between two looks. */
const GROWTH = 0.15;
/** Milliseconds between two looks, at least and, where they are cheap, at most. */
const LEAST = 400;
const MOST = 20_000;

export class Pace {
  readonly #begun: number;
  #last: { readonly done: number; readonly ended: number; readonly cost: number } | undefined;

  readonly #dearer: boolean;

  /**
   * @param now milliseconds of some clock, as everywhere here.
   * @param dearer whether a look costs in proportion to the directions, as where a heatmap is solved for.
   */
  constructor(now: number, dearer = false) {
    this.#begun = now;
    this.#dearer = dearer;
  }

  /** Whether what was measured along `done` directions should be looked at. */
  due(done: number, now: number): boolean {
    if (done < FIRST) return false;
    if (!this.#last) return true;
    const { done: before, ended, cost } = this.#last;
    const expected = COSTS * cost * (this.#dearer ? done / before : 1);
    const growing = Math.min(MOST, Math.max(LEAST, GROWTH * (now - this.#begun)));
    return now - ended >= Math.max(expected, growing);
  }

  /** A look was taken. */
  looked(done: number, began: number, ended: number): void {
    this.#last = { done, ended, cost: ended - began };
  }
}
