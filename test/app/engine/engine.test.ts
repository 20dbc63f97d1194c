/**
 * The page's engine against the command line's own heatmaps, records and slices; and what it does when a person, or a
 * device, does not let it end.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine, type EnginePlatform } from '../../../src/app/engine/engine.ts';
import type { EngineProgress, ReconstructionSettings } from '../../../src/app/protocol.ts';
import { reconstructCases } from '../../../src/cli/reconstruction.ts';
import type { Run } from '../../../src/cli/run.ts';
import { readEncoder } from '../../../src/encoders/external.ts';
import { prepareVolume } from '../../../src/encoders/preprocessing.ts';
import { DeviceError, EncoderError, UsageError, VolumeError } from '../../../src/errors.ts';
import { decodeVolume } from '../../../src/formats/volume-file.ts';
import { type Direction, fibonacciDirections, moreDirections } from '../../../src/geometry/directions.ts';
import { parseFilter } from '../../../src/reconstruction/filter.ts';
import { planMethods } from '../../../src/reconstruction/methods.ts';
import { reconstruct } from '../../../src/reconstruction/reconstruct.ts';
import { logitResponse } from '../../../src/responses/logit.ts';
import type { Session } from '../../../src/runtime/session.ts';
import * as web from '../../../src/runtime/web.ts';
import { createVolume, type Volume } from '../../../src/volume/volume.ts';
import { node, onnx, run, value, weights } from '../../onnx/fixture.ts';
import { relativeError } from '../../support/compare.ts';
import { listener, onNode, opened, phantom, phantomEncoder, settings, source } from './support.ts';

// Optimising 27 MB of WebAssembly in the background takes both cores for half a minute, and the process waits for it.
setFlagsFromString('--liftoff-only');

const folder = mkdtempSync(join(tmpdir(), 'tonno-engine-'));
afterAll(() => rmSync(folder, { recursive: true }));

const maps: ReconstructionSettings = {
  ...settings,
  method: 'tomographic-cam',
  cam: 'layercam',
  layer: '2',
};

/** What the command line makes of the same settings. */
async function byCommandLine(volume: Volume, of: ReconstructionSettings, encoder = phantomEncoder) {
  const { method, preset, directions, slices, axis, seed, cam, layer } = of;
  const quiet = { log() {}, warn() {}, update() {}, end() {} };
  const terminal = { ...quiet, progress: () => quiet };
  const path = join(folder, 'phantom-encoder.onnx');
  writeFileSync(path, encoder);
  const { heatmaps, failed } = await reconstructCases({
    cases: [
      {
        name: 'scan',
        volume: 'scan.nii.gz',
        read: async () => ({ volume, notFinite: 0, notes: [] }),
      },
    ],
    engineOptions: {
      encoder: path,
      device: 'cpu',
      threads: 1,
      ...(layer && { cam: [cam!], layer: [layer] }),
    },
    plans: planMethods([method], { preset, directions, slices, axis, seed }),
    folder,
    run: { terminal, signal: new AbortController().signal } as unknown as Run,
  });
  expect(failed).toEqual([]);
  const [{ heatmap, sidecar }] = heatmaps;
  const { data } = (await decodeVolume(new Uint8Array(readFileSync(heatmap)), heatmap)).volume;
  return { data, record: JSON.parse(readFileSync(sidecar, 'utf8')) };
}

/** What tells two runs apart. */
const ofRun = ['software', 'started', 'seconds', 'slicesPerSecond'];
const lasting = (record: object) =>
  Object.fromEntries(Object.entries(record).filter(([key]) => !ofRun.includes(key)));

describe('heatmap and record are those of the command line', () => {
  it.each([
    ['ToNNO', settings],
    ['Tomographic LayerCAM, layer 2', maps],
    ['LayerCAM, layer 2', { ...maps, method: 'cam', axis: 1, directions: undefined, slices: undefined }],
  ] as const)('%s', async (title, chosen) => {
    const volume = phantom([20, 24, 22]);
    const { data, record } = await byCommandLine(volume, chosen);
    const engine = await opened();
    const { heatmap, done, total, plan } = await engine.reconstruct(volume, chosen, () => {});
    expect(heatmap.title).toBe(title);
    expect(relativeError(heatmap.data, data)).toBeLessThan(1e-5);
    expect([done, total]).toEqual([plan.directions, plan.directions]);
    const { notFiniteSetToZero: _, ...settled } = lasting(record) as Record<string, unknown>;
    const { minimum, maximum } = record.heatmap;
    expect(lasting(heatmap.record)).toEqual({
      ...settled,
      heatmap: {
        file: record.heatmap.file,
        minimum: expect.closeTo(minimum, 4),
        maximum: expect.closeTo(maximum, 4),
      },
    });
    expect(heatmap.record.software).toMatchObject({ name: 'tonno', browser: 'none' });
    expect(heatmap.id).toBe(record.heatmap.file.replace(/^scan_|_heatmap.nii.gz$/g, ''));
  });

  it('also on the browser’s own engine, to 1e-4 of its range', async () => {
    const volume = phantom([20, 24, 22]);
    const small = { ...settings, directions: 6, slices: 10 };
    const { data } = await byCommandLine(volume, small);
    const platform: EnginePlatform = {
      openSession: web.openSession,
      findDevice: (device) => web.findDevice(device, { threads: 1 }),
      shares: false,
      software: { browser: 'none' },
    };
    const engine = await opened(platform);
    expect(await engine.warmUp()).toEqual({
      device: 'cpu',
      title:
        'WebAssembly with one thread (this browser offers no WebGPU here; this page may not share memory between threads: it is not cross-origin isolated)',
    });
    const { heatmap, info } = await engine.reconstruct(volume, small, () => {});
    expect(relativeError(heatmap.data, data)).toBeLessThan(1e-4);
    expect(heatmap.record).toMatchObject({ engine: 'onnxruntime-web 1.30.0', device: 'cpu' });
    expect(info.device).toBe('cpu');
    expect(heatmap.data.buffer).toBeInstanceOf(ArrayBuffer);
  });
});

/** The mean of a slice of 16 × 16 pixels. */
function meanOfSlice(metadata: Record<string, string> = {}): Uint8Array {
  return onnx({
    inputs: [value('x', ['n', 1, 16, 16])],
    outputs: [value('y', ['n', 1])],
    nodes: [node('Flatten', 'x', 'f'), node('MatMul', 'f,w', 'y')],
    initialisers: [weights('w', [256, 1], Array<number>(256).fill(1 / 256))],
    metadata,
  });
}

/** Asks to stop once `done` directions are measured. */
const stopAt = (engine: Engine, done: number) => (progress: EngineProgress) => {
  if (progress.done >= done) void engine.stop();
};

describe('a reconstruction that was stopped', () => {
  let volume: Volume;
  let whole: Float32Array;
  const many = { ...settings, directions: 24 };
  beforeAll(async () => {
    volume = phantom();
    whole = (await (await opened()).reconstruct(volume, many, () => {})).heatmap.data.slice();
  });

  it('gives what is there, and goes on to the bytes of one that was not', async () => {
    const engine = await opened();
    const first = await engine.reconstruct(volume, many, stopAt(engine, 1));
    expect(first.done).toBeGreaterThanOrEqual(1);
    expect(first.done).toBeLessThan(24);
    expect(first.total).toBe(24);
    expect(first.heatmap.record).toMatchObject({ directions: 24, directionsDone: first.done });
    const alone = await (await opened()).reconstruct(volume, { ...many }, () => {});
    expect(alone.heatmap.data).toEqual(whole);
    expect(first.heatmap.data).not.toEqual(whole);
    const second = await engine.more(0, stopAt(engine, first.done + 1));
    expect(second.done).toBeGreaterThan(first.done);
    const last = await engine.more(0, () => {});
    expect([last.done, last.total]).toEqual([24, 24]);
    expect(last.heatmap.data).toEqual(whole);
    expect(last.heatmap.record).not.toHaveProperty('rounds');
    expect(last.seconds).toBeGreaterThan(second.seconds);
  });

  it('before it began has one direction', async () => {
    const engine = await opened();
    const outcome = engine.reconstruct(volume, many, () => {});
    await engine.stop();
    expect((await outcome).done).toBe(1);
  });

  it('ends soon, in the middle of a direction', async () => {
    const slow = await slowEncoder();
    const engine = await opened(slow.platform);
    const outcome = engine.reconstruct(volume, many, stopAt(engine, 1));
    expect((await outcome).done).toBe(1);
    // Two stacks are under way, of which one was measured: nothing of the next was awaited but what ran already.
    expect(slow.runs()).toBeLessThanOrEqual(4);
  });

  it('when another begins', async () => {
    const engine = await opened();
    const first = engine.reconstruct(volume, many, () => {});
    const second = engine.reconstruct(volume, { ...many, directions: 3 }, () => {});
    expect((await first).done).toBeLessThan(24);
    expect((await second).done).toBe(3);
  });
});

/** Sessions of one slice a run whose runs are counted. */
async function slowEncoder() {
  let runs = 0;
  const platform: EnginePlatform = {
    ...onNode,
    async openSession(model, options) {
      const session = await onNode.openSession(model, options);
      return intercepted(session, async () => {
        runs++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      });
    },
  };
  return { platform, runs: () => runs };
}

/** A session with something done before each run. */
function intercepted(session: Session, before: () => unknown): Session {
  return {
    device: session.device,
    lanes: 1,
    partlyOnCpu: false,
    async run(feeds, fetches) {
      await before();
      return session.run(feeds, fetches);
    },
    hold: (tensors) => session.hold(tensors),
    close: () => session.close(),
  };
}

/** ToNNO of the phantom encoder over any directions, by the library alone. */
async function summed(volume: Volume, directions: readonly Direction[]): Promise<Float32Array> {
  const encoder = await readEncoder(phantomEncoder, 'phantom-encoder.onnx');
  const prepared = prepareVolume(volume, encoder.preprocessing, encoder);
  const session = await onNode.openSession(encoder.model, { device: 'cpu' });
  const response = logitResponse(encoder, session, prepared);
  const { data } = await reconstruct(prepared.volume, response, directions, parseFilter('gaussian:0.06'));
  await session.close();
  return data;
}

describe('further directions', () => {
  it('come after what was left, and the heatmap is the mean over all', async () => {
    const volume = phantom();
    const engine = await opened();
    const all = await engine.reconstruct(volume, settings, () => {});
    const before = all.heatmap.data.slice();
    const more = await engine.more(8, () => {});
    expect([more.done, more.total]).toEqual([20, 20]);
    expect(more.plan).toMatchObject({ directions: 20, slices: 16 });
    expect(more.heatmap.record).toMatchObject({
      directions: 20,
      directionsDone: 20,
      rounds: [12, 8],
    });
    expect(more.heatmap.data).not.toEqual(before);
    const third = await engine.more(2, () => {});
    expect(third.heatmap.record).toMatchObject({ rounds: [12, 8, 2], slicesMeasured: 22 * 18 });
    const sets = [
      fibonacciDirections(12, { slices: 16 }),
      moreDirections(8, { slices: 16, round: 1 }),
      moreDirections(2, { slices: 16, round: 2 }),
    ];
    const whole = await summed(volume, sets.flat());
    expect(relativeError(third.heatmap.data, whole)).toBeLessThan(1e-5);

    const stopped = await opened();
    await stopped.reconstruct(volume, settings, stopAt(stopped, 2));
    const once = await stopped.more(8, () => {});
    expect(once.done).toBe(20);
    await stopped.more(2, () => {});
    const rest = await stopped.more(0, () => {});
    expect(rest.heatmap.data).toEqual(third.heatmap.data);
  });

  it('are none for planes along the axes', async () => {
    const engine = await opened();
    const chosen = { ...maps, method: 'cam-3axes', directions: undefined, slices: undefined } as const;
    await engine.reconstruct(phantom([12, 12, 12]), chosen, () => {});
    await expect(engine.more(5, () => {})).rejects.toThrow('there are no more directions');
    expect((await engine.more(0, () => {})).done).toBe(3);
  });

  it.each([1, -2, 2.5, 1e9])('cannot be %d', async (count) => {
    await expect((await opened()).more(count, () => {})).rejects.toBeInstanceOf(UsageError);
  });
});

describe('progress', () => {
  it('comes in order, at most every 100 ms, with estimates on the case’s grid', async () => {
    const slow = await slowEncoder();
    const engine = await opened(slow.platform);
    const { heard, listen } = listener();
    const at: number[] = [];
    const volume = phantom([20, 24, 22]);
    const last = await engine.reconstruct(volume, settings, (progress) => {
      listen(progress);
      if (!progress.estimate) at.push(performance.now());
    });
    expect(heard.length).toBeGreaterThan(1);
    const done = heard.map((progress) => progress.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(at.every((time, i) => i === 0 || time - at[i - 1] >= 80)).toBe(true);
    const estimates = heard.flatMap(({ estimate }) => estimate ?? []);
    expect(estimates.length).toBeGreaterThanOrEqual(1);
    expect(estimates[0].record).toMatchObject({ directions: 12, directionsDone: 4 });
    // One buffer for all of them where memory is shared.
    for (const { data } of estimates) expect(data.buffer).toBe(last.heatmap.data.buffer);
    expect(last.heatmap.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    const [first] = heard;
    expect(first).toMatchObject({ done: 1, total: 12, slices: 18, info: { device: 'cpu' } });
    expect(first.slicesPerSecond).toBeGreaterThan(0);
    expect(first.left).toBeGreaterThan(0);
  });

  it('may be heard by nobody, or badly', async () => {
    const engine = await opened();
    const outcome = engine.reconstruct(phantom([12, 12, 12]), settings, () => {
      throw new Error('deaf');
    });
    expect((await outcome).done).toBe(12);
  });
});

describe('a failure in the middle', () => {
  const lost = () => new DeviceError('GPU', 'It was lost while it computed.');

  /** A GPU that is lost after some runs, and whatever is opened afterwards on it as well. */
  function losing(after: number): EnginePlatform & { opened: string[] } {
    let runs = 0;
    const devices: string[] = [];
    return {
      ...onNode,
      opened: devices,
      async findDevice(device) {
        if (device === 'webgpu' && runs > after) throw new DeviceError('device webgpu', 'It is gone.');
        return { ...(await onNode.findDevice('cpu')), device };
      },
      async openSession(model, { device, ...options }) {
        devices.push(String(device));
        const session = await onNode.openSession(model, { ...options, device: 'cpu' });
        if (device !== 'webgpu') return session;
        const failing = intercepted(session, () => {
          if (++runs > after) throw lost();
        });
        return { ...failing, device: 'webgpu' };
      },
    };
  }

  it('loses nothing that was measured, and it goes on with what there is then', async () => {
    const volume = phantom();
    const whole = await (await opened()).reconstruct(volume, settings, () => {});
    const platform = losing(5);
    const engine = await opened(platform);
    await expect(engine.reconstruct(volume, settings, () => {})).rejects.toBeInstanceOf(DeviceError);
    const rescued = await engine.rescue();
    expect(rescued?.done).toBeGreaterThan(0);
    expect(rescued?.done).toBeLessThan(12);
    expect(rescued?.info.title).toBe('WebGPU');
    expect(rescued?.heatmap.record).toMatchObject({ directionsDone: rescued?.done, device: 'webgpu' });
    const last = await engine.more(0, () => {});
    expect(last.done).toBe(12);
    // Of the same numbers here, since both devices are Node's.
    expect(last.heatmap.data).toEqual(whole.heatmap.data);
    expect(last.info.title).toBe('WebAssembly with one thread (WebGPU does not work here)');
    expect(last.heatmap.record).toMatchObject({ device: 'webgpu', continuedOn: ['cpu'] });
    expect(platform.opened).toEqual(['webgpu', 'cpu']);
    // And another one can be made.
    expect((await engine.reconstruct(volume, settings, () => {})).info.device).toBe('cpu');
  });

  it('before anything was measured leaves nothing', async () => {
    const engine = await opened(losing(0));
    await expect(engine.reconstruct(phantom(), settings, () => {})).rejects.toThrow('It was lost');
    expect(await engine.rescue()).toBeUndefined();
    expect((await engine.more(0, () => {})).done).toBe(12);
  });

  it('of an encoder is told as what it is', async () => {
    const wonder = onnx({
      nodes: [node('Wonder', 'x', 'z'), node('ReduceMean', 'z', 'y', { axes: [1, 2, 3], keepdims: 0 })],
      outputs: [value('y', ['n'])],
    });
    const engine = await opened(onNode, wonder);
    const failure = await engine.reconstruct(phantom(), settings, () => {}).catch((error) => error);
    expect(failure).toBeInstanceOf(EncoderError);
    expect(failure.remedy).toContain('in the place of Wonder');
  });

  it('for want of memory says how much it would take', async () => {
    // One that takes values as they are: nothing goes over the voxels that there are not.
    const engine = await opened(onNode, meanOfSlice());
    const huge = { ...phantom([8, 8, 8]), shape: [2 ** 14, 2 ** 14, 2 ** 14] as const };
    const failure = await engine.reconstruct(huge, settings, () => {}).catch((error) => error);
    expect(failure).toBeInstanceOf(VolumeError);
    expect(failure.message).toMatch(
      /^scan.nii.gz: A reconstruction of 16384 × 16384 × 16384 voxels takes 49152.0 GiB besides the volume, more than this browser gives\./,
    );
  });
});

describe('an encoder that crops', () => {
  const cropping = meanOfSlice({ 'tonno.preprocessing': '{"crop": {"channel": 0, "above": 0.5}}' });

  function boxed(): Volume {
    const data = new Float32Array(20 * 18 * 22);
    for (let d = 4; d < 14; d++)
      for (let h = 3; h < 15; h++)
        for (let w = 5; w < 19; w++) data[(d * 18 + h) * 22 + w] = 1 + ((d + 2 * h + w) % 5) / 4;
    return { ...createVolume(data, [20, 18, 22]), name: 'scan.nii.gz' };
  }

  it('has a heatmap on the whole grid, zero where it did not look', async () => {
    const volume = boxed();
    const { data, record } = await byCommandLine(volume, settings, Buffer.from(cropping));
    const engine = await opened(onNode, cropping);
    const { heard, listen } = listener();
    const { heatmap } = await engine.reconstruct(volume, settings, listen);
    expect(relativeError(heatmap.data, data)).toBeLessThan(1e-5);
    expect(heatmap.data.length).toBe(20 * 18 * 22);
    expect(heatmap.record.croppedTo).toEqual(record.croppedTo);
    expect([heatmap.data[0], heatmap.data.at(-1)]).toEqual([0, 0]);
    for (const { estimate } of heard) if (estimate) expect(estimate.data.length).toBe(20 * 18 * 22);
  });

  it('has no profile there', async () => {
    const engine = await opened(onNode, cropping);
    const [first] = await engine.profiles(boxed(), settings);
    expect(first.values.length).toBe(20);
    expect([...first.values].map(Number.isNaN)).toEqual(
      Array.from({ length: 20 }, (_, d) => d < 4 || d >= 14),
    );
  });
});

describe('logit profiles', () => {
  it('are the logits of the planes of voxels', async () => {
    // Slices of as many pixels as voxels are the planes themselves; no scaling, so that they are what the encoder sees.
    const net = onnx({
      inputs: [value('x', ['n', 1, 16, 16])],
      outputs: [value('y', ['n', 2])],
      nodes: [node('Flatten', 'x', 'f'), node('MatMul', 'f,w', 'y')],
      initialisers: [weights('w', [256, 2])],
    });
    const volume = phantom([16, 16, 16]);
    const engine = await opened(onNode, net);
    const profiles = await engine.profiles(volume, { ...maps, classIndex: 1 });
    expect(profiles.map(({ axis }) => axis)).toEqual([0, 1, 2]);
    for (const { axis, values } of profiles) {
      const planes = new Float32Array(16 ** 3);
      for (let m = 0; m < 16; m++) {
        for (let r = 0; r < 16; r++) {
          for (let c = 0; c < 16; c++) {
            const [d, h, w] = axis === 0 ? [m, r, c] : axis === 1 ? [r, m, c] : [r, c, m];
            planes[(m * 16 + r) * 16 + c] = volume.data[(d * 16 + h) * 16 + w];
          }
        }
      }
      const { y } = await run(net, { x: { data: planes, dims: [16, 1, 16, 16] } });
      const expected = y.data.filter((_, i) => i % 2 === 1);
      expect(relativeError(values, Float32Array.from(expected))).toBeLessThan(1e-5);
    }
  });
});

describe('what is missing is said', () => {
  it('without an encoder, a layer or a reconstruction', async () => {
    const engine = new Engine(onNode);
    await expect(engine.reconstruct(phantom(), settings, () => {})).rejects.toThrow(
      'encoder: There is none yet. Choose an .onnx file.',
    );
    await expect(engine.more(2, () => {})).rejects.toThrow('There is none to go on with. Press Reconstruct.');
    expect(await engine.rescue()).toBeUndefined();
    await engine.openEncoder(source('phantom-encoder.onnx', phantomEncoder));
    await expect(engine.reconstruct(phantom(), { ...maps, layer: undefined }, () => {})).rejects.toThrow(
      'needs a layer of the encoder. Choose one, or the method ToNNO.',
    );
    await expect(
      engine.reconstruct(phantom(), { ...settings, device: 'webgpu' }, () => {}),
    ).rejects.toBeInstanceOf(DeviceError);
    await expect(engine.reconstruct(phantom(), { ...settings, directions: 1 }, () => {})).rejects.toThrow(
      'Directions: 1 is not a whole number from 2 to 20000.',
    );
    expect((await engine.reconstruct(phantom([9, 9, 9]), settings, () => {})).done).toBe(12);
  });
});
