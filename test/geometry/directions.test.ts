import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  axisDirections,
  fibonacciDirections,
  fibonacciLattice,
  frame,
  moreDirections,
  spreadOrder,
} from '../../src/geometry/directions.ts';
import type { Vector } from '../../src/volume/volume.ts';

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

describe('Fibonacci lattice', () => {
  it('is the paper’s formula (3.3)', () => {
    const points = fibonacciLattice(5);
    const angle = Math.PI * (3 - Math.sqrt(5));
    expect(points[0]).toEqual([0, -1, 0]);
    expect(points[2][0]).toBeCloseTo(Math.cos(2 * angle), 12);
    expect(points[2][1]).toBe(0);
    expect(points[2][2]).toBeCloseTo(Math.sin(2 * angle), 12);
    expect(points[4][1]).toBe(1);
  });

  it('has unit vectors that average out', () => {
    const points = fibonacciLattice(1000);
    for (const p of points) expect(dot(p, p)).toBeCloseTo(1, 12);
    for (const axis of [0, 1, 2]) {
      expect(Math.abs(points.reduce((sum, p) => sum + p[axis], 0) / 1000)).toBeLessThan(2e-3);
      // The second moment of the uniform distribution on the sphere is 1/3 on each axis.
      expect(points.reduce((sum, p) => sum + p[axis] ** 2, 0) / 1000).toBeCloseTo(1 / 3, 2);
    }
  });

  it.each([1, 0, -3, 2.5, Number.NaN])('refuses %s directions', (count) => {
    expect(() => fibonacciLattice(count)).toThrow(/at least 2 directions/);
  });
});

describe('frames', () => {
  it('are right-handed and orthonormal for every normal and angle', () => {
    const coordinate = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        coordinate,
        coordinate,
        coordinate,
        fc.double({ min: -7, max: 7, noNaN: true }),
        (x, y, z, a) => {
          const length = Math.hypot(x, y, z);
          fc.pre(length > 1e-3);
          const { n, u, v } = frame([x / length, y / length, z / length], a);
          for (const w of [n, u, v]) expect(dot(w, w)).toBeCloseTo(1, 10);
          for (const [p, q] of [
            [n, u],
            [n, v],
            [u, v],
          ])
            expect(dot(p, q)).toBeCloseTo(0, 10);
          expect(dot(cross(u, v), n)).toBeCloseTo(1, 10);
        },
      ),
    );
  });

  it('turn with the angle', () => {
    const still = frame([0, 0, 1], 0);
    const turned = frame([0, 0, 1], Math.PI / 2);
    expect(dot(turned.u, still.v)).toBeCloseTo(1, 12);
    expect(dot(turned.v, still.u)).toBeCloseTo(-1, 12);
  });

  it('come from the seed alone', () => {
    const a = fibonacciDirections(50, { slices: 8, seed: 7 });
    expect(fibonacciDirections(50, { slices: 8, seed: 7 })).toEqual(a);
    const b = fibonacciDirections(50, { slices: 8, seed: 8 });
    expect(b.map(({ n }) => n)).toEqual(a.map(({ n }) => n));
    expect(b.filter(({ u }, i) => Math.abs(dot(u, a[i].u) - 1) < 1e-6)).toHaveLength(0);
  });
});

describe('order of visiting', () => {
  it('is a permutation of the lattice', () => {
    const order = fibonacciDirections(333, { slices: 4 }).map(({ index }) => index);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 333 }, (_, i) => i));
  });

  it('spreads every prefix: second moments near 1/3 long before the end', () => {
    const points = fibonacciLattice(2000);
    const order = spreadOrder(points);
    for (const count of [12, 25, 50, 100, 400, 1000]) {
      for (const axis of [0, 1, 2]) {
        let moment = 0;
        for (let k = 0; k < count; k++) moment += points[order[k]][axis] ** 2 / count;
        expect(Math.abs(moment - 1 / 3)).toBeLessThan(0.8 / count ** 0.75);
      }
    }
    // The lattice's own order starts at a pole: its first 100 of 2000 have nearly all of their moment on axis 1.
    const own = points.slice(0, 100).reduce((sum, p) => sum + p[1] ** 2 / 100, 0);
    expect(own).toBeGreaterThan(0.85);
  });

  it('leaves no large gap: every direction is near one of the first fifty or its antipode', () => {
    const points = fibonacciLattice(1000);
    const prefix = Array.from(spreadOrder(points).slice(0, 50), (l) => points[l]);
    // Fifty planes share out 2π of solid angle; a disc of that area has a radius of 11.5°.
    const worst = Math.min(...points.map((p) => Math.max(...prefix.map((q) => Math.abs(dot(p, q))))));
    expect((Math.acos(worst) * 180) / Math.PI).toBeLessThan(23);
  });
});

describe('axis directions', () => {
  it('have a slice on every plane of voxels and the other two axes as rows and columns', () => {
    expect(axisDirections([5, 6, 7], [1])).toEqual([
      { n: [0, 1, 0], u: [1, 0, 0], v: [0, 0, 1], index: 0, slices: 6 },
    ]);
    expect(axisDirections([5, 6, 7], [0, 1, 2]).map(({ slices }) => slices)).toEqual([5, 6, 7]);
  });
});

describe('further directions', () => {
  const second = moreDirections(60, { slices: 8, seed: 3, round: 1 });

  it('are the lattice, turned as a whole', () => {
    const angles = (normals: readonly Vector[]) =>
      normals.flatMap((a, i) => normals.slice(i + 1).map((b) => dot(a, b)));
    const turned = [...second].sort((a, b) => a.index - b.index).map(({ n }) => n);
    const [own, plain] = [angles(turned), angles(fibonacciLattice(60))];
    for (const [i, angle] of own.entries()) expect(angle).toBeCloseTo(plain[i], 12);
  });

  it('are frames, and share no normal with the first set or another round', () => {
    const sets = [
      fibonacciDirections(60, { slices: 8, seed: 3 }),
      second,
      moreDirections(60, { slices: 8, seed: 3, round: 2 }),
      moreDirections(60, { slices: 8, seed: 4, round: 1 }),
    ];
    for (const { n, u, v, slices } of second) {
      expect(dot(n, n)).toBeCloseTo(1, 12);
      expect(dot(n, u)).toBeCloseTo(0, 12);
      expect(cross(u, v).map((value, i) => value - n[i])).toEqual([
        expect.closeTo(0, 12),
        expect.closeTo(0, 12),
        expect.closeTo(0, 12),
      ]);
      expect(slices).toBe(8);
    }
    for (const [i, set] of sets.entries()) {
      for (const other of sets.slice(i + 1).flat()) {
        for (const { n } of set) expect(Math.abs(dot(n, other.n))).toBeLessThan(1 - 1e-7);
      }
    }
  });

  it('come from seed and round alone, and rounds begin at 1', () => {
    expect(moreDirections(60, { slices: 8, seed: 3, round: 1 })).toEqual(second);
    expect(() => moreDirections(60, { slices: 8, round: 0 })).toThrow('counted from 1');
  });

  it('are turned evenly over the sphere: the turned pole has mean 0 and second moments 1/3', () => {
    const poles = Array.from({ length: 2000 }, (_, seed) => {
      const [{ n }] = moreDirections(2, { slices: 2, seed, round: 1 });
      return n;
    });
    for (const axis of [0, 1, 2]) {
      const mean = (power: number) => poles.reduce((sum, n) => sum + n[axis] ** power, 0) / poles.length;
      // Five deviations: those of the mean and the second moment are √(1/3)/√2000 and √(4/45)/√2000.
      expect(Math.abs(mean(1))).toBeLessThan(0.065);
      expect(Math.abs(mean(2) - 1 / 3)).toBeLessThan(0.034);
    }
  });
});
