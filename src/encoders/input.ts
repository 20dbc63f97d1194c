/** Finds the input of a network that takes the images, and refuses networks that want more than images. */
import type { ValueInfoProto } from 'onnx-buf';
import { EncoderError } from '../errors.ts';
import { describeType, graphInputs, type Model, tensorType } from '../onnx/model.ts';

/**
 * The only input that must be fed, float32 of rank 4.
 * @param wanted its name; then a graph may leave the rank open.
 * @throws EncoderError that lists the inputs, or names the element type that is not float32.
 */
export function findImageInput(model: Model, name: string, wanted?: string): ValueInfoProto {
  const inputs = graphInputs(model);
  const list =
    inputs.map((input) => `${input.name}: ${describeType(tensorType(input))}`).join('; ') || 'none';
  const images = inputs.filter((input) => tensorType(input).shape?.length === 4);
  const input = wanted === undefined ? images[0] : inputs.find((candidate) => candidate.name === wanted);
  if (input === undefined) {
    const problem =
      wanted === undefined
        ? 'This network has no image input, which is a float32 tensor of rank 4.'
        : `This network has no input "${wanted}".`;
    throw new EncoderError(name, `${problem} Its inputs are ${list}.`, {
      remedy: 'Give a network for 2D images [n, channels, rows, columns].',
    });
  }
  const { element, shape } = tensorType(input);
  if (shape !== undefined && shape.length !== 4) {
    throw new EncoderError(
      name,
      `Its input "${input.name}" is ${describeType({ element, shape })}, not an image.`,
      {
        remedy: 'Give a network for 2D images [n, channels, rows, columns].',
      },
    );
  }
  if (images.length > 1) {
    throw new EncoderError(name, `This network has ${images.length} image inputs: ${list}.`, {
      remedy: 'An encoder takes one stack of slices: export the network with a single input.',
    });
  }
  if (inputs.length > 1) {
    throw new EncoderError(name, `This network wants more than images. Its inputs are ${list}.`, {
      remedy: 'Export it with everything but the images built in.',
    });
  }
  if (element !== 'float32') {
    throw new EncoderError(
      name,
      `Its input "${input.name}" takes ${element} images, and slices are float32.`,
      {
        remedy:
          element === 'float16'
            ? 'Convert it with float32 inputs and outputs (keep_io_types=True in onnxconverter-common), or export it in float32.'
            : 'Export it with a float32 input.',
      },
    );
  }
  return input;
}
