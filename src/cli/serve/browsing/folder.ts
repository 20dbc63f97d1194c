/**
 * A folder without a record of what it is: heatmaps, volumes and DICOM files in whatever mixture. A heatmap belongs to the
 * row or the volume that its record names, or else to the volume that lies beside it under its name.
 */
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { TonnoError } from '../../../errors.ts';
import { volumeStem } from '../../../formats/volume-file.ts';
import { caseStem } from '../../case-names.ts';
import { exists, readRecord } from '../../files.ts';
import { readResults, type StoredResult } from '../../study/stored.ts';
import { bareCase, type Case, filesKey, recordedInput, recordedRow, Tables, whereIs } from './cases.ts';
import { attempt, type Context } from './context.ts';
import { encodersIn, type Found, gather, shareEncoders } from './gather.ts';
import { type FoundHeatmap, readHeatmaps } from './heatmaps.ts';
import { type Contents, lookInto } from './walk.ts';

/** @throws TonnoError when there is nothing to look at. */
export async function browseFolder(folder: string, context: Context): Promise<Found> {
  const contents = await lookInto(folder, context);
  const { heatmaps, volumes, dicomFolders } = contents;
  // One series, not a folder of them.
  const single = heatmaps.length === 0 && volumes.length === 0 && dicomFolders.join() === folder;
  const found = await browseContents(folder, contents, context);
  return {
    title: basename(resolve(folder)),
    kind: single ? 'volume' : 'folder',
    ...found,
    encoders: await shareEncoders(await encodersIn(folder), context, folder),
  };
}

/** One heatmap over the volume that its record names. */
export async function browseHeatmap(path: string, context: Context): Promise<Found> {
  const folder = dirname(path);
  const contents = { heatmaps: [path], volumes: [], masks: new Map<string, string>(), dicomFolders: [] };
  const found = await browseContents(folder, contents, context);
  return {
    title: basename(path),
    kind: 'folder',
    ...found,
    encoders: await shareEncoders(await encodersIn(folder), context, folder),
  };
}

/** One volume, of one file, a DICOM series, or a file for each channel. */
export async function browseVolume(
  path: string,
  images: readonly string[],
  context: Context,
): Promise<Found> {
  const name = basename(resolve(images[0]));
  const found = await gather([], [{ key: path, name: volumeStem(name), images }], context);
  requireCases(path, found.cases, context);
  return { title: name, kind: 'volume', ...found, encoders: [] };
}

async function browseContents(
  folder: string,
  contents: Contents,
  context: Context,
): Promise<Pick<Found, 'series' | 'cases'>> {
  const beside = await casesBeside(folder, contents);
  const heatmaps = await readHeatmaps(contents.heatmaps, context);
  const { results, ...measured } = await evaluationIn(folder, context);
  const { owners, rows } = await ownersOf(heatmaps, beside, measured);
  // What a table's row has is no second case, and the row's mask none.
  const files = [...rows].flatMap(({ images, mask }) => [...images, ...(mask === undefined ? [] : [mask])]);
  const taken = new Set(await Promise.all(files.map((path) => filesKey([path]))));
  const known = [...beside.values()].filter(({ key }) => !taken.has(key));
  const browsed = await gather([{ heatmaps, owners, root: folder, number: 0, results }], known, context);
  requireCases(folder, browsed.cases, context);
  return browsed;
}

/** A case for each volume that lies in the folder, by its path without the ending. */
async function casesBeside(
  folder: string,
  { volumes, masks, dicomFolders }: Contents,
): Promise<Map<string, Case>> {
  const cases = new Map<string, Case>();
  for (const path of [...volumes, ...dicomFolders]) {
    const place = volumeStem(path);
    // Two that differ in their endings alone are told apart by them.
    const within = relative(folder, cases.has(place) ? path : place)
      .split(sep)
      .join('/');
    const name = within || basename(resolve(path));
    cases.set(cases.has(place) ? path : place, {
      key: await filesKey([path]),
      name,
      images: [path],
      mask: masks.get(path),
      within: folder,
    });
  }
  return cases;
}

/** Whose each heatmap is, and which rows of tables are among them. */
async function ownersOf(
  heatmaps: readonly FoundHeatmap[],
  beside: ReadonlyMap<string, Case>,
  { rows: measured, tables }: { readonly rows: readonly Case[]; readonly tables: Tables },
): Promise<{ readonly owners: ReadonlyMap<FoundHeatmap, Case>; readonly rows: ReadonlySet<Case> }> {
  const byStem = new Map(measured.map((row) => [caseStem(row.name), row]));
  const byFile = new Map([...beside.values()].map((own) => [own.key, own]));
  const owners = new Map<FoundHeatmap, Case>();
  const rows = new Set<Case>();
  for (const heatmap of heatmaps) {
    const row = (await recordedRow(heatmap, tables)) ?? byStem.get(heatmap.stem);
    if (row) {
      rows.add(row);
      owners.set(heatmap, row);
      continue;
    }
    const input = await recordedInput(heatmap);
    const known = input ? byFile.get(input.key) : beside.get(join(dirname(heatmap.path), heatmap.stem));
    owners.set(heatmap, known ?? input ?? bareCase(heatmap));
  }
  return { owners, rows };
}

/** Where `tonno evaluate` writes unless it is told otherwise, and where it was told to write beside the heatmaps. */
const EVALUATIONS = ['evaluation/metrics.json', 'metrics.json'];

/** The numbers of a folder's heatmaps, and the cases of the table that they were measured by. */
async function evaluationIn(
  folder: string,
  context: Context,
): Promise<{
  readonly results: readonly StoredResult[];
  readonly rows: readonly Case[];
  readonly tables: Tables;
}> {
  const tables = new Tables(context);
  for (const name of EVALUATIONS) {
    const path = join(folder, name);
    if (!(await exists(path))) continue;
    const results = await attempt(() => readResults(path), context.notes);
    if (!results) continue;
    const record = (await readRecord(path, 'It is not JSON.', { remedy: '' })) as {
      readonly cohort?: { readonly file?: unknown };
    };
    const file = record.cohort?.file;
    const table = typeof file === 'string' ? await whereIs(file, path) : undefined;
    return { results, rows: table === undefined ? [] : [...(await tables.cases(table)).values()], tables };
  }
  return { results: [], rows: [], tables };
}

function requireCases(path: string, cases: readonly unknown[], { notes }: Context): void {
  if (cases.length > 0) return;
  throw new TonnoError(
    path,
    ['There is nothing in it that can be looked through.', ...notes.sentences()].join(' '),
    { remedy: WANTED },
  );
}

export const WANTED =
  'Name the folder of a study or a training, the table of a cohort, a folder with heatmaps, volumes or DICOM files, or one volume.';
