/**
 * Backprojection of several targets at once: against values worked out by hand, against the formula voxel by voxel in
 * double precision, vectors against plain arithmetic, and byte for byte whatever the number of threads.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DeviceError, VolumeError } from '../../src/errors.ts';
import { axisDirections, type Direction, fibonacciDirections, frame } from '../../src/geometry/directions.ts';
import { randomStreams } from '../../src/geometry/random.ts';
import type { SliceSize } from '../../src/geometry/sampler.ts';
import { handle } from '../../src/reconstruction/backprojection-worker.ts';
import {
  BACKPROJECTION_MODULE,
  Backprojector,
  type BackprojectorOptions,
} from '../../src/reconstruction/backprojector.ts';
import { layOutDirection, type MapSize, planBundles } from '../../src/reconstruction/bundles.ts';
import { type Planes, Slab, type Sums } from '../../src/reconstruction/slab.ts';
import type { Maps } from '../../src/responses/response.ts';
import type { Crew } from '../../src/runtime/crew.ts';
import { openCrew } from '../../src/runtime/node-crew.ts';
import type { Shape, Vector } from '../../src/volume/volume.ts';
import { errorOf } from '../runtime/support.ts';

const maps = (count: number, { kinds, rows, columns }: MapSize, data: ArrayLike<number>): Maps => ({
  ...{ count, kinds, rows, columns },
  data: Float32Array.from(data),
});

/** Maps of random values for each target. */
function randomMaps(seed: number, count: number, targets: readonly MapSize[]): Maps[] {
  const [random] = randomStreams(seed, 1);
  return targets.map((size) => {
    const length = count * size.kinds * size.rows * size.columns;
    return maps(
      count,
      size,
      Float32Array.from({ length }, () => random.normal()),
    );
  });
}

type Settings = Pick<BackprojectorOptions, 'shape' | 'size'>;

/** One slab of the planes, by vectors or by plain arithmetic. */
function slabOf(
  { shape, size }: Settings,
  given: readonly (readonly [Direction, Maps[]])[],
  { planes = [0, shape[0]] as Planes, vectors = true } = {},
): readonly Sums[] {
  const targets = given[0][1];
  const slab = new Slab({ shape, size, targets, planes, vectors });
  const block = given.map(([direction, own]) => layOutDirection(planBundles(targets), own, direction, false));
  const work = slab.read(block);
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** G(x) = Σ p(x·n, x·u, x·v) from its definition: linear along s and in the plane, clamped there, 0 beyond one step. */
function formula(
  [D, H, W]: Shape,
  size: SliceSize,
  given: readonly (readonly [Direction, Maps[]])[],
): number[][] {
  const at = (i: number, length: number) => (length > 1 ? (2 * i) / (length - 1) - 1 : 0);
  const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  return given[0][1].map(({ kinds, rows, columns }, target) => {
    const value = ({ data, count }: Maps, k: number, s: number, r: number, c: number) => {
      let sum = 0;
      for (let m = 0; m < count; m++)
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++) {
            const weight = [s - m, r - i, c - j].reduce(
              (all, far) => all * Math.max(0, 1 - Math.abs(far)),
              1,
            );
            if (weight > 0) sum += weight * data[((m * kinds + k) * rows + i) * columns + j];
          }
      return sum;
    };
    const cell = (x: number, pixels: number, cells: number) => {
      const pixel = ((x + 1) / 2) * (pixels - 1);
      return Math.min(cells - 1, Math.max(0, ((pixel + 0.5) * cells) / pixels - 0.5));
    };
    return Array.from({ length: kinds * D * H * W }, (_, index) => {
      const k = Math.floor(index / (D * H * W));
      const x: Vector = [
        at(Math.floor(index / (H * W)) % D, D),
        at(Math.floor(index / W) % H, H),
        at(index % W, W),
      ];
      return given.reduce((sum, [{ n, u, v, slices }, own]) => {
        const s = ((dot(x, n) + 1) / 2) * (slices - 1);
        return (
          sum +
          value(own[target], k, s, cell(dot(x, u), size.rows, rows), cell(dot(x, v), size.columns, columns))
        );
      }, 0);
    });
  });
}

/** Largest difference. */
function difference(actual: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): number {
  let worst = 0;
  for (const [t, sum] of expected.entries()) {
    if (actual[t].length !== sum.length) return Number.POSITIVE_INFINITY;
    for (let i = 0; i < sum.length; i++) {
      const far = Math.abs(actual[t][i] - sum[i]);
      if (!(far <= worst)) worst = far;
    }
  }
  return worst;
}

async function project(
  options: BackprojectorOptions,
  given: readonly (readonly [Direction, Maps[]])[],
): Promise<Float32Array[]> {
  const backprojector = new Backprojector(options);
  for (const [direction, own] of given) await backprojector.add(direction, own);
  return backprojector.finish();
}

const ways = [
  ['vectors', true],
  ['plain arithmetic', false],
] as const;

describe.each(ways)('values by hand, with %s', (_, vectors) => {
  const single = (shape: Shape, size: SliceSize, direction: Direction, own: Maps) => [
    ...slabOf({ shape, size }, [[direction, [own]]], { vectors })[0],
  ];

  it.each([1, 2, 3, 4, 5])('maps of the grid’s own planes come back as they are, %i kinds', (kinds) => {
    const shape: Shape = [3, 4, 5];
    const [direction] = axisDirections(shape, [0]);
    const data = Array.from({ length: 60 * kinds }, (_, i) => i - 7);
    const own = maps(3, { kinds, rows: 4, columns: 5 }, data);
    const sum = single(shape, { rows: 4, columns: 5 }, direction, own);
    for (let k = 0; k < kinds; k++) {
      for (let d = 0; d < 3; d++) {
        const there = sum.slice((k * 3 + d) * 20, (k * 3 + d + 1) * 20);
        expect(there).toEqual(data.slice((d * kinds + k) * 20, (d * kinds + k + 1) * 20));
      }
    }
  });

  it('cells have half-pixel centres, and the outermost reach to the border', () => {
    const shape: Shape = [2, 4, 4];
    const [direction] = axisDirections(shape, [0]);
    const size = { rows: 4, columns: 4 };
    const own = maps(2, { kinds: 1, rows: 2, columns: 2 }, [0, 4, 40, 44, 8, 8, 8, 8]);
    const row = (start: number) => [start, start + 1, start + 3, start + 4];
    expect(single(shape, size, direction, own)).toEqual([
      ...[...row(0), ...row(10), ...row(30), ...row(40)],
      ...Array(16).fill(8),
    ]);
  });

  it('maps of one row or one column are the same everywhere across it', () => {
    const shape: Shape = [2, 4, 4];
    const [direction] = axisDirections(shape, [0]);
    const size = { rows: 4, columns: 4 };
    const row = single(shape, size, direction, maps(2, { kinds: 1, rows: 1, columns: 2 }, [0, 4, 8, 8]));
    expect(row.slice(0, 16)).toEqual([0, 1, 3, 4, 0, 1, 3, 4, 0, 1, 3, 4, 0, 1, 3, 4]);
    const column = single(shape, size, direction, maps(2, { kinds: 1, rows: 2, columns: 1 }, [0, 4, 8, 8]));
    expect(column.slice(0, 16)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 3, 3, 3, 3, 4, 4, 4, 4]);
  });

  it.each(
    [1, 2, 3].flatMap((kinds) => [1, 3].map((columns) => [kinds, columns] as const)),
  )('a cell that is no number stays away from voxels that it has no part in: %i kinds, %i columns', (kinds, columns) => {
    const shape: Shape = [2, 4, 4];
    const [direction] = axisDirections(shape, [0]);
    const size = { rows: 4, columns: 4 };
    // Voxels of the first two rows lie between the first two of three rows of cells.
    const map = Array.from({ length: 3 * columns }, (_, i) => (i === 2 * columns ? Number.NaN : 5));
    const own = maps(
      2,
      { kinds, rows: 3, columns },
      Array(2 * kinds)
        .fill(map)
        .flat(),
    );
    const sum = single(shape, size, direction, own);
    for (let plane = 0; plane < 2 * kinds; plane++) {
      expect(sum.slice(16 * plane, 16 * plane + 8)).toEqual(Array(8).fill(5));
      expect(sum[16 * plane + 12]).toBeNaN();
    }
  });

  it('fades to zero over one step beyond the outermost slices', () => {
    // s = −2, −1, 0, 1, 2 along the row; with M = 3 a step is 1, with M = 5 it is a half.
    const direction = { n: [0, 0, 2], u: [1, 0, 0], v: [0, 1, 0], index: 0 } as const;
    const size = { rows: 2, columns: 2 };
    const along = (slices: number, row: number) =>
      single(
        [1, 1, row],
        size,
        { ...direction, slices },
        maps(slices, { kinds: 1, rows: 2, columns: 2 }, Array(4 * slices).fill(1)),
      );
    expect(along(3, 5)).toEqual([0, 1, 1, 1, 0]);
    expect(along(3, 17)).toEqual([0, 0.25, 0.5, 0.75, ...Array(9).fill(1), 0.75, 0.5, 0.25, 0]);
    expect(along(5, 17)).toEqual([0, 0, 0, 0.5, ...Array(9).fill(1), 0.5, 0, 0, 0]);
  });
});

const sides = fc.integer({ min: 1, max: 7 });
const targetSizes = fc.array(
  fc.record({ kinds: fc.integer({ min: 1, max: 5 }), rows: sides, columns: sides }),
  { minLength: 1, maxLength: 3 },
);
const axis = fc.constantFrom(0 as const, 1 as const, 2 as const);
const component = fc.double({ min: -1, max: 1, noNaN: true });
const slices = fc.integer({ min: 2, max: 7 });
const direction: fc.Arbitrary<Direction> = fc.oneof(
  fc.tuple(axis, slices).map(([a, M]) => ({ ...axisDirections([M, M, M], [a])[0] })),
  fc
    .tuple(component, component, component, component, slices)
    .filter(([x, y, z]) => Math.hypot(x, y, z) > 0.1)
    .map(([x, y, z, angle, M]) => {
      const length = Math.hypot(x, y, z);
      return { ...frame([x / length, y / length, z / length], 4 * angle), index: 0, slices: M };
    }),
);
const cases = fc.record({
  shape: fc.tuple(sides, sides, fc.integer({ min: 1, max: 21 })),
  size: fc.record({ rows: fc.integer({ min: 2, max: 30 }), columns: fc.integer({ min: 2, max: 30 }) }),
  targets: targetSizes,
  directions: fc.array(direction, { minLength: 1, maxLength: 3 }),
  seed: fc.nat(1000),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;
const givenBy = ({ directions, targets, seed }: Case) =>
  directions.map((d, i) => [d, randomMaps(seed + i, d.slices, targets)] as const);

describe('any directions, grids and maps', () => {
  it.each(ways)('are the formula, with %s', (_, vectors) => {
    fc.assert(
      fc.property(cases, (some) => {
        const given = givenBy(some);
        const actual = slabOf(some, given, { vectors });
        expect(difference(actual, formula(some.shape, some.size, given))).toBeLessThan(4e-6);
      }),
      { numRuns: 150 },
    );
  });

  // Of noise, whose neighbouring cells are as far apart as cells can be: smooth maps agree better.
  it.each([
    [28, 1e-6],
    [56, 2e-6],
    [112, 4e-6],
  ])('vectors agree with plain arithmetic on maps of %i cells a side to %d of the range', (side, share) => {
    const targets = [1, 2, 3].map((kinds) => ({ kinds, rows: side, columns: side }));
    const directions = fibonacciDirections(5, { slices: 40, seed: 1 });
    const given = directions.map((d, i) => [d, randomMaps(i, 40, targets)] as const);
    const settings: Settings = { shape: [21, 22, 70], size: { rows: 224, columns: 224 } };
    const plain = slabOf(settings, given, { vectors: false });
    const range = Math.max(...plain[0]) - Math.min(...plain[0]);
    expect(difference(slabOf(settings, given), plain) / range).toBeLessThan(share);
  });

  it('planes are the same bytes in a slab of their own', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), (some, vectors, cut) => {
        const given = givenBy(some);
        const [D, H, W] = some.shape;
        const border = Math.round(cut * D);
        const whole = slabOf(some, given, { vectors });
        const lower = slabOf(some, given, { vectors, planes: [0, border] });
        const upper = slabOf(some, given, { vectors, planes: [border, D] });
        for (const [t, sum] of whole.entries()) {
          for (let k = 0; k < some.targets[t].kinds; k++) {
            const [at, middle, end] = [k * D, k * D + border, (k + 1) * D].map((d) => d * H * W);
            const kind = (of: Sums, planes: number) => of.slice(k * planes * H * W, (k + 1) * planes * H * W);
            expect(sum.slice(at, middle)).toEqual(kind(lower[t], border));
            expect(sum.slice(middle, end)).toEqual(kind(upper[t], D - border));
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('a target’s sums are those it has alone, whatever others go along, to rounding', () => {
    fc.assert(
      fc.property(cases, (some) => {
        const given = givenBy(some);
        const together = slabOf(some, given);
        const alone = some.targets.map(
          (_, t) =>
            slabOf(
              some,
              given.map(([d, own]) => [d, [own[t]]]),
            )[0],
        );
        expect(difference(together, alone)).toBeLessThan(4e-6);
      }),
      { numRuns: 100 },
    );
  });
});

const shape: Shape = [9, 10, 23];
const size = { rows: 32, columns: 32 };
const targets: MapSize[] = [
  { kinds: 1, rows: 8, columns: 8 },
  { kinds: 1, rows: 8, columns: 8 },
  { kinds: 2, rows: 4, columns: 4 },
  { kinds: 1, rows: 1, columns: 1 },
  { kinds: 5, rows: 2, columns: 3 },
];
/** More than two blocks. */
const given = fibonacciDirections(37, { slices: 12, seed: 2 }).map(
  (d, i) => [d, randomMaps(i, 12, targets)] as const,
);

describe('a backprojector', () => {
  let crew: Crew | undefined;
  afterEach(async () => {
    await crew?.close();
    crew = undefined;
  });

  it('gives the same bytes with a crew of any size and with none', async () => {
    const alone = await project({ shape, size }, given);
    expect(difference(alone, formula(shape, size, given))).toBeLessThan(2e-5);
    for (const threads of [1, 2, 3, 12]) {
      crew = openCrew(BACKPROJECTION_MODULE, threads);
      expect(await project({ shape, size, crew }, given)).toEqual(alone);
      await crew.close();
    }
  });

  it.each([0, 2])('has sums at any time, which change nothing (%i threads)', async (threads) => {
    if (threads) crew = openCrew(BACKPROJECTION_MODULE, threads);
    const backprojector = new Backprojector({ shape, size, crew });
    expect(await backprojector.sums()).toEqual([]);
    const seen: Promise<Float32Array[]>[] = [];
    for (const [i, [direction, own]] of given.entries()) {
      // Asked for before the direction is added, and awaited by nobody until the end.
      const adding = backprojector.add(direction, own);
      if (i % 5 === 0) seen.push(backprojector.sums());
      await adding;
    }
    for (const [i, sums] of (await Promise.all(seen)).entries()) {
      expect(sums).toEqual(await project({ shape, size }, given.slice(0, 5 * i + 1)));
    }
    expect(await backprojector.finish()).toEqual(await project({ shape, size }, given));
  });

  it('writes copies into shared memory, each thread its planes, times a factor', async () => {
    crew = openCrew(BACKPROJECTION_MODULE, 3);
    const pick = ([direction, own]: (typeof given)[number]) =>
      [direction, own.filter(({ kinds }) => kinds === 1)] as const;
    const of = async (threads: typeof crew, into?: Float32Array[]) => {
      const backprojector = new Backprojector({ shape, size, crew: threads });
      for (const [direction, maps] of given.slice(0, 19).map(pick)) await backprojector.add(direction, maps);
      return backprojector.sums({ factors: pick(given[0])[1].map((_, t) => 0.3 + t), into });
    };
    const alone = await of(undefined);
    const into = alone.map((sum) => new Float32Array(new SharedArrayBuffer(sum.byteLength)));
    const shared = await of(crew, into);
    expect(alone.length).toBeGreaterThan(0);
    expect(shared.map(({ buffer }) => buffer)).toEqual(into.map(({ buffer }) => buffer));
    expect(into.map((values) => Float32Array.from(values))).toEqual(alone);
    expect(await of(crew)).toEqual(alone);
  });

  it('serves several in one crew at a time', async () => {
    crew = openCrew(BACKPROJECTION_MODULE, 2);
    const half = given.slice(0, 20);
    const both = await Promise.all([
      project({ shape, size, crew }, given),
      project({ shape, size, crew }, half),
    ]);
    expect(both).toEqual([await project({ shape, size }, given), await project({ shape, size }, half)]);
  });

  it('needs no vectors', async () => {
    const vectors = await project({ shape, size }, given.slice(0, 20));
    const stub = vi.spyOn(WebAssembly, 'Instance').mockImplementation(function refuse() {
      throw new WebAssembly.CompileError('no vectors');
    });
    try {
      const plain = await project({ shape, size }, given.slice(0, 20));
      expect(stub).toHaveBeenCalled();
      expect(difference(plain, vectors)).toBeLessThan(1e-5);
      expect(plain).not.toEqual(vectors);
    } finally {
      stub.mockRestore();
    }
  });

  it('has no more than two blocks wait for a crew', async () => {
    let under = 0;
    let most = 0;
    let last: Promise<unknown> = Promise.resolve();
    const slow: Crew = {
      size: 1,
      ask(_, message) {
        most = Math.max(most, ++under);
        last = last.then(async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          under--;
          return (await handle(message)).value;
        });
        return last;
      },
      async close() {},
    };
    const many = [...given, ...given, ...given, ...given];
    expect(await project({ shape, size, crew: slow }, many)).toEqual(await project({ shape, size }, many));
    // With the reading at the end.
    expect(most).toBe(2);
  });

  it.each([0, 2])('rejects with the reason of an aborted signal (%i threads)', async (threads) => {
    if (threads) crew = openCrew(BACKPROJECTION_MODULE, threads);
    const controller = new AbortController();
    const reason = new Error('enough');
    const options = { shape: [64, 64, 64] as const, size, crew, signal: controller.signal };
    const backprojector = new Backprojector(options);
    setTimeout(() => controller.abort(reason), 30);
    const adding = async () => {
      for (;;) for (const [direction, own] of given) await backprojector.add(direction, own);
    };
    await expect(adding()).rejects.toBe(reason);
    await expect(backprojector.finish()).rejects.toBe(reason);
    if (crew)
      expect(await project({ shape, size, crew }, given)).toEqual(await project({ shape, size }, given));
  });

  it('rejects when a thread of its crew goes', async () => {
    crew = openCrew(BACKPROJECTION_MODULE, 2);
    const backprojector = new Backprojector({ shape, size, crew });
    await backprojector.add(...given[0]);
    await crew.close();
    await expect(backprojector.sums()).rejects.toBeInstanceOf(DeviceError);
  });

  it.each([0, 2])('says that heatmaps are too large (%i threads)', async (threads) => {
    if (threads) crew = openCrew(BACKPROJECTION_MODULE, threads);
    const backprojector = new Backprojector({ shape: [40_000, 40_000, 4_000], size, crew });
    const error = await errorOf(backprojector.add(...given[0]));
    expect(error).toBeInstanceOf(VolumeError);
    expect(error.message).toBe(
      'heatmap: 10 maps of 40000×40000×4000 voxels need 238418.6 GiB, more than this machine gives. Choose fewer maps or one class, or resample the volume to fewer voxels.',
    );
  });

  it('takes nothing more after its end, nor maps of other sizes', async () => {
    const [direction, own] = given[0];
    const finished = new Backprojector({ shape, size });
    await finished.add(direction, own);
    await finished.finish();
    finished.close();
    await expect(finished.add(direction, own)).rejects.toThrow('finished');
    const closed = new Backprojector({ shape, size });
    closed.close();
    await expect(closed.sums()).rejects.toThrow('closed');
    const other = new Backprojector({ shape, size });
    await other.add(direction, own);
    await expect(other.add(direction, own.slice(1))).rejects.toThrow('sizes of the first');
  });
});
