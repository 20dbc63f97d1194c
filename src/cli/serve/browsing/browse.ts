/**
 * A path as something to look through. What it is shows in what lies there, from the most telling to the least: a study's
 * record, a training's record, a cohort's table, heatmaps and volumes, DICOM files, one volume. Whatever of it cannot be
 * used is a note; only a path that is none of these is refused.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TonnoError } from '../../../errors.ts';
import type { Browsed } from '../../../report/browse.ts';
import { exists, onFile } from '../../files.ts';
import { HEATMAP_FILE } from '../../heatmap-file.ts';
import { TABLE } from '../../prepare/folder.ts';
import { RUN_RECORD } from '../../run-folder.ts';
import { STUDY_RECORD } from '../../study/record.ts';
import { channelPaths } from '../../volumes.ts';
import { SharedFiles } from '../shared-files.ts';
import { browseRun, browseTable } from './cohort.ts';
import { type Context, Notes } from './context.ts';
import { browseFolder, browseHeatmap, browseVolume, WANTED } from './folder.ts';
import type { Found } from './gather.ts';
import { browseStudy } from './study.ts';
import { formatOf } from './volumes.ts';

export interface BrowseOptions {
  /** Name of the label that counts, of a cohort that has several. */
  readonly label?: string;
  readonly signal: AbortSignal;
}

/**
 * Looks through a path.
 * @throws TonnoError when it is nothing that can be looked through, or a record that says what it is cannot be read.
 */
export async function browse(
  path: string,
  { label, signal }: BrowseOptions,
): Promise<{ readonly browsed: Browsed; readonly files: SharedFiles }> {
  const context: Context = { files: new SharedFiles(), notes: new Notes(), label, signal };
  const found = await browsePath(path, context);
  return { browsed: { ...found, notes: context.notes.sentences() }, files: context.files };
}

/** Files by which a folder tells what it is; who names the file means its folder. */
const MARKED: readonly (readonly [
  file: string,
  browse: (folder: string, context: Context) => Promise<Found>,
])[] = [
  [STUDY_RECORD, browseStudy],
  [RUN_RECORD, browseRun],
  [TABLE, (folder, context) => browseTable(join(folder, TABLE), context)],
];

async function browsePath(path: string, context: Context): Promise<Found> {
  const channels = await channelPaths(path);
  if (channels.length > 1) return browseVolume(path, channels, context);
  const entry = await onFile(path, () => stat(path));
  if (entry.isDirectory()) {
    for (const [file, browseMarked] of MARKED) {
      if (await exists(join(path, file))) return browseMarked(path, context);
    }
    return browseFolder(path, context);
  }
  const marked = MARKED.find(([file]) => file === basename(path));
  if (marked) return marked[1](dirname(path), context);
  if (/\.csv$/i.test(path)) return browseTable(path, context);
  if (HEATMAP_FILE.test(path)) return browseHeatmap(path, context);
  const format = await formatOf(path);
  if (format !== undefined && format !== 'unknown') return browseVolume(path, channels, context);
  throw new TonnoError(path, 'It is nothing that can be looked through.', { remedy: WANTED });
}
