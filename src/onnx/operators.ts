/**
 * Short names for what graphs are mostly made of, on top of a builder: arithmetic in which a number may stand for a
 * tensor, and those operators whose axes are attributes in one operator set and inputs in the next.
 */
import type { Attributes, GraphBuilder } from './builder.ts';
import { type Dim, isNumber } from './dimensions.ts';
import { elementTypes } from './model.ts';

/** The name of a tensor, or a number. */
export type Value = string | number;
/** Integers that are known, or the name of an int64 tensor [k]. */
export type Ints = readonly number[] | string;

type Reduction = 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceProd';

/** "To the end" for Slice, forwards and backwards. */
const far = 2 ** 31 - 1;

export class Operators {
  readonly builder: GraphBuilder;

  constructor(builder: GraphBuilder) {
    this.builder = builder;
  }

  op(opType: string, inputs: readonly (string | undefined)[], attributes: Attributes = {}): string {
    return this.builder.op(opType, inputs, attributes);
  }

  add(a: Value, b: Value): string {
    return this.#binary('Add', a, b);
  }
  sub(a: Value, b: Value): string {
    return this.#binary('Sub', a, b);
  }
  mul(a: Value, b: Value): string {
    return this.#binary('Mul', a, b);
  }
  div(a: Value, b: Value): string {
    return this.#binary('Div', a, b);
  }
  pow(a: Value, b: Value): string {
    return this.#binary('Pow', a, b);
  }
  min(a: Value, b: Value): string {
    return this.#binary('Min', a, b);
  }
  greater(a: Value, b: Value): string {
    return this.#binary('Greater', a, b);
  }
  less(a: Value, b: Value): string {
    return this.#binary('Less', a, b);
  }
  neg(x: string): string {
    return this.op('Neg', [x]);
  }
  exp(x: string): string {
    return this.op('Exp', [x]);
  }
  tanh(x: string): string {
    return this.op('Tanh', [x]);
  }
  sigmoid(x: string): string {
    return this.op('Sigmoid', [x]);
  }

  /** a where the condition holds, b elsewhere. */
  where(condition: string, a: Value, b: Value): string {
    const like = typeof a === 'string' ? a : (b as string);
    return this.op('Where', [condition, this.#value(a, like), this.#value(b, like)]);
  }

  /** 1 where x and y are equal, 0 elsewhere, in the element type of x. */
  equals(x: string, y: string): string {
    return this.mask(this.op('Equal', [x, y]), x);
  }

  /** Booleans as 0 and 1 in the element type of a tensor. */
  mask(condition: string, like: string): string {
    return this.cast(condition, this.builder.known(like).element);
  }

  /** −1, 0 or 1. Made of comparisons because the WebGPU provider leaves Sign to the CPU. */
  sign(x: string): string {
    return this.sub(this.mask(this.greater(x, 0), x), this.mask(this.less(x, 0), x));
  }

  cast(x: string, element: string): string {
    if (this.builder.known(x).element === element) return x;
    return this.op('Cast', [x], { to: elementTypes.indexOf(element) });
  }

  /** Reduces over known axes; without axes to reduce it is x itself. */
  reduce(kind: Reduction, x: string, axes: readonly number[], keep = true): string {
    if (axes.length === 0) return x;
    const keepdims = keep ? 1 : 0;
    const byInput = this.builder.opset >= (kind === 'ReduceSum' ? 13 : 18);
    return byInput
      ? this.op(kind, [x, this.builder.ints(axes)], { keepdims })
      : this.op(kind, [x], { axes, keepdims });
  }
  sum(x: string, axes: readonly number[], keep = true): string {
    return this.reduce('ReduceSum', x, axes, keep);
  }
  mean(x: string, axes: readonly number[], keep = true): string {
    return this.reduce('ReduceMean', x, axes, keep);
  }

  /** x[starts:ends:steps] along axes. */
  slice(x: string, starts: Ints, ends: Ints, axes: readonly number[], steps?: readonly number[]): string {
    const unit = !steps || steps.every((step) => step === 1);
    const inputs = [
      x,
      this.ints(starts),
      this.ints(ends),
      this.ints(axes),
      ...(unit ? [] : [this.ints(steps)]),
    ];
    return this.op('Slice', inputs);
  }

  /** x with its elements in the opposite order along axes. */
  flip(x: string, axes: readonly number[]): string {
    const all = (value: number) => axes.map(() => value);
    return this.slice(x, all(-1), all(-far), axes, all(-1));
  }

  /** Adds elements around x: first those before every axis, then those after. */
  pad(x: string, pads: Ints, value = 0): string {
    if (typeof pads !== 'string' && pads.every((length) => length === 0)) return x;
    return this.op('Pad', [x, this.ints(pads), this.#value(value, x)]);
  }

  /** Pads some axes, by known amounts. */
  padAxes(
    x: string,
    axes: readonly number[],
    begins: readonly number[],
    ends: readonly number[],
    value = 0,
  ): string {
    const rank = this.builder.shape(x).length;
    const pads = Array<number>(2 * rank).fill(0);
    for (const [i, axis] of axes.entries()) {
      pads[axis] = begins[i];
      pads[axis + rank] = ends[i];
    }
    return this.pad(x, pads, value);
  }

  reshape(x: string, shape: Ints): string {
    return this.op('Reshape', [x, this.ints(shape)]);
  }

  /** x in the shape of another tensor of as many elements. */
  reshapeLike(x: string, like: string): string {
    const shape = this.builder.shape(like);
    if (same(shape, this.builder.known(x).shape)) return x;
    // One free length is what the others leave.
    const free = shape.filter((dim) => !isNumber(dim)).length;
    if (free > 1 || shape.includes(0)) return this.reshape(x, this.shapeOf(like));
    return this.reshape(
      x,
      shape.map((dim) => (isNumber(dim) ? dim : -1)),
    );
  }

  /** Reshape to lengths of which some are int64 tensors [1], as `length` gives them. */
  reshapeTo(x: string, parts: readonly Value[]): string {
    const known = parts.map((part) => (isNumber(part) ? part : this.builder.known(part).values?.[0]));
    const lengths = known.map((length) => (isNumber(length) ? length : -1));
    if (lengths.filter((length) => length < 0).length <= 1) return this.reshape(x, lengths);
    const pieces = parts.map((part) => (isNumber(part) ? this.ints([part]) : part));
    return this.reshape(x, this.concat(pieces, 0));
  }

  transpose(x: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i) ? x : this.op('Transpose', [x], { perm });
  }

  unsqueeze(x: string, axes: readonly number[]): string {
    if (axes.length === 0) return x;
    return this.builder.opset >= 13
      ? this.op('Unsqueeze', [x, this.ints(axes)])
      : this.op('Unsqueeze', [x], { axes });
  }

  concat(parts: readonly string[], axis: number): string {
    return parts.length === 1 ? parts[0] : this.op('Concat', parts, { axis });
  }

  /** x repeated to the shape of another tensor. */
  expandLike(x: string, like: string): string {
    const shape = this.builder.known(like).shape;
    return shape && same(shape, this.builder.known(x).shape) ? x : this.op('Expand', [x, this.shapeOf(like)]);
  }

  /** A tensor of one value, in the shape and element type of another. */
  full(value: number, like: string): string {
    return this.expandLike(this.builder.scalar(value, this.builder.known(like).element), like);
  }

  /** Shape of a tensor as int64 [rank]. */
  shapeOf(x: string): string {
    return this.op('Shape', [x]);
  }

  /** Some of its lengths, axes `from` to before `to`, as int64 [to − from]. */
  lengths(x: string, from: number, to: number): string {
    return this.slice(this.shapeOf(x), [from], [to], [0]);
  }

  /** One length of x as int64 [1]. */
  length(x: string, axis: number): string {
    return this.lengths(x, axis, axis + 1);
  }

  /** How many elements x has along some axes, as a number or as a tensor of rank 0 in x's element type. */
  count(x: string, axes: readonly number[]): Value {
    const dims = axes.map((axis) => this.builder.shape(x)[axis]);
    if (dims.every(isNumber)) return dims.reduce((a, b) => a * b, 1);
    const lengths = this.concat(
      axes.map((axis) => this.length(x, axis)),
      0,
    );
    return this.cast(this.reduce('ReduceProd', lengths, [0], false), this.builder.known(x).element);
  }

  ints(values: Ints): string {
    return typeof values === 'string' ? values : this.builder.ints(values);
  }

  #binary(opType: string, a: Value, b: Value): string {
    const like = typeof a === 'string' ? a : (b as string);
    return this.op(opType, [this.#value(a, like), this.#value(b, like)]);
  }

  #value(value: Value, like: string): string {
    return typeof value === 'string' ? value : this.builder.scalar(value, this.builder.known(like).element);
  }
}

function same(a: readonly Dim[], b: readonly Dim[] | undefined): boolean {
  return a.length === b?.length && a.every((dim, axis) => dim === b[axis]);
}
