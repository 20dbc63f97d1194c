/** Gradients of reductions: g is put back on the reduced axes and repeated along them. */
import { positiveAxes } from '../shapes.ts';
import type { Rule, Site } from './rule.ts';

interface Reduced {
  readonly axes: readonly number[];
  /** Gradient and result with the reduced axes kept, of length 1. */
  readonly g: string;
  readonly y: string;
}

function reducedOf(at: Site): Reduced {
  const { o } = at;
  const rank = at.rank(at.x[0]);
  const given = at.ints('axes', 1) ?? [];
  const all = Array.from({ length: rank }, (_, axis) => axis);
  const none = at.int('noop_with_empty_axes', 0) === 1 ? [] : all;
  const axes = given.length > 0 ? positiveAxes(given, rank).sort((a, b) => a - b) : none;
  if (at.int('keepdims', 1) === 1) return { axes, g: at.g, y: at.y };
  return { axes, g: o.unsqueeze(at.g, axes), y: o.unsqueeze(at.y, axes) };
}

const reduction =
  (gradient: (at: Site, reduced: Reduced) => string): Rule =>
  (at) => [() => gradient(at, reducedOf(at))];

export const reduceSum = reduction(({ o, x }, { g }) => o.expandLike(g, x[0]));
export const reduceMean = reduction(({ o, x }, { axes, g }) =>
  o.expandLike(o.div(g, o.count(x[0], axes)), x[0]),
);
/** Σ|x| */
export const reduceL1 = reduction(({ o, x }, { g }) => o.mul(o.sign(x[0]), g));
/** √Σx²: x/y. */
export const reduceL2 = reduction(({ o, x }, { g, y }) => o.mul(x[0], o.div(g, y)));
export const reduceSumSquare = reduction(({ o, x }, { g }) => o.mul(x[0], o.mul(g, 2)));
/** ln Σeˣ: eˣ⁻ʸ. */
export const reduceLogSumExp = reduction(({ o, x }, { g, y }) => o.mul(o.exp(o.sub(x[0], y)), g));
/** Max and Min. */
export const reduceExtreme = reduction((at, { axes, g, y }) => shareAmongExtremes(at, axes, g, y));

/** In equal parts to the elements that have the extreme value, as PyTorch's amax does. */
export function shareAmongExtremes(at: Site, axes: readonly number[], g: string, y: string): string {
  const { o, x } = at;
  const mask = o.equals(x[0], y);
  return o.mul(mask, o.div(g, o.sum(mask, axes)));
}
