/** Tensors on their way into the engine and out of it, the same for Node and the browser. */
import type { Tensor as OrtTensor, TensorConstructor } from 'onnxruntime-common';
import type { Tensor, TensorData } from './session.ts';

const kinds = [Float32Array, Float64Array, Int32Array, BigInt64Array, Uint8Array] as const;

/**
 * The feeds as the engine's tensors.
 * @throws Error for a name that is no input's: in Node the engine ignores it in silence.
 */
export function toEngine(
  feeds: Readonly<Record<string, Tensor>>,
  inputs: readonly string[],
  EngineTensor: TensorConstructor,
): Record<string, OrtTensor> {
  const stranger = Object.keys(feeds).find((name) => !inputs.includes(name));
  if (stranger !== undefined) {
    throw new Error(`There is no input named ${stranger}; its inputs are ${inputs.join(', ')}.`);
  }
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { data, dims }]) => [
      name,
      new EngineTensor(data as Float32Array, dims),
    ]),
  );
}

/**
 * The engine's results as arrays.
 * @throws Error for a type that `Tensor` has no array for: the bits of a float16 would pass for whole numbers.
 */
export async function fromEngine(
  results: Readonly<Record<string, OrtTensor>>,
): Promise<Record<string, Tensor>> {
  const outputs: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(results)) {
    const data = await tensor.getData();
    if (!kinds.some((kind) => data instanceof kind)) {
      throw new Error(
        `Its output ${name} is ${tensor.type}, which is not read here; ask for other outputs or convert it to float32 in the model.`,
      );
    }
    outputs[name] = { data: data as TensorData, dims: tensor.dims };
  }
  return outputs;
}
