/**
 * Volumes as addresses. A file is looked at no further than its beginning, which must be that of a volume: so whatever a
 * table or a record names, no other file of this machine is handed to a page.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TonnoError } from '../../../errors.ts';
import { inspectVolumeFile, recogniseFormat, type VolumeFormat } from '../../../formats/volume-file.ts';
import type { BrowsedVolume } from '../../../report/browse.ts';
import { headOf, isDicomFile } from '../../dicom-folder.ts';
import { onFile, openSource } from '../../files.ts';
import { byName, type Context } from './context.ts';

/** Formats whose header may stand in a file of its own. */
const HEADERED: readonly VolumeFormat[] = ['nrrd', 'metaimage'];

/**
 * Shares the files of a volume: a file, with the one of its voxels where that is another, or a folder of DICOM files.
 * @param within the folder that it was found in; absent for one that was named, which may lie anywhere.
 * @returns undefined, and a note, where it cannot be used.
 */
export async function shareVolume(
  path: string,
  context: Context,
  within?: string,
): Promise<BrowsedVolume | undefined> {
  const { notes, signal } = context;
  signal.throwIfAborted();
  const entry = await stat(path).catch(() => undefined);
  if (!entry) {
    notes.addFile('missing', path);
    return undefined;
  }
  if (entry.isDirectory()) return shareDicomFolder(path, context);
  if (!entry.isFile()) {
    notes.addFile('not a file', path);
    return undefined;
  }
  const format = await formatOf(path);
  if (typeof format === 'string' && format !== 'unknown') {
    const voxels = HEADERED.includes(format) ? await voxelFile(path) : undefined;
    if (voxels !== undefined && dirname(voxels) !== dirname(path)) {
      notes.addFile('apart', path);
      return undefined;
    }
    const header = await shareFile(path, context, within);
    const beside = voxels === undefined ? [] : [await shareFile(voxels, context, dirname(path))];
    const files = [header, ...beside].flatMap((address) => address ?? []);
    return files.length === 1 + beside.length ? { name: basename(path), files } : undefined;
  }
  notes.addFile(format === undefined ? 'missing' : 'unknown', path);
  return undefined;
}

/** Shares one file. @returns undefined, and a note, where it cannot be. */
export async function shareFile(
  path: string,
  { files, notes }: Context,
  within?: string,
): Promise<string | undefined> {
  const share = await (within === undefined ? files.addNamed(path) : files.addFound(path, within));
  if ('address' in share) return share.address;
  notes.addFile(share.why, path);
  return undefined;
}

/** The DICOM files of a folder. Which series of them is meant is asked where they are looked at. */
async function shareDicomFolder(path: string, context: Context): Promise<BrowsedVolume | undefined> {
  const addresses: string[] = [];
  const names = await onFile(path, () => readdir(path)).catch(() => []);
  for (const name of names.filter((own) => !own.startsWith('.')).sort(byName)) {
    context.signal.throwIfAborted();
    if (!(await isDicom(join(path, name)))) continue;
    const address = await shareFile(join(path, name), context, path);
    if (address !== undefined) addresses.push(address);
  }
  if (addresses.length > 0) return { name: basename(path), files: addresses };
  context.notes.addFile('unknown', path);
  return undefined;
}

async function isDicom(path: string): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  return entry?.isFile() === true && (await isDicomFile(path).catch(() => false));
}

/** By its first bytes; undefined where it cannot be read. */
export async function formatOf(path: string): Promise<VolumeFormat | 'unknown' | undefined> {
  try {
    return recogniseFormat((await headOf(path)).head) ?? 'unknown';
  } catch {
    return undefined;
  }
}

/** The file with the voxels that a header names, where there is such a file and the header can be read. */
async function voxelFile(path: string): Promise<string | undefined> {
  try {
    const { header } = await inspectVolumeFile(await openSource(path), path, { int64: 'convert' });
    return header?.dataFile === undefined ? undefined : join(dirname(path), header.dataFile);
  } catch (error) {
    // What is wrong with it is said to whoever opens it.
    if (error instanceof TonnoError) return undefined;
    throw error;
  }
}
