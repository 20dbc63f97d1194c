/** Whole trainings: what is learned, what is written, and what happens when they are stopped or go wrong. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readEncoder } from '../../src/encoders/external.ts';
import { defaultPreprocessing } from '../../src/encoders/preprocessing.ts';
import { type NormName, norms, type ResNetOptions } from '../../src/encoders/resnet.ts';
import { initialWeights } from '../../src/encoders/weights.ts';
import { TonnoError } from '../../src/errors.ts';
import { StreamSource } from '../../src/geometry/random.ts';
import { parseModel } from '../../src/onnx/model.ts';
import { openSession } from '../../src/runtime/node.ts';
import type { Session } from '../../src/runtime/session.ts';
import { cutBatches } from '../../src/training/batches.ts';
import { type TrainingCase, VolumeCache } from '../../src/training/cases.ts';
import { BalancedCases, drawStep, paperAugmentation } from '../../src/training/draw.ts';
import { initialiserValues, type TrainableEncoder, trainableResNet } from '../../src/training/network.ts';
import { decodeState, encodeState, type StateRecord } from '../../src/training/state.ts';
import {
  type TrainingInput,
  type TrainingOutcome,
  type TrainingProgress,
  type TrainingSettings,
  type TrainingStore,
  train,
} from '../../src/training/trainer.ts';
import { errorOf, sentence } from '../runtime/support.ts';
import { caseOf, distance, noise, openDirect, type SmallNetwork, sameBytes, toTrain } from './support.ts';

/** Something bright in the middle of the positive ones, and noise everywhere. */
function cohort(count: number, more: Parameters<typeof caseOf>[3] = {}, first = 0): TrainingCase[] {
  return Array.from({ length: count }, (_, i) => {
    const index = first + i;
    const positive = index % 2;
    return caseOf(
      `case ${index}`,
      [positive],
      (voxel) => {
        const [z, y, x] = [Math.floor(voxel / 64), Math.floor(voxel / 8) % 8, voxel % 8].map(
          (at) => at - 3.5,
        );
        return 0.3 * noise(voxel + 512 * index) + (positive && Math.hypot(z, y, x) < 4.5 ? 2 : 0);
      },
      { shape: [8, 8, 8], ...more },
    );
  });
}

const resnet = (norm: NormName): TrainableEncoder => {
  // In 32 groups a channel of so narrow a network would be normalised by itself, and its mean lost.
  const narrow = { width: 0.125, groups: 2 };
  const options: ResNetOptions = { architecture: 'resnet10t', norm, channels: 1, outputs: 1, ...narrow };
  return trainableResNet({ ...options, size: 32 }, initialWeights(options, new StreamSource(1).next()));
};

/** A batch norm, which sees the image, a convolution with another one, and a linear layer. */
const small: SmallNetwork = {
  image: [1, 8, 9],
  make(b, weight, norm) {
    const conv = b.op('Conv', [norm('x', 'first'), weight('w', [6, 1, 3, 3])], { pads: [1, 1, 1, 1] });
    const flat = b.op('Flatten', [b.op('GlobalAveragePool', [b.op('Relu', [norm(conv, 'second')])])]);
    return b.op('Gemm', [flat, weight('head', [6, 1], 2), weight('bias', [1])]);
  },
};
const smallEncoder = (batch?: number): TrainableEncoder => {
  const { norm: _, ...network } = toTrain(small, { batch });
  return { network, channels: 1, layout: 'nchw', size: { rows: 8, columns: 9 }, layers: [] };
};

const settings: TrainingSettings = {
  norm: 'frozen',
  draw: { volumes: 2, slices: 4, augmentation: paperAugmentation },
  schedule: { steps: 7, rate: 3e-3, finalRate: 1e-4, warmUp: 0 },
  seed: 5,
  measureBatches: 0,
  validation: { directions: 2, slices: 5 },
  validateEvery: 3,
  checkpointEvery: 2,
  memory: 1e6,
};

/** What a training stored: everything that it wrote, in memory. */
class Store implements TrainingStore {
  readonly logs: { step: number; metrics: Readonly<Record<string, number>> }[] = [];
  readonly encoders: { best?: Uint8Array; last?: Uint8Array } = {};
  readonly saved: number[] = [];
  readonly bestAt: number[] = [];
  state: { tensors: Uint8Array; record: StateRecord } | undefined;
  /** Called before anything is written. */
  private readonly before: (what: string, step: number) => void;

  constructor(before: (what: string, step: number) => void = () => {}) {
    this.before = before;
  }

  async saveState(...[state, { parameters }]: Parameters<TrainingStore['saveState']>): Promise<void> {
    this.before('state', state.step);
    const { tensors, record } = encodeState(state, parameters);
    this.state = { tensors, record: JSON.parse(JSON.stringify(record)) };
    this.saved.push(state.step);
  }

  async saveEncoder(which: 'best' | 'last', model: Uint8Array): Promise<void> {
    this.before(which, this.logs.at(-1)?.step ?? 0);
    this.encoders[which] = model;
    if (which === 'best') this.bestAt.push(this.logs.at(-1)?.step ?? 0);
  }

  async log(step: number, metrics: Readonly<Record<string, number>>): Promise<void> {
    this.before('auc' in metrics ? 'scores' : 'loss', step);
    this.logs.push({ step, metrics });
  }

  /** Of each log that has it. */
  metric(name: string): [step: number, value: number][] {
    return this.logs.flatMap(({ step, metrics }) =>
      name in metrics ? [[step, metrics[name]] as [number, number]] : [],
    );
  }
}

type Changes = Partial<Omit<TrainingInput, 'settings' | 'store'>> & {
  readonly settings?: Partial<TrainingSettings>;
  readonly store?: Store;
  /** What an earlier training left. */
  readonly from?: Store;
};

function inputOf({
  settings: changed,
  store = new Store(),
  from,
  ...more
}: Changes): TrainingInput & { store: Store } {
  const state = from?.state;
  const decode = (parameters: Parameters<typeof decodeState>[3]) =>
    decodeState(state!.tensors, 'state', state!.record, parameters);
  return {
    encoder: smallEncoder(),
    training: cohort(4),
    validation: cohort(4, {}, 4),
    metadata: { name: 'test', preprocessing: defaultPreprocessing, classes: ['bright'] },
    open: (model) => openDirect(model),
    ...more,
    settings: { ...settings, ...changed },
    store,
    ...(state && {
      resume: async ({ parameters }) => decode(parameters),
      resumedStatistics: decode([]).running,
    }),
  };
}

/** Trains to the end. */
async function run(
  changes: Changes = {},
): Promise<{ store: Store; outcome: TrainingOutcome; progress: TrainingProgress[] }> {
  const progress: TrainingProgress[] = [];
  const input = inputOf({ onProgress: (now) => progress.push(now), ...changes });
  return { outcome: await train(input), store: input.store, progress };
}

/** Trains to an error. */
async function fail(changes: Changes): Promise<{ store: Store; error: Error }> {
  const input = inputOf(changes);
  return { error: await errorOf(train(input)), store: input.store };
}

function expectSameEnd(actual: Store, expected: Store) {
  expect(actual.state!.record).toEqual(expected.state!.record);
  expect(sameBytes(actual.state!.tensors, expected.state!.tensors)).toBe(true);
  for (const which of ['best', 'last'] as const) {
    expect(sameBytes(actual.encoders[which]!, expected.encoders[which]!), which).toBe(true);
  }
}

const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);
beforeAll(() => {
  process.on('unhandledRejection', note);
});
afterAll(() => {
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

describe('learning', () => {
  test.each(
    norms,
  )('%s: the loss falls, and the encoder that is written tells the volumes apart', async (norm) => {
    const { store, outcome } = await run({
      encoder: resnet(norm),
      settings: {
        norm: norm === 'batch' ? 'batch' : 'frozen',
        measureBatches: norm === 'frozen' ? 2 : 0,
        schedule: { steps: 30, rate: 1e-2, finalRate: 1e-3, warmUp: 0 },
        validateEvery: 100,
      },
      open: (model, more) => openSession(model, { threads: 2, ...more }),
    });
    const losses = store.metric('loss').map(([, loss]) => loss);
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(0.4 * losses[0]);
    expect(outcome).toMatchObject({ step: 30, stoppedEarly: false, best: { step: 30 } });
    expect(outcome.best!.auc).toBe(1);
    const encoder = await readEncoder(store.encoders.last!, 'last.onnx');
    expect(encoder).toMatchObject({ outputs: 1, classes: ['bright'], size: { rows: 32, columns: 32 } });
  });
});

describe('a training that is stopped and gone on with', () => {
  const kinds = { frozen: 'frozen', batch: 'batch', group: 'frozen' } as const;
  const changesOf = (norm: NormName): Changes => ({
    encoder: resnet(norm),
    settings: { norm: kinds[norm], measureBatches: norm === 'frozen' ? 2 : 0 },
    // Lanes that overtake one another, of one kind at least.
    ...(norm === 'frozen' && { open: (model, more) => openSession(model, { threads: 2, ...more }) }),
  });

  /** What is left of a training that failed, as a new store begins with it. */
  const goOn = async (changes: Changes, left: Store) => {
    const store = new Store();
    store.encoders.best = left.encoders.best;
    await run({ ...changes, from: left, store });
    return store;
  };

  test.each(norms)('%s, by its signal: the same bytes in the end', async (norm) => {
    const changes = changesOf(norm);
    const whole = (await run(changes)).store;
    const stop = new AbortController();
    const stopped = await fail({
      ...changes,
      signal: stop.signal,
      onProgress: ({ step }) => {
        if (step === 3) stop.abort(new Error('enough'));
      },
    });
    expect(stopped.error.message).toBe('enough');
    expect(stopped.store.state!.record.step).toBe(3);

    const last = await goOn(changes, stopped.store);
    expectSameEnd(last, whole);
  });

  test('behind any step: no step is done twice or left out', async () => {
    const expected = (await run()).store;
    for (let step = 1; step <= 7; step++) {
      const stop = new AbortController();
      const onProgress = (now: TrainingProgress) => {
        if (now.step === step) stop.abort(new Error('enough'));
      };
      const input = inputOf({ signal: stop.signal, onProgress });
      const outcome = await train(input).catch((error: Error) => error);
      if (step < 7) expect(outcome).toEqual(new Error('enough'));
      expect(input.store.state!.record.step).toBe(step);
      expectSameEnd(await goOn({}, input.store), expected);
    }
  });

  test('whatever the store fails at: the validation that was under way is made up for', async () => {
    const expected = (await run({ settings: { validateEvery: 7, checkpointEvery: 100 } })).store;
    for (const what of ['loss', 'scores', 'best']) {
      let times = 0;
      const changes = { settings: { validateEvery: 7, checkpointEvery: 100 } };
      const { error, store } = await fail({
        ...changes,
        store: new Store((now) => {
          if (now === what && times++ === 0) throw new Error(`no ${what}`);
        }),
      });
      expect(error.message).toBe(`no ${what}`);
      expect(store.state!.record).toMatchObject({ step: 7, validated: 0 });
      const end = await goOn(changes, store);
      expectSameEnd(end, expected);
      expect(end.bestAt).toEqual([7]);
    }
  });

  test('by a store that cannot save its state, twice', async () => {
    const expected = (await run()).store;
    const failingAt = (at: number) => {
      let times = 0;
      return new Store((what, step) => {
        if (what === 'state' && step === at && times++ === 0) throw new Error('disk full');
      });
    };
    const first = await fail({ store: failingAt(2) });
    expect(first.error.message).toBe('disk full');
    // The second attempt, on the way out, succeeds.
    expect(first.store.saved).toEqual([2]);
    const store = failingAt(6);
    store.encoders.best = first.store.encoders.best;
    const second = await fail({ from: first.store, store });
    expect(second.error.message).toBe('disk full');
    expect(store.saved).toEqual([4, 6]);
    expectSameEnd(await goOn({}, store), expected);
  });

  test('in the middle of a validation: it is done again, and counts once', async () => {
    const expected = (await run()).store;
    const stop = new AbortController();
    const [first, ...rest] = cohort(4, {}, 4);
    const watched = {
      ...first,
      load: () => {
        stop.abort(new Error('enough'));
        return first.load();
      },
    };
    const { error, store } = await fail({ validation: [watched, ...rest], signal: stop.signal });
    expect(error.message).toBe('enough');
    expect(store.state!.record).toMatchObject({ step: 3, validated: 0, sinceBest: 0 });
    expect(store.metric('auc')).toEqual([]);
    const end = await goOn({}, store);
    expect(end.metric('auc').map(([step]) => step)).toEqual([3, 6, 7]);
    expect(end.metric('auc')).toEqual(expected.metric('auc'));
    expectSameEnd(end, expected);
  });

  test('with the statistics of its norms that were measured before, which are not measured again', async () => {
    const expected = (await run({ settings: { measureBatches: 2 } })).store;
    const stop = new AbortController();
    const { store } = await fail({
      settings: { measureBatches: 2 },
      signal: stop.signal,
      onProgress: ({ step }) => {
        if (step === 3) stop.abort(new Error('enough'));
      },
    });
    expectSameEnd(await goOn({ settings: { measureBatches: 0 } }, store), expected);
    let sessions = 0;
    const open: TrainingInput['open'] = (model) => {
      sessions++;
      return openDirect(model);
    };
    await goOn({ settings: { measureBatches: 2 }, open }, store);
    // One that trains, and one that validates.
    expect(sessions).toBe(2);
  });

  test('that is over already: its encoders are written again, and nothing is learned', async () => {
    const { store } = await run();
    const { store: again, outcome } = await run({ from: store });
    expect(outcome).toEqual({ step: 7, best: store.state!.record.best, stoppedEarly: false });
    expect(sameBytes(again.state!.tensors, store.state!.tensors)).toBe(true);
    expect(sameBytes(again.encoders.last!, store.encoders.last!)).toBe(true);
    expect(again.logs).toEqual([]);
  });

  test('before its first step, while a volume cannot be read: the signal’s reason, and nothing else', async () => {
    const broken = cohort(4).map((given) => ({ ...given, load: () => Promise.reject(new Error('gone')) }));
    const reason = new Error('not now');
    const { error, store } = await fail({ training: broken, signal: AbortSignal.abort(reason) });
    expect(error).toBe(reason);
    expect(store.state!.record.step).toBe(0);
    await new Promise((resume) => setTimeout(resume, 10));
    expect(unhandled).toEqual([]);
  });

  test('with a checkpoint of another network', async () => {
    const { store } = await run();
    const { error } = await fail({ from: store, encoder: resnet('group') });
    expect(error).toBeInstanceOf(TonnoError);
    expect(error.message).toMatch(/^state: It holds no weight for conv1\.0\.weight .* another network/);
  });
});

describe('what the engine is asked', () => {
  /** Numbers of images in each run of each session, and what the sessions were opened with. */
  function watching(lanes = 1) {
    const sessions: { options: object; runs: number[]; closed: boolean }[] = [];
    const open: TrainingInput['open'] = async (model, options) => {
      const own = await openDirect(model);
      const seen = { options, runs: [] as number[], closed: false };
      sessions.push(seen);
      return {
        ...own,
        lanes,
        run: (feeds, fetches) => {
          seen.runs.push(feeds.x.dims[0]);
          return own.run(feeds, fetches);
        },
        close: () => {
          seen.closed = true;
          return own.close();
        },
      } satisfies Session;
    };
    return { sessions, open };
  }
  const short = { schedule: { ...settings.schedule, steps: 1 } };

  test('the whole step where there is one lane, a share of it for each of several', async () => {
    for (const [lanes, runs] of [
      [1, [8]],
      [2, [4, 4]],
      [3, [3, 2, 3]],
      [5, [2, 2, 2, 2]],
    ] as const) {
      const { sessions, open } = watching(lanes);
      await run({ open, validation: [], settings: short });
      expect(sessions.map((session) => session.runs)).toEqual([runs]);
      expect(sessions[0]).toMatchObject({ closed: true, options: { constantWeights: false, name: 'small' } });
    }
  });

  test('one lane and the whole step for the batch’s statistics, and to measure them', async () => {
    const { sessions, open } = watching();
    await run({ open, validation: [], settings: { ...short, norm: 'batch', measureBatches: 2 } });
    expect(sessions.map((session) => session.runs)).toEqual([[8, 8], [8]]);
    expect(sessions).toMatchObject([
      { closed: true, options: { lanes: 1 } },
      { closed: true, options: { lanes: 1 } },
    ]);
  });

  test('as many slices as it is told: another rounding, the same learning', async () => {
    const { sessions, open } = watching();
    const parts = await run({ open, settings: { microBatch: 3 } });
    expect(new Set(sessions[0].runs)).toEqual(new Set([2, 3]));
    const { store } = await run();
    const weights = (of: Store) => {
      const { model } = smallEncoder().network;
      const names = model.graph.initializer.map(({ name }) => name);
      const written = parseModel(of.encoders.last!, 'last');
      return Float32Array.from(
        [...initialiserValues(written, names).values()].flatMap((values) => [...values]),
      );
    };
    expect(sameBytes(weights(parts.store), weights(store))).toBe(false);
    expect(distance(weights(parts.store), weights(store))).toBeLessThan(1e-4);
    // The same again is the same bytes.
    const again = await run({ settings: { microBatch: 3 } });
    expectSameEnd(again.store, parts.store);
  });

  test('a network of a fixed batch is fed whole batches', async () => {
    const { sessions, open } = watching(2);
    const { store } = await run({ open, encoder: smallEncoder(3), settings: { measureBatches: 1 } });
    for (const { runs } of sessions) expect(new Set(runs)).toEqual(new Set([3]));
    expect(await readEncoder(store.encoders.last!, 'last.onnx')).toMatchObject({ batch: 3 });
  });

  test('its sessions are closed when a training fails', async () => {
    const { sessions, open } = watching();
    await fail({
      open,
      store: new Store((what) => {
        if (what === 'scores') throw new Error('no');
      }),
    });
    expect(sessions.map(({ closed }) => closed)).toEqual([true, true]);
  });
});

describe('statistics of batch norms', () => {
  /** Pixels of the batches that are drawn, one batch after the other; the first batch norm sees them as they are. */
  async function drawnPixels(batches: number): Promise<Float32Array[]> {
    const source = new StreamSource(settings.seed);
    const cases = cohort(4);
    const balanced = new BalancedCases(cases.map(({ labels }) => labels));
    const cache = new VolumeCache(cases, 1e6);
    const layout = {
      size: { rows: 8, columns: 9 },
      channels: 1,
      layout: 'nchw',
      microBatch: 99,
      fixed: false,
    } as const;
    const all: Float32Array[] = [];
    for (let b = 0; b < batches; b++) {
      const drawn = drawStep(balanced, settings.draw, source.next());
      all.push((await cutBatches(drawn, cases, cache, layout))[0].pixels);
    }
    return all;
  }
  function momentsOf(pixels: Float32Array): { mean: number; unbiased: number } {
    const mean = pixels.reduce((a, b) => a + b, 0) / pixels.length;
    const squares = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, unbiased: squares / (pixels.length - 1) };
  }
  const still = { rate: 0, finalRate: 0, warmUp: 0 };
  async function statistics(changed: Partial<TrainingSettings>): Promise<number[]> {
    const { store } = await run({ settings: changed, validation: [] });
    const written = parseModel(store.encoders.last!, 'last');
    const values = initialiserValues(written, ['first.mean', 'first.variance']);
    return [values.get('first.mean')![0], values.get('first.variance')![0]];
  }

  test('that are frozen are measured over batches as they are drawn, each counting alike', async () => {
    const [mean, variance] = await statistics({ measureBatches: 3, schedule: { ...still, steps: 2 } });
    const all = (await drawnPixels(3)).map(momentsOf);
    expect(mean).toBeCloseTo(all.reduce((sum, own) => sum + own.mean, 0) / 3, 5);
    expect(variance).toBeCloseTo(all.reduce((sum, own) => sum + own.unbiased, 0) / 3, 5);
  });

  test('that are frozen and not measured stay what they were', async () => {
    const given = initialiserValues(smallEncoder().network.model, ['first.mean', 'first.variance']);
    expect(await statistics({})).toEqual([given.get('first.mean')![0], given.get('first.variance')![0]]);
  });

  test('of the batch move by a tenth from step to step, as PyTorch’s', async () => {
    const given = initialiserValues(smallEncoder().network.model, ['first.mean', 'first.variance']);
    let [mean, variance] = [given.get('first.mean')![0], given.get('first.variance')![0]];
    for (const own of (await drawnPixels(4)).map(momentsOf)) {
      mean = 0.9 * mean + 0.1 * own.mean;
      variance = 0.9 * variance + 0.1 * own.unbiased;
    }
    const actual = await statistics({ norm: 'batch', schedule: { ...still, steps: 4 } });
    expect(actual[0]).toBeCloseTo(mean, 5);
    expect(actual[1]).toBeCloseTo(variance, 5);
  });
});

describe('what is told on the way', () => {
  test('losses every ten steps and at the end, rates, validations when they are due, the best encoder when it is better', async () => {
    const { store, progress, outcome } = await run({
      settings: { schedule: { ...settings.schedule, steps: 24 }, validateEvery: 10, checkpointEvery: 7 },
    });
    expect(store.metric('loss').map(([step]) => step)).toEqual([10, 20, 24]);
    const cosine = (step: number) => 1e-4 + ((3e-3 - 1e-4) * (1 + Math.cos((Math.PI * step) / 24))) / 2;
    for (const [step, rate] of store.metric('learning_rate')) expect(rate).toBeCloseTo(cosine(step - 1), 10);
    for (const name of ['auc', 'balanced_accuracy', 'best_balanced_accuracy']) {
      expect(store.metric(name).map(([step]) => step)).toEqual([10, 20, 24]);
      for (const [, value] of store.metric(name)) expect(value >= 0 && value <= 1).toBe(true);
    }
    expect(store.saved).toEqual([7, 14, 21, 24]);
    expect(progress.map(({ step }) => step)).toEqual([...Array.from({ length: 24 }, (_, i) => i + 1), 24]);
    expect(progress.map(({ slices }) => slices).slice(0, 24)).toEqual(
      Array.from({ length: 24 }, (_, i) => 8 * (i + 1)),
    );
    expect(progress[8].validation).toBeUndefined();
    expect(progress[9].validation!.logits).toHaveLength(4);
    for (const { steps, loss } of progress) expect(steps === 24 && Number.isFinite(loss)).toBe(true);
    // The mean of the losses since the last log.
    expect(progress[9].loss).toBeCloseTo(store.metric('loss')[0][1], 12);

    const aucs = store.metric('auc');
    const best = Math.max(...aucs.map(([, auc]) => auc));
    expect(outcome.best!.auc).toBe(best);
    expect(store.bestAt.at(-1)).toBe(outcome.best!.step);
    expect(store.state!.record).toMatchObject({ step: 24, validated: 24, best: outcome.best });
  });

  test('a loss is the mean of the ten steps before it, and of no others', async () => {
    const changes = {
      settings: { schedule: { steps: 20, rate: 0, finalRate: 0, warmUp: 0 }, checkpointEvery: 10 },
      validation: [],
    };
    const { store } = await run(changes);
    const stop = new AbortController();
    const onProgress = ({ step }: TrainingProgress) => {
      if (step === 10) stop.abort(new Error('enough'));
    };
    const half = await fail({ ...changes, signal: stop.signal, onProgress });
    const rest = await run({ ...changes, from: half.store });
    expect([...half.store.metric('loss'), ...rest.store.metric('loss')]).toEqual(store.metric('loss'));
    expect(store.metric('loss')[0][1]).not.toBe(store.metric('loss')[1][1]);
  });

  test('the best encoder is that of the step at which it was best', async () => {
    // Nothing is learned: what is validated later is no better.
    const changes = { settings: { schedule: { steps: 9, rate: 0, finalRate: 0, warmUp: 0 } } };
    const { store, outcome } = await run(changes);
    expect(store.bestAt).toEqual([3]);
    expect(outcome.best!.step).toBe(3);
    expect(store.state!.record.sinceBest).toBe(2);
  });

  test('without volumes for validation the last encoder is the best', async () => {
    const { store, outcome } = await run({ validation: [] });
    expect(outcome).toEqual({ step: 7, best: undefined, stoppedEarly: false });
    expect(store.metric('auc')).toEqual([]);
    expect(sameBytes(store.encoders.best!, store.encoders.last!)).toBe(true);
  });

  test('patience ends it where nothing gets better, and again when it is gone on with', async () => {
    const changes = {
      settings: { schedule: { steps: 50, rate: 0, finalRate: 0, warmUp: 0 }, validateEvery: 2, patience: 3 },
    };
    const { store, outcome } = await run(changes);
    // Best at 2; at 4, 6 and 8 it is not better.
    expect(outcome).toMatchObject({ step: 8, stoppedEarly: true, best: { step: 2 } });
    expect(store.encoders.last).toBeDefined();
    expect(store.state!.record).toMatchObject({ step: 8, sinceBest: 3 });
    const again = await run({ ...changes, from: store });
    expect(again.outcome).toMatchObject({ step: 8, stoppedEarly: true });
    expect(again.store.logs).toEqual([]);
  });

  test('the same seed is the same training, another one is another', async () => {
    const first = (await run()).store;
    expectSameEnd((await run()).store, first);
    const other = (await run({ settings: { seed: 6 } })).store;
    expect(sameBytes(other.encoders.last!, first.encoders.last!)).toBe(false);
  });
});

describe('what goes wrong', () => {
  test('a volume with NaN: the step, the case and the batch are named, and the last state is kept', async () => {
    const broken = cohort(4).map((given, i) =>
      i === 1 ? caseOf('case 1', [1], () => Number.NaN, { shape: [8, 8, 8] }) : given,
    );
    const { error, store } = await fail({ training: broken, validation: [] });
    expect(error).toBeInstanceOf(TonnoError);
    expect(error.message).toMatch(sentence);
    const [, step] =
      /^step (\d+): The loss is not finite: slice \d of case 1 has the logit NaN\. The batch was case [02], case 1\. Lower --lr in a new run, or check/.exec(
        error.message,
      )!;
    expect(store.state!.record.step).toBe(Number(step) - 1);
    expect(Number.isFinite(decodeState(store.state!.tensors, 'a', store.state!.record, []).step)).toBe(true);
  });

  test('of several classes it is the slice that is named, not the logit', async () => {
    const { norm: _, ...network } = toTrain({
      image: small.image,
      make(b, weight) {
        const flat = b.op('Flatten', [b.op('GlobalAveragePool', ['x'])]);
        return b.op('Gemm', [flat, weight('head', [1, 3]), weight('bias', [3])]);
      },
    });
    const labels = [
      [0, 1, 0],
      [1, 0, 1],
    ];
    // The first plane of one volume is NaN, and with it the slices that come near it.
    const training = labels.map((own, i) =>
      caseOf(`case ${i}`, own, (voxel) => (i === 1 && voxel < 64 ? Number.NaN : 1), { shape: [8, 8, 8] }),
    );
    const { error } = await fail({ encoder: { ...smallEncoder(), network }, training, validation: [] });
    const [, step, slice] = /^step (\d+): .* slice (\d+) of case 1 has the logit NaN/.exec(error.message)!;

    const source = new StreamSource(settings.seed);
    for (let before = 1; before < Number(step); before++) source.next();
    const drawn = drawStep(new BalancedCases(labels), settings.draw, source.next());
    const layout = { ...smallEncoder(), microBatch: 1, fixed: false };
    const slices = await cutBatches(drawn, training, new VolumeCache(training, 0), layout);
    const broken = slices.findIndex(({ pixels }) => pixels.some(Number.isNaN));
    expect(Number(slice)).toBe(broken - 4 * drawn.findIndex(({ index }) => index === 1));
    expect(Number(slice)).toBeGreaterThan(0);
  });

  test('a rate under which weights explode', async () => {
    const { error, store } = await fail({
      settings: { schedule: { steps: 9, rate: 1e38, finalRate: 1e38, warmUp: 0 }, checkpointEvery: 100 },
      validation: [],
    });
    expect(error.message).toMatch(
      /^step 2: The loss is not finite: slice \d of case \d has the logit -?(NaN|Infinity)\. The batch was case [02], case [13]\./,
    );
    expect(store.saved).toEqual([1]);
  });

  test('a gradient that is not finite although the loss is', async () => {
    const { error, store } = await fail({
      validation: [],
      open: async (model) => {
        const own = await openDirect(model);
        let times = 0;
        return {
          ...own,
          async run(feeds) {
            const results = await own.run(feeds);
            const gradient = Object.values(results)
              .map(({ data }) => data as Float32Array)
              .reduce((a, b) => (b.length > a.length ? b : a));
            if (++times === 3) gradient[gradient.length - 1] = Number.NEGATIVE_INFINITY;
            return results;
          },
        };
      },
    });
    expect(error.message).toMatch(
      /^step 3: The loss is not finite: the gradient is not finite\. The batch was case/,
    );
    expect(store.saved.at(-1)).toBe(2);
  });

  test('a volume that cannot be read any more: its own error, behind the last step that could be done', async () => {
    let loads = 0;
    const training = cohort(4, {
      onLoad: () => {
        if (++loads > 6) throw new TonnoError('case.nii', 'The file is gone.');
      },
    });
    // Nothing is kept in memory: each step reads two volumes again.
    const { error, store } = await fail({
      training,
      validation: [],
      settings: { memory: 0, checkpointEvery: 100 },
    });
    expect(error.message).toBe('case.nii: The file is gone.');
    expect(store.state!.record.step).toBeGreaterThanOrEqual(3);
    expect(store.saved).toEqual([store.state!.record.step]);
  });

  test('an engine that fails: the last whole step is kept', async () => {
    const { error, store } = await fail({
      validation: [],
      open: async (model) => {
        const own = await openDirect(model);
        let times = 0;
        return {
          ...own,
          run: (feeds) => (++times === 4 ? Promise.reject(new Error('out of memory')) : own.run(feeds)),
        };
      },
    });
    expect(error.message).toBe('out of memory');
    expect(store.saved.at(-1)).toBe(3);
  });

  test('a store that cannot even save: the first error counts', async () => {
    const { error } = await fail({
      store: new Store((what) => {
        throw new Error(`no ${what}`);
      }),
    });
    expect(error.message).toBe('no state');
    const later = await fail({
      settings: { checkpointEvery: 100 },
      store: new Store((what) => {
        throw new Error(`no ${what}`);
      }),
    });
    expect(later.error.message).toBe('no scores');
  });

  test('cases of one side only', async () => {
    const positive = cohort(4).filter(({ labels }) => labels[0] === 1);
    const { error } = await fail({ training: positive });
    expect(error.message).toBe('Every class needs a positive and a negative case.');
  });
});
