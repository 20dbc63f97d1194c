/** Heatmaps on the disk, as they come back to be segmented and evaluated. */
import { TonnoError } from '../errors.ts';
import type { Volume } from '../volume/volume.ts';
import { readVolume } from './volumes.ts';

/** What the name of a heatmap's file ends with, as `tonno reconstruct` writes it or unpacked. */
export const HEATMAP_FILE = /_heatmap\.nii(?:\.gz)?$/i;

/**
 * A heatmap of one channel.
 * @throws TonnoError when it cannot be read, has several channels, or voxels that are not finite: no threshold can be
 *   laid on them.
 */
export async function readHeatmap(path: string, signal?: AbortSignal): Promise<Volume> {
  // Zeros would be as good as seen: here they are only counted.
  const { volume, notFinite } = await readVolume(path, { nan: 'zero', int64: 'convert', signal });
  if (volume.channels !== 1) {
    throw new TonnoError(path, `It has ${volume.channels} channels; a heatmap of one finding has one.`, {
      remedy: 'Write the channel that is meant to a file of its own.',
    });
  }
  if (notFinite > 0) {
    throw new TonnoError(path, `${notFinite} of its ${volume.data.length} voxels are not finite.`, {
      remedy: 'No threshold can be laid on them: make the heatmap again.',
    });
  }
  return volume;
}

/**
 * A mask of one finding, [D, H, W], 1 where its file is not 0.
 * @throws TonnoError when it cannot be read, has several channels, or voxels that are not finite.
 */
export async function readMask(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const { volume, notFinite } = await readVolume(path, { nan: 'zero', int64: 'convert', signal });
  if (volume.channels !== 1 || notFinite > 0) {
    const what =
      volume.channels === 1 ? `${notFinite} voxels that are not finite` : `${volume.channels} channels`;
    throw new TonnoError(path, `It has ${what}; a mask is one channel of 0 and not 0.`, {
      remedy: 'Write the mask again.',
    });
  }
  return Uint8Array.from(volume.data, (value) => (value === 0 ? 0 : 1));
}
