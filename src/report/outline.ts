/**
 * The outline of a mask's plane by marching squares: around every corner where four pixels meet, the pixels inside
 * and outside are parted by straight pieces between the midpoints of neighbouring pixels' centres. What lies
 * outside the plane counts as outside the mask, so that outlines are always closed.
 */
import type { Segment } from './canvas.ts';
import type { Plane } from './planes.ts';

type Point = readonly [x: number, y: number];

/** Midpoints of a corner's four links, relative to it: between its upper, right, lower and left two pixels. */
const [UP, RIGHT, DOWN, LEFT]: readonly Point[] = [
  [0, -0.5],
  [0.5, 0],
  [0, 0.5],
  [-0.5, 0],
];

/**
 * Pieces for each of the 16 cases: 1 for the upper left pixel, 2 upper right, 4 lower right, 8 lower left. Pixels
 * that touch at a corner only stay apart.
 */
const PIECES: readonly (readonly (readonly [Point, Point])[])[] = [
  [],
  [[LEFT, UP]],
  [[UP, RIGHT]],
  [[LEFT, RIGHT]],
  [[RIGHT, DOWN]],
  [
    [LEFT, UP],
    [RIGHT, DOWN],
  ],
  [[UP, DOWN]],
  [[LEFT, DOWN]],
  [[DOWN, LEFT]],
  [[UP, DOWN]],
  [
    [UP, RIGHT],
    [DOWN, LEFT],
  ],
  [[RIGHT, DOWN]],
  [[LEFT, RIGHT]],
  [[UP, RIGHT]],
  [[LEFT, UP]],
  [],
];

/**
 * The outline of the pixels above ½.
 * @returns pieces in units of pixels, (0, 0) being the plane's upper left corner; empty for an empty mask.
 */
export function outlineOf({ width, height, values }: Plane): Segment[] {
  const inside = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] > 0.5 ? 1 : 0;
  const pieces: Segment[] = [];
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      const corner = inside(x - 1, y - 1) + 2 * inside(x, y - 1) + 4 * inside(x, y) + 8 * inside(x - 1, y);
      for (const [from, to] of PIECES[corner]) {
        pieces.push([x + from[0], y + from[1], x + to[0], y + to[1]]);
      }
    }
  }
  return pieces;
}
