/**
 * Lengths of axes as numbers or symbols. A symbol is the name of a free length (`n`) or an expression over such
 * names, written always the same way, so that two tensors whose lengths were computed alike compare as equal.
 */
export type Dim = number | string;

export function isNumber(dim: Dim | undefined): dim is number {
  return typeof dim === 'number';
}

const operations = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  // Integers are divided as engines do it: towards zero.
  '/': (a: number, b: number) => Math.trunc(a / b),
} as const;

const neutral = { '+': 0, '-': 0, '*': 1, '/': 1 } as const;

/** a ∘ b, as a number where both are numbers. */
export function combine(operation: keyof typeof operations, a: Dim, b: Dim): Dim {
  if (isNumber(a) && isNumber(b)) return operations[operation](a, b);
  if (b === neutral[operation]) return a;
  if (a === neutral[operation] && (operation === '+' || operation === '*')) return b;
  return `(${a}${operation}${b})`;
}

/**
 * The length of an axis along which two tensors are broadcast. A symbol is never taken for 1, and two symbols
 * that meet are taken for equal: what a graph adds elementwise it means to be of one length.
 */
export function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1) return a;
  return isNumber(b) ? b : a;
}

/** NumPy's broadcasting of whole shapes. */
export function broadcastShape(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  const padded = (shape: readonly Dim[]) => [...Array<Dim>(rank - shape.length).fill(1), ...shape];
  const [p, q] = [padded(a), padded(b)];
  return p.map((dim, axis) => broadcastDim(dim, q[axis]));
}

/** The length that makes the product of `shape` and it the product of `whole`: what −1 stands for in Reshape. */
export function remainder(whole: readonly Dim[], shape: readonly Dim[]): Dim {
  const symbols: Dim[] = whole.filter((dim) => !isNumber(dim));
  let divisor = 1;
  const unmatched: Dim[] = [];
  for (const dim of shape) {
    const at = symbols.indexOf(dim);
    if (isNumber(dim)) divisor *= dim;
    else if (at >= 0) symbols.splice(at, 1);
    else unmatched.push(dim);
  }
  const factor = whole.filter(isNumber).reduce((a, b) => a * b, 1) / divisor;
  const top = symbols.reduce<Dim>((a, b) => combine('*', a, b), 1);
  if (unmatched.length === 0 && Number.isInteger(factor)) return combine('*', top, factor);
  const bottom = unmatched.reduce<Dim>((a, b) => combine('*', a, b), divisor);
  return combine('/', combine('*', top, factor * divisor), bottom);
}

/** Where a window of a convolution or pooling stands on one axis. */
export interface WindowAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
}

/** Output length of a convolution or pooling. With `ceil` the last window must begin before the end padding. */
export function windowLength(length: Dim, axis: WindowAxis, ceil = false): Dim {
  const { kernel, stride, dilation, begin, end } = axis;
  const excess = begin + end - dilation * (kernel - 1) - 1;
  if (!isNumber(length)) {
    if (stride === 1) return combine('+', length, excess + 1);
    return `(⌊(${length}+${excess}${ceil ? `+${stride - 1}` : ''})/${stride}⌋+1)`;
  }
  const steps = (length + excess) / stride;
  const windows = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  return ceil && (windows - 1) * stride >= length + begin ? windows - 1 : windows;
}
