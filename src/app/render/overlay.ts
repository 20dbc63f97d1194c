/**
 * What lies over the image in the render, as one colour with opacity for each voxel: lesions where there are some, else
 * the heatmap in the colours of the planes. A ray adds up what it passes, so that weak values, which the planes show
 * faintly, have to be left out here: they would close into a fog.
 */
import { heatColour } from '../../report/colours.ts';
import type { RenderVolume } from '../protocol.ts';

/** How the overlay is shown. */
export interface OverlayLook {
  /** Half of the symmetric range of colours. */
  readonly range: number;
  /** Of the heatmap, 0 to 1. */
  readonly opacity: number;
  readonly lesions: boolean;
}

/** Share of the range below which a heatmap's value is not shown. */
export const HEAT_FLOOR = 0.25;

/** Opacity of a voxel whose value reaches the range, alone and around lesions, which have to be seen through it. */
const STRONGEST = { alone: 0.4, aroundLesions: 0.12 };

/** By mark: lesions that nobody has judged, and accepted ones. */
export const LESION_COLOURS: ReadonlyMap<number, readonly number[]> = new Map([
  [1, [255, 206, 64, 235]],
  [2, [64, 214, 132, 235]],
]);

/** Steps between 0 and the range, on either side. */
const STEPS = 255;

/**
 * Colours of all voxels, [D, H, W, RGBA]. Lesions that a person rejected are shown as what the heatmap says there.
 * @param into reused when it has the right length.
 */
export function overlayPixels(volume: RenderVolume, look: OverlayLook, into?: Uint8Array): Uint8Array {
  const { heatmap, lesions, shape } = volume;
  const voxels = shape[0] * shape[1] * shape[2];
  const pixels = into?.length === 4 * voxels ? into : new Uint8Array(4 * voxels);
  const words = new Uint32Array(pixels.buffer, pixels.byteOffset, voxels);
  const shown = look.lesions ? lesions : undefined;
  const table = heatTable(look.opacity * STRONGEST[shown ? 'aroundLesions' : 'alone']);
  const scale = look.range > 0 ? STEPS / look.range : 0;
  if (heatmap) {
    for (let i = 0; i < voxels; i++) {
      // What is no number says nothing.
      const step = Math.min(Math.max(heatmap[i] * scale || 0, -STEPS), STEPS);
      words[i] = table[Math.round(step) + STEPS];
    }
  } else {
    words.fill(table[STEPS]);
  }
  if (shown) {
    const colours = lesionTable();
    for (let i = 0; i < voxels; i++) {
      if (colours[shown[i]] > 0) words[i] = colours[shown[i]];
    }
  }
  return pixels;
}

/**
 * Colours of −STEPS … STEPS as words of memory, opacity growing from the floor to `strongest`. Transparent ones keep a
 * colour: neighbours are mixed with it.
 */
function heatTable(strongest: number): Uint32Array {
  const table = new Uint32Array(2 * STEPS + 1);
  for (let step = -STEPS; step <= STEPS; step++) {
    const t = step / STEPS;
    const [red, green, blue] = heatColour(t);
    const strength = Math.max((Math.abs(t) - HEAT_FLOOR) / (1 - HEAT_FLOOR), 0);
    table[step + STEPS] = word([red, green, blue, 255 * strongest * strength]);
  }
  return table;
}

/** Colours by mark, 0 where there is no lesion to be seen. */
function lesionTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (const [mark, colour] of LESION_COLOURS) table[mark] = word(colour);
  return table;
}

/** Red, green, blue and opacity as they lie in memory. */
function word(colour: readonly number[]): number {
  return new Uint32Array(Uint8Array.from(colour, Math.round).buffer)[0];
}
