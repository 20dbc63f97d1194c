import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillPolygons, type Polygon } from '../../../src/formats/dicom/contours.ts';

const WIDTH = 12;
const HEIGHT = 9;

function filled(polygons: readonly Polygon[]): Float32Array {
  const target = new Float32Array(WIDTH * HEIGHT);
  fillPolygons(polygons, { width: WIDTH, height: HEIGHT, first: 0, stepX: 1, stepY: WIDTH }, target);
  return target;
}

/** How often a polygon goes round a point, by the angles under which its edges are seen from there. */
function winding(polygon: Polygon, x: number, y: number): number {
  let angle = 0;
  for (let i = 0; i < polygon.length; i += 2) {
    const next = (i + 2) % polygon.length;
    const [ax, ay, bx, by] = [polygon[i] - x, polygon[i + 1] - y, polygon[next] - x, polygon[next + 1] - y];
    angle += Math.atan2(ax * by - ay * bx, ax * bx + ay * by);
  }
  return Math.round(angle / (2 * Math.PI));
}

function shoelace(polygon: Polygon): number {
  let twice = 0;
  for (let i = 0; i < polygon.length; i += 2) {
    const next = (i + 2) % polygon.length;
    twice += polygon[i] * polygon[next + 1] - polygon[next] * polygon[i + 1];
  }
  return Math.abs(twice / 2);
}

const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);

/** No whole numbers, so that no centre of a pixel lies on an edge (but by a chance of none). */
const polygon = fc
  .array(fc.double({ min: -3, max: 14, noNaN: true }), { minLength: 3, maxLength: 9 })
  .chain((xs) =>
    fc
      .array(fc.double({ min: -3, max: 14, noNaN: true }), { minLength: xs.length, maxLength: xs.length })
      .map((ys) => xs.flatMap((x, i) => [x + 0.1234567, ys[i] + 0.7654321])),
  );
/** Corners on the centres of pixels. */
const onCentres = fc
  .array(fc.tuple(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 2, max: 6 })), {
    minLength: 3,
    maxLength: 7,
  })
  .map((points) => points.flat());

describe('fillPolygons', () => {
  it('fills what polygons wind round an odd number of times', () => {
    fc.assert(
      fc.property(fc.array(polygon, { minLength: 1, maxLength: 3 }), (polygons) => {
        const mask = filled(polygons);
        for (let y = 0; y < HEIGHT; y++) {
          for (let x = 0; x < WIDTH; x++) {
            const times = polygons.reduce((total, one) => total + winding(one, x, y), 0);
            expect(mask[y * WIDTH + x], `${x}, ${y}`).toBe(Math.abs(times) % 2);
          }
        }
      }),
    );
  });

  it('fills as many pixels as the shoelace formula gives, exactly for rectangles between pixels', () => {
    expect(sum(filled([[0.5, 0.5, 3.5, 0.5, 3.5, 2.5, 0.5, 2.5]]))).toBe(6);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 100, max: 150, noNaN: true }),
        fc.integer({ min: 3, max: 40 }),
        (shift, radius, corners) => {
          const round = Array.from({ length: corners }, (_, i) => [
            200 + shift + radius * Math.cos((2 * Math.PI * i) / corners),
            200 - shift + radius * Math.sin((2 * Math.PI * i) / corners),
          ]).flat();
          const target = new Float32Array(400 * 400);
          fillPolygons([round], { width: 400, height: 400, first: 0, stepX: 1, stepY: 400 }, target);
          // Nosarzewska's inequality: lattice points in a convex region, its area and half its perimeter.
          const half = corners * radius * Math.sin(Math.PI / corners);
          expect(sum(target)).toBeGreaterThan(shoelace(round) - half);
          expect(sum(target)).toBeLessThan(shoelace(round) + half + 1);
          expect(half / shoelace(round)).toBeLessThan(0.04);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('shifts the mask by a pixel when the polygon is', () => {
    fc.assert(
      fc.property(
        onCentres,
        fc.integer({ min: -2, max: 2 }),
        fc.integer({ min: -2, max: 2 }),
        (points, dx, dy) => {
          const here = filled([points]);
          const there = filled([points.map((value, i) => value + (i % 2 === 0 ? dx : dy))]);
          for (let y = 2; y < HEIGHT - 2; y++) {
            for (let x = 2; x < WIDTH - 2; x++) {
              expect(there[(y + dy) * WIDTH + x + dx]).toBe(here[y * WIDTH + x]);
            }
          }
        },
      ),
    );
  });

  it('does not care where a contour begins, or which way it goes', () => {
    fc.assert(
      fc.property(onCentres, fc.nat(), (points, by) => {
        const pairs = Array.from({ length: points.length / 2 }, (_, i) => points.slice(2 * i, 2 * i + 2));
        const start = by % pairs.length;
        const turned = [...pairs.slice(start), ...pairs.slice(0, start)];
        expect(filled([turned.flat()])).toEqual(filled([points]));
        expect(filled([turned.reverse().flat()])).toEqual(filled([points]));
      }),
    );
  });

  it('gives each pixel to one of the polygons that share its edge', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 7 })),
          fc.tuple(
            fc.double({ min: 0.5, max: 10.5, noNaN: true }),
            fc.double({ min: 0.5, max: 7.5, noNaN: true }),
          ),
        ),
        ([x, y]) => {
          const corners = [
            [0, 0],
            [11, 0],
            [11, 8],
            [0, 8],
          ];
          const total = new Float32Array(WIDTH * HEIGHT);
          corners.forEach((corner, i) => {
            const triangle = [...corner, ...corners[(i + 1) % 4], x, y];
            filled([triangle]).forEach((value, at) => {
              total[at] += value;
            });
          });
          expect(total).toEqual(filled([corners.flat()]));
          expect(sum(total)).toBe(11 * 8);
        },
      ),
    );
  });

  it('cuts holes, fills islands in them, and follows a key-hole', () => {
    const square = (from: number, to: number) => [from, from, to, from, to, to, from, to];
    const outer = square(0.5, 7.5);
    const hole = square(2.5, 5.5);
    const island = square(3.5, 4.5);
    const ring = filled([outer, hole]);
    expect(sum(ring)).toBe(49 - 9);
    expect(sum(filled([outer, hole, island]))).toBe(49 - 9 + 1);
    // Out along the outer square, in through a cut, round the hole the other way, out through the same cut.
    const keyHole = [
      ...[0.5, 0.5, 7.5, 0.5, 7.5, 7.5, 0.5, 7.5, 0.5, 0.5],
      ...[2.5, 2.5, 2.5, 5.5, 5.5, 5.5, 5.5, 2.5, 2.5, 2.5],
    ];
    expect(filled([keyHole])).toEqual(ring);
  });

  it('walks through the array by the steps it is given, and touches nothing else', () => {
    // An image of 3 × 2 pixels as the second of the planes along the last axis of a [2, 3, 4] array.
    const target = new Float32Array(24).fill(7);
    fillPolygons(
      [[-1, -1, 1.5, -1, 1.5, 5, -1, 5]],
      { width: 3, height: 2, first: 1, stepX: 4, stepY: 12 },
      target,
    );
    const changed = [...target].flatMap((value, i) => (value === 7 ? [] : [i]));
    expect(changed).toEqual([1, 5, 13, 17]);
    expect(target[1]).toBe(1);
  });

  it('has nothing in points, lines and no polygon at all', () => {
    for (const empty of [[], [3, 3], [1, 1, 6, 5], [1, 1, 6, 1, 9, 1]]) expect(sum(filled([empty]))).toBe(0);
    expect(sum(filled([]))).toBe(0);
  });
});
