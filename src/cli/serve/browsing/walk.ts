/**
 * What lies in a folder and the folders in it, told apart by names and first bytes: heatmaps, volumes, masks of volumes,
 * folders of DICOM files. Links to folders are not followed; how deep and how much is looked at has an end.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { volumeStem } from '../../../formats/volume-file.ts';
import { onFile } from '../../files.ts';
import { HEATMAP_FILE } from '../../heatmap-file.ts';
import { attempt, byName, type Context } from './context.ts';
import { formatOf } from './volumes.ts';

export interface Contents {
  readonly heatmaps: readonly string[];
  /** Files of one volume each. */
  readonly volumes: readonly string[];
  /** Of volumes that are there, by their paths. */
  readonly masks: ReadonlyMap<string, string>;
  readonly dicomFolders: readonly string[];
}

/** Folders below the one that was given. */
const DEPTH = 3;
/** Files that are looked at, which takes some seconds. */
const MOST_FILES = 20_000;
/** What this program writes beside heatmaps: made of them, and no truth. */
const DERIVED = /_desc-[^/]*_(mask\.nii(\.gz)?|profiles\.npy)$/i;
/** Ends of names by which a mask and its image tell that they belong together. */
const MASK = /[_-](mask|label|seg)$/i;
const IMAGE = /[_-]image$/i;

export async function lookInto(root: string, context: Context): Promise<Contents> {
  const found = {
    heatmaps: [] as string[],
    volumes: [] as string[],
    masks: new Map<string, string>(),
    dicomFolders: [] as string[],
  };
  let looked = 0;
  const visit = async (folder: string, depth: number): Promise<void> => {
    const entries = await attempt(
      () => onFile(folder, () => readdir(folder, { withFileTypes: true })),
      context.notes,
    );
    const visible = (entries ?? [])
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => byName(a.name, b.name));
    const volumes: string[] = [];
    let dicom = false;
    for (const entry of visible) {
      context.signal.throwIfAborted();
      const path = join(folder, entry.name);
      if (!(await isFile(entry, path))) continue;
      if (looked++ >= MOST_FILES) break;
      if (HEATMAP_FILE.test(entry.name)) found.heatmaps.push(path);
      else if (!DERIVED.test(entry.name)) {
        const format = await formatOf(path);
        if (format === 'dicom') dicom = true;
        else if (format !== undefined && format !== 'unknown') volumes.push(path);
      }
    }
    if (dicom) found.dicomFolders.push(folder);
    const masks = maskPairs(volumes);
    for (const [image, mask] of masks) found.masks.set(image, mask);
    const own = new Set(masks.values());
    found.volumes.push(...volumes.filter((path) => !own.has(path)));
    if (depth === DEPTH) return;
    for (const entry of visible) {
      if (entry.isDirectory() && looked < MOST_FILES) await visit(join(folder, entry.name), depth + 1);
    }
  };
  await visit(root, 0);
  if (looked >= MOST_FILES) {
    context.notes.add(`${root} holds more than ${MOST_FILES} files; the others were not looked at.`);
  }
  return found;
}

async function isFile(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

/** Masks of a folder's volumes, by the image's path: `scan_mask.nii.gz` is that of `scan.nii.gz` or `scan_image.nii.gz`. */
function maskPairs(paths: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const mask of paths.filter((path) => MASK.test(volumeStem(path)))) {
    const owner = volumeStem(mask).replace(MASK, '');
    const image = paths.find(
      (path) => path !== mask && !pairs.has(path) && volumeStem(path).replace(IMAGE, '') === owner,
    );
    if (image !== undefined) pairs.set(image, mask);
  }
  return pairs;
}
