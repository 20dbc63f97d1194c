import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sampleSlice } from '../../src/geometry/sampler.ts';
import { type TrainingCase, VolumeCache } from '../../src/training/cases.ts';
import type { Shape } from '../../src/volume/volume.ts';
import { errorOf } from '../runtime/support.ts';
import { caseOf, noise } from './support.ts';

/** Cases of so many voxels each, and how often each was read. */
function counted(lengths: readonly number[], fails: (index: number, time: number) => boolean = () => false) {
  const loads = lengths.map(() => 0);
  const cases = lengths.map((length, index) =>
    caseOf(`case ${index}`, [0], () => index, {
      shape: [1, 1, length],
      onLoad: () => {
        if (fails(index, ++loads[index])) throw new Error(`no case ${index}`);
      },
    }),
  );
  return { cases, loads };
}
const voxels = (count: number) => 4 * count;

describe('the cache', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6, size: 'max' });
  const plan = lengths.chain((all) =>
    fc.tuple(
      fc.constant(all),
      fc.nat(12),
      fc.array(fc.record({ index: fc.nat(all.length - 1), fails: fc.nat(4).map((n) => n === 0) }), {
        maxLength: 40,
        size: 'max',
      }),
    ),
  );

  test('keeps the volumes that were drawn last, as many as fit; what failed is tried again', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ([all, limit, steps]) => {
        let now = { index: -1, fails: false };
        const { cases, loads } = counted(all, () => now.fails);
        const cache = new VolumeCache(cases, voxels(limit));
        // From the one drawn longest ago to the one drawn last.
        let kept: number[] = [];
        const total = () => kept.reduce((sum, index) => sum + all[index], 0);
        for (now of steps) {
          const { index, fails } = now;
          const before = loads[index];
          const known = kept.includes(index);
          const outcome = await cache.get(index).then(
            ({ sliced }) => sliced.data,
            (error: Error) => error,
          );
          expect(loads[index] - before).toBe(known ? 0 : 1);
          if (fails && !known) {
            expect(outcome).toEqual(new Error(`no case ${index}`));
            continue;
          }
          expect(outcome).toEqual(new Float32Array(all[index]).fill(index));
          kept = [...kept.filter((other) => other !== index), index];
          while (total() > limit && kept.length > 1) kept.shift();
        }
      }),
      { numRuns: 300 },
    );
  });

  test('reads a volume once for all who ask for it at once', async () => {
    const { cases, loads } = counted([3, 3]);
    const cache = new VolumeCache(cases, voxels(100));
    const [a, b, c] = await Promise.all([0, 0, 1].map((index) => cache.get(index)));
    expect(loads).toEqual([1, 1]);
    expect(a).toBe(b);
    expect(c).not.toBe(a);
    expect(await cache.get(0)).toBe(a);
  });

  test('tells all who ask at once that reading failed, and tries again for the next', async () => {
    const { cases, loads } = counted([3], (_, time) => time === 1);
    const cache = new VolumeCache(cases, voxels(100));
    const errors = await Promise.all([0, 0].map((index) => errorOf(cache.get(index))));
    expect(errors.map(({ message }) => message)).toEqual(['no case 0', 'no case 0']);
    expect(loads).toEqual([1]);
    expect((await cache.get(0)).sliced.data).toEqual(new Float32Array(3));
    expect(loads).toEqual([2]);
  });

  test('keeps one of two that do not fit together, although both are read at once', async () => {
    for (const limit of [4, 2]) {
      const { cases, loads } = counted([3, 3]);
      const cache = new VolumeCache(cases, voxels(limit));
      await Promise.all([cache.get(0), cache.get(1)]);
      await cache.get(1);
      expect(loads).toEqual([1, 1]);
      await cache.get(0);
      expect(loads).toEqual([2, 1]);
    }
  });

  test('a volume that cannot be read takes no other with it and no room', async () => {
    const { cases, loads } = counted([3, 3, 3], (index, time) => index === 2 && time < 20);
    const cache = new VolumeCache(cases, voxels(7));
    for (let time = 0; time < 10; time++) {
      const outcomes = await Promise.allSettled([cache.get(0), cache.get(1), cache.get(2)]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    }
    expect(loads).toEqual([1, 1, 10]);
  });

  test('while one is read another one fills the room: neither is forgotten, nor the limit', async () => {
    const { cases, loads } = counted([3, 3, 3]);
    let read = () => {};
    const late: TrainingCase = {
      ...cases[2],
      load: async () => {
        await new Promise<void>((resolve) => {
          read = resolve;
        });
        return cases[2].load();
      },
    };
    const cache = new VolumeCache([cases[0], cases[1], late], voxels(6));
    await cache.get(0);
    const reading = cache.get(2);
    await cache.get(1);
    const again = cache.get(2);
    read();
    expect(await reading).toBe(await again);
    // Of three there is room for two: the first had to go.
    await cache.get(1);
    await cache.get(2);
    expect(loads).toEqual([1, 1, 1]);
    await cache.get(0);
    expect(loads).toEqual([2, 1, 1]);
  });
});

describe('a volume that is ready', () => {
  test('has its channels and its scaling', async () => {
    const given = caseOf('a', [1], (i, c) => 10 * c + noise(i), {
      channels: 2,
      encoderChannels: 2,
      preprocessing: { scale: [2, 3], mean: [1, 0], std: [4, 5], outside: -1 },
    });
    const { volume, source, gain, offset } = await given.load();
    const ready = await new VolumeCache([given], 0).get(0);
    expect(ready).toEqual({
      sliced: volume,
      scaling: { volume: { channels: 2 }, source, gain, offset },
    });
    expect(ready.scaling).toMatchObject({ source: [0, 1], gain: [0.5, 0.6], offset: [-0.75, -0.6] });
  });

  test('is laid out for cutting where it is large, with the same slices', async () => {
    const shape: Shape = [41, 160, 161];
    const given = caseOf('large', [1], noise, { shape });
    const { volume } = await given.load();
    const { sliced } = await new VolumeCache([given], 0).get(0);
    expect(sliced.layout).toBeDefined();
    const plane = { origin: [0.1, 0, -0.2], u: [0.5, 0.6, 0], v: [0, -0.4, 0.7] } as const;
    const [expected, actual] = [new Float32Array(64), new Float32Array(64)];
    sampleSlice(volume, plane, { rows: 8, columns: 8 }, expected);
    sampleSlice(sliced, plane, { rows: 8, columns: 8 }, actual);
    expect(actual).toEqual(expected);
  });
});
