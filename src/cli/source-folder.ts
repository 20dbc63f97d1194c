/** An archive on the disk, as adapters see it: nothing outside its folder, and nothing that is hidden in it. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Listing, SourceFolder } from '../datasets/adapter.ts';
import { TonnoError, VolumeError } from '../errors.ts';
import { onFile, readBytes } from './files.ts';
import { type ReadVolume, readVolume, type VolumeOptions } from './volumes.ts';

/**
 * @param root path of the archive.
 * @param options of every volume that is read.
 * @param onRead hears of each volume how it was read.
 */
export function sourceFolder(
  root: string,
  options: VolumeOptions = {},
  onRead: (path: string, read: ReadVolume) => void = () => {},
): SourceFolder {
  const within = (path: string) => {
    const names = path.split('/');
    const odd = path !== '' && names.some((name) => name === '' || name === '.' || name === '..');
    if (!odd && !names.some((name) => name.includes('\\') || name.includes('\0'))) return join(root, path);
    throw new TonnoError(
      root,
      `The archive names a file outside its folder, or nowhere: ${JSON.stringify(path)}.`,
      {
        remedy: 'Correct the path where the archive names it.',
      },
    );
  };
  return {
    name: root,
    async list(path): Promise<Listing> {
      const folder = within(path);
      const entries = await onFile(folder, () => readdir(folder, { withFileTypes: true }));
      const files: string[] = [];
      const folders: string[] = [];
      for (const entry of entries) {
        if (entry.name.startsWith('.')) continue;
        const isFolder = entry.isSymbolicLink()
          ? // What a link that leads nowhere was meant to be is told to whoever reads it.
            await stat(join(folder, entry.name)).then(
              (target) => target.isDirectory(),
              () => false,
            )
          : entry.isDirectory();
        (isFolder ? folders : files).push(entry.name);
      }
      return { files: files.sort(), folders: folders.sort() };
    },
    async readBytes(path) {
      return readBytes(within(path));
    },
    async readVolume(path) {
      const file = within(path);
      const read = await readVolume(file, options).catch((error) => {
        throw about(file, error);
      });
      onRead(file, read);
      return read.volume;
    },
  };
}

/** An error about a series, or a file in a folder, that says where that is. */
function about(path: string, error: unknown): unknown {
  if (!(error instanceof TonnoError) || error.subject.includes(path)) return error;
  const { subject, problem, remedy } = error;
  return new VolumeError(`${path}, ${subject}`, problem, { remedy, cause: error });
}

/**
 * The folder of an archive that someone named.
 * @throws TonnoError when it is none, or none that can be read.
 */
export async function requireArchive(path: string): Promise<void> {
  const entry = await onFile(path, () => stat(path));
  if (!entry.isDirectory()) {
    throw new TonnoError(path, 'It is a file, not a folder.', {
      remedy: 'Unpack the archive and name its folder.',
    });
  }
  await onFile(path, () => readdir(path));
}
