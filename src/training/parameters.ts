/**
 * Which weights of a network are trained: float32 initialisers that stand where operators take weights. One rule for
 * the networks built here and for any .onnx file. Running statistics of batch norms, shapes, bounds and single numbers
 * of formulas are none. All parameters lie in one flat vector, in the order in which the graph uses them, so that an
 * optimiser knows nothing of networks.
 */
import type { NodeProto, TensorProto } from 'onnx-buf';
import { isStandard, type Model } from '../onnx/model.ts';
import { floatValues, makersOf } from '../onnx/nodes.ts';

export interface Parameter {
  /** Name of the initialiser. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Where its values begin in the flat vector. */
  readonly offset: number;
  readonly length: number;
  /** The order of axes in which the values lie in the vector; as they are when absent. */
  readonly order?: readonly number[];
}

/** Inputs of operators that hold weights, by position. */
const weightInputs: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  LayerNormalization: [1, 2],
  PRelu: [1],
  Add: [0, 1],
  Sub: [0, 1],
  Mul: [0, 1],
  Div: [1],
};

/** Operators in which a single number belongs to a formula and is no weight. */
const formulas = new Set(['Add', 'Sub', 'Mul', 'Div']);

/** Operators through which an exporter passes a weight before it is used. */
const passing = new Set(['Identity', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Expand']);

/** The parameters of a network, without values. */
export function findParameters({ graph }: Model): Parameter[] {
  const initialisers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const makers = makersOf(graph);
  const found = new Map<string, TensorProto>();
  const scaled = scaledImages(graph, initialisers);
  for (const node of graph.node) {
    const inputs = isStandard(node.domain) ? weightInputs[node.opType] : undefined;
    if (!inputs || scaled.has(node.output[0]) || isBareNormalisation(node, initialisers)) continue;
    for (const input of inputs) {
      const tensor = initialisers.get(origin(node.input[input], makers));
      if (tensor && floatValues(tensor) && !(formulas.has(node.opType) && count(tensor) === 1)) {
        found.set(tensor.name, tensor);
      }
    }
  }
  let offset = 0;
  return [...found.values()].map((tensor) => {
    const length = count(tensor);
    const parameter = { name: tensor.name, shape: tensor.dims.map(Number), offset, length };
    offset += length;
    return parameter;
  });
}

/**
 * Tensors that are the image itself, scaled: means and deviations that a network takes off its input before it begins are
 * part of how it is fed.
 */
function scaledImages(graph: Model['graph'], initialisers: ReadonlyMap<string, TensorProto>): Set<string> {
  const scaled = new Set(graph.input.map(({ name }) => name).filter((name) => !initialisers.has(name)));
  const constants = new Set(initialisers.keys());
  for (const { opType, domain, input, output } of graph.node) {
    if (!isStandard(domain)) continue;
    if (opType === 'Constant') constants.add(output[0]);
    const keeps = formulas.has(opType) || passing.has(opType) || opType === 'Cast';
    if (keeps && input.some((name) => scaled.has(name))) {
      if (input.every((name) => scaled.has(name) || constants.has(name))) scaled.add(output[0]);
    }
  }
  return scaled;
}

/** Number of values of all parameters. */
export function parameterCount(parameters: readonly Parameter[]): number {
  const last = parameters.at(-1);
  return last ? last.offset + last.length : 0;
}

/** The values that a model holds for its parameters, as one vector. */
export function parameterValues({ graph }: Model, parameters: readonly Parameter[]): Float32Array {
  const initialisers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const vector = new Float32Array(parameterCount(parameters));
  for (const parameter of parameters) {
    vector.set(toOrder(floatValues(initialisers.get(parameter.name)!)!, parameter), parameter.offset);
  }
  return vector;
}

/** The shape in which a parameter is fed. */
export function fedShape({ shape, order }: Parameter): readonly number[] {
  return order ? order.map((axis) => shape[axis]) : shape;
}

/** Values in a parameter's own shape, brought into the order of the vector. */
export function toOrder(values: Float32Array, { shape, order }: Parameter): Float32Array {
  return order ? permuted(values, shape, order) : values;
}

/** A parameter's values in its own shape, out of a vector; a view where the order is the same. */
export function fromOrder(vector: Float32Array, parameter: Parameter): Float32Array {
  const values = part(vector, parameter);
  const { order } = parameter;
  if (!order) return values;
  return permuted(
    values,
    fedShape(parameter),
    order.map((_, axis) => order.indexOf(axis)),
  );
}

/** An array of a shape with its axes in another order, as NumPy's transpose. */
function permuted(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const made = new Float32Array(values.length);
  let at = 0;
  const walk = (depth: number, from: number) => {
    if (depth === order.length) {
      made[at++] = values[from];
      return;
    }
    const axis = order[depth];
    for (let i = 0; i < shape[axis]; i++) walk(depth + 1, from + i * strides[axis]);
  };
  walk(0, 0);
  return made;
}

/** A parameter's part of a flat vector; a view. */
export function part(vector: Float32Array, { offset, length }: Parameter): Float32Array {
  return vector.subarray(offset, offset + length);
}

function origin(name: string | undefined, makers: ReadonlyMap<string, NodeProto>): string {
  let at = name ?? '';
  for (let steps = makers.size; steps > 0; steps--) {
    const maker = makers.get(at);
    if (!maker || !isStandard(maker.domain) || !passing.has(maker.opType)) break;
    at = maker.input[0];
  }
  return at;
}

/**
 * An InstanceNormalization of scale 1 and shift 0 is the middle of a group norm as exporters write it; scale and shift
 * of the group norm itself come behind it.
 */
function isBareNormalisation(node: NodeProto, initialisers: ReadonlyMap<string, TensorProto>): boolean {
  if (node.opType !== 'InstanceNormalization') return false;
  const all = (input: number, wanted: number) => {
    const tensor = initialisers.get(node.input[input]);
    return tensor !== undefined && (floatValues(tensor)?.every((value) => value === wanted) ?? false);
  };
  return all(1, 1) && all(2, 0);
}

function count({ dims }: TensorProto): number {
  return dims.reduce((product, length) => product * Number(length), 1);
}
