/**
 * Maps of layers in every form: NCHW, NHWC and tokens that hold the same values give the same maps, and those of a
 * vision transformer and a ConvNeXt are the formulas of its activations and gradients, worked out here in plain loops.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { type Encoder, readEncoder } from '../../../src/encoders/external.ts';
import { encoderLayers, resolveLayer } from '../../../src/encoders/layers.ts';
import { defaultPreprocessing, prepareVolume } from '../../../src/encoders/preprocessing.ts';
import { axisDirections } from '../../../src/geometry/directions.ts';
import { Stack } from '../../../src/geometry/stack.ts';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { differentiate } from '../../../src/onnx/gradients/gradients.ts';
import { type Model, parseModel, serialiseModel } from '../../../src/onnx/model.ts';
import { Operators } from '../../../src/onnx/operators.ts';
import { exposeTensor } from '../../../src/onnx/rewrite.ts';
import { isGradientCam } from '../../../src/responses/cam/cams.ts';
import { formulas, type GradientCamName } from '../../../src/responses/cam/formulas.ts';
import type { CamLayer } from '../../../src/responses/cam/layer.ts';
import { camNetwork } from '../../../src/responses/cam/network.ts';
import { scoreCamModel, scoreCamResponse } from '../../../src/responses/cam/score-cam.ts';
import { encoderResponse } from '../../../src/responses/encoder.ts';
import type { Maps } from '../../../src/responses/response.ts';
import { openSession } from '../../../src/runtime/node.ts';
import { createVolume, type Shape } from '../../../src/volume/volume.ts';
import { relativeError } from '../../support/compare.ts';
import { tinyConvNeXt, tinyViT } from '../../support/transformers.ts';

const gradientCams = Object.keys(formulas) as GradientCamName[];

/** Three slices along axis 0 of exactly the encoder's size. */
function slices(rows: number, columns: number) {
  const shape: Shape = [3, rows, columns];
  const data = Float32Array.from(
    { length: 3 * rows * columns },
    (_, i) => Math.sin(i * 0.13) + Math.cos((i % columns) * 0.4) + ((i * 7919) % 13) / 13,
  );
  return { volume: createVolume(data, shape), direction: axisDirections(shape, [0])[0] };
}

/** The maps of one class at some layers. */
async function mapsOf(
  encoder: Encoder,
  index: number,
  names: readonly string[],
  cam: string,
): Promise<Maps[]> {
  const { rows, columns } = encoder.size!;
  const { volume, direction } = slices(rows, columns);
  const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
  const model = parseModel(encoder.model, encoder.name);
  const layers: CamLayer[] = names.map((name) => ({ ...resolveLayer(name, model, encoder), name }));
  const gradient = isGradientCam(cam as GradientCamName);
  const requests = layers.map((layer) => ({ cam: cam as GradientCamName, layer }));
  const network = gradient
    ? camNetwork(encoder, index, requests)
    : { model: scoreCamModel(encoder, layers), answers: [] };
  const session = await openSession(network.model);
  const response = gradient
    ? encoderResponse(encoder, session, prepared, network.answers, { batch: 2 })
    : scoreCamResponse(encoder, session, prepared, index, layers, { batch: 2 });
  try {
    return [...(await response.respond(new Stack(prepared.volume, direction, response.size, 0)))];
  } finally {
    await session.close();
  }
}

describe('one layer in five forms', () => {
  /** x [n, 1, 16, 24] → a map of 4×6, passed on as NHWC, as channels by tokens, as tokens, and behind a class token. */
  function network(batch: string | number = 'n'): Model {
    const b = new GraphBuilder({ opset: 17 });
    const o = new Operators(b);
    let state = 7;
    const random = (...dims: number[]) => {
      const values = Float32Array.from({ length: dims.reduce((p, q) => p * q, 1) }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 31 - 1;
      });
      return b.initialiser(b.fresh('w'), values, dims);
    };
    const named = (tensor: string, name: string) => b.node('Identity', [tensor], {}, [name])[0];
    const x = b.input('x', [batch, 1, 16, 24]);
    const patches = b.op('Conv', [x, random(5, 1, 4, 4), random(5)], {
      strides: [4, 4],
      kernel_shape: [4, 4],
    });
    const nchw = named(b.op('Relu', [patches]), 'nchw');
    const nhwc = named(o.transpose(nchw, [0, 2, 3, 1]), 'nhwc');
    const rows = named(o.reshape(o.transpose(nhwc, [0, 3, 1, 2]), [0, 5, 24]), 'channel-tokens');
    const tokens = named(o.transpose(rows, [0, 2, 1]), 'tokens');
    const first = o.op('Expand', [random(1, 1, 5), o.concat([o.length(tokens, 0), b.ints([1, 5])], 0)]);
    const prefixed = named(o.concat([first, tokens], 1), 'prefixed');
    const kept = o.slice(prefixed, [1], [2 ** 31 - 1], [1]);
    const back = o.reshape(o.transpose(kept, [0, 2, 1]), [0, 5, 4, 6]);
    const deeper = b.op('Relu', [
      b.op('Conv', [back, random(6, 5, 3, 3), random(6)], { pads: [1, 1, 1, 1], kernel_shape: [3, 3] }),
    ]);
    const pooled = o.op('Flatten', [b.op('GlobalAveragePool', [deeper])]);
    b.output(b.op('MatMul', [pooled, random(6, 2)]), 'y');
    return b.toModel();
  }
  const names = ['nchw', 'nhwc', 'channel-tokens', 'tokens', 'prefixed'];
  let encoder: Encoder;
  beforeAll(async () => {
    encoder = await readEncoder(serialiseModel(network()), 'forms.onnx');
  });

  test('is found in all of them', () => {
    const layers = encoderLayers(network(), encoder).filter(({ tensor }) => names.includes(tensor));
    expect(layers.map(({ tensor, layout, prefix, size }) => [tensor, layout, prefix, size])).toEqual(
      names.map((name) => [
        name,
        name === 'prefixed' ? 'tokens' : name,
        name === 'prefixed' ? 1 : 0,
        { rows: 4, columns: 6 },
      ]),
    );
  });

  test.each([...gradientCams, 'scorecam'])('gives the same %s in all of them', async (cam) => {
    const [reference, ...others] = await mapsOf(encoder, 1, names, cam);
    expect(reference).toMatchObject({ count: 3, kinds: 1, rows: 4, columns: 6 });
    expect(Math.max(...reference.data)).toBeGreaterThan(0);
    for (const [i, maps] of others.entries()) {
      expect(maps).toMatchObject({ rows: 4, columns: 6 });
      expect(relativeError(maps.data, reference.data), names[i + 1]).toBeLessThan(1e-5);
    }
  });

  test.each([
    ...gradientCams,
    'scorecam',
  ])('gives the same %s where the graph fixes the batch', async (cam) => {
    const fixed = await readEncoder(serialiseModel(network(2)), 'fixed.onnx');
    expect(fixed.batch).toBe(2);
    const [one, two] = [
      await mapsOf(encoder, 1, ['nchw', 'prefixed'], cam),
      await mapsOf(fixed, 1, ['nchw', 'prefixed'], cam),
    ];
    for (const [i, maps] of two.entries()) expect(relativeError(maps.data, one[i].data)).toBeLessThan(1e-5);
  });

  test('is another map for another class', async () => {
    const [[one], [two]] = await Promise.all(
      [0, 1].map((index) => mapsOf(encoder, index, ['nchw'], 'layercam')),
    );
    expect(one.data).not.toEqual(two.data);
  });
});

/** A and g of one image by place and channel, [place][channel]. */
type Places = readonly (readonly number[])[];

/** GradCAM, GradCAM++ and LayerCAM as their papers write them. */
const reference: Record<GradientCamName, (a: Places, g: Places) => number[]> = {
  gradcam: (a, g) => weighted(a, (c) => mean(g.map((row) => row[c]))),
  'gradcam++': (a, g) =>
    weighted(a, (c) => {
      const total = a.reduce((sum, row) => sum + row[c], 0);
      return g.reduce((sum, { [c]: d }) => {
        const alpha = d === 0 ? 0 : d ** 2 / (2 * d ** 2 + total * d ** 3 + 1e-6);
        return sum + Math.max(0, d) * alpha;
      }, 0);
    }),
  layercam: (a, g) =>
    a.map((row, p) =>
      Math.max(
        0,
        row.reduce((sum, value, c) => sum + Math.max(0, g[p][c]) * value, 0),
      ),
    ),
};

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
function weighted(a: Places, weight: (channel: number) => number): number[] {
  const weights = a[0].map((_, c) => weight(c));
  return a.map((row) =>
    Math.max(
      0,
      row.reduce((sum, value, c) => sum + weights[c] * value, 0),
    ),
  );
}

describe.each<[name: string, model: Model, layer: string, grid: [number, number]]>([
  ['a ViT with a class token, behind its first block', tinyViT({ classes: 3 }), 'block0', [4, 4]],
  [
    'a ViT whose tokens are averaged, with registers',
    tinyViT({ classes: 3, head: 'mean', registers: 2, gelu: 'operator' }),
    'block1',
    [4, 4],
  ],
  ['a ConvNeXt, behind its last stage', tinyConvNeXt({ classes: 3 }), 'stage1', [4, 4]],
])('%s', (_, model, name, grid) => {
  test.each(gradientCams)('%s is the formula of its tokens, row by row', async (cam) => {
    const encoder = await readEncoder(serialiseModel(model), 'tiny.onnx');
    const [maps] = await mapsOf(encoder, 2, [name], cam);
    expect([maps.rows, maps.columns]).toEqual(grid);

    const { layout, prefix, channels = 0 } = resolveLayer(name, model, encoder);
    const b = GraphBuilder.from(exposeTensor(model, name));
    const logit = b.output(new Operators(b).slice('y', [2], [3], [1]));
    const { model: extended, gradients } = differentiate(b.toModel(), logit, [name]);
    const session = await openSession(serialiseModel(extended));
    const { volume } = slices(32, 32);
    const results = await session.run({ x: { data: volume.data.slice(), dims: [3, 1, 32, 32] } });
    await session.close();
    const places = (tensor: string, image: number): number[][] => {
      const data = results[tensor].data as Float32Array;
      const length = data.length / 3;
      const count = grid[0] * grid[1];
      const at = (p: number, c: number) => (layout === 'nchw' ? c * count + p : (p + prefix) * channels + c);
      return Array.from({ length: count }, (_, p) =>
        Array.from({ length: channels }, (_, c) => data[image * length + at(p, c)]),
      );
    };
    const gradient = gradients.get(name)!;
    const expected = [0, 1, 2].flatMap((image) =>
      reference[cam](places(name, image), places(gradient, image)),
    );
    expect(Math.max(...expected)).toBeGreaterThan(0);
    expect(relativeError(maps.data, expected)).toBeLessThan(1e-4);
  });
});
