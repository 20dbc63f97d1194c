/**
 * Planes as they are looked at: the image grey within a window, the heatmap's colours over it, outlines of truth and
 * lesions. All of a picture's pixels are worked out here, off the page, one a voxel: what is seen is what was measured.
 */
import type { ComponentRuns } from '../../evaluation/components.ts';
import { heatColour } from '../../report/colours.ts';
import { outlineOf } from '../../report/outline.ts';
import { extractPlane, type Plane, type PlaneView } from '../../report/planes.ts';
import type { Shape, Volume } from '../../volume/volume.ts';
import type { Decision, OutlineKind, PlanePicture, PlaneRequest } from '../protocol.ts';
import { labelPlane } from './label-runs.ts';

/** What lies on the desk, as far as it is seen. */
export interface Seen {
  readonly volume: Volume;
  /** [D, H, W] on the same grid. */
  readonly heatmap?: Float32Array;
  /** Not 0 where the truth is. */
  readonly truth?: Uint8Array;
  readonly lesions?: ComponentRuns;
  decision?(lesion: number): Decision | undefined;
}

/** Colours of a heatmap are looked up: so many steps from the deepest blue to the deepest red. */
const STEPS = 1024;
/** Red, green, blue and opacity (0 to 1) of each step. */
const COLOURS = colourTable();

function colourTable(): Float32Array {
  const table = new Float32Array(4 * (2 * STEPS + 1));
  for (let step = -STEPS; step <= STEPS; step++) table.set(heatColour(step / STEPS), 4 * (step + STEPS));
  return table;
}

/** @throws RangeError when the index or the channel is not in the volume. */
export function drawPlane(seen: Seen, view: PlaneView, request: PlaneRequest): PlanePicture {
  const { volume, heatmap } = seen;
  const { index, channel, window, opacity, range } = request;
  const image = extractPlane(volume, view, index, channel);
  const pixels = greyPixels(image, window);
  if (heatmap && opacity > 0 && range > 0) {
    layHeat(pixels, extractPlane(oneChannel(heatmap, volume.shape), view, index), range, opacity);
  }
  return { width: image.width, height: image.height, pixels, outlines: outlines(seen, view, request) };
}

function oneChannel<T extends Float32Array | Uint8Array>(data: T, shape: Shape) {
  return { data, channels: 1, shape };
}

function greyPixels(
  { values }: Plane,
  [low, high]: readonly [number, number],
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * values.length);
  // A window without width still separates: what exceeds it is white.
  const scale = high > low ? 255 / (high - low) : Number.POSITIVE_INFINITY;
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    const over = values[i] - low;
    const grey = over <= 0 ? 0 : over * scale;
    pixels[at] = grey;
    pixels[at + 1] = grey;
    pixels[at + 2] = grey;
    pixels[at + 3] = 255;
  }
  return pixels;
}

function layHeat(pixels: Uint8ClampedArray, { values }: Plane, range: number, opacity: number): void {
  const scale = STEPS / range;
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    const step = Math.round(Math.min(Math.max(values[i] * scale, -STEPS), STEPS));
    if (step === 0) continue;
    const from = 4 * (step + STEPS);
    const share = COLOURS[from + 3] * opacity;
    pixels[at] += (COLOURS[from] - pixels[at]) * share;
    pixels[at + 1] += (COLOURS[from + 1] - pixels[at + 1]) * share;
    pixels[at + 2] += (COLOURS[from + 2] - pixels[at + 2]) * share;
  }
}

function outlines(seen: Seen, view: PlaneView, request: PlaneRequest): PlanePicture['outlines'] {
  const { volume, truth, lesions } = seen;
  const drawn: { kind: OutlineKind; segments: Float32Array }[] = [];
  if (truth && request.truth) {
    const plane = extractPlane(oneChannel(truth, volume.shape), view, request.index);
    drawn.push(...outline('truth', plane, () => true));
  }
  if (lesions && lesions.count > 0 && request.mask) {
    const plane = labelPlane(lesions, volume.shape, view, request.index);
    const kinds = new Map<number, OutlineKind>();
    for (const label of plane.values) {
      if (label > 0 && !kinds.has(label)) {
        kinds.set(label, label === request.lesion ? 'chosen' : (seen.decision?.(label) ?? 'lesion'));
      }
    }
    // Lesions that touch are told apart by nobody but their decisions.
    for (const kind of new Set(kinds.values())) {
      drawn.push(...outline(kind, plane, (label) => kinds.get(label) === kind));
    }
  }
  return drawn;
}

/** The outline of the pixels that count, looked for only where there are any. */
function outline(
  kind: OutlineKind,
  { width, height, values }: Plane,
  counts: (value: number) => boolean,
): { kind: OutlineKind; segments: Float32Array }[] {
  let [left, top, right, bottom] = [width, height, -1, -1];
  const marked = new Uint8Array(values.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (values[i] === 0 || !counts(values[i])) continue;
      marked[i] = 1;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  if (right < 0) return [];
  const part = { width: right - left + 1, height: bottom - top + 1 };
  const inside = new Float32Array(part.width * part.height);
  for (let y = 0; y < part.height; y++) {
    const from = (top + y) * width + left;
    inside.set(marked.subarray(from, from + part.width), y * part.width);
  }
  const pieces = outlineOf({ ...part, values: inside });
  const segments = new Float32Array(4 * pieces.length);
  for (const [i, [x0, y0, x1, y1]] of pieces.entries()) {
    segments.set([x0 + left, y0 + top, x1 + left, y1 + top], 4 * i);
  }
  return [{ kind, segments }];
}
