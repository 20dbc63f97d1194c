import { describe, expect, test } from 'vitest';
import { greyPicture, heatColour, heatPicture } from '../../src/report/colours.ts';
import { percentiles } from '../../src/report/percentiles.ts';

describe('heatmap colours', () => {
  test('positive is red, negative is blue, zero is transparent', () => {
    for (const t of [0.25, 0.5, 1]) {
      const [red, green, blue] = heatColour(t);
      expect(red).toBeGreaterThan(blue + 20);
      expect(red).toBeGreaterThan(green + 20);
      const [red2, green2, blue2] = heatColour(-t);
      expect(blue2).toBeGreaterThan(red2 + 20);
      expect(blue2).toBeGreaterThan(green2 + 20);
    }
    expect(heatColour(0)[3]).toBe(0);
  });

  test('opacity rises with magnitude, alike for both signs, and stays below 1', () => {
    const opacities = [0, 0.1, 0.3, 0.6, 1].map((t) => heatColour(t)[3]);
    expect(opacities).toEqual([...opacities].sort((a, b) => a - b));
    expect(heatColour(-0.3)[3]).toBe(heatColour(0.3)[3]);
    expect(heatColour(5)).toEqual(heatColour(1));
    expect(opacities[4]).toBeLessThan(1);
  });

  test('a range of 0 leaves everything transparent', () => {
    const picture = heatPicture({ width: 2, height: 1, values: Float32Array.of(0, 3) }, 0);
    expect([picture.data[3], picture.data[7]]).toEqual([0, 0]);
  });
});

test('grey runs from black to white over the window, also over one without width', () => {
  const plane = { width: 4, height: 1, values: Float32Array.of(-1, 0, 1, 9) };
  expect([...greyPicture(plane, [0, 2]).data]).toEqual([0, 0, 128, 255]);
  expect([...greyPicture(plane, [0, 0]).data]).toEqual([0, 0, 255, 255]);
});

describe('percentiles', () => {
  test('interpolate between neighbours', () => {
    expect(percentiles(Float32Array.of(30, 10, 20, 40), [0, 50, 90, 100])).toEqual([
      10,
      25,
      expect.closeTo(37, 5),
      40,
    ]);
  });

  test('can be those of the magnitude, and leave out what is not finite', () => {
    expect(percentiles(Float32Array.of(-5, 1, Number.NaN), [100], { magnitude: true })).toEqual([5]);
    expect(percentiles(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY), [50])).toEqual([0]);
    expect(percentiles(new Float32Array(0), [50])).toEqual([0]);
  });

  test('of a large array come from a sample that no period of the array misleads', () => {
    // Every 8th value is 1: a sample in step with it would see only ones or none.
    const values = Float32Array.from({ length: 2 ** 23 }, (_, i) => (i % 8 === 0 ? 1 : 0));
    expect(percentiles(values, [85, 90])).toEqual([0, 1]);
    const ramp = Float32Array.from({ length: 5_000_000 }, (_, i) => i);
    const [low, high] = percentiles(ramp, [1, 99.5]);
    expect(low / 5e6).toBeCloseTo(0.01, 4);
    expect(high / 5e6).toBeCloseTo(0.995, 4);
  });
});
