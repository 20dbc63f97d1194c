/**
 * The browser's sessions, in Node: onnxruntime-web finds its files in node_modules there, and needs only be told the
 * number of threads. What needs a browser (WebGPU, threads of WebAssembly) is not tested here.
 */
import { setFlagsFromString } from 'node:v8';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { lesionPhantom } from '../../src/datasets/phantom.ts';
import { readEncoder } from '../../src/encoders/external.ts';
import { prepareVolume } from '../../src/encoders/preprocessing.ts';
import { DeviceError, EncoderError, UsageError } from '../../src/errors.ts';
import { fibonacciDirections } from '../../src/geometry/directions.ts';
import { parseFilter } from '../../src/reconstruction/filter.ts';
import { reconstruct } from '../../src/reconstruction/reconstruct.ts';
import { logitResponse } from '../../src/responses/logit.ts';
import * as onNode from '../../src/runtime/node.ts';
import type { Session, Tensor } from '../../src/runtime/session.ts';
import {
  availableDevices,
  findDevice,
  openSession,
  type WebSessionOptions,
  wasmThreads,
} from '../../src/runtime/web.ts';
import { node, onnx, value } from '../onnx/fixture.ts';
import { relativeError } from '../support/compare.ts';
import {
  arithmetic,
  convolution,
  errorOf,
  image,
  inProcess,
  largestDifference,
  matchedFilter,
  reference,
  sentence,
  unknownOperator,
} from './support.ts';

// Optimising 27 MB of WebAssembly in the background takes both cores for half a minute, and the process waits for it.
setFlagsFromString('--liftoff-only');

const open = (model: Uint8Array, options: WebSessionOptions = {}) =>
  openSession(model, { threads: 1, ...options });

describe('a session on WebAssembly', () => {
  let session: Session;
  beforeAll(async () => {
    session = await open(matchedFilter, { name: 'mf.onnx' });
  });
  afterAll(() => session.close());

  it('is on the CPU and has one lane', () => {
    expect(session).toMatchObject({ device: 'cpu', lanes: 1, partlyOnCpu: false });
    expect(availableDevices()).toEqual(['cpu', 'webgpu']);
  });

  it('answers many runs at once, each with its own, as the one in Node does to 1e-5', async () => {
    const feeds = Array.from({ length: 12 }, (_, i) => ({ slices: image(i, 1 + (i % 3), 1, 24, 20 + i) }));
    const expected = await reference(matchedFilter, feeds);
    const answers = await Promise.all(feeds.map((feed) => session.run(feed)));
    for (const [i, { logit }] of answers.entries()) {
      expect(logit.dims).toEqual(expected[i].logit.dims);
      expect(largestDifference(logit.data, expected[i].logit.data)).toBeLessThan(1e-5);
    }
  });

  it('makes the heatmap that the one in Node makes, to 1e-4 of its range', async () => {
    const { image: phantom } = lesionPhantom({ shape: [32, 32, 32], lesionRadius: [2, 3], lesions: 2 });
    const encoder = await readEncoder(matchedFilter, 'matched-filter.onnx');
    const prepared = prepareVolume(phantom, encoder.preprocessing, encoder);
    const directions = fibonacciDirections(12, { slices: 16 });
    const heatmap = async (engine: Session) => {
      const response = logitResponse(encoder, engine, prepared, { size: 32 });
      return (await reconstruct(prepared.volume, response, directions, parseFilter('gaussian:0.06'))).data;
    };
    const other = await onNode.openSession(encoder.model, { threads: 2 });
    const [actual, expected] = [await heatmap(session), await heatmap(other)];
    await other.close();
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0);
    expect(relativeError(actual, expected)).toBeLessThan(1e-4);
  });
});

describe('what goes in and out', () => {
  it('several outputs, or those asked for; the feeds stay', async () => {
    const session = await open(arithmetic);
    const feeds = { a: image(0, 1, 4), b: image(1, 1, 4) };
    const [expected] = await reference(arithmetic, [feeds]);
    expect(await session.run(feeds)).toEqual(expected);
    expect(await session.run(feeds, ['larger'])).toEqual({ larger: expected.larger });
    await session.close();
  });

  it.each([
    ['uint8', 2, Uint8Array.of(0, 255)],
    ['int32', 6, Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
    ['int64', 7, BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
    ['float64', 11, Float64Array.of(1e-300, 0.1)],
  ] as const)('%s', async (_, element, data) => {
    const model = onnx({
      inputs: [value('x', ['n'], element)],
      outputs: [value('y', ['n'], element)],
      nodes: [node('Identity', 'x', 'y')],
    });
    const session = await open(model);
    expect(await session.run({ x: { data, dims: [2] } })).toEqual({ y: { data, dims: [2] } });
    await session.close();
  });

  it('answers outlive the runs after them', async () => {
    const session = await open(convolution);
    const x = [image(0, 2, 1, 16, 16), image(1, 2, 1, 16, 16)];
    const first = (await session.run({ x: x[0] })).y;
    const kept = first.data.slice();
    await session.run({ x: x[1] });
    expect(first.data).toEqual(kept);
    await session.close();
  });
});

describe('what is wrong is said in a sentence', () => {
  it.each([
    ['an unknown operator', unknownOperator, 'Wonder'],
    ['half a file', matchedFilter.subarray(0, matchedFilter.length >> 1), 'protobuf'],
    ['no file', new Uint8Array(0), 'No graph'],
  ])('a model with %s', async (_, model, text) => {
    const error = await errorOf(open(model, { name: 'bad.onnx' }));
    expect(error).toBeInstanceOf(EncoderError);
    expect(error.message).toMatch(/^bad\.onnx: ONNX Runtime cannot load the model: /);
    expect(error.message).toMatch(sentence);
    expect(error.message).toContain(text);
  });

  it('a run; the session goes on', async () => {
    const session = await open(arithmetic, { name: 'arithmetic.onnx' });
    const [a, b] = [image(0, 1, 4), image(1, 1, 4)];
    const wrong: Record<string, Tensor>[] = [
      { a },
      { a, b, c: a },
      { a: { ...a, dims: [4, 1] }, b },
      { a: { ...a, dims: [2, 4] }, b },
      { a: image(0, 2, 4), b: image(0, 3, 4) },
    ];
    for (const feeds of wrong) {
      const error = await errorOf(session.run(feeds));
      expect(error).toBeInstanceOf(EncoderError);
      expect(error.message).toMatch(/^arithmetic\.onnx: ONNX Runtime cannot run it: /);
      expect(error.message).toMatch(sentence);
    }
    expect((await session.run({ a, b }, ['sum'])).sum.dims).toEqual([1, 4]);
    await session.close();
  });

  it('webgpu where there is none, and auto takes the CPU then', async () => {
    const error = await errorOf(open(convolution, { device: 'webgpu' }));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toBe(
      'device webgpu: It is not there or does not work: WebGPU is not supported in current environment. Choose the device cpu.',
    );
    const session = await open(convolution, { device: 'auto' });
    expect(session.device).toBe('cpu');
    await session.close();
  });

  it('a device that no browser has', async () => {
    const error = await errorOf(open(convolution, { device: 'cuda' }));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toContain('Devices it has: cpu, webgpu.');
  });

  it('no threads', async () => {
    expect(await errorOf(open(convolution, { threads: 0 }))).toBeInstanceOf(UsageError);
  });

  it('an engine whose files are not where they should be', async () => {
    const script = `
      const { openSession: open } = await import('./dist/runtime/web.js');
      const options = { threads: 1, wasmFolder: new URL('nowhere/', import.meta.url).href };
      for (const device of ['cpu', 'auto']) {
        const error = await open(models.convolution, { ...options, device }).catch((error) => error);
        console.log(error.name + '|' + error.message);
      }`;
    const { code, stdout } = await inProcess(script);
    expect(code).toBe(0);
    for (const line of stdout.trim().split('\n')) {
      const [name, message] = line.split('|');
      expect(name).toBe('DeviceError');
      expect(message).toMatch(sentence);
      expect(message).toContain('Check that the .wasm and .mjs files of ONNX Runtime are served');
    }
  });
});

describe('what there is to compute with', () => {
  it('is WebAssembly where there is no WebGPU, with the threads that the first session began with', async () => {
    const wasm = { device: 'cpu', threads: 1, imitated: false, engine: 'onnxruntime-web 1.30.0' };
    expect(await findDevice('auto', { threads: 1 })).toEqual(wasm);
    expect(await findDevice('cpu', { threads: 7 })).toEqual(wasm);
    expect(await errorOf(findDevice('webgpu'))).toBeInstanceOf(DeviceError);
    expect(await errorOf(findDevice('cpu', { threads: 0.5 }))).toBeInstanceOf(UsageError);
  });

  it.each([
    [1, true, 1],
    [2, true, 2],
    [4, true, 4],
    [6, true, 4],
    [12, true, 6],
    [64, true, 8],
    [64, false, 1],
  ])('of %i cores, memory shared: %s, %i threads', (cores, isolated, threads) => {
    expect(wasmThreads(cores, isolated)).toBe(threads);
  });
});

describe('one thing at a time', () => {
  it('also among several sessions: runs are done alone, in the order they came', async () => {
    const ort = await import('onnxruntime-web/webgpu');
    let inside = 0;
    let most = 0;
    // Around the engine's own methods: whatever calls them is counted.
    const { prototype: engine } = ort.InferenceSession as unknown as {
      prototype: Record<'run' | 'release', (...args: unknown[]) => Promise<unknown>>;
    };
    const spies = (['run', 'release'] as const).map((method) => {
      const original = engine[method];
      return vi.spyOn(engine, method).mockImplementation(async function (this: unknown, ...args) {
        most = Math.max(most, ++inside);
        try {
          return await original.apply(this, args);
        } finally {
          inside--;
        }
      });
    });
    try {
      const sessions = await Promise.all([open(convolution), open(arithmetic), open(convolution)]);
      const done: number[] = [];
      const x = image(0, 1, 1, 16, 16);
      const feeds: Record<string, Tensor>[] = [{ x }, { a: image(0, 1, 4), b: image(1, 1, 4) }, { x }];
      const runs = Array.from({ length: 12 }, (_, i) =>
        sessions[i % 3].run(feeds[i % 3]).then(() => done.push(i)),
      );
      await Promise.all([...runs, ...sessions.map((session) => session.close())]);
      expect(done).toEqual(Array.from({ length: 12 }, (_, i) => i));
      // Three probes were released besides the sessions.
      expect(spies.map((spy) => spy.mock.calls.length)).toEqual([12, 6]);
      expect(most).toBe(1);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });

  it('close waits for the runs under way and refuses those after it; twice is as good as once', async () => {
    const session = await open(convolution, { name: 'conv.onnx' });
    const x = image(0, 1, 1, 16, 16);
    const [expected] = await reference(convolution, [{ x }]);
    const runs = [session.run({ x }), session.run({ x })];
    const closing = session.close();
    const late = await errorOf(session.run({ x }));
    expect(late).toBeInstanceOf(EncoderError);
    expect(late.message).toBe('conv.onnx: Its session is closed. Open another one.');
    await closing;
    await session.close();
    for (const { y } of await Promise.all(runs)) {
      expect(largestDifference(y.data, expected.y.data)).toBeLessThan(1e-5);
    }
  });
});
