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
export function outlineOf({
  width,
  height,
  values,
}: Pick<Plane, 'width' | 'height'> & { readonly values: Float32Array | Uint8Array }): Segment[] {
  const pieces: Segment[] = [];
  for (let y = 0; y <= height; y++) {
    const [upper, lower] = [(y - 1) * width, y * width];
    let left = 0;
    for (let x = 0; x <= width; x++) {
      const inside = x < width;
      const right =
        (inside && y > 0 && values[upper + x] > 0.5 ? 2 : 0) +
        (inside && y < height && values[lower + x] > 0.5 ? 4 : 0);
      const corner = left + right;
      if (corner !== 0 && corner !== 15) {
        for (const [from, to] of PIECES[corner]) {
          pieces.push([x + from[0], y + from[1], x + to[0], y + to[1]]);
        }
      }
      // What is on the right of this corner is on the left of the next: 2 becomes 1 and 4 becomes 8.
      left = (right & 2) / 2 + 2 * (right & 4);
    }
  }
  return pieces;
}
