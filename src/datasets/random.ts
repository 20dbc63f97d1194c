/**
 * Seeded randomness for made-up data. One seed gives several independent streams, one for each ingredient, so
 * that changing one ingredient (no lesions, more noise) leaves the others as they were. Only exact arithmetic is
 * used: the same seed makes the same bytes in every JavaScript engine.
 */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { Vector } from '../volume/volume.ts';

/** A lower and an upper bound. */
export type Range = readonly [low: number, high: number];

/** A stream of random numbers; every call moves it on. */
export interface Random {
  /** Uniform in [low, high). */
  uniform(range: Range): number;
  /** Mean 0, standard deviation 1, nearly Gaussian, never beyond ±2√3. */
  normal(): number;
  /** Uniform in the open unit ball. */
  inBall(): Vector;
  /** Uniform on the unit sphere. */
  direction(): Vector;
}

/**
 * `count` streams that never overlap.
 * @param seed an integer; its lowest 32 bits count.
 */
export function randomStreams(seed: number, count: number): Random[] {
  const generator = xoroshiro128plus(seed);
  return Array.from({ length: count }, () => {
    // The first stream jumps too: neighbouring seeds start from states that differ in a few bits only.
    generator.jump();
    return createRandom(generator.clone());
  });
}

function createRandom(generator: RandomGenerator): Random {
  const uniform = ([low, high]: Range) => low + (high - low) * uniformFloat64(generator);
  const inBall = (): Vector => {
    for (;;) {
      const point: Vector = [uniform([-1, 1]), uniform([-1, 1]), uniform([-1, 1])];
      if (squaredLength(point) < 1) return point;
    }
  };
  return {
    uniform,
    inBall,
    normal: () => sumOfFour(generator),
    direction: () => {
      for (;;) {
        const point = inBall();
        const length = Math.sqrt(squaredLength(point));
        if (length > 0.1) return [point[0] / length, point[1] / length, point[2] / length];
      }
    },
  };
}

const squaredLength = ([a, b, c]: Vector) => a * a + b * b + c * c;

const STEPS = 2 ** 24 - 1;

/** Four uniform variables of variance 1/12 add up to variance 1/3. Logarithms differ between engines; sums do not. */
function sumOfFour(generator: RandomGenerator): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += uniformInt(generator, 0, STEPS);
  return (sum / STEPS - 2) * Math.sqrt(3);
}
