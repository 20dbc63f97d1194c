/**
 * The heart. A reconstruction sums, over directions, the filtered response stack read back at every voxel:
 *
 *     G(x) = k/L · Σ_l F[p_l](x·n_l, x·u_l, x·v_l)
 *
 * with p_l the response's maps along direction l (`measure`) and F, k the filter's (`project`). Every method of the
 * paper is a choice of response, directions and filter; see methods.ts.
 */
import type { Direction } from '../geometry/directions.ts';
import { forSlicing, type Samplable } from '../geometry/layout.ts';
import { Stack } from '../geometry/stack.ts';
import type { Response } from '../responses/response.ts';
import type { Shape, Volume } from '../volume/volume.ts';
import type { Filter } from './filter.ts';
import { checkSliceable } from './grid.ts';
import { pause } from './pause.ts';
import {
  type Gatherer,
  type Grid,
  gatherers,
  type Heatmap,
  type HeatmapOptions,
  type Measurement,
  type Target,
} from './targets.ts';

export interface Progress {
  /** Directions measured so far. */
  readonly done: number;
  readonly total: number;
  /** Slices responded to so far. */
  readonly slices: number;
  /**
   * A target's heatmap of what was measured by the time of asking, [kinds, D, H, W]: a copy. Undefined when none of
   * its directions was.
   */
  estimate(target?: number): Promise<Float32Array | undefined>;
}

export interface ReconstructOptions extends Pick<Grid, 'signal' | 'crew'> {
  /** Aborting it starts no further direction: those under way are finished and make the heatmap. */
  readonly stop?: AbortSignal;
  /** Voxels of the heatmap; the volume's by default. */
  readonly shape?: Shape;
  readonly onProgress?: (progress: Progress) => void;
  /** Receives every measurement before it is filtered, in the order of the directions. */
  readonly onMeasured?: (measurement: Measurement) => void | Promise<void>;
  /** Called for each iteration of each heatmap that is solved for, after all directions were measured. */
  readonly onIteration?: (iteration: number, total: number) => void;
}

/** What one pass over a volume was. */
export interface Pass {
  readonly shape: Shape;
  /** Directions measured; fewer than `total` when it was stopped. */
  readonly done: number;
  readonly total: number;
  readonly slices: number;
}

export interface Reconstruction extends Heatmap, Pass {}

/** Several heatmaps of one pass, one for each target. */
export interface Reconstructions extends Pass {
  readonly heatmaps: readonly Heatmap[];
}

/**
 * Reconstructs the heatmap of a response's only, or first, maps. Directions are summed in the order given, so equal
 * input gives equal bytes however many threads compute; after all of them the sum is the paper's whatever the order.
 * @throws VolumeError when the volume cannot be sliced.
 */
export async function reconstruct(
  volume: Volume,
  response: Response,
  directions: readonly Direction[],
  filter: Filter,
  options: ReconstructOptions = {},
): Promise<Reconstruction> {
  const all = await reconstructAll(volume, response, directions, [{ maps: 0, filter }], options);
  const { heatmaps, ...pass } = all;
  return { ...pass, ...heatmaps[0] };
}

/**
 * Reconstructs several heatmaps in one pass over the volume: slices are cut and responded to once, and what is
 * measured is filtered and summed for each target. Each heatmap is the one that `reconstruct` makes alone.
 * @param directions so ordered that every target's first comes before a stop can.
 * @throws VolumeError when the volume cannot be sliced.
 */
export async function reconstructAll(
  volume: Volume,
  response: Response,
  directions: readonly Direction[],
  targets: readonly Target[],
  options: ReconstructOptions = {},
): Promise<Reconstructions> {
  const open = openReconstruction(volume, response, targets, options);
  try {
    const pass = await open.add(directions, options);
    return { ...pass, heatmaps: await open.finish(options.onIteration) };
  } finally {
    open.close();
  }
}

/** A reconstruction that more directions can be added to, for as long as it is open. */
export interface OpenReconstruction {
  /**
   * Measures and adds directions, unless it is stopped before. Each heatmap is the mean over all directions that were ever
   * added, so that a stopped one that goes on with the rest ends in the same bytes as one that was not stopped.
   * @returns how many of these directions were added.
   * @throws the signal's reason when it is aborted, and what the response throws. What was added before is not lost as long
   *   as nothing is wrong with the sums themselves.
   */
  add(directions: readonly Direction[], options?: AddOptions): Promise<Pass>;
  /** The heatmaps of all that was added so far, as copies; undefined for a target that nothing was added for. */
  heatmaps(options?: Pick<HeatmapOptions, 'into'>): Promise<readonly (Heatmap | undefined)[]>;
  /** The heatmaps themselves, and the end. */
  finish(onIteration?: ReconstructOptions['onIteration']): Promise<readonly Heatmap[]>;
  /** Gives up what is there. Closing twice, or after the end, does no harm. */
  close(): void;
}

export type AddOptions = Pick<ReconstructOptions, 'signal' | 'stop' | 'onProgress' | 'onMeasured'>;

/**
 * Begins a reconstruction without directions.
 * @throws VolumeError when the volume cannot be sliced.
 */
export function openReconstruction(
  volume: Volume,
  response: Response,
  targets: readonly Target[],
  { shape = volume.shape, signal, crew }: Pick<ReconstructOptions, 'shape' | 'signal' | 'crew'> = {},
): OpenReconstruction {
  checkSliceable(volume);
  const margin = Math.max(...targets.map((target) => ('filter' in target ? target.filter.margin : 0)));
  const { size, planeMeasure } = response;
  const gathering = new Gathering(targets, { shape, size, planeMeasure, crew, signal });
  const sliced = forSlicing(volume);
  return {
    add: (directions, options = {}) =>
      gathering.add(measure(sliced, response, directions, margin, options), {
        ...options,
        total: directions.length,
      }),
    heatmaps: ({ into } = {}) => gathering.heatmaps({ into }),
    finish: (onIteration) => gathering.finish(onIteration),
    close: () => gathering.close(),
  };
}

/**
 * Measures the response along every direction, in order. As many stacks as the response has lanes are under way at
 * once, and no more: memory does not grow with the number of directions.
 * @param margin slices beyond s = ±1 to measure too.
 */
export async function* measure(
  volume: Samplable,
  response: Response,
  directions: readonly Direction[],
  margin: number,
  { signal, stop }: Pick<ReconstructOptions, 'signal' | 'stop'> = {},
): AsyncGenerator<Measurement> {
  const sliced = forSlicing(volume);
  const underWay: Promise<Measurement>[] = [];
  const start = async (direction: Direction): Promise<Measurement> => {
    const stack = new Stack(sliced, direction, response.size, margin);
    return { direction, maps: await response.respond(stack, signal), margin };
  };
  try {
    for (const [started, direction] of directions.entries()) {
      signal?.throwIfAborted();
      // The first is always finished: a heatmap of no direction is none.
      if (stop?.aborted && started > 0) break;
      const next = start(direction);
      // Awaited below in its turn; until then a failure must not count as unhandled.
      next.catch(() => {});
      underWay.push(next);
      if (underWay.length >= response.lanes) yield await underWay.shift()!;
      await pause();
    }
    while (underWay.length > 0) yield await underWay.shift()!;
  } finally {
    await Promise.allSettled(underWay);
  }
}

/** What `project` must know besides the measurements. */
export interface ProjectOptions extends Omit<ReconstructOptions, 'stop' | 'shape'>, Grid {
  /** L. */
  readonly total: number;
}

/** Makes the heatmaps of measurements on a grid, one for each target. */
export async function project(
  measurements: AsyncIterable<Measurement>,
  targets: readonly Target[],
  { total, onProgress, onMeasured, onIteration, ...grid }: ProjectOptions,
): Promise<Reconstructions> {
  const { signal } = grid;
  const gathering = new Gathering(targets, grid);
  try {
    const pass = await gathering.add(measurements, { total, onProgress, onMeasured, signal });
    return { ...pass, heatmaps: await gathering.finish(onIteration) };
  } finally {
    gathering.close();
  }
}

/** Measurements on their way into the heatmaps of some targets. */
class Gathering {
  readonly #targets: readonly Target[];
  readonly #grid: Grid;
  readonly #gatherers: readonly Gatherer[];

  constructor(targets: readonly Target[], grid: Grid) {
    this.#targets = targets;
    this.#grid = grid;
    this.#gatherers = gatherers(targets, grid);
  }

  async add(
    measurements: AsyncIterable<Measurement>,
    { total, signal, onProgress, onMeasured }: AddOptions & { readonly total: number },
  ): Promise<Pass> {
    let done = 0;
    let slices = 0;
    const estimate = async (target = 0) => (await this.#heatmap(target))?.data;
    for await (const measurement of measurements) {
      signal?.throwIfAborted();
      await onMeasured?.(measurement);
      for (const gatherer of this.#gatherers) await gatherer.add(measurement);
      done++;
      slices += measurement.maps[0].count;
      onProgress?.({ done, total, slices, estimate });
    }
    return { shape: this.#grid.shape, done, total, slices };
  }

  async heatmaps(options?: HeatmapOptions): Promise<(Heatmap | undefined)[]> {
    const heatmaps: (Heatmap | undefined)[] = this.#targets.map(() => undefined);
    for (const gatherer of this.#gatherers) {
      const made = await gatherer.heatmaps(options);
      gatherer.targets.forEach((target, i) => {
        heatmaps[target] = made?.[i];
      });
    }
    return heatmaps;
  }

  async #heatmap(target: number): Promise<Heatmap | undefined> {
    const gatherer = this.#gatherers.find(({ targets }) => targets.includes(target));
    return (await gatherer?.heatmaps())?.[gatherer!.targets.indexOf(target)];
  }

  async finish(onIteration: ReconstructOptions['onIteration']): Promise<Heatmap[]> {
    const heatmaps = await this.heatmaps({ last: true, onIteration });
    this.#grid.signal?.throwIfAborted();
    return heatmaps.filter((heatmap) => heatmap !== undefined);
  }

  close(): void {
    for (const gatherer of this.#gatherers) gatherer.close();
  }
}
