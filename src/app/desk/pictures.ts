/**
 * Planes as they are looked at: the image grey within a window, the heatmap's colours over it, outlines of truth and
 * lesions. All of a picture's pixels are worked out here, off the page, one a voxel: what is seen is what was measured.
 * A crosshair that moves asks for three at a time, so that a pixel is one look into a table of all greys under all colours.
 */
import type { ComponentRuns } from '../../evaluation/components.ts';
import { heatColour } from '../../report/colours.ts';
import { outlineOf } from '../../report/outline.ts';
import { extractPlane, type Plane, type PlaneView } from '../../report/planes.ts';
import type { Volume } from '../../volume/volume.ts';
import type { Decision, OutlineKind, PlanePicture, PlaneRequest } from '../protocol.ts';
import { type Marks, markPlane } from './label-runs.ts';

/** What lies on the desk, as far as it is seen. */
export interface Seen {
  readonly volume: Volume;
  /** [D, H, W] on the same grid. */
  readonly heatmap?: Float32Array;
  readonly truth?: ComponentRuns;
  readonly lesions?: ComponentRuns;
  /** By the lesion's number. */
  readonly decisions?: ReadonlyMap<number, Decision>;
}

const GREYS = 256;
/** Steps from nothing to the deepest blue or red: neighbours differ by less than one of the screen's. */
const STEPS = 256;

/** @throws RangeError when the index or the channel is not in the volume. */
export function drawPlane(seen: Seen, view: PlaneView, request: PlaneRequest): PlanePicture {
  const { volume, heatmap } = seen;
  const { index, channel, opacity, range } = request;
  const image = extractPlane(volume, view, index, channel);
  const heat =
    heatmap && opacity > 0 && range > 0
      ? extractPlane({ data: heatmap, channels: 1, shape: volume.shape }, view, index)
      : undefined;
  const { width, height } = image;
  const pixels = new Uint8ClampedArray(colouredWords(image, heat, request).buffer);
  return { width, height, pixels, outlines: outlines(seen, view, request) };
}

/** Pixels as words of memory. */
function colouredWords(
  { values }: Plane,
  heat: Plane | undefined,
  { window: [low, high], opacity, range }: PlaneRequest,
): Uint32Array<ArrayBuffer> {
  const table = colourTable(heat ? opacity : 0);
  const heats = heat ? heat.values : values;
  const scale = heat ? STEPS / range : 0;
  // A window without width still separates: what exceeds it is white.
  const contrast = high > low ? (GREYS - 1) / (high - low) : Number.POSITIVE_INFINITY;
  const words = new Uint32Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const over = values[i] - low;
    const grey = over > 0 ? Math.floor(Math.min(over * contrast + 0.5, GREYS - 1)) : 0;
    const step = Math.floor(Math.max(Math.min(heats[i] * scale, STEPS), -STEPS) + 0.5);
    words[i] = table[(step + STEPS) * GREYS + grey];
  }
  return words;
}

let latestTable: { readonly opacity: number; readonly words: Uint32Array } | undefined;

/** For each step from the deepest blue to the deepest red, all greys under its colour, as words. */
function colourTable(opacity: number): Uint32Array {
  if (latestTable?.opacity === opacity) return latestTable.words;
  const bytes = new Uint8ClampedArray(4 * GREYS * (2 * STEPS + 1));
  let at = 0;
  for (let step = -STEPS; step <= STEPS; step++) {
    const [red, green, blue, own] = heatColour(step / STEPS);
    const share = own * opacity;
    for (let grey = 0; grey < GREYS; grey++) {
      bytes[at++] = grey + share * (red - grey);
      bytes[at++] = grey + share * (green - grey);
      bytes[at++] = grey + share * (blue - grey);
      bytes[at++] = 255;
    }
  }
  const words = new Uint32Array(bytes.buffer);
  latestTable = { opacity, words };
  return words;
}

/** By the mark that a plane of lesions has them under. */
const KINDS = ['lesion', 'accepted', 'rejected', 'chosen'] as const satisfies readonly OutlineKind[];

function outlines(
  { volume: { shape }, truth, lesions, decisions }: Seen,
  view: PlaneView,
  { index, ...request }: PlaneRequest,
): PlanePicture['outlines'] {
  const truthMarks = truth && request.truth ? markPlane(truth, shape, view, index, () => 1) : undefined;
  const markOf = (label: number) => {
    const kind = label === request.lesion ? 'chosen' : (decisions?.get(label) ?? 'lesion');
    return KINDS.indexOf(kind) + 1;
  };
  const lesionMarks = lesions && request.mask ? markPlane(lesions, shape, view, index, markOf) : undefined;
  return [
    ...(truthMarks ? outline('truth', truthMarks, 1) : []),
    ...(lesionMarks ? KINDS.flatMap((kind, i) => outline(kind, lesionMarks, i + 1)) : []),
  ];
}

/** The outline of the pixels with a mark, looked for only where they are. */
function outline(
  kind: OutlineKind,
  { width, values, extents }: Marks,
  mark: number,
): PlanePicture['outlines'] {
  const extent = extents.get(mark);
  if (!extent) return [];
  const { left, top, right, bottom } = extent;
  const part = { width: right - left + 1, height: bottom - top + 1 };
  const inside = new Uint8Array(part.width * part.height);
  for (let y = 0, pixel = 0; y < part.height; y++) {
    const row = (top + y) * width + left;
    for (let x = 0; x < part.width; x++) inside[pixel++] = values[row + x] === mark ? 1 : 0;
  }
  const pieces = outlineOf({ ...part, values: inside });
  const segments = new Float32Array(4 * pieces.length);
  for (let i = 0; i < pieces.length; i++) {
    const [x0, y0, x1, y1] = pieces[i];
    segments[4 * i] = x0 + left;
    segments[4 * i + 1] = y0 + top;
    segments[4 * i + 2] = x1 + left;
    segments[4 * i + 3] = y1 + top;
  }
  return [{ kind, segments }];
}
