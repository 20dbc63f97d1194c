import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceError, EncoderError, UsageError } from '../../src/errors.ts';
import { openSession } from '../../src/runtime/node.ts';
import type { Session, Tensor } from '../../src/runtime/session.ts';
import { integers, node, onnx, value } from '../onnx/fixture.ts';
import {
  arithmetic,
  convolution,
  errorOf,
  image,
  matchedFilter,
  reference,
  sentence,
  unknownOperator,
} from './support.ts';

const row = (...values: number[]): Tensor => ({ data: Float32Array.from(values), dims: [1, 4] });

describe('many runs at once', () => {
  it.each([1, 2, 3])('each of fifty gets its own answer with %i threads', async (threads) => {
    const feeds = Array.from({ length: 50 }, (_, i) => ({ slices: image(i, 1 + (i % 3), 1, 24, 20 + i) }));
    const expected = await reference(matchedFilter, feeds);
    const session = await openSession(matchedFilter, { threads });
    try {
      expect(session).toMatchObject({ device: 'cpu', lanes: threads, partlyOnCpu: false });
      // The same bytes whatever the number of threads: the engine computes each run in one.
      expect(await Promise.all(feeds.map((feed) => session.run(feed)))).toEqual(expected);
    } finally {
      await session.close();
    }
  });

  it.each([
    [8, 8],
    [9, 8],
    [17, 8],
  ])('%i threads are %i lanes', async (threads, lanes) => {
    const session = await openSession(convolution, { threads });
    expect(session.lanes).toBe(lanes);
    await session.close();
  });

  it('two threads share the work', async () => {
    const session = await openSession(matchedFilter, { threads: 2 });
    const loads = () => (session as unknown as { workers: { load: number }[] }).workers.map((w) => w.load);
    const runs = Array.from({ length: 10 }, () => session.run({ slices: image(0, 1, 1, 32, 32) }));
    expect(loads()).toEqual([5, 5]);
    await Promise.all(runs);
    expect(loads()).toEqual([0, 0]);
    await session.close();
  });

  it.each([0, -1, 1.5, Number.NaN])('%d threads are refused', async (threads) => {
    const error = await errorOf(openSession(convolution, { threads }));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(sentence);
  });
});

describe('what goes in and out', () => {
  let session: Session;
  beforeAll(async () => {
    session = await openSession(arithmetic, { threads: 1, name: 'arithmetic.onnx' });
  });
  afterAll(() => session.close());
  const ab = () => ({ a: row(1, 2, 3, 4), b: row(4, 3, 2, 1) });

  it('all outputs, or those asked for', async () => {
    expect(await session.run(ab())).toEqual({
      sum: row(5, 5, 5, 5),
      product: row(4, 6, 6, 4),
      larger: row(4, 3, 3, 4),
    });
    expect(await session.run(ab(), ['larger'])).toEqual({ larger: row(4, 3, 3, 4) });
    expect(Object.keys(await session.run(ab(), ['product', 'sum'])).sort()).toEqual(['product', 'sum']);
  });

  it.each([
    ['float32', 1, Float32Array.of(1.5, -2)],
    ['uint8', 2, Uint8Array.of(0, 255)],
    ['int32', 6, Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
    ['int64', 7, BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
    ['float64', 11, Float64Array.of(1e-300, 0.1)],
  ] as const)('%s', async (_, element, data) => {
    const expected = data.slice();
    const model = onnx({
      inputs: [value('x', ['n'], element)],
      outputs: [value('y', ['n'], element)],
      nodes: [node('Identity', 'x', 'y')],
    });
    const typed = await openSession(model, { threads: 1 });
    const { y } = await typed.run({ x: { data, dims: [2] } });
    expect(y).toEqual({ data: expected, dims: [2] });
    await typed.close();
  });

  it('truth values come as uint8', async () => {
    const model = onnx({
      inputs: [value('x', ['n'])],
      outputs: [value('y', ['n'], 9)],
      nodes: [node('Greater', 'x,zero', 'y')],
      initialisers: [{ name: 'zero', dataType: 1, dims: [], floatData: [0] }],
    });
    const typed = await openSession(model, { threads: 1 });
    const { y } = await typed.run({ x: { data: Float32Array.of(-1, 1), dims: [2] } });
    expect(y.data).toEqual(Uint8Array.of(0, 1));
    await typed.close();
  });

  it('a float16 output is refused, not passed off as whole numbers', async () => {
    const model = onnx({
      inputs: [value('x', ['n'])],
      outputs: [value('half', ['n'], 10), value('whole', ['n'])],
      nodes: [node('Cast', 'x', 'half', { to: 10 }), node('Relu', 'x', 'whole')],
    });
    const typed = await openSession(model, { threads: 1 });
    const x = () => ({ data: Float32Array.of(-1, 1), dims: [2] });
    const error = await errorOf(typed.run({ x: x() }));
    expect(error).toBeInstanceOf(EncoderError);
    expect(error.message).toContain('Its output half is float16');
    expect((await typed.run({ x: x() }, ['whole'])).whole.data).toEqual(Float32Array.of(0, 1));
    await typed.close();
  });

  it('an array that is all of its buffer is handed over and gone', async () => {
    const feeds = ab();
    const running = session.run(feeds);
    expect(feeds.a.data.buffer.byteLength).toBe(0);
    await running;
    const error = await errorOf(session.run(feeds));
    expect(error).toBeInstanceOf(EncoderError);
    expect(error.message).toBe(
      'arithmetic.onnx: ONNX Runtime cannot run it: The array of input a is empty, as it is after a run that it was handed to.',
    );
    expect(await session.run(ab(), ['sum'])).toEqual({ sum: row(5, 5, 5, 5) });
  });

  it('a view into a larger buffer is copied, and the buffer stays as it is', async () => {
    const large = Float32Array.from({ length: 1000 }, (_, i) => i);
    const a: Tensor = { data: large.subarray(100, 104), dims: [1, 4] };
    const b: Tensor = { data: large.subarray(102, 106), dims: [1, 4] };
    const { sum } = await session.run({ a, b }, ['sum']);
    expect(sum).toEqual(row(202, 204, 206, 208));
    expect(large).toEqual(Float32Array.from({ length: 1000 }, (_, i) => i));
  });

  it('one array may feed two inputs, and a view the buffer that goes along', async () => {
    const both = row(1, 2, 3, 4);
    expect(await session.run({ a: both, b: both }, ['product'])).toEqual({ product: row(1, 4, 9, 16) });
    const two: Tensor = { data: Float32Array.from({ length: 8 }, (_, i) => i), dims: [2, 4] };
    const tail: Tensor = { data: (two.data as Float32Array).subarray(4), dims: [1, 4] };
    const { sum } = await session.run({ a: two, b: { data: two.data.slice(), dims: [2, 4] } }, ['sum']);
    expect(sum.data).toEqual(Float32Array.from({ length: 8 }, (_, i) => 2 * i));
    expect(tail.data.length).toBe(0);
  });

  it('an empty batch is an empty answer', async () => {
    const empty = (): Tensor => ({ data: new Float32Array(0), dims: [0, 4] });
    expect(await session.run({ a: empty(), b: empty() }, ['sum'])).toEqual({ sum: empty() });
    const gone = empty();
    structuredClone(gone.data, { transfer: [gone.data.buffer as ArrayBuffer] });
    expect((await errorOf(session.run({ a: gone, b: empty() }))).message).toMatch(sentence);
  });

  it('shared memory is copied', async () => {
    const shared = new Float32Array(new SharedArrayBuffer(16));
    shared.set([1, 2, 3, 4]);
    const { sum } = await session.run({ a: { data: shared, dims: [1, 4] }, b: row(1, 1, 1, 1) }, ['sum']);
    expect(sum).toEqual(row(2, 3, 4, 5));
    expect([...shared]).toEqual([1, 2, 3, 4]);
  });

  it('a Buffer from Node’s pool is copied', async () => {
    const model = onnx({
      inputs: [value('x', ['n'], 2)],
      outputs: [value('y', ['n'], 2)],
      nodes: [node('Identity', 'x', 'y')],
    });
    const bytes = Buffer.from([1, 2, 3]);
    const typed = await openSession(model, { threads: 1 });
    const { y } = await typed.run({ x: { data: bytes, dims: [3] } });
    expect(y.data).toEqual(Uint8Array.of(1, 2, 3));
    expect(bytes).toEqual(Buffer.from([1, 2, 3]));
    await typed.close();
  });

  it('the model’s bytes stay the caller’s, also as a view', async () => {
    const around = new Uint8Array(convolution.length + 20).fill(7);
    around.set(convolution, 10);
    const conv = await openSession(around.subarray(10, 10 + convolution.length), { threads: 2 });
    const x = image(1, 2, 1, 16, 16);
    const [expected] = await reference(convolution, [{ x }]);
    expect(await conv.run({ x })).toEqual(expected);
    expect(around.subarray(10, 10 + convolution.length)).toEqual(convolution);
    await conv.close();
  });
});

describe('what is wrong is said in a sentence', () => {
  let session: Session;
  beforeAll(async () => {
    session = await openSession(arithmetic, { threads: 1, name: 'arithmetic.onnx' });
  });
  afterAll(() => session.close());
  const good = row(1, 2, 3, 4);
  const fresh = ({ data, dims }: Tensor): Tensor => ({ data: data.slice(), dims });

  it.each<[string, Record<string, Tensor>, string[] | undefined, string]>([
    ['a missing input', { a: good }, undefined, "input 'b' is missing"],
    ['an unknown input', { a: good, b: good, c: good }, undefined, 'no input named c; its inputs are a, b'],
    ['an unknown output', { a: good, b: good }, ['d'], 'invalid output name: d'],
    ['a wrong length', { a: { ...good, dims: [4, 1] }, b: good }, undefined, 'Got: 1 Expected: 4'],
    ['a wrong rank', { a: { ...good, dims: [4] }, b: good }, undefined, 'Got: 1 Expected: 2'],
    ['too few values', { a: { ...good, dims: [2, 4] }, b: good }, undefined, 'does not match data length'],
    ['a wrong type', { a: { data: new Int32Array(4), dims: [1, 4] }, b: good }, undefined, 'tensor(int32)'],
    [
      'lengths that do not fit together',
      { a: { data: new Float32Array(8), dims: [2, 4] }, b: { data: new Float32Array(12), dims: [3, 4] } },
      undefined,
      ': Attempting to broadcast an axis by a dimension other than 1. 2 by 3.',
    ],
  ])('%s; the session goes on', async (_, feeds, fetches, text) => {
    const own = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, fresh(tensor)]));
    const error = await errorOf(session.run(own, fetches));
    expect(error).toBeInstanceOf(EncoderError);
    expect(error.message).toMatch(/^arithmetic\.onnx: ONNX Runtime cannot run it: /);
    expect(error.message).toMatch(sentence);
    expect(error.message).toContain(text);
    expect(await session.run({ a: fresh(good), b: fresh(good) }, ['sum'])).toEqual({
      sum: row(2, 4, 6, 8),
    });
  });

  it.each<[string, Uint8Array, string]>([
    ['an unknown operator', unknownOperator, 'Wonder'],
    [
      'types that do not fit',
      onnx({ nodes: [node('Add', 'x,k', 'y')], initialisers: [integers('k', [1])] }),
      'different types',
    ],
    ['a loose end', onnx({ nodes: [node('Add', 'x,nothing', 'y')] }), 'nothing'],
    ['an opset of the future', onnx({ nodes: [node('Relu', 'x', 'y')], opset: 99 }), 'Opset 99'],
    ['half a file', matchedFilter.subarray(0, matchedFilter.length >> 1), 'protobuf'],
    ['no file', new Uint8Array(0), 'null'],
  ])('a model with %s', async (_, model, text) => {
    const error = await errorOf(openSession(model, { threads: 2, name: 'bad.onnx' }));
    expect(error).toBeInstanceOf(EncoderError);
    expect(error.message).toMatch(/^bad\.onnx: ONNX Runtime cannot load the model: /);
    expect(error.message).toMatch(sentence);
    expect(error.message).toContain(text);
  });
});

describe('closing', () => {
  it('waits for the runs under way, and refuses those after it', async () => {
    const feeds = Array.from({ length: 20 }, (_, i) => ({ slices: image(i, 2, 1, 40, 40) }));
    const expected = await reference(matchedFilter, feeds);
    const session = await openSession(matchedFilter, { threads: 2, name: 'mf.onnx' });
    let answered = 0;
    const runs = feeds.map((feed) =>
      session.run(feed).finally(() => {
        answered++;
      }),
    );
    const closing = session.close();
    const late = await errorOf(session.run({ slices: image(0, 1, 1, 40, 40) }));
    await closing;
    expect(answered).toBe(20);
    expect(await Promise.all(runs)).toEqual(expected);
    expect(late).toBeInstanceOf(EncoderError);
    expect(late.message).toBe('mf.onnx: Its session is closed. Open another one.');
    expect((await errorOf(session.run({}))).message).toMatch(sentence);
  });

  it('twice is as good as once', async () => {
    const session = await openSession(convolution, { threads: 1 });
    await Promise.all([session.close(), session.close()]);
    await session.close();
  });

  it('works when the thread is already gone, and its runs are refused with the reason', async () => {
    const session = await openSession(convolution, { threads: 1, name: 'conv.onnx' });
    const [{ thread }] = (session as unknown as { workers: { thread: Worker }[] }).workers;
    await thread.terminate();
    const error = await errorOf(session.run({ x: image(0, 1, 1, 16, 16) }));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toBe('device cpu: The thread of conv.onnx ended by itself.');
    await session.close();
  });
});
