import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readEncoder } from '../../src/encoders/external.ts';
import { prepareVolume } from '../../src/encoders/preprocessing.ts';
import { readNiftiHeader } from '../../src/formats/nifti.ts';
import { axisDirections, type Direction, fibonacciDirections } from '../../src/geometry/directions.ts';
import { parseFilter } from '../../src/reconstruction/filter.ts';
import { reconstruct } from '../../src/reconstruction/reconstruct.ts';
import { logitResponse } from '../../src/responses/logit.ts';
import { meanResponse, pooledResponse } from '../../src/responses/pooled.ts';
import type { Response } from '../../src/responses/response.ts';
import { openSession } from '../../src/runtime/node.ts';
import { VERSION } from '../../src/version.ts';
import type { Shape } from '../../src/volume/volume.ts';
import { filesIn, newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import {
  MATCHED_FILTER,
  oddPlacement,
  placed,
  placementBytes,
  readVolumeFile,
  unevenVolume,
  writeVolume,
} from '../support/volumes.ts';

const shape: Shape = [12, 11, 10];
const folder = temporaryFolder();
const scan = join(folder, 'scan.nii.gz');
const small = ['--size', 16, '-L', 6, '-M', 8];
const size = { rows: 16, columns: 16 };

beforeAll(() => writeVolume(scan, unevenVolume(shape)));

const engineVersion = createRequire(import.meta.url)('onnxruntime-node/package.json').version;
const sidecarOf = (out: string, method = 'tonno') =>
  JSON.parse(readFileSync(join(out, `scan_desc-${method}_heatmap.json`), 'utf8'));
const heatmapOf = (out: string, method = 'tonno') => join(out, `scan_desc-${method}_heatmap.nii.gz`);

describe('a volume and an encoder', () => {
  const out = newFolder(folder);
  const heatmap = heatmapOf(out);
  let stdout: string;
  let stderr: string;
  beforeAll(async () => {
    const args = ['reconstruct', scan, '-e', MATCHED_FILTER, ...small, '--seed', 3, '-o', out];
    ({ stdout, stderr } = await succeed(args));
  });

  test('make a heatmap and its record, and nothing else', () => {
    expect(filesIn(out)).toEqual(['scan_desc-tonno_heatmap.json', 'scan_desc-tonno_heatmap.nii.gz']);
    expect(stdout).toBe(`${heatmap}\n`);
    const threads = availableParallelism();
    expect(stderr).toBe(
      `matched-filter.onnx: 1 channel, class 0 (bright blob), on cpu with ${Math.min(threads, 8)} threads\n`,
    );
  });

  test('the heatmap lies where the volume lies, field by field and bit for bit', async () => {
    const info = await readNiftiHeader(readFileSync(heatmap), heatmap);
    expect(info).toMatchObject({
      datatype: 'float32',
      shape,
      channels: 1,
      compressed: true,
      slope: 1,
      inter: 0,
    });
    expect(info.geometry.nifti).toEqual(oddPlacement);
    expect(info.geometry).toEqual((await readVolumeFile(scan)).geometry);
    expect(placementBytes(heatmap)).toBe(placementBytes(scan));
  });

  test('the heatmap says in its header how it was made, in the 79 bytes there are', async () => {
    const { description } = await readNiftiHeader(readFileSync(heatmap), heatmap);
    expect(description).toBe(`tonno ${VERSION} tonno logit L=6 M=8 gaussian:0.04 seed=3`);
    expect(Buffer.byteLength(description)).toBeLessThanOrEqual(79);
  });

  test('the record holds every setting', async () => {
    const { data } = await readVolumeFile(heatmap);
    const record = sidecarOf(out);
    expect(record).toEqual({
      software: { name: 'tonno', version: VERSION, node: process.version },
      input: { file: scan, shape, channels: 1, spacing: expect.any(Array) },
      encoder: {
        file: 'matched-filter.onnx',
        sha256: createHash('sha256').update(readFileSync(MATCHED_FILTER)).digest('hex'),
        name: 'matched filter for bright blobs (weights set by hand, not trained)',
        output: 'logit',
        activationTakenOff: 'none',
      },
      class: { index: 0, name: 'bright blob' },
      preprocessing: { normalise: 'zscore', scale: [1], mean: [0], std: [1], outside: 'minimum' },
      device: 'cpu',
      engine: `onnxruntime-node ${engineVersion}`,
      partlyOnCpu: false,
      notFiniteSetToZero: 0,
      response: 'logit',
      sliceSize: [16, 16],
      method: 'tonno',
      preset: 'standard',
      directions: 6,
      slices: 8,
      filter: 'gaussian:0.04',
      seed: 3,
      directionsDone: 6,
      started: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      seconds: expect.any(Number),
      slicesMeasured: 60,
      slicesPerSecond: expect.any(Number),
      heatmap: {
        file: 'scan_desc-tonno_heatmap.nii.gz',
        minimum: Math.min(...data),
        maximum: Math.max(...data),
      },
    });
    const { srow } = oddPlacement;
    const column = (c: number) => Math.hypot(srow[c], srow[4 + c], srow[8 + c]);
    expect(record.input.spacing).toEqual([column(2), column(1), column(0)]);
    expect(record.seconds).toBeGreaterThan(0);
    expect(Math.abs(Date.now() - Date.parse(record.started))).toBeLessThan(600_000);
  });

  test('the heatmap is what the library makes of them', async () => {
    const volume = await readVolumeFile(scan);
    const encoder = await readEncoder(readFileSync(MATCHED_FILTER), 'matched-filter.onnx');
    const session = await openSession(encoder.model, { threads: 1 });
    try {
      const prepared = prepareVolume(volume, encoder.preprocessing, encoder);
      const response = logitResponse(encoder, session, prepared, { size: 16, classes: [0] });
      const directions = fibonacciDirections(6, { slices: 8, seed: 3 });
      const { data } = await reconstruct(prepared.volume, response, directions, parseFilter('gaussian:0.04'));
      expect(Math.max(...data) - Math.min(...data)).toBeGreaterThan(0);
      expect((await readVolumeFile(heatmap)).data).toEqual(data);
    } finally {
      await session.close();
    }
  });

  test('the same seed gives the same bytes again, with any number of threads', async () => {
    for (const threads of [1, 3]) {
      const again = newFolder(folder);
      const args = ['reconstruct', scan, '-e', MATCHED_FILTER, ...small, '--seed', 3, '--threads', threads];
      await succeed([...args, '-o', again]);
      expect(readFileSync(heatmapOf(again)).equals(readFileSync(heatmap))).toBe(true);
    }
  });

  test('another seed gives another heatmap', async () => {
    const other = newFolder(folder);
    await succeed(['reconstruct', scan, '-e', MATCHED_FILTER, ...small, '--seed', 4, '-o', other]);
    const [a, b] = [await readVolumeFile(heatmap), await readVolumeFile(heatmapOf(other))];
    expect(a.data).not.toEqual(b.data);
    expect(sidecarOf(other).seed).toBe(4);
  });

  test('a second run into the same folder replaces the first', async () => {
    const same = newFolder(folder);
    await succeed(['reconstruct', scan, '-r', 'mean', ...small, '-o', same]);
    await succeed(['reconstruct', scan, '-r', 'mean', ...small, '-L', 7, '-o', same]);
    expect(filesIn(same)).toHaveLength(2);
    expect(sidecarOf(same).directionsDone).toBe(7);
    const { description } = await readNiftiHeader(readFileSync(heatmapOf(same)), 'heatmap');
    expect(description).toContain('L=7');
  });
});

test('results go to the working folder when no other is named', async () => {
  const cwd = newFolder(folder);
  const { stdout } = await succeed(['reconstruct', scan, '-r', 'mean', ...small], { cwd });
  expect(stdout).toBe('scan_desc-tonno_heatmap.nii.gz\n');
  expect(filesIn(cwd)).toEqual(['scan_desc-tonno_heatmap.json', 'scan_desc-tonno_heatmap.nii.gz']);
});

test('a folder that is missing is made, with the folders above it', async () => {
  const out = join(newFolder(folder), 'a', 'b', 'c');
  await succeed(['reconstruct', scan, '-r', 'mean', ...small, '-o', out]);
  expect(filesIn(out)).toHaveLength(2);
});

describe.concurrent('presets', () => {
  const encoder = ['-e', MATCHED_FILTER];
  test.each([
    ['draft', encoder, { directions: 60, slices: 24, filter: 'gaussian:0.06' }],
    ['standard', encoder, { directions: 200, slices: 32, filter: 'gaussian:0.04' }],
    ['paper', encoder, { directions: 2000, slices: 100, filter: 'second-difference' }],
    ['draft', ['-r', 'mean'], { directions: 60, slices: 24, filter: 'second-difference' }],
    [
      'paper',
      ['-r', 'pooled:8', '-m', 'tomographic-cam'],
      { directions: 1000, slices: 100, filter: 'second-difference' },
    ],
    ['standard', ['-r', 'pooled:8', '-m', 'averaged-cam'], { directions: 100, slices: 32, filter: 'none' }],
  ])('%s with %j, ended by a time limit', async (preset, response, plan) => {
    const out = newFolder(folder);
    // Slices large enough that the limit comes before the last direction on any machine.
    const pixels = response === encoder ? 16 : 64;
    const args = ['reconstruct', scan, ...response, '-s', pixels, '-p', preset, '-t', '0s', '-o', out];
    const { stderr } = await succeed(args);
    const method = response[3] ?? 'tonno';
    const record = sidecarOf(out, method);
    expect(record).toMatchObject({ preset, method, ...plan });
    expect(record.directionsDone).toBeGreaterThanOrEqual(1);
    expect(record.directionsDone).toBeLessThan(plan.directions);
    expect(stderr).toContain(
      `warning: scan: the time limit ended it after ${record.directionsDone} of ${plan.directions} directions.\n`,
    );
    const path = heatmapOf(out, method);
    expect((await readNiftiHeader(readFileSync(path), path)).description).toContain(
      ` L=${record.directionsDone} M=${plan.slices} `,
    );
    expect((await readVolumeFile(path)).data.some((value) => value !== 0)).toBe(true);
  });

  test('standard is what is taken when nothing is said, and explicit options win', async () => {
    const out = newFolder(folder);
    const explicit = ['-L', 4, '-M', 6, '-f', 'hann:0.5'];
    await succeed(['reconstruct', scan, ...encoder, '--size', 16, '-p', 'paper', ...explicit, '-o', out]);
    expect(sidecarOf(out)).toMatchObject({ preset: 'paper', directions: 4, slices: 6, filter: 'hann:0.5' });
  });

  test('a time limit that is not reached changes nothing, however odd or long it is', async () => {
    const plain = newFolder(folder);
    await succeed(['reconstruct', scan, '-r', 'mean', ...small, '-o', plain]);
    for (const limit of ['60.0001s', '1000000h']) {
      const out = newFolder(folder);
      const { stderr } = await succeed(['reconstruct', scan, '-r', 'mean', ...small, '-t', limit, '-o', out]);
      expect(stderr).toBe('');
      expect(sidecarOf(out).directionsDone).toBe(6);
      expect(readFileSync(heatmapOf(out)).equals(readFileSync(heatmapOf(plain)))).toBe(true);
    }
  });
});

describe.concurrent('methods give what the library gives', () => {
  const fibonacci = fibonacciDirections(6, { slices: 8, seed: 5 });
  const mean = meanResponse(size);
  const pooled = pooledResponse(4, size);
  const dense = ['-L', 6, '-M', 8];
  test.each<[string[], (string | number)[], Response, Direction[], string, object]>([
    [['mean', 'tonno'], dense, mean, fibonacci, 'second-difference', { directions: 6, slices: 8 }],
    [['pooled:4', 'averaged-cam'], dense, pooled, fibonacci, 'none', { directions: 6, slices: 8 }],
    [
      ['pooled:4', 'tomographic-cam'],
      dense,
      pooled,
      fibonacci,
      'gaussian:0.04',
      { directions: 6, slices: 8 },
    ],
    [
      ['pooled:4', 'cam'],
      ['--axis', 1],
      pooled,
      axisDirections(shape, [1]),
      'none',
      { directions: 1, axis: 1 },
    ],
    [['pooled:4', 'cam'], [], pooled, axisDirections(shape, [0]), 'none', { directions: 1, axis: 0 }],
    [['pooled:4', 'cam-3axes'], [], pooled, axisDirections(shape, [0, 1, 2]), 'none', { directions: 3 }],
  ])('%j %j', async ([response, method], options, respond, directions, filter, plan) => {
    const out = newFolder(folder);
    const args = ['reconstruct', scan, '-r', response, '-m', method, '--size', 16, '--seed', 5, ...options];
    await succeed([...args, '-o', out]);
    const { data } = await reconstruct(await readVolumeFile(scan), respond, directions, parseFilter(filter));
    expect(Math.max(...data) - Math.min(...data)).toBeGreaterThan(0);
    expect((await readVolumeFile(heatmapOf(out, method))).data).toEqual(data);
    const record = sidecarOf(out, method);
    expect(record).toMatchObject({ method, response, filter, device: 'cpu', seed: 5, ...plan });
    expect(record.directionsDone).toBe(directions.length);
    if (!('slices' in plan)) expect(record).not.toHaveProperty('slices');
    expect(record).not.toHaveProperty('encoder');
  });

  test('each channel of a volume gets its own map of the mean', async () => {
    const path = join(newFolder(folder), 'scan.nii.gz');
    const out = newFolder(folder);
    const volume = unevenVolume([6, 7, 8], placed(oddPlacement), 3);
    await writeVolume(path, volume);
    await succeed(['reconstruct', path, '-r', 'mean', ...small, '-o', out]);
    const map = await readVolumeFile(heatmapOf(out));
    const alone = await reconstruct(
      { ...volume, channels: 1, data: volume.data.subarray(0, 6 * 7 * 8) },
      mean,
      fibonacciDirections(6, { slices: 8, seed: 0 }),
      parseFilter('second-difference'),
    );
    expect([map.channels, map.shape]).toEqual([3, [6, 7, 8]]);
    expect(map.data.subarray(0, 6 * 7 * 8)).toEqual(alone.data);
    expect(map.data[6 * 7 * 8 + 5]).toBeCloseTo(2 * map.data[5], 4);
  });
});

test('input scaling on the command line wins over what the encoder says, and is recorded', async () => {
  const out = newFolder(folder);
  const scaling = ['--normalise', 'range', '--input-scale', '2', '--input-mean=-0.5', '--input-std', '4'];
  const encoder = ['-e', MATCHED_FILTER, '--outside', '0', '--class', 'bright blob', '--batch', 3];
  await succeed(['reconstruct', scan, ...encoder, ...small, ...scaling, '-o', out]);
  expect(sidecarOf(out).preprocessing).toEqual({
    normalise: 'range',
    scale: [2],
    mean: [-0.5],
    std: [4],
    outside: 0,
  });
});

test('auto says which device it took', async () => {
  const out = newFolder(folder);
  const { stderr, code } = await tonno([
    ...['reconstruct', scan, '-e', MATCHED_FILTER, '-d', 'auto', ...small, '-o', out],
  ]);
  expect(code).toBe(0);
  const device = sidecarOf(out).device;
  expect(['cpu', 'webgpu', 'cuda', 'coreml', 'dml']).toContain(device);
  expect(stderr).toContain(`matched-filter.onnx: 1 channel, class 0 (bright blob), on ${device}`);
});
