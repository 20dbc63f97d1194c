/** A model of one addition: whether a device really computes is found out by asking it to, alone. */
import { GraphBuilder } from '../onnx/builder.ts';
import { serialiseModel } from '../onnx/model.ts';

/** y = x + x for a vector of four. */
export function probeModel(): Uint8Array {
  const graph = new GraphBuilder({ name: 'probe' });
  const x = graph.input('x', [4]);
  graph.output(graph.op('Add', [x, x]), 'y');
  return serialiseModel(graph.toModel());
}
