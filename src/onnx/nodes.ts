/**
 * Reading of a graph's parts: attributes of nodes, and the small constant tensors that steer operators (axes,
 * shapes, scales), which exporters give as attributes, as initialisers or as the output of Constant nodes.
 */
import {
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType,
} from 'onnx-buf';
import { isStandard } from './model.ts';

function attribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((a) => a.name === name);
}

export function intAttribute(node: NodeProto, name: string): number | undefined {
  const found = attribute(node, name);
  return found && Number(found.i);
}

export function floatAttribute(node: NodeProto, name: string): number | undefined {
  return attribute(node, name)?.f;
}

export function floatsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attribute(node, name)?.floats;
}

export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return attribute(node, name)?.t;
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attribute(node, name)?.ints.map(Number);
}

export function textAttribute(node: NodeProto, name: string): string | undefined {
  const found = attribute(node, name);
  return found && new TextDecoder().decode(found.s);
}

/** The node that makes each value. */
export function makersOf({ node }: GraphProto): Map<string, NodeProto> {
  return new Map(node.flatMap((maker) => maker.output.map((value) => [value, maker] as const)));
}

/** How often each value is an input of a node. */
export function useCounts({ node }: GraphProto): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { input } of node) for (const name of input) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Constants of a graph by the name of their value. */
export class Constants {
  readonly #tensors = new Map<string, TensorProto>();
  readonly #lists = new Map<string, number[]>();
  /** Values that only rename or re-encode a constant: quantised weights come through DequantizeLinear. */
  readonly #same = new Map<string, string>();

  constructor(graph: GraphProto) {
    for (const tensor of graph.initializer) this.#tensors.set(tensor.name, tensor);
    for (const node of graph.node.filter(({ domain }) => isStandard(domain))) this.#read(node);
  }

  #read(node: NodeProto): void {
    if (node.opType === 'Constant') {
      const value = attribute(node, 'value')?.t;
      const ints = intsAttribute(node, 'value_ints');
      const int = intAttribute(node, 'value_int');
      if (value) this.#tensors.set(node.output[0], value);
      else if (ints) this.#lists.set(node.output[0], ints);
      else if (int !== undefined) this.#lists.set(node.output[0], [int]);
    } else if (['Identity', 'Cast', 'QuantizeLinear', 'DequantizeLinear'].includes(node.opType)) {
      this.#same.set(node.output[0], node.input[0]);
    }
  }

  /** Shape of a constant, also behind Identity, Cast and (de)quantisation; undefined for what is none. */
  shape(name: string): number[] | undefined {
    const tensor = this.#tensors.get(this.#origin(name));
    if (tensor) return tensor.dims.map(Number);
    const list = this.#lists.get(name);
    return list && [list.length];
  }

  /** Values of an integer or floating-point constant in C order; undefined for what is none. */
  values(name: string): number[] | undefined {
    const tensor = this.#tensors.get(name);
    return tensor ? tensorValues(tensor) : this.#lists.get(name);
  }

  #origin(name: string): string {
    let at = name;
    // A damaged graph may rename in a circle; no chain is longer than the table.
    for (let steps = this.#same.size; steps > 0; steps--) at = this.#same.get(at) ?? at;
    return at;
  }
}

const readers: Readonly<Record<number, readonly [width: number, read: (v: DataView, at: number) => number]>> =
  {
    1: [4, (view, at) => view.getFloat32(at, true)],
    6: [4, (view, at) => view.getInt32(at, true)],
    7: [8, (view, at) => Number(view.getBigInt64(at, true))],
    9: [1, (view, at) => view.getUint8(at)],
    11: [8, (view, at) => view.getFloat64(at, true)],
  };

/** float32, int32, int64, boolean and float64 tensors as numbers; undefined for other types. */
export function tensorValues(tensor: TensorProto): number[] | undefined {
  const reader = readers[tensor.dataType];
  if (reader === undefined) return undefined;
  const [width, read] = reader;
  const { rawData } = tensor;
  if (rawData.length > 0) {
    const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
    return Array.from({ length: Math.floor(rawData.length / width) }, (_, i) => read(view, i * width));
  }
  const lists = [tensor.floatData, tensor.int32Data, tensor.int64Data, tensor.doubleData];
  return (lists.find((list) => list.length > 0) ?? []).map(Number);
}

/** The values of a float32 tensor, aligned; undefined for other types. A view where the bytes allow it. */
export function floatValues(tensor: TensorProto): Float32Array | undefined {
  if (tensor.dataType !== TensorProto_DataType.FLOAT) return undefined;
  const { rawData, floatData } = tensor;
  if (rawData.length === 0) return Float32Array.from(floatData);
  // (The slice of a Node Buffer copies nothing.)
  const aligned = rawData.byteOffset % 4 === 0 ? rawData : Uint8Array.from(rawData);
  return new Float32Array(aligned.buffer as ArrayBuffer, aligned.byteOffset, Math.floor(aligned.length / 4));
}
