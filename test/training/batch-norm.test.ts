/** The statistics of batch norms in training. Their gradients are tested with those of whole graphs (graph.test.ts). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BatchMoments,
  type BatchStatistics,
  hasFewerWeights,
  MomentPool,
  updateRunning,
} from '../../src/training/batch-norm.ts';
import { GradientEngine } from '../../src/training/engine.ts';
import { statisticsGraph, trainingGraph } from '../../src/training/graph.ts';
import { parameterValues } from '../../src/training/parameters.ts';
import { batchOf, noise, openDirect, parted, type SmallNetwork, toTrain } from './support.ts';

const norm: BatchStatistics = {
  mean: 'mean',
  variance: 'variance',
  runningMean: 'running_mean',
  runningVariance: 'running_var',
  pixels: 6,
};

/** Mean and variance of the population of each channel of values [n, C, pixels], by the definition. */
function moments(values: ArrayLike<number>, channels: number, pixels: number) {
  const n = values.length / channels / pixels;
  return Array.from({ length: channels }, (_, c) => {
    const own: number[] = [];
    for (let i = 0; i < n; i++) {
      for (let p = 0; p < pixels; p++) own.push(values[(i * channels + c) * pixels + p]);
    }
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    return { mean, variance: own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length };
  });
}

describe('moments of the parts of a batch', () => {
  test('make those of the whole batch', () => {
    const parts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(parts, fc.nat(1000), (sizes, seed) => {
        const channels = 3;
        const total = sizes.reduce((a, b) => a + b);
        const values = Float64Array.from(
          { length: total * channels * norm.pixels },
          (_, i) => noise(i + seed) * (1 + (i % 5)) + 2,
        );
        const pool = new MomentPool(norm);
        let at = 0;
        for (const size of sizes) {
          const end = at + size * channels * norm.pixels;
          const own = moments(values.subarray(at, end), channels, norm.pixels);
          at = end;
          pool.add(
            {
              mean: { data: Float32Array.from(own, ({ mean }) => mean), dims: [channels] },
              variance: { data: Float32Array.from(own, ({ variance }) => variance), dims: [channels] },
            },
            size,
          );
        }
        const pooled = pool.moments();
        expect(pooled.count).toBe(total * norm.pixels);
        for (const [c, { mean, variance }] of moments(values, channels, norm.pixels).entries()) {
          expect(pooled.mean[c]).toBeCloseTo(mean, 5);
          expect(pooled.variance[c]).toBeCloseTo(variance, 4);
        }
      }),
    );
  });

  test('a variance is never below 0, whatever is rounded', () => {
    const pool = new MomentPool(norm);
    const mean = Float32Array.of(1e4 + 1 / 3);
    for (let i = 0; i < 3; i++) {
      pool.add({ mean: { data: mean, dims: [1] }, variance: { data: Float32Array.of(0), dims: [1] } }, 7);
    }
    expect(pool.moments().variance[0]).toBeGreaterThanOrEqual(0);
    expect(pool.moments().variance[0]).toBeLessThan(1e-3);
  });
});

describe('running statistics, as torch.nn.BatchNorm2d (2.15) keeps them', () => {
  /** sin(0.7·i) as [5, 2, 2, 3], times 1 and 3, plus 0.5 and −2. */
  const x = Float64Array.from({ length: 60 }, (_, i) => {
    const channel = Math.floor(i / 6) % 2;
    return Math.sin(0.7 * i) * [1, 3][channel] + [0.5, -2][channel];
  });
  const of = (values: ArrayLike<number>): BatchMoments => {
    const own = moments(values, 2, 6);
    return {
      norm,
      mean: Float64Array.from(own, ({ mean }) => mean),
      variance: Float64Array.from(own, ({ variance }) => variance),
      count: values.length / 2,
    };
  };
  const running = (mean: number[], variance: number[]) =>
    new Map([
      ['running_mean', Float32Array.from(mean)],
      ['running_var', Float32Array.from(variance)],
    ]);
  function expectRunning(actual: ReadonlyMap<string, Float32Array>, mean: number[], variance: number[]) {
    for (const c of [0, 1]) {
      expect(actual.get('running_mean')![c]).toBeCloseTo(mean[c], 6);
      expect(actual.get('running_var')![c]).toBeCloseTo(variance[c], 5);
    }
  }

  test('momentum 0.1, twice, batches of 5 and of 2', () => {
    const kept = running([0.25, -0.5], [1.5, 0.75]);
    updateRunning(kept, [of(x)], 0.1);
    expectRunning(kept, [0.27737703183685647, -0.6333721038062446], [1.3995997402154985, 1.1364622062583325]);
    updateRunning(kept, [of(x.subarray(0, 24).map((value) => 2 * value))], 0.1);
    expectRunning(kept, [0.36309414942262075, -0.8881715111262634], [1.4557645457643542, 2.885738288816945]);
  });

  test('cumulative means (momentum=None)', () => {
    const kept = running([0, 0], [1, 1]);
    for (const k of [0, 1, 2]) updateRunning(kept, [of(x.map((value) => value * (k + 1) + k))], 1 / (k + 1));
    expectRunning(kept, [2.0475406367371294, -2.6674420761248916], [2.31465454338992, 21.534902958722185]);
  });

  test('of a single value there is no unbiased variance', () => {
    const kept = running([0, 0], [1, 1]);
    const one = { norm, mean: Float64Array.of(4, 8), variance: Float64Array.of(0, 0), count: 1 };
    updateRunning(kept, [one], 0.5);
    expect([...kept.values()]).toEqual([Float32Array.of(2, 4), Float32Array.of(0.5, 0.5)]);
  });
});

describe('statistics that a graph measures', () => {
  const small: SmallNetwork = {
    image: [2, 5, 4],
    make(b, weight, batchNorm) {
      const conv = b.op('Conv', [batchNorm('x', 'first'), weight('w', [3, 2, 3, 3], 0.5)]);
      const flat = b.op('Flatten', [b.op('GlobalAveragePool', [b.op('Tanh', [batchNorm(conv, 'second')])])]);
      return b.op('Gemm', [batchNorm(flat, 'third'), weight('head', [3, 1])]);
    },
  };

  test('are those of the batch, also in parts, whether it is trained or only measured', async () => {
    const network = toTrain(small, { norm: 'batch' });
    const whole = batchOf(small.image, 6, 1);
    for (const graph of [statisticsGraph(network), trainingGraph(network)]) {
      const session = await openDirect(graph.model);
      const engine = new GradientEngine(session, graph);
      engine.setWeights(parameterValues(network.model, graph.parameters));
      for (const sizes of [[6], [4, 2], [1, 2, 3]]) {
        const result = await engine.compute(parted(whole, sizes));
        expect(result.moments.map(({ norm: { runningMean }, count }) => [runningMean, count])).toEqual([
          ['first.mean', 120],
          ['second.mean', 36],
          ['third.mean', 6],
        ]);
        // The first norm sees the images; the others see what those before them made of each part.
        const [{ mean, variance }] = result.moments;
        for (const [c, expected] of moments(whole.pixels, 2, 20).entries()) {
          expect(mean[c]).toBeCloseTo(expected.mean, 5);
          expect(variance[c]).toBeCloseTo(expected.variance, 5);
        }
      }
      await session.close();
    }
  });
});

test('weights are fewer than pixels, or not', () => {
  expect(hasFewerWeights([64, 64, 3, 3], [56, 56])).toBe(true);
  expect(hasFewerWeights([512, 512, 3, 3], [7, 7])).toBe(false);
  expect(hasFewerWeights([512, 512, 3, 3], ['rows', 7])).toBe(true);
});
