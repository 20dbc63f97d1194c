/** What adapters share of reading an archive: where it begins, and volumes that must have one channel. */
import { TonnoError, VolumeError } from '../errors.ts';
import type { Volume } from '../volume/volume.ts';
import type { Listing, SourceFolder } from './adapter.ts';

/** A path in a folder of the archive; the folder is "" for the archive itself. */
export function pathIn(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/**
 * Where the archive begins: in the folder that was named or in one folder of it, as unpacking leaves it.
 * @param holds whether a folder with this listing is the archive's.
 * @param wanted what it should hold, as the rest of "It holds no …".
 * @throws TonnoError when neither is.
 */
export async function archiveRoot(
  folder: SourceFolder,
  holds: (listing: Listing) => boolean,
  wanted: string,
): Promise<string> {
  const top = await folder.list('');
  if (holds(top)) return '';
  for (const name of top.folders) {
    if (holds(await folder.list(name))) return name;
  }
  throw new TonnoError(folder.name, `It holds no ${wanted}.`, {
    remedy: 'Name the folder that the archive was unpacked into; docs/datasets.md shows what lies in it.',
  });
}

/**
 * Reads a volume of one channel.
 * @throws VolumeError when it has several, besides what reading throws.
 */
export async function readImage(folder: SourceFolder, path: string): Promise<Volume> {
  const volume = await folder.readVolume(path);
  if (volume.channels === 1) return volume;
  throw new VolumeError(volume.name ?? path, `It has ${volume.channels} channels, where one is expected.`, {
    remedy: 'Put the file of the archive back in its place.',
  });
}
