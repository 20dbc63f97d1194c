/**
 * The paper's own proof (a mean response gives the volume back) and invariants in the manner of scikit-image's
 * tests of its Radon transform.
 */
import { describe, expect, it } from 'vitest';
import { smoothBlobs, smoothPhantom } from '../../src/datasets/phantom.ts';
import { type Direction, fibonacciDirections, moreDirections } from '../../src/geometry/directions.ts';
import { parseFilter } from '../../src/reconstruction/filter.ts';
import { openReconstruction, type Progress, reconstruct } from '../../src/reconstruction/reconstruct.ts';
import { meanResponse, pooledResponse } from '../../src/responses/pooled.ts';
import type { Response } from '../../src/responses/response.ts';
import { createVolume, type Shape, type Vector, type Volume } from '../../src/volume/volume.ts';
import { AXIS_ORDERS } from '../support/axes.ts';
import { correlation } from '../support/compare.ts';

const plain = parseFilter('second-difference');
const size = (side: number) => ({ rows: side, columns: side });
const at = (i: number, length: number) => (2 * i) / (length - 1) - 1;

/** Values of the voxels whose centres lie within `radius` of the middle. */
function inBall(data: ArrayLike<number>, [D, H, W]: Shape, radius = 1): number[] {
  const values: number[] = [];
  for (let i = 0; i < D * H * W; i++) {
    const [d, h, w] = [Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W];
    if (Math.hypot(at(d, D), at(h, H), at(w, W)) <= radius) values.push(data[i]);
  }
  return values;
}

const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
function relativeL2(actual: readonly number[], expected: readonly number[]): number {
  return norm(actual.map((v, i) => v - expected[i])) / norm([...expected]);
}

/** A volume from a function of normalised coordinates. */
function volumeOf(shape: Shape, f: (x: Vector) => number): Volume {
  const [D, H, W] = shape;
  const data = Float32Array.from({ length: D * H * W }, (_, i) =>
    f([at(Math.floor(i / (H * W)), D), at(Math.floor(i / W) % H, H), at(i % W, W)]),
  );
  return createVolume(data, shape);
}

async function backFromMeans(
  volume: Volume,
  L: number,
  M: number,
  side: number,
  seed = 0,
): Promise<Float32Array> {
  const directions = fibonacciDirections(L, { slices: M, seed });
  return (await reconstruct(volume, meanResponse(size(side)), directions, plain)).data;
}

describe('the paper’s proof: R⁻¹R_Σ V ≈ V', () => {
  const shape: Shape = [64, 64, 64];
  const phantom = smoothPhantom(shape);
  const truth = inBall(phantom.data, shape);
  const errors: number[] = [];

  it('on a smooth phantom with L = 500, M = 100: correlation ≥ 0.9998, relative L2 error ≤ 0.02', async () => {
    const ball = inBall(await backFromMeans(phantom, 500, 100, 64), shape);
    expect(correlation(ball, truth)).toBeGreaterThanOrEqual(0.9998);
    expect(relativeL2(ball, truth)).toBeLessThanOrEqual(0.02);
  });

  it('more directions, less error', async () => {
    const small = smoothPhantom([32, 32, 32]);
    const expected = inBall(small.data, small.shape);
    for (const L of [20, 50, 120, 300]) {
      errors.push(relativeL2(inBall(await backFromMeans(small, L, 48, 32), small.shape), expected));
    }
    for (let i = 1; i < errors.length; i++) expect(errors[i]).toBeLessThan(0.75 * errors[i - 1]);
    expect(errors.at(-1)).toBeLessThan(0.06);
  });

  it('a prefix of the directions is worth about as much as a lattice of its own', async () => {
    const small = smoothPhantom([32, 32, 32]);
    const expected = inBall(small.data, small.shape);
    const error = async (directions: Direction[]) => {
      const { data } = await reconstruct(small, meanResponse(size(32)), directions, plain);
      return relativeL2(inBall(data, small.shape), expected);
    };
    const visited = fibonacciDirections(600, { slices: 48 });
    const inOrder = [...visited].sort((a, b) => a.index - b.index);
    for (const k of [40, 100]) {
      const own = await error(fibonacciDirections(k, { slices: 48 }));
      expect(await error(visited.slice(0, k))).toBeLessThan(1.25 * own);
      expect(await error(inOrder.slice(0, k))).toBeGreaterThan(4 * own);
    }
  });
});

describe('invariants', () => {
  const shape: Shape = [25, 25, 25];

  it('a centred point comes back centred, symmetric and highest', async () => {
    const point = createVolume(new Float32Array(25 ** 3), shape);
    point.data[(12 * 25 + 12) * 25 + 12] = 1;
    const G = await backFromMeans(point, 300, 25, 49);
    const value = (d: number, h: number, w: number) => G[(d * 25 + h) * 25 + w];
    expect(Math.max(...G)).toBe(value(12, 12, 12));
    const around = [
      value(11, 12, 12),
      value(13, 12, 12),
      value(12, 11, 12),
      value(12, 13, 12),
      value(12, 12, 11),
      value(12, 12, 13),
    ];
    for (const v of around) expect(Math.abs(v - around[0])).toBeLessThan(0.06 * value(12, 12, 12));
  });

  it('a uniform ball is flat inside at its own value and near zero outside', async () => {
    const N: Shape = [41, 41, 41];
    // An edge three voxels wide: what is sharper than the slices' distance cannot come back.
    const ball = volumeOf(N, (x) => 2 / (1 + Math.exp((Math.hypot(...x) - 0.6) / 0.03)));
    const G = await backFromMeans(ball, 400, 60, 64);
    const middle = inBall(G, N, 0.45);
    for (const v of middle) expect(Math.abs(v - 2)).toBeLessThan(0.12);
    const mean = middle.reduce((a, b) => a + b) / middle.length;
    expect(mean).toBeCloseTo(2, 1);
    const outside = [...G].filter((_, i) => ball.data[i] < 1e-4);
    expect(norm(outside) / Math.sqrt(outside.length)).toBeLessThan(0.08);
  });

  it('is linear', async () => {
    const a = smoothPhantom(shape);
    const b = volumeOf(shape, (x) => Math.exp(-8 * ((x[0] + 0.2) ** 2 + x[1] ** 2 + (x[2] - 0.3) ** 2)));
    const sum = createVolume(
      a.data.map((v, i) => 2 * v - 3 * b.data[i]),
      shape,
    );
    const [Ga, Gb, Gs] = [
      await backFromMeans(a, 60, 25, 25),
      await backFromMeans(b, 60, 25, 25),
      await backFromMeans(sum, 60, 25, 25),
    ];
    for (let i = 0; i < Gs.length; i++) expect(Math.abs(Gs[i] - (2 * Ga[i] - 3 * Gb[i]))).toBeLessThan(2e-4);
  });

  it('a shifted input shifts the output', async () => {
    const N: Shape = [49, 49, 49];
    const shift = 4;
    const moved = smoothBlobs.map((blob) => ({
      ...blob,
      centre: [blob.centre[0], blob.centre[1] + (2 * shift) / 48, blob.centre[2]] as Vector,
    }));
    const [G, H] = [
      await backFromMeans(smoothPhantom(N), 300, 60, 49),
      await backFromMeans(smoothPhantom(N, moved), 300, 60, 49),
    ];
    const here: number[] = [];
    const there: number[] = [];
    for (let d = 10; d < 39; d++)
      for (let h = 10; h < 35; h++)
        for (let w = 10; w < 39; w++) {
          here.push(G[(d * 49 + h) * 49 + w]);
          there.push(H[(d * 49 + h + shift) * 49 + w]);
        }
    expect(correlation(here, there)).toBeGreaterThan(0.999);
    expect(relativeL2(there, here)).toBeLessThan(0.04);
  });

  // Volumes and directions are permuted and flipped together: then every sum has the same terms.
  const flips = [0, 1, 2, 3, 4, 5, 6, 7];
  it.each(
    AXIS_ORDERS.flatMap((p) => flips.map((f) => [p, f] as const)),
  )('axes in the order %j with the flips %i of the bits commute with it', async (order, flipBits) => {
    const from: Shape = [9, 11, 13];
    const to = order.map((axis) => from[axis]) as unknown as Shape;
    const sign = [0, 1, 2].map((a) => ((flipBits >> a) & 1 ? -1 : 1));
    const move = (x: Vector) => order.map((axis, a) => sign[a] * x[axis]) as unknown as Vector;
    const value = (x: Vector) => Math.sin(3 * x[0] + x[1]) + 2 * x[2] * x[1] - x[0];
    const original = volumeOf(from, value);
    const turned = volumeOf(to, (x) => {
      const back: [number, number, number] = [0, 0, 0];
      for (const [a, axis] of order.entries()) back[axis] = sign[a] * x[a];
      return value(back);
    });
    const directions = fibonacciDirections(12, { slices: 9 });
    const moved = directions.map((d) => ({ ...d, n: move(d.n), u: move(d.u), v: move(d.v) }));
    for (const response of [meanResponse(size(12)), pooledResponse(4, size(12))]) {
      const G = (await reconstruct(original, response, directions, plain)).data;
      const T = (await reconstruct(turned, response, moved, plain)).data;
      let worst = 0;
      for (let i = 0; i < G.length; i++) {
        const index = [Math.floor(i / (11 * 13)), Math.floor(i / 13) % 11, i % 13];
        const t = order.map((axis, a) => (sign[a] > 0 ? index[axis] : from[axis] - 1 - index[axis]));
        worst = Math.max(worst, Math.abs(G[i] - T[(t[0] * to[1] + t[1]) * to[2] + t[2]]));
      }
      expect(worst).toBeLessThan(1e-4 * Math.max(...G));
    }
  });

  it('a volume’s spacing does not matter: it is a cube', async () => {
    const data = smoothPhantom(shape).data;
    const stretched = createVolume(data, shape, {
      geometry: { affine: [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1] },
    });
    expect(await backFromMeans(stretched, 20, 12, 16)).toEqual(
      await backFromMeans(createVolume(data, shape), 20, 12, 16),
    );
  });
});

describe('the way there', () => {
  const shape: Shape = [17, 18, 19];
  const phantom = smoothPhantom(shape);
  const response = meanResponse(size(18));
  const directions = fibonacciDirections(50, { slices: 17, seed: 3 });

  it('gives the same bytes twice, and the same sum in any order', async () => {
    const first = await reconstruct(phantom, response, directions, plain);
    const second = await reconstruct(
      phantom,
      response,
      fibonacciDirections(50, { slices: 17, seed: 3 }),
      plain,
    );
    expect(second.data).toEqual(first.data);
    const reversed = await reconstruct(phantom, response, [...directions].reverse(), plain);
    for (let i = 0; i < first.data.length; i++)
      expect(Math.abs(first.data[i] - reversed.data[i])).toBeLessThan(1e-5);
  });

  it('reports progress, and each estimate is the heatmap of the directions so far', async () => {
    const seen: (Progress & { heatmap: Promise<Float32Array> })[] = [];
    const whole = await reconstruct(phantom, response, directions, plain, {
      onProgress: (progress) =>
        seen.push({ ...progress, heatmap: progress.estimate() as Promise<Float32Array> }),
    });
    expect(seen[0].done).toBe(1);
    expect(seen.map(({ done }) => done)).toEqual([...seen.map(({ done }) => done)].sort((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({ done: 50, total: 50, slices: 50 * 19 });
    expect(await seen.at(-1)?.heatmap).toEqual(whole.data);
    const middle = seen[5];
    const alone = await reconstruct(phantom, response, directions.slice(0, middle.done), plain);
    const estimate = await middle.heatmap;
    for (let i = 0; i < alone.data.length; i++) expect(estimate[i]).toBeCloseTo(alone.data[i], 5);
  });

  it('stops where it is told to and keeps what is done', async () => {
    const stop = new AbortController();
    const part = await reconstruct(phantom, response, directions, plain, {
      stop: stop.signal,
      onProgress: ({ done }) => done >= 7 && stop.abort(),
    });
    expect(part.done).toBeGreaterThanOrEqual(7);
    expect(part.done).toBeLessThan(50);
    const alone = await reconstruct(phantom, response, directions.slice(0, part.done), plain);
    for (let i = 0; i < alone.data.length; i++) expect(part.data[i]).toBeCloseTo(alone.data[i], 5);
  });

  it('finishes one direction even when it is stopped before it starts', async () => {
    const { done } = await reconstruct(phantom, response, directions, plain, { stop: AbortSignal.abort() });
    expect(done).toBe(1);
  });

  it('rejects with the reason of an aborted signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const work = reconstruct(phantom, response, directions, plain, {
      signal: controller.signal,
      onProgress: ({ done }) => done >= 3 && controller.abort(reason),
    });
    await expect(work).rejects.toBe(reason);
  });

  it('hands out every measurement in the order of the directions', async () => {
    const seen: number[] = [];
    await reconstruct(phantom, response, directions, plain, {
      onMeasured: ({ direction, maps, margin }) => {
        expect([maps[0].count, margin]).toEqual([19, 1]);
        seen.push(direction.index);
      },
    });
    expect(seen).toEqual(directions.map(({ index }) => index));
  });

  it('has no more stacks under way than the response has lanes, and leaves none behind', async () => {
    let under = 0;
    let most = 0;
    const slow: Response = {
      ...response,
      lanes: 3,
      async respond(stack) {
        most = Math.max(most, ++under);
        await new Promise((resume) => setTimeout(resume, Math.random() * 3));
        const maps = await response.respond(stack);
        under--;
        if (stack.direction === directions[20]) throw new Error('broken');
        return maps;
      },
    };
    await expect(reconstruct(phantom, slow, directions, plain)).rejects.toThrow('broken');
    expect(most).toBe(3);
    expect(under).toBe(0);
  });

  it('refuses a volume that is a single slice', async () => {
    const flat = { ...createVolume(new Float32Array(30), [5, 1, 6]), name: 'flat.nii' };
    await expect(reconstruct(flat, response, directions, plain)).rejects.toThrow(
      'flat.nii: A volume of 5×1×6 voxels is a single slice: axis 1 has 1.',
    );
  });

  it('reconstructs each channel of a volume', async () => {
    const both = new Float32Array(2 * phantom.data.length);
    both.set(phantom.data);
    both.set(
      phantom.data.map((v) => -v),
      phantom.data.length,
    );
    const { data, kinds } = await reconstruct(
      createVolume(both, shape, { channels: 2 }),
      response,
      directions,
      plain,
    );
    const single = (await reconstruct(phantom, response, directions, plain)).data;
    expect(kinds).toBe(2);
    for (let i = 0; i < single.length; i++) {
      expect(data[i]).toBeCloseTo(single[i], 5);
      expect(data[single.length + i]).toBeCloseTo(-single[i], 5);
    }
  });
});

describe('a reconstruction that is added to', () => {
  const volume = smoothPhantom([24, 20, 22]);
  const response = meanResponse(size(24));
  const directions = fibonacciDirections(40, { slices: 32, seed: 1 });
  const begin = () => openReconstruction(volume, response, [{ maps: 0, filter: plain }]);

  it('that was stopped and goes on ends in the bytes of one that was not', async () => {
    const whole = await reconstruct(volume, response, directions, plain);
    const open = begin();
    const stop = new AbortController();
    const first = await open.add(directions, {
      stop: stop.signal,
      onProgress: ({ done }) => done === 13 && stop.abort(),
    });
    expect(first.done).toBeGreaterThanOrEqual(13);
    expect(first.done).toBeLessThan(40);
    // Looking at what is there must not change what comes.
    const [early] = await open.heatmaps();
    expect(early?.done).toBe(first.done);
    await open.add(directions.slice(first.done));
    const [heatmap] = await open.finish();
    expect(heatmap.done).toBe(40);
    expect(heatmap.data).toEqual(whole.data);
  });

  it('with a further set is the mean over both, and nearer to the volume', async () => {
    const open = begin();
    await open.add(directions);
    const [before] = await open.heatmaps();
    const further = moreDirections(120, { slices: 32, seed: 1, round: 1 });
    await open.add(further);
    const [after] = await open.finish();
    const alone = await reconstruct(volume, response, further, plain);
    for (let i = 0; i < after.data.length; i += 101) {
      expect(after.data[i]).toBeCloseTo((40 * before!.data[i] + 120 * alone.data[i]) / 160, 4);
    }
    const truth = inBall(volume.data, volume.shape, 0.9);
    const error = (data: Float32Array) => relativeL2(inBall(data, volume.shape, 0.9), truth);
    expect(error(after.data)).toBeLessThan(0.8 * error(before!.data));
  });

  it('keeps what was added before a failure', async () => {
    const open = begin();
    await open.add(directions.slice(0, 5));
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await expect(open.add(directions.slice(5), { signal: abort.signal })).rejects.toThrow('enough');
    expect((await open.heatmaps())[0]?.done).toBe(5);
    open.close();
  });

  it('writes its heatmaps where it is told, with only old and new values on the way', async () => {
    const open = begin();
    await open.add(directions.slice(0, 20));
    const [old] = await open.heatmaps();
    const into = new Float32Array(new SharedArrayBuffer(old!.data.byteLength));
    into.set(old!.data);
    await open.add(directions.slice(20));
    const writing = open.heatmaps({ into: [into] });
    const seen: Float32Array[] = [];
    let written = false;
    writing.then(() => {
      written = true;
    });
    while (!written) {
      seen.push(into.slice());
      // Often between its planes, and at times long enough for what waits for its turn.
      await (seen.length % 50 > 0 ? undefined : new Promise((resume) => setImmediate(resume)));
    }
    const [heatmap] = await writing;
    expect(heatmap).toMatchObject({ done: 40, kinds: 1 });
    expect(heatmap?.data).toBe(into);
    expect(into).toEqual((await open.heatmaps())[0]?.data);
    expect(seen.length).toBeGreaterThan(1);
    for (const values of seen) {
      expect(values.every((value, i) => value === old!.data[i] || value === into[i])).toBe(true);
    }
    expect(await open.finish()).toEqual([{ ...heatmap, data: new Float32Array(into) }]);
  });

  it('without directions has no heatmap', async () => {
    expect(await begin().heatmaps()).toEqual([undefined]);
  });
});
