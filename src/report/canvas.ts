/**
 * A canvas of opaque 8-bit RGB pixels, just enough to draw a figure without a browser. Pixel (x, y) covers the
 * square from (x, y) to (x + 1, y + 1), y downward. Lines and letters are strokes: a pixel is covered by as much
 * as the distance from its centre to the nearest stroke says, and overlapping strokes of one call cover it once.
 */
import { encode } from 'fast-png';
import { CAP_ROWS, type Glyph, glyphsOf, LETTER_GAP, textWidth } from './font.ts';
import { reduceColours } from './palette.ts';

/** Red, green and blue from 0 to 255, and opacity from 0 to 1 (1 when left out). */
export type Colour = readonly [red: number, green: number, blue: number, opacity?: number];

/** Pixels to put on a canvas: grey (1 channel), RGB (3) or RGB with opacity (4), each from 0 to 255. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  /** [height, width, channels] in C order. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** How a text is set. */
export interface TextStyle {
  readonly colour?: Colour;
  /** Size of a dot of the font in pixels; 2 makes capitals 14 pixels high. Default 1. */
  readonly scale?: number;
  /** Which end of the text stands at x. Default left. */
  readonly align?: 'left' | 'centre' | 'right';
  /** Thickness of the strokes in dots. Default 1. */
  readonly weight?: number;
}

/** A straight stroke from (x0, y0) to (x1, y1); a dot when both ends are the same. */
export type Segment = readonly [x0: number, y0: number, x1: number, y1: number];

const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];

/** A canvas to draw on; whatever lies outside is left out. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] in C order. */
  readonly data: Uint8ClampedArray;

  constructor(width: number, height: number, background: Colour = WHITE) {
    this.width = width;
    this.height = height;
    this.data = new Uint8ClampedArray(width * height * 3);
    this.fillRect(0, 0, width, height, background);
  }

  /** Fills whole pixels from (x, y) on. */
  fillRect(x: number, y: number, width: number, height: number, colour: Colour): void {
    const [red, green, blue, opacity = 1] = colour;
    for (let row = y; row < y + height; row++) {
      for (let column = x; column < x + width; column++) this.#blend(column, row, red, green, blue, opacity);
    }
  }

  /** A frame one pixel thick just outside the rectangle. */
  frame(x: number, y: number, width: number, height: number, colour: Colour): void {
    this.fillRect(x - 1, y - 1, width + 2, 1, colour);
    this.fillRect(x - 1, y + height, width + 2, 1, colour);
    this.fillRect(x - 1, y, 1, height, colour);
    this.fillRect(x + width, y, 1, height, colour);
  }

  /** Puts a picture at (x, y), every pixel of it as a square of `scale` whole pixels. */
  blit({ width, height, channels, data }: Picture, x: number, y: number, scale = 1): void {
    for (let row = 0; row < height * scale; row++) {
      for (let column = 0; column < width * scale; column++) {
        const from = (Math.floor(row / scale) * width + Math.floor(column / scale)) * channels;
        const green = channels === 1 ? from : from + 1;
        const blue = channels === 1 ? from : from + 2;
        const opacity = channels === 4 ? data[from + 3] / 255 : 1;
        this.#blend(x + column, y + row, data[from], data[green], data[blue], opacity);
      }
    }
  }

  /** Draws anti-aliased strokes with round ends, `thickness` pixels wide. */
  strokes(segments: readonly Segment[], colour: Colour, thickness: number): void {
    if (segments.length === 0) return;
    const reach = thickness / 2 + 1;
    const clip = (value: number, end: number) => Math.min(Math.max(value, 0), end);
    const box = {
      left: clip(Math.floor(extreme(segments, 0, Math.min) - reach), this.width),
      top: clip(Math.floor(extreme(segments, 1, Math.min) - reach), this.height),
      right: clip(Math.ceil(extreme(segments, 0, Math.max) + reach), this.width),
      bottom: clip(Math.ceil(extreme(segments, 1, Math.max) + reach), this.height),
    };
    const columns = box.right - box.left;
    const coverage = new Float32Array(columns * (box.bottom - box.top));
    for (const segment of segments) {
      const [x0, y0, x1, y1] = segment;
      const firstRow = clip(Math.floor(Math.min(y0, y1) - reach), this.height);
      const endRow = clip(Math.ceil(Math.max(y0, y1) + reach), this.height);
      const firstColumn = clip(Math.floor(Math.min(x0, x1) - reach), this.width);
      const endColumn = clip(Math.ceil(Math.max(x0, x1) + reach), this.width);
      for (let y = firstRow; y < endRow; y++) {
        for (let x = firstColumn; x < endColumn; x++) {
          const covered = thickness / 2 + 0.5 - distance(x + 0.5, y + 0.5, segment);
          const at = (y - box.top) * columns + x - box.left;
          if (covered > coverage[at]) coverage[at] = Math.min(covered, 1);
        }
      }
    }
    const [red, green, blue, opacity = 1] = colour;
    for (let y = box.top; y < box.bottom; y++) {
      for (let x = box.left; x < box.right; x++) {
        const covered = coverage[(y - box.top) * columns + x - box.left];
        if (covered > 0) this.#blend(x, y, red, green, blue, opacity * covered);
      }
    }
  }

  /** Draws an anti-aliased line through the points; a point that is not finite interrupts it. */
  polyline(points: readonly (readonly [x: number, y: number])[], colour: Colour, thickness: number): void {
    const segments = points.slice(1).map(([x, y], i): Segment => [points[i][0], points[i][1], x, y]);
    this.strokes(
      segments.filter((segment) => segment.every(Number.isFinite)),
      colour,
      thickness,
    );
  }

  /** Sets one line of text whose capitals reach from y down to y + 7 · scale. */
  text(text: string, x: number, y: number, style: TextStyle = {}): void {
    const { colour = BLACK, scale = 1, align = 'left', weight = 1 } = style;
    const share = { left: 0, centre: 0.5, right: 1 }[align];
    let left = Math.round(x - share * textWidth(text) * scale);
    const segments: Segment[] = [];
    for (const glyph of glyphsOf(text)) {
      for (const [x0, y0, x1, y1] of strokesOf(glyph)) {
        segments.push([left + x0 * scale, y + y0 * scale, left + x1 * scale, y + y1 * scale]);
      }
      left += (glyph.columns + LETTER_GAP) * scale;
    }
    this.strokes(segments, colour, scale * weight);
  }

  /** The picture as a PNG file. */
  toPng(): Uint8Array {
    const { width, height, data } = this;
    return encode({ width, height, data, channels: 3, depth: 8 }, { zlib: { level: 6 } });
  }

  /** The picture as a PNG file of 256 colours at most, a third as large, for pages that hold many. */
  toIndexedPng(): Uint8Array {
    const { palette, indices } = reduceColours(this.data);
    const colours = palette.map((colour) => [...colour]);
    const picture = { width: this.width, height: this.height, data: indices, channels: 1, depth: 8 } as const;
    return encode({ ...picture, palette: colours }, { zlib: { level: 9 } });
  }

  #blend(x: number, y: number, red: number, green: number, blue: number, share: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const at = (y * this.width + x) * 3;
    this.data[at] += (red - this.data[at]) * share;
    this.data[at + 1] += (green - this.data[at + 1]) * share;
    this.data[at + 2] += (blue - this.data[at + 2]) * share;
  }
}

/** Height of capitals at a scale, in pixels. */
export function capHeight(scale: number): number {
  return CAP_ROWS * scale;
}

/**
 * A glyph's dots joined into strokes, so that a coarse drawing stays smooth at any scale: neighbours in a row or a
 * column are joined, diagonal ones only where no third dot already leads round the corner.
 */
function strokesOf({ dots }: Glyph): Segment[] {
  const key = (x: number, y: number) => 64 * y + x;
  const set = new Set(dots.map(([x, y]) => key(x, y)));
  return dots.flatMap(([x, y]) => {
    const joined = [
      [x + 1, y],
      [x, y + 1],
      ...[x + 1, x - 1]
        .filter((side) => !set.has(key(side, y)) && !set.has(key(x, y + 1)))
        .map((side) => [side, y + 1]),
    ].filter(([a, b]) => set.has(key(a, b)));
    return [[x, y], ...joined].map(([a, b]): Segment => [x + 0.5, y + 0.5, a + 0.5, b + 0.5]);
  });
}

/** The smallest or largest x (`from` 0) or y (`from` 1) of the segments' ends. */
function extreme(segments: readonly Segment[], from: 0 | 1, pick: (a: number, b: number) => number): number {
  return segments.reduce(
    (found, segment) => pick(found, pick(segment[from], segment[from + 2])),
    segments[0][from],
  );
}

function distance(x: number, y: number, [x0, y0, x1, y1]: Segment): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const squared = dx * dx + dy * dy;
  const t = squared === 0 ? 0 : Math.min(Math.max(((x - x0) * dx + (y - y0) * dy) / squared, 0), 1);
  return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
}
