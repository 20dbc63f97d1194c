/** Gradients of poolings. A window's gradient goes to its maximum, or in equal parts to all that it averaged. */
import type { WindowAxis } from '../dimensions.ts';
import { windowAxes } from '../windows.ts';
import { shareAmongExtremes } from './reduction.ts';
import type { Rule, Site } from './rule.ts';
import { canvasOf, crop, firstAxis, reader, scatterAxis, spatialAxes } from './sliding.ts';

/** Below all finite float32 numbers but one: a padded element is no maximum. */
const lowest = -3.4028234663852886e38;

function windowsOf(at: Site): WindowAxis[] {
  const windows = windowAxes(at.node, at.shape(at.x[0]).slice(2), undefined);
  if (windows) return windows;
  throw at.refuse('its padding depends on lengths that are free', 'Give the image a fixed size.');
}

/**
 * To the first maximum of each window, in the order of the kernel's elements, as PyTorch does. A maximum over a window
 * is one along the last axis, then one along the axis before: on the way back the first row that holds the maximum is
 * found, then the first element in it, which takes a pass for each row and column of the kernel instead of for each
 * element.
 */
export const maxPool: Rule = (at) => [
  () => {
    const { o, y } = at;
    const windows = windowsOf(at);
    const pooled = windows.flatMap(({ kernel, stride }, axis) => (kernel > 1 || stride > 1 ? [axis] : []));
    // What was pooled along one more axis, from the input to the output.
    const stages = [at.x[0]];
    for (const axis of pooled.slice(1).reverse()) {
      stages.push(o.op('MaxPool', [stages.at(-1)!], alongAxis(at, windows, axis)));
    }
    return pooled.reduce((gradient, axis, i) => {
      const before = stages[pooled.length - 1 - i];
      const after = i === 0 ? y : stages[pooled.length - i];
      return maxPoolAxis(at, gradient, before, after, only(windows, axis), axis);
    }, at.g);
  },
];

/** Windows of which only one moves or looks further than one element. */
function only(windows: readonly WindowAxis[], axis: number): WindowAxis[] {
  return windows.map((window, i) => (i === axis ? window : point));
}

const point: WindowAxis = { kernel: 1, stride: 1, dilation: 1, begin: 0, end: 0 };

function alongAxis(at: Site, windows: readonly WindowAxis[], axis: number) {
  const one = only(windows, axis);
  return {
    kernel_shape: one.map(({ kernel }) => kernel),
    strides: one.map(({ stride }) => stride),
    dilations: one.map(({ dilation }) => dilation),
    pads: [...one.map(({ begin }) => begin), ...one.map(({ end }) => end)],
    ceil_mode: at.int('ceil_mode', 0),
  };
}

/** From the gradient of maxima along one axis, `after`, to that of what they were taken of, `before`. */
function maxPoolAxis(
  at: Site,
  gradient: string,
  before: string,
  after: string,
  windows: readonly WindowAxis[],
  axis: number,
): string {
  const { o } = at;
  const { kernel } = windows[axis];
  const read = reader(o, canvasOf(at, before, windows, after, lowest), windows, after);
  let left = gradient;
  const parts = Array.from({ length: kernel }, (_, i) => {
    // The last element is the maximum where none before it was.
    if (i === kernel - 1) return left;
    const position = windows.map((_window, other) => (other === axis ? i : 0));
    const part = o.mul(left, o.equals(read(position), after));
    // Exact: what is taken away is either all that is left, or nothing.
    left = o.sub(left, part);
    return part;
  });
  return crop(at, scatterAxis(o, parts, windows[axis], axis + firstAxis), before, windows);
}

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
