/**
 * GradCAM, GradCAM++, LayerCAM and ScoreCAM at four layers against an independent PyTorch program, to 1e-4 of each map's
 * maximum: with group norm from the fixtures, with frozen batch norm where the golden vectors lie beside the repository.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readEncoder } from '../../../src/encoders/external.ts';
import { defaultPreprocessing, prepareVolume } from '../../../src/encoders/preprocessing.ts';
import { axisDirections } from '../../../src/geometry/directions.ts';
import { Stack } from '../../../src/geometry/stack.ts';
import { formulas, type GradientCamName } from '../../../src/responses/cam/formulas.ts';
import type { CamLayer } from '../../../src/responses/cam/layer.ts';
import { camNetwork } from '../../../src/responses/cam/network.ts';
import { scoreCamModel, scoreCamResponse } from '../../../src/responses/cam/score-cam.ts';
import { encoderResponse } from '../../../src/responses/encoder.ts';
import type { Maps } from '../../../src/responses/response.ts';
import { openSession } from '../../../src/runtime/node.ts';
import { createVolume, type Shape } from '../../../src/volume/volume.ts';

const fixtures = new URL('../../fixtures/network/', import.meta.url);
const shared = new URL('../../../../shared/golden/network/', import.meta.url);
const bytes = (url: URL) => Uint8Array.from(readFileSync(url));
const floats = (url: URL) => new Float32Array(bytes(url).buffer);
interface GoldenMap {
  readonly cam: string;
  readonly layer: number;
  readonly shape: readonly number[];
  readonly absmax: number;
  readonly offset: number;
}
const golden = JSON.parse(readFileSync(new URL('cams.json', fixtures), 'utf8')) as { maps: GoldenMap[] };
const committed = floats(new URL('cams.bin', fixtures));

/** As a volume whose planes are the slices: cut along axis 0 they come back as they are. */
const shape: Shape = [6, 64, 64];
const volume = createVolume(floats(new URL('slices.bin', fixtures)), shape);
const [direction] = axisDirections(shape, [0]);

const layer = (number: number): CamLayer => ({
  name: `layer${number}`,
  tensor: `/layers/layers.${number - 1}/Relu_1_output_0`,
  layout: 'nchw',
  prefix: 0,
  stride: { rows: 2 ** (number + 1), columns: 2 ** (number + 1) },
});
const layers = [1, 2, 3, 4].map(layer);

const networks = [
  {
    name: 'group norm',
    there: true,
    file: new URL('resnet10t_gn.onnx', fixtures),
    expected: ({ offset, shape }: GoldenMap) =>
      committed.subarray(offset, offset + shape.reduce((a, b) => a * b, 1)),
  },
  {
    name: 'frozen batch norm (in ../shared)',
    there: existsSync(shared),
    file: new URL('resnet10t_fbn.onnx', shared),
    expected: ({ cam, layer }: GoldenMap) => floats(new URL(`fbn_${cam}_layer${layer}.bin`, shared)),
  },
];

describe.each(networks)('$name', ({ there, file, expected }) => {
  const open = async () => {
    const encoder = await readEncoder(bytes(file), 'resnet10t.onnx');
    return { encoder, prepared: prepareVolume(volume, defaultPreprocessing, encoder) };
  };
  const check = (maps: Maps, cam: string, number: number) => {
    const wanted = golden.maps.find((map) => map.cam === cam && map.layer === number)!;
    const values = expected(wanted);
    expect([maps.rows, maps.columns]).toEqual(wanted.shape.slice(1));
    const absmax = Math.max(...values.map(Math.abs));
    const worst = Math.max(...values.map((value, i) => Math.abs(value - maps.data[i])));
    expect(worst / absmax, `${cam} at layer ${number}`).toBeLessThan(1e-4);
  };

  test.skipIf(!there)('GradCAM, GradCAM++ and LayerCAM at four layers in one run', async () => {
    const { encoder, prepared } = await open();
    const cams = Object.keys(formulas) as GradientCamName[];
    const requests = cams.flatMap((cam) => layers.map((layer) => ({ cam, layer })));
    const { model, answers } = camNetwork(encoder, 0, requests, { logit: true });
    const session = await openSession(model);
    const response = encoderResponse(encoder, session, prepared, answers, { size: 64, batch: 4 });
    expect(response.names[5]).toBe('gradcam++:layer1');
    const [logits, ...maps] = await response.respond(new Stack(prepared.volume, direction, response.size, 0));
    await session.close();
    expect(logits).toMatchObject({ count: 6, rows: 1, columns: 1 });
    for (const [i, { cam }] of requests.entries()) check(maps[i], cam, (i % 4) + 1);
  });

  test.skipIf(!there)('ScoreCAM at four layers', async () => {
    const { encoder, prepared } = await open();
    const session = await openSession(scoreCamModel(encoder, layers));
    const costs: number[] = [];
    const response = scoreCamResponse(encoder, session, prepared, 0, layers, {
      size: 64,
      onCost: ({ passesPerSlice }) => costs.push(passesPerSlice),
    });
    const maps = await response.respond(new Stack(prepared.volume, direction, response.size, 0));
    await session.close();
    expect(costs).toEqual([16 + 32 + 64 + 128]);
    for (const [i, map] of maps.entries()) check(map, 'scorecam', i + 1);
  });
});
