/** Gradients of what only arranges elements anew: the same arrangement backwards. */
import { isNumber } from '../dimensions.ts';
import { intsAttribute } from '../nodes.ts';
import { positiveAxes } from '../shapes.ts';
import type { Rule } from './rule.ts';

/** Reshape, Flatten, Squeeze and Unsqueeze. */
export const reshape: Rule = ({ o, g, x: [x] }) => [() => o.reshapeLike(g, x)];

export const transpose: Rule = (at) => {
  const reversed = at.shape(at.x[0]).map((_, axis, all) => all.length - 1 - axis);
  const perm = intsAttribute(at.node, 'perm') ?? reversed;
  return [
    () =>
      at.o.transpose(
        at.g,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
  ];
};

export const expand: Rule = (at) => [() => at.unbroadcast(at.g, at.x[0])];

/** A slice of g for each part. */
export const concat: Rule = (at) => {
  const { o, g, x } = at;
  const axis = at.axis(0);
  return x.map((_, i) => () => {
    const start = x.slice(0, i).reduce((sum, part) => o.add(sum, o.length(part, axis)), o.ints([0]));
    return o.slice(g, start, o.add(start, o.length(x[i], axis)), [axis]);
  });
};

/** The gradients of the parts, side by side; zeros for parts that nobody uses. */
export const split: Rule = (at) => [
  () => {
    const parts = at.node.output.map((part, i) => at.gradients[i] ?? at.o.full(0, part));
    return at.o.concat(parts, at.axis(0));
  },
];

/** Zeros around g, and between its elements where the slice skipped some. */
export const slice: Rule = (at) => [
  () => {
    const { o, y } = at;
    const [x] = at.x;
    const rank = at.rank(x);
    const starts = at.ints('starts', 1) ?? [];
    const axes = positiveAxes(at.ints('axes', 3) ?? starts.map((_, i) => i), rank);
    const steps = at.ints('steps', 4) ?? starts.map(() => 1);
    return axes.reduce((g, axis, i) => {
      const [start, step] = [starts[i], steps[i]];
      const [length, taken] = [o.length(x, axis), o.length(y, axis)];
      const fixed = at.shape(x)[axis];
      // Starts beyond the end mean the end.
      const last = isNumber(fixed) ? (step < 0 ? fixed - 1 : fixed) : Number.POSITIVE_INFINITY;
      const from =
        start < 0 && isNumber(fixed)
          ? o.ints([Math.max(0, start + fixed)])
          : start < 0
            ? o.add(length, o.ints([start]))
            : o.ints([Math.min(start, last)]);
      const stride = Math.abs(step);
      const span = o.add(o.mul(o.sub(taken, o.ints([1])), o.ints([stride])), o.ints([1]));
      const forward = step < 0 ? o.flip(g, [axis]) : g;
      const before = step < 0 ? o.add(o.sub(from, span), o.ints([1])) : from;
      const spread = stride === 1 ? forward : spreadAxis(at, forward, axis, stride, span);
      const after = o.sub(o.sub(length, before), span);
      const none = (count: number) => (count > 0 ? [o.ints(Array<number>(count).fill(0))] : []);
      const pads = [...none(axis), before, ...none(rank - 1), after, ...none(rank - 1 - axis)];
      return o.pad(spread, o.concat(pads, 0));
    }, at.g);
  },
];

/** Puts stride − 1 zeros between neighbours along an axis; `span` is the length then. */
function spreadAxis(
  { o }: Parameters<Rule>[0],
  g: string,
  axis: number,
  stride: number,
  span: string,
): string {
  const lengths = o.builder.shape(g).map((_, i) => o.length(g, i));
  const apart = o.padAxes(o.unsqueeze(g, [axis + 1]), [axis + 1], [0], [stride - 1]);
  const joined = o.reshapeTo(apart, lengths.with(axis, o.mul(lengths[axis], o.ints([stride]))));
  return o.slice(joined, [0], span, [axis]);
}

/** The part of g that is no padding. Negative padding cuts, so that its opposite pads. */
export const pad: Rule = (at) => [
  () => {
    const { o, g, node } = at;
    const [x] = at.x;
    if (at.text('mode', 'constant') !== 'constant') {
      throw at.refuse(`its mode is ${at.text('mode', '')}`, 'Pad with a constant.');
    }
    const rank = at.rank(x);
    const pads = at.ints('pads', 1) ?? [];
    const axes = node.input[3]
      ? positiveAxes(at.ints('axes', 3) ?? [], rank)
      : pads.slice(rank).map((_, i) => i);
    const [begins, ends] = [pads.slice(0, axes.length), pads.slice(axes.length)];
    const cut = (lengths: readonly number[]) => lengths.map((length) => Math.max(0, -length));
    const whole = o.padAxes(g, axes, cut(begins), cut(ends));
    const padded = axes.filter((_, i) => begins[i] > 0 || ends[i] > 0);
    if (padded.length === 0) return whole;
    const starts = padded.map((axis) => Math.max(0, begins[axes.indexOf(axis)]));
    const lengths = o.concat(
      padded.map((axis) => o.length(x, axis)),
      0,
    );
    return o.slice(whole, starts, o.add(lengths, o.ints(starts)), padded);
  },
];

/** Blocks of pixels become channels again. Not SpaceToDepth, which the WebGPU provider leaves to the CPU. */
export const depthToSpace: Rule = (at) => [
  () => {
    const { o, g } = at;
    const [x] = at.x;
    const side = at.int('blocksize', 1);
    const channels = at.shape(g)[1];
    if (!isNumber(channels)) throw at.refuse('its number of channels is free', 'Fix it.');
    const parts = [o.length(x, 0), channels, o.length(x, 2), side, o.length(x, 3), side];
    const perm = at.text('mode', 'DCR') === 'DCR' ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4];
    return o.reshapeLike(o.transpose(o.reshapeTo(g, parts), perm), x);
  },
];

export const spaceToDepth: Rule = (at) => [
  () => at.o.op('DepthToSpace', [at.g], { blocksize: at.int('blocksize', 1), mode: 'DCR' }),
];
