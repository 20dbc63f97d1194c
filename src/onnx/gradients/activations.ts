/** Gradients of activation functions. At a kink the gradient is that of the flat side, as in PyTorch. */
import { scaled } from './elementwise.ts';
import type { Rule, Site } from './rule.ts';

/** 1 where y is strictly between two values. */
function between({ o }: Site, y: string, low: number, high: number): string {
  return o.mul(o.mask(o.greater(y, low), y), o.mask(o.less(y, high), y));
}

/** y = max(x, 0) is positive where x is. */
export const relu = scaled(({ o, y }) => o.mask(o.greater(y, 0), y));

export const leakyRelu: Rule = (at) => {
  const { o, g, x } = at;
  return [() => o.where(o.greater(x[0], 0), g, o.mul(g, at.float('alpha', 0.01)))];
};

/** The slope's own gradient is min(x, 0)·g, summed over what it was broadcast to. */
export const prelu: Rule = (at) => {
  const { o, g, x } = at;
  return [
    () => o.where(o.greater(x[0], 0), g, o.mul(g, x[1])),
    () => at.unbroadcast(o.mul(g, o.min(x[0], 0)), x[1]),
  ];
};

/** For x < 0 the derivative of α(eˣ − 1) is y + α. */
export const elu: Rule = (at) => {
  const { o, g, x, y } = at;
  return [() => o.where(o.greater(x[0], 0), g, o.mul(g, o.add(y, at.float('alpha', 1))))];
};

/** γ·x, and for x < 0 γ·α(eˣ − 1), whose derivative is y + γα. */
export const selu: Rule = (at) => {
  const { o, g, x, y } = at;
  const [alpha, gamma] = [at.float('alpha', 1.6732631921768188), at.float('gamma', 1.0507010221481323)];
  return [() => o.where(o.greater(x[0], 0), o.mul(g, gamma), o.mul(g, o.add(y, alpha * gamma)))];
};

/** For x < 0 the derivative of α(eˣᐟᵅ − 1) is y/α + 1. */
export const celu: Rule = (at) => {
  const { o, g, x, y } = at;
  return [() => o.where(o.greater(x[0], 0), g, o.mul(g, o.add(o.div(y, at.float('alpha', 1)), 1)))];
};

/** The bounds are constants of the network. */
export const clip = scaled(({ o, x: [x], y }) => o.equals(x, y));

export const sigmoid = scaled(({ o, y }) => o.mul(y, o.sub(1, y)));
export const tanh = scaled(({ o, y }) => o.sub(1, o.mul(y, y)));

export const hardSigmoid = scaled((at) => at.o.mul(between(at, at.y, 0, 1), at.float('alpha', 0.2)));

/** x·h(x) with h = clip(x/6 + ½, 0, 1): h + x/6 where h is between its bounds. */
export const hardSwish = scaled((at) => {
  const { o, x } = at;
  const h = o.op('HardSigmoid', [x[0]], { alpha: 1 / 6, beta: 0.5 });
  return o.add(h, o.mul(o.mul(x[0], 1 / 6), between(at, h, 0, 1)));
});

/** x·Φ(x): Φ + x·φ; or its approximation ½x(1 + tanh u), u = √(2/π)(x + 0.044715x³). */
export const gelu = scaled((at) => {
  const { o } = at;
  const [x] = at.x;
  const square = o.mul(x, x);
  if (at.text('approximate', 'none') === 'none') {
    const cumulative = o.mul(o.add(o.op('Erf', [o.mul(x, Math.SQRT1_2)]), 1), 0.5);
    const density = o.mul(o.exp(o.mul(square, -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return o.add(cumulative, o.mul(x, density));
  }
  const [root, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const t = o.tanh(o.mul(o.mul(x, o.add(o.mul(square, cubic), 1)), root));
  const slope = o.mul(o.add(o.mul(square, 3 * cubic), 1), root);
  const curved = o.mul(o.mul(x, slope), o.sub(1, o.mul(t, t)));
  return o.mul(o.add(o.add(t, curved), 1), 0.5);
});

/** ln(1 + eˣ). */
export const softplus = scaled(({ o, x: [x] }) => o.sigmoid(x));
export const softsign = scaled(({ o, x: [x] }) => {
  const d = o.add(o.op('Abs', [x]), 1);
  return o.div(1, o.mul(d, d));
});

/** x·tanh(s), s = ln(1 + eˣ): tanh s + x·(1 − tanh² s)·σ(x). */
export const mish = scaled(({ o, x: [x] }) => {
  const t = o.tanh(o.op('Softplus', [x]));
  return o.add(t, o.mul(o.mul(x, o.sigmoid(x)), o.sub(1, o.mul(t, t))));
});

/** Before operator set 13 everything from the axis on is one vector. */
function softmaxAxes(at: Site): number[] {
  const old = at.builder.opset < 13;
  const axis = at.axis(old ? 1 : -1);
  return old ? Array.from({ length: at.rank(at.x[0]) - axis }, (_, i) => axis + i) : [axis];
}

/** y·(g − Σ g·y). */
export const softmax: Rule = (at) => {
  const { o, g, y } = at;
  return [() => o.mul(y, o.sub(g, o.sum(o.mul(g, y), softmaxAxes(at))))];
};

/** g − eʸ·Σ g. */
export const logSoftmax: Rule = (at) => {
  const { o, g, y } = at;
  return [() => o.sub(g, o.mul(o.exp(y), o.sum(g, softmaxAxes(at))))];
};

/** In training g·mask/(1 − ratio); outside training Dropout does nothing. */
export const dropout: Rule = (at) => {
  const { o, builder, node, g, x } = at;
  const [ratio, training] = [x[1], x[2]];
  const mode = training ? builder.known(training).values?.[0] : 0;
  if (mode === 0) return [() => g];
  const mask = node.output[1];
  if (!mask) throw at.refuse('it drops in training without giving its mask', 'Give it a second output.');
  const element = builder.known(g).element;
  const kept = ratio ? o.sub(1, o.cast(ratio, element)) : 0.5;
  return [() => o.div(o.mul(g, o.mask(mask, g)), kept)];
};
