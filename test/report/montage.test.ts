import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { lesionPhantom } from '../../src/datasets/phantom.ts';
import { type MontageInput, peakOf, renderMontage } from '../../src/report/montage.ts';
import { formatNumber } from '../../src/report/rows.ts';
import { createVolume, type Geometry, type Shape, type Volume } from '../../src/volume/volume.ts';

const shape: Shape = [12, 20, 16];
const geometry: Geometry = { affine: [2, 0, 0, -15, 0, 2, 0, -19, 0, 0, 4, -22, 0, 0, 0, 1] };
const volume = (value: (i: number) => number) =>
  createVolume(
    Float32Array.from({ length: 12 * 20 * 16 }, (_, i) => value(i)),
    shape,
    { geometry },
  );

/** Voxel (3, 5, 4) and the 26 around it. */
const isLesion = (i: number) => {
  const voxel = [Math.floor(i / 320), Math.floor(i / 16) % 20, i % 16];
  return voxel.every((x, axis) => Math.abs(x - [3, 5, 4][axis]) <= 1);
};

function draw(input: Partial<MontageInput> & { image: Volume; heatmap: Volume }) {
  const { width, height, data, channels } = decode(renderMontage({ title: 'A montage', ...input }));
  const pixel = (x: number, y: number): [number, number, number] => {
    const at = 3 * (y * width + x);
    return [data[at], data[at + 1], data[at + 2]];
  };
  const count = (matches: (red: number, green: number, blue: number) => boolean) => {
    let found = 0;
    for (let i = 0; i < data.length; i += 3) if (matches(data[i], data[i + 1], data[i + 2])) found++;
    return found;
  };
  return { width, height, channels, pixel, count };
}

const isRed = (red: number, green: number, blue: number) => red > 120 && green < 70 && blue < 80;
const isBlue = (red: number, green: number, blue: number) => blue > 80 && red < 60 && green < 80;

describe('renderMontage', () => {
  const image = volume((i) => 100 + (i % 7));

  test('is a PNG of three columns', () => {
    const { width, height, channels } = draw({ image, heatmap: volume(() => 0) });
    expect([width, channels]).toEqual([1052, 3]);
    expect(height).toBeGreaterThan(600);
    const heatmap = volume((i) => (isLesion(i) ? 1 : 0));
    const profiles = [{ axis: 0 as const, position: [-1, 0, 1], values: [0, 1, 2] }];
    expect(draw({ image, heatmap, profiles }).height).toBeGreaterThan(height + 250);
  });

  test('shows the lesion red in its place and the opposite blue', () => {
    const positive = draw({ image, heatmap: volume((i) => (isLesion(i) ? 2 : 0)) });
    const negative = draw({
      image,
      heatmap: volume((i) => (isLesion(i) ? -2 : 0)),
      focus: [3, 5, 4],
    });
    const bar = draw({ image, heatmap: volume(() => 0) });
    expect(positive.count(isRed) - bar.count(isRed)).toBeGreaterThan(1000);
    expect(negative.count(isBlue) - bar.count(isBlue)).toBeGreaterThan(1000);

    // The axial panel is 240 × 300 pixels for 16 × 20 voxels: 15 pixels a voxel, both axes turned.
    const [left, top] = [66, 441];
    const x = left + 15 * (16 - 4) - 8;
    const red = Array.from({ length: positive.height }, (_, y) => y).filter((y) =>
      isRed(...positive.pixel(x, y)),
    );
    expect(red.length).toBeGreaterThan(35);
    expect(red.length).toBeLessThan(55);
    const centre = (red[0] + red[red.length - 1]) / 2;
    expect(Math.abs(centre - (top + 15 * (20 - 5) - 8))).toBeLessThan(3);
  });

  test('outlines the truth', () => {
    const heatmap = volume(() => 0);
    const isYellow = (red: number, green: number, blue: number) => red > 220 && green > 180 && blue < 90;
    const without = draw({ image, heatmap, focus: [3, 5, 4] });
    const mask = volume((i) => (isLesion(i) ? 1 : 0));
    const having = draw({ image, heatmap, mask, focus: [3, 5, 4] });
    expect(without.count(isYellow)).toBe(0);
    expect(having.count(isYellow)).toBeGreaterThan(200);
  });

  test('draws constant images, empty heatmaps, NaN and extreme shapes', () => {
    const constant = volume(() => 7);
    const nothing = volume(() => 0);
    const broken = volume((i) => (i % 3 ? Number.NaN : i));
    expect(draw({ image: constant, heatmap: nothing, mask: nothing }).width).toBe(1052);
    expect(draw({ image: broken, heatmap: broken }).width).toBe(1052);
    expect(draw({ image: broken, heatmap: volume(() => Number.NaN) }).width).toBe(1052);
    const sparse = volume((i) => (i === 1000 ? 1e-9 : 0));
    expect(draw({ image, heatmap: sparse }).count(isRed)).toBeGreaterThan(50);
    for (const odd of [
      [1, 1, 1],
      [1, 300, 2],
      [400, 2, 3],
    ] as const) {
      const thin = createVolume(new Float32Array(odd[0] * odd[1] * odd[2]).fill(1), odd);
      const profiles = [{ axis: 0 as const, position: [0], values: [1] }];
      expect(draw({ image: thin, heatmap: thin, mask: thin, profiles }).width).toBe(1052);
    }
  });

  test('draws profiles that are flat, broken or empty', () => {
    const heatmap = volume((i) => (isLesion(i) ? 1 : 0));
    const position = [-1, -0.5, 0, 0.5, 1];
    for (const values of [
      [1, 1, 1, 1, 1],
      [0, Number.NaN, 2, Number.POSITIVE_INFINITY, -1],
      Array(5).fill(Number.NaN),
    ]) {
      expect(draw({ image, heatmap, profiles: [{ axis: 1, position, values }] }).width).toBe(1052);
    }
    expect(draw({ image, heatmap, profiles: [{ axis: 2, position: [], values: [] }] }).width).toBe(1052);
  });

  test('draws a profile along the lower side of the planes that it crosses', () => {
    const black = volume(() => 0);
    const heatmap = volume((i) => (isLesion(i) ? 1 : 0));
    const position = Array.from({ length: 16 }, (_, i) => (2 * i) / 15 - 1);
    const values = position.map((_, i) => (i === 4 ? 3 : 0));
    const isGreen = (red: number, green: number, blue: number) => green > 150 && red < 90 && blue < 170;
    const { height, width, pixel } = draw({
      image: black,
      heatmap,
      profiles: [{ axis: 2, position, values }],
    });
    const greens: [number, number][] = [];
    for (let y = height - 420; y < height; y++) {
      for (let x = 0; x < width; x++) if (isGreen(...pixel(x, y))) greens.push([x, y]);
    }
    const inAxial = greens.filter(([x]) => x >= 66 && x < 306);
    const [peakX] = inAxial.reduce((best, point) => (point[1] < best[1] ? point : best));
    expect(Math.abs(peakX - (66 + 15 * (16 - 4) - 8))).toBeLessThan(4);
    const inSagittal = greens.filter(([x, y]) => x > 716 && y < height - 80);
    expect(inSagittal).toEqual([]);
  });

  test('shows the channel that is asked for', () => {
    const two = createVolume(new Float32Array(2 * 3840).fill(1, 3840), shape, { channels: 2, geometry });
    for (let i = 0; i < 3840; i += 2) two.data[3840 + i] = 3;
    const heatmap = volume(() => 0);
    const isBlack = (red: number, green: number, blue: number) => red + green + blue === 0;
    expect(draw({ image: two, heatmap }).count(isBlack)).toBeGreaterThan(
      2 * draw({ image: two, heatmap, channel: 1 }).count(isBlack),
    );
    expect(() => draw({ image: two, heatmap, channel: 2 })).toThrow(RangeError);
  });

  test('refuses what does not belong together', () => {
    const other = createVolume(new Float32Array(8), [2, 2, 2], { geometry });
    const elsewhere = {
      ...image,
      geometry: { affine: [...geometry.affine.slice(0, 3), 99, ...geometry.affine.slice(4)] },
    };
    expect(() => draw({ image, heatmap: other })).toThrow('The heatmap has 2×2×2 voxels');
    expect(() => draw({ image, heatmap: image, mask: other })).toThrow('The mask has');
    expect(() => draw({ image, heatmap: elsewhere })).toThrow('their affines differ');
    expect(() => draw({ image, heatmap: image, focus: [0, 20, 0] })).toThrow('The focus 0, 20, 0');
    expect(() => draw({ image, heatmap: image, profiles: [{ axis: 0, position: [0], values: [] }] })).toThrow(
      RangeError,
    );
  });

  test('draws a phantom with everything the same twice', () => {
    const phantom = lesionPhantom({ shape: [32, 40, 36], lesions: 1, seed: 2 });
    const input: MontageInput = {
      title: 'Phantom · L = 200 × M = 32',
      image: phantom.image,
      heatmap: phantom.mask,
      mask: phantom.mask,
      notes: ['σ = 0.06', 'x'.repeat(400)],
    };
    expect(renderMontage(input)).toEqual(renderMontage(input));
  });
});

test('the default focus is the maximum, or the middle when there is none', () => {
  expect(peakOf(volume((i) => (i === 2 * 320 + 7 * 16 + 9 ? 1 : Number.NaN)))).toEqual([6, 10, 8]);
  expect(peakOf(volume((i) => (i === 2 * 320 + 7 * 16 + 9 ? 1 : -1)))).toEqual([2, 7, 9]);
  expect(peakOf(volume(() => 4))).toEqual([6, 10, 8]);
});

test('numbers are short and have a true minus sign', () => {
  expect([0, -0.27741, 1234.5, 1e-5, -123456, 2].map(formatNumber)).toEqual([
    '0',
    '−0.277',
    '1230',
    '1.0e−5',
    '−1.2e5',
    '2',
  ]);
});
