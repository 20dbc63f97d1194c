/**
 * Where in a layer's tensor the channels are and where the plane is, and how a map over the plane becomes rows and
 * columns. Convolutional layers are maps already; transformers carry the image as a row of tokens, often with class or
 * register tokens in front that belong to no place.
 */
import { EncoderError } from '../../errors.ts';
import type { SliceSize } from '../../geometry/sampler.ts';
import type { SpatialLayer } from '../../onnx/layers.ts';
import type { Tensor } from '../../runtime/session.ts';
import type { Batch } from '../encoder.ts';
import type { Maps } from '../response.ts';

/** A tensor of the encoder's graph that class activation maps are made of. */
export interface CamLayer extends Pick<SpatialLayer, 'tensor' | 'stride' | 'layout' | 'prefix'> {
  /** For names of maps and files: `layer2`, or the tensor's name. */
  readonly name: string;
}

/** Axis of the channels and axes of the plane. */
export const layerAxes = {
  nchw: { channels: 1, plane: [2, 3] },
  nhwc: { channels: 3, plane: [1, 2] },
  tokens: { channels: 2, plane: [1] },
  'channel-tokens': { channels: 1, plane: [2] },
} as const satisfies Record<CamLayer['layout'], { channels: number; plane: readonly number[] }>;

/**
 * Maps [places, rows, columns], or [places, tokens] on the grid that the slice's size and the layer's stride make.
 * @throws EncoderError when the tensor is of another shape, or has a single element for the whole plane.
 */
export function readMaps(
  { data, dims }: Tensor,
  { places, count, size }: Batch,
  layer: CamLayer,
  encoder: string,
): Maps {
  const [images, ...plane] = dims;
  const [rows, columns] = plane.length === 2 ? plane : tokenGrid(plane[0], layer, size);
  const fits = data instanceof Float32Array && images === places && data.length === places * rows * columns;
  if (!fits) {
    throw new EncoderError(
      encoder,
      `The map of layer "${layer.tensor}" has the shape [${dims.join(', ')}], which is no map for each of ${places} slices of ${size.rows}×${size.columns}.`,
      { remedy: 'Choose another layer: tonno layers lists them.' },
    );
  }
  if (rows * columns === 1) throw withoutExtent(layer, encoder, size);
  return { data: data.subarray(0, count * rows * columns), count, kinds: 1, rows, columns };
}

/** Rows and columns of the tokens of an image. */
export function tokenGrid(tokens: number, { stride }: CamLayer, size: SliceSize): [number, number] {
  const rows = Math.floor(size.rows / stride.rows + 1e-9);
  return [rows, tokens / rows];
}

export function withoutExtent(layer: CamLayer, encoder: string, size: SliceSize): EncoderError {
  return new EncoderError(
    encoder,
    `At slices of ${size.rows}×${size.columns} the layer "${layer.tensor}" has one element for the whole slice, so that there is no map.`,
    { remedy: 'Choose an earlier layer or a larger --size: tonno layers lists layers with their shapes.' },
  );
}
