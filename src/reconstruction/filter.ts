/**
 * Filters act along the stack, on every cell of the response's maps by itself: F[p] of the reconstruction's sum.
 * The inverse Radon transform wants the second derivative along s (Eq. 3); the paper takes a plain second
 * difference (Eq. 9), which amplifies the noise of a network's answers; computed tomography has always tempered
 * its filter by a window (apodisation), and so do `gaussian` and `hann`.
 */
import { UsageError } from '../errors.ts';
import type { Maps } from '../responses/response.ts';

export interface Filter {
  /** As on the command line, for instance `gaussian:0.06`. */
  readonly name: string;
  /** Slices needed beyond each end of s = [−1, 1]. */
  readonly margin: number;
  /**
   * F[p] on s_0 … s_{M−1}.
   * @param maps measured at s_{−margin} … s_{M−1+margin}.
   * @param margin of the measurement, at least the filter's.
   */
  apply(maps: Maps, margin: number): Maps;
  /**
   * The k of the reconstruction's sum. With the second difference it is c·|S²| = −1/(8π²)·4π = −1/(2π) (Eq. 11),
   * times what turns the response into a plane integral. With no filter it is +1: Eq. 12 keeps the negative c
   * although nothing was differentiated, and taken literally Averaged CAM would come out upside down.
   */
  factor(planeMeasure: number): number;
}

interface FilterEntry {
  /** What the number after the colon means; absent when there is none. */
  readonly width?: string;
  make(width: number): Filter;
}

/** The table behind `--filter` and its help. */
export const filters: Readonly<Record<string, FilterEntry>> = {
  none: { make: () => noFilter },
  'second-difference': { make: () => secondDifference('second-difference') },
  gaussian: {
    width: 'its standard deviation in s, where [−1, 1] is 2 long',
    make: (width) => secondDifference(`gaussian:${width}`, (spacing) => gaussianKernel(width / spacing)),
  },
  hann: {
    width: 'its cut-off as a share of the highest frequency of the stack, at most 1',
    make: (width) => secondDifference(`hann:${width}`, (_, count) => hannKernel(width, count)),
  },
};

/**
 * A filter from its name on the command line: `none`, `second-difference`, `gaussian:σ` or `hann:w`.
 * @throws UsageError that names the filters there are.
 */
export function parseFilter(text: string): Filter {
  const [name, value, ...rest] = text.split(':');
  const entry = Object.hasOwn(filters, name) ? filters[name] : undefined;
  const known = Object.entries(filters).map(([key, { width }]) => (width ? `${key}:WIDTH` : key));
  const wrong = (problem: string) =>
    new UsageError(`filter "${text}"`, problem, { remedy: `Filters are ${known.join(', ')}.` });
  if (!entry) throw wrong('There is no such filter.');
  if (!entry.width) {
    if (value !== undefined) throw wrong(`The filter ${name} takes no width.`);
    return entry.make(0);
  }
  const width = Number(value);
  if (!value || rest.length > 0 || !(width > 0) || !Number.isFinite(width)) {
    throw wrong(`The filter ${name} needs a width above zero (${entry.width}).`);
  }
  if (name === 'hann' && width > 1) throw wrong('A cut-off above 1 lies beyond the highest frequency.');
  return entry.make(width);
}

const noFilter: Filter = {
  name: 'none',
  margin: 0,
  apply: (maps, margin) => crop(maps, margin),
  factor: () => 1,
};

/**
 * q_m = (p_{m+1} + p_{m−1} − 2 p_m)/Δs² with Δs = 2/(M−1), after smoothing along s when a kernel is given.
 * (Eq. 9 divides by 1/(M−1) instead, a constant factor; with Δs² a mean response comes back at scale 1.)
 */
function secondDifference(name: string, kernel?: (spacing: number, count: number) => Float64Array): Filter {
  return {
    name,
    margin: 1,
    apply(maps, margin) {
      const { kinds, rows, columns } = maps;
      const count = maps.count - 2 * margin;
      const spacing = 2 / (count - 1);
      const profile = kernel ? smooth(maps, kernel(spacing, maps.count)) : maps.data;
      const cells = kinds * rows * columns;
      const out = new Float32Array(count * cells);
      // s_0 has `margin` slices before it; the difference reads the one before, itself and the one after.
      for (let i = 0, at = margin * cells; i < out.length; i++, at++) {
        out[i] = (profile[at + cells] + profile[at - cells] - 2 * profile[at]) / (spacing * spacing);
      }
      return { data: out, count, kinds, rows, columns };
    },
    factor: (planeMeasure) => (-1 / (2 * Math.PI)) * planeMeasure,
  };
}

/** Without the first and last `ends` slices. */
function crop(maps: Maps, ends: number): Maps {
  const cells = maps.kinds * maps.rows * maps.columns;
  const count = maps.count - 2 * ends;
  return { ...maps, count, data: maps.data.subarray(ends * cells, (ends + count) * cells) };
}

/**
 * Convolves along the stack with a symmetric kernel given by its right half. Beyond its ends a profile goes on
 * with its last value: a network's answer to an empty slice is a constant, not zero, and must not make an edge.
 */
function smooth(maps: Maps, kernel: Float64Array): Float64Array {
  const { data, count } = maps;
  const cells = maps.kinds * maps.rows * maps.columns;
  // Single precision would not do here: the difference that follows multiplies rounding by 1/Δs².
  const out = new Float64Array(data.length);
  for (let m = 0; m < count; m++) {
    for (let t = 0; t < kernel.length; t++) {
      const before = Math.max(0, m - t) * cells;
      const after = Math.min(count - 1, m + t) * cells;
      const weight = t === 0 ? kernel[0] / 2 : kernel[t];
      for (let i = 0; i < cells; i++) out[m * cells + i] += weight * (data[before + i] + data[after + i]);
    }
  }
  return out;
}

/**
 * Right half of a Gaussian sampled at the slices, cut at four standard deviations, its whole sum 1 (as SciPy's
 * gaussian_filter1d has it).
 * @param sigma in slices.
 */
export function gaussianKernel(sigma: number): Float64Array {
  const half = Float64Array.from({ length: Math.floor(4 * sigma + 0.5) + 1 }, (_, t) =>
    Math.exp(-(t * t) / (2 * sigma * sigma)),
  );
  return normalise(half);
}

/**
 * Right half of the kernel whose frequency response is the Hann window ½(1 + cos(πf/f_c)) up to f_c = width/2
 * cycles per slice and zero beyond. Width 1 is the kernel ¼, ½, ¼.
 * @param count slices of the stack: the kernel reaches as far, since it has no end of its own.
 */
export function hannKernel(width: number, count: number): Float64Array {
  const sinc = (x: number) => (Math.abs(x) < 1e-12 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  const half = Float64Array.from({ length: count }, (_, t) => {
    const x = width * t;
    return (width / 2) * (sinc(x) + 0.5 * sinc(x - 1) + 0.5 * sinc(x + 1));
  });
  return normalise(half);
}

function normalise(half: Float64Array): Float64Array {
  const sum = 2 * half.reduce((total, value) => total + value, 0) - half[0];
  return half.map((value) => value / sum);
}
