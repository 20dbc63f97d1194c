import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Random, randomStreams, StreamSource } from '../../src/geometry/random.ts';

const seeds = fc.integer();
const some = (random: Random, count = 20) => Array.from({ length: count }, () => random.uniform([0, 1]));
const [stream] = randomStreams(11, 1);
/** Mean of a function of `count` draws. */
const mean = (count: number, draw: () => number) => {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += draw();
  return sum / count;
};

describe('sources of streams', () => {
  it('go on where another one stood, as JSON keeps it', () => {
    fc.assert(
      fc.property(seeds, fc.nat(20), fc.nat(5), (seed, before, after) => {
        const source = new StreamSource(seed);
        for (let i = 0; i < before; i++) source.next();
        const state = JSON.parse(JSON.stringify(source.state)) as number[];
        const resumed = new StreamSource(state);
        expect(resumed.state).toEqual(source.state);
        for (let i = 0; i <= after; i++) expect(some(resumed.next())).toEqual(some(source.next()));
        expect(resumed.state).toEqual(source.state);
      }),
    );
  });

  it('do not depend on what is drawn from their streams', () => {
    fc.assert(
      fc.property(seeds, fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }), (seed, draws) => {
        const [used, unused] = [new StreamSource(seed), new StreamSource(seed)];
        for (const count of draws) {
          some(used.next(), count);
          unused.next();
        }
        expect(used.state).toEqual(unused.state);
        expect(some(used.next())).toEqual(some(unused.next()));
      }),
    );
  });

  it('give the streams of a seed, in their order', () => {
    const source = new StreamSource(5);
    expect(randomStreams(5, 4).map((random) => some(random))).toEqual(
      Array.from({ length: 4 }, () => some(source.next())),
    );
  });

  it('give other numbers for every seed, neighbours too, and in every stream', () => {
    const first = [0, 1, 2, 3, -1, -2, 2 ** 31 - 1].flatMap((seed) =>
      randomStreams(seed, 5).map((random) => some(random, 3).join()),
    );
    expect(new Set(first).size).toBe(first.length);
    // The first numbers of neighbouring seeds are spread over all of [0, 1).
    const starts = Array.from({ length: 400 }, (_, seed) => some(randomStreams(seed, 1)[0], 1)[0]);
    expect(starts.reduce((a, b) => a + b) / 400).toBeCloseTo(0.5, 1);
    expect(starts.filter((value) => value < 0.25).length / 400).toBeCloseTo(0.25, 1);
  });
});

describe('distributions', () => {
  const count = 40_000;

  it('uniform within bounds', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: -1e6, max: 1e6, noNaN: true }), (seed, low) => {
        const [random] = randomStreams(seed, 1);
        const high = low + Math.abs(low) + 1;
        for (let i = 0; i < 20; i++) {
          const value = random.uniform([low, high]);
          expect(value >= low && value < high).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
    expect(mean(count, () => stream.uniform([-2, 4]))).toBeCloseTo(1, 1);
    // Variance: the width squared by 12.
    expect(mean(count, () => (stream.uniform([-2, 4]) - 1) ** 2)).toBeCloseTo(3, 1);
  });

  it('whole numbers, each as often', () => {
    const counts = Array<number>(7).fill(0);
    for (let i = 0; i < 7 * 4000; i++) counts[stream.below(7)]++;
    expect(counts).toHaveLength(7);
    for (const times of counts) expect(Math.abs(times - 4000)).toBeLessThan(4 * Math.sqrt(4000));
    expect(stream.below(1)).toBe(0);
  });

  it('normal: mean 0, deviation 1, and never beyond 2√3', () => {
    let [sum, squares, fourth, most] = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const value = stream.normal();
      sum += value;
      squares += value ** 2;
      fourth += value ** 4;
      most = Math.max(most, Math.abs(value));
    }
    expect(Math.abs(sum / count)).toBeLessThan(0.02);
    expect(squares / count).toBeCloseTo(1, 1);
    // Four uniform variables: a kurtosis of 3 − 6/5/4.
    expect(fourth / count).toBeCloseTo(2.7, 1);
    expect(most).toBeLessThanOrEqual(2 * Math.sqrt(3));
    expect(most).toBeGreaterThan(3);
  });

  it('points in the ball and directions on the sphere', () => {
    let [radii, worst] = [0, 0];
    const first = [0, 0, 0];
    const second = Array<number>(9).fill(0);
    const fourth = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      const p = stream.inBall();
      radii += p[0] ** 2 + p[1] ** 2 + p[2] ** 2;
      const d = stream.direction();
      worst = Math.max(worst, Math.abs(Math.hypot(...d) - 1));
      for (let a = 0; a < 3; a++) {
        first[a] += d[a] / count;
        fourth[a] += d[a] ** 4 / count;
        for (let b = 0; b < 3; b++) second[3 * a + b] += (d[a] * d[b]) / count;
      }
    }
    // E r² = ∫ r⁴ dr / ∫ r² dr.
    expect(radii / count).toBeCloseTo(3 / 5, 2);
    expect(worst).toBeLessThan(1e-14);
    for (let a = 0; a < 3; a++) {
      expect(Math.abs(first[a])).toBeLessThan(0.01);
      expect(Math.abs(fourth[a] - 1 / 5)).toBeLessThan(0.005);
      for (let b = 0; b < 3; b++) {
        expect(Math.abs(second[3 * a + b] - (a === b ? 1 / 3 : 0))).toBeLessThan(0.006);
      }
    }
  });
});
