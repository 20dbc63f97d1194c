/**
 * What a training step looks at (A.6): which volumes, from which direction, and how each slice is turned, stretched,
 * moved and shaded. A draw is made of numbers only; slices are cut from it later, elsewhere, or again.
 */
import { frame } from '../geometry/directions.ts';
import type { Random, Range } from '../geometry/random.ts';
import type { Plane } from '../geometry/sampler.ts';
import type { Vector } from '../volume/volume.ts';

export interface DrawSettings {
  /** Volumes a step, B: as many positive as negative ones. */
  readonly volumes: number;
  /** Slices a volume, M_train: their offsets span −1 to 1; a single one goes through the middle. */
  readonly slices: number;
  readonly augmentation: Augmentation;
}

/** Half-widths of uniform distributions; 0 turns one off. */
export interface Augmentation {
  /** Lengths of u and v are 1 ± this, each by itself. */
  readonly scale: number;
  /** Slices are moved in their plane by ± this along u and along v. */
  readonly translation: number;
  /** The paper writes y = ax + b with a, b ~ U(−0.3, 0.3); a is taken as a gain of 1 + a, which leaves the picture. */
  readonly gain: number;
  /** b, in units of the encoder's input. */
  readonly shift: number;
}

/** The paper's (A.6). */
export const paperAugmentation: Augmentation = { scale: 0.3, translation: 0.3, gain: 0.3, shift: 0.3 };

export interface DrawnSlice extends Plane {
  /** Input of the encoder = gain · pixel + shift. */
  readonly gain: number;
  readonly shift: number;
}

export interface DrawnVolume {
  /** Index of the case. */
  readonly index: number;
  readonly slices: readonly DrawnSlice[];
}

/**
 * The cases that a class's draws are taken from.
 * @param labels 0 or 1 for each case and class.
 */
export class BalancedCases {
  /** For each class: indices of negative and of positive cases. */
  private readonly byClass: readonly (readonly [negative: number[], positive: number[]])[];

  constructor(labels: readonly (readonly number[])[]) {
    const having = (k: number, wanted: number) =>
      labels.flatMap((row, index) => (row[k] === wanted ? [index] : []));
    this.byClass = (labels[0] ?? []).map((_, k) => [having(k, 0), having(k, 1)] as const);
    if (this.byClass.some((sides) => sides.some((side) => side.length === 0))) {
      throw new RangeError('Every class needs a positive and a negative case.');
    }
  }

  /**
   * Draws with replacement: pairs of one negative and one positive case for a class that is drawn for each pair. Of an
   * odd number the last case is of either side.
   */
  draw(count: number, random: Random): number[] {
    const cases: number[] = [];
    while (cases.length < count) {
      const sides = this.byClass[random.below(this.byClass.length)];
      const pair = sides.map((side) => side[random.below(side.length)]);
      cases.push(...(cases.length + 1 < count ? pair : [pair[random.below(2)]]));
    }
    return cases;
  }
}

/** Draws a step. The same stream gives the same draw. */
export function drawStep(
  cases: BalancedCases,
  { volumes, slices, augmentation }: DrawSettings,
  random: Random,
): DrawnVolume[] {
  return cases.draw(volumes, random).map((index) => {
    const n = random.direction();
    return {
      index,
      slices: Array.from({ length: slices }, (_, m) =>
        drawSlice(n, slices > 1 ? (2 * m) / (slices - 1) - 1 : 0, augmentation, random),
      ),
    };
  });
}

/** A slice at s·n with random perpendicular u and v. */
function drawSlice(
  n: Vector,
  s: number,
  { scale, translation, gain, shift }: Augmentation,
  random: Random,
): DrawnSlice {
  const around = (centre: number, half: number): number => random.uniform([centre - half, centre + half]);
  const { u, v } = frame(n, random.uniform(fullTurn));
  const [du, dv] = [around(0, translation), around(0, translation)];
  const times = (vector: Vector, factor: number): Vector => [
    factor * vector[0],
    factor * vector[1],
    factor * vector[2],
  ];
  const origin = [0, 1, 2].map((axis) => s * n[axis] + du * u[axis] + dv * v[axis]);
  return {
    origin: origin as unknown as Vector,
    u: times(u, around(1, scale)),
    v: times(v, around(1, scale)),
    gain: around(1, gain),
    shift: around(0, shift),
  };
}

const fullTurn: Range = [0, 2 * Math.PI];
