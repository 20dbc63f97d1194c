/**
 * GradCAM of SqueezeNet against its closed form. Behind the last fire module A there is a 1×1 convolution, a ReLU and
 * the mean over N pixels, so the gradient of logit k by A_c is W_kc/N where the convolution is positive and 0 elsewhere.
 * With P such pixels GradCAM is max(0, P/N² · Σ_c W_kc A_c): what CAM (Zhou et al. 2016) draws, but for the factor.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readEncoder } from '../../../src/encoders/external.ts';
import { resolveLayer } from '../../../src/encoders/layers.ts';
import { parseModel, serialiseModel } from '../../../src/onnx/model.ts';
import { floatValues } from '../../../src/onnx/nodes.ts';
import { exposeTensor } from '../../../src/onnx/rewrite.ts';
import { camNetwork } from '../../../src/responses/cam/network.ts';
import { openSession } from '../../../src/runtime/node.ts';

const file = new URL('../../../../shared/data/encoders/squeezenet_v1_1_fp32.onnx', import.meta.url);
const absent = !existsSync(file);
const LAST = '/features/features.12/Concat_output_0';

/** A scene as a camera sees it, BGR minus ImageNet's means: sky over ground, a lit ball with a shadow, grain. */
function photograph(): Float32Array {
  const side = 224;
  const grain = (i: number) => (((Math.sin(i * 12.9898) * 43758.5453) % 1) + 1) % 1;
  const pixel = (channel: number, y: number, x: number) => {
    const sky = [210 - y / 3, 170 - y / 4, 120 + y / 8][channel];
    const ground = [60, 110, 90][channel] + 25 * Math.sin(x / 5 + y / 3) * Math.sin(y / 7);
    const [dy, dx] = [(y - 120) / 52, (x - 100) / 52];
    const light = Math.max(0, 1 - Math.hypot(dy + 0.4, dx + 0.4));
    const inBall = Math.hypot(dy, dx) < 1;
    const inShadow = Math.hypot((y - 175) / 14, (x - 140) / 60) < 1;
    const shade = inBall ? [40, 60, 200][channel] * (0.4 + light) : y < 130 ? sky : ground;
    return shade * (inShadow && !inBall ? 0.5 : 1) + 8 * grain(channel * 7 + y * 224 + x);
  };
  const means = [104, 117, 123];
  return Float32Array.from({ length: 3 * side * side }, (_, i) => {
    const channel = Math.floor(i / (side * side));
    return pixel(channel, Math.floor(i / side) % side, i % side) - means[channel];
  });
}

describe('SqueezeNet (ImageNet), GradCAM at its last fire module', () => {
  test.skipIf(absent)(
    `is the weights of the final convolution times the activations${absent ? ' (skipped: ../shared/data/encoders is not there)' : ''}`,
    async () => {
      const encoder = await readEncoder(new Uint8Array(readFileSync(file)), 'squeezenet.onnx');
      const model = parseModel(encoder.model, 'squeezenet.onnx');
      const exposed = [LAST, '/classifier/classifier.1/Conv_output_0'].reduce(exposeTensor, model);
      const dims = [1, 3, 224, 224];
      const forward = await openSession(serialiseModel(exposed));
      const seen = await forward.run({ input: { data: photograph(), dims } });
      await forward.close();
      const logits = seen.logits.data as Float32Array;
      const activation = seen[LAST];
      const [, channels, rows, columns] = activation.dims;
      const pixels = rows * columns;
      const scores = seen['/classifier/classifier.1/Conv_output_0'].data as Float32Array;
      const weight = floatValues(
        model.graph.initializer.find(({ name }) => name === 'classifier.1.weight')!,
      )!;

      const layer = { ...resolveLayer(LAST, model, encoder), name: 'last' };
      const best = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, 3);
      for (const k of best) {
        const { model: network, answers } = camNetwork(encoder, k, [{ cam: 'gradcam', layer }]);
        const session = await openSession(network);
        const outputs = await session.run({ input: { data: photograph(), dims } });
        await session.close();
        const batch = { places: 1, count: 1, size: { rows: 224, columns: 224 } };
        const maps = answers[0].read(outputs[answers[0].output], batch);
        expect(maps).toMatchObject({ rows, columns });

        const positive = scores.subarray(k * pixels, (k + 1) * pixels).filter((score) => score > 0).length;
        const expected = Float64Array.from({ length: pixels }, (_, p) => {
          let sum = 0;
          for (let c = 0; c < channels; c++) {
            sum += weight[k * channels + c] * (activation.data[c * pixels + p] as number);
          }
          return Math.max(0, (sum * positive) / pixels ** 2);
        });
        const top = Math.max(...expected);
        expect(top).toBeGreaterThan(0);
        const worst = Math.max(...expected.map((value, p) => Math.abs(value - maps.data[p])));
        expect(worst / top, `class ${k}`).toBeLessThan(1e-4);
      }
    },
  );
});
