/**
 * What becomes of the measurements of one pass over a volume. A target is a heatmap that is wanted: of which maps, and
 * whether they are filtered and summed or solved for. A gatherer takes the measurements as they come for those targets
 * that can share its work, and gives their heatmaps, after every direction or at the end.
 */
import type { Direction } from '../geometry/directions.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import type { Maps } from '../responses/response.ts';
import type { Crew } from '../runtime/crew.ts';
import type { Shape } from '../volume/volume.ts';
import { Backprojector } from './backprojector.ts';
import type { Filter } from './filter.ts';
import { leastSquares, type MapStack } from './least-squares.ts';

/** The response's maps p_l along one direction, as measured and before any filter. */
export interface Measurement {
  readonly direction: Direction;
  /** In the order of the response's names. */
  readonly maps: readonly Maps[];
  /** Slices beyond s = ±1 among the maps. */
  readonly margin: number;
}

interface AnyTarget {
  /** Index among the response's names. */
  readonly maps: number;
  /** The directions that count for this heatmap; all when absent. */
  readonly uses?: (direction: Direction) => boolean;
}

/** A heatmap that sums filtered maps: k/L · Σ_l F[p_l]. */
export interface SumTarget extends AnyTarget {
  readonly filter: Filter;
}

/** A heatmap that is solved for: the volume whose averages over the maps' cells come nearest to the maps. */
export interface LeastSquaresTarget extends AnyTarget {
  readonly iterations: number;
  readonly nonNegative: boolean;
}

export type Target = SumTarget | LeastSquaresTarget;

/** A heatmap's values. */
export interface Heatmap {
  /** [kinds, D, H, W]. */
  readonly data: Float32Array;
  /** Classes of an encoder, channels of a mean. */
  readonly kinds: number;
  /** Directions that it was made of. */
  readonly done: number;
}

/** Where the heatmaps lie. */
export interface Grid {
  readonly shape: Shape;
  /** Pixels of the slices that the maps lie over. */
  readonly size: SliceSize;
  /** The response's, see `Response`. */
  readonly planeMeasure: number;
  /** Threads that run BACKPROJECTION_MODULE and sum maps; the calling thread does when absent. */
  readonly crew?: Crew;
  /** Aborting it rejects with its reason. */
  readonly signal?: AbortSignal;
}

export interface HeatmapOptions {
  /** The end: the sums themselves and not copies, and nothing can be added afterwards. */
  readonly last?: boolean;
  /** Called once an iteration where there are any. */
  readonly onIteration?: (iteration: number, total: number) => void;
  /**
   * For each target where its copy goes, instead of an array of its own: [kinds, D, H, W]. It is written plane by plane, so
   * that whoever reads it meanwhile meets old and new values and nothing else.
   */
  readonly into?: readonly Float32Array[];
}

export interface Gatherer {
  /** Indices of the targets it works for, in the order of its heatmaps. */
  readonly targets: readonly number[];
  /** Resolves when the next may be added. */
  add(measurement: Measurement): Promise<void>;
  /** The heatmaps of what was added so far; undefined before anything was. */
  heatmaps(options?: HeatmapOptions): Promise<Heatmap[] | undefined>;
  close(): void;
}

/** As few gatherers as will do for some targets. */
export function gatherers(targets: readonly Target[], grid: Grid): Gatherer[] {
  const sums = new Map<Target['uses'], Indexed<SumTarget>[]>();
  const solutions: Gatherer[] = [];
  for (const [index, target] of targets.entries()) {
    if ('filter' in target) sums.set(target.uses, [...(sums.get(target.uses) ?? []), { index, target }]);
    else solutions.push(new Solution({ index, target }, grid));
  }
  return [...[...sums.values()].map((group) => new Sums(group, grid)), ...solutions];
}

interface Indexed<T extends Target> {
  readonly index: number;
  readonly target: T;
}

/** Targets that sum the same directions: each stack is read once for all of them. */
class Sums implements Gatherer {
  readonly targets: readonly number[];
  readonly #targets: readonly SumTarget[];
  readonly #grid: Grid;
  readonly #backprojector: Backprojector;
  #kinds: readonly number[] = [];
  #done = 0;

  constructor(group: readonly Indexed<SumTarget>[], grid: Grid) {
    this.targets = group.map(({ index }) => index);
    this.#targets = group.map(({ target }) => target);
    this.#grid = grid;
    this.#backprojector = new Backprojector(grid);
  }

  async add({ direction, maps, margin }: Measurement): Promise<void> {
    if (this.#targets[0].uses?.(direction) === false) return;
    const filtered = this.#targets.map((target) => target.filter.apply(maps[target.maps], margin));
    this.#kinds = filtered.map(({ kinds }) => kinds);
    this.#done++;
    await this.#backprojector.add(direction, filtered);
  }

  async heatmaps({ last = false, into }: HeatmapOptions = {}): Promise<Heatmap[] | undefined> {
    const done = this.#done;
    if (done === 0) return undefined;
    const factors = this.#targets.map(({ filter }) => filter.factor(this.#grid.planeMeasure) / done);
    const own = into && this.targets.map((target) => into[target]);
    const sums = await (last
      ? this.#backprojector.finish()
      : this.#backprojector.sums({ factors, into: own }));
    if (last) for (const [t, sum] of sums.entries()) scale(sum, factors[t]);
    return sums.map((data, t) => ({ data, kinds: this.#kinds[t], done }));
  }

  close(): void {
    this.#backprojector.close();
  }
}

/** One target that is solved for, for which all its measurements are kept. */
class Solution implements Gatherer {
  readonly targets: readonly number[];
  readonly #target: LeastSquaresTarget;
  readonly #grid: Grid;
  readonly #measured: MapStack[] = [];

  constructor({ index, target }: Indexed<LeastSquaresTarget>, grid: Grid) {
    this.targets = [index];
    this.#target = target;
    this.#grid = grid;
  }

  async add({ direction, maps, margin }: Measurement): Promise<void> {
    const { maps: which, uses } = this.#target;
    if (uses?.(direction) !== false) this.#measured.push({ direction, maps: maps[which], margin });
  }

  async heatmaps({ onIteration, into }: HeatmapOptions = {}): Promise<Heatmap[] | undefined> {
    const measured = [...this.#measured];
    if (measured.length === 0) return undefined;
    const { iterations, nonNegative } = this.#target;
    const { shape, size, signal } = this.#grid;
    const data = await leastSquares(measured, {
      shape,
      size,
      iterations,
      nonNegative,
      signal,
      onProgress: onIteration,
    });
    const copy = into?.[this.targets[0]];
    copy?.set(data);
    return [{ data: copy ?? data, kinds: measured[0].maps.kinds, done: measured.length }];
  }

  close(): void {}
}

/** In place. */
function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] *= factor;
}
