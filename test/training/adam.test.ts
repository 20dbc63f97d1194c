import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AdamSettings,
  adamStep,
  createAdam,
  paperAdam,
  placeTogether,
} from '../../src/training/adam.ts';

/** A step of a training: its gradient and learning rate. */
type Step = readonly [gradient: readonly number[], rate: number];

/** Runs steps from some weights. */
function run(start: readonly number[], steps: readonly Step[], settings?: AdamSettings) {
  const weights = Float32Array.from(start);
  const state = createAdam(weights.length);
  const path = steps.map(([gradient, rate]) => {
    adamStep(weights, Float32Array.from(gradient), state, rate, settings);
    return [...weights];
  });
  return { weights, state, path };
}

/** Algorithm 1 of the paper (Kingma & Ba) to the letter, one weight at a time, in float64. */
function algorithm1(start: number, steps: readonly (readonly [number, number])[], settings: AdamSettings) {
  let [theta, m, v, t] = [start, 0, 0, 0];
  for (const [g, alpha] of steps) {
    t += 1;
    m = settings.beta1 * m + (1 - settings.beta1) * g;
    v = settings.beta2 * v + (1 - settings.beta2) * g ** 2;
    const mHat = m / (1 - settings.beta1 ** t);
    const vHat = v / (1 - settings.beta2 ** t);
    theta -= (alpha * mHat) / (Math.sqrt(vHat) + settings.epsilon);
  }
  return { theta, m, v };
}

const close = (actual: number, expected: number, tolerance: number) =>
  Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));

test('the settings of the paper (A.6)', () => {
  expect(paperAdam).toEqual({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
});

describe('torch.optim.Adam (2.15, float32)', () => {
  test('four steps with a rate that changes', () => {
    const { path, state } = run(
      [0.5, -1.25, 2, 0, -0.03125],
      [
        [[0.1, -2, 0, 1e-6, 300], 1e-2],
        [[0.3, 1.5, 0, -2e-6, -50], 5e-3],
        [[-0.25, 0.5, 4, 0, 1], 2e-2],
        [[1e-9, -1, -4, 3e-6, 0], 1e-7],
      ],
    );
    const expected = [
      [0.49000000953674316, -1.2400000095367432, 2.0, -0.009900989010930061, -0.04124999791383743],
      [0.4854111075401306, -1.2395533323287964, 2.0, -0.008081973530352116, -0.043942686170339584],
      [
        0.4822089374065399, -1.2407068014144897, 1.987223744392395, -0.0024655014276504517,
        -0.052310511469841,
      ],
      [
        0.4822089374065399, -1.2407068014144897, 1.987223744392395, -0.002465534023940563,
        -0.05231054499745369,
      ],
    ];
    for (const [step, row] of expected.entries()) {
      for (const [i, weight] of row.entries()) {
        expect(close(path[step][i], weight, 2e-7), `step ${step}, weight ${i}: ${path[step][i]}`).toBe(true);
      }
    }
    expect(state.step).toBe(4);
    const mean = [
      0.009090002626180649, -0.07930000126361847, -0.040000010281801224, 2.1090002633172844e-7,
      17.90999984741211,
    ];
    const square = [
      0.0001622276467969641, 0.007483264897018671, 0.03198400139808655, 1.398900831598663e-14,
      92.22628021240234,
    ];
    for (const i of mean.keys()) {
      expect(state.mean[i] / mean[i]).toBeCloseTo(1, 5);
      expect(state.square[i] / square[i]).toBeCloseTo(1, 5);
    }
  });

  test('other settings', () => {
    const { path } = run(
      [1, -1],
      [
        [[1, -0.5], 0.1],
        [[2, 0.25], 0.1],
        [[-3, 0.125], 0.1],
      ],
      { beta1: 0.5, beta2: 0.8, epsilon: 0.25 },
    );
    const expected = [
      [0.9200000166893005, -0.9333333373069763],
      [0.8314884305000305, -0.9333333373069763],
      [0.8707970976829529, -0.946224570274353],
    ];
    for (const [step, row] of expected.entries()) {
      for (const [i, weight] of row.entries()) expect(path[step][i]).toBeCloseTo(weight, 6);
    }
  });
});

const number = (most: number) => fc.float({ min: -most, max: most, noNaN: true, noDefaultInfinity: true });

test('is Algorithm 1 in float64, each weight by itself', () => {
  const gradient = fc.array(number(10), { minLength: 3, maxLength: 3 });
  const steps = fc.array(fc.tuple(gradient, fc.double({ min: 1e-6, max: 0.1, noNaN: true })), {
    minLength: 1,
    maxLength: 30,
  });
  const settings = fc.record({
    beta1: fc.constantFrom(0, 0.5, 0.9),
    beta2: fc.constantFrom(0.9, 0.999),
    epsilon: fc.constantFrom(1e-8, 1e-3),
  });
  fc.assert(
    fc.property(
      fc.array(number(2), { minLength: 3, maxLength: 3 }),
      steps,
      settings,
      (start, given, adam) => {
        const { weights } = run(start, given, adam);
        for (const [i, first] of start.entries()) {
          const own = given.map(([g, rate]) => [g[i], rate] as const);
          const { theta } = algorithm1(first, own, adam);
          // Tiny gradients are rounded where their squares are kept: below 1e-19 a square is no normal float32.
          if (own.some(([g]) => g !== 0 && Math.abs(g) < 1e-15)) continue;
          expect(close(weights[i], theta, 1e-5), `${weights[i]} instead of ${theta}`).toBe(true);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('the first step is as long as the rate whatever the gradient, and against it', () => {
  fc.assert(
    fc.property(
      fc.float({ min: Math.fround(1e-3), max: Math.fround(1e6), noNaN: true }),
      fc.boolean(),
      (size, up) => {
        const g = up ? size : -size;
        const { weights } = run([0], [[[g], 0.01]]);
        expect(weights[0]).toBeCloseTo(-0.01 * Math.sign(g), 6);
      },
    ),
  );
});

test('a weight without a gradient stays where it is', () => {
  const { weights, state } = run([3, 3], Array(5).fill([[0, 1], 0.1]));
  expect(weights[0]).toBe(3);
  expect(weights[1]).not.toBe(3);
  expect([state.mean[0], state.square[0]]).toEqual([0, 0]);
});

test('a state can be taken up where it stood', () => {
  const steps: Step[] = Array.from({ length: 9 }, (_, i) => [[Math.sin(i), Math.cos(3 * i)], 0.01 / (i + 1)]);
  const whole = run([1, 2], steps);
  const first = run([1, 2], steps.slice(0, 4));
  const state = { step: 4, mean: first.state.mean.slice(), square: first.state.square.slice() };
  const weights = first.weights.slice();
  for (const [gradient, rate] of steps.slice(4)) {
    adamStep(weights, Float32Array.from(gradient), state, rate);
  }
  expect(weights).toEqual(whole.weights);
  expect(state).toEqual(whole.state);
});

describe('the kernel', () => {
  const value = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e3, max: 1e3 }),
    fc.constantFrom(0, -0, 1e-30, 1e-38, 3e38, Number.NaN, Number.POSITIVE_INFINITY),
  );
  const vectors = fc
    .integer({ min: 1, max: 23 })
    .chain((length) => fc.record({ start: list(value, length), gradients: list(list(value, length), 3) }));
  function list<T>(of: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> {
    return fc.array(of, { minLength: length, maxLength: length });
  }
  /** Bits, so that −0 is not 0 and NaN equals itself whatever its payload. */
  const bits = (values: Float32Array) => [
    ...new Int32Array(values.map((v) => (Number.isNaN(v) ? Number.NaN : v)).buffer),
  ];

  test('gives the bits of the plain arithmetic, in memory of its own or of others', () => {
    fc.assert(
      fc.property(vectors, ({ start, gradients }) => {
        const length = start.length;
        const plain = {
          weights: Float32Array.from(start),
          adam: { step: 0, mean: new Float32Array(length), square: new Float32Array(length) },
        };
        const together = placeTogether(Float32Array.from(start), createAdam(length));
        const apart = { weights: Float32Array.from(start), adam: createAdam(length) };
        for (const [i, gradient] of gradients.entries()) {
          for (const { weights, adam } of [plain, together, apart]) {
            adamStep(weights, Float32Array.from(gradient), adam, 10 ** -i);
          }
          for (const other of [together, apart]) {
            expect(bits(other.weights)).toEqual(bits(plain.weights));
            expect(bits(other.adam.mean)).toEqual(bits(plain.adam.mean));
            expect(bits(other.adam.square)).toEqual(bits(plain.adam.square));
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('goes on from a state of other arrays', () => {
    const plain = { step: 7, mean: Float32Array.of(0.5, -1), square: Float32Array.of(2, 3) };
    const { weights, adam } = placeTogether(Float32Array.of(1, 2), plain);
    expect([...weights, ...adam.mean, ...adam.square, adam.step]).toEqual([1, 2, 0.5, -1, 2, 3, 7]);
    adamStep(weights, Float32Array.of(1, 1), adam, 0.1);
    expect([plain.step, ...plain.mean]).toEqual([7, 0.5, -1]);
  });

  test('an empty vector is no matter', () => {
    const { weights, adam } = placeTogether(new Float32Array(0), createAdam(0));
    adamStep(weights, new Float32Array(0), adam, 0.1);
    expect(adam.step).toBe(1);
  });
});
