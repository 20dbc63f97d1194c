/**
 * Directions are unit normals of stacks of parallel slices, each with two in-plane axes and a number of slices.
 * The paper spreads them over the sphere with a Fibonacci lattice (section 3.3) and turns each frame about its
 * normal by a random angle (A.1). They are handed out in an order whose every prefix is already spread evenly,
 * so that a reconstruction can be looked at, or ended, at any time.
 */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { Shape, Vector } from '../volume/volume.ts';

/** A right-handed orthonormal frame: slices lie perpendicular to n, their rows follow u, their columns v. */
export interface Frame {
  readonly n: Vector;
  readonly u: Vector;
  readonly v: Vector;
}

/** A frame with its place in the set of directions and the number of slices M cut along it over s in [−1, 1]. */
export interface Direction extends Frame {
  /** Index in the lattice (not in the order of visiting). */
  readonly index: number;
  /** M of Eq. 9; the stack has further slices beyond ±1 where a filter needs them. */
  readonly slices: number;
}

const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

/**
 * The Fibonacci lattice of section 3.3: y = 2l/(L−1) − 1 on axis 1, turned by the golden angle from point to point.
 * @param count L, at least 2.
 * @returns L unit vectors ordered (axis 0, axis 1, axis 2) = (x, y, z) of the paper.
 */
export function fibonacciLattice(count: number): Vector[] {
  if (!Number.isInteger(count) || count < 2) {
    throw new RangeError(`A Fibonacci lattice needs a whole number of at least 2 directions, not ${count}.`);
  }
  return Array.from({ length: count }, (_, l) => {
    const y = (2 * l) / (count - 1) - 1;
    const r = Math.sqrt(Math.max(0, 1 - y * y));
    return [r * Math.cos(l * GOLDEN_ANGLE), y, r * Math.sin(l * GOLDEN_ANGLE)];
  });
}

/**
 * An order in which every prefix is spread over the sphere: each next point is the one that lowers the prefix's
 * L2 spherical cap discrepancy most. By Stolarsky's invariance principle (Proc. AMS 41, 1973) that is the point
 * with the largest sum of distances to those before it. A plane has two normals, so each point counts together
 * with its antipode. O(L²) time: 20 ms for L = 2000.
 * @returns the indices of `points` in the order of visiting, starting with 0.
 */
export function spreadOrder(points: readonly Vector[]): Uint32Array {
  const count = points.length;
  const order = new Uint32Array(count);
  const distances = new Float64Array(count);
  const visited = new Uint8Array(count);
  let last = 0;
  visited[0] = 1;
  for (let k = 1; k < count; k++) {
    const [x, y, z] = points[last];
    let best = -1;
    for (let l = 0; l < count; l++) {
      if (visited[l]) continue;
      const p = points[l];
      const cosine = Math.min(1, Math.abs(x * p[0] + y * p[1] + z * p[2]));
      distances[l] += Math.sqrt(2 - 2 * cosine) + Math.sqrt(2 + 2 * cosine);
      if (best < 0 || distances[l] > distances[best]) best = l;
    }
    order[k] = best;
    visited[best] = 1;
    last = best;
  }
  return order;
}

/**
 * Two unit vectors perpendicular to n and to one another, turned about n by `angle` radians. The starting pair
 * is a continuous function of n but at one point (Duff et al., "Building an Orthonormal Basis, Revisited",
 * JCGT 2017).
 */
export function frame(n: Vector, angle: number): Frame {
  const [x, y, z] = n;
  const sign = z < 0 ? -1 : 1;
  const a = -1 / (sign + z);
  const b = x * y * a;
  const u0: Vector = [1 + sign * x * x * a, sign * b, -sign * x];
  const v0: Vector = [b, sign + y * y * a, -y];
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  const mix = (p: number, q: number): Vector => [
    p * u0[0] + q * v0[0],
    p * u0[1] + q * v0[1],
    p * u0[2] + q * v0[2],
  ];
  return { n, u: mix(c, s), v: mix(-s, c) };
}

/**
 * The paper's directions: Fibonacci normals with seeded random in-plane angles, in the order of `spreadOrder`.
 * The angle of a normal depends on the seed and its lattice index only.
 * @param count L.
 * @param slices M, at least 2.
 */
export function fibonacciDirections(
  count: number,
  { slices, seed = 0 }: { slices: number; seed?: number },
): Direction[] {
  checkSlices(slices);
  const random = xoroshiro128plus(seed);
  // Neighbouring seeds start from states that differ in a few bits only.
  random.jump();
  return turnedFrames(fibonacciLattice(count), random, slices);
}

/**
 * A further set for a reconstruction that has had the one of `fibonacciDirections`: lattices of different L have no point
 * in common but the poles, so that what is added to a set is another lattice, turned as a whole by a random rotation.
 * @param count directions of this set, at least 2.
 * @param round from 1: each has a rotation and in-plane angles of its own.
 */
export function moreDirections(
  count: number,
  { slices, seed = 0, round }: { slices: number; seed?: number; round: number },
): Direction[] {
  checkSlices(slices);
  if (!Number.isInteger(round) || round < 1) {
    throw new RangeError(`Rounds of further directions are counted from 1, not ${round}.`);
  }
  const random = xoroshiro128plus(seed);
  // A jump is 2^64 draws: no two rounds share a number.
  for (let i = 0; i <= round; i++) random.jump();
  const turn = randomRotation(random);
  return turnedFrames(fibonacciLattice(count).map(turn), random, slices);
}

/** Each normal with a random in-plane angle, the angles drawn in the order of the lattice. */
function turnedFrames(normals: readonly Vector[], random: RandomGenerator, slices: number): Direction[] {
  const frames = normals.map((n) => frame(n, 2 * Math.PI * uniformFloat64(random)));
  return Array.from(spreadOrder(normals), (index) => ({ ...frames[index], index, slices }));
}

/** A rotation drawn evenly from all (Shoemake, "Uniform Random Rotations", Graphics Gems III, 1992). */
function randomRotation(random: RandomGenerator): (vector: Vector) => Vector {
  const [share, first, second] = [0, 1, 2].map(() => uniformFloat64(random));
  const [a, b] = [Math.sqrt(1 - share), Math.sqrt(share)];
  const [x, y] = [a * Math.sin(2 * Math.PI * first), a * Math.cos(2 * Math.PI * first)];
  const [z, w] = [b * Math.sin(2 * Math.PI * second), b * Math.cos(2 * Math.PI * second)];
  return ([p, q, r]) => [
    (1 - 2 * (y * y + z * z)) * p + 2 * (x * y - z * w) * q + 2 * (x * z + y * w) * r,
    2 * (x * y + z * w) * p + (1 - 2 * (x * x + z * z)) * q + 2 * (y * z - x * w) * r,
    2 * (x * z - y * w) * p + 2 * (y * z + x * w) * q + (1 - 2 * (x * x + y * y)) * r,
  ];
}

/**
 * Directions along array axes with one slice on every plane of voxels, for the slice-wise baselines (4.3, A.8).
 * Rows follow the first of the two other axes, columns the second.
 */
export function axisDirections(shape: Shape, axes: readonly (0 | 1 | 2)[]): Direction[] {
  const unit = (axis: number): Vector => [axis === 0 ? 1 : 0, axis === 1 ? 1 : 0, axis === 2 ? 1 : 0];
  return axes.map((axis, index) => {
    checkSlices(shape[axis]);
    const [row, column] = [0, 1, 2].filter((other) => other !== axis);
    return { n: unit(axis), u: unit(row), v: unit(column), index, slices: shape[axis] };
  });
}

function checkSlices(slices: number): void {
  if (!Number.isInteger(slices) || slices < 2) {
    throw new RangeError(`A stack needs a whole number of at least 2 slices, not ${slices}.`);
  }
}
