/**
 * Windows that slide over the axes of a padded tensor, and the way back. Position o of a window and element i of its
 * kernel meet at o·stride + i·dilation of the padded axis, the canvas. Reading is a strided Slice for each i; writing
 * adds up what different i bring to one element of the canvas, phase by phase (elements of one remainder by the
 * stride lie side by side), so that no Scatter is needed, which providers run slowly or not at all.
 */
import { isNumber, type WindowAxis } from '../dimensions.ts';
import type { Operators } from '../operators.ts';
import type { Site } from './rule.ts';

/** Spatial axes stand behind batch and channels. */
export const firstAxis = 2;

export function spatialAxes(windows: readonly unknown[]): number[] {
  return windows.map((_, i) => i + firstAxis);
}

/** All positions of a kernel, the last axis fastest. */
export function kernelPositions(windows: readonly WindowAxis[]): number[][] {
  return windows.reduce<number[][]>(
    (positions, { kernel }) =>
      positions.flatMap((position) => Array.from({ length: kernel }, (_, i) => [...position, i])),
    [[]],
  );
}

/**
 * For each position of the kernel the elements of a canvas that it meets, one an output position.
 * @param canvas a tensor that is padded already, its spatial axes from `first` on.
 * @param outputs a tensor [n, channels, …] with as many elements an axis as there are output positions.
 */
export function reader(
  o: Operators,
  canvas: string,
  windows: readonly WindowAxis[],
  outputs: string,
  first: number = firstAxis,
): (position: readonly number[]) => string {
  const axes = windows.map((_, i) => i + first);
  const positions = o.lengths(outputs, firstAxis, firstAxis + windows.length);
  const strides = o.ints(windows.map(({ stride }) => stride));
  const span = o.add(
    o.mul(o.sub(positions, o.ints(windows.map(() => 1))), strides),
    o.ints(windows.map(() => 1)),
  );
  const steps = windows.map(({ stride }) => stride);
  const whole = windows.every(({ kernel, stride }) => kernel === 1 && stride === 1);
  return (position) => {
    if (whole) return canvas;
    const starts = position.map((i, axis) => i * windows[axis].dilation);
    return o.slice(canvas, starts, o.add(span, o.ints(starts)), axes, steps);
  };
}

/**
 * Adds up, along one axis, what each element of the kernel brings to the canvas.
 * @param parts a tensor for each element of the kernel, with the output positions along the axis.
 * @returns a tensor whose axis is the canvas: at least (positions − 1)·stride + dilation·(kernel − 1) + 1 long.
 */
export function scatterAxis(
  o: Operators,
  parts: readonly string[],
  window: WindowAxis,
  axis: number,
): string {
  const { stride, dilation, kernel } = window;
  const longest = Math.floor((dilation * (kernel - 1)) / stride);
  const phases = Array.from({ length: stride }, (_, phase) => {
    const shifted = parts.flatMap((part, i) => {
      const shift = Math.floor((i * dilation) / stride);
      const padded = () => o.padAxes(part, [axis], [shift], [longest - shift]);
      return (i * dilation) % stride === phase ? [padded()] : [];
    });
    if (shifted.length > 0) return shifted.reduce((a, b) => o.add(a, b));
    // Strides longer than the kernel leave gaps.
    const empty = o.full(0, parts[0]);
    return o.padAxes(empty, [axis], [0], [longest]);
  });
  if (stride === 1) return phases[0];
  const [some] = phases;
  const lengths = o.builder.shape(some).map((_, i) => o.length(some, i));
  const stacked = o.concat(
    phases.map((phase) => o.unsqueeze(phase, [axis + 1])),
    axis + 1,
  );
  return o.reshapeTo(stacked, lengths.with(axis, o.mul(lengths[axis], o.ints([stride]))));
}

/** Cuts the part of the canvas that is no padding: where x lies. */
export function crop(at: Site, canvas: string, x: string, windows: readonly WindowAxis[]): string {
  const { o } = at;
  const axes = spatialAxes(windows);
  const begins = windows.map(({ begin }) => begin);
  // Windows need not reach the end of x; what they do not reach is shorter than a stride.
  const missing = axes.map((axis, i) => {
    const [length, reached] = [at.shape(x)[axis], at.shape(canvas)[axis]];
    const known = isNumber(length) && isNumber(reached);
    return known ? Math.max(0, begins[i] + length - reached) : windows[i].stride - 1 + windows[i].end;
  });
  const whole = o.padAxes(
    canvas,
    axes,
    begins.map(() => 0),
    missing,
  );
  const exact = axes.every((axis, i) => begins[i] === 0 && at.shape(whole)[axis] === at.shape(x)[axis]);
  if (exact) return whole;
  const ends = o.add(o.lengths(x, firstAxis, firstAxis + axes.length), o.ints(begins));
  return o.slice(whole, begins, ends, axes);
}

/**
 * Pads x so that every window lies within.
 * @param value what stands outside x.
 */
export function canvasOf(
  at: Site,
  x: string,
  windows: readonly WindowAxis[],
  y: string,
  value: number,
): string {
  const axes = spatialAxes(windows);
  const ends = windows.map(({ kernel, stride, dilation, begin, end }, i) => {
    const [length, positions] = [at.shape(x)[axes[i]], at.shape(y)[axes[i]]];
    if (!isNumber(length) || !isNumber(positions)) return end + stride - 1;
    return Math.max(0, (positions - 1) * stride + dilation * (kernel - 1) + 1 - length - begin);
  });
  const begins = windows.map(({ begin }) => begin);
  return at.o.padAxes(x, axes, begins, ends, value);
}
