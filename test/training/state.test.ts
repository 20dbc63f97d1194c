import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TonnoError } from '../../src/errors.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { StreamSource } from '../../src/geometry/random.ts';
import { fromOrder, type Parameter, parameterCount } from '../../src/training/parameters.ts';
import { decodeState, encodeState, type TrainingState } from '../../src/training/state.ts';
import { sameBytes, size } from './support.ts';

/** Parameters of any shapes, some of them fed in another order. */
const parameters: fc.Arbitrary<Parameter[]> = fc
  .array(
    fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 }).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        order: fc.option(fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }), {
          nil: undefined,
        }),
      }),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((all) => {
    let offset = 0;
    return all.map(({ shape, order }, i) => {
      const length = size(shape);
      const parameter = { name: `layer ${i}.weight`, shape, offset, length, ...(order && { order }) };
      offset += length;
      return parameter;
    });
  });

/** Any bits: −0, infinities, subnormal numbers, and NaN without anything in it. */
const anyBits = (length: number) =>
  fc
    .uint32Array({ minLength: length, maxLength: length })
    .map((bits) =>
      new Float32Array(Uint32Array.from(bits).buffer).map((value) =>
        Number.isNaN(value) ? Number.NaN : value,
      ),
    );

const classes = fc.array(
  fc.record({
    auc: fc.double({ min: 0, max: 1, noNaN: true }),
    balancedAccuracy: fc.double({ min: 0, max: 1, noNaN: true }),
    bestBalancedAccuracy: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { minLength: 1, maxLength: 3 },
);

const states = parameters.chain((own) => {
  const count = parameterCount(own);
  const step = fc.nat(300_000);
  return fc.record({
    own: fc.constant(own),
    state: fc
      .record({
        step,
        seed: fc.integer(),
        weights: anyBits(count),
        mean: anyBits(count),
        square: anyBits(count),
        running: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), anyBits(3), {
          maxKeys: 3,
          noNullPrototype: true,
        }),
        best: fc.option(fc.record({ step, classes }), { nil: undefined }),
        sinceBest: fc.nat(9),
        validated: step,
        losses: fc.constant([0.7, 1 / 3]),
        microBatch: fc.nat(99),
      })
      .map(
        ({ seed, mean, square, running, best, ...state }): TrainingState => ({
          ...state,
          random: new StreamSource(seed).state,
          adam: { step: state.step, mean, square },
          running: new Map(Object.entries(running)),
          best: best && { ...best, ...best.classes[0] },
        }),
      ),
  });
});

describe('a state', () => {
  test('comes back bit for bit, in whatever order the weights are fed', () => {
    fc.assert(
      fc.property(states, ({ own, state }) => {
        const { tensors, record } = encodeState(state, own);
        const stored = JSON.parse(JSON.stringify(record));
        const { weights, adam, running, ...rest } = decodeState(tensors, 'a.safetensors', stored, own);
        expect(sameBytes(weights, state.weights)).toBe(true);
        expect(sameBytes(adam.mean, state.adam.mean)).toBe(true);
        expect(sameBytes(adam.square, state.adam.square)).toBe(true);
        expect(adam.step).toBe(state.step);
        expect([...running.keys()].sort()).toEqual([...state.running.keys()].sort());
        for (const [name, values] of state.running) expect(sameBytes(running.get(name)!, values)).toBe(true);
        const { step, random, best, sinceBest, validated } = state;
        const kept = { step, random, best, sinceBest, validated };
        expect(rest).toMatchObject(JSON.parse(JSON.stringify(kept)));
        expect(rest.best === undefined).toBe(best === undefined);
      }),
    );
  });

  test('is kept by names and in the weights’ own shapes, so that another order reads it too', () => {
    fc.assert(
      fc.property(states, ({ own, state }) => {
        const { tensors, record } = encodeState(state, own);
        const kept = readSafetensors(tensors, 'a').tensors;
        const vectors = { weight: state.weights, mean: state.adam.mean, square: state.adam.square };
        expect(kept.size).toBe(3 * own.length + state.running.size);
        for (const [part, vector] of Object.entries(vectors)) {
          for (const parameter of own) {
            const { shape, data } = kept.get(`${part}.${parameter.name}`)!;
            expect(shape).toEqual(parameter.shape);
            expect(sameBytes(data as Float32Array, fromOrder(vector, parameter))).toBe(true);
          }
        }
        // As an engine would feed them that knows nothing of other orders.
        const plain = own.map(({ order: _, ...parameter }) => parameter);
        const { weights } = decodeState(tensors, 'a', record, plain);
        for (const [i, parameter] of own.entries()) {
          expect(sameBytes(fromOrder(weights, plain[i]), fromOrder(state.weights, parameter))).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('is a copy', () => {
    const own: Parameter[] = [{ name: 'w', shape: [2], offset: 0, length: 2 }];
    const state = stateOf(own);
    const { tensors, record } = encodeState(state, own);
    state.weights.fill(9);
    expect([...decodeState(tensors, 'a', record, own).weights]).toEqual([0, 1]);
  });
});

function stateOf(own: readonly Parameter[]): TrainingState {
  const vector = () => Float32Array.from({ length: parameterCount(own) }, (_, i) => i);
  return {
    step: 3,
    random: new StreamSource(1).state,
    weights: vector(),
    adam: { step: 3, mean: vector(), square: vector() },
    running: new Map([['n.mean', Float32Array.of(1, 2)]]),
    best: undefined,
    sinceBest: 0,
    validated: 0,
    losses: [],
    microBatch: 4,
  };
}

describe('is refused', () => {
  const own: Parameter[] = [
    { name: 'w', shape: [2, 3], offset: 0, length: 6 },
    { name: 'b', shape: [2], offset: 6, length: 2 },
  ];
  const { tensors, record } = encodeState(stateOf(own), own);
  const remedy = 'It is the checkpoint of another network; resume with the settings of its own run.';

  test.each<[string, Parameter[], string]>([
    [
      'a weight that it has not',
      [...own, { name: 'c', shape: [1], offset: 8, length: 1 }],
      'state.safetensors: It holds no weight for c [1].',
    ],
    [
      'a weight of another length',
      [own[0], { ...own[1], shape: [3], length: 3 }],
      'state.safetensors: It holds no weight for b [3].',
    ],
    [
      'a weight of another shape',
      [{ ...own[0], shape: [3, 2] }, own[1]],
      'state.safetensors: It holds no weight for w [3,2].',
    ],
  ])('%s', (_, others, problem) => {
    const decode = () => decodeState(tensors, 'state.safetensors', record, others);
    expect(decode).toThrow(TonnoError);
    expect(decode).toThrow(`${problem} ${remedy}`);
  });

  test('bytes that are no safetensors file', () => {
    expect(() => decodeState(tensors.slice(0, 40), 'state.safetensors', record, own)).toThrow(TonnoError);
    expect(() => decodeState(tensors.slice(0, 40), 'state.safetensors', record, own)).toThrow(
      /^state\.safetensors: /,
    );
  });
});
