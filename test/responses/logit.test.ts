/** The logit response against a session that answers by arithmetic, so that every number can be foretold. */
import { describe, expect, it } from 'vitest';
import type { Encoder } from '../../src/encoders/external.ts';
import { defaultPreprocessing, type Preprocessing, prepareVolume } from '../../src/encoders/preprocessing.ts';
import { fibonacciDirections } from '../../src/geometry/directions.ts';
import { Stack } from '../../src/geometry/stack.ts';
import { parseFilter } from '../../src/reconstruction/filter.ts';
import { reconstruct } from '../../src/reconstruction/reconstruct.ts';
import { logitResponse } from '../../src/responses/logit.ts';
import { meanResponse } from '../../src/responses/pooled.ts';
import type { Session, Tensor } from '../../src/runtime/session.ts';
import { createVolume, type Shape } from '../../src/volume/volume.ts';

const shape: Shape = [8, 9, 10];
const volume = createVolume(
  Float32Array.from({ length: 720 }, (_, i) => 2 + Math.sin(i / 7)),
  shape,
);
const size = { rows: 12, columns: 12 };
const [direction, second] = fibonacciDirections(9, { slices: 30 });
const stack = (of = volume) => new Stack(of, direction, size, 1);

function encoderLike(changes: Partial<Encoder> = {}): Encoder {
  return {
    name: 'toy.onnx',
    sha256: '',
    model: new Uint8Array(),
    input: 'x',
    output: 'y',
    layout: 'nchw',
    channels: 1,
    batch: undefined,
    size: undefined,
    outputs: 1,
    classes: [],
    preprocessing: defaultPreprocessing,
    activation: 'none',
    metadata: {},
    ...changes,
  };
}

/** Answers with K numbers a slice: k + the mean of the slice's channel k mod channels. Records the runs. */
function meanSession(
  kinds: number,
  { nhwc = false, dims }: { nhwc?: boolean; dims?: (n: number) => number[] } = {},
) {
  const runs: Tensor[] = [];
  const session: Session = {
    device: 'cpu',
    lanes: 2,
    partlyOnCpu: false,
    async run({ x }) {
      runs.push(x);
      const [n, ...rest] = x.dims;
      const channels = nhwc ? rest[2] : rest[0];
      const pixels = nhwc ? rest[0] * rest[1] : rest[1] * rest[2];
      const y = new Float32Array(n * kinds);
      for (let m = 0; m < n; m++) {
        for (let k = 0; k < kinds; k++) {
          const c = k % channels;
          let sum = 0;
          for (let p = 0; p < pixels; p++) {
            sum += x.data[m * channels * pixels + (nhwc ? p * channels + c : c * pixels + p)] as number;
          }
          y[m * kinds + k] = k + sum / pixels;
        }
      }
      // Later runs finish first now and then.
      await new Promise((resume) => setTimeout(resume, runs.length % 2 ? 3 : 0));
      return { y: { data: y, dims: dims ? dims(n) : [n, kinds] } };
    },
    hold() {},
    async close() {},
  };
  return { session, runs };
}

const means = async () => (await meanResponse(size).respond(stack()))[0].data;
function expectClose(actual: Float32Array, expected: ArrayLike<number>) {
  expect(actual).toHaveLength(expected.length);
  for (let i = 0; i < expected.length; i++) expect(actual[i]).toBeCloseTo(expected[i], 4);
}

describe('logit response', () => {
  it('gives the encoder’s answer for every slice, in order, in even batches', async () => {
    const { session, runs } = meanSession(1);
    const encoder = encoderLike();
    const response = logitResponse(encoder, session, prepareVolume(volume, defaultPreprocessing, encoder), {
      size: 12,
      batch: 10,
    });
    const [maps] = await response.respond(stack());
    expect(maps).toMatchObject({ count: 32, kinds: 1, rows: 1, columns: 1 });
    expectClose(maps.data, await means());
    expect(runs.map(({ dims }) => dims)).toEqual(Array(4).fill([8, 1, 12, 12]));
  });

  it('fills a fixed batch up and leaves the filling out', async () => {
    const { session, runs } = meanSession(1, { dims: (n) => [n] });
    const encoder = encoderLike({ batch: 7 });
    const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
    const [maps] = await logitResponse(encoder, session, prepared, { size: 12 }).respond(stack());
    expectClose(maps.data, await means());
    expect(runs.every(({ dims }) => dims[0] === 7)).toBe(true);
  });

  it.each(['nchw', 'nhwc'] as const)('repeats one channel, scales and shifts (%s)', async (layout) => {
    const preprocessing: Preprocessing = {
      normalise: 'none',
      scale: [10],
      mean: [1, 2, 3],
      std: [1, 2, 4],
      outside: 0,
    };
    const encoder = encoderLike({ channels: 3, layout, preprocessing, outputs: 3 });
    const { session, runs } = meanSession(3, { nhwc: layout === 'nhwc' });
    const prepared = prepareVolume(volume, preprocessing, encoder);
    const [{ data, kinds }] = await logitResponse(encoder, session, prepared, { size: 12 }).respond(stack());
    expect(kinds).toBe(3);
    expect(runs[0].dims.slice(1)).toEqual(layout === 'nchw' ? [3, 12, 12] : [12, 12, 3]);
    const plain = await means();
    expectClose(
      data,
      Array.from(data, (_, i) => {
        const k = i % 3;
        return k + (10 * plain[Math.floor(i / 3)] - preprocessing.mean[k]) / preprocessing.std[k];
      }),
    );
  });

  it('picks the classes wanted', async () => {
    const { session } = meanSession(5, { dims: (n) => [n, 5, 1, 1] });
    const encoder = encoderLike({ outputs: 5 });
    const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
    const [{ data, kinds }] = await logitResponse(encoder, session, prepared, {
      size: 12,
      classes: [3, 0],
    }).respond(stack());
    const plain = await means();
    expect(kinds).toBe(2);
    expectClose(
      data,
      Array.from(data, (_, i) => plain[Math.floor(i / 2)] + (i % 2 ? 0 : 3)),
    );
  });

  it('makes, with an encoder that takes the mean, the proof’s heatmap', async () => {
    const { session } = meanSession(1);
    const encoder = encoderLike();
    const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
    const plain = parseFilter('second-difference');
    const directions = fibonacciDirections(9, { slices: 12 });
    const a = await reconstruct(
      prepared.volume,
      logitResponse(encoder, session, prepared, { size: 12 }),
      directions,
      plain,
    );
    const b = await reconstruct(volume, meanResponse(size), directions, plain);
    // The mean's plane integral is area × mean; a logit has no area.
    const area = meanResponse(size).planeMeasure;
    expectClose(
      a.data,
      b.data.map((value) => value / area),
    );
  });

  it('keeps at most two batches a thread before the engine', async () => {
    const { session } = meanSession(1);
    let under = 0;
    let most = 0;
    const counting: Session = {
      ...session,
      async run(feeds) {
        most = Math.max(most, ++under);
        await new Promise((resume) => setTimeout(resume, 1));
        under--;
        return session.run(feeds);
      },
    };
    const encoder = encoderLike();
    const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
    const response = logitResponse(encoder, counting, prepared, { size: 12, batch: 1 });
    await Promise.all([response.respond(stack()), response.respond(new Stack(volume, second, size, 1))]);
    expect(most).toBe(2 * session.lanes);
  });

  it('stops asking the engine when it is aborted', async () => {
    const { session, runs } = meanSession(1);
    const controller = new AbortController();
    const encoder = encoderLike();
    const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
    const work = logitResponse(encoder, session, prepared, { size: 12, batch: 1 }).respond(
      stack(),
      controller.signal,
    );
    controller.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
    expect(runs.length).toBeLessThan(10);
  });

  it('names the slice and direction of an answer that is no number', async () => {
    const { session } = meanSession(1);
    const broken: Session = {
      ...session,
      run: async ({ x }) => ({
        y: { data: new Float32Array(x.dims[0]).fill(Number.NaN), dims: [x.dims[0], 1] },
      }),
    };
    const encoder = encoderLike();
    const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
    await expect(logitResponse(encoder, broken, prepared, { size: 12 }).respond(stack())).rejects.toThrow(
      /toy\.onnx: The logit of slice 0 of direction \d+ is NaN\. Check the input scaling/,
    );
  });

  it('refuses a size, a class and an output that do not fit', async () => {
    const { session } = meanSession(3, { dims: (n) => [n, 3] });
    const fixed = encoderLike({ size: { rows: 64, columns: 48 } });
    const prepared = prepareVolume(volume, defaultPreprocessing, fixed);
    expect(() => logitResponse(fixed, session, prepared, { size: 224 })).toThrow(
      '--size: toy.onnx takes slices of 64×48 only, not of 224. Leave --size out.',
    );
    expect(logitResponse(fixed, session, prepared).size).toEqual({ rows: 64, columns: 48 });
    expect(logitResponse(encoderLike(), session, prepared).size).toEqual({ rows: 224, columns: 224 });
    const response = logitResponse(encoderLike(), session, prepared, { size: 12, classes: [3] });
    await expect(response.respond(stack())).rejects.toThrow(/has 3 classes, and class 3 is not among them/);
    const odd = meanSession(1).session;
    const strange: Session = { ...odd, run: async () => ({ y: { data: new Float32Array(5), dims: [5] } }) };
    await expect(
      logitResponse(encoderLike(), strange, prepared, { size: 12 }).respond(stack()),
    ).rejects.toThrow(/output y of shape \[5\] is not one row of logits for each of/);
  });
});
