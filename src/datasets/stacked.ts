/** Studies of several registered images: a channel each, with a label, a mask, or both. */
import { TonnoError } from '../errors.ts';
import type { PreparedCase, SourceFolder, Study } from './adapter.ts';
import { readImage } from './archive.ts';
import { maskOn } from './masks.ts';
import { requireOneGrid } from './registered.ts';

export interface StackedSource {
  /** Paths, one a channel. */
  readonly images: readonly string[];
  readonly mask?: string;
  /** Where something else than the mask says it. */
  readonly label?: number;
}

/**
 * The case of a study: positive where its label says so or, without one, where its mask has anything in it.
 * @param remedy what to do where the label is negative and the mask is not empty.
 * @throws TonnoError where the two contradict each other, VolumeError where images and mask are on different grids.
 */
export async function prepareStacked(
  { name, source }: Study,
  folder: SourceFolder,
  remedy: string,
  signal?: AbortSignal,
): Promise<PreparedCase> {
  const { images: paths, mask: maskPath, label } = source as StackedSource;
  const images = [];
  for (const path of paths) {
    signal?.throwIfAborted();
    images.push(await readImage(folder, path));
  }
  requireOneGrid(images);
  if (maskPath === undefined) return { name, labels: [label ?? 0], images };
  const mask = maskOn(images[0], await readImage(folder, maskPath));
  const empty = !mask.data.includes(1);
  if (label === 0 && !empty) {
    throw new TonnoError(name, 'It is negative by its label, and its mask is not empty.', { remedy });
  }
  return { name, labels: [label ?? (empty ? 0 : 1)], images, mask };
}
