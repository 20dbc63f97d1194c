/** Small ONNX models for tests, and the engine's own opinion of them. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Model, parseModel, serialiseModel } from '../../src/onnx/model.ts';

type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
type ValueInit = MessageInitShape<typeof ValueInfoProtoSchema>;
type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
type AttributeValue = number | readonly number[] | string | TensorInit;

export const float32 = 1;
export const uint8 = 2;
export const float16 = 10;

export function value(name: string, shape?: readonly (string | number)[], element = float32): ValueInit {
  const dim = shape?.map((length) => ({
    value:
      typeof length === 'number'
        ? { case: 'dimValue' as const, value: BigInt(length) }
        : { case: 'dimParam' as const, value: length },
  }));
  const tensor = { elemType: element, ...(dim && { shape: { dim } }) };
  return { name, type: { value: { case: 'tensorType', value: tensor } } };
}

/** A float32 initialiser; without values a fixed pattern of small numbers. */
export function weights(name: string, shape: readonly number[], values?: readonly number[]): TensorInit {
  const length = shape.reduce((a, b) => a * b, 1);
  const numbers = values ?? Array.from({ length }, (_, i) => (((i * 37) % 19) - 9) / 40);
  return {
    name,
    dims: shape.map(BigInt),
    dataType: 1,
    rawData: new Uint8Array(new Float32Array(numbers).buffer),
  };
}

export function integers(name: string, values: readonly number[]): TensorInit {
  return { name, dims: [BigInt(values.length)], dataType: 7, int64Data: values.map(BigInt) };
}

/** An operator; an attribute is an integer, a list of them, a text or a tensor. */
export function node(
  opType: string,
  input: string,
  output: string,
  attributes: Record<string, AttributeValue> = {},
): NodeInit {
  const list = (names: string) => (names === '' ? [] : names.split(',').map((name) => name.trim()));
  return {
    opType,
    name: `${opType} of ${output}`,
    input: list(input),
    output: list(output),
    attribute: Object.entries(attributes).map(([name, v]) => attribute(name, v)),
  };
}

function attribute(name: string, v: AttributeValue): MessageInitShape<typeof AttributeProtoSchema> {
  const { FLOAT, INT, INTS, STRING, TENSOR } = AttributeProto_AttributeType;
  if (typeof v === 'number') {
    return Number.isInteger(v) ? { name, type: INT, i: BigInt(v) } : { name, type: FLOAT, f: v };
  }
  if (typeof v === 'string') return { name, type: STRING, s: new TextEncoder().encode(v) };
  if (Array.isArray(v)) return { name, type: INTS, ints: (v as number[]).map(BigInt) };
  return { name, type: TENSOR, t: v as TensorInit };
}

export interface Network {
  readonly inputs?: readonly ValueInit[];
  readonly outputs?: readonly ValueInit[];
  readonly nodes: readonly NodeInit[];
  readonly initialisers?: readonly TensorInit[];
  readonly valueInfo?: readonly ValueInit[];
  readonly metadata?: Record<string, string>;
  readonly opset?: number;
}

/** The bytes of a model; its input is "x" [n, 1, 16, 16] and its output "y" unless others are given. */
export function onnx(network: Network): Uint8Array {
  return serialiseModel(
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: BigInt(network.opset ?? 17) }],
      metadataProps: Object.entries(network.metadata ?? {}).map(([key, v]) => ({ key, value: v })),
      graph: {
        name: 'test',
        input: [...(network.inputs ?? [value('x', ['n', 1, 16, 16])])],
        output: [...(network.outputs ?? [value('y')])],
        node: [...network.nodes],
        initializer: [...(network.initialisers ?? [])],
        valueInfo: [...(network.valueInfo ?? [])],
      },
    }),
  );
}

export function model(network: Network): Model {
  return parseModel(onnx(network), 'test.onnx');
}

/** A network of two classes: convolution, global pooling, dense layer; "logit" goes on to what `tail` makes of it. */
export function classifier({
  tail = [],
  classes = 2,
  channels = 1,
  ...rest
}: Partial<Network> & { tail?: readonly NodeInit[]; classes?: number; channels?: number } = {}): Network {
  return {
    inputs: [value('x', ['n', channels, 16, 16])],
    outputs: [value(tail.length > 0 ? 'y' : 'logit', ['n', classes])],
    initialisers: [weights('w', [4, channels, 3, 3]), weights('dense', [4, classes])],
    nodes: [
      node('Conv', 'x,w', 'c', { pads: [1, 1, 1, 1] }),
      node('Relu', 'c', 'r'),
      node('ReduceMean', 'r', 'm', { axes: [2, 3], keepdims: 0 }),
      node('MatMul', 'm,dense', 'logit'),
      ...tail,
    ],
    ...rest,
  };
}

/** Runs a model in the engine. Feeds are float32. */
export async function run(
  bytes: Uint8Array,
  feeds: Record<string, { data: Float32Array; dims: readonly number[] }>,
): Promise<Record<string, { data: number[]; dims: readonly number[] }>> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const fed = Object.entries(feeds).map(([k, f]) => [k, new Tensor('float32', f.data, f.dims)] as const);
    const results = await session.run(Object.fromEntries(fed));
    return Object.fromEntries(
      Object.entries(results).map(([name, t]) => [
        name,
        { data: Array.from(t.data as Float32Array), dims: t.dims },
      ]),
    );
  } finally {
    await session.release();
  }
}

/** Images of smooth, different values. */
export function images(...dims: number[]): { data: Float32Array; dims: readonly number[] } {
  const data = Float32Array.from(
    { length: dims.reduce((a, b) => a * b, 1) },
    (_, i) => Math.sin(i * 0.37) + i / 500,
  );
  return { data, dims };
}
