/**
 * From values to colours. Images are grey within a window; heatmaps run from blue over nothing to red, the deeper
 * and the more opaque the larger the value, so that the image shows through wherever the heatmap says little.
 */
import type { Colour, Picture } from './canvas.ts';
import type { Plane } from './planes.ts';

/** Strongest opacity of a heatmap: the image's edges stay visible below it. */
const MAX_OPACITY = 0.85;

/** Opacity grows like |t| to this power: noise around zero stays clear, half the range is well visible. */
const OPACITY_POWER = 1.2;

type Stops = readonly (readonly [number, number, number])[];
const REDS: Stops = [
  [255, 236, 226],
  [240, 84, 58],
  [172, 6, 34],
];
const BLUES: Stops = [
  [226, 240, 255],
  [66, 128, 226],
  [18, 44, 140],
];

/**
 * The colour of a heatmap's value.
 * @param t the value over the half-range: −1 is the deepest blue, 0 transparent, 1 the deepest red; clamped.
 */
export function heatColour(t: number): Required<Colour> {
  const strength = Math.min(Math.abs(t), 1);
  const stops = t < 0 ? BLUES : REDS;
  const place = strength * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  const mix = (channel: number) =>
    stops[below][channel] + (place - below) * (stops[below + 1][channel] - stops[below][channel]);
  return [mix(0), mix(1), mix(2), MAX_OPACITY * strength ** OPACITY_POWER];
}

/** A heatmap's plane as colours with opacity. A range of 0 makes it wholly transparent. */
export function heatPicture({ width, height, values }: Plane, range: number): Picture {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue, opacity] = heatColour(range > 0 ? values[i] / range : 0);
    data.set([red, green, blue, 255 * opacity], 4 * i);
  }
  return { width, height, channels: 4, data };
}

/** An image's plane in grey: black up to `low`, white from `high` on. */
export function greyPicture(
  { width, height, values }: Plane,
  [low, high]: readonly [number, number],
): Picture {
  const data = new Uint8ClampedArray(width * height);
  for (let i = 0; i < values.length; i++) {
    // A window without width still separates: what exceeds it is white.
    data[i] = high > low ? (255 * (values[i] - low)) / (high - low) : values[i] > high ? 255 : 0;
  }
  return { width, height, channels: 1, data };
}
