/** What the walk over a graph says of its layers, against what the engine computes. */
import { expect } from 'vitest';
import type { SpatialLayer } from '../../src/onnx/layers.ts';
import { type Model, serialiseModel } from '../../src/onnx/model.ts';
import { exposeTensor } from '../../src/onnx/rewrite.ts';
import { images, run } from '../onnx/fixture.ts';

/** Runs a model with its layers as outputs. */
export function runLayers(
  network: Model,
  layers: readonly SpatialLayer[],
  image: { readonly data: Float32Array; readonly dims: readonly number[] },
) {
  const exposed = layers.reduce((m, { tensor }) => exposeTensor(m, tensor), network);
  return run(serialiseModel(exposed), { [network.graph.input[0].name]: image });
}

/** Sizes, channels and tokens must be what the engine computes for an image [n, …dims]. */
export async function expectEngineAgrees(
  network: Model,
  layers: readonly SpatialLayer[],
  dims: readonly number[],
) {
  const results = await runLayers(network, layers, images(...dims));
  for (const layer of layers) {
    const [n, ...actual] = results[layer.tensor].dims;
    expect([layer.tensor, n, ...said(layer, actual)]).toEqual([layer.tensor, dims[0], ...actual]);
  }
}

/** Lengths of a layer's axes but the first; where the walk leaves one open, that of the engine. */
function said({ layout, size, channels, prefix }: SpatialLayer, actual: readonly number[]): number[] {
  const tokens = size && prefix + size.rows * size.columns;
  if (layout === 'tokens') return [tokens ?? actual[0], channels ?? actual[1]];
  if (layout === 'channel-tokens') return [channels ?? actual[0], tokens ?? actual[1]];
  if (layout === 'nhwc') return [size?.rows ?? actual[0], size?.columns ?? actual[1], channels ?? actual[2]];
  return [channels ?? actual[0], size?.rows ?? actual[1], size?.columns ?? actual[2]];
}
