import { describe, expect, test } from 'vitest';
import { fibonacciDirections } from '../../src/geometry/directions.ts';
import { Stack } from '../../src/geometry/stack.ts';
import type { SliceEncoder } from '../../src/responses/encoder.ts';
import type { Session, Tensor } from '../../src/runtime/session.ts';
import { VolumeCache } from '../../src/training/cases.ts';
import { judge, Validator } from '../../src/training/validation.ts';
import { errorOf } from '../runtime/support.ts';
import { caseOf, noise } from './support.ts';

const encoder: SliceEncoder = {
  name: 'stub',
  input: 'x',
  output: 'y',
  layout: 'nchw',
  channels: 1,
  batch: undefined,
  size: undefined,
};

/** Two logits an image: its mean − 5, and 7 minus its largest pixel; both of an image of zeros stand out. */
function logitsOf(image: ArrayLike<number>): [number, number] {
  let [sum, most] = [0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < image.length; i++) {
    sum += image[i];
    most = Math.max(most, image[i]);
  }
  return [sum / image.length - 5, 7 - most];
}

function stub() {
  const runs: Tensor[] = [];
  const session: Session = {
    device: 'cpu',
    lanes: 2,
    partlyOnCpu: false,
    async run({ x }) {
      runs.push(x);
      const [n, ...image] = x.dims;
      const length = image.reduce((a, b) => a * b, 1);
      const data = x.data as Float32Array;
      const logits = Array.from({ length: n }, (_, i) =>
        logitsOf(data.subarray(i * length, (i + 1) * length)),
      );
      await new Promise((resume) => setTimeout(resume, runs.length % 3));
      return { y: { data: Float32Array.from(logits.flat()), dims: [n, 2] } };
    },
    hold() {},
    async close() {},
  };
  return { session, runs };
}

// Far from 0 inside, so that a slice which only fills a batch up would have the largest logit.
const given = caseOf('a', [1, 0], (i) => noise(i) - 2, { preprocessing: { outside: -4, scale: [3] } });

/** The maxima over all slices, cut one by one. */
async function expected(size: { rows: number; columns: number }, count: number, slices: number) {
  const { volume, gain, offset } = await given.load();
  const all = fibonacciDirections(count, { slices }).flatMap((direction) => {
    const stack = new Stack(volume, direction, size, 0);
    return Array.from({ length: slices }, (_, m) =>
      logitsOf(stack.cut(m, m + 1).map((value) => gain[0] * value + offset[0])),
    );
  });
  expect(all).toHaveLength(count * slices);
  return [0, 1].map((k) => Math.max(...all.map((logits) => logits[k])));
}

describe('a volume’s logit', () => {
  const ready = () => new VolumeCache([given], 0).get(0);

  test.each([
    ['square slices', { rows: 6, columns: 6 }, 3, 5],
    ['slices that are not square', { rows: 5, columns: 8 }, 2, 7],
    ['many', { rows: 4, columns: 4 }, 9, 16],
  ])('is the maximum of each class over all slices: %s', async (_, size, directions, slices) => {
    const { session, runs } = stub();
    const validator = new Validator({ ...encoder, size }, session, size, { directions, slices });
    const score = await validator.score(await ready());
    const [first, second] = await expected(size, directions, slices);
    expect(score[0]).toBeCloseTo(first, 4);
    expect(score[1]).toBeCloseTo(second, 4);
    for (const { dims } of runs) expect(dims.slice(1)).toEqual([1, size.rows, size.columns]);
    expect(runs.reduce((sum, { dims }) => sum + dims[0], 0)).toBe(directions * slices);
    // The same again, and again.
    expect(await validator.score(await ready())).toEqual(score);
  });

  test('takes no account of places that only fill up a fixed batch', async () => {
    const size = { rows: 6, columns: 6 };
    const { session, runs } = stub();
    const validator = new Validator({ ...encoder, batch: 4, size }, session, size, {
      directions: 2,
      slices: 5,
    });
    const score = await validator.score(await ready());
    const [first, second] = await expected(size, 2, 5);
    expect(runs.every(({ dims }) => dims[0] === 4)).toBe(true);
    expect(score[0]).toBeCloseTo(first, 4);
    expect(score[0]).toBeLessThan(logitsOf(new Float32Array(36))[0] - 1);
    expect(score[1]).toBeCloseTo(second, 4);
  });

  test('is not worked out any further when nobody wants it', async () => {
    const { session } = stub();
    const size = { rows: 4, columns: 4 };
    const validator = new Validator(encoder, session, size, { directions: 2, slices: 3 });
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    expect((await errorOf(validator.score(await ready(), stop.signal))).message).toBe('enough');
  });
});

describe('judging', () => {
  // Class 0: three positives, one of which is below a negative, and all logits but one above 0. Class 1: perfect.
  const logits = [
    [3, -1],
    [2, -2],
    [0.5, 4],
    [1, -3],
    [-1, -5],
  ];
  const labels = [
    [1, 0],
    [1, 0],
    [1, 1],
    [0, 0],
    [0, 0],
  ];

  test('each class by itself, then their means', () => {
    const { classes, ...means } = judge(logits, labels);
    expect(classes).toHaveLength(2);
    // Of six pairs only (0.5, 1) is in the wrong order.
    expect(classes[0].auc).toBeCloseTo(5 / 6, 12);
    // From 0 on: all positives are found, one of two negatives is spared.
    expect(classes[0].balancedAccuracy).toBeCloseTo(3 / 4, 12);
    // Between 1 and 2: two of three positives, both negatives.
    expect(classes[0].bestBalancedAccuracy).toBeCloseTo(5 / 6, 12);
    expect(classes[1]).toEqual({ auc: 1, balancedAccuracy: 1, bestBalancedAccuracy: 1 });
    expect(means.auc).toBeCloseTo(11 / 12, 12);
    expect(means.balancedAccuracy).toBeCloseTo(7 / 8, 12);
    expect(means.bestBalancedAccuracy).toBeCloseTo(11 / 12, 12);
    expect(means.logits).toBe(logits);
  });

  test('a logit of 0 counts as positive', () => {
    const { balancedAccuracy } = judge([[0], [-1]], [[1], [0]]);
    expect(balancedAccuracy).toBe(1);
  });
});
