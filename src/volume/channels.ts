/** Volumes of the same place as the channels of one volume. */
import { VolumeError } from '../errors.ts';
import type { Volume } from './volume.ts';

/** Millimetres by which affines may differ: files of one series are rounded in different ways. */
const TOLERANCE = 1e-2;

/**
 * One volume with the channels of all, in their order; the place is the first one's.
 * @throws VolumeError when shapes or places differ: nothing is resampled here.
 */
export function joinChannels(volumes: readonly Volume[]): Volume {
  const [first, ...others] = volumes;
  if (others.length === 0) return first;
  for (const other of others) {
    const name = other.name ?? 'A channel';
    if (other.shape.join() !== first.shape.join()) {
      throw new VolumeError(
        name,
        `It has ${other.shape.join(' × ')} voxels, and ${first.name ?? 'the first channel'} has ${first.shape.join(' × ')}.`,
        { remedy: 'Resample the channels of a case to one grid.' },
      );
    }
    const { affine } = other.geometry;
    if (affine.some((value, i) => Math.abs(value - first.geometry.affine[i]) > TOLERANCE)) {
      throw new VolumeError(
        name,
        `It lies elsewhere in the world than ${first.name ?? 'the first channel'}.`,
        {
          remedy: 'Register and resample the channels of a case to one grid.',
        },
      );
    }
  }
  const data = new Float32Array(volumes.reduce((sum, volume) => sum + volume.data.length, 0));
  let at = 0;
  for (const volume of volumes) {
    data.set(volume.data, at);
    at += volume.data.length;
  }
  return { ...first, data, channels: volumes.reduce((sum, { channels }) => sum + channels, 0) };
}
