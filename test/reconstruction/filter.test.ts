import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianKernel, hannKernel, parseFilter } from '../../src/reconstruction/filter.ts';
import type { Maps } from '../../src/responses/response.ts';

const profile = (values: readonly number[]): Maps => ({
  data: Float32Array.from(values),
  count: values.length,
  kinds: 1,
  rows: 1,
  columns: 1,
});
const M = 33;
/** A function of s sampled with one slice beyond each end. */
const sampled = (f: (s: number) => number) =>
  profile(Array.from({ length: M + 2 }, (_, i) => f((2 * (i - 1)) / (M - 1) - 1)));
const apply = (name: string, maps: Maps, margin = 1) => [...parseFilter(name).apply(maps, margin).data];

describe('second difference', () => {
  it('is exactly 2a for a·s² + b·s + c', () => {
    for (const q of apply(
      'second-difference',
      sampled((s) => 3 * s * s - 2 * s + 1),
    ))
      expect(q).toBeCloseTo(6, 2);
  });

  it('approaches the second derivative of a sine', () => {
    const got = apply(
      'second-difference',
      sampled((s) => Math.sin(2 * s)),
    );
    for (const [m, q] of got.entries()) expect(q).toBeCloseTo(-4 * Math.sin(2 * ((2 * m) / (M - 1) - 1)), 1);
  });

  it('has the factor −1/(2π) times the plane’s measure, and no filter has +1', () => {
    expect(parseFilter('second-difference').factor(4)).toBeCloseTo(-2 / Math.PI, 12);
    expect(parseFilter('hann:0.5').factor(1)).toBeCloseTo(-1 / (2 * Math.PI), 12);
    expect(parseFilter('none').factor(4)).toBe(1);
  });
});

describe('apodisation', () => {
  it('gaussian kernel is that of scipy.ndimage.gaussian_filter1d', () => {
    // scipy.ndimage.gaussian_filter1d(impulse, 0.93, truncate=4.0), from its centre on.
    const scipy = [0.428970356, 0.240636213, 0.0424778073, 0.0023595577, 4.1244545e-5];
    const kernel = gaussianKernel(0.93);
    expect(kernel).toHaveLength(5);
    for (const [t, value] of kernel.entries()) expect(value).toBeCloseTo(scipy[t], 6);
  });

  it('hann kernel of width 1 is ¼, ½, ¼', () => {
    const kernel = hannKernel(1, 12);
    expect(kernel[0]).toBeCloseTo(0.5, 12);
    expect(kernel[1]).toBeCloseTo(0.25, 12);
    for (const rest of kernel.slice(2)) expect(rest).toBeCloseTo(0, 12);
  });

  it('hann kernel has the window as its frequency response', () => {
    const width = 0.5;
    const kernel = hannKernel(width, 200);
    for (const share of [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.2, 1.9]) {
      const f = (share * width) / 2;
      const response = kernel.reduce(
        (sum, h, t) => sum + (t === 0 ? 1 : 2) * h * Math.cos(2 * Math.PI * f * t),
        0,
      );
      expect(response).toBeCloseTo(share < 1 ? 0.5 * (1 + Math.cos(Math.PI * share)) : 0, 3);
    }
  });

  it.each([
    'second-difference',
    'gaussian:0.06',
    'gaussian:0.3',
    'hann:0.5',
    'hann:1',
  ])('%s sees nothing in a constant, whatever its ends', (name) => {
    for (const q of apply(name, profile(Array(M + 2).fill(-7.25)))) expect(q).toBeCloseTo(0, 3);
  });

  it('a gaussian leaves a parabola’s curvature alone away from the ends', () => {
    const got = apply(
      'gaussian:0.06',
      sampled((s) => 3 * s * s),
    );
    for (const q of got.slice(6, -6)) expect(q).toBeCloseTo(6, 2);
  });

  it('a wider gaussian passes less of an alternating profile', () => {
    const noise = profile(Array.from({ length: M + 2 }, (_, i) => (i % 2 ? 1 : -1)));
    const strength = (name: string) => Math.hypot(...apply(name, noise).slice(8, -8));
    expect(strength('gaussian:0.06')).toBeLessThan(0.05 * strength('second-difference'));
    expect(strength('gaussian:0.09')).toBeLessThan(strength('gaussian:0.06'));
    expect(strength('hann:0.5')).toBeLessThan(0.01 * strength('second-difference'));
  });
});

describe('every filter', () => {
  const names = ['none', 'second-difference', 'gaussian:0.08', 'hann:0.6'];

  it('is linear', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 14, maxLength: 14 }),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 14, maxLength: 14 }),
        (name, a, b) => {
          const sum = apply(name, profile(a.map((x, i) => 2 * x - b[i])));
          const pa = apply(name, profile(a));
          const pb = apply(name, profile(b));
          for (const [i, value] of sum.entries())
            expect(Math.abs(value - (2 * pa[i] - pb[i]))).toBeLessThan(1e-3);
        },
      ),
    );
  });

  it('commutes with turning the stack round', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 6, maxLength: 20 }),
        (name, values) => {
          const turned = apply(name, profile([...values].reverse())).reverse();
          for (const [i, value] of apply(name, profile(values)).entries()) {
            expect(Math.abs(value - turned[i])).toBeLessThan(1e-3);
          }
        },
      ),
    );
  });

  it('gives one value a slice within ±1, whatever the measured margin', () => {
    for (const name of names) {
      expect(apply(name, profile(Array.from({ length: 14 }, (_, i) => i * i)))).toHaveLength(12);
      expect(apply(name, profile(Array.from({ length: 16 }, (_, i) => i * i)), 2)).toHaveLength(12);
    }
  });

  it('acts on each cell of a map by itself', () => {
    const cells = 6;
    const values = Array.from({ length: (M + 2) * cells }, (_, i) => Math.sin(i * i));
    const maps: Maps = { data: Float32Array.from(values), count: M + 2, kinds: 2, rows: 1, columns: 3 };
    for (const name of names) {
      const together = parseFilter(name).apply(maps, 1).data;
      for (let cell = 0; cell < cells; cell++) {
        const alone = apply(name, profile(values.filter((_, i) => i % cells === cell)));
        for (const [m, value] of alone.entries()) expect(together[m * cells + cell]).toBeCloseTo(value, 3);
      }
    }
  });
});

describe('names on the command line', () => {
  it.each([
    ['blur', /no such filter.*none, second-difference, gaussian:WIDTH, hann:WIDTH/],
    ['gaussian', /needs a width above zero/],
    ['gaussian:', /needs a width above zero/],
    ['gaussian:-1', /needs a width above zero/],
    ['gaussian:wide', /needs a width above zero/],
    ['gaussian:1:2', /needs a width above zero/],
    ['hann:1.5', /beyond the highest frequency/],
    ['none:3', /takes no width/],
    ['toString', /no such filter/],
  ])('%s is refused', (name, message) => {
    expect(() => parseFilter(name)).toThrow(message);
  });

  it('are kept as they were said', () => {
    expect(parseFilter('gaussian:0.06').name).toBe('gaussian:0.06');
  });
});
