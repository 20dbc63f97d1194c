/**
 * The training loop (A.6). While the engine works out one step's gradient, the slices of the next are drawn and cut; so
 * that a stopped training goes on exactly where it was, everything drawn at random comes from a stream of its own for
 * each step, and the state holds where the streams stand. Files, clocks and engines come in from outside.
 */
import type { EncoderMetadata } from '../encoders/metadata.ts';
import { EncoderError, TonnoError } from '../errors.ts';
import { StreamSource } from '../geometry/random.ts';
import { serialiseModel } from '../onnx/model.ts';
import type { Session, SessionOptions } from '../runtime/session.ts';
import { adamStep, placeTogether } from './adam.ts';
import { type TrainedNorm, updateRunning } from './batch-norm.ts';
import { type BatchLayout, cutBatches } from './batches.ts';
import { type TrainingCase, VolumeCache } from './cases.ts';
import { BalancedCases, type DrawnVolume, type DrawSettings, drawStep } from './draw.ts';
import { GradientEngine, type MicroBatch, weightTensors } from './engine.ts';
import {
  type EvaluationGraph,
  evaluationGraph,
  runningStatistics,
  statisticsGraph,
  type TrainingGraph,
  trainingGraph,
} from './graph.ts';
import { meanLoss } from './loss.ts';
import { exportEncoder, initialiserValues, type TrainableEncoder, withInitialisers } from './network.ts';
import { parameterValues } from './parameters.ts';
import { learningRate, type Schedule } from './schedule.ts';
import type { Best, TrainingState } from './state.ts';
import {
  type ClassScores,
  judge,
  type Validation,
  type ValidationSettings,
  Validator,
} from './validation.ts';

export interface TrainingSettings {
  readonly norm: TrainedNorm;
  readonly draw: DrawSettings;
  readonly schedule: Schedule;
  readonly seed: number;
  /** Slices in one run of the engine; by default a share of the step for each of its threads. */
  readonly microBatch?: number;
  /** Batches on which the statistics of batch norms are measured before the first step; 0 leaves them as they are. */
  readonly measureBatches: number;
  readonly validation: ValidationSettings;
  /** Steps from one validation to the next. */
  readonly validateEvery: number;
  /** Steps from one checkpoint to the next. */
  readonly checkpointEvery: number;
  /** Validations without a better one after which the training ends early; never when absent. */
  readonly patience?: number;
  /** Bytes of voxels that are kept in memory. */
  readonly memory: number;
}

/** Where a training puts what it makes. Each is whole before the promise resolves. */
export interface TrainingStore {
  saveState(state: TrainingState, graph: TrainingGraph): Promise<void>;
  saveEncoder(which: 'best' | 'last', model: Uint8Array): Promise<void>;
  /** Numbers of a step. */
  log(step: number, metrics: Readonly<Record<string, number>>): Promise<void>;
}

export interface TrainingProgress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Mean loss of the last steps. */
  readonly loss: number;
  /** Slices that the engine has worked on since the start. */
  readonly slices: number;
  readonly validation: Validation | undefined;
}

export interface TrainingInput {
  readonly encoder: TrainableEncoder;
  readonly settings: TrainingSettings;
  readonly training: readonly TrainingCase[];
  /** May be empty: then the last encoder is the best. */
  readonly validation: readonly TrainingCase[];
  readonly metadata: EncoderMetadata;
  readonly store: TrainingStore;
  open(
    model: Uint8Array,
    options: Pick<SessionOptions, 'constantWeights' | 'lanes' | 'name'>,
  ): Promise<Session>;
  /** Makes the state to go on from, once it is known how the parameters are fed. */
  readonly resume?: (graph: TrainingGraph) => Promise<TrainingState>;
  /** Running statistics of the state to go on from: part of the network where norms are frozen. */
  readonly resumedStatistics?: ReadonlyMap<string, Float32Array>;
  onProgress?(progress: TrainingProgress): void;
  readonly signal?: AbortSignal;
}

export interface TrainingOutcome {
  readonly step: number;
  readonly best: Best | undefined;
  readonly stoppedEarly: boolean;
}

/** Steps whose losses are averaged for the log. */
const LOG_EVERY = 10;
/** PyTorch's momentum of running statistics. */
const MOMENTUM = 0.1;
/** Pixels of a micro-batch at most, where nobody says otherwise: what a step keeps grows with them. */
const PIXELS_PER_RUN = { cpu: 2 ** 20, gpu: 2 ** 22 };

/** A step that is ready for the engine. */
interface Prepared {
  readonly drawn: readonly DrawnVolume[];
  readonly batches: readonly MicroBatch[];
  /** Where the streams stand behind it. */
  readonly random: readonly number[];
}

/**
 * Trains an encoder.
 * @throws TonnoError when a loss is not finite (naming step, cases and slices), a volume cannot be read, or the store
 * fails; the state of the last whole step is saved before, where the store still can. Rejects with the signal's reason
 * when it is aborted, the state saved likewise.
 */
export async function train(input: TrainingInput): Promise<TrainingOutcome> {
  const trainer = await Trainer.create(input);
  try {
    return await trainer.run();
  } finally {
    await trainer.close();
  }
}

class Trainer {
  private readonly input: TrainingInput;
  private readonly cache: VolumeCache;
  private readonly cases: readonly TrainingCase[];
  private readonly balanced: BalancedCases;
  private encoder: TrainableEncoder;
  private layout!: BatchLayout;
  private graph!: TrainingGraph;
  private evaluation!: EvaluationGraph;
  private engine!: GradientEngine;
  private session: Session | undefined;
  private evaluationSession: Session | undefined;
  private validator: Validator | undefined;
  private state!: TrainingState;
  private lastSaved = -1;
  private slices = 0;
  private lastValidation: Validation | undefined;

  private constructor(input: TrainingInput) {
    this.input = input;
    this.encoder = input.encoder;
    this.cases = [...input.training, ...input.validation];
    this.cache = new VolumeCache(this.cases, input.settings.memory);
    this.balanced = new BalancedCases(input.training.map(({ labels }) => labels));
  }

  static async create(input: TrainingInput): Promise<Trainer> {
    const trainer = new Trainer(input);
    try {
      await trainer.open();
      return trainer;
    } catch (error) {
      await trainer.close();
      throw error;
    }
  }

  private async open(): Promise<void> {
    const { settings, resume, resumedStatistics } = this.input;
    const source = new StreamSource(settings.seed);
    if (resumedStatistics) this.adopt(resumedStatistics);
    else if (settings.measureBatches > 0) await this.measureStatistics(source);
    const network = { ...this.encoder.network, norm: settings.norm };
    this.graph = trainingGraph(network);
    const lanes = settings.norm === 'batch' && settings.microBatch === undefined ? 1 : undefined;
    this.session = await this.openSession(this.graph, lanes);
    this.layout = this.batchLayout(this.session);
    this.engine = new GradientEngine(this.session, this.graph);
    this.evaluation = evaluationGraph(network);
    if (resume) {
      const state = await resume(this.graph);
      this.state = { ...state, ...placeTogether(state.weights, state.adam) };
      // Sums of other parts would have other bits, and the default depends on the machine.
      this.layout = { ...this.layout, microBatch: this.state.microBatch };
    } else {
      this.state = {
        ...placeTogether(parameterValues(network.model, this.graph.parameters)),
        step: 0,
        random: source.state,
        running: initialiserValues(network.model, runningStatistics(network.model)),
        best: undefined,
        sinceBest: 0,
        validated: 0,
        losses: [],
        microBatch: this.layout.microBatch,
      };
    }
  }

  private openSession({ model }: { model: TrainingGraph['model'] }, lanes?: number): Promise<Session> {
    const name = model.graph.name;
    return this.input.open(serialiseModel(model), { constantWeights: false, lanes, name });
  }

  /** The network with other running statistics. */
  private adopt(running: ReadonlyMap<string, Float32Array>): void {
    const { network } = this.encoder;
    this.encoder = {
      ...this.encoder,
      network: { ...network, model: withInitialisers(network.model, running) },
    };
  }

  /** Means and variances of the batch norms over some batches as training draws them, each batch counting alike. */
  private async measureStatistics(source: StreamSource): Promise<void> {
    const { network } = this.encoder;
    const running = initialiserValues(network.model, runningStatistics(network.model));
    if (running.size === 0) return;
    const graph = statisticsGraph({ ...network, norm: 'batch' });
    const session = await this.openSession(graph, 1);
    try {
      const engine = new GradientEngine(session, graph);
      engine.setWeights(parameterValues(network.model, graph.parameters));
      this.layout = { ...this.batchLayout(session), microBatch: network.batch ?? Number.MAX_SAFE_INTEGER };
      for (let batch = 0; batch < this.input.settings.measureBatches; batch++) {
        this.input.signal?.throwIfAborted();
        const { batches } = await this.prepare(source);
        const { moments } = await engine.compute(batches);
        updateRunning(running, moments, 1 / (batch + 1));
      }
    } finally {
      await session.close();
    }
    this.adopt(running);
  }

  private batchLayout(session: Session): BatchLayout {
    const { settings } = this.input;
    const { channels, layout, size, network } = this.encoder;
    const step = settings.draw.volumes * settings.draw.slices;
    const room = PIXELS_PER_RUN[session.device === 'cpu' ? 'cpu' : 'gpu'];
    const most = Math.max(1, Math.floor(room / (size.rows * size.columns)));
    // Batch norm that trains wants to see the whole step.
    const share = settings.norm === 'batch' ? step : Math.min(most, Math.ceil(step / session.lanes));
    const microBatch = network.batch ?? settings.microBatch ?? share;
    return { channels, layout, size, microBatch, fixed: network.batch !== undefined };
  }

  /** A failure is told to whoever waits for it, and to nobody when another one ended the training before. */
  private prepare(source: StreamSource): Promise<Prepared> {
    const drawn = drawStep(this.balanced, this.input.settings.draw, source.next());
    const random = source.state;
    const cut = cutBatches(drawn, this.cases, this.cache, this.layout);
    const prepared = cut.then((batches): Prepared => ({ drawn, batches, random }));
    prepared.catch(() => {});
    return prepared;
  }

  async run(): Promise<TrainingOutcome> {
    const { schedule } = this.input.settings;
    let stoppedEarly = false;
    try {
      stoppedEarly = await this.steps();
    } catch (error) {
      // What was learned so far must not be lost to what ended the training; where saving fails too, the first error counts.
      await this.save().catch(() => {});
      throw error;
    }
    const last = this.export();
    await this.input.store.saveEncoder('last', last);
    if (this.input.validation.length === 0) await this.input.store.saveEncoder('best', last);
    await this.save();
    this.progress(schedule.steps);
    return { step: this.state.step, best: this.state.best, stoppedEarly };
  }

  /** All steps that are left. True when patience ended them. */
  private async steps(): Promise<boolean> {
    const { settings, signal } = this.input;
    const { steps } = settings.schedule;
    const source = new StreamSource(this.state.random);
    this.engine.setWeights(this.state.weights);
    // What stopped the training may have come between a step and its validation.
    if (this.isValidationDue()) await this.validate();
    let next = this.state.step < steps ? this.prepare(source) : undefined;
    while (next) {
      if (this.isPatienceOver()) return true;
      signal?.throwIfAborted();
      const prepared: Prepared = await next;
      const working = this.engine.compute(prepared.batches);
      next = this.state.step + 1 < steps ? this.prepare(source) : undefined;
      const { gradient, logits, moments } = await working;
      await this.update(prepared, gradient, logits, moments);
    }
    return false;
  }

  private async update(
    prepared: Prepared,
    gradient: Float32Array,
    logits: Float32Array,
    moments: Parameters<typeof updateRunning>[1],
  ): Promise<void> {
    const { settings, store } = this.input;
    const { steps } = settings.schedule;
    const labels = this.labelsOf(prepared.drawn);
    const loss = meanLoss(logits, labels);
    if (!Number.isFinite(loss) || !allFinite(gradient)) throw this.notFinite(prepared.drawn, logits);
    const rate = learningRate(settings.schedule, this.state.step);
    adamStep(this.state.weights, gradient, this.state.adam, rate);
    updateRunning(this.state.running, moments, MOMENTUM);
    const step = this.state.step + 1;
    const losses = [...this.state.losses, loss].slice(-LOG_EVERY);
    this.state = { ...this.state, step, random: prepared.random, losses };
    this.engine.setWeights(this.state.weights);
    this.slices += logits.length / this.graph.outputs;
    if (step % LOG_EVERY === 0 || step === steps) {
      await store.log(step, { loss: this.meanLoss(), learning_rate: rate });
    }
    if (this.isValidationDue()) await this.validate();
    if (step % settings.checkpointEvery === 0) await this.save();
    this.progress(steps);
  }

  private async validate(): Promise<void> {
    const { settings, validation, training, store, signal } = this.input;
    this.evaluationSession ??= await this.openSession(this.evaluation);
    const session = this.evaluationSession;
    const { input, logits: output, parameters } = this.evaluation;
    const { channels, layout, size, network } = this.encoder;
    const name = network.model.graph.name;
    this.validator ??= new Validator(
      { name, input, output, channels, layout, batch: network.batch, size },
      session,
      size,
      settings.validation,
    );
    session.hold(weightTensors({ parameters }, this.state.weights));
    session.hold(
      Object.fromEntries([...this.state.running].map(([key, data]) => [key, { data, dims: [data.length] }])),
    );
    const rows: number[][] = [];
    for (const index of validation.keys()) {
      signal?.throwIfAborted();
      rows.push(await this.score(training.length + index));
    }
    const judged = judge(
      rows,
      validation.map(({ labels }) => labels),
    );
    const { step, best, sinceBest } = this.state;
    const { logits: _, ...scores } = judged;
    await store.log(step, {
      auc: scores.auc,
      balanced_accuracy: scores.balancedAccuracy,
      best_balanced_accuracy: scores.bestBalancedAccuracy,
    });
    this.lastValidation = judged;
    const better = !best || isBetter(scores, best);
    if (better) await store.saveEncoder('best', this.export());
    this.state = better
      ? { ...this.state, best: { step, ...scores }, sinceBest: 0, validated: step }
      : { ...this.state, sinceBest: sinceBest + 1, validated: step };
  }

  /** A case's logits. @throws TonnoError that names step and case when one of them is not finite. */
  private async score(index: number): Promise<number[]> {
    const volume = await this.cache.get(index);
    try {
      return await this.validator!.score(volume, this.input.signal);
    } catch (error) {
      if (!(error instanceof EncoderError)) throw error;
      throw new TonnoError(
        `step ${this.state.step}`,
        `The network fails at the validation case ${this.cases[index].name}: ${error.problem}`,
        {
          remedy: 'Lower --lr in a new run, or check the values of this volume and how they are normalised.',
          cause: error,
        },
      );
    }
  }

  private isValidationDue(): boolean {
    const { settings, validation } = this.input;
    const { step, validated } = this.state;
    const { steps } = settings.schedule;
    return (
      validation.length > 0 && step > validated && (step % settings.validateEvery === 0 || step === steps)
    );
  }

  private isPatienceOver(): boolean {
    const { patience } = this.input.settings;
    return patience !== undefined && this.state.sinceBest >= patience;
  }

  private export(): Uint8Array {
    const { weights, running } = this.state;
    return exportEncoder(this.encoder, this.graph.parameters, weights, running, this.input.metadata);
  }

  private async save(): Promise<void> {
    if (this.lastSaved === this.state.step) return;
    await this.input.store.saveState(this.state, this.graph);
    this.lastSaved = this.state.step;
  }

  private labelsOf(drawn: readonly DrawnVolume[]): Float32Array {
    return Float32Array.from(
      drawn.flatMap(({ index, slices }) => slices.flatMap(() => this.cases[index].labels)),
    );
  }

  private notFinite(drawn: readonly DrawnVolume[], logits: Float32Array): TonnoError {
    const { outputs } = this.graph;
    const names = drawn.map(({ index }) => this.cases[index].name);
    let at = 0;
    for (const { index, slices } of drawn) {
      const own = logits.subarray(at * outputs, (at + slices.length) * outputs);
      const slice = own.findIndex((logit) => !Number.isFinite(logit));
      if (slice >= 0) {
        return lossError(
          this.state.step,
          `slice ${Math.floor(slice / outputs)} of ${this.cases[index].name} has the logit ${own[slice]}`,
          names,
        );
      }
      at += slices.length;
    }
    return lossError(this.state.step, 'the gradient is not finite', names);
  }

  private meanLoss(): number {
    const { losses } = this.state;
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  }

  private progress(steps: number): void {
    this.input.onProgress?.({
      step: this.state.step,
      steps,
      loss: this.meanLoss(),
      slices: this.slices,
      validation: this.lastValidation,
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.session?.close(), this.evaluationSession?.close()]);
  }
}

function isBetter(a: ClassScores, b: ClassScores): boolean {
  return a.auc > b.auc || (a.auc === b.auc && a.bestBalancedAccuracy > b.bestBalancedAccuracy);
}

function lossError(step: number, what: string, cases: readonly string[]): TonnoError {
  return new TonnoError(
    `step ${step + 1}`,
    `The loss is not finite: ${what}. The batch was ${cases.join(', ')}.`,
    { remedy: 'Lower --lr in a new run, or check the values of these volumes and how they are normalised.' },
  );
}

/** False when any value is NaN or infinite. Four sums: additions that wait for one another take three times as long. */
function allFinite(values: Float32Array): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  // 0 times a finite number is 0, and 0 times any other is NaN.
  for (let i = 0; i < whole; i += 4) {
    a += values[i] * 0;
    b += values[i + 1] * 0;
    c += values[i + 2] * 0;
    d += values[i + 3] * 0;
  }
  for (let i = whole; i < values.length; i++) a += values[i] * 0;
  return a + b + c + d === 0;
}
