import fc from 'fast-check';
import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { type CaseInput, renderCase, widestPlanes } from '../../src/report/case.ts';
import { renderComparison, renderSeeds, renderSettings } from '../../src/report/grids.ts';
import { reduceColours } from '../../src/report/palette.ts';
import type { Picture } from '../../src/report/study.ts';
import { createVolume, type Shape } from '../../src/volume/volume.ts';

const shape: Shape = [8, 8, 8];
const volume = (value: (d: number, h: number, w: number) => number) =>
  createVolume(
    Float32Array.from({ length: 512 }, (_, i) => value(Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8)),
    shape,
  );
const image = volume((d) => d);
const cube = (from: number, to: number) =>
  volume((...at) => (at.every((index) => index >= from && index < to) ? 1 : 0));
const nothing = volume(() => 0);

/** Numbers of pixels of a kind, in an 8-bit palette PNG. */
function count({ png }: Picture, matches: (rgb: readonly number[]) => boolean): number {
  const { data, palette } = decode(png);
  const matching = palette!.map((colour) => matches(colour));
  return Array.from(data).filter((index) => matching[index]).length;
}
const isRed = ([r, g, b]: readonly number[]) => r > 150 && g < 90 && b < 90;
const isBlue = ([r, g, b]: readonly number[]) => b > 110 && r < 80 && g < 120;
const isYellow = ([r, g, b]: readonly number[]) => r > 200 && g > 170 && b < 110;
const isCyan = ([r, g, b]: readonly number[]) => r < 130 && g > 180 && b > 200;

describe('renderCase', () => {
  const draw = (changes: Partial<CaseInput> = {}) =>
    renderCase({
      title: 'a case',
      image,
      methods: [{ label: 'ToNNO', heatmap: nothing }],
      planes: [4, 4, 4],
      ...changes,
    });

  test('is as large as it says, and one row higher for each method', () => {
    const one = draw();
    const { width, height } = decode(one.png);
    expect([one.width, one.height]).toEqual([width, height]);
    const method = { label: 'another', heatmap: nothing };
    expect(draw({ methods: [method, method, method] }).height - one.height).toBe(2 * 208);
  });

  test('shows positive values red and negative ones blue', () => {
    const hot = cube(3, 6);
    const cold = volume((...at) => -hot.data[at[0] * 64 + at[1] * 8 + at[2]]);
    expect(count(draw(), isRed) + count(draw(), isBlue)).toBe(0);
    // 3 of 8 voxels along both sides of three panels of 200 pixels, without their soft rims.
    const red = count(draw({ methods: [{ label: 'a', heatmap: hot }] }), isRed);
    expect(red).toBeGreaterThan(3 * 50 * 50);
    expect(red).toBeLessThan(3 * 90 * 90);
    expect(count(draw({ methods: [{ label: 'a', heatmap: cold }] }), isBlue)).toBeGreaterThan(3 * 50 * 50);
  });

  test('outlines the truth in every row and the segmentation in its own', () => {
    const bare = draw();
    expect(count(bare, isYellow)).toBe(0);
    expect(count(bare, isCyan)).toBe(0);
    const truth = draw({ truth: cube(2, 5) });
    const legend = 40;
    expect(count(truth, isYellow)).toBeGreaterThan(6 * 4 * 60 * 0.5);
    const segmentation = Uint8Array.from(cube(2, 5).data);
    const segmented = draw({ methods: [{ label: 'a', heatmap: nothing, segmentation }] });
    expect(count(segmented, isCyan)).toBeGreaterThan(3 * 4 * 60 * 0.5);
    expect(count(segmented, isYellow)).toBe(0);
    const asVolume = draw({ methods: [{ label: 'a', heatmap: nothing, segmentation: cube(2, 5) }] });
    expect(Math.abs(count(asVolume, isCyan) - count(segmented, isCyan))).toBeLessThan(legend);
  });

  test('goes through the planes it is given, or through the heatmap’s maximum', () => {
    const hot = cube(6, 7);
    const methods = [{ label: 'a', heatmap: hot }];
    expect(count(draw({ methods }), isRed)).toBe(0);
    expect(count(draw({ methods, planes: undefined }), isRed)).toBeGreaterThan(0);
    expect(draw({ methods, planes: [6, 6, 6] }).png).toEqual(draw({ methods, planes: undefined }).png);
  });

  test('says what it shows', () => {
    const { alt, caption } = draw({ truth: cube(2, 5) });
    expect(alt).toContain('a case in the planes axial 4');
    expect(alt).toContain('ToNNO');
    expect(caption).toContain('Yellow: the truth.');
    expect(draw().caption).toContain('no lesion');
    expect(draw({ caption: 'Mine.' }).caption).toBe('Mine.');
  });

  test('refuses what is on another grid', () => {
    const other = createVolume(new Float32Array(27), [3, 3, 3]);
    expect(() => draw({ truth: other })).toThrow('The truth has 3×3×3 voxels, but the image has 8×8×8.');
    expect(() => draw({ methods: [{ label: 'a', heatmap: other }] })).toThrow('heatmap of a');
    const segmentation = new Uint8Array(27);
    expect(() => draw({ methods: [{ label: 'a', heatmap: nothing, segmentation }] })).toThrow('27 voxels');
    expect(() => draw({ planes: [8, 0, 0] })).toThrow('8, 0, 0');
  });
});

describe('widestPlanes', () => {
  test('finds the planes in which a mask is largest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 60, maxLength: 60, max: 1 }), (mask) => {
        const planes = widestPlanes(mask, [3, 4, 5]);
        const area = (axis: number, index: number) =>
          mask.filter(
            (value, i) => value > 0 && [Math.floor(i / 20), Math.floor(i / 5) % 4, i % 5][axis] === index,
          ).length;
        if (mask.every((value) => value === 0)) return expect(planes).toBeUndefined();
        for (const [axis, length] of [3, 4, 5].entries()) {
          const areas = Array.from({ length }, (_, index) => area(axis, index));
          expect(areas[planes![axis]]).toBe(Math.max(...areas));
        }
      }),
    );
  });

  test('takes the middle of planes that are alike', () => {
    expect(widestPlanes(Uint8Array.from(cube(2, 7).data), shape)).toEqual([4, 4, 4]);
  });
});

describe('sheets of one case', () => {
  const shown = { title: 'a case', image, truth: cube(2, 5), index: 3 } as const;

  test('have a cell for each heatmap and one for the image', () => {
    const hot = cube(3, 6);
    const layers = ['layer 1', 'layer 2'];
    const red = (methods: Parameters<typeof renderComparison>[0]['methods']) =>
      count(renderComparison({ ...shown, layers, methods }), isRed);
    const one = red([{ label: 'ToNNO', heatmap: hot }]);
    expect(one).toBeGreaterThan(1000);
    expect(red([{ label: 'LayerCAM', heatmaps: [hot, undefined] }])).toBe(one);
    const both = red([
      { label: 'LayerCAM', heatmaps: [hot, hot] },
      { label: 'ToNNO', heatmap: hot },
    ]);
    expect(both / one).toBeCloseTo(3, 1);
    const seeds = renderSeeds({ ...shown, seeds: [0, 1], heatmaps: [hot, hot] });
    expect(count(seeds, isRed) / one).toBeCloseTo(2, 1);
    const settings = renderSettings({
      ...shown,
      slices: [25, 50],
      directions: [500, 1000],
      heatmaps: [
        [hot, hot],
        [hot, hot],
      ],
    });
    expect(count(settings, isRed) / one).toBeCloseTo(4, 1);
    expect(settings.alt).toContain('25, 50 slices and 500, 1000 directions');
    expect(decode(settings.png)).toMatchObject({ width: settings.width, height: settings.height });
  });

  test('refuse heatmaps that do not fit the rows and columns', () => {
    expect(() => renderSeeds({ ...shown, seeds: [0, 1], heatmaps: [nothing] })).toThrow(
      'a case: There are 1 heatmaps for 2 seeds.',
    );
    const methods = [{ label: 'LayerCAM', heatmaps: [nothing, nothing] }];
    expect(() => renderComparison({ ...shown, layers: ['1', '2', '3'], methods })).toThrow('for 3 layers');
    expect(() =>
      renderSettings({ ...shown, slices: [1], directions: [1, 2], heatmaps: [[nothing]] }),
    ).toThrow('for 2 numbers of directions');
  });
});

describe('reduceColours', () => {
  test('keeps few colours as they are', () => {
    const colours = Array.from({ length: 200 }, (_, i) => [(i * 40) % 240, (8 * i) % 256, 128]).flat();
    const { palette, indices } = reduceColours(Uint8Array.from(colours));
    expect([...indices].flatMap((index) => [...palette[index]])).toEqual(colours);
  });

  test('stays near to many colours with 256', () => {
    // A plane of 128 × 128 colours: with 256 of them none need be farther than half a cell of 8 × 8 off, about 16 levels.
    const data = new Uint8Array(128 * 128 * 3);
    for (let i = 0; i < 128 * 128; i++) data.set([2 * (i % 128), 2 * Math.floor(i / 128), 60], 3 * i);
    const { palette, indices } = reduceColours(data);
    expect(palette).toHaveLength(256);
    let sum = 0;
    for (const [i, index] of indices.entries()) {
      sum += palette[index].reduce((square, value, c) => square + (value - data[3 * i + c]) ** 2, 0);
    }
    // A regular grid of 16 × 16 cells has a mean square error of 2 · 16²/12.
    expect(sum / indices.length).toBeLessThan(1.3 * 2 * (16 ** 2 / 12));
  });
});
