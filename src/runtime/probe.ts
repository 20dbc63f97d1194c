/** A model of one addition: whether a device really computes is found out by asking it to, alone. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';

const vector = (name: string) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType: TensorProto_DataType.FLOAT,
        shape: { dim: [{ value: { case: 'dimValue' as const, value: 4n } }] },
      },
    },
  },
});

/** y = x + x for a vector of four. */
export function probeModel(): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: '', version: 17n }],
      graph: {
        name: 'probe',
        input: [vector('x')],
        output: [vector('y')],
        node: [{ opType: 'Add', input: ['x', 'x'], output: ['y'] }],
      },
    }),
  );
}
