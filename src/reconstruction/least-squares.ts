/**
 * Iterative reconstruction: the volume x whose averages over the maps' cells are nearest to the measured maps,
 * min ‖A x − p‖² with A of projector.ts. Averaged and Tomographic CAM are exact at the two ends only, one pixel a cell
 * and one cell a slice; in between one is too blurred and the other too sharp (Fig. 4), and the paper leaves iterative
 * methods to future work (3.5 and its conclusion). Both solvers here need A'(A x − p) and no more, which is summed
 * direction by direction, so that no second set of maps is ever held.
 */
import { UsageError } from '../errors.ts';
import type { Direction } from '../geometry/directions.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import type { Maps } from '../responses/response.ts';
import { type Shape, voxelCount } from '../volume/volume.ts';
import { allocate, checkSliceable } from './grid.ts';
import { pause } from './pause.ts';
import { type Projector, projector } from './projector.ts';

/** The maps of one direction. */
export interface MapStack {
  readonly direction: Direction;
  readonly maps: Maps;
  /** Slices beyond s = ±1 among the maps. */
  readonly margin: number;
}

export interface LeastSquaresOptions {
  /** Voxels of the heatmap, (D, H, W), each at least 2. */
  readonly shape: Shape;
  /** Pixels of the slices that the maps lie over. */
  readonly size: SliceSize;
  /**
   * Steps at most, at least 1. Their number regularises: detail comes first and noise later. Of a phantom's maps, 20
   * steps and more were best without noise, 5 to 10 with white noise of 5 % of the maps' root mean square, 3 to 10
   * with 20 %.
   */
  readonly iterations: number;
  /** Looks among volumes without negative values only. Default false. */
  readonly nonNegative?: boolean;
  /** Aborting it rejects with its reason, within the time of one direction. */
  readonly signal?: AbortSignal;
  /**
   * Called once an iteration; the kinds are solved one after another and share one count.
   * @param total iterations × kinds.
   * @param residual ‖A x − p‖/‖p‖ where the iteration's step began; the first of a kind begins at x = 0 with 1.
   */
  readonly onProgress?: (iteration: number, total: number, residual: number) => void;
}

/**
 * Reconstructs a heatmap from maps as the least-squares solution of p = A x, each kind by itself, starting at zero:
 * by conjugate gradients on the normal equations (Hestenes and Stiefel, 1952) or, without negative values, by an
 * accelerated SIRT: projected gradient steps scaled for each voxel by the row and column sums of A (De Pierro, IEEE
 * Trans. Med. Imaging 14, 1995), with Nesterov's momentum (Beck and Teboulle, SIAM J. Imaging Sci. 2, 2009). Either
 * ends early when nothing is left to improve. Slices beyond s = ±1 are ignored.
 *
 * Memory: the measurements, the result (4·K·D·H·W bytes), four grids of 4·(D + 2)·(H + 2)·(W + 2) bytes, filled up to
 * multiples of four voxels, and the maps of one direction. Time: 2·L·M·P points an iteration, P ≤ hS·wS being the
 * points read on a slice (`projector`), of some 10 to 25 ns each.
 * @returns [kinds, D, H, W].
 * @throws UsageError when the measurements are none, of different kinds, or not finite.
 * @throws VolumeError when the grid cannot be sliced or does not fit into memory.
 */
export async function leastSquares(
  measurements: readonly MapStack[],
  { shape, size, iterations, nonNegative = false, signal, onProgress }: LeastSquaresOptions,
): Promise<Float32Array> {
  checkSliceable({ name: 'heatmap', shape });
  checkIterations(iterations);
  checkMeasurements(measurements);
  const { kinds, rows, columns } = measurements[0].maps;
  const volumes = allocate(kinds, shape);
  const voxels = voxelCount(shape);
  const system = new System(projector({ shape, size, rows, columns }), measurements, signal);
  const solve = nonNegative ? await acceleratedSirt(system) : conjugateGradients;
  for (let kind = 0; kind < kinds; kind++) {
    const x = await solve(system, kind, iterations, (iteration, residual) =>
      onProgress?.(kind * iterations + iteration, kinds * iterations, residual),
    );
    system.projector.extract(x, volumes.subarray(kind * voxels, (kind + 1) * voxels));
  }
  return volumes;
}

/** @returns the grid x of one kind. */
type Solver = (
  system: System,
  kind: number,
  iterations: number,
  report: (iteration: number, residual: number) => void,
) => Promise<Float32Array>;

/** What is left of a residual or gradient, relative to the first, that single precision cannot tell from zero. */
const NOTHING = 1e-6;

/** The measurements with their A: sums over directions that let others have their turn. */
class System {
  readonly projector: Projector;
  private readonly measurements: readonly MapStack[];
  private readonly signal: AbortSignal | undefined;
  /** Maps of one direction. */
  private readonly scratch: Float32Array;

  constructor(projector: Projector, measurements: readonly MapStack[], signal?: AbortSignal) {
    this.projector = projector;
    this.measurements = measurements;
    this.signal = signal;
    const { rows, columns } = measurements[0].maps;
    const slices = measurements.reduce((most, { direction }) => Math.max(most, direction.slices), 0);
    this.scratch = new Float32Array(slices * rows * columns);
  }

  grid(): Float32Array {
    return new Float32Array(this.projector.length);
  }

  /** out = A'p. @returns ‖p‖². */
  measured(kind: number, out: Float32Array): Promise<number> {
    return this.sum(out, (measurement, maps) => {
      maps.fill(0);
      addMeasured(measurement, kind, maps);
    });
  }

  /** out = A'A x. @returns ‖A x‖². */
  normal(x: Float32Array, out: Float32Array): Promise<number> {
    return this.sum(out, ({ direction }, maps) => this.projector.forward(x, direction, maps));
  }

  /** out = A'(p − A x). @returns ‖p − A x‖². */
  residual(kind: number, x: Float32Array, out: Float32Array): Promise<number> {
    return this.sum(out, (measurement, maps) => {
      this.projector.forward(x, measurement.direction, maps);
      for (let i = 0; i < maps.length; i++) maps[i] = -maps[i];
      addMeasured(measurement, kind, maps);
    });
  }

  /** out = A'y, with y made direction by direction. @returns ‖y‖². */
  private async sum(
    out: Float32Array,
    make: (measurement: MapStack, maps: Float32Array) => void,
  ): Promise<number> {
    out.fill(0);
    let squares = 0;
    for (const measurement of this.measurements) {
      this.signal?.throwIfAborted();
      const { direction, maps } = measurement;
      const made = this.scratch.subarray(0, direction.slices * maps.rows * maps.columns);
      make(measurement, made);
      squares += dot(made, made);
      this.projector.adjoint(made, direction, out);
      await pause();
    }
    this.projector.clearRim(out);
    return squares;
  }
}

/** @throws UsageError unless it is a whole number of at least 1. */
function checkIterations(iterations: number): void {
  if (Number.isInteger(iterations) && iterations >= 1) return;
  throw new UsageError('iterations', `${iterations} is no number of iterations.`, {
    remedy: 'Choose a whole number of at least 1.',
  });
}

/** @throws UsageError unless there are some, all of one kind of map, with finite values. */
function checkMeasurements(measurements: readonly MapStack[]): void {
  if (measurements.length === 0) {
    throw new UsageError('measurements', 'There are none.', { remedy: 'Measure at least one direction.' });
  }
  const sides = ({ maps }: MapStack) => `${maps.kinds} maps of ${maps.rows}×${maps.columns}`;
  for (const measurement of measurements) {
    const { direction, maps, margin } = measurement;
    const where = `measurement of direction ${direction.index}`;
    if (sides(measurement) !== sides(measurements[0])) {
      throw new UsageError(
        where,
        `It has ${sides(measurement)} a slice where the first one has ${sides(measurements[0])}.`,
        { remedy: 'Measure all directions with the same response.' },
      );
    }
    if (maps.count !== direction.slices + 2 * margin) {
      throw new UsageError(
        where,
        `It has ${maps.count} slices, not the ${direction.slices} of the direction with ${margin} more at each end.`,
        { remedy: 'Give the margin that the response was measured with.' },
      );
    }
    const bad = maps.data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const slice = Math.floor(bad / (maps.kinds * maps.rows * maps.columns));
      throw new UsageError(where, `The response to slice ${slice} has the value ${maps.data[bad]}.`, {
        remedy: 'Look for values that are not finite in the volume and in the encoder’s weights.',
      });
    }
  }
}

/** Adds one kind's maps at s_0 … s_{M−1} to [M, rows, columns]. */
function addMeasured({ maps, margin }: MapStack, kind: number, out: Float32Array): void {
  const { data, kinds, rows, columns } = maps;
  const cells = rows * columns;
  for (let at = 0, m = margin; at < out.length; m++) {
    let from = (m * kinds + kind) * cells;
    for (const end = from + cells; from < end; from++, at++) out[at] += data[from];
  }
}

/**
 * Conjugate gradients on A'A x = A'p. The residual's norm follows from the steps: a step from r along p to the
 * lowest point takes (p·A'r)²/‖A p‖² off ‖r‖².
 */
const conjugateGradients: Solver = async (system, kind, iterations, report) => {
  const x = system.grid();
  const gradient = system.grid();
  const image = system.grid();
  const norm = await system.measured(kind, gradient);
  const direction = gradient.slice();
  const first = dot(gradient, gradient);
  let squares = norm;
  let steepness = first;
  for (let k = 1; k <= iterations && steepness > NOTHING * NOTHING * first; k++) {
    report(k, Math.sqrt(Math.max(0, squares) / norm));
    const curvature = await system.normal(direction, image);
    const slope = dot(gradient, direction);
    const step = slope / curvature;
    squares -= slope * step;
    addScaled(x, step, direction);
    addScaled(gradient, -step, image);
    const before = steepness;
    steepness = dot(gradient, gradient);
    const share = steepness / before;
    for (let i = 0; i < direction.length; i++) direction[i] = gradient[i] + share * direction[i];
  }
  return x;
};

/**
 * Projected gradient steps with momentum. A has no negative weights, so Σ_j d_j x_j² with d = A'A 1 is never below
 * ‖A x‖²: steps of 1/d, one for each voxel, go downhill, and as d is diagonal, cutting off what is negative is the
 * exact projection.
 */
async function acceleratedSirt(system: System): Promise<Solver> {
  const steps = await voxelSteps(system);
  return async (_, kind, iterations, report) => {
    const x = system.grid();
    const ahead = system.grid();
    const gradient = system.grid();
    let norm = 0;
    let momentum = 1;
    for (let k = 1; k <= iterations; k++) {
      const squares = await system.residual(kind, ahead, gradient);
      if (k === 1) norm = squares;
      if (squares <= NOTHING * NOTHING * norm) break;
      report(k, Math.sqrt(squares / norm));
      const next = (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
      const share = (momentum - 1) / next;
      momentum = next;
      for (let i = 0; i < x.length; i++) {
        const value = Math.max(0, ahead[i] + steps[i] * gradient[i]);
        ahead[i] = value + share * (value - x[i]);
        x[i] = value;
      }
    }
    return x;
  };
}

/** 1/(A'A 1), and 0 where hardly a slice goes: there nothing is known, and x stays what it was. */
async function voxelSteps(system: System): Promise<Float32Array> {
  const ones = system.grid().fill(1);
  system.projector.clearRim(ones);
  const steps = system.grid();
  await system.normal(ones, steps);
  const most = steps.reduce((a, b) => Math.max(a, b), 0);
  for (let i = 0; i < steps.length; i++) steps[i] = steps[i] > NOTHING * most ? 1 / steps[i] : 0;
  return steps;
}

function addScaled(to: Float32Array, factor: number, from: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i] += factor * from[i];
}

/** In double precision. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
