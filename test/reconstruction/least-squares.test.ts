/**
 * The projector against the sampler and against its own transpose, the solvers against the conditions of an optimum,
 * and both against the paper's Fig. 4, whose intermediate cells neither Averaged nor Tomographic CAM gives back.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lesionPhantom, smoothPhantom } from '../../src/datasets/phantom.ts';
import { axisDirections, type Direction, fibonacciDirections, frame } from '../../src/geometry/directions.ts';
import type { SliceSize } from '../../src/geometry/sampler.ts';
import { Stack } from '../../src/geometry/stack.ts';
import { parseFilter } from '../../src/reconstruction/filter.ts';
import { leastSquares, type MapStack } from '../../src/reconstruction/least-squares.ts';
import { type Projector, projector } from '../../src/reconstruction/projector.ts';
import { measure, project } from '../../src/reconstruction/reconstruct.ts';
import { pooledResponse } from '../../src/responses/pooled.ts';
import type { Response } from '../../src/responses/response.ts';
import { createVolume, type Shape, type Volume, voxelCount } from '../../src/volume/volume.ts';
import { correlation, relativeError } from '../support/compare.ts';
import { unevenVolume } from '../support/volumes.ts';

/** Reproducible numbers in [−1, 1] without any structure. */
function noise(length: number, seed = 1): Float32Array {
  return Float32Array.from({ length }, (_, i) => {
    const x = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
const norm = (a: ArrayLike<number>) => Math.sqrt(dot(a, a));

async function measured(
  volume: Volume,
  response: Response,
  directions: readonly Direction[],
  margin = 1,
): Promise<MapStack[]> {
  const all: MapStack[] = [];
  for await (const measurement of measure(volume, response, directions, margin)) {
    all.push({ ...measurement, maps: measurement.maps[0] });
  }
  return all;
}

/** A x − p and A'(A x − p) of the first kind, by the projector alone. */
function misfit(a: Projector, x: Float32Array, measurements: readonly MapStack[]) {
  const grid = a.enclose(x);
  const gradient = new Float32Array(a.length);
  const differences: number[] = [];
  const values: number[] = [];
  for (const { direction, maps, margin } of measurements) {
    const cells = maps.rows * maps.columns;
    const out = new Float32Array(direction.slices * cells);
    a.forward(grid, direction, out);
    for (let i = 0; i < out.length; i++) {
      const slice = Math.floor(i / cells) + margin;
      const p = maps.data[slice * maps.kinds * cells + (i % cells)];
      values.push(p);
      out[i] -= p;
      differences.push(out[i]);
    }
    a.adjoint(out, direction, gradient);
  }
  return { residual: norm(differences) / norm(values), gradient: a.extract(gradient) };
}

describe('projector', () => {
  it('has a transpose: ⟨A x, y⟩ = ⟨x, A′y⟩ for every shape, map and frame', () => {
    const side = fc.integer({ min: 2, max: 9 });
    const pixels = fc.integer({ min: 2, max: 21 });
    const cells = fc.integer({ min: 1, max: 7 });
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(side, side, side),
        fc.tuple(pixels, pixels, cells, cells),
        fc.tuple(unit, unit, unit, fc.integer({ min: 2, max: 9 })),
        (shape, [height, width, rows, columns], [polar, around, turn, slices]) => {
          const y = 2 * polar - 1;
          const r = Math.sqrt(1 - y * y);
          const normal = [r * Math.cos(7 * around), y, r * Math.sin(7 * around)] as const;
          const direction = { ...frame(normal, 7 * turn), index: 0, slices };
          const a = projector({ shape, size: { rows: height, columns: width }, rows, columns });
          const x = noise(voxelCount(shape), around);
          const maps = noise(slices * rows * columns, turn);
          const forward = new Float32Array(maps.length);
          a.forward(a.enclose(x), direction, forward);
          const back = new Float32Array(a.length);
          a.adjoint(maps, direction, back);
          const difference = Math.abs(dot(forward, maps) - dot(x, a.extract(back)));
          expect(difference).toBeLessThanOrEqual(1e-5 * norm(forward) * norm(maps));
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    [1, { rows: 24, columns: 16 }],
    [2, { rows: 24, columns: 16 }],
    [4, { rows: 24, columns: 16 }],
    [8, { rows: 16, columns: 24 }],
    [12, { rows: 12, columns: 12 }],
  ])('measures what average pooling by %i does', async (kernel, size) => {
    const volume = unevenVolume([40, 30, 21]);
    const edges = createVolume(
      noise(volume.data.length).map((value) => value + 0.5),
      volume.shape,
    );
    const [rows, columns] = [size.rows / kernel, size.columns / kernel];
    const a = projector({ shape: volume.shape, size, rows, columns });
    expect(a.points).toEqual([kernel, kernel]);
    for (const source of [volume, edges]) {
      for (const direction of fibonacciDirections(7, { slices: 11, seed: 4 })) {
        const [{ data }] = await pooledResponse(kernel, size).respond(new Stack(source, direction, size, 0));
        const maps = new Float32Array(data.length);
        a.forward(a.enclose(source.data), direction, maps);
        expect(relativeError(maps, data)).toBeLessThan(1e-6);
      }
    }
  });

  it('gives a cell of any size the value of a sloping volume at its centre', () => {
    const shape: Shape = [9, 12, 10];
    const [D, H, W] = shape;
    const slope = (z: number, y: number, x: number) => 1 + 2 * z - 3 * y + 0.5 * x;
    const at = (i: number, length: number) => (2 * i) / (length - 1) - 1;
    const volume = Float32Array.from({ length: D * H * W }, (_, i) =>
      slope(at(Math.floor(i / (H * W)), D), at(Math.floor(i / W) % H, H), at(i % W, W)),
    );
    const size = { rows: 17, columns: 23 };
    const [rows, columns] = [5, 3];
    const a = projector({ shape, size, rows, columns });
    const [direction] = axisDirections(shape, [0]);
    const maps = new Float32Array(D * rows * columns);
    a.forward(a.enclose(volume), direction, maps);
    for (const [i, value] of maps.entries()) {
      const [m, r, c] = [Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns];
      const row = ((r + 0.5) * size.rows) / rows - 0.5;
      const column = ((c + 0.5) * size.columns) / columns - 0.5;
      expect(value).toBeCloseTo(slope(at(m, D), at(row, size.rows), at(column, size.columns)), 5);
    }
  });

  it('reads a point a voxel, and no more than the slice has pixels', () => {
    const points = (shape: Shape, size: SliceSize, rows: number, columns = rows) =>
      projector({ shape, size, rows, columns }).points;
    const large = { rows: 224, columns: 224 };
    expect(points([64, 64, 64], large, 14)).toEqual([5, 5]);
    expect(points([64, 64, 64], large, 1)).toEqual([64, 64]);
    expect(points([20, 30, 64], large, 7, 14)).toEqual([10, 5]);
    expect(points([64, 64, 64], { rows: 32, columns: 48 }, 8)).toEqual([4, 6]);
    expect(points([64, 64, 64], { rows: 32, columns: 32 }, 5)).toEqual([6, 6]);
    expect(points([9, 9, 9], large, 56)).toEqual([1, 1]);
    expect(points([9, 9, 9], { rows: 4, columns: 4 }, 7)).toEqual([1, 1]);
  });

  it('gives a volume back from its grid, and clears the rim and nothing else', () => {
    const shape: Shape = [3, 6, 4];
    const a = projector({ shape, size: { rows: 8, columns: 8 }, rows: 2, columns: 2 });
    const volume = noise(voxelCount(shape));
    const grid = a.enclose(volume);
    expect(a.extract(grid)).toEqual(volume);
    const clean = grid.slice();
    for (let i = 0; i < grid.length; i++) if (grid[i] === 0) grid[i] = 7;
    a.clearRim(grid);
    expect(a.extract(grid)).toEqual(volume);
    expect(grid.filter((value) => value === 7)).toHaveLength(
      clean.length - (shape[0] + 2) * (shape[1] + 2) * (shape[2] + 2),
    );
  });
});

describe('least squares', () => {
  const shape: Shape = [6, 7, 5];
  const size = { rows: 8, columns: 8 };
  const directions = fibonacciDirections(24, { slices: 9, seed: 2 });
  const volume = createVolume(
    noise(voxelCount(shape)).map((value) => value + 0.4),
    shape,
  );
  const positive = createVolume(volume.data.map(Math.abs), shape);

  it('gives back the volume that was measured, from cells of several pixels', async () => {
    const measurements = await measured(volume, pooledResponse(2, size), directions);
    const x = await leastSquares(measurements, { shape, size, iterations: 200 });
    expect(relativeError(x, volume.data)).toBeLessThan(1e-2);
  });

  it('gives it back without negative values', async () => {
    const measurements = await measured(positive, pooledResponse(2, size), directions);
    const x = await leastSquares(measurements, { shape, size, iterations: 600, nonNegative: true });
    expect(relativeError(x, positive.data)).toBeLessThan(1e-2);
  });

  /** What no volume could have given. */
  const contradictory = async () =>
    (await measured(volume, pooledResponse(4, size), directions)).map(({ direction, maps, margin }, l) => ({
      direction,
      margin,
      maps: { ...maps, data: noise(maps.data.length, l).map((value, i) => value + maps.data[i]) },
    }));

  it('ends where the gradient vanishes, whatever the measurements', async () => {
    const measurements = await contradictory();
    const a = projector({ shape, size, rows: 2, columns: 2 });
    const start = norm(misfit(a, new Float32Array(voxelCount(shape)), measurements).gradient);
    const x = await leastSquares(measurements, { shape, size, iterations: 500 });
    expect(norm(misfit(a, x, measurements).gradient)).toBeLessThan(1e-4 * start);
  });

  it('without negative values, ends where going down would make some', async () => {
    const measurements = await contradictory();
    const a = projector({ shape, size, rows: 2, columns: 2 });
    const start = norm(misfit(a, new Float32Array(voxelCount(shape)), measurements).gradient);
    const x = await leastSquares(measurements, { shape, size, iterations: 2000, nonNegative: true });
    const { gradient } = misfit(a, x, measurements);
    expect(x.every((value) => value >= 0)).toBe(true);
    expect(x.filter((value) => value === 0).length).toBeGreaterThan(10);
    expect(norm(gradient.filter((_, i) => x[i] > 0))).toBeLessThan(1e-3 * start);
    expect(Math.min(...gradient)).toBeGreaterThan(-1e-3 * start);
  });

  it('without negative values, gains much on as many steps without momentum', async () => {
    const measurements = await measured(positive, pooledResponse(8, size), directions);
    const a = projector({ shape, size, rows: 1, columns: 1 });
    const nothing = measurements.map(({ direction, margin, maps }) => ({
      direction,
      margin,
      maps: { ...maps, data: new Float32Array(maps.data.length) },
    }));
    const weights = misfit(a, new Float32Array(voxelCount(shape)).fill(1), nothing).gradient;
    const plain = new Float32Array(voxelCount(shape));
    for (let k = 0; k < 60; k++) {
      const { gradient } = misfit(a, plain, measurements);
      for (let i = 0; i < plain.length; i++) plain[i] = Math.max(0, plain[i] - gradient[i] / weights[i]);
      if (k > 0) continue;
      const first = await leastSquares(measurements, { shape, size, iterations: 1, nonNegative: true });
      expect(relativeError(first, plain)).toBeLessThan(1e-5);
    }
    const x = await leastSquares(measurements, { shape, size, iterations: 60, nonNegative: true });
    const residual = misfit(a, x, measurements).residual;
    expect(residual).toBeLessThan(0.5 * misfit(a, plain, measurements).residual);
  });

  it.each([
    false,
    true,
  ])('reports the residual where each step begins (non-negative: %s)', async (nonNegative) => {
    const measurements = await measured(volume, pooledResponse(4, size), directions);
    const reports: [number, number, number][] = [];
    const onProgress = (...report: [number, number, number]) => reports.push(report);
    await leastSquares(measurements, { shape, size, iterations: 12, nonNegative, onProgress });
    expect(reports.map(([iteration]) => iteration)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(reports.every(([, total]) => total === 12)).toBe(true);
    expect(reports[0][2]).toBe(1);
    const a = projector({ shape, size, rows: 2, columns: 2 });
    // Momentum starts with the third step: until then steps begin at the estimates.
    for (const iterations of nonNegative ? [1] : [1, 2, 5, 11]) {
      const x = await leastSquares(measurements, { shape, size, iterations, nonNegative });
      expect(reports[iterations][2]).toBeCloseTo(misfit(a, x, measurements).residual, 5);
    }
    for (let i = 1; i < 5; i++) expect(reports[i][2]).toBeLessThan(reports[i - 1][2]);
  });

  it.each([
    false,
    true,
  ])('solves every kind by itself, as if alone (non-negative: %s)', async (nonNegative) => {
    const reversed = volume.data.slice().reverse();
    const both = new Float32Array([...volume.data, ...new Float32Array(volume.data.length), ...reversed]);
    const response = pooledResponse(4, size);
    const options = { shape, size, iterations: 5, nonNegative };
    const iterations: number[] = [];
    const x = await leastSquares(
      await measured(createVolume(both, shape, { channels: 3 }), response, directions),
      { ...options, onProgress: (iteration) => iterations.push(iteration) },
    );
    const voxels = voxelCount(shape);
    const first = await leastSquares(await measured(volume, response, directions), options);
    const last = await leastSquares(
      await measured(createVolume(reversed, shape), response, directions),
      options,
    );
    expect(x.subarray(0, voxels)).toEqual(first);
    expect(x.subarray(voxels, 2 * voxels)).toEqual(new Float32Array(voxels));
    expect(x.subarray(2 * voxels)).toEqual(last);
    expect(iterations).toEqual([1, 2, 3, 4, 5, 11, 12, 13, 14, 15]);
  });

  it('ignores the slices beyond s = ±1, however many', async () => {
    const response = pooledResponse(2, size);
    const options = { shape, size, iterations: 4 };
    const without = await leastSquares(await measured(volume, response, directions, 0), options);
    const wild = (await measured(volume, response, directions, 2)).map((measurement) => {
      const { data, rows, columns } = measurement.maps;
      const ends = 2 * rows * columns;
      const changed = data.map((value, i) => (i < ends || i >= data.length - ends ? 99 : value));
      return { ...measurement, maps: { ...measurement.maps, data: changed } };
    });
    expect(await leastSquares(wild, options)).toEqual(without);
  });

  it('takes directions with different numbers of slices', async () => {
    const along = axisDirections(shape, [0, 1, 2]);
    const measurements = await measured(volume, pooledResponse(1, size), along, 0);
    const x = await leastSquares(measurements, { shape, size, iterations: 60 });
    expect(relativeError(x, volume.data)).toBeLessThan(1e-2);
  });

  it.each([false, true])('gives nothing for nothing, at once (non-negative: %s)', async (nonNegative) => {
    const empty = createVolume(new Float32Array(voxelCount(shape)), shape);
    const measurements = await measured(empty, pooledResponse(2, size), directions);
    const onProgress = () => expect.unreachable();
    const x = await leastSquares(measurements, { shape, size, iterations: 9, nonNegative, onProgress });
    expect(x).toEqual(new Float32Array(voxelCount(shape)));
  });

  it.each([false, true])('stops when nothing is left to improve (non-negative: %s)', async (nonNegative) => {
    const tiny: Shape = [2, 2, 2];
    const cube = createVolume(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]), tiny);
    const measurements = await measured(cube, pooledResponse(1, size), directions);
    let last = 0;
    const onProgress = (iteration: number) => {
      last = iteration;
    };
    const options = { shape: tiny, size, iterations: 5000, nonNegative, onProgress };
    expect(relativeError(await leastSquares(measurements, options), cube.data)).toBeLessThan(1e-4);
    expect(last).toBeLessThan(2000);
  });

  it('is aborted from outside while it works, and from its own reports', async () => {
    const measurements = await measured(volume, pooledResponse(1, size), directions);
    for (const nonNegative of [false, true]) {
      const timer = new AbortController();
      setTimeout(() => timer.abort(new Error('enough')), 1);
      const options = { shape, size, iterations: 1e6, nonNegative };
      await expect(leastSquares(await contradictory(), { ...options, signal: timer.signal })).rejects.toThrow(
        'enough',
      );
      const own = new AbortController();
      const onProgress = (iteration: number) => iteration === 3 && own.abort(new Error('third'));
      await expect(
        leastSquares(measurements, { ...options, signal: own.signal, onProgress }),
      ).rejects.toThrow('third');
    }
  });

  it('refuses what it cannot solve, in sentences', async () => {
    const measurements = await measured(volume, pooledResponse(2, size), directions);
    const options = { shape, size, iterations: 3 };
    const withFirst = (change: Partial<MapStack>) => [
      measurements[1],
      { ...measurements[0], ...change },
      ...measurements.slice(2),
    ];
    const { maps, direction } = measurements[0];
    const data = maps.data.slice();
    data[2 * maps.rows * maps.columns + 3] = Number.NaN;
    const refusals: [Promise<unknown>, string][] = [
      [leastSquares([], options), 'measurements: There are none.'],
      [
        leastSquares(measurements, { ...options, iterations: 0 }),
        'iterations: 0 is no number of iterations.',
      ],
      [leastSquares(measurements, { ...options, shape: [6, 1, 5] }), 'heatmap: A volume of 6×1×5 voxels'],
      [
        leastSquares(measurements, { ...options, size: { rows: 1, columns: 8 } }),
        'size: A slice of 1×8 pixels cannot span the volume.',
      ],
      [
        leastSquares(withFirst({ maps: { ...maps, data } }), options),
        `measurement of direction ${direction.index}: The response to slice 2 has the value NaN.`,
      ],
      [
        leastSquares(withFirst({ maps: { ...maps, rows: 2, columns: 8 } }), options),
        `direction ${direction.index}: It has 1 maps of 2×8 a slice where the first one has 1 maps of 4×4.`,
      ],
      [
        leastSquares(withFirst({ margin: 0 }), options),
        'It has 11 slices, not the 9 of the direction with 0',
      ],
    ];
    for (const [refused, message] of refusals) await expect(refused).rejects.toThrow(message);
  });
});

describe('Fig. 4: cells between a pixel and a slice', () => {
  const shape: Shape = [32, 32, 32];
  const size = { rows: 64, columns: 64 };
  const directions = fibonacciDirections(40, { slices: 32 });
  const inBall = (data: Float32Array) =>
    data.filter((_, i) => {
      const at = (index: number) => (2 * index) / 31 - 1;
      return Math.hypot(at(Math.floor(i / 1024)), at(Math.floor(i / 32) % 32), at(i % 32)) <= 1;
    });
  /** Relative L2 error in the unit ball after the gain that makes it least: scale counts for nothing. */
  const error = (data: Float32Array, truth: Float32Array) => {
    const [g, t] = [inBall(data), inBall(truth)];
    const gain = dot(g, t) / dot(g, g);
    return norm(g.map((value, i) => gain * value - t[i])) / norm(t);
  };
  const body = lesionPhantom({
    shape,
    lesions: 2,
    lesionRadius: [2, 3],
    tubes: 1,
    plates: 1,
    noise: 0,
  }).image;

  it.each([
    ['4 pixels of a body', 4, body],
    ['8 pixels of a body', 8, body],
    ['16 pixels of a body', 16, body],
    ['32 pixels of a body', 32, body],
    ['8 pixels of blobs of both signs', 8, smoothPhantom(shape)],
  ])('%s: iterations come closer than averaging and tomography', async (_, kernel, volume) => {
    const measurements = await measured(volume, pooledResponse(kernel, size), directions);
    const closed = async (filter: string) => {
      async function* again() {
        for (const measurement of measurements) yield { ...measurement, maps: [measurement.maps] };
      }
      const options = { shape, total: directions.length, size, planeMeasure: 1 };
      const targets = [{ maps: 0, filter: parseFilter(filter) }];
      return (await project(again(), targets, options)).heatmaps[0].data;
    };
    const averaged = await closed('none');
    const tomographic = await closed('second-difference');
    const best = Math.min(error(averaged, volume.data), error(tomographic, volume.data));
    const iterative = await leastSquares(measurements, { shape, size, iterations: 20 });
    expect(error(iterative, volume.data)).toBeLessThan(best / 2);
    expect(correlation(inBall(iterative), inBall(volume.data))).toBeGreaterThan(0.97);
    if (volume !== body) return;
    const positive = await leastSquares(measurements, { shape, size, iterations: 20, nonNegative: true });
    expect(error(positive, volume.data)).toBeLessThan(best / 1.5);
    expect(Math.min(...positive)).toBe(0);
  });
});
