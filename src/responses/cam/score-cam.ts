/**
 * ScoreCAM (Wang et al. 2020): no gradient, but a question for each channel of a layer. The slice is shown to the
 * encoder again through the channel's own map as a mask, and what the logit becomes, after a softmax over the channels,
 * is the channel's weight. A slice costs as many passes of the encoder as the layer has channels, a volume easily hours,
 * so masked slices are made in batches within a memory limit, and the time that a pass takes is told at once.
 */
import type { Encoder } from '../../encoders/external.ts';
import type { PixelScaling } from '../../encoders/pixels.ts';
import { EncoderError } from '../../errors.ts';
import type { SliceSize } from '../../geometry/sampler.ts';
import { parseModel, serialiseModel } from '../../onnx/model.ts';
import { exposeTensor } from '../../onnx/rewrite.ts';
import type { Session, Tensor } from '../../runtime/session.ts';
import { type Batch, EncoderRuns, joinMaps, type RunOptions, type SliceEncoder } from '../encoder.ts';
import { logitAnswer } from '../logit.ts';
import type { Maps, Response } from '../response.ts';
import { type CamLayer, layerAxes, tokenGrid, withoutExtent } from './layer.ts';

export interface ScoreCamOptions extends RunOptions {
  /** Bytes of masked slices that may wait for the engine at once; 256 MiB by default. */
  readonly memory?: number;
  /** Called once, when the first slice is done, with what a slice costs. */
  readonly onCost?: (cost: ScoreCamCost) => void;
}

export interface ScoreCamCost {
  /** Passes of the encoder for one slice. */
  readonly passesPerSlice: number;
  readonly secondsPerSlice: number;
}

const DEFAULT_MEMORY = 256 * 2 ** 20;

/** The encoder with the activations of some layers among its outputs: what the session must load. */
export function scoreCamModel(
  encoder: Pick<Encoder, 'name' | 'model'>,
  layers: readonly CamLayer[],
): Uint8Array {
  const model = parseModel(encoder.model, encoder.name);
  return serialiseModel(layers.reduce((extended, { tensor }) => exposeTensor(extended, tensor), model));
}

/**
 * ScoreCAM of one class at some layers, one map each.
 * @param session of `scoreCamModel`.
 * @param index of the class.
 */
export function scoreCamResponse(
  encoder: SliceEncoder,
  session: Session,
  prepared: PixelScaling,
  index: number,
  layers: readonly CamLayer[],
  options: ScoreCamOptions = {},
): Response {
  const runs = new EncoderRuns(encoder, session, prepared, options);
  const scorer = new Scorer(encoder, runs, index, options);
  const names = layers.map(({ name }) => `scorecam:${name}`);
  return {
    names,
    size: runs.size,
    // While the last masks of one stack are looked at, those of the next can be.
    lanes: 2,
    planeMeasure: 1,
    async respond(stack, signal) {
      const parts: Maps[][] = [];
      for (let from = 0; from < stack.count; from += runs.most) {
        const count = Math.min(runs.most, stack.count - from);
        const batch = runs.batch(count);
        const images = runs.images(stack, from, from + count, batch.places);
        const tensors = await runs.run(
          images.slice(),
          batch,
          layers.map(({ tensor }) => tensor),
        );
        const activations = layers.map(
          (layer) => new Activations(tensors[layer.tensor], layer, batch, encoder.name),
        );
        for (let m = 0; m < count; m++) {
          const image = images.subarray(m * runs.imageLength, (m + 1) * runs.imageLength);
          parts.push(await scorer.maps(image, activations, m, signal));
        }
      }
      return names.map((name, i) =>
        joinMaps(
          parts.map((maps) => maps[i]),
          encoder,
          name,
          stack,
        ),
      );
    },
  };
}

/** A layer's activations of one batch, read channel by channel. */
class Activations {
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  readonly #data: ArrayLike<number>;
  readonly #image: number;
  readonly #channel: number;
  readonly #place: number;
  readonly #first: number;

  /** @throws EncoderError when the tensor is no map for each image. */
  constructor({ data, dims }: Tensor, layer: CamLayer, { places, size }: Batch, encoder: string) {
    const axes = layerAxes[layer.layout];
    const plane = axes.plane.map((axis) => dims[axis]);
    this.channels = dims[axes.channels];
    [this.rows, this.columns] = plane.length === 2 ? plane : tokenGrid(plane[0] - layer.prefix, layer, size);
    const all = plane.reduce((a, b) => a * b, 1);
    if (dims.length !== plane.length + 2 || dims[0] !== places || !Number.isInteger(this.columns)) {
      throw new EncoderError(
        encoder,
        `The layer "${layer.tensor}" has the shape [${dims.join(', ')}], which is no map for each of ${places} slices of ${size.rows}×${size.columns}.`,
        { remedy: 'Choose another layer: tonno layers lists them.' },
      );
    }
    if (this.rows * this.columns === 1) throw withoutExtent(layer, encoder, size);
    this.#data = data as ArrayLike<number>;
    this.#image = this.channels * all;
    const channelsFirst = axes.channels === 1;
    [this.#channel, this.#place] = channelsFirst ? [all, 1] : [1, this.channels];
    this.#first = layer.prefix * this.#place;
  }

  /** One channel's map [rows, columns] of one image. */
  channel(image: number, channel: number): Float32Array {
    const at = image * this.#image + channel * this.#channel + this.#first;
    return Float32Array.from(
      { length: this.rows * this.columns },
      (_, p) => this.#data[at + p * this.#place],
    );
  }
}

/** Shows one slice through masks. */
class Scorer {
  readonly #encoder: SliceEncoder;
  readonly #runs: EncoderRuns;
  readonly #index: number;
  readonly #most: number;
  #onCost: ScoreCamOptions['onCost'];

  constructor(
    encoder: SliceEncoder,
    runs: EncoderRuns,
    index: number,
    { memory = DEFAULT_MEMORY, onCost }: ScoreCamOptions,
  ) {
    this.#encoder = encoder;
    this.#runs = runs;
    this.#index = index;
    this.#onCost = onCost;
    const affordable = Math.floor(memory / (4 * runs.imageLength * runs.underWay));
    this.#most = Math.max(1, Math.min(runs.most, affordable));
  }

  /** The map of each layer of one slice. */
  async maps(
    image: Float32Array,
    layers: readonly Activations[],
    slice: number,
    signal?: AbortSignal,
  ): Promise<Maps[]> {
    const start = performance.now();
    const maps: Maps[] = [];
    for (const layer of layers) {
      const scores = await this.#scores(image, layer, slice, signal);
      const { rows, columns } = layer;
      maps.push({ data: weightedSum(layer, slice, softmax(scores)), count: 1, kinds: 1, rows, columns });
    }
    this.#onCost?.({
      passesPerSlice: layers.reduce((sum, { channels }) => sum + channels, 0),
      secondsPerSlice: (performance.now() - start) / 1000,
    });
    this.#onCost = undefined;
    return maps;
  }

  /** The logit of the slice behind each channel's mask. */
  async #scores(
    image: Float32Array,
    layer: Activations,
    slice: number,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const { size } = this.#runs;
    const { output } = this.#encoder;
    const logit = logitAnswer(this.#encoder, [this.#index]);
    const parts = await this.#runs.inBatches(layer.channels, this.#most, signal, async (from, to) => {
      const batch = this.#runs.batch(to - from);
      const masked = new Float32Array(batch.places * image.length);
      for (let c = from; c < to; c++) {
        const mask = unitRange(enlarge(layer.channel(slice, c), layer, size));
        this.#multiply(image, mask, masked, (c - from) * image.length);
      }
      const tensors = await this.#runs.run(masked, batch, [output]);
      return logit.read(tensors[output], batch);
    });
    return Float32Array.from(parts.flatMap(({ data }) => [...data]));
  }

  /** An image times a mask over its plane, in the encoder's order of channels and pixels. */
  #multiply(image: Float32Array, mask: Float32Array, out: Float32Array, at: number): void {
    const { channels, layout } = this.#encoder;
    for (let i = 0; i < image.length; i++) {
      const pixel = layout === 'nchw' ? i % mask.length : Math.floor(i / channels);
      out[at + i] = image[i] * mask[pixel];
    }
  }
}

/** max(0, Σ_c w_c·A_c) */
function weightedSum(layer: Activations, slice: number, weights: Float64Array): Float32Array {
  const sum = new Float64Array(layer.rows * layer.columns);
  for (const [c, weight] of weights.entries()) {
    const map = layer.channel(slice, c);
    for (let p = 0; p < sum.length; p++) sum[p] += weight * map[p];
  }
  return Float32Array.from(sum, (value) => Math.max(0, value));
}

function softmax(scores: Float32Array): Float64Array {
  const highest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** What keeps the scaling of a constant map finite. */
const EPSILON = 1e-8;

/** Scales a mask from its minimum and maximum to 0 and 1, in place. */
function unitRange(mask: Float32Array): Float32Array {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of mask) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  for (let i = 0; i < mask.length; i++) mask[i] = (mask[i] - low) / (high - low + EPSILON);
  return mask;
}

/** A map over a slice's pixels: bilinear with half-pixel centres, the outermost cells reaching to the border. */
function enlarge(
  map: Float32Array,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  size: SliceSize,
): Float32Array {
  const out = new Float32Array(size.rows * size.columns);
  const vertical = neighbours(rows, size.rows);
  const horizontal = neighbours(columns, size.columns);
  let at = 0;
  for (const [above, below, fy] of vertical) {
    for (const [left, right, fx] of horizontal) {
      const top = map[above * columns + left] * (1 - fx) + map[above * columns + right] * fx;
      const bottom = map[below * columns + left] * (1 - fx) + map[below * columns + right] * fx;
      out[at++] = top * (1 - fy) + bottom * fy;
    }
  }
  return out;
}

/** For each pixel the two cells it lies between and how far it is from the first to the second. */
function neighbours(cells: number, pixels: number): [first: number, second: number, share: number][] {
  return Array.from({ length: pixels }, (_, p) => {
    const position = Math.min(Math.max(((p + 0.5) * cells) / pixels - 0.5, 0), cells - 1);
    const first = Math.min(Math.floor(position), Math.max(cells - 2, 0));
    return [first, Math.min(first + 1, cells - 1), position - first];
  });
}
