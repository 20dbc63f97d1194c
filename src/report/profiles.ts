/**
 * Logit profiles drawn into a panel, as in Fig. 2b of the paper: the profile along the panel's columns stands on
 * its lower side, the one along its rows leans on its left side. Every position is drawn where its slice crosses
 * the panel, so that the peaks point at what made them.
 */
import type { Shape } from '../volume/volume.ts';
import type { Canvas, Colour } from './canvas.ts';
import { type Axis, type PlaneView, placeOf } from './planes.ts';

/** The logits of the slices perpendicular to an array axis. */
export interface Profile {
  readonly axis: Axis;
  /** Normalised positions of the slices, −1 at the first voxel and 1 at the last one, in order. */
  readonly position: readonly number[];
  /** A logit for each position; what is not finite is left out. */
  readonly values: readonly number[];
}

/** A rectangle of the canvas in pixels. */
export interface Panel {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Share of a panel that a profile may cover. */
const DEPTH = 0.3;

/** Pixels between a profile's lowest logit and the panel's side. */
const FOOT = 3;

const CURVE_WIDTH = 2.2;
const FILL_OPACITY = 0.28;
const ZERO_LINE: Colour = [255, 255, 255, 0.4];

/** The smallest and largest finite logit of all profiles, or undefined when there is none. */
export function logitRange(profiles: readonly Profile[]): readonly [low: number, high: number] | undefined {
  const values = profiles.flatMap((profile) => profile.values.filter(Number.isFinite));
  if (values.length === 0) return undefined;
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [values[0], values[0]],
  );
}

/** Draws a profile into a panel of a view; nothing when the profile's axis is the one perpendicular to it. */
export function drawProfile(
  canvas: Canvas,
  panel: Panel,
  view: PlaneView,
  shape: Shape,
  { axis, position, values }: Profile,
  [low, high]: readonly [low: number, high: number],
  colour: Colour,
): void {
  if (axis === view.axis) return;
  const side = axis === view.columns.axis ? lowerSide(panel) : leftSide(panel);
  const level = (value: number) => (high > low ? (value - low) / (high - low) : 0.5);
  if (low < 0 && high > 0) drawDots(canvas, side, level(0));
  const curve = values.map((value, i): CurvePoint => {
    const index = ((position[i] + 1) / 2) * (shape[axis] - 1);
    return { along: placeOf(view, shape, axis, index) * side.length, level: level(value) };
  });
  fillBelow(canvas, side, curve, [colour[0], colour[1], colour[2], FILL_OPACITY]);
  canvas.polyline(
    curve.map((point) => side.at(point.along, point.level)),
    colour,
    CURVE_WIDTH,
  );
}

interface CurvePoint {
  /** Pixels along the side. */
  readonly along: number;
  /** 0 at the lowest logit, 1 at the highest one. */
  readonly level: number;
}

/** The side of a panel that a profile stands on. */
interface Side {
  readonly length: number;
  at(along: number, level: number): [x: number, y: number];
  /** Fills the pixel at `along` from the side up to the level. */
  fill(canvas: Canvas, along: number, level: number, colour: Colour): void;
}

function lowerSide({ left, top, width, height }: Panel): Side {
  const bottom = top + height;
  const rise = (level: number) => FOOT + level * DEPTH * height;
  return {
    length: width,
    at: (along, level) => [left + along, bottom - rise(level)],
    fill(canvas, along, level, colour) {
      const filled = Math.round(rise(level));
      canvas.fillRect(left + along, bottom - filled, 1, filled, colour);
    },
  };
}

function leftSide({ left, top, width, height }: Panel): Side {
  const rise = (level: number) => FOOT + level * DEPTH * width;
  return {
    length: height,
    at: (along, level) => [left + rise(level), top + along],
    fill(canvas, along, level, colour) {
      canvas.fillRect(left, top + along, Math.round(rise(level)), 1, colour);
    },
  };
}

function fillBelow(canvas: Canvas, side: Side, curve: readonly CurvePoint[], colour: Colour): void {
  for (let i = 1; i < curve.length; i++) {
    const [from, to] = [curve[i - 1], curve[i]].sort((a, b) => a.along - b.along);
    if (!Number.isFinite(from.level + to.level)) continue;
    // Pixels whose centres lie between the two points, so that neighbouring pieces share none.
    for (let pixel = Math.ceil(from.along - 0.5); pixel + 0.5 < to.along; pixel++) {
      const share = (pixel + 0.5 - from.along) / (to.along - from.along);
      side.fill(canvas, pixel, from.level + share * (to.level - from.level), colour);
    }
  }
}

function drawDots(canvas: Canvas, side: Side, level: number): void {
  for (let along = 3; along < side.length - 3; along += 6) {
    const [x0, y0] = side.at(along, level);
    const [x1, y1] = side.at(along + 2, level);
    canvas.strokes([[x0, y0, x1, y1]], ZERO_LINE, 0.8);
  }
}
