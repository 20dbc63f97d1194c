/** Steps in micro-batches, on a session that computes and on sessions that answer when and what the test wants. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session, Tensor } from '../../src/runtime/session.ts';
import { GradientEngine, weightTensors } from '../../src/training/engine.ts';
import {
  LABELS_INPUT,
  SLICE_WEIGHTS_INPUT,
  type TrainingGraph,
  trainingGraph,
} from '../../src/training/graph.ts';
import { parameterCount, parameterValues } from '../../src/training/parameters.ts';
import { errorOf } from '../runtime/support.ts';
import {
  batchOf,
  distance,
  noisy,
  openDirect,
  parted,
  type SmallNetwork,
  sameBytes,
  toTrain,
} from './support.ts';

const small: SmallNetwork = {
  image: [2, 6, 5],
  make(b, weight, norm) {
    const conv = b.op('Conv', ['x', weight('w1', [4, 2, 3, 3], 0.5)], { pads: [1, 1, 1, 1] });
    const flat = b.op('Flatten', [b.op('GlobalAveragePool', [b.op('Relu', [norm(conv, 'n')])])]);
    return b.op('Gemm', [flat, weight('w2', [3, 4]), weight('b2', [3])], { transB: 1 });
  },
};
const COUNT = 12;
const whole = () => batchOf(small.image, COUNT, 3);

/** Any way to part the slices. */
const partitions = fc.array(fc.boolean(), { minLength: COUNT - 1, maxLength: COUNT - 1 }).map((cuts) => {
  const sizes = [1];
  for (const cut of cuts) {
    if (cut) sizes.push(1);
    else sizes[sizes.length - 1]++;
  }
  return sizes;
});

describe('a step in parts', () => {
  const network = toTrain(small);
  const graph = trainingGraph(network);
  const weights = parameterValues(network.model, graph.parameters);
  let session: Session;
  beforeAll(async () => {
    session = await openDirect(graph.model);
  });
  afterAll(() => session.close());

  /** The same session, whose answers come in a given order of turns. */
  const late = (turns: readonly number[]): Session => {
    let asked = 0;
    return {
      ...session,
      async run(feeds) {
        const turn = turns[asked++ % turns.length];
        const results = await session.run(feeds);
        await new Promise((resume) => setTimeout(resume, 2 * turn));
        return results;
      },
    };
  };

  test('of any sizes has the gradient and the logits of the whole', async () => {
    const engine = new GradientEngine(session, graph);
    engine.setWeights(weights);
    const expected = await engine.compute([whole()]);
    expect(expected.gradient).toHaveLength(parameterCount(graph.parameters));
    expect(expected.logits).toHaveLength(3 * COUNT);
    await fc.assert(
      fc.asyncProperty(partitions, async (sizes) => {
        const { gradient, logits } = await engine.compute(parted(whole(), sizes));
        expect(distance(gradient, expected.gradient)).toBeLessThan(1e-5);
        expect(distance(logits, expected.logits)).toBeLessThan(1e-5);
      }),
      { numRuns: 30 },
    );
  });

  test('gives the same bytes however long each part takes', async () => {
    const orders = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6], { minLength: 7 });
    await fc.assert(
      fc.asyncProperty(partitions, orders, async (sizes, turns) => {
        const [first, second] = [new GradientEngine(session, graph), new GradientEngine(late(turns), graph)];
        first.setWeights(weights);
        const expected = await first.compute(parted(whole(), sizes));
        const again = await second.compute(parted(whole(), sizes));
        expect(sameBytes(again.gradient, expected.gradient)).toBe(true);
        expect(sameBytes(again.logits, expected.logits)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  test('takes the weights that were set last, and copies them', async () => {
    const engine = new GradientEngine(session, graph);
    const changed = weights.map((value, i) => value + 0.1 * Math.sin(i));
    engine.setWeights(weights);
    const before = await engine.compute([whole()]);
    engine.setWeights(changed);
    const after = await engine.compute([whole()]);
    expect(distance(after.gradient, before.gradient)).toBeGreaterThan(1e-3);
    changed.fill(0);
    expect(sameBytes((await engine.compute([whole()])).gradient, after.gradient)).toBe(true);
  });
});

/** A graph of two parameters, one class and one batch norm, of which only the names matter. */
const foretold: TrainingGraph = {
  ...trainingGraph(toTrain(small)),
  input: 'x',
  logits: 'logits',
  outputs: 1,
  parameters: [
    { name: 'a', shape: [2], offset: 0, length: 2 },
    { name: 'b', shape: [1, 3], offset: 2, length: 3, order: [1, 0] },
  ],
  gradient: 'gradient',
  statistics: [{ mean: 'mean', variance: 'variance', runningMean: 'r', runningVariance: 's', pixels: 10 }],
};

/** Answers run r with numbers that say so; records what it was fed. */
function foretell(graph: TrainingGraph, wait: (run: number) => Promise<unknown> = async () => {}) {
  const runs: Record<string, Tensor>[] = [];
  const held: Record<string, Tensor>[] = [];
  let [under, most] = [0, 0];
  const session: Session = {
    device: 'cpu',
    lanes: 2,
    partlyOnCpu: false,
    async run(feeds) {
      const r = runs.push(feeds as Record<string, Tensor>) - 1;
      most = Math.max(most, ++under);
      try {
        await wait(r);
      } finally {
        under--;
      }
      const places = feeds.x.dims[0];
      const tensor = (values: number[], dims: number[]) => ({ data: Float32Array.from(values), dims });
      return {
        [graph.gradient ?? 'none']: tensor(
          [1, 2, 3, 4, 5].map((value) => value * 10 ** r),
          [5],
        ),
        logits: tensor(
          Array.from({ length: places }, (_, i) => 100 * r + i),
          [places, 1],
        ),
        mean: tensor([r], [1]),
        variance: tensor([0], [1]),
      };
    },
    hold(tensors) {
      held.push(tensors as Record<string, Tensor>);
    },
    async close() {},
  };
  return { session, runs, held, mostAtOnce: () => most, under: () => under };
}

const image = [1, 2, 2];
const batch = (count: number, places = count) => ({
  pixels: noisy([places, ...image]),
  dims: [places, ...image],
  labels: Float32Array.from({ length: places }, (_, i) => i % 2),
  count,
});

describe('what a session is asked and what becomes of its answers', () => {
  test('sums of gradients, logits of the slices that count, moments of all parts', async () => {
    const { session, runs } = foretell(foretold);
    const engine = new GradientEngine(session, foretold);
    const batches = [batch(2, 4), batch(3), batch(1, 4)];
    const result = await engine.compute(batches);
    expect(result.gradient).toEqual(Float32Array.of(111, 222, 333, 444, 555));
    expect(result.logits).toEqual(Float32Array.of(0, 1, 100, 101, 102, 200));
    // Means 0, 1 and 2 of two, three and one slices.
    expect(result.moments).toHaveLength(1);
    expect(result.moments[0]).toMatchObject({ norm: foretold.statistics[0], count: 60 });
    expect(result.moments[0].mean[0]).toBeCloseTo(5 / 6, 12);
    expect(result.moments[0].variance[0]).toBeCloseTo(7 / 6 - (5 / 6) ** 2, 12);
    // 1 by slices and classes of the whole step, and 0 for places that only fill a batch up.
    const sixth = Math.fround(1 / 6);
    expect(runs.map((feeds) => [...(feeds[SLICE_WEIGHTS_INPUT].data as Float32Array)])).toEqual([
      [sixth, sixth, 0, 0],
      [sixth, sixth, sixth],
      [sixth, 0, 0, 0],
    ]);
    for (const [r, feeds] of runs.entries()) {
      expect(Object.keys(feeds).sort()).toEqual(['x', LABELS_INPUT, SLICE_WEIGHTS_INPUT].sort());
      expect(feeds.x).toEqual({ data: batches[r].pixels, dims: batches[r].dims });
      expect(feeds[LABELS_INPUT]).toEqual({ data: batches[r].labels, dims: [batches[r].dims[0], 1] });
      expect(feeds[SLICE_WEIGHTS_INPUT].dims).toEqual([batches[r].dims[0], 1]);
      // What is fed is handed over, and the labels are needed afterwards.
      expect(feeds[LABELS_INPUT].data).not.toBe(batches[r].labels);
    }
  });

  test('several classes share the weight of a slice', async () => {
    const two = { ...foretold, outputs: 2 };
    const { session, runs } = foretell(two);
    const own = { ...batch(4), labels: new Float32Array(8) };
    await new GradientEngine(session, two).compute([own]);
    expect(runs[0][SLICE_WEIGHTS_INPUT].data).toEqual(new Float32Array(4).fill(1 / 8));
    expect(runs[0][LABELS_INPUT].dims).toEqual([4, 2]);
  });

  test('all parts are asked for at once, so that every lane has work', async () => {
    const { session, mostAtOnce } = foretell(foretold, () => new Promise((resume) => setTimeout(resume, 5)));
    await new GradientEngine(session, foretold).compute([batch(1), batch(1), batch(1), batch(1)]);
    expect(mostAtOnce()).toBe(4);
  });

  test('without a gradient only images are fed, and it is 0', async () => {
    const forward = { ...foretold, gradient: undefined };
    const { session, runs } = foretell(forward);
    const { gradient, logits, moments } = await new GradientEngine(session, forward).compute([batch(2)]);
    expect(Object.keys(runs[0])).toEqual(['x']);
    expect(gradient).toEqual(new Float32Array(5));
    expect(logits).toEqual(Float32Array.of(0, 1));
    expect(moments).toHaveLength(1);
  });

  test('weights are held by name, in the shapes in which they are fed', () => {
    const { session, held } = foretell(foretold);
    const vector = Float32Array.of(1, 2, 3, 4, 5);
    new GradientEngine(session, foretold).setWeights(vector);
    const expected = {
      a: { data: Float32Array.of(1, 2), dims: [2] },
      b: { data: Float32Array.of(3, 4, 5), dims: [3, 1] },
    };
    expect(held).toEqual([expected]);
    expect(weightTensors(foretold, vector)).toEqual(expected);
  });
});

describe('a part that fails', () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  beforeAll(() => {
    process.on('unhandledRejection', note);
  });
  afterAll(() => {
    process.off('unhandledRejection', note);
  });

  test.each([
    ['first', 0],
    ['last', 2],
  ])('the %s: its error is told when the others are done, and none is lost', async (_, failing) => {
    const engine = foretell(foretold, async (r) => {
      // What fails does so while the others are still at work.
      await new Promise((resume) => setTimeout(resume, r === failing ? 0 : 30));
      if (r === failing) throw new Error('out of memory');
    });
    const computing = new GradientEngine(engine.session, foretold).compute([batch(1), batch(1), batch(1)]);
    expect((await errorOf(computing)).message).toBe('out of memory');
    expect(engine.under()).toBe(0);
    expect(unhandled).toEqual([]);
  });

  test('several: the first in their order', async () => {
    const { session } = foretell(foretold, async (r) => {
      await new Promise((resume) => setTimeout(resume, 20 - 5 * r));
      throw new Error(`part ${r}`);
    });
    const computing = new GradientEngine(session, foretold).compute([batch(1), batch(1), batch(1)]);
    expect((await errorOf(computing)).message).toBe('part 0');
    expect(unhandled).toEqual([]);
  });
});
