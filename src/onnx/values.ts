/**
 * The arithmetic that graphs do with shapes, done ahead: integers (and scales) that follow from constants and from
 * the shapes of tensors. A length that is free goes through as its symbol.
 */
import type { NodeProto } from 'onnx-buf';
import { combine, type Dim, isNumber } from './dimensions.ts';
import { elementTypes } from './model.ts';
import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  tensorAttribute,
  tensorValues,
} from './nodes.ts';

interface Operand {
  readonly element: string;
  readonly shape?: readonly Dim[];
  readonly values?: readonly Dim[];
}

type Fold = (inputs: readonly (readonly Dim[])[], node: NodeProto) => readonly Dim[] | undefined;

/** The elements of a node's first output, when they are few and follow from what is known. */
export function foldValues(
  node: NodeProto,
  inputs: readonly (Operand | undefined)[],
): readonly Dim[] | undefined {
  if (node.opType === 'Shape') {
    const shape = inputs[0]?.shape;
    return shape?.slice(intAttribute(node, 'start') ?? 0, intAttribute(node, 'end'));
  }
  if (node.opType === 'Constant') return constantValues(node);
  const fold = Object.hasOwn(folds, node.opType) ? folds[node.opType] : undefined;
  // Absent optional inputs are empty lists, which none of the operators below takes for values.
  const values = node.input.map((name, i) => (name === '' ? [] : inputs[i]?.values));
  if (!fold || !values.every((list) => list !== undefined)) return undefined;
  const exact = node.opType !== 'Div' || inputs[0]?.element.startsWith('int');
  return exact ? fold(values, node) : undefined;
}

function constantValues(node: NodeProto): readonly number[] | undefined {
  const int = intAttribute(node, 'value_int');
  const float = floatAttribute(node, 'value_float');
  if (int !== undefined) return [int];
  if (float !== undefined) return [float];
  return intsAttribute(node, 'value_ints') ?? floatsAttribute(node, 'value_floats');
}

const binary =
  (operation: (a: Dim, b: Dim) => Dim | undefined): Fold =>
  ([a, b]) => {
    const length = Math.max(a.length, b.length);
    if (![1, length].includes(a.length) || ![1, length].includes(b.length)) return undefined;
    const at = (list: readonly Dim[], i: number) => list[list.length === 1 ? 0 : i];
    const result = Array.from({ length }, (_, i) => operation(at(a, i), at(b, i)));
    return result.every((dim) => dim !== undefined) ? result : undefined;
  };

const arithmetic = (sign: '+' | '-' | '*' | '/') => binary((a, b) => combine(sign, a, b));

/** With the sign of the divisor, as in Python; of nn.MultiheadAttention it counts axes from the end. */
const remainder = binary((a, b) =>
  isNumber(a) && isNumber(b) && b !== 0 ? a - b * Math.floor(a / b) : undefined,
);

/** Also of Reshape, Squeeze and Unsqueeze, whose results of rank above 1 are dropped by the caller. */
const same: Fold = ([values]) => values;

/** Whoever casts a number to an integer cuts off its fraction. */
const cast: Fold = ([values], node) => {
  const whole = elementTypes[intAttribute(node, 'to') ?? 0]?.includes('int');
  return whole ? values.map((value) => (isNumber(value) ? Math.trunc(value) : value)) : values;
};

const slice: Fold = ([values, starts, ends, axes, steps]) => {
  const [start, end, step] = [starts[0], ends[0], steps?.[0] ?? 1];
  if (starts.length !== 1 || (axes?.[0] ?? 0) !== 0 || step !== 1) return undefined;
  return isNumber(start) && isNumber(end) ? values.slice(start, end) : undefined;
};

const gather: Fold = ([values, index], node) => {
  if ((intAttribute(node, 'axis') ?? 0) !== 0 || !index.every(isNumber)) return undefined;
  const found = index.map((i) => values.at(i));
  return found.every((dim) => dim !== undefined) ? found : undefined;
};

const filled: Fold = ([shape], node) => {
  const value = tensorAttribute(node, 'value');
  const [element] = value ? (tensorValues(value) ?? [undefined]) : [0];
  const [length] = shape;
  if (shape.length !== 1 || !isNumber(length) || length > 16 || element === undefined) return undefined;
  return Array<Dim>(length).fill(element);
};

const choose: Fold = ([condition, a, b]) => {
  if (!condition.every(isNumber)) return undefined;
  const length = Math.max(condition.length, a.length, b.length);
  const at = (list: readonly Dim[], i: number) => list[list.length === 1 ? 0 : i];
  return Array.from({ length }, (_, i) => (at(condition, i) ? at(a, i) : at(b, i)));
};

const folds: Readonly<Record<string, Fold>> = {
  Add: arithmetic('+'),
  Cast: cast,
  Concat: (inputs) => inputs.flat(),
  ConstantOfShape: filled,
  Div: arithmetic('/'),
  // A symbol is a length, and so never −1 or 0.
  Equal: binary((a, b) => (isNumber(a) || isNumber(b) ? Number(a === b) : a === b ? 1 : undefined)),
  Gather: gather,
  Identity: same,
  Mod: (inputs, node) => (intAttribute(node, 'fmod') ? undefined : remainder(inputs, node)),
  Mul: arithmetic('*'),
  Reshape: same,
  Slice: slice,
  Squeeze: same,
  Sub: arithmetic('-'),
  Unsqueeze: same,
  Where: choose,
};
