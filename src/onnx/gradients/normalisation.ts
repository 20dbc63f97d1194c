/**
 * Gradients of normalisations. All of them are x̂ = (x − μ)/σ over some axes, then scale and shift; with
 * ĝ = scale·g the gradient by x is (ĝ − mean ĝ − x̂·mean(ĝ·x̂))/σ where μ and σ are those of x itself, and ĝ/σ where
 * they are given. Everything is made of primitives: some providers lack the normalisations themselves.
 */
import { isNumber } from '../dimensions.ts';
import type { Operators } from '../operators.ts';
import { once, type Rule, type Site } from './rule.ts';

interface Normalised {
  /** (x − μ)/σ */
  readonly values: string;
  /** 1/σ */
  readonly inverse: string;
}

/** 1/√(variance + ε). */
function inverseDeviation(o: Operators, variance: string, epsilon: number): string {
  return o.div(1, o.op('Sqrt', [o.add(variance, epsilon)]));
}

function normalise(o: Operators, x: string, axes: readonly number[], epsilon: number): Normalised {
  const centred = o.sub(x, o.mean(x, axes));
  const inverse = inverseDeviation(o, o.mean(o.mul(centred, centred), axes), epsilon);
  return { values: o.mul(centred, inverse), inverse };
}

function throughStatistics(
  o: Operators,
  g: string,
  { values, inverse }: Normalised,
  axes: readonly number[],
): string {
  const along = o.mul(values, o.mean(o.mul(g, values), axes));
  return o.mul(o.sub(o.sub(g, o.mean(g, axes)), along), inverse);
}

/** A vector [C] along the channels of x: [C, 1, …]. */
function perChannel({ o }: Site, vector: string, rank: number): string {
  const trailing = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  return o.unsqueeze(vector, trailing);
}

/** All axes but the channels. */
function othersThanChannels(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);
}

const defaultEpsilon = 1e-5;

/** With running statistics, or with those of the batch where it trains. */
export const batchNormalization: Rule = (at) => {
  const { o, g, node, builder } = at;
  const [x, scale, , mean, variance] = at.x;
  const rank = at.rank(x);
  const axes = othersThanChannels(rank);
  const epsilon = at.float('epsilon', defaultEpsilon);
  // Before operator set 14 further outputs told that it trains.
  const trains =
    at.int('training_mode', 0) === 1 ||
    (builder.opset < 14 && node.output.slice(1).some((name) => name !== ''));
  const channel = (vector: string) => perChannel(at, vector, rank);
  const inverse = once(() => channel(inverseDeviation(o, variance, epsilon)));
  const normalised = once(() =>
    trains
      ? normalise(o, x, axes, epsilon)
      : { values: o.mul(o.sub(x, channel(mean)), inverse()), inverse: inverse() },
  );
  const scaled = once(() => o.mul(g, channel(scale)));
  const shift = () => o.sum(g, axes, false);
  const stretch = () => o.sum(o.mul(g, normalised().values), axes, false);
  if (trains) return [() => throughStatistics(o, scaled(), normalised(), axes), stretch, shift];
  const factor = once(() => o.mul(scale, inverseDeviation(o, variance, epsilon)));
  return [
    () => o.mul(g, channel(factor())),
    stretch,
    shift,
    () => o.neg(o.mul(shift(), factor())),
    // σ⁻¹ by the variance is −½σ⁻³.
    () => {
      const inner = inverseDeviation(o, variance, epsilon);
      return o.mul(o.mul(o.mul(stretch(), scale), -0.5), o.mul(inner, inner));
    },
  ];
};

/** Over the pixels of each channel of each image. */
export const instanceNormalization: Rule = (at) => {
  const { o, g } = at;
  const [x, scale] = at.x;
  const rank = at.rank(x);
  const plane = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const normalised = once(() => normalise(o, x, plane, at.float('epsilon', defaultEpsilon)));
  const axes = othersThanChannels(rank);
  return [
    () => throughStatistics(o, o.mul(g, perChannel(at, scale, rank)), normalised(), plane),
    () => o.sum(o.mul(g, normalised().values), axes, false),
    () => o.sum(g, axes, false),
  ];
};

/** Over the pixels of each group of channels; scale and shift are one a group before operator set 21, one a channel since. */
export const groupNormalization: Rule = (at) => {
  const { o, g } = at;
  const [x, scale] = at.x;
  const groups = at.int('num_groups', 1);
  const channels = at.shape(x)[1];
  if (!isNumber(channels)) throw at.refuse('its number of channels is free', 'Fix it.');
  const each = at.builder.opset < 21 ? channels / groups : 1;
  // [n, groups, channels of a group, pixels]
  const split = (tensor: string) => o.reshape(tensor, [0, groups, channels / groups, -1]);
  const axes = [2, 3];
  const normalised = once(() => normalise(o, split(x), axes, at.float('epsilon', defaultEpsilon)));
  const factors = () => o.reshape(scale, each === 1 ? [groups, channels / groups, 1] : [groups, 1, 1]);
  const perScale = (product: string) =>
    o.reshape(o.sum(product, each === 1 ? [0, 3] : [0, 2, 3], false), [-1]);
  return [
    () => o.reshapeLike(throughStatistics(o, o.mul(split(g), factors()), normalised(), axes), x),
    () => perScale(o.mul(split(g), normalised().values)),
    () => perScale(split(g)),
  ];
};

/** Over the last axes; scale and shift are broadcast to x. */
export const layerNormalization: Rule = (at) => {
  const { o, g } = at;
  const [x, scale, shift] = at.x;
  const first = at.axis(-1);
  const axes = Array.from({ length: at.rank(x) - first }, (_, i) => first + i);
  const normalised = once(() => normalise(o, x, axes, at.float('epsilon', defaultEpsilon)));
  return [
    () => throughStatistics(o, o.mul(g, scale), normalised(), axes),
    () => at.unbroadcast(o.mul(g, normalised().values), scale),
    () => at.unbroadcast(g, shift),
  ];
};
