/**
 * Seeded randomness. One seed gives many independent streams, one for each ingredient of a phantom or each step of a
 * training, so that changing one (no lesions, more noise) leaves the others as they were. Only exact arithmetic is
 * used: the same seed makes the same bytes in every JavaScript engine.
 */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { Vector } from '../volume/volume.ts';

/** A lower and an upper bound. */
export type Range = readonly [low: number, high: number];

/** A stream of random numbers; every call moves it on. */
export interface Random {
  /** Uniform in [low, high). */
  uniform(range: Range): number;
  /** A whole number from 0 to before `count`. */
  below(count: number): number;
  /** Mean 0, standard deviation 1, nearly Gaussian, never beyond ±2√3. */
  normal(): number;
  /** Uniform in the open unit ball. */
  inBall(): Vector;
  /** Uniform on the unit sphere. */
  direction(): Vector;
}

/** Streams that never overlap, one after the other, from a seed or from where another source stood. */
export class StreamSource {
  private readonly generator: JumpableRandomGenerator;

  /** @param from a seed, an integer whose lowest 32 bits count; or a `state`. */
  constructor(from: number | readonly number[]) {
    this.generator = typeof from === 'number' ? xoroshiro128plus(from) : xoroshiro128plusFromState(from);
  }

  /** The next stream. */
  next(): Random {
    // The first stream jumps too: neighbouring seeds start from states that differ in a few bits only.
    this.generator.jump();
    return createRandom(this.generator.clone());
  }

  /** What a source must be made from to give the streams that this one has not given yet. */
  get state(): readonly number[] {
    return this.generator.getState();
  }
}

/** The first `count` streams of a seed. */
export function randomStreams(seed: number, count: number): Random[] {
  const source = new StreamSource(seed);
  return Array.from({ length: count }, () => source.next());
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
    below: (count) => uniformInt(generator, 0, count - 1),
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
