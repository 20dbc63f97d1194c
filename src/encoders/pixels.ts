/** Slices as an encoder's input: channels repeated, scaled and shifted as its preprocessing says, in its layout. */
import type { SliceSize } from '../geometry/sampler.ts';
import type { ImageLayout } from '../onnx/image-input.ts';
import type { PreparedVolume } from './preprocessing.ts';

/** Where the pixels go. */
export interface PixelLayout {
  readonly channels: number;
  readonly layout: ImageLayout;
}

/** What augmentation does to the image that the encoder would see: gain · pixel + shift. */
export interface Shade {
  readonly gain: number;
  readonly shift: number;
}

/** How a volume's values become the encoder's; see `PreparedVolume`. */
export interface PixelScaling extends Pick<PreparedVolume, 'source' | 'gain' | 'offset'> {
  readonly volume: { readonly channels: number };
}

/**
 * From slices [count, channels of the volume, rows, columns] to the encoder's input with `places` images; places
 * without a slice stay zero.
 */
export function toPixels(
  slices: Float32Array,
  count: number,
  places: number,
  size: SliceSize,
  encoder: PixelLayout,
  prepared: PixelScaling,
): Float32Array {
  const { gain, offset, volume } = prepared;
  const { channels, layout } = encoder;
  const pixels = size.rows * size.columns;
  const asIs = gain.every((g) => g === 1) && offset.every((o) => o === 0);
  const inPlace = channels === volume.channels && (layout === 'nchw' || channels === 1);
  if (asIs && inPlace && places === count) return slices;
  const input = new Float32Array(places * channels * pixels);
  for (let m = 0; m < count; m++) {
    const slice = slices.subarray(m * volume.channels * pixels, (m + 1) * volume.channels * pixels);
    writePixels(slice, size, encoder, prepared, input, m * channels * pixels);
  }
  return input;
}

/**
 * One slice [channels of the volume, rows, columns] as one image of the encoder's input.
 * @param out receives it from index `at` on.
 */
export function writePixels(
  slice: Float32Array,
  { rows, columns }: SliceSize,
  { channels, layout }: PixelLayout,
  { source, gain, offset }: PixelScaling,
  out: Float32Array,
  at: number,
  shade: Shade = asSeen,
): void {
  const pixels = rows * columns;
  const [byChannel, byPixel] = layout === 'nchw' ? [pixels, 1] : [1, channels];
  for (let c = 0; c < channels; c++) {
    const from = source[c] * pixels;
    const to = at + c * byChannel;
    const g = gain[c] * shade.gain;
    const o = offset[c] * shade.gain + shade.shift;
    for (let i = 0; i < pixels; i++) out[to + i * byPixel] = g * slice[from + i] + o;
  }
}

const asSeen: Shade = { gain: 1, shift: 0 };
