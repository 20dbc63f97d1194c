/**
 * The windows of convolutions and poolings: kernel, strides, dilations and padding of every axis, with `auto_pad`
 * and `output_shape` turned into numbers. Explicit padding is what everything behind this file works with.
 */
import type { NodeProto } from 'onnx-buf';
import { type Dim, isNumber, type WindowAxis } from './dimensions.ts';
import { intsAttribute, textAttribute } from './nodes.ts';

/**
 * One window an axis. Undefined when the kernel is unknown, or when the padding depends on a length that is free.
 * @param lengths of the input along the spatial axes.
 * @param kernel lengths of the weight along these axes, for convolutions that do not repeat them as an attribute.
 */
export function windowAxes(
  node: NodeProto,
  lengths: readonly Dim[],
  kernel: readonly Dim[] | undefined,
): WindowAxis[] | undefined {
  const kernels = intsAttribute(node, 'kernel_shape') ?? kernel;
  if (!kernels?.every(isNumber)) return undefined;
  const auto = textAttribute(node, 'auto_pad') ?? 'NOTSET';
  const found = lengths.map((length, axis) => {
    const window = windowOf(node, kernels[axis], axis);
    if (!auto.startsWith('SAME')) {
      return { ...window, ...givenPadding(node, auto, axis, lengths.length) };
    }
    const total = samePadding(length, window);
    return total === undefined ? undefined : { ...window, ...shared(total, auto === 'SAME_UPPER') };
  });
  return found.every((axis) => axis !== undefined) ? found : undefined;
}

export interface TransposedAxis extends WindowAxis {
  readonly outputPadding: number;
}

/** The same for ConvTranspose, whose padding may follow from the wanted output shape. */
export function transposedWindowAxes(
  node: NodeProto,
  lengths: readonly Dim[],
  kernel: readonly Dim[],
): TransposedAxis[] | undefined {
  const auto = textAttribute(node, 'auto_pad') ?? 'NOTSET';
  const wanted = intsAttribute(node, 'output_shape')?.slice(-lengths.length);
  const kernels = intsAttribute(node, 'kernel_shape') ?? kernel;
  if (!kernels.every(isNumber)) return undefined;
  const found = lengths.map((length, axis) => {
    const outputPadding = intsAttribute(node, 'output_padding')?.[axis] ?? 0;
    const window = { ...windowOf(node, kernels[axis], axis), outputPadding };
    if (!wanted && !auto.startsWith('SAME')) {
      return { ...window, ...givenPadding(node, auto, axis, lengths.length) };
    }
    if (wanted && !isNumber(length)) return undefined;
    // Without padding the output is (length − 1)·stride + extent; what exceeds the wanted length is cut off.
    const excess = window.dilation * (window.kernel - 1) + 1 + window.outputPadding - window.stride;
    const total = wanted ? (length as number) * window.stride + excess - wanted[axis] : excess;
    return { ...window, ...shared(Math.max(0, total), auto === 'SAME_UPPER') };
  });
  return found.every((axis) => axis !== undefined) ? found : undefined;
}

/** What a window is along one axis, but for its padding. */
function windowOf(node: NodeProto, kernel: number, axis: number) {
  return {
    kernel,
    stride: intsAttribute(node, 'strides')?.[axis] ?? 1,
    dilation: intsAttribute(node, 'dilations')?.[axis] ?? 1,
  };
}

/** Padding that the node says itself; none for VALID and where it says nothing. */
function givenPadding(
  node: NodeProto,
  auto: string,
  axis: number,
  rank: number,
): { begin: number; end: number } {
  const pads = auto === 'VALID' ? undefined : intsAttribute(node, 'pads');
  return { begin: pads?.[axis] ?? 0, end: pads?.[axis + rank] ?? 0 };
}

/** Padding that makes the output ⌈length / stride⌉ long. */
function samePadding(
  length: Dim,
  { kernel, stride, dilation }: { kernel: number; stride: number; dilation: number },
): number | undefined {
  const extent = dilation * (kernel - 1) + 1;
  if (stride === 1) return extent - 1;
  if (!isNumber(length)) return undefined;
  return Math.max(0, (Math.ceil(length / stride) - 1) * stride + extent - length);
}

/** An odd pixel goes to the end for SAME_UPPER, to the beginning otherwise. */
function shared(total: number, upper: boolean): { begin: number; end: number } {
  const half = Math.floor(total / 2);
  return upper ? { begin: half, end: total - half } : { begin: total - half, end: half };
}
