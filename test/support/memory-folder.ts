/** An archive that lies in memory, for tests of adapters. */
import type { Listing, SourceFolder } from '../../src/datasets/adapter.ts';
import { TonnoError } from '../../src/errors.ts';
import { decodeNifti } from '../../src/formats/nifti.ts';
import type { Volume } from '../../src/volume/volume.ts';

/**
 * A folder of files by their paths in it. A volume stands for a file of any format, or, where its path ends in "/", for a
 * folder of DICOM files, which may hold further files by paths of their own. Bytes are tables, or NIfTI when they are read as a volume.
 */
export function memoryFolder(
  files: Readonly<Record<string, Volume | Uint8Array>>,
  name = 'archive',
): SourceFolder {
  const full = (path: string) => (path === '' ? name : `${name}/${path}`);
  return {
    name,
    async list(path) {
      const start = path === '' ? '' : `${path}/`;
      const inside = Object.keys(files).filter((file) => file.startsWith(start));
      if (inside.length === 0 && path !== '') throw new TonnoError(full(path), 'There is no such folder.');
      const rest = inside.map((file) => file.slice(start.length)).filter((file) => file !== '');
      const names = (chosen: string[]) => [...new Set(chosen)].sort();
      const listing: Listing = {
        files: names(rest.filter((file) => !file.includes('/'))),
        folders: names(rest.filter((file) => file.includes('/')).map((file) => file.split('/')[0])),
      };
      return listing;
    },
    async readBytes(path) {
      const file = files[path];
      if (!(file instanceof Uint8Array)) throw new TonnoError(full(path), 'There is no such file.');
      return file;
    },
    async readVolume(path) {
      const file = files[path] ?? files[`${path}/`];
      if (file === undefined) throw new TonnoError(full(path), 'There is no such file.');
      if (file instanceof Uint8Array)
        return { ...(await decodeNifti(file, full(path))).volume, name: full(path) };
      return { ...file, name: full(path) };
    },
  };
}
