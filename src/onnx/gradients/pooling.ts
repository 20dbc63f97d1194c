/** Gradients of poolings. A window's gradient goes to its maximum, or in equal parts to all that it averaged. */
import type { WindowAxis } from '../dimensions.ts';
import { windowAxes } from '../windows.ts';
import { shareAmongExtremes } from './reduction.ts';
import type { Rule, Site } from './rule.ts';
import { canvasOf, crop, firstAxis, kernelPositions, reader, scatterAxis, spatialAxes } from './sliding.ts';

/** Below all finite float32 numbers but one: a padded element is no maximum. */
const lowest = -3.4028234663852886e38;

function windowsOf(at: Site): WindowAxis[] {
  const windows = windowAxes(at.node, at.shape(at.x[0]).slice(2), undefined);
  if (windows) return windows;
  throw at.refuse('its padding depends on lengths that are free', 'Give the image a fixed size.');
}

/** To the first maximum of each window, in the order of the kernel's elements, as PyTorch does. */
export const maxPool: Rule = (at) => [
  () => {
    const { o, g, y } = at;
    const [x] = at.x;
    const windows = windowsOf(at);
    const read = reader(o, canvasOf(at, x, windows, y, lowest), windows, y);
    let left = g;
    const positions = kernelPositions(windows);
    const parts = positions.map((position, i) => {
      const part = o.mul(left, o.equals(read(position), y));
      // Exact: what is taken away is either all that is left, or nothing.
      if (i + 1 < positions.length) left = o.sub(left, part);
      return part;
    });
    return crop(at, scatterAll(at, parts, windows), x, windows);
  },
];

/** Averages are separable: each axis is spread by itself. */
export const averagePool: Rule = (at) => [
  () => {
    const { o, g, x } = at;
    const windows = windowsOf(at);
    const share = o.div(g, windowCounts(at, windows));
    const canvas = windows.reduce(
      (spread, window, i) => scatterAxis(o, Array<string>(window.kernel).fill(spread), window, i + firstAxis),
      share,
    );
    return crop(at, canvas, x[0], windows);
  },
];

/** Adds up the parts of all kernel elements, the last axis first. */
function scatterAll(at: Site, parts: readonly string[], windows: readonly WindowAxis[]): string {
  return windows.reduceRight((remaining: readonly string[], window, i) => {
    const rows = Array.from({ length: remaining.length / window.kernel }, (_, row) =>
      remaining.slice(row * window.kernel, (row + 1) * window.kernel),
    );
    return rows.map((row) => scatterAxis(at.o, row, window, i + firstAxis));
  }, parts)[0];
}

/** How many elements each window averages: those inside the image or, when padding counts, inside the padded image. */
function windowCounts(at: Site, windows: readonly WindowAxis[]): number | string {
  const { o, builder, y } = at;
  const [x] = at.x;
  const includesPads = at.int('count_include_pad', 0) === 1;
  const unpadded = windows.every(({ begin, end }) => begin === 0 && end === 0);
  if ((includesPads || unpadded) && at.int('ceil_mode', 0) === 0) {
    return windows.reduce((count, { kernel }) => count * kernel, 1);
  }
  const axes = spatialAxes(windows);
  const one = builder.scalar(1, builder.known(x).element);
  const shape = o.concat([o.ints([1, 1]), o.lengths(x, firstAxis, firstAxis + windows.length)], 0);
  const image = o.op('Expand', [one, shape]);
  const begins = windows.map(({ begin }) => begin);
  const ends = windows.map(({ end }) => end);
  const counted = includesPads ? o.padAxes(image, axes, begins, ends, 1) : image;
  // Windows that ceil_mode adds hang over the end by less than a stride.
  const overhang = windows.map(({ end, stride }) => (includesPads ? 0 : end) + stride - 1);
  const canvas = o.padAxes(counted, axes, includesPads ? begins.map(() => 0) : begins, overhang);
  const kernel = o.op('Expand', [one, o.ints([1, 1, ...windows.map((window) => window.kernel)])]);
  const counts = o.op('Conv', [canvas, kernel], {
    strides: windows.map(({ stride }) => stride),
    dilations: windows.map(({ dilation }) => dilation),
  });
  return o.slice(
    counts,
    axes.map(() => 0),
    o.lengths(y, firstAxis, firstAxis + windows.length),
    axes,
  );
}

const planeOf = (at: Site) => at.shape(at.x[0]).flatMap((_, axis) => (axis < firstAxis ? [] : axis));

export const globalAveragePool: Rule = (at) => {
  const { o, g, x } = at;
  return [() => o.expandLike(o.div(g, o.count(x[0], planeOf(at))), x[0])];
};

/** In equal parts to the pixels that have the maximum. */
export const globalMaxPool: Rule = (at) => [() => shareAmongExtremes(at, planeOf(at), at.g, at.y)];
