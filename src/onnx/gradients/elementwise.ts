/** Gradients of arithmetic, element by element and with broadcasting: derivative × g, summed where it was broadcast. */
import type { Recipe, Rule, Site } from './rule.ts';

/** y = f(x): derivative(site) × g. */
export const scaled =
  (derivative: (at: Site) => string): Rule =>
  (at) => [() => at.o.mul(at.g, derivative(at))];

/** Inputs that were broadcast: each recipe's result is summed to its input's shape. */
const broadcast =
  (recipes: (at: Site) => readonly (Recipe | undefined)[]): Rule =>
  (at) =>
    recipes(at).map((recipe, i) => recipe && (() => at.unbroadcast(recipe(), at.x[i])));

export const identity: Rule = (at) => [() => at.g];

export const add = broadcast(({ g }) => [() => g, () => g]);
export const subtract = broadcast(({ o, g }) => [() => g, () => o.neg(g)]);
export const multiply = broadcast(({ o, g, x: [a, b] }) => [() => o.mul(g, b), () => o.mul(g, a)]);

/** (a/b)' = 1/b by a, −(a/b)/b by b. */
export const divide = broadcast(({ o, g, x: [, b], y }) => [
  () => o.div(g, b),
  () => o.neg(o.div(o.mul(g, y), b)),
]);

/** (aᵇ)' = b·aᵇ⁻¹ by a, aᵇ·ln a by b. The exponent may be of another type than the base. */
export const power = broadcast(({ o, builder, g, x: [a, exponent], y }) => {
  const b = () => o.cast(exponent, builder.known(a).element);
  return [() => o.mul(g, o.mul(b(), o.pow(a, o.sub(b(), 1)))), () => o.mul(g, o.mul(y, o.op('Log', [a])))];
});

export const squareRoot: Rule = ({ o, g, y }) => [() => o.div(o.mul(g, 0.5), y)];
export const exponential = scaled(({ y }) => y);
export const logarithm: Rule = ({ o, g, x: [x] }) => [() => o.div(g, x)];
export const negation: Rule = ({ o, g }) => [() => o.neg(g)];
export const absolute = scaled(({ o, x: [x] }) => o.sign(x));
/** (1/x)' = −1/x². */
export const reciprocal = scaled(({ o, y }) => o.neg(o.mul(y, y)));
/** erf'(x) = 2/√π · exp(−x²). */
export const errorFunction = scaled(({ o, x: [x] }) =>
  o.mul(o.exp(o.neg(o.mul(x, x))), 2 / Math.sqrt(Math.PI)),
);
export const sine = scaled(({ o, x: [x] }) => o.op('Cos', [x]));
export const cosine = scaled(({ o, x: [x] }) => o.neg(o.op('Sin', [x])));

export const sumOfAll = broadcast(({ g, x }) => x.map(() => () => g));
export const meanOfAll = broadcast(({ o, g, x }) => x.map(() => () => o.mul(g, 1 / x.length)));

/** Min and Max: to those that have the extreme value, in equal parts, as PyTorch does. */
export const extreme: Rule = (at) => {
  const { o, g, x, y } = at;
  if (x.length === 1) return [() => g];
  const share = () =>
    o.div(
      g,
      x.map((value) => o.equals(y, value)).reduce((a, b) => o.add(a, b)),
    );
  return x.map((value) => () => at.unbroadcast(o.mul(share(), o.equals(y, value)), value));
};

export const choice = broadcast(({ o, g, x: [condition] }) => [
  undefined,
  () => o.where(condition, g, 0),
  () => o.where(condition, 0, g),
]);

/** Between floating-point types; a cast to integers or booleans ends the way. */
export const cast: Rule = ({ o, builder, g, x: [x] }) => [() => o.cast(g, builder.known(x).element)];
