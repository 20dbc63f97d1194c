/**
 * Gradients of convolutions. By the input it is a convolution with the kernel turned round, or a transposed one where
 * there are strides. By the weight it is a matrix product for each element of the kernel, with batch and pixels
 * together as the inner dimension: input and gradient are brought to [channels, images and pixels] once, which moves
 * whole planes and gives products of two matrices whose rows are long, what engines multiply fastest.
 */
import { isNumber, type WindowAxis } from '../dimensions.ts';
import { type TransposedAxis, transposedWindowAxes, windowAxes } from '../windows.ts';
import type { Rule, Site } from './rule.ts';
import { crop, firstAxis, kernelPositions, reader, scatterAxis, spatialAxes } from './sliding.ts';

const freeSizes = 'Give the image a fixed size, or the node explicit pads.';

/** Y = X ∗ W + b for any number of spatial axes. */
export const convolution: Rule = (at) => {
  const { g, x } = at;
  const [input, weight] = x;
  const windows = windowAxes(at.node, at.shape(input).slice(2), at.shape(weight).slice(2));
  if (!windows) throw at.refuse('its padding depends on lengths that are free', freeSizes);
  const group = at.int('group', 1);
  return [
    () => inputGradient(at, windows, group),
    () => weightGradient(at, { input, gradient: g, weight, windows, group }),
    () => at.o.sum(g, [0, ...spatialAxes(windows)], false),
  ];
};

/** The transposed convolution is the gradient of a convolution by its input, so that convolution is its own gradient. */
export const transposedConvolution: Rule = (at) => {
  const { o, g, x } = at;
  const [input, weight] = x;
  const windows = transposedWindowAxes(at.node, at.shape(input).slice(2), at.shape(weight).slice(2));
  if (!windows) throw at.refuse('its padding depends on lengths that are free', freeSizes);
  if (windows.some(overhangs)) {
    throw at.refuse('its output padding is not shorter than its stride', 'Use a shorter one.');
  }
  const group = at.int('group', 1);
  return [
    () => o.op('Conv', [g, weight], { ...attributes(windows), group }),
    () => weightGradient(at, { input: g, gradient: input, weight, windows, group }),
    () => o.sum(g, [0, ...spatialAxes(windows)], false),
  ];
};

function overhangs({ outputPadding, stride }: TransposedAxis): boolean {
  return outputPadding >= stride;
}

function attributes(windows: readonly WindowAxis[]) {
  return {
    kernel_shape: windows.map(({ kernel }) => kernel),
    strides: windows.map(({ stride }) => stride),
    dilations: windows.map(({ dilation }) => dilation),
    pads: [...windows.map(({ begin }) => begin), ...windows.map(({ end }) => end)],
  };
}

function inputGradient(at: Site, windows: readonly WindowAxis[], group: number): string {
  const { o, g, x } = at;
  const [input, weight] = x;
  const turned = windows.map((axis) => ({
    ...axis,
    begin: axis.dilation * (axis.kernel - 1) - axis.begin,
    end: axis.dilation * (axis.kernel - 1) - axis.end,
  }));
  const plain = turned.every(({ stride, begin, end }) => stride === 1 && begin >= 0 && end >= 0);
  if (plain) {
    return o.op('Conv', [g, turnedWeight(at, weight, windows, group)], { ...attributes(turned), group });
  }
  if (isThin(at, weight, group)) {
    const apart = windows.reduce(
      (spread, { stride }, i) => scatterAxis(o, [spread], { ...point, stride }, i + firstAxis),
      g,
    );
    const full = turned.map((axis) => {
      const reach = axis.dilation * (axis.kernel - 1);
      return { ...axis, stride: 1, begin: reach, end: reach };
    });
    const turn = turnedWeight(at, weight, windows, group);
    return crop(at, o.op('Conv', [apart, turn], { ...attributes(full), group }), input, windows);
  }
  const lengths = windows.map((axis, i) => {
    const [from, to] = [at.shape(g)[i + 2], at.shape(input)[i + 2]];
    // Pixels at the end that no window reached.
    return isNumber(from) && isNumber(to)
      ? to + axis.begin + axis.end - ((from - 1) * axis.stride + axis.dilation * (axis.kernel - 1) + 1)
      : undefined;
  });
  if (lengths.every((length) => length !== undefined)) {
    return o.op('ConvTranspose', [g, weight], { ...attributes(windows), group, output_padding: lengths });
  }
  const unpadded = windows.map((axis) => ({ ...axis, begin: 0, end: 0 }));
  const canvas = o.op('ConvTranspose', [g, weight], { ...attributes(unpadded), group });
  return crop(at, canvas, input, windows);
}

/** A kernel of one element. */
const point = { kernel: 1, dilation: 1, begin: 0, end: 0 };

/**
 * Several output channels for each of many groups of one input channel. ONNX Runtime 1.30 on WebGPU computes transposed
 * convolutions of this kind wrongly, without a word; a convolution over g with zeros between its elements is right.
 */
function isThin(at: Site, weight: string, group: number): boolean {
  const [co, ci] = channels(at, weight);
  return group > 1 && ci === 1 && co > group;
}

/** [co, ci/group, …] becomes [ci, co/group, …], turned round along the kernel. */
function turnedWeight(at: Site, weight: string, windows: readonly WindowAxis[], group: number): string {
  const { o } = at;
  const kernel = spatialAxes(windows);
  const wide = windows.flatMap((window, i) => (window.kernel > 1 ? [kernel[i]] : []));
  const flipped = wide.length > 0 ? o.flip(weight, wide) : weight;
  if (group === 1) return o.transpose(flipped, [1, 0, ...kernel]);
  const [co, ci] = channels(at, weight);
  const sizes = windows.map((window) => window.kernel);
  const grouped = o.reshape(flipped, [group, co / group, ci, ...sizes]);
  const swapped = o.transpose(grouped, [0, 2, 1, ...kernel.map((axis) => axis + 1)]);
  return o.reshape(swapped, [group * ci, co / group, ...sizes]);
}

interface WeightGradient {
  /** What the windows slide over. */
  readonly input: string;
  /** One element a window. */
  readonly gradient: string;
  /** [co, ci/group, …] */
  readonly weight: string;
  readonly windows: readonly WindowAxis[];
  readonly group: number;
}

function weightGradient(at: Site, { input, gradient, weight, windows, group }: WeightGradient): string {
  const { o } = at;
  const [co, ci] = channels(at, weight);
  const axes = spatialAxes(windows);
  const sizes = windows.map(({ kernel }) => kernel);
  const padded = o.padAxes(
    input,
    axes,
    windows.map(({ begin }) => begin),
    windows.map(({ end }) => end),
  );
  if (ci === 1 && co === group && group > 1) {
    const read = reader(o, padded, windows, gradient);
    const sums = kernelPositions(windows).map((position) =>
      o.unsqueeze(o.sum(o.mul(gradient, read(position)), [0, ...axes], false), [1]),
    );
    return o.reshape(o.concat(sums, 1), [co, 1, ...sizes]);
  }
  const channelsFirst = [1, 0, ...axes];
  const read = reader(o, o.transpose(padded, channelsFirst), windows, gradient);
  const rows = o.transpose(gradient, channelsFirst);
  const product = group === 1 ? dense(at, rows, co, ci) : grouped(at, rows, co, ci, group);
  const parts = kernelPositions(windows).map((position) => product(read(position)));
  const stacked = o.reshape(o.concat(parts, group === 1 ? 1 : 2), [co, ...sizes, ci]);
  return o.transpose(stacked, [0, windows.length + 1, ...windows.map((_, i) => i + 1)]);
}

/** [co, ci] from what a kernel element meets, [ci, n, …]. */
function dense({ o }: Site, gradient: string, co: number, ci: number): (met: string) => string {
  const rows = o.reshape(gradient, [co, -1]);
  return (met) => o.op('Gemm', [rows, o.reshape(met, [ci, -1])], { transB: 1 });
}

/** [group, co/group, ci] likewise, the groups as a batch. */
function grouped(
  { o }: Site,
  gradient: string,
  co: number,
  ci: number,
  group: number,
): (met: string) => string {
  const rows = o.reshape(gradient, [group, co / group, -1]);
  return (met) => o.op('MatMul', [rows, o.transpose(o.reshape(met, [group, ci, -1]), [0, 2, 1])]);
}

/** The first two lengths of a weight, the second an input channel count of one group. */
function channels(at: Site, weight: string): [number, number] {
  const [co, ci] = at.shape(weight);
  if (isNumber(co) && isNumber(ci)) return [co, ci];
  throw at.refuse('the shape of its weight is not fixed', 'Give the weight fixed lengths.');
}
