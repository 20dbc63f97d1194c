import { describe, expect, it } from 'vitest';
import type { RenderVolume } from '../../../src/app/protocol.ts';
import { HEAT_FLOOR, LESION_COLOURS, overlayPixels } from '../../../src/app/render/overlay.ts';
import { heatColour } from '../../../src/report/colours.ts';

const RANGE = 2;

function volumeOf(heatmap: number[], rest: Partial<RenderVolume> = {}): RenderVolume {
  return {
    shape: [1, 1, heatmap.length],
    affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    image: new Uint8Array(heatmap.length),
    heatmap: Float32Array.from(heatmap),
    ...rest,
  };
}

/** Colours of voxels as [red, green, blue, opacity]. */
function colours(pixels: Uint8Array): number[][] {
  return Array.from({ length: pixels.length / 4 }, (_, i) => [...pixels.subarray(4 * i, 4 * i + 4)]);
}

const look = { range: RANGE, opacity: 1, lesions: false };

describe('overlay of the render', () => {
  it('has the colours of the planes on both sides of zero, and the extremes beyond the range', () => {
    const pixels = colours(overlayPixels(volumeOf([RANGE, -RANGE, 1.2, -1.2, 9, -9]), look));
    for (const [i, t] of [1, -1, 0.6, -0.6, 1, -1].entries()) {
      const expected = heatColour(t).slice(0, 3);
      for (const channel of [0, 1, 2]) expect(pixels[i][channel]).toBeCloseTo(expected[channel], -0.4);
    }
    const [red, blue] = pixels;
    expect(red[0]).toBeGreaterThan(red[2]);
    expect(blue[2]).toBeGreaterThan(blue[0]);
  });

  it('is clear around zero, alike on both sides, and grows linearly from there with the opacity', () => {
    const heatmap = [0, 0.99 * HEAT_FLOOR * RANGE, -0.99 * HEAT_FLOOR * RANGE, Number.NaN];
    const clear = colours(overlayPixels(volumeOf(heatmap), look));
    expect(clear.map((colour) => colour[3])).toEqual([0, 0, 0, 0]);
    // What is no number has the colour of nothing, which its neighbours are mixed with.
    expect(clear[3]).toEqual(clear[0]);

    const half = ((1 + HEAT_FLOOR) / 2) * RANGE;
    const alpha = (opacity: number) =>
      colours(overlayPixels(volumeOf([RANGE, -RANGE, half, -half]), { ...look, opacity })).map((c) => c[3]);
    const [full, negative, middle, negativeMiddle] = alpha(1);
    expect(negative).toBe(full);
    expect(negativeMiddle).toBe(middle);
    expect(Math.abs(middle - full / 2)).toBeLessThanOrEqual(1);
    expect(Math.abs(alpha(0.5)[0] - full / 2)).toBeLessThanOrEqual(1);
    expect(alpha(0)).toEqual([0, 0, 0, 0]);
  });

  it('shows lesions over the heatmap by what was decided, and rejected ones as heatmap only', () => {
    const volume = volumeOf([RANGE, RANGE, RANGE, RANGE], { lesions: Uint8Array.of(1, 2, 3, 0) });
    const [lesion, accepted, rejected, none] = colours(overlayPixels(volume, { ...look, lesions: true }));
    expect(lesion).toEqual(LESION_COLOURS.get(1));
    expect(accepted).toEqual(LESION_COLOURS.get(2));
    expect(rejected).toEqual(none);
    expect(none[3]).toBeGreaterThan(0);

    const without = colours(overlayPixels(volume, look));
    expect(new Set(without.map(String)).size).toBe(1);
    // Around lesions the heatmap is thinner, so that they are seen through it.
    expect(none[3]).toBeLessThan(without[0][3] / 2);
  });

  it('takes the memory that it is given where that fits, and needs no heatmap', () => {
    const volume = volumeOf([RANGE, 0]);
    const into = new Uint8Array(8).fill(7);
    expect(overlayPixels(volume, look, into)).toBe(into);
    expect(into[7]).toBe(0);
    expect(overlayPixels(volume, look, new Uint8Array(4))).toHaveLength(8);
    const bare = colours(overlayPixels({ ...volume, heatmap: undefined }, look));
    expect(bare.map((colour) => colour[3])).toEqual([0, 0]);
  });

  it('is wholly clear where the range is nothing', () => {
    const clear = colours(overlayPixels(volumeOf([1, -1]), { ...look, range: 0 }));
    expect(clear.map((colour) => colour[3])).toEqual([0, 0]);
  });
});
