/**
 * Element types and shapes of every tensor, as far as they follow from the graph. The differentiator needs them: which
 * axes a gradient is summed over is decided from the shapes that were broadcast, and zeros and ones need an
 * element type. What it computes with lengths it emits as integer arithmetic, which the builder folds where the
 * lengths are known (`values` below), so a free batch or a free image size costs a few Shape nodes and no more rules.
 * An operator without a rule here makes tensors of unknown shape, as do paths through control flow.
 */
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { broadcastShape, combine, type Dim, isNumber, remainder, windowLength } from './dimensions.ts';
import { elementTypes, isStandard, tensorType } from './model.ts';
import { intAttribute, intsAttribute, tensorAttribute, tensorValues, textAttribute } from './nodes.ts';
import { foldValues } from './values.ts';
import { transposedWindowAxes, windowAxes } from './windows.ts';

/** What is known of a tensor. */
export interface Known {
  readonly element: string;
  /** Absent when not even the rank is known. */
  readonly shape?: readonly Dim[];
  /** The elements of a small tensor of rank 0 or 1, as shapes and axes are: numbers, or lengths by their symbols. */
  readonly values?: readonly Dim[];
}

type Shape = readonly Dim[] | undefined;

/** What an operator's rule may ask. */
interface Inference {
  readonly node: NodeProto;
  readonly opset: number;
  readonly inputs: readonly (Known | undefined)[];
  /** Shape of an input. */
  shape(input: number): Shape;
  /** Integers given as an attribute in old operator sets and as an input since. */
  ints(name: string, input: number): readonly number[] | undefined;
  int(name: string, otherwise: number): number;
}

/** The shape of every output; elements are those of the first input unless the operator is listed below. */
type ShapeRule = (at: Inference) => readonly Shape[];

/** Tensors of more elements are weights: nobody computes shapes with them. */
const mostValues = 256;

export function knownInput(info: ValueInfoProto): Known {
  const { element, shape } = tensorType(info);
  return { element, ...(shape && { shape: shape.map((dim, axis) => dim ?? `${info.name}.${axis}`) }) };
}

export function knownTensor(tensor: TensorProto): Known {
  const shape = tensor.dims.map(Number);
  const small = shape.length <= 1 && shape.reduce((a, b) => a * b, 1) <= mostValues;
  const values = small ? tensorValues(tensor) : undefined;
  return { element: elementTypes[tensor.dataType] ?? 'unknown', shape, ...(values && { values }) };
}

/**
 * What is known of every tensor of a graph.
 * @param given of inputs, in place of what the graph says of them.
 */
export function inferGraph(
  graph: GraphProto,
  opset: number,
  given: ReadonlyMap<string, Known> = new Map(),
): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const input of graph.input) known.set(input.name, given.get(input.name) ?? knownInput(input));
  for (const tensor of graph.initializer) known.set(tensor.name, knownTensor(tensor));
  const declared = new Map([...graph.valueInfo, ...graph.output].map((info) => [info.name, info]));
  for (const node of graph.node) {
    const found = inferNode(node, (name) => known.get(name), opset);
    for (const [i, name] of node.output.entries()) {
      const info = declared.get(name);
      // What the operators say is kept: exporters freeze lengths in value_info that are free.
      const own = info && found[i].shape === undefined ? knownInput(info) : found[i];
      if (name !== '') known.set(name, own);
    }
  }
  return known;
}

/** What is known of a node's outputs; `unknown` elements where nothing is. */
export function inferNode(
  node: NodeProto,
  known: (name: string) => Known | undefined,
  opset: number,
): Known[] {
  const inputs = node.input.map((name) => (name === '' ? undefined : known(name)));
  if (!isStandard(node.domain)) return node.output.map(() => ({ element: 'unknown' }));
  const constant = node.opType === 'Constant' ? tensorAttribute(node, 'value') : undefined;
  if (constant) return [knownTensor(constant)];
  const at: Inference = {
    node,
    opset,
    inputs,
    shape: (input) => inputs[input]?.shape,
    ints: (name, input) => {
      const given = intsAttribute(node, name) ?? inputs[input]?.values;
      return given?.every(isNumber) ? given : undefined;
    },
    int: (name, otherwise) => intAttribute(node, name) ?? otherwise,
  };
  const rule = Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
  const shapes = rule?.(at) ?? [];
  const values = foldValues(node, inputs);
  return node.output.map((_, output) => {
    const shape = shapes[output] ?? (output === 0 && values ? [values.length] : undefined);
    return {
      element: elementOf(node, inputs, output),
      ...(shape && { shape }),
      ...(output === 0 && values && (!shape || shape.length <= 1) && { values }),
    };
  });
}

const booleans = new Set(
  'Equal Less Greater LessOrEqual GreaterOrEqual And Or Xor Not IsNaN IsInf'.split(' '),
);
const indices = new Set('Shape Size ArgMax ArgMin NonZero'.split(' '));

function elementOf(node: NodeProto, inputs: readonly (Known | undefined)[], output: number): string {
  const { opType } = node;
  if (booleans.has(opType) || (opType === 'Dropout' && output === 1)) return 'bool';
  if (indices.has(opType) || (['MaxPool', 'TopK'].includes(opType) && output === 1)) return 'int64';
  if (opType === 'Cast') return elementTypes[intAttribute(node, 'to') ?? 0] ?? 'unknown';
  if (opType === 'Where' || opType === 'CastLike') return inputs[1]?.element ?? 'unknown';
  if (opType === 'OneHot') return inputs[2]?.element ?? 'unknown';
  if (opType === 'ConstantOfShape') {
    const value = tensorAttribute(node, 'value');
    return value ? elementTypes[value.dataType] : 'float32';
  }
  if (opType === 'Constant') {
    const name = node.attribute[0]?.name ?? '';
    return name.startsWith('value_int') ? 'int64' : name.startsWith('value_float') ? 'float32' : 'unknown';
  }
  return inputs[0]?.element ?? 'unknown';
}

/** Axes counted from 0. */
export function positiveAxes(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

const same: ShapeRule = ({ shape }) => [shape(0), shape(0)];

const broadcast: ShapeRule = ({ inputs }) => {
  const shapes = inputs.map((input) => input?.shape);
  return [
    shapes.every((shape) => shape !== undefined)
      ? shapes.reduce((a, b) => broadcastShape(a, b), [] as readonly Dim[])
      : undefined,
  ];
};

const unknownLengths = ({ node }: Inference, count: number) =>
  Array.from({ length: count }, (_, axis) => `${node.output[0]}.${axis}`);

/** Channels of the result, then one length an axis. */
const window =
  (channels: (at: Inference) => Dim | undefined): ShapeRule =>
  (at) => {
    const x = at.shape(0);
    if (!x) return [undefined];
    const ceil = at.int('ceil_mode', 0) === 1;
    const kernel = at.node.opType === 'Conv' ? at.shape(1)?.slice(2) : undefined;
    const axes = windowAxes(at.node, x.slice(2), kernel);
    const lengths = axes
      ? axes.map((axis, i) => windowLength(x[i + 2], axis, ceil))
      : unknownLengths(at, x.length).slice(2);
    const result = [x[0], channels(at) ?? `${at.node.output[0]}.1`, ...lengths];
    return [result, result];
  };

const transposedConvolution: ShapeRule = (at) => {
  const [x, w] = [at.shape(0), at.shape(1)];
  if (!x || !w) return [undefined];
  const axes = transposedWindowAxes(at.node, x.slice(2), w.slice(2));
  const lengths = axes?.map(({ stride, dilation, kernel, begin, end, outputPadding }, i) =>
    combine(
      '+',
      combine('*', combine('-', x[i + 2], 1), stride),
      dilation * (kernel - 1) + 1 + outputPadding - begin - end,
    ),
  );
  const channels = combine('*', w[1], at.int('group', 1));
  return [[x[0], channels, ...(lengths ?? unknownLengths(at, x.length).slice(2))]];
};

const gemm: ShapeRule = ({ shape, int }) => {
  const [a, b] = [shape(0), shape(1)];
  return [a && b && [a[int('transA', 0) ? 1 : 0], b[int('transB', 0) ? 0 : 1]]];
};

const product: ShapeRule = ({ shape }) => {
  const [a, b] = [shape(0), shape(1)];
  if (!a || !b) return [undefined];
  const batch = broadcastShape(a.slice(0, -2), b.slice(0, -2));
  const rows = a.length === 1 ? [] : a.slice(-2, -1);
  const columns = b.length === 1 ? [] : b.slice(-1);
  return [[...batch, ...rows, ...columns]];
};

/** Axes of a reduction, as an attribute or an input; all of them where none are given. */
const reduce: ShapeRule = (at) => {
  const x = at.shape(0);
  const listed = at.ints('axes', 1);
  if (!x || (at.node.input[1] && !listed)) return [undefined];
  const none = !listed || listed.length === 0;
  const axes = none
    ? at.int('noop_with_empty_axes', 0)
      ? []
      : x.map((_, axis) => axis)
    : positiveAxes(listed, x.length);
  return [reduced(x, axes, at.int('keepdims', 1) === 1)];
};

const argument: ShapeRule = ({ shape, int }) => {
  const x = shape(0);
  return [x && reduced(x, positiveAxes([int('axis', 0)], x.length), int('keepdims', 1) === 1)];
};

function reduced(shape: readonly Dim[], axes: readonly number[], keep: boolean): Dim[] {
  return shape.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
}

const globalPool: ShapeRule = ({ shape }) => [shape(0)?.map((dim, axis) => (axis < 2 ? dim : 1))];

const concat: ShapeRule = ({ inputs, int }) => {
  const shapes = inputs.map((input) => input?.shape);
  if (!shapes.every((shape) => shape !== undefined)) return [undefined];
  const [axis] = positiveAxes([int('axis', 0)], shapes[0].length);
  const length = shapes.map((shape) => shape[axis]).reduce((a, b) => combine('+', a, b));
  return [shapes[0].with(axis, length)];
};

const split: ShapeRule = (at) => {
  const x = at.shape(0);
  const { output } = at.node;
  if (!x) return [undefined];
  const [axis] = positiveAxes([at.int('axis', 0)], x.length);
  const parts = at.ints('split', 1);
  const even = combine('/', combine('+', x[axis], output.length - 1), output.length);
  return output.map((_, i) => {
    const last = i === output.length - 1 ? combine('-', x[axis], combine('*', even, i)) : even;
    return x.with(axis, parts ? parts[i] : isNumber(x[axis]) ? last : combine('/', x[axis], output.length));
  });
};

const slice: ShapeRule = (at) => {
  const x = at.shape(0);
  if (!x) return [undefined];
  const [starts, ends] = [at.ints('starts', 1), at.ints('ends', 2)];
  const axes = positiveAxes(at.ints('axes', 3) ?? x.map((_, axis) => axis), x.length);
  const steps = at.ints('steps', 4) ?? axes.map(() => 1);
  const unknown = (axis: number) => `${at.node.output[0]}.${axis}`;
  const unsure = at.node.input[3] && !at.ints('axes', 3);
  if (unsure) return [unknownLengths(at, x.length)];
  return [
    x.map((dim, axis) => {
      // Repeated axes do not occur: the last one counts, as in the specification.
      const i = axes.lastIndexOf(axis);
      if (i < 0 || i >= (starts?.length ?? axes.length)) return dim;
      if (!starts || !ends) return unknown(axis);
      return slicedLength(dim, starts[i], ends[i], steps[i]) ?? unknown(axis);
    }),
  ];
};

/** Elements from start to end; undefined when it depends on a free length in a way that is not followed. */
function slicedLength(dim: Dim, start: number, end: number, step: number): Dim | undefined {
  if (isNumber(dim)) {
    const place = (at: number, low: number, high: number) =>
      Math.min(high, Math.max(low, at < 0 ? at + dim : at));
    const span =
      step > 0
        ? place(end, 0, dim) - place(start, 0, dim)
        : place(end, -1, dim - 1) - place(start, 0, dim - 1);
    return Math.max(0, Math.ceil(span / step));
  }
  if (step === -1 && start === -1 && end < -(2 ** 30)) return dim;
  if (step !== 1) return undefined;
  if (start >= 0 && end > 2 ** 30) return combine('+', dim, -start);
  if (start >= 0 && end < 0) return combine('+', dim, end - start);
  if (start >= 0 === end >= 0 || (start < 0 && end > 2 ** 30))
    return Math.min(end, start < 0 ? 0 : end) - start;
  return undefined;
}

const pad: ShapeRule = (at) => {
  const x = at.shape(0);
  const pads = at.ints('pads', 1);
  if (!x || at.node.input[3] || !pads) return [x && unknownLengths(at, x.length)];
  return [x.map((dim, axis) => combine('+', dim, pads[axis] + pads[axis + x.length]))];
};

const gather: ShapeRule = ({ shape, int }) => {
  const [x, index] = [shape(0), shape(1)];
  if (!x || !index) return [undefined];
  const [axis] = positiveAxes([int('axis', 0)], x.length);
  return [[...x.slice(0, axis), ...index, ...x.slice(axis + 1)]];
};

const reshape: ShapeRule = (at) => {
  const x = at.shape(0);
  const wanted = at.inputs[1]?.values;
  if (!wanted) {
    const length = at.shape(1)?.[0];
    return [isNumber(length) ? unknownLengths(at, length) : undefined];
  }
  const copied = wanted.map((dim, axis) => (dim === 0 && !at.int('allowzero', 0) ? x?.[axis] : dim));
  if (!copied.every((dim) => dim !== undefined)) return [unknownLengths(at, wanted.length)];
  const free = copied.indexOf(-1);
  if (free < 0) return [copied];
  return [
    copied.with(free, x ? remainder(x, copied.toSpliced(free, 1)) : unknownLengths(at, free + 1)[free]),
  ];
};

const flatten: ShapeRule = ({ shape, int }) => {
  const x = shape(0);
  if (!x) return [undefined];
  const at = int('axis', 1);
  const axis = at < 0 ? at + x.length : at;
  const total = (dims: readonly Dim[]) => dims.reduce((a, b) => combine('*', a, b), 1);
  return [[total(x.slice(0, axis)), total(x.slice(axis))]];
};

const squeeze: ShapeRule = (at) => {
  const x = at.shape(0);
  const listed = at.ints('axes', 1);
  if (!x || (at.node.input[1] && !listed)) return [undefined];
  const axes = listed && positiveAxes(listed, x.length);
  return [x.filter((dim, axis) => (axes ? !axes.includes(axis) : dim !== 1))];
};

const unsqueeze: ShapeRule = (at) => {
  const x = at.shape(0);
  const listed = at.ints('axes', 1);
  if (!x || !listed) return [undefined];
  const rank = x.length + listed.length;
  const axes = positiveAxes(listed, rank);
  let next = 0;
  return [Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : x[next++]))];
};

const transpose: ShapeRule = ({ node, shape }) => {
  const x = shape(0);
  const perm = intsAttribute(node, 'perm') ?? x?.map((_, axis) => x.length - 1 - axis);
  return [x && perm?.map((axis) => x[axis])];
};

const expand: ShapeRule = (at) => {
  const x = at.shape(0);
  const wanted = at.inputs[1]?.values;
  return [x && wanted && broadcastShape(x, wanted)];
};

const tile: ShapeRule = (at) => {
  const repeats = at.inputs[1]?.values;
  return [repeats && at.shape(0)?.map((dim, axis) => combine('*', dim, repeats[axis]))];
};

const resize: ShapeRule = (at) => {
  const x = at.shape(0);
  if (!x) return [undefined];
  const policy = textAttribute(at.node, 'keep_aspect_ratio_policy') ?? 'stretch';
  const axes = positiveAxes(intsAttribute(at.node, 'axes') ?? x.map((_, axis) => axis), x.length);
  const [scales, sizes] = [at.inputs[2]?.values, at.inputs[3]?.values];
  return [
    x.map((dim, axis) => {
      const i = axes.indexOf(axis);
      if (i < 0) return dim;
      if (at.node.input[3] && sizes && policy === 'stretch') return sizes[i];
      const scale = at.node.input[3] ? undefined : scales?.[i];
      if (scale === 1) return dim;
      return isNumber(dim) && isNumber(scale) ? Math.floor(dim * scale) : `${at.node.output[0]}.${axis}`;
    }),
  ];
};

const rearrange =
  (direction: 1 | -1): ShapeRule =>
  ({ shape, int }) => {
    const x = shape(0);
    const block = int('blocksize', 1);
    const [area, side] = direction === 1 ? (['*', '/'] as const) : (['/', '*'] as const);
    return [
      x && [x[0], combine(area, x[1], block * block), combine(side, x[2], block), combine(side, x[3], block)],
    ];
  };

const batchNorm: ShapeRule = ({ shape }) => [shape(0), shape(1), shape(1), shape(1), shape(1)];

const layerNorm: ShapeRule = ({ shape, int }) => {
  const x = shape(0);
  if (!x) return [undefined];
  const [first] = positiveAxes([int('axis', -1)], x.length);
  const statistics = x.map((dim, axis) => (axis < first ? dim : 1));
  return [x, statistics, statistics];
};

const range: ShapeRule = (at) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => at.inputs[i]?.values?.[0]);
  if (start === 0 && delta === 1 && limit !== undefined) return [[limit]];
  if (!isNumber(start) || !isNumber(limit) || !isNumber(delta)) return [unknownLengths(at, 1)];
  return [[Math.max(0, Math.ceil((limit - start) / delta))]];
};

const shapeOf: ShapeRule = ({ node, shape }) => {
  const x = shape(0);
  const end = intAttribute(node, 'end');
  return [x && [x.slice(intAttribute(node, 'start') ?? 0, end).length]];
};

const table = (names: string, rule: ShapeRule) =>
  Object.fromEntries(names.split(' ').map((name) => [name, rule]));

const rules: Readonly<Record<string, ShapeRule>> = {
  ...table(
    'Relu LeakyRelu Elu Selu Celu ThresholdedRelu Gelu HardSigmoid HardSwish Mish Swish Sigmoid Tanh',
    same,
  ),
  ...table('Softplus Softsign Softmax LogSoftmax Clip Dropout Identity Shrink Abs Neg Exp Log Sqrt', same),
  ...table('Reciprocal Floor Ceil Round Erf Sign Sin Cos Not IsNaN IsInf Cast CastLike CumSum', same),
  ...table('InstanceNormalization GroupNormalization LRN LpNormalization ScatterElements ScatterND', same),
  ...table('Add Sub Mul Div Pow Max Min Sum Mean Where PRelu Mod', broadcast),
  ...table('Equal Less Greater LessOrEqual GreaterOrEqual And Or Xor', broadcast),
  ...table('ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceProd', reduce),
  ...table('ReduceSumSquare ReduceLogSumExp ReduceLogSum', reduce),
  ...table('ArgMax ArgMin', argument),
  ...table('GlobalAveragePool GlobalMaxPool', globalPool),
  ...table(
    'MaxPool AveragePool LpPool',
    window((at) => at.shape(0)?.[1]),
  ),
  BatchNormalization: batchNorm,
  Concat: concat,
  Constant: ({ node }) => [/^value_(int|float)$/.test(node.attribute[0]?.name) ? [] : undefined],
  ConstantOfShape: (at) => [at.inputs[0]?.values],
  Conv: window((at) => at.shape(1)?.[0]),
  ConvTranspose: transposedConvolution,
  DepthToSpace: rearrange(-1),
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  Gemm: gemm,
  LayerNormalization: layerNorm,
  MatMul: product,
  Pad: pad,
  Range: range,
  Reshape: reshape,
  Resize: resize,
  Shape: shapeOf,
  Size: () => [[]],
  Slice: slice,
  SpaceToDepth: rearrange(1),
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
