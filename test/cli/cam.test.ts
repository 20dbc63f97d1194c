/** Class activation maps on the command line: what is shared, how results are named, and what is refused. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { readEncoder } from '../../src/encoders/external.ts';
import { resolveLayer } from '../../src/encoders/layers.ts';
import { prepareVolume } from '../../src/encoders/preprocessing.ts';
import { axisDirections, fibonacciDirections } from '../../src/geometry/directions.ts';
import { parseModel } from '../../src/onnx/model.ts';
import { parseFilter } from '../../src/reconstruction/filter.ts';
import { type Reconstructions, reconstructAll } from '../../src/reconstruction/reconstruct.ts';
import type { Target } from '../../src/reconstruction/targets.ts';
import { camNetwork } from '../../src/responses/cam/network.ts';
import { encoderResponse } from '../../src/responses/encoder.ts';
import { openSession } from '../../src/runtime/node.ts';
import type { Shape } from '../../src/volume/volume.ts';
import { classifier, node, onnx, value, weights } from '../onnx/fixture.ts';
import { filesIn, newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { relativeError } from '../support/compare.ts';
import { readVolumeFile, unevenVolume, writeVolume } from '../support/volumes.ts';

const shape: Shape = [12, 11, 10];
const folder = temporaryFolder();
const scan = join(folder, 'scan.nii.gz');
const resnet = fileURLToPath(new URL('../fixtures/network/resnet10t_gn.onnx', import.meta.url));
const tensors = [0, 1, 2, 3].map((i) => `/layers/layers.${i}/Relu_1_output_0`);
const small = ['-L', 6, '-M', 8];
beforeAll(() => writeVolume(scan, unevenVolume(shape)));

const reconstructed = async (...args: (string | number)[]) => {
  const out = newFolder(folder);
  const outcome = await succeed(['reconstruct', scan, '-e', resnet, ...small, ...args, '-o', out]);
  return { ...outcome, out };
};
const heatmap = async (out: string, name: string) =>
  (await readVolumeFile(join(out, `scan_desc-${name}_heatmap.nii.gz`))).data;
const record = (out: string, name: string) =>
  JSON.parse(readFileSync(join(out, `scan_desc-${name}_heatmap.json`), 'utf8'));

/** What the library makes of the same encoder. */
async function byHand(layers: readonly number[], targets: readonly Target[], axes?: readonly (0 | 1 | 2)[]) {
  const encoder = await readEncoder(new Uint8Array(readFileSync(resnet)), 'resnet10t_gn.onnx');
  const model = parseModel(encoder.model, encoder.name);
  const requests = layers.map((layer) => ({
    cam: 'layercam' as const,
    layer: { ...resolveLayer(`${layer}`, model, encoder), name: `${layer}` },
  }));
  const network = camNetwork(encoder, 0, requests, { logit: true });
  const session = await openSession(network.model);
  try {
    const prepared = prepareVolume(await readVolumeFile(scan), encoder.preprocessing, encoder);
    const response = encoderResponse(encoder, session, prepared, network.answers, { size: 64 });
    const directions = axes ? axisDirections(shape, axes) : fibonacciDirections(6, { slices: 8 });
    return await reconstructAll(prepared.volume, response, directions, targets);
  } finally {
    await session.close();
  }
}

describe('several methods and layers in one call', () => {
  let out: string;
  let stdout: string;
  let expected: Reconstructions;
  beforeAll(async () => {
    const methods = ['-m', 'tonno,averaged-cam,tomographic-cam', '--layer', '1,3'];
    ({ out, stdout } = await reconstructed(...methods));
    const [none, filtered] = ['none', 'gaussian:0.04'].map(parseFilter);
    expected = await byHand(
      [1, 3],
      [
        { maps: 0, filter: filtered },
        { maps: 1, filter: none },
        { maps: 2, filter: none },
        { maps: 1, filter: filtered },
        { maps: 2, filter: filtered },
      ],
    );
  });
  const names = [
    'tonno',
    'averaged-cam_cam-layercam_layer-1',
    'averaged-cam_cam-layercam_layer-3',
    'tomographic-cam_cam-layercam_layer-1',
    'tomographic-cam_cam-layercam_layer-3',
  ];

  test('make one heatmap and one record each, named after what they are of', () => {
    const files = names.flatMap((name) =>
      ['json', 'nii.gz'].map((end) => `scan_desc-${name}_heatmap.${end}`),
    );
    expect(filesIn(out)).toEqual(files.sort());
    expect(stdout.trim().split('\n')).toEqual(
      names.map((name) => join(out, `scan_desc-${name}_heatmap.nii.gz`)),
    );
  });

  test('are what the library makes', async () => {
    for (const [i, name] of names.entries()) {
      expect(relativeError(await heatmap(out, name), expected.heatmaps[i].data), name).toBeLessThan(1e-5);
    }
  });

  test('are measured in one pass, and are what they are alone', async () => {
    for (const name of names) expect(record(out, name).slicesMeasured).toBe(60);
    const alone = await reconstructed('-m', 'tomographic-cam', '--layer', 3);
    expect(filesIn(alone.out)).toHaveLength(2);
    const name = 'tomographic-cam_cam-layercam_layer-3';
    expect(relativeError(await heatmap(out, name), await heatmap(alone.out, name))).toBeLessThan(1e-5);
  });

  test('say in their records which map and layer they are of', () => {
    expect(record(out, names[4])).toMatchObject({
      response: 'layercam:3',
      cam: 'layercam',
      layer: { name: '3', tensor: tensors[2] },
      method: 'tomographic-cam',
      filter: 'gaussian:0.04',
      directions: 6,
      slices: 8,
    });
    expect(record(out, names[1])).toMatchObject({ response: 'layercam:1', filter: 'none' });
    expect(record(out, names[0])).not.toHaveProperty('cam');
  });
});

test('slice-wise CAM along an axis and its mean over three axes share the slices along that axis', async () => {
  const out = newFolder(folder);
  await succeed(
    ['reconstruct', scan, '-e', resnet, '-m', 'cam,cam-3axes', '--axis', 2, '--layer', 2].concat('-o', out),
  );
  const none = parseFilter('none');
  const [cam, axes] = ['cam', 'cam-3axes'].map((name) => `${name}_cam-layercam_layer-2`);
  const one = await byHand([2], [{ maps: 1, filter: none }], [2]);
  const three = await byHand([2], [{ maps: 1, filter: none }], [0, 1, 2]);
  expect(relativeError(await heatmap(out, cam), one.heatmaps[0].data)).toBeLessThan(1e-5);
  expect(relativeError(await heatmap(out, axes), three.heatmaps[0].data)).toBeLessThan(1e-5);
  expect(record(out, cam)).toMatchObject({ axis: 2, directionsDone: 1, slicesMeasured: 33 });
  expect(record(out, axes)).toMatchObject({ directionsDone: 3, slicesMeasured: 33 });
});

test('every map at a layer named by its tensor', async () => {
  const { out } = await reconstructed(
    '-m',
    'averaged-cam',
    '--cam',
    'gradcam,gradcam++,layercam',
    '--layer',
    tensors[1],
  );
  const layer = 'layers-layers.1-Relu_1_output_0';
  expect(filesIn(out).filter((file) => file.endsWith('.nii.gz'))).toEqual(
    ['gradcam++', 'gradcam', 'layercam'].map(
      (cam) => `scan_desc-averaged-cam_cam-${cam}_layer-${layer}_heatmap.nii.gz`,
    ),
  );
  const heatmaps = await Promise.all(
    ['gradcam', 'gradcam++', 'layercam'].map((cam) => heatmap(out, `averaged-cam_cam-${cam}_layer-${layer}`)),
  );
  for (const [i, data] of heatmaps.entries()) {
    expect(Math.max(...data)).toBeGreaterThan(0);
    expect(data).not.toEqual(heatmaps[(i + 1) % 3]);
  }
});

test('ScoreCAM says at once what it costs, and is its own pass of the encoder only', async () => {
  const { out, stderr } = await reconstructed(
    '-m',
    'averaged-cam',
    '--cam',
    'scorecam',
    '--layer',
    '1,2',
    '--memory',
    '1M',
  );
  expect(stderr).toMatch(
    /^ScoreCAM runs the encoder 48 times a slice: at \S+ s a slice about \d+:\d\d for 48 slices\.$/m,
  );
  for (const layer of [1, 2]) {
    const data = await heatmap(out, `averaged-cam_cam-scorecam_layer-${layer}`);
    expect(Math.max(...data)).toBeGreaterThan(0);
  }
});

test('iterative CAM comes without negative values when told to', async () => {
  const args = ['-m', 'iterative-cam', '--layer', 2, '--iterations', 4];
  const free = await reconstructed(...args);
  const positive = await reconstructed(...args, '--non-negative');
  const name = 'iterative-cam_cam-layercam_layer-2';
  expect(Math.min(...(await heatmap(free.out, name)))).toBeLessThan(0);
  expect(Math.min(...(await heatmap(positive.out, name)))).toBe(0);
  expect(record(positive.out, name)).toMatchObject({ iterations: 4, nonNegative: true, filter: 'none' });
});

test('kept profiles of each layer become heatmaps again with another filter', async () => {
  const { out, stdout } = await reconstructed(
    '-m',
    'averaged-cam,tomographic-cam',
    '--layer',
    '2,3',
    '--keep-profiles',
  );
  const kept = filesIn(out).filter((file) => file.endsWith('.npy'));
  expect(kept).toEqual(
    [2, 3].map((layer) => `scan_desc-averaged-cam_cam-layercam_layer-${layer}_profiles.npy`),
  );
  expect(stdout).toContain(kept[1]);
  await succeed(['filter', join(out, kept[1]), '-f', 'gaussian:0.04']);
  const again = await heatmap(out, 'averaged-cam_cam-layercam_layer-3_filter-gaussian-0.04');
  const direct = await heatmap(out, 'tomographic-cam_cam-layercam_layer-3');
  expect(relativeError(again, direct)).toBeLessThan(1e-5);
});

test('profiles of methods over different axes are kept of neither', async () => {
  const out = newFolder(folder);
  const args = ['-m', 'cam,cam-3axes', '--axis', 1, '--layer', 2, '--keep-profiles', '-o', out];
  const { code, stderr } = await tonno(['reconstruct', scan, '-e', resnet, ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain('--keep-profiles: The methods of one pass are made of different directions.');
  expect(filesIn(out)).toEqual([]);
});

test('a time limit is shared by the passes, each of which has something', async () => {
  const { out } = await reconstructed('-m', 'tonno,cam', '--layer', 2, '-t', '1s', '-L', 2000);
  expect(record(out, 'tonno').directionsDone).toBeLessThan(2000);
  expect(record(out, 'cam_cam-layercam_layer-2').directionsDone).toBe(1);
});

describe('what cannot be done', () => {
  const refusal = async (encoder: string, ...args: (string | number)[]) => {
    const out = newFolder(folder);
    const { code, stdout, stderr } = await tonno([
      'reconstruct',
      scan,
      '-e',
      encoder,
      ...small,
      ...args,
      '-o',
      out,
    ]);
    expect(stdout).toBe('');
    expect(stderr).not.toMatch(/^ +at /m);
    expect(filesIn(out)).toEqual([]);
    return [code, stderr];
  };
  const file = (name: string, bytes: Uint8Array) => {
    const path = join(newFolder(folder), name);
    writeFileSync(path, bytes);
    return path;
  };
  const cam = ['-m', 'tomographic-cam', '--layer'];

  test('a layer that is not there: the nearest names are offered', async () => {
    const [code, said] = await refusal(resnet, ...cam, 'layers.1/Relu_1');
    expect(code).toBe(2);
    expect(said).toMatch(
      /There is no layer "layers\.1\/Relu_1"\. Did you mean .*"\/layers\/layers\.1\/Relu_1_output_0"/,
    );
  });

  test('a number beyond the layers', async () => {
    const [code, said] = await refusal(resnet, ...cam, 5);
    expect(code).toBe(2);
    expect(said).toMatch(/There is no layer 5/);
  });

  test('a layer without spatial extent', async () => {
    const [code, said] = await refusal(resnet, ...cam, 'logit');
    expect(code).toBe(2);
    expect(said).toMatch(/"logit" lie nowhere in the image/);
  });

  test('a layer that has one element at this size', async () => {
    const network = onnx({
      inputs: [value('x', ['n', 1, 'h', 'w'])],
      outputs: [value('y', ['n', 1])],
      nodes: [
        node('Conv', 'x,w', 'fine', { pads: [1, 1, 1, 1] }),
        node('MaxPool', 'fine', 'coarse', { kernel_shape: [16, 16], strides: [16, 16] }),
        node('GlobalAveragePool', 'coarse', 'pooled'),
        node('Flatten', 'pooled', 'flat'),
        node('Gemm', 'flat,dense', 'y'),
      ],
      initialisers: [weights('w', [4, 1, 3, 3]), weights('dense', [4, 1])],
    });
    const pooling = file('pooling.onnx', network);
    const [code, said] = await refusal(pooling, '--size', 16, ...cam, 'coarse');
    expect(code).toBe(2);
    expect(said).toBe(
      'error: pooling.onnx: At slices of 16×16 the layer "coarse" has one element for the whole slice, so that there is no map. Choose 1, which is "fine", or another name; tonno layers lists all.\n',
    );
    const out = newFolder(folder);
    await succeed(['reconstruct', scan, '-e', pooling, '--size', 32, ...small, ...cam, 'coarse', '-o', out]);
  });

  test('an operator without a gradient on the way, named with its node', async () => {
    const network = onnx({
      inputs: [value('x', ['n', 1, 'h', 'w'])],
      outputs: [value('y', ['n', 1])],
      nodes: [
        node('Conv', 'x,w', 'early', { pads: [1, 1, 1, 1] }),
        { ...node('LRN', 'early', 'normal', { size: 3 }), name: 'norm1' },
        node('GlobalAveragePool', 'normal', 'pooled'),
        node('Flatten', 'pooled', 'flat'),
        node('Gemm', 'flat,dense', 'y'),
      ],
      initialisers: [weights('w', [4, 1, 3, 3]), weights('dense', [4, 1])],
    });
    const [code, said] = await refusal(file('lrn.onnx', network), '--size', 32, ...cam, 'early');
    expect(code).toBe(1);
    expect(said).toBe(
      'error: lrn.onnx: The operator LRN of node "norm1" (it makes "normal") has no gradient here. Differentiate by a tensor behind it, or export the network with other operators in its place.\n',
    );
    // Behind it there is a map, and ScoreCAM needs no gradient.
    const out = newFolder(folder);
    const lrn = file('lrn.onnx', network);
    await succeed(['reconstruct', scan, '-e', lrn, '--size', 32, ...small, ...cam, 'normal', '-o', out]);
    await succeed([
      'reconstruct',
      scan,
      '-e',
      lrn,
      ...small,
      '--cam',
      'scorecam',
      ...cam,
      'early',
      '-o',
      out,
    ]);
  });

  test('a class out of range', async () => {
    const [code, said] = await refusal(file('two.onnx', onnx(classifier())), '-c', 2, ...cam, 1);
    expect(code).toBe(2);
    expect(said).toMatch(/There is no class 2: this network has 2\. Choose a number from 0 to 1\./);
  });

  test('an encoder of one class is fed by any name of its file', async () => {
    const copy = join(newFolder(folder), 'a name with spaces.onnx');
    copyFileSync(resnet, copy);
    const out = newFolder(folder);
    await succeed(['reconstruct', scan, '-e', copy, ...small, ...cam, 2, '-o', out]);
    expect(filesIn(out)).toHaveLength(2);
  });
});
