/**
 * The encoder's answer as a response: a 1×1 map per class (R_gθ of Eq. 6). Slices are cut when the engine has room
 * for them and no sooner, so what waits in memory is a few batches, whatever the number of directions.
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

/** What must be known of an encoder to run it. */
export type LogitSource = Pick<
  Encoder,
  'name' | 'input' | 'output' | 'layout' | 'channels' | 'batch' | 'size'
>;

export interface LogitOptions {
  /** Required where the encoder leaves it free; must agree with it where it does not. */
  readonly size?: number;
  /** The classes whose logits are wanted, by index; all when absent. */
  readonly classes?: readonly number[];
  /** Slices a run, where the encoder leaves it free. */
  readonly batch?: number;
}

/**
 * The logits of an encoder that runs in a session. `prepared` says how a slice's values become the encoder's, and
 * the volume to be sliced is `prepared.volume`.
 * @throws UsageError for a size that the encoder does not take.
 */
export function logitResponse(
  encoder: LogitSource,
  session: Session,
  prepared: PixelScaling,
  options: LogitOptions = {},
): Response {
  const size = sliceSize(encoder, options.size);
  const gate = new Gate(session.lanes * (1 + WAITING));
  const most =
    encoder.batch ??
    options.batch ??
    Math.max(
      1,
      Math.floor(
        PIXELS_PER_BATCH[session.device === 'cpu' ? 'cpu' : 'gpu'] /
          (size.rows * size.columns * encoder.channels),
      ),
    );

  /** One run for the slices [from, to): their logits, [to − from, K]. */
  async function run(
    stack: Stack,
    from: number,
    to: number,
  ): Promise<{ logits: Float32Array; kinds: number }> {
    const count = to - from;
    const places = encoder.batch ?? count;
    const pixels = toPixels(stack.cut(from, to), count, places, size, encoder, prepared);
    const { rows, columns } = size;
    const dims =
      encoder.layout === 'nchw'
        ? [places, encoder.channels, rows, columns]
        : [places, rows, columns, encoder.channels];
    const outputs = await session.run({ [encoder.input]: { data: pixels, dims } }, [encoder.output]);
    return pick(outputs[encoder.output], encoder, places, count, options.classes);
  }

  return {
    name: 'logit',
    size,
    // One stack finishing, one computing in each thread: no thread waits for slices.
    lanes: session.lanes + 1,
    planeMeasure: 1,
    async respond(stack, signal): Promise<Maps> {
      // Equal batches: 34 slices by at most 10 are 9 + 9 + 8 + 8, not 10 + 10 + 10 + 4.
      const batches = Math.ceil(stack.count / most);
      const edges = Array.from({ length: batches + 1 }, (_, b) => Math.round((b * stack.count) / batches));
      const parts = await allDone(
        edges.slice(1).map(async (to, b) => {
          await gate.enter();
          try {
            signal?.throwIfAborted();
            return await run(stack, edges[b], to);
          } finally {
            gate.leave();
          }
        }),
      );
      const { kinds } = parts[0];
      const data = new Float32Array(stack.count * kinds);
      parts.forEach(({ logits }, b) => {
        data.set(logits, edges[b] * kinds);
      });
      const broken = data.findIndex((value) => !Number.isFinite(value));
      if (broken >= 0) {
        const slice = Math.floor(broken / kinds);
        throw new EncoderError(
          encoder.name,
          `The logit of slice ${slice} of direction ${stack.direction.index} is ${data[broken]}.`,
          { remedy: 'Check the input scaling, and that the encoder’s weights are finite.' },
        );
      }
      return { data, count: stack.count, kinds, rows: 1, columns: 1 };
    },
  };
}

/** Like Promise.all, but waits for the others before it rejects: nothing is left running behind. */
async function allDone<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** The slice size an encoder is run at. */
export function sliceSize(encoder: LogitSource, wanted: number | undefined): SliceSize {
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

/** The wanted classes of an output [places, K] (or [places], [places, K, 1, 1]), without the empty places. */
function pick(
  output: Tensor,
  encoder: LogitSource,
  places: number,
  count: number,
  classes: readonly number[] | undefined,
): { logits: Float32Array; kinds: number } {
  const { data, dims } = output;
  const rest = dims.slice(1).filter((length) => length !== 1);
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  if (!isFloat || dims[0] !== places || rest.length > 1) {
    throw new EncoderError(
      encoder.name,
      `Its output ${encoder.output} of shape [${dims.join(', ')}] is not one row of logits for each of ${places} slices.`,
      { remedy: 'Name an output of shape [n], [n, 1] or [n, K].' },
    );
  }
  const all = data.length / places;
  const wanted = classes ?? Array.from({ length: all }, (_, k) => k);
  const outside = wanted.find((k) => k >= all);
  if (outside !== undefined) {
    throw new UsageError(
      '--class',
      `${encoder.name} has ${all} classes, and class ${outside} is not among them.`,
      {
        remedy: `Choose 0 to ${all - 1}.`,
      },
    );
  }
  const logits = new Float32Array(count * wanted.length);
  for (let m = 0, at = 0; m < count; m++) {
    for (const k of wanted) logits[at++] = data[m * all + k];
  }
  return { logits, kinds: wanted.length };
}
