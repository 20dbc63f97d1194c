/**
 * An encoder that runs in a session, as a response. Slices are cut when the engine has room for them and no sooner, so
 * what waits in memory is a few batches, whatever the number of directions. What the engine gives back is read by
 * **answers**: the logit is one, a class activation map that is part of the encoder's graph another; all answers
 * come from one run over the slices.
 */
import type { Encoder } from '../encoders/external.ts';
import { type PixelScaling, toPixels } from '../encoders/pixels.ts';
import { EncoderError, UsageError } from '../errors.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import type { Stack } from '../geometry/stack.ts';
import { Gate } from '../runtime/gate.ts';
import type { Session, Tensor } from '../runtime/session.ts';
import type { Maps, Response } from './response.ts';

/** Batches that wait before each of the engine's threads besides the one it works on. */
const WAITING = 1;

/**
 * Pixels of a batch when nobody says otherwise. On a CPU five slices of 224²: larger batches are no faster and push
 * more of the slices out of the cache before they are used. A GPU wants as many as keep all of it busy.
 */
const PIXELS_PER_BATCH = { cpu: 2 ** 18, gpu: 2 ** 21 };

/** Side of a slice when neither the encoder nor the user says: the paper's (A.6). */
export const DEFAULT_SIZE = 224;

/** What must be known of an encoder to run it on slices. */
export type SliceEncoder = Pick<
  Encoder,
  'name' | 'input' | 'output' | 'layout' | 'channels' | 'batch' | 'size'
>;

export interface RunOptions {
  /** Required where the encoder leaves it free; must agree with it where it does not. */
  readonly size?: number;
  /** Slices a run, where the encoder leaves it free. */
  readonly batch?: number;
}

/** Some images of one run: `places` of them were fed, the first `count` are slices. */
export interface Batch {
  /** Pixels of an image. */
  readonly size: SliceSize;
  readonly places: number;
  readonly count: number;
}

/** One output of a graph and how it becomes maps. */
export interface Answer {
  /** What the maps are called. */
  readonly name: string;
  /** The graph's output. */
  readonly output: string;
  /**
   * The maps of the first `count` images.
   * @throws EncoderError when the tensor is not what was expected.
   */
  read(tensor: Tensor, batch: Batch): Maps;
}

/**
 * The answers of an encoder. `prepared` says how a slice's values become the encoder's, and the volume to be sliced is
 * `prepared.volume`.
 * @param session of the encoder's model or of one made from it, with all the outputs that the answers want.
 * @throws UsageError for a size that the encoder does not take.
 */
export function encoderResponse(
  encoder: SliceEncoder,
  session: Session,
  prepared: PixelScaling,
  answers: readonly Answer[],
  options: RunOptions = {},
): Response {
  const runs = new EncoderRuns(encoder, session, prepared, options);
  const outputs = [...new Set(answers.map(({ output }) => output))];
  return {
    names: answers.map(({ name }) => name),
    size: runs.size,
    // One stack finishing, one computing in each thread: no thread waits for slices.
    lanes: session.lanes + 1,
    planeMeasure: 1,
    async respond(stack, signal) {
      const batches = await runs.overStack(stack, outputs, signal);
      return answers.map((answer) => {
        const parts = batches.map(({ tensors, batch }) => answer.read(tensors[answer.output], batch));
        return joinMaps(parts, encoder, answer.name, stack);
      });
    },
  };
}

/** Runs of an encoder on slices, no more waiting at a time than keep the session busy. */
export class EncoderRuns {
  readonly size: SliceSize;
  /** Slices of a run at most. */
  readonly most: number;
  readonly #encoder: SliceEncoder;
  readonly #session: Session;
  readonly #prepared: PixelScaling;
  readonly #gate: Gate;

  constructor(
    encoder: SliceEncoder,
    session: Session,
    prepared: PixelScaling,
    { size, batch }: RunOptions = {},
  ) {
    this.#encoder = encoder;
    this.#session = session;
    this.#prepared = prepared;
    this.size = sliceSize(encoder, size);
    this.#gate = new Gate(this.underWay);
    const pixels = PIXELS_PER_BATCH[session.device === 'cpu' ? 'cpu' : 'gpu'];
    this.most = encoder.batch ?? batch ?? Math.max(1, Math.floor(pixels / this.imageLength));
  }

  /** Numbers of one image of the encoder's input. */
  get imageLength(): number {
    return this.size.rows * this.size.columns * this.#encoder.channels;
  }

  /** Batches that may wait or run at once. */
  get underWay(): number {
    return this.#session.lanes * (1 + WAITING);
  }

  /** A run of `count` slices. */
  batch(count: number): Batch {
    return { count, places: this.#encoder.batch ?? count, size: this.size };
  }

  /** All slices of a stack, in batches in their order. */
  overStack(
    stack: Stack,
    outputs: readonly string[],
    signal?: AbortSignal,
  ): Promise<{ tensors: Record<string, Tensor>; batch: Batch }[]> {
    return this.inBatches(stack.count, this.most, signal, async (from, to) => {
      const batch = this.batch(to - from);
      return { tensors: await this.run(this.images(stack, from, to, batch.places), batch, outputs), batch };
    });
  }

  /** The slices [from, to) of a stack as `places` images of the encoder's input. */
  images(stack: Stack, from: number, to: number, places = to - from): Float32Array {
    return toPixels(stack.cut(from, to), to - from, places, this.size, this.#encoder, this.#prepared);
  }

  /**
   * Does work on [0, count) in equal parts of at most `most`, as many at once as the session has room for: 34 by at
   * most 10 are 9 + 9 + 8 + 8, not 10 + 10 + 10 + 4. Nothing is left running behind a failure.
   */
  async inBatches<T>(
    count: number,
    most: number,
    signal: AbortSignal | undefined,
    work: (from: number, to: number) => Promise<T>,
  ): Promise<T[]> {
    const batches = Math.ceil(count / most);
    const edges = Array.from({ length: batches + 1 }, (_, b) => Math.round((b * count) / batches));
    const parts = edges.slice(1).map(async (to, b) => {
      await this.#gate.enter();
      try {
        signal?.throwIfAborted();
        return await work(edges[b], to);
      } finally {
        this.#gate.leave();
      }
    });
    await Promise.allSettled(parts);
    return Promise.all(parts);
  }

  /** One run on [places, channels, rows, columns] numbers, which are handed over. */
  run(
    images: Float32Array,
    { places }: Pick<Batch, 'places'>,
    outputs: readonly string[],
  ): Promise<Record<string, Tensor>> {
    const { input, layout, channels } = this.#encoder;
    const { rows, columns } = this.size;
    const dims = layout === 'nchw' ? [places, channels, rows, columns] : [places, rows, columns, channels];
    return this.#session.run({ [input]: { data: images, dims } }, outputs);
  }
}

/** The slice size an encoder is run at. */
export function sliceSize(encoder: SliceEncoder, wanted: number | undefined): SliceSize {
  const side = wanted ?? DEFAULT_SIZE;
  const rows = encoder.size?.rows ?? side;
  const columns = encoder.size?.columns ?? side;
  if (wanted !== undefined && (rows !== wanted || columns !== wanted)) {
    throw new UsageError(
      '--size',
      `${encoder.name} takes slices of ${rows}×${columns} only, not of ${wanted}.`,
      {
        remedy: 'Leave --size out.',
      },
    );
  }
  return { rows, columns };
}

/**
 * The maps of a stack from those of its consecutive slices.
 * @throws EncoderError when a value is no finite number.
 */
export function joinMaps(
  parts: readonly Maps[],
  { name }: Pick<SliceEncoder, 'name'>,
  answer: string,
  { direction }: Stack,
): Maps {
  const [{ kinds, rows, columns }] = parts;
  const length = kinds * rows * columns;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const data = new Float32Array(count * length);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.count * length;
  }
  const broken = data.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) {
    const slice = Math.floor(broken / length);
    throw new EncoderError(
      name,
      `The ${answer} of slice ${slice} of direction ${direction.index} is ${data[broken]}.`,
      { remedy: 'Check the input scaling, and that the encoder’s weights are finite.' },
    );
  }
  return { data, count, kinds, rows, columns };
}
