/**
 * The heart. A reconstruction sums, over directions, the filtered response stack read back at every voxel:
 *
 *     G(x) = k/L · Σ_l F[p_l](x·n_l, x·u_l, x·v_l)
 *
 * with p_l the response's maps along direction l (`measure`) and F, k the filter's (`project`). Every method of the
 * paper is a choice of response, directions and filter; see methods.ts.
 */
import type { Direction } from '../geometry/directions.ts';
import { forSlicing } from '../geometry/layout.ts';
import { Stack } from '../geometry/stack.ts';
import type { Response } from '../responses/response.ts';
import type { Shape, Volume } from '../volume/volume.ts';
import type { Filter } from './filter.ts';
import { checkSliceable } from './grid.ts';
import { pause } from './pause.ts';
import { type Grid, gatherers, type Heatmap, type Measurement, type Target } from './targets.ts';

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
  checkSliceable(volume);
  const margin = Math.max(...targets.map((target) => ('filter' in target ? target.filter.margin : 0)));
  return project(measure(volume, response, directions, margin, options), targets, {
    ...options,
    shape: options.shape ?? volume.shape,
    total: directions.length,
    size: response.size,
    planeMeasure: response.planeMeasure,
  });
}

/**
 * Measures the response along every direction, in order. As many stacks as the response has lanes are under way at
 * once, and no more: memory does not grow with the number of directions.
 * @param margin slices beyond s = ±1 to measure too.
 */
export async function* measure(
  volume: Volume,
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
  const all = gatherers(targets, grid);
  let done = 0;
  let slices = 0;
  const estimate = async (target = 0) => {
    const gatherer = all.find(({ targets }) => targets.includes(target))!;
    return (await gatherer.heatmaps())?.[gatherer.targets.indexOf(target)].data;
  };
  try {
    for await (const measurement of measurements) {
      signal?.throwIfAborted();
      await onMeasured?.(measurement);
      for (const gatherer of all) await gatherer.add(measurement);
      done++;
      slices += measurement.maps[0].count;
      onProgress?.({ done, total, slices, estimate });
    }
    const heatmaps: Heatmap[] = [];
    for (const gatherer of all) {
      const made = await gatherer.heatmaps({ last: true, onIteration });
      gatherer.targets.forEach((target, i) => {
        if (made) heatmaps[target] = made[i];
      });
    }
    signal?.throwIfAborted();
    return { heatmaps, shape: grid.shape, done, total, slices };
  } finally {
    for (const gatherer of all) gatherer.close();
  }
}
