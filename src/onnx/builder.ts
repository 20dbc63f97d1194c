/**
 * Writes ONNX graphs, from nothing or on top of a model. Nodes are added in the order in which they run; the name of
 * a node's output is all one keeps of it. Shapes are inferred on the way (`shapes.ts`), and integer arithmetic whose
 * result is known becomes a constant at once. The builder changes; the models it reads and makes do not.
 *
 * @example
 * const b = new GraphBuilder();
 * const x = b.input('x', ['n', 3]);
 * const w = b.initialiser('w', new Float32Array(6), [3, 2]);
 * b.output(b.op('MatMul', [x, w]), 'y');
 * const model = b.toModel();
 */
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { EncoderError } from '../errors.ts';
import { type Dim, isNumber } from './dimensions.ts';
import { copyWith, elementTypes, type Model, opset as opsetOf } from './model.ts';
import { inferGraph, inferNode, type Known, knownTensor } from './shapes.ts';

/** Numbers are written as integers unless the attribute is a float in ONNX; see `floatAttributes`. */
export type AttributeValue = number | readonly number[] | string | TensorProto;
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;
export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

export interface GraphBuilderOptions {
  /** Version of the standard operators; 17 by default, which every provider of ONNX Runtime runs best. */
  readonly opset?: number;
  /** Name of the graph, for errors. */
  readonly name?: string;
  /** Names that tensors copied later will have, which none made here may take. */
  readonly reserved?: Iterable<string>;
}

/** Attributes that ONNX defines as floats: a whole number given for one of them is no integer. */
const floatAttributes = new Set(
  'alpha beta gamma lambd bias epsilon momentum ratio cubic_coeff_a extrapolation_value value_float'.split(
    ' ',
  ),
);

/** Operator sets before this one have other forms of Clip, Pad and Resize. */
const oldestOpset = 11;

export class GraphBuilder {
  readonly opset: number;
  readonly name: string;
  readonly #base: Model | undefined;
  readonly #known = new Map<string, Known>();
  readonly #nodes: NodeProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #initialisers: TensorProto[] = [];
  /** Nodes that came with the model; the others are dropped where nobody uses them. */
  readonly #given = new Set<NodeProto>();
  readonly #counts = new Map<string, number>();
  readonly #constants = new Map<string, string>();
  /** Initialisers that came from other graphs. */
  readonly #held = new Set<string>();

  readonly #reserved: ReadonlySet<string>;

  constructor({ opset = 17, name = 'graph', reserved = [] }: GraphBuilderOptions = {}, base?: Model) {
    this.#reserved = new Set(reserved);
    this.opset = opset;
    this.name = name;
    this.#base = base;
  }

  /**
   * A builder that goes on where a model ends; the model itself stays as it is and shares its weights.
   * @param name for errors; the graph's own by default.
   * @throws EncoderError when its operator set is older than 11.
   */
  static from(model: Model, name = model.graph.name || 'model'): GraphBuilder {
    const { graph } = model;
    const opset = extensibleOpset(model);
    const builder = new GraphBuilder({ opset, name }, model);
    builder.#inputs.push(...graph.input);
    builder.#outputs.push(...graph.output);
    builder.#initialisers.push(...graph.initializer);
    for (const [tensor, known] of inferGraph(graph, opset)) builder.#known.set(tensor, known);
    for (const node of graph.node) builder.#given.add(node);
    builder.#nodes.push(...graph.node);
    return builder;
  }

  /** Nodes in the order in which they run. */
  get nodes(): readonly NodeProto[] {
    return this.#nodes;
  }

  /** True for every input, initialiser and output of a node. */
  has(tensor: string): boolean {
    return this.#known.has(tensor);
  }

  /** What is known of a tensor without running anything. */
  known(tensor: string): Known {
    return this.#known.get(tensor) ?? { element: 'unknown' };
  }

  /**
   * The shape of a tensor, free lengths as symbols.
   * @throws EncoderError when not even its rank is known.
   */
  shape(tensor: string): readonly Dim[] {
    const { shape } = this.known(tensor);
    if (shape) return shape;
    throw new EncoderError(this.name, `The shape of tensor "${tensor}" does not follow from the graph.`, {
      remedy: 'Write shapes into the model, in Python: onnx.shape_inference.infer_shapes(model).',
    });
  }

  /** A name that no tensor has yet. */
  fresh(hint: string): string {
    for (;;) {
      const count = (this.#counts.get(hint) ?? 0) + 1;
      this.#counts.set(hint, count);
      const name = count === 1 ? hint : `${hint}_${count}`;
      if (!this.#known.has(name) && !this.#reserved.has(name)) return name;
    }
  }

  /** A graph input; lengths are numbers or names of free lengths. Returns its name. */
  input(name: string, shape: readonly Dim[], element = 'float32'): string {
    this.#declare(name, { element, shape });
    this.#inputs.push(valueInfo(name, { element, shape }));
    return name;
  }

  /** A tensor that the graph holds: a weight that is not fed. The data are not copied. Returns its name. */
  initialiser(name: string, data: TensorData, shape: readonly number[]): string {
    const tensor = create(TensorProtoSchema, {
      name,
      dims: shape.map(BigInt),
      dataType: elementTypes.indexOf(elementOf(data)),
      rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
    });
    this.#declare(name, knownTensor(tensor));
    this.#initialisers.push(tensor);
    return name;
  }

  /** An initialiser of another graph, under its own name; left out of the model where nobody uses it. Returns the name. */
  hold(tensor: TensorProto): string {
    this.#declare(tensor.name, knownTensor(tensor));
    this.#held.add(tensor.name);
    this.#initialisers.push(tensor);
    return tensor.name;
  }

  /** A constant; the same constant is stored once. */
  constant(data: TensorData, shape: readonly number[]): string {
    const key = `${elementOf(data)} [${shape}] ${data}`;
    const found = this.#constants.get(key) ?? this.initialiser(this.fresh('constant'), data, shape);
    this.#constants.set(key, found);
    return found;
  }

  /** A one-dimensional int64 constant, as shapes and axes are. */
  ints(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** A constant of rank 0 and of an element type: a number that multiplies tensors of that type. */
  scalar(value: number, element = 'float32'): string {
    if (element === 'float32') return this.constant(Float32Array.of(value), []);
    if (element === 'float64') return this.constant(Float64Array.of(value), []);
    if (element === 'int64') return this.constant(BigInt64Array.of(BigInt(value)), []);
    return this.op('Cast', [this.constant(Float32Array.of(value), [])], {
      to: elementTypes.indexOf(element),
    });
  }

  /**
   * Adds a node of ONNX's own operators.
   * @param inputs names; undefined or '' for an optional input that is left out.
   * @param outputs how many there are, or their names; '' for one that is left out.
   * @returns the names of its outputs.
   * @throws EncoderError when an input does not exist yet, or an output's name is taken.
   */
  node(
    opType: string,
    inputs: readonly (string | undefined)[],
    attributes: Attributes = {},
    outputs: number | readonly string[] = 1,
  ): string[] {
    const input = inputs.map((name) => name ?? '');
    const output =
      typeof outputs === 'number'
        ? Array.from({ length: outputs }, () => this.fresh(opType.toLowerCase()))
        : [...outputs];
    this.#checkNames(opType, input, output);
    const node = create(NodeProtoSchema, {
      opType,
      name: this.fresh(`${opType} ${output[0]}`),
      input,
      output,
      attribute: Object.entries(attributes).flatMap(([name, v]) =>
        v === undefined ? [] : attribute(name, v),
      ),
    });
    if (typeof outputs === 'number') {
      const folded = this.#fold(node);
      if (folded) return [folded];
    }
    this.#append(node);
    return output;
  }

  /**
   * Adds a node of another graph as it is, its names included.
   * @throws EncoderError as `node`.
   */
  copy(node: NodeProto): void {
    this.#checkNames(node.opType, node.input, node.output);
    this.#append(node);
  }

  /** A node of one output, and its name. */
  op(opType: string, inputs: readonly (string | undefined)[], attributes: Attributes = {}): string {
    return this.node(opType, inputs, attributes)[0];
  }

  /** Makes a tensor a graph output, under another name where one is given. Returns the output's name. */
  output(tensor: string, name = tensor): string {
    if (!this.has(tensor)) throw this.#missing(tensor, 'output');
    const made = name === tensor ? tensor : this.node('Identity', [tensor], {}, [name])[0];
    if (!this.#outputs.some((info) => info.name === made)) {
      this.#outputs.push(valueInfo(made, this.known(made)));
    }
    return made;
  }

  /** The model so far. Nodes that were added and lead to no output are left out, as are constants nobody uses. */
  toModel(): Model {
    const wanted = new Set(this.#outputs.map(({ name }) => name));
    const node = this.#nodes
      .toReversed()
      .filter((candidate) => {
        const kept = this.#given.has(candidate) || candidate.output.some((name) => wanted.has(name));
        if (kept) for (const name of candidate.input) wanted.add(name);
        return kept;
      })
      .reverse();
    const optional = new Set([...this.#constants.values(), ...this.#held]);
    const changes = {
      node,
      input: this.#inputs,
      output: this.#outputs,
      initializer: this.#initialisers.filter(({ name }) => !optional.has(name) || wanted.has(name)),
    };
    const base = this.#base;
    // Before version 4 of the format initialisers had to be inputs as well.
    if (base) {
      const irVersion = base.irVersion < 4n ? 4n : base.irVersion;
      return copyWith(base, { irVersion, graph: copyWith(base.graph, changes) });
    }
    return create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: BigInt(this.opset) }],
      graph: create(GraphProtoSchema, { name: this.name, ...changes }),
    }) as Model;
  }

  #checkNames(opType: string, input: readonly string[], output: readonly string[]): void {
    for (const name of input) if (name !== '' && !this.has(name)) throw this.#missing(name, opType);
    for (const name of output) if (name !== '' && this.has(name)) throw this.#taken(name);
  }

  #append(node: NodeProto): void {
    const known = inferNode(node, (name) => this.#known.get(name), this.opset);
    for (const [i, name] of node.output.entries()) if (name !== '') this.#known.set(name, known[i]);
    this.#nodes.push(node);
  }

  /** A constant in place of a node that computes lengths which are known. */
  #fold(node: NodeProto): string | undefined {
    const [{ element, shape, values }] = inferNode(node, (name) => this.#known.get(name), this.opset);
    if (element !== 'int64' || !shape?.every(isNumber) || !values?.every(isNumber)) return undefined;
    return this.constant(BigInt64Array.from(values, BigInt), shape);
  }

  #declare(name: string, known: Known): void {
    if (name === '' || this.has(name)) throw this.#taken(name);
    this.#known.set(name, known);
  }

  #missing(name: string, user: string): EncoderError {
    return new EncoderError(this.name, `There is no tensor "${name}", which ${user} is to use.`, {
      remedy:
        'Take the name of an input, an initialiser or a node’s output; nodes are added in running order.',
    });
  }

  #taken(name: string): EncoderError {
    return new EncoderError(this.name, `The graph has a tensor "${name}" already.`, {
      remedy: 'Choose another name; fresh() makes one.',
    });
  }
}

/**
 * The operator set of a model that is to be extended or rewritten.
 * @throws EncoderError when it is older than 11.
 */
export function extensibleOpset(model: Model): number {
  const opset = opsetOf(model);
  if (opset >= oldestOpset) return opset;
  throw new EncoderError(
    model.graph.name || 'model',
    `Its operator set is ${opset}; graphs are extended from ${oldestOpset} on.`,
    { remedy: 'Convert it, in Python: onnx.version_converter.convert_version(model, 17).' },
  );
}

function elementOf(data: TensorData): string {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int32Array) return 'int32';
  return data instanceof BigInt64Array ? 'int64' : 'uint8';
}

function attribute(name: string, value: AttributeValue): AttributeProto {
  const { FLOAT, FLOATS, INT, INTS, STRING, TENSOR } = AttributeProto_AttributeType;
  const make = (init: Partial<AttributeProto>) => Object.assign(create(AttributeProtoSchema, { name }), init);
  if (typeof value === 'string') return make({ type: STRING, s: new TextEncoder().encode(value) });
  if (typeof value === 'number') {
    const real = floatAttributes.has(name) || !Number.isInteger(value);
    return real ? make({ type: FLOAT, f: value }) : make({ type: INT, i: BigInt(value) });
  }
  if (!Array.isArray(value)) return make({ type: TENSOR, t: value as TensorProto });
  const list = value as readonly number[];
  if (name === 'value_floats') return make({ type: FLOATS, floats: [...list] });
  return make({ type: INTS, ints: list.map(BigInt) });
}

/** Lengths that are computed have no name that an engine would understand: they are left free. */
export function valueInfo(name: string, { element, shape }: Known): ValueInfoProto {
  const dim = shape?.map((length) => {
    if (isNumber(length)) return { value: { case: 'dimValue' as const, value: BigInt(length) } };
    return /^[A-Za-z_]\w*$/.test(length) ? { value: { case: 'dimParam' as const, value: length } } : {};
  });
  const elemType = elementTypes.indexOf(element);
  if (elemType <= 0) return create(ValueInfoProtoSchema, { name });
  const tensor = { elemType, ...(dim && { shape: { dim } }) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensor } } });
}
