/**
 * ONNX files as protobuf messages: bytes become a ModelProto and a ModelProto becomes bytes, nothing is hidden
 * behind classes of our own. What protobuf lets pass but no engine would run (empty bytes, a file that breaks off,
 * weights kept in another file) is refused here, with the file's name. Messages are treated as values: whoever
 * changes one makes a copy with `copyWith`, which shares the weights.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from 'onnx-buf';
import { EncoderError } from '../errors.ts';
import { refuseForeign } from './foreign.ts';

/** A length, the name of a free length, or nothing when the graph says nothing about this axis. */
export type Dimension = number | string | undefined;

export interface TensorType {
  /** `float32`, `float16`, `uint8`, … as `elementTypes` lists them; `unknown` when the graph does not say. */
  readonly element: string;
  /** Absent when the graph does not give even the rank. */
  readonly shape?: readonly Dimension[];
}

/** A model that has a graph, as `parseModel` returns it. */
export type Model = ModelProto & { graph: GraphProto };

/** Names of ONNX's element types by their number in TensorProto.DataType. */
export const elementTypes: readonly string[] = [
  'unknown',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
];

/**
 * Reads a model. Its weights are views into `bytes`, which must not be changed afterwards.
 * @param name the file's name, for errors.
 * @throws EncoderError when the bytes are no ONNX model, break off, hold no nodes, or leave weights in another file.
 */
export function parseModel(bytes: Uint8Array, name: string): Model {
  if (bytes.length === 0) {
    throw new EncoderError(name, 'The file is empty.', { remedy: 'Copy or export the model again.' });
  }
  refuseForeign(bytes, name);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw beginsLikeModel(bytes) ? brokenOff(bytes, name, cause) : noModel(name, cause);
  }
  if (model.irVersion === 0n && model.opsetImport.length === 0) throw noModel(name);
  // Exporters write the graph before the operator sets, so a file cut between two fields lacks one of them.
  if (model.graph === undefined || model.opsetImport.length === 0) throw brokenOff(bytes, name);
  if (model.graph.node.length === 0) {
    throw new EncoderError(name, 'The graph of this ONNX model has no nodes.', {
      remedy: 'Export the network again.',
    });
  }
  if (model.graph.output.length === 0) {
    throw new EncoderError(name, 'The graph of this ONNX model has no outputs.', {
      remedy: 'Export the network again.',
    });
  }
  refuseExternalData(model.graph, name);
  return model as Model;
}

/** The bytes of an .onnx file. */
export function serialiseModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** A shallow copy of a message with some fields replaced; fields that were never set stay unset. */
export function copyWith<T extends object>(message: T, changes: Partial<T>): T {
  // Protobuf keeps the defaults of unset fields on the prototype, which a spread would lose.
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, changes);
}

/** Inputs that someone must feed: older exporters list every initialiser as an input as well. */
export function graphInputs({ graph }: Model): ValueInfoProto[] {
  const initialisers = new Set([
    ...graph.initializer.map((tensor) => tensor.name),
    ...graph.sparseInitializer.map((tensor) => tensor.values?.name),
  ]);
  return graph.input.filter((input) => !initialisers.has(input.name));
}

/** Element type and shape of an input, an output or an intermediate value. */
export function tensorType(info: ValueInfoProto): TensorType {
  const type = info.type?.value;
  if (type?.case !== 'tensorType') return { element: 'unknown' };
  const { elemType, shape } = type.value;
  return {
    element: elementTypes[elemType] ?? `type ${elemType}`,
    ...(shape && { shape: shape.dim.map(({ value }) => dimension(value.value)) }),
  };
}

/** `float32 [n, 3, 224, ?]`, for messages. */
export function describeType({ element, shape }: TensorType): string {
  return `${element} ${shape ? `[${shape.map((d) => d ?? '?').join(', ')}]` : 'of unknown shape'}`;
}

/** The model's metadata_props; of a key that is there twice the last value. */
export function metadataProperties(model: ModelProto): Record<string, string> {
  return Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
}

/** Version of the standard operator set, 0 when the model imports none. */
export function opset(model: ModelProto): number {
  return Number(model.opsetImport.find(({ domain }) => isStandard(domain))?.version ?? 0);
}

/** True for the domain of ONNX's own operators. */
export function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

function dimension(value: bigint | string | undefined): Dimension {
  if (typeof value === 'bigint') return value < 0n ? undefined : Number(value);
  return value === '' ? undefined : value;
}

/** ir_version is the first field, and every exporter writes it first: tag 0x08, then a small number. */
function beginsLikeModel(bytes: Uint8Array): boolean {
  return bytes[0] === 0x08 && bytes[1] > 0 && bytes[1] < 0x20;
}

function brokenOff(bytes: Uint8Array, name: string, cause?: unknown): EncoderError {
  return new EncoderError(
    name,
    `The file breaks off or is damaged: its ${bytes.length} bytes are no whole ONNX model.`,
    {
      remedy: 'Copy or export it again.',
      cause,
    },
  );
}

function noModel(name: string, cause?: unknown): EncoderError {
  return new EncoderError(name, 'This is no ONNX model.', {
    remedy: 'Give an .onnx file, as torch.onnx.export, tf2onnx or timm write it.',
    cause,
  });
}

function refuseExternalData(graph: GraphProto, name: string): void {
  for (const tensor of tensorsOf(graph)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    const file = tensor.externalData.find(({ key }) => key === 'location')?.value ?? 'another file';
    throw new EncoderError(
      name,
      `The weights of this model (${tensor.name} first) lie in ${file}, not in the model itself.`,
      {
        remedy: "Write it as one file, in Python: onnx.save(onnx.load('model.onnx'), 'whole.onnx').",
      },
    );
  }
}

function* tensorsOf(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  for (const attribute of graph.node.flatMap((node: NodeProto): AttributeProto[] => node.attribute)) {
    if (attribute.t) yield attribute.t;
    yield* attribute.tensors;
    if (attribute.g) yield* tensorsOf(attribute.g);
    for (const inner of attribute.graphs) yield* tensorsOf(inner);
  }
}
