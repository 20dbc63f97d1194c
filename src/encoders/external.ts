/**
 * Any ONNX network that gives one number a class for a 2D image, as an encoder. Everything that follows needs to
 * know (which input, which output, which axis holds the channels, how values are prepared) is read from the file or
 * said by the caller; what cannot be used is refused here, before an engine sees it. A final softmax or sigmoid is
 * taken off, because the paper reconstructs logits, not probabilities.
 */
import { DeviceError, EncoderError } from '../errors.ts';
import { type ImageLayout, imageChannels, imageLayout } from '../onnx/image-input.ts';
import { type Dimension, parseModel, serialiseModel, tensorType } from '../onnx/model.ts';
import { findImageInput } from './input.ts';
import { type EncoderMetadata, readMetadata } from './metadata.ts';
import { type Activation, countOutputs, findOutput, withLogit } from './output.ts';
import { defaultPreprocessing, type Preprocessing, validatePreprocessing } from './preprocessing.ts';

export interface Encoder {
  /** The file's name, for errors and records. */
  readonly name: string;
  /** Of the bytes as they were given, in hexadecimal. */
  readonly sha256: string;
  /** What a session must load: the given bytes or, where an activation was taken off, a rewritten model. */
  readonly model: Uint8Array;
  /** Name of the input tensor: float32, [n, channels, rows, columns] or [n, rows, columns, channels]. */
  readonly input: string;
  /** Name of the output tensor: float32, `outputs` numbers for each of n images. */
  readonly output: string;
  readonly layout: ImageLayout;
  /** Channels of the input. */
  readonly channels: number;
  /** Images in one run; undefined when any number will do. */
  readonly batch: number | undefined;
  /** Pixels of an image; undefined when any size will do. A side that is free alone takes the other's length. */
  readonly size: { readonly rows: number; readonly columns: number } | undefined;
  /** Number of classes K; undefined when the graph does not say. */
  readonly outputs: number | undefined;
  /** A name for each output, or empty. */
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  /** What was taken off the end so that the output is the logit. */
  readonly activation: Activation;
  /** What the file says about itself. */
  readonly metadata: EncoderMetadata;
}

export interface EncoderOptions {
  /** Wins over the file's metadata, which wins over the default. */
  readonly preprocessing?: Partial<Preprocessing>;
  readonly layout?: ImageLayout;
  /** Name of the image input, for graphs that do not show it by its rank. */
  readonly input?: string;
  /** Name of the output, where there are several; the first by default. */
  readonly output?: string;
}

/**
 * Reads an encoder from the bytes of an .onnx file.
 * @param bytes must not be changed afterwards.
 * @param name the file's name, for errors and records.
 * @throws EncoderError when the file is no ONNX model, or one that cannot be used: no or several inputs, images that
 * are not float32, a number of channels that nothing fixes, an output that is not one number a class, bad metadata.
 */
export async function readEncoder(
  bytes: Uint8Array,
  name: string,
  options: EncoderOptions = {},
): Promise<Encoder> {
  const model = parseModel(bytes, name);
  const input = findImageInput(model, name, options.input);
  const layout = options.layout ?? imageLayout(model, input);
  const channels = imageChannels(model, input, layout);
  if (channels === undefined) {
    throw new EncoderError(name, `The number of channels of its input "${input.name}" is not fixed.`, {
      remedy:
        'Export it with a fixed number of channels; only the batch and the size of the image may be free.',
    });
  }
  const [batch, ...sides] = [0, ...(layout === 'nchw' ? [2, 3] : [1, 2])].map((axis) =>
    fixedLength(tensorType(input).shape?.[axis]),
  );
  const end = findOutput(model, name, options.output);
  const outputs = countOutputs(end, name, batch);
  const logit = withLogit(model, end.name);
  const metadata = readMetadata(model, name);
  const preprocessing = { ...defaultPreprocessing, ...metadata.preprocessing, ...options.preprocessing };
  validatePreprocessing(preprocessing, { name, channels });
  return {
    name,
    sha256: await sha256(bytes),
    model: logit.model === model ? bytes : serialiseModel(logit.model),
    input: input.name,
    output: logit.output,
    layout,
    channels,
    batch,
    size: imageSize(sides),
    outputs,
    classes: matchingClasses(metadata.classes ?? [], outputs, name),
    preprocessing,
    activation: logit.activation,
    metadata,
  };
}

function fixedLength(length: Dimension): number | undefined {
  return typeof length === 'number' && length > 0 ? length : undefined;
}

function imageSize([rows, columns]: (number | undefined)[]): Encoder['size'] {
  if (rows === undefined && columns === undefined) return undefined;
  return { rows: rows ?? columns!, columns: columns ?? rows! };
}

function matchingClasses(
  classes: readonly string[],
  outputs: number | undefined,
  name: string,
): readonly string[] {
  if (classes.length === 0 || outputs === undefined || classes.length === outputs) return classes;
  throw new EncoderError(
    name,
    `Its metadata names ${count(classes.length, 'class', 'classes')} ("tonno.classes"), but its output has ${outputs}.`,
    { remedy: 'Give one name for each output.' },
  );
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

async function sha256(bytes: Uint8Array): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new DeviceError(
      'browser',
      'It computes no checksums for pages that did not come over a secure connection.',
      {
        remedy: 'Open the page over https or from localhost.',
      },
    );
  }
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
