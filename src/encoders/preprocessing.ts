/**
 * What is done to a volume before an encoder sees it. It may be cropped to where one of its channels has something in it,
 * and its values become
 *
 *     pixel = (normalised · scale − mean) / std
 *
 * `normalise` looks at the whole of what is left and a whole channel; `scale` belongs to the volume's channels, `mean` and
 * `std` to the encoder's.
 */
import { EncoderError, VolumeError } from '../errors.ts';
import { type Box, boundingBox, cropVolume, wholeBox } from '../volume/crop.ts';
import { channelStatistics } from '../volume/statistics.ts';
import { type Volume, voxelCount } from '../volume/volume.ts';

export interface Preprocessing {
  /** Per channel over the whole volume: nothing; zero mean and unit deviation; minimum and maximum to 0 and 1. */
  readonly normalise: 'none' | 'zscore' | 'range';
  /** One factor for all channels of the volume or one for each. */
  readonly scale: readonly number[];
  /** One value for all channels of the encoder or one for each. */
  readonly mean: readonly number[];
  /** As `mean`. */
  readonly std: readonly number[];
  /**
   * What lies outside the volume, in normalised units before scaling. The paper's slices are 0 there; after
   * z-normalisation that is the mean, so `minimum` (each channel's smallest value) is often the better background.
   */
  readonly outside: number | 'minimum';
  /**
   * The volume is cut to the smallest box that holds every voxel whose value, as measured, is above `above` in `channel`,
   * counted from 0 (A.4 of the paper: SUV above 0.2). Cropping twice is cropping once, so that it does nothing to a volume
   * that came cropped. Not cropped without it.
   */
  readonly crop?: Crop;
}

/** Where something is, by one channel's values. */
export interface Crop {
  readonly channel: number;
  readonly above: number;
}

/** Values go in as they are, zero outside: the paper's Eq. 4. */
export const defaultPreprocessing: Preprocessing = {
  normalise: 'none',
  scale: [1],
  mean: [0],
  std: [1],
  outside: 0,
};

/** What preprocessing must know of an encoder. */
interface Channels {
  readonly name: string;
  readonly channels: number;
}

/**
 * @throws EncoderError when a list fits neither one nor all channels, a number is not finite, or a deviation is 0.
 */
export function validatePreprocessing(
  preprocessing: Preprocessing,
  { name, channels }: Channels,
  volumeChannels?: number,
): void {
  const refuse = (problem: string, remedy: string) =>
    new EncoderError(name, `Its preprocessing ${problem}.`, { remedy });
  const { normalise, scale, mean, std, outside, crop } = preprocessing;
  if (!['none', 'zscore', 'range'].includes(normalise)) {
    throw refuse(`normalises by "${normalise}"`, 'Choose none, zscore or range.');
  }
  const lists = { scale, mean, std };
  for (const [key, values] of Object.entries(lists)) {
    const wanted = key === 'scale' ? volumeChannels : channels;
    const whose = key === 'scale' ? 'the volume' : 'the encoder';
    if (values.length === 0 || (wanted !== undefined && values.length !== 1 && values.length !== wanted)) {
      throw refuse(
        `has ${values.length} numbers for "${key}"`,
        `Give one number, or one for each channel of ${whose}${wanted === undefined ? '' : ` (${wanted})`}.`,
      );
    }
    if (!values.every(Number.isFinite)) {
      throw refuse(`has "${key}" ${values.join(', ')}`, 'Give finite numbers.');
    }
  }
  if (std.includes(0)) throw refuse('has a 0 in "std", which pixels are divided by', 'Give 1 to leave them.');
  if (outside !== 'minimum' && !Number.isFinite(outside)) {
    throw refuse(`has "outside" ${outside}`, 'Give a finite number or "minimum".');
  }
  if (crop && volumeChannels !== undefined && crop.channel >= volumeChannels) {
    throw refuse(
      `crops by channel ${crop.channel} of a volume of ${plural(volumeChannels)}`,
      'Channels count from 0: give a volume with that channel, or another channel.',
    );
  }
}

/** A volume ready to be cut, and what remains to be done to its slices. */
export interface PreparedVolume {
  /** The cropped, normalised volume minus its outside value: 0 outside, as the slice sampler has it. */
  readonly volume: Volume;
  /** Where that lies in the volume it was made of: `uncropVolume` puts a heatmap back there. */
  readonly box: Box;
  /** For each channel of the encoder: the channel of the volume that it shows. */
  readonly source: readonly number[];
  /** For each channel of the encoder. */
  readonly gain: readonly number[];
  /** For each channel of the encoder. */
  readonly offset: readonly number[];
}

/**
 * The cropped volume with everything folded in that belongs to its channels, so that pixels of encoder channel c are
 * gain[c] · sample(volume, source[c]) + offset[c], sampled with 0 outside: (normalised · scale − mean) / std. Data
 * that are as they must be are not copied.
 * @throws EncoderError when the volume has neither one channel nor as many as the encoder, or the preprocessing is
 * no use; VolumeError when a channel has no spread to normalise by or holds voxels that are not finite, or when nothing
 * is above what it is cropped by.
 */
export function prepareVolume(
  volume: Volume,
  preprocessing: Preprocessing,
  encoder: Channels,
): PreparedVolume {
  const { channels } = volume;
  if (channels !== 1 && channels !== encoder.channels) {
    throw new EncoderError(
      encoder.name,
      `This encoder takes images of ${plural(encoder.channels)}, but ${volume.name ?? 'the volume'} has ${plural(channels)}.`,
      {
        remedy: `Give a volume of ${encoder.channels === 1 ? '' : 'one channel or '}${plural(encoder.channels)}.`,
      },
    );
  }
  validatePreprocessing(preprocessing, encoder, channels);
  const { scale, mean, std, outside, crop } = preprocessing;
  const box = crop ? croppingBox(volume, crop) : wholeBox(volume.shape);
  const cropped = cropVolume(volume, box);
  const affines = channelAffines(cropped, preprocessing);
  const outsides = affines.map(({ shift, factor, minimum }) =>
    outside === 'minimum' ? (minimum - shift) * factor : outside,
  );
  const source = Array.from({ length: encoder.channels }, (_, c) => (channels === 1 ? 0 : c));
  return {
    volume: shifted(cropped, affines, outsides),
    box,
    source,
    gain: source.map((v, c) => at(scale, v) / at(std, c)),
    offset: source.map((v, c) => (outsides[v] * at(scale, v) - at(mean, c)) / at(std, c)),
  };
}

/** @throws VolumeError when nothing is above the value. */
function croppingBox(volume: Volume, { channel, above }: Crop): Box {
  const box = boundingBox(volume, above, channel);
  if (box) return box;
  const where = volume.channels === 1 ? '' : ` of channel ${channel}`;
  throw new VolumeError(
    volume.name ?? 'volume',
    `No voxel${where} is above ${above}, so that nothing is left when it is cropped.`,
    { remedy: 'Check its unit and the order of its channels, or crop by another value (--crop).' },
  );
}

/** normalised = (value − shift) · factor. */
interface ChannelAffine {
  readonly shift: number;
  readonly factor: number;
  /** NaN when nobody asks for it. */
  readonly minimum: number;
}

function channelAffines(volume: Volume, { normalise, outside }: Preprocessing): ChannelAffine[] {
  if (normalise === 'none' && outside !== 'minimum') {
    return Array.from({ length: volume.channels }, () => ({ shift: 0, factor: 1, minimum: Number.NaN }));
  }
  return channelStatistics(volume).map(({ minimum, maximum, mean, std }, c) => {
    const file = volume.name ?? 'volume';
    const subject = volume.channels === 1 ? file : `${file}, channel ${c}`;
    if (!Number.isFinite(mean)) {
      throw new VolumeError(
        subject,
        'Some voxels are infinite or no numbers, so it has no mean and no range.',
        {
          remedy: 'Replace them first, by 0 for instance.',
        },
      );
    }
    if (normalise === 'none') return { shift: 0, factor: 1, minimum };
    const [shift, spread] = normalise === 'zscore' ? [mean, std] : [minimum, maximum - minimum];
    if (spread === 0) {
      throw new VolumeError(
        subject,
        `All voxels are ${minimum}, so it cannot be normalised ("${normalise}").`,
        {
          remedy: 'Check that this is the right volume, or choose "none".',
        },
      );
    }
    return { shift, factor: 1 / spread, minimum };
  });
}

function shifted(volume: Volume, affines: readonly ChannelAffine[], outsides: readonly number[]): Volume {
  const isAsItIs = affines.every(({ shift, factor }, c) => shift === 0 && factor === 1 && outsides[c] === 0);
  if (isAsItIs) return volume;
  const voxels = voxelCount(volume.shape);
  const data = new Float32Array(volume.data.length);
  for (const [c, { shift, factor }] of affines.entries()) {
    const outside = outsides[c];
    for (let i = c * voxels; i < (c + 1) * voxels; i++) data[i] = (volume.data[i] - shift) * factor - outside;
  }
  return { ...volume, data };
}

/** The entry for a channel of a list that holds one value for all or one for each. */
function at(values: readonly number[], channel: number): number {
  return values.length === 1 ? values[0] : values[channel];
}

function plural(channels: number): string {
  return channels === 1 ? 'one channel' : `${channels} channels`;
}
