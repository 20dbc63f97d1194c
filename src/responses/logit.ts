/** The encoder's answer as a response: a 1×1 map per class (R_gθ of Eq. 6). */
import type { PixelScaling } from '../encoders/pixels.ts';
import { EncoderError, UsageError } from '../errors.ts';
import type { Session, Tensor } from '../runtime/session.ts';
import { type Answer, type Batch, encoderResponse, type RunOptions, type SliceEncoder } from './encoder.ts';
import type { Maps, Response } from './response.ts';

export interface LogitOptions extends RunOptions {
  /** The classes whose logits are wanted, by index; all when absent. */
  readonly classes?: readonly number[];
}

/**
 * The logits of an encoder that runs in a session. `prepared` says how a slice's values become the encoder's, and
 * the volume to be sliced is `prepared.volume`.
 * @throws UsageError for a size that the encoder does not take.
 */
export function logitResponse(
  encoder: SliceEncoder,
  session: Session,
  prepared: PixelScaling,
  { classes, ...options }: LogitOptions = {},
): Response {
  return encoderResponse(encoder, session, prepared, [logitAnswer(encoder, classes)], options);
}

/** The logits of some classes, or of all, as maps of one pixel. */
export function logitAnswer(
  encoder: Pick<SliceEncoder, 'name' | 'output'>,
  classes?: readonly number[],
): Answer {
  return {
    name: 'logit',
    output: encoder.output,
    read: (tensor, batch) => pick(tensor, encoder, batch, classes),
  };
}

/** The wanted classes of an output [places, K] (or [places], [places, K, 1, 1]), without the empty places. */
function pick(
  { data, dims }: Tensor,
  encoder: Pick<SliceEncoder, 'name' | 'output'>,
  { places, count }: Batch,
  classes: readonly number[] | undefined,
): Maps {
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
  return { data: logits, count, kinds: wanted.length, rows: 1, columns: 1 };
}
