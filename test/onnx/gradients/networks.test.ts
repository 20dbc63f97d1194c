/**
 * Whole networks: a ResNet-10-T against gradients by PyTorch (test/fixtures/network/network.json says which), and
 * SqueezeNet against finite differences.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { differentiate, gradients } from '../../../src/onnx/gradients/gradients.ts';
import { copyWith, type Model, opset, parseModel } from '../../../src/onnx/model.ts';
import { Operators } from '../../../src/onnx/operators.ts';
import { openSession, random, size } from './differences.ts';

const folder = new URL('../../fixtures/network/', import.meta.url);
const floats = (name: string) =>
  new Float32Array(Uint8Array.from(readFileSync(new URL(name, folder))).buffer);
const golden = JSON.parse(readFileSync(new URL('network.json', folder), 'utf8')) as {
  labels: number[];
  loss: number;
  logits: number[];
  layers: { shape: number[]; absmax: number }[];
  weights: { name: string; shape: number[]; stride: number; count: number; absmax: number }[];
};
const resnet = parseModel(readFileSync(new URL('resnet10t_gn.onnx', folder)), 'resnet10t_gn.onnx');
const slices = floats('slices.bin');
const side = 64;
const images = (count: number) =>
  new Tensor('float32', slices.subarray(0, count * side * side), [count, 1, side, side]);

/** Largest difference as a share of a given maximum. */
function share(actual: ArrayLike<number>, expected: ArrayLike<number>, absmax: number): number {
  if (actual.length !== expected.length) return Number.NaN;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
  return worst / absmax;
}

async function run(model: Model, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await openSession(model);
  const results = await session.run(feeds);
  await session.release();
  return results as Record<string, Tensor>;
}

describe('ResNet-10-T with group norm, against PyTorch', () => {
  const layers = golden.layers.map((_, i) => `/layers/layers.${i}/Relu_1_output_0`);

  test('gradient of the logit by the activations behind all four layers', async () => {
    const { model, gradients: names } = differentiate(resnet, 'logit', layers);
    const results = await run(model, { x: images(2) });
    expect(share(results.logit.data as Float32Array, golden.logits.slice(0, 2), 1)).toBeLessThan(1e-4);
    const all = floats('logit_gradients.bin');
    let offset = 0;
    for (const [i, { shape, absmax }] of golden.layers.entries()) {
      const gradient = results[names.get(layers[i])!];
      expect(gradient.dims).toEqual(shape);
      const expected = all.subarray(offset, offset + size(shape));
      expect(share(gradient.data as Float32Array, expected, absmax), `layer ${i + 1}`).toBeLessThan(1e-4);
      offset += size(shape);
    }
    expect(offset).toBe(all.length);
  });

  test('gradient of the mean binary cross-entropy by every weight', async () => {
    const b = GraphBuilder.from(resnet);
    const o = new Operators(b);
    b.input('labels', ['n', 1]);
    const losses = o.sub(o.op('Softplus', ['logit']), o.mul('logit', 'labels'));
    const loss = o.mean(losses, [0, 1], false);
    const weights = golden.weights.map(({ name }) => inGraph(name));
    const found = gradients(b, loss, weights);
    const outputs = weights.map((name, i) => b.output(found.get(name)!, `gradient ${i}`));
    b.output(loss, 'loss');
    const results = await run(b.toModel(), {
      x: images(6),
      labels: new Tensor('float32', Float32Array.from(golden.labels), [6, 1]),
    });
    expect((results.loss.data as Float32Array)[0]).toBeCloseTo(golden.loss, 5);
    const all = floats('weight_gradients.bin');
    let offset = 0;
    for (const [i, { name, shape, stride, count, absmax }] of golden.weights.entries()) {
      const gradient = results[outputs[i]];
      expect(size(gradient.dims), name).toBe(size(shape));
      const chosen = (gradient.data as Float32Array).filter((_, k) => k % stride === 0);
      expect(share(chosen, all.subarray(offset, offset + count), absmax), name).toBeLessThan(1e-4);
      offset += count;
    }
    expect(offset).toBe(all.length);
  });
});

/** The exporter's name of a weight: scale and shift of a norm have numbers, and are found by the node that uses them. */
function inGraph(name: string): string {
  const own = name
    .replace(/^conv1\.(\d)\./, 'stem.$1.')
    .replace(/^bn1\./, 'stem.7.')
    .replace(/^layer(\d)\.0\.(conv|bn|downsample\.)(\d)\./, (_, layer, kind, number) => {
      const part = { conv: `c${number}`, bn: `b${number}`, 'downsample.': `d.${number}` }[kind as string];
      return `layers.${layer - 1}.${part}.`;
    });
  if (resnet.graph.initializer.some((tensor) => tensor.name === own)) return own;
  const [, module, kind] = /^(.*)\.(weight|bias)$/.exec(own)!;
  const operator = kind === 'weight' ? 'Mul' : 'Add';
  const path =
    `/${module.replace(/^(stem|layers)\.(\d)/, '$1/$1.$2').replace(/\.([bd]\d?)\b/, '/$1')}`.replace(
      /\/d\.(\d)$/,
      '/d/d.$1',
    );
  const node = resnet.graph.node.find((candidate) => candidate.name === `${path}/${operator}`);
  if (!node) throw new Error(`no node ${path}/${operator} for ${name}`);
  return node.input[1];
}

const squeezenet = new URL('../../../../shared/data/encoders/squeezenet_v1_1_fp32.onnx', import.meta.url);
const absent = !existsSync(squeezenet);

describe('SqueezeNet, against finite differences', () => {
  test.skipIf(absent)(
    `one logit by maps in the middle${absent ? ' (skipped: ../shared/data/encoders is not there)' : ''}`,
    async () => {
      const model = parseModel(readFileSync(squeezenet), 'squeezenet.onnx');
      // Before its activation: maps behind one are 0 in many places, where maxima have ties.
      const layer = '/features/features.7/squeeze/Conv_output_0';
      const shape = [1, 32, 27, 27];
      const chosen = 417;
      const b = GraphBuilder.from(model);
      const pick = b.constant(
        Float32Array.from({ length: 1000 }, (_, i) => Number(i === chosen)),
        [1, 1000],
      );
      b.output(gradients(b, 'logits', [layer], { upstream: pick }).get(layer)!, 'gradient');
      b.output(layer, 'maps');
      const next = random(5);
      const image = Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => Math.sin(i / 900) + next() - 0.5);
      const whole = await run(b.toModel(), { input: new Tensor('float32', image, [1, 3, 224, 224]) });
      expect(whole.gradient.dims).toEqual(shape);
      const [g, maps] = [whole.gradient.data as Float32Array, whole.maps.data as Float32Array];

      const session = await openSession(behind(model, layer, shape));
      const logit = async (moved: Float32Array) => {
        const { logits } = await session.run({ [layer]: new Tensor('float32', moved, shape) });
        return (logits.data as Float32Array)[chosen];
      };
      const norm = Math.sqrt(g.reduce((sum, d) => sum + d * d, 0));
      for (let trial = 0; trial < 3; trial++) {
        // Along the gradient, then along random directions near it: alone they would be lost in rounding.
        const direction = g.map((d) => d / norm + (trial * 2 * (next() - 0.5)) / Math.sqrt(g.length));
        const step = 0.05;
        const up = await logit(maps.map((value, i) => value + step * direction[i]));
        const down = await logit(maps.map((value, i) => value - step * direction[i]));
        const numeric = (up - down) / (2 * step);
        const analytic = direction.reduce((sum, d, i) => sum + d * g[i], 0);
        expect(Math.abs(analytic - numeric) / Math.abs(numeric), `trial ${trial}`).toBeLessThan(1e-2);
      }
      await session.release();
    },
  );
});

/** The part of a chain of layers that lies behind one of them, which becomes its input. */
function behind(model: Model, layer: string, shape: number[]): Model {
  const b = new GraphBuilder({ opset: opset(model) });
  b.input(layer, shape);
  const [input] = b.toModel().graph.input;
  const last = model.graph.node.findIndex((node) => node.output.includes(layer));
  const node = model.graph.node.slice(last + 1);
  return copyWith(model, { graph: copyWith(model.graph, { input: [input], node }) });
}
