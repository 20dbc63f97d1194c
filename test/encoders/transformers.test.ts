/** Transformers and ConvNeXts as encoders: read, run, and differentiated by every layer that is listed. */
import { describe, expect, test } from 'vitest';
import { readEncoder } from '../../src/encoders/external.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { differentiate } from '../../src/onnx/gradients/gradients.ts';
import { spatialLayers } from '../../src/onnx/layers.ts';
import { copyWith, type Model, opset, serialiseModel } from '../../src/onnx/model.ts';
import { exposeTensor } from '../../src/onnx/rewrite.ts';
import { knownInput } from '../../src/onnx/shapes.ts';
import { images, run } from '../onnx/fixture.ts';
import { tinyConvNeXt, tinyViT } from '../support/transformers.ts';

const encoders: [name: string, model: Model, layer: string][] = [
  ['a ViT with a class token', tinyViT({ classes: 1 }), 'block0'],
  [
    'a ViT with averaged tokens, as older exporters write it',
    tinyViT({ classes: 1, head: 'mean', norm: 'parts', shapes: 'computed', registers: 2 }),
    'block1',
  ],
  ['a ViT of opset 20', tinyViT({ classes: 1, gelu: 'operator', fixed: { batch: true } }), 'block0'],
  ['a ConvNeXt', tinyConvNeXt({ classes: 1 }), 'stage0'],
];

describe.each(encoders)('%s', (_, model, layer) => {
  const image = images(1, 1, 32, 32);

  test('is an encoder', async () => {
    const encoder = await readEncoder(serialiseModel(model), 'tiny.onnx');
    expect(encoder).toMatchObject({ channels: 1, outputs: 1, size: { rows: 32, columns: 32 } });
    const { y } = await run(encoder.model, { x: image });
    expect(y.dims).toEqual([1, 1]);
  });

  test('has gradients by all its layers, which end where the head looks at the class token alone', async () => {
    const layers = spatialLayers(model);
    const { model: extended, gradients } = differentiate(
      model,
      'y',
      layers.map(({ tensor }) => tensor),
    );
    const results = await run(serialiseModel(extended), { x: image });
    for (const { tensor, layout, prefix, channels, live } of layers) {
      const { data, dims } = results[gradients.get(tensor)!];
      const ofImage = layout === 'tokens' ? data.slice(prefix * channels!) : data;
      expect([tensor, dims[0], ofImage.some((v) => Math.abs(v) > 1e-9)]).toEqual([tensor, 1, live]);
    }
  });

  test(`agrees with finite differences at ${layer}`, async () => {
    const { model: extended, gradients } = differentiate(exposeTensor(model, layer), 'y', [layer]);
    const results = await run(serialiseModel(extended), { x: image });
    const gradient = results[gradients.get(layer)!].data;
    const { dims } = results[layer];
    const bytes = serialiseModel(movable(model, layer, dims));
    const logit = async (at: number, by: number) => {
      const step = { data: new Float32Array(gradient.length), dims };
      step.data[at] = by;
      const { y } = await run(bytes, { x: image, step });
      return y.data[0];
    };
    // The largest, where rounding counts least, and some others.
    const order = gradient.map((v, i) => [Math.abs(v), i]).sort(([a], [b]) => b - a);
    for (const [size, at] of [0, 1, 2, 10, 40].map((i) => order[i])) {
      const difference = ((await logit(at, 0.02)) - (await logit(at, -0.02))) / 0.04;
      expect(Math.abs(difference - gradient[at])).toBeLessThan(2e-3 * size + 2e-4);
    }
  });
});

/** The network with an input "step" that is added to one of its tensors. */
function movable(model: Model, tensor: string, dims: readonly number[]): Model {
  const { graph } = model;
  const builder = new GraphBuilder({ opset: opset(model) });
  for (const input of graph.input) builder.input(input.name, knownInput(input).shape!);
  for (const weight of graph.initializer) builder.hold(weight);
  const step = builder.input('step', dims);
  let moved = tensor;
  for (const node of graph.node) {
    const input = node.input.map((name) => (name === tensor ? moved : name));
    builder.copy(copyWith(node, { input }));
    if (node.output.includes(tensor)) [moved] = builder.node('Add', [tensor, step], {}, ['moved']);
  }
  for (const { name } of graph.output) builder.output(name);
  return builder.toModel();
}
