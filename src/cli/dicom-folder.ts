/**
 * DICOM on the disk: the files of a folder, in any order and under any name, or one file. Folders in the folder are not
 * looked into, since a study's folder has one for each series; where there is nothing else they are named. Files that
 * are not DICOM are passed over: there are often lists and notes among them.
 */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TonnoError } from '../errors.ts';
import { ByteReader } from '../formats/bytes.ts';
import { type DicomObject, looksLikeDicom, readDicom } from '../formats/dicom/object.ts';
import type { DecodedDicom, PassedOver } from '../formats/dicom/series.ts';
import { decodeDicomObjects, HEAD_BYTES, type VolumeFileOptions } from '../formats/volume-file.ts';
import { onFile, readBytes } from './files.ts';

/** Folders that a message names. */
const LISTED = 5;

export interface DicomFolder {
  readonly objects: readonly DicomObject[];
  /** Files that are not DICOM. */
  readonly strangers: readonly string[];
  /** Names of folders in it, which are not looked into. */
  readonly folders: readonly string[];
  /** Files that are DICOM and cannot be read, and why; refused unless they may be there. */
  readonly damaged: readonly PassedOver[];
}

export interface DicomFolderOptions {
  /** Whether damaged files are listed rather than refused. */
  readonly listDamaged?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * All DICOM objects of a folder.
 * @throws TonnoError when there is none, VolumeError when one is damaged.
 */
export async function readDicomObjects(
  path: string,
  { listDamaged, signal }: DicomFolderOptions = {},
): Promise<DicomFolder> {
  const entries = await onFile(path, () => readdir(path, { withFileTypes: true }));
  const visible = entries.filter(({ name }) => !name.startsWith('.'));
  const folders = visible
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  const objects: DicomObject[] = [];
  const strangers: string[] = [];
  const damaged: PassedOver[] = [];
  const files = visible.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  for (const name of files.sort()) {
    signal?.throwIfAborted();
    const file = join(path, name);
    if (!(await isDicomFile(file))) {
      strangers.push(name);
      continue;
    }
    try {
      objects.push(await readDicom(await readBytes(file), file));
    } catch (error) {
      if (!listDamaged || !(error instanceof TonnoError)) throw error;
      damaged.push({ name: file, reason: error.problem });
    }
  }
  if (objects.length + damaged.length === 0) throw withoutDicom(path, folders, strangers);
  return { objects, strangers, folders, damaged };
}

/**
 * The one series of a folder that is meant, as a volume, or that in a file.
 * @throws TonnoError when the folder holds no DICOM, VolumeError when several series could be meant or the one that is
 *   cannot become a volume.
 */
export async function readDicomFolder(path: string, options: VolumeFileOptions = {}): Promise<DecodedDicom> {
  const { objects } = await readDicomObjects(path, options);
  return decodeDicomObjects(objects, path, options);
}

/** Looks at no more than its beginning, unpacked if it is gzip. */
export async function isDicomFile(path: string): Promise<boolean> {
  return looksLikeDicom((await headOf(path)).head);
}

/** The first bytes of a file, unpacked if it is gzip; none where that is damaged. */
export async function headOf(
  path: string,
): Promise<{ readonly head: Uint8Array; readonly compressed: boolean }> {
  // More than are wanted: packed, so many take a little more room at worst.
  const start = new Uint8Array(4 * HEAD_BYTES);
  const length = await onFile(path, async () => {
    const file = await open(path);
    try {
      return (await file.read(start, 0, start.length, 0)).bytesRead;
    } finally {
      await file.close();
    }
  });
  const reader = await ByteReader.open(start.subarray(0, length), path);
  try {
    return { head: await reader.peek(HEAD_BYTES), compressed: reader.compressed };
  } catch {
    return { head: new Uint8Array(0), compressed: true };
  } finally {
    await reader.close();
  }
}

function withoutDicom(path: string, folders: readonly string[], strangers: readonly string[]): TonnoError {
  const more = folders.length > LISTED ? `, and ${folders.length - LISTED} more` : '';
  const named = folders.slice(0, LISTED).join(', ');
  return new TonnoError(
    path,
    strangers.length === 0 && folders.length === 0
      ? 'It is an empty folder.'
      : `It is a folder without DICOM files in it${folders.length > 0 ? `; folders in it (${named}${more}) are not looked into` : ''}.`,
    {
      remedy:
        folders.length > 0
          ? 'Name the folder of one series, or a file.'
          : 'Name the volumes in it, or the folder of a DICOM series.',
    },
  );
}
