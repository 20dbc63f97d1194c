/**
 * The heart. A reconstruction sums, over directions, the filtered response stack read back at every voxel:
 *
 *     G(x) = k/L · Σ_l F[p_l](x·n_l, x·u_l, x·v_l)
 *
 * with p_l the response's maps along direction l (`measure`) and F, k the filter's (`project`). Every method of the
 * paper is a choice of response, directions and filter; see methods.ts.
 */
import { VolumeError } from '../errors.ts';
import type { Direction } from '../geometry/directions.ts';
import { forSlicing } from '../geometry/layout.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import { Stack } from '../geometry/stack.ts';
import type { Maps, Response } from '../responses/response.ts';
import type { Shape, Volume } from '../volume/volume.ts';
import { Backprojector } from './backprojector.ts';
import type { Filter } from './filter.ts';
import { pause } from './pause.ts';

/** The response's maps p_l along one direction, as measured and before any filter. */
export interface Measurement {
  readonly direction: Direction;
  readonly maps: Maps;
  /** Slices beyond s = ±1 among the maps. */
  readonly margin: number;
}

export interface Progress {
  /** Directions measured so far. */
  readonly done: number;
  readonly total: number;
  /** Slices responded to so far. */
  readonly slices: number;
  /** The heatmap of the directions so far, [kinds, D, H, W]: k/done times the sum. A copy, made when it is asked for. */
  estimate(): Promise<Float32Array>;
}

export interface ReconstructOptions {
  /** Aborting it rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Aborting it starts no further direction: those under way are finished and make the heatmap. */
  readonly stop?: AbortSignal;
  /** Voxels of the heatmap; the volume's by default. */
  readonly shape?: Shape;
  readonly onProgress?: (progress: Progress) => void;
  /** Receives every measurement before it is filtered, in the order of the directions. */
  readonly onMeasured?: (measurement: Measurement) => void | Promise<void>;
}

export interface Reconstruction {
  /** [kinds, D, H, W]. */
  readonly data: Float32Array;
  /** Classes of an encoder, channels of a mean. */
  readonly kinds: number;
  readonly shape: Shape;
  /** Directions in the sum; fewer than `total` when it was stopped. */
  readonly done: number;
  readonly total: number;
  readonly slices: number;
}

/**
 * Reconstructs a heatmap. Directions are summed in the order given, so equal input gives equal bytes however many
 * threads compute; after all of them the sum is the paper's whatever the order.
 * @throws VolumeError when the volume cannot be sliced.
 */
export function reconstruct(
  volume: Volume,
  response: Response,
  directions: readonly Direction[],
  filter: Filter,
  options: ReconstructOptions = {},
): Promise<Reconstruction> {
  checkSliceable(volume);
  return project(measure(volume, response, directions, filter.margin, options), filter, {
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
export interface ProjectOptions extends Omit<ReconstructOptions, 'stop'> {
  readonly shape: Shape;
  /** L. */
  readonly total: number;
  /** Pixels of the slices that the maps lie over. */
  readonly size: SliceSize;
  /** The response's, see `Response`. */
  readonly planeMeasure: number;
}

/** Filters measurements and projects them back on a grid. */
export async function project(
  measurements: AsyncIterable<Measurement>,
  filter: Filter,
  { shape, total, size, planeMeasure, signal, onProgress, onMeasured }: ProjectOptions,
): Promise<Reconstruction> {
  const k = filter.factor(planeMeasure);
  const backprojector = new Backprojector({ shape, size, signal });
  let kinds = 0;
  let done = 0;
  let slices = 0;
  const estimate = async () => {
    const directions = done;
    const [sum] = await backprojector.sums();
    return scale(sum, k / directions);
  };
  try {
    for await (const measurement of measurements) {
      signal?.throwIfAborted();
      await onMeasured?.(measurement);
      const { direction, maps, margin } = measurement;
      kinds = maps.kinds;
      slices += maps.count;
      done++;
      await backprojector.add(direction, [filter.apply(maps, margin)]);
      onProgress?.({ done, total, slices, estimate });
    }
    const [sum = new Float32Array(0)] = await backprojector.finish();
    return { data: scale(sum, k / done), kinds, shape, done, total, slices };
  } finally {
    backprojector.close();
  }
}

/** In place. */
function scale(values: Float32Array<ArrayBuffer>, factor: number): Float32Array<ArrayBuffer> {
  for (let i = 0; i < values.length; i++) values[i] *= factor;
  return values;
}

/** @throws VolumeError when an axis has a single voxel: it cannot span [−1, 1]. */
function checkSliceable({ name = 'volume', shape }: Volume): void {
  const flat = shape.findIndex((length) => length < 2);
  if (flat >= 0) {
    throw new VolumeError(
      name,
      `A volume of ${shape.join('×')} voxels is a single slice: axis ${flat} has ${shape[flat]}.`,
      { remedy: 'ToNNO cuts slices at all angles and needs at least two voxels along every axis.' },
    );
  }
}
