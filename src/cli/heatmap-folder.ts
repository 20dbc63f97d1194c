/**
 * The heatmaps of a cohort's cases in a folder, as `tonno reconstruct --cohort` writes them:
 * `<case>_desc-<method>[_cam-<cam>_layer-<layer>]_heatmap.nii.gz`, with what they are in the .json beside. What stands
 * after the case's name tells the methods apart: heatmaps of the same are one series, which has one for each case.
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Cohort, CohortCase } from '../datasets/cohort.ts';
import { TonnoError } from '../errors.ts';
import { type MethodName, methods } from '../reconstruction/methods.ts';
import { heatmapTitle } from '../reconstruction/titles.ts';
import { type CamName, cams } from '../responses/cam/cams.ts';
import { caseStems } from './case-names.ts';
import { exists, onFile, readRecord } from './files.ts';
import { HEATMAP_FILE } from './heatmap-file.ts';

/** Heatmaps of all cases by one method. */
export interface HeatmapSeries {
  /** What stands between the case's name and `_heatmap`: "desc-cam_cam-layercam_layer-2". */
  readonly name: string;
  /** "LayerCAM", without the layer; what stands after `desc-` where nothing else is known. */
  readonly title: string;
  readonly method?: MethodName;
  readonly cam?: CamName;
  readonly layer?: string;
  /** Only where the profiles were filtered once more. */
  readonly filter?: string;
  /** Path by the case's name. */
  readonly heatmaps: ReadonlyMap<string, string>;
  /** Settings that are not those of every heatmap in it, in sentences. */
  readonly notes: readonly string[];
}

/** Where a folder with results of several kinds keeps its heatmaps. */
const SUBFOLDER = 'heatmaps';
/** Cases and heatmaps that a message names. */
const LISTED = 3;

/**
 * All series of a folder, or of the folder `heatmaps` in it, in the order of methods, maps and layers.
 * @param chosen the cases that each must have a heatmap for; those of others are left alone.
 * @throws TonnoError when there is none, when one is missing in a series or there twice, or a record cannot be read.
 */
export async function findHeatmaps(
  folder: string,
  { name: table, cases }: Pick<Cohort, 'name' | 'cases'>,
  chosen: readonly CohortCase[],
): Promise<HeatmapSeries[]> {
  const stems = caseStems(cases, table);
  const files = await heatmapFiles(folder);
  const wanted = new Set(chosen.map((row) => row.name));
  const series = new Map<string, Map<string, string>>();
  for (const path of files) {
    const found = ownerOf(basename(path).replace(HEATMAP_FILE, ''), stems);
    if (!found || !wanted.has(cases[found.index].name)) continue;
    const own = series.get(found.rest) ?? new Map<string, string>();
    series.set(found.rest, own);
    const row = cases[found.index];
    const twin = own.get(row.name);
    if (twin) {
      throw new TonnoError(path, `It is the same heatmap of case ${row.name} as ${twin}.`, {
        remedy: 'Take one of the two away.',
      });
    }
    own.set(row.name, path);
  }
  if (series.size === 0) throw noHeatmaps(folder, files, chosen, stems[cases.indexOf(chosen[0])]);
  for (const [name, own] of series) requireAll(folder, name, own, chosen);
  const described = [...series].map(([name, heatmaps]) => describe(name, heatmaps));
  return (await Promise.all(described)).sort(inOrder);
}

/** Paths of heatmaps in the folder and the one in it, sorted. */
export async function heatmapFiles(folder: string): Promise<string[]> {
  const inside = join(folder, SUBFOLDER);
  const folders = (await exists(inside)) ? [folder, inside] : [folder];
  const paths: string[] = [];
  for (const one of folders) {
    const names = await onFile(one, () => readdir(one));
    paths.push(
      ...names
        .filter((name) => HEATMAP_FILE.test(name) && !name.startsWith('.'))
        .sort()
        .map((name) => join(one, name)),
    );
  }
  return paths;
}

/** The case whose results begin so, the longest name of those that fit, and what is left of the name. */
function ownerOf(
  name: string,
  stems: readonly string[],
): { readonly index: number; readonly rest: string } | undefined {
  let index = -1;
  for (const [i, stem] of stems.entries()) {
    if (name.startsWith(`${stem}_desc-`) && (index < 0 || stem.length > stems[index].length)) index = i;
  }
  return index < 0 ? undefined : { index, rest: name.slice(stems[index].length + 1) };
}

function noHeatmaps(
  folder: string,
  files: readonly string[],
  chosen: readonly CohortCase[],
  stem: string,
): TonnoError {
  const others =
    files.length > 0
      ? `None of its ${files.length} heatmaps is of one of the ${chosen.length} cases`
      : 'There is no heatmap in it';
  return new TonnoError(
    folder,
    `${others}; looked for were names such as ${stem}_desc-tonno_heatmap.nii.gz.`,
    {
      remedy: 'Make them with tonno reconstruct --cohort.',
    },
  );
}

function requireAll(
  folder: string,
  name: string,
  heatmaps: ReadonlyMap<string, string>,
  chosen: readonly CohortCase[],
): void {
  const missing = chosen.filter((row) => !heatmaps.has(row.name)).map((row) => row.name);
  if (missing.length === 0) return;
  const more = missing.length > LISTED ? `, and ${missing.length - LISTED} more` : '';
  throw new TonnoError(
    folder,
    `Of the heatmaps ${name}, ${missing.length} of ${chosen.length} are missing: those of ${missing.length === 1 ? 'case' : 'the cases'} ${missing.slice(0, LISTED).join(', ')}${more}.`,
    { remedy: 'Make them, or take the others of that name away.' },
  );
}

/** What a record says of its heatmap; whoever made it elsewhere need not say any of it. */
export interface HeatmapRecord {
  readonly method?: string;
  readonly cam?: string;
  readonly layer?: { readonly name?: string };
  readonly filteredFrom?: string;
  readonly filter?: string;
  readonly [key: string]: unknown;
}

/** Settings that all heatmaps of a series should share. */
const SHARED: readonly (readonly [key: string, of: (record: HeatmapRecord) => unknown])[] = [
  ['the encoder', ({ encoder }) => (encoder as { sha256?: string } | undefined)?.sha256],
  ['the class', (record) => (record.class as { index?: number } | undefined)?.index],
  ['the filter', ({ filter }) => filter],
  ['the number of directions', ({ directions }) => directions],
  ['the number of directions that were done', ({ directionsDone }) => directionsDone],
  ['the number of slices', ({ slices }) => slices],
  ['the size of slices', ({ sliceSize }) => sliceSize],
  ['the seed', ({ seed }) => seed],
  ['the axis', ({ axis }) => axis],
  ['the number of iterations', ({ iterations }) => iterations],
];

/** What the name of a file says, for heatmaps without a record. */
const PARTS = /^desc-(.+?)(?:_cam-(.+?)_layer-(.+?))?(?:_filter-.+)?$/;

async function describe(name: string, heatmaps: ReadonlyMap<string, string>): Promise<HeatmapSeries> {
  const records: HeatmapRecord[] = [];
  for (const path of heatmaps.values()) records.push(await recordOf(path));
  return describeSeries(name, heatmaps, records);
}

/** What heatmaps of one name are. @param records of each, at least one. */
export function describeSeries(
  name: string,
  heatmaps: ReadonlyMap<string, string>,
  records: readonly HeatmapRecord[],
): HeatmapSeries {
  const [first] = records;
  const [, desc, camInName, layerInName] = PARTS.exec(name) ?? [];
  const said = first.method ?? desc;
  const method = isMethod(said) ? said : undefined;
  const map = first.cam ?? camInName;
  const cam = isCam(map) ? map : undefined;
  const filter = first.filteredFrom === undefined ? undefined : first.filter;
  const title = method ? heatmapTitle({ method, cam }) : (said ?? name);
  const differing = SHARED.filter(
    ([, of]) => new Set(records.map((record) => JSON.stringify(of(record)))).size > 1,
  );
  return {
    name,
    title: filter === undefined ? title : `${title} (${filter})`,
    method,
    cam,
    layer: first.layer?.name ?? layerInName,
    filter,
    heatmaps,
    notes: differing.map(([what]) => `The heatmaps ${name} were not all made alike: ${what} differs.`),
  };
}

/** Where the record of a heatmap is, if it has one. */
export function sidecarPath(heatmap: string): string {
  return heatmap.replace(/\.nii(\.gz)?$/i, '.json');
}

/** Empty where there is none. */
export async function recordOf(path: string): Promise<HeatmapRecord> {
  const sidecar = sidecarPath(path);
  if (!(await exists(sidecar))) return {};
  const record = await readRecord(
    sidecar,
    'It is not JSON, and does not say what the heatmap beside it is.',
    {
      remedy: 'Make the heatmap again, or take the record away.',
    },
  );
  return typeof record === 'object' && record !== null ? (record as HeatmapRecord) : {};
}

function isMethod(name: string | undefined): name is MethodName {
  return name !== undefined && Object.hasOwn(methods, name);
}

function isCam(name: string | undefined): name is CamName {
  return name !== undefined && Object.hasOwn(cams, name);
}

/** Methods as in the paper's Table 2, then maps, then layers from shallow to deep. */
export function inOrder(a: HeatmapSeries, b: HeatmapSeries): number {
  const place = (names: object, name: string | undefined) =>
    name === undefined ? Number.MAX_SAFE_INTEGER : Object.keys(names).indexOf(name);
  return (
    place(ORDER, a.method) - place(ORDER, b.method) ||
    place(cams, a.cam) - place(cams, b.cam) ||
    (a.layer ?? '').localeCompare(b.layer ?? '', 'en', { numeric: true }) ||
    a.name.localeCompare(b.name, 'en', { numeric: true })
  );
}

/** Baselines first. */
const ORDER: Readonly<Record<MethodName, true>> = {
  cam: true,
  'cam-3axes': true,
  tonno: true,
  'averaged-cam': true,
  'tomographic-cam': true,
  'iterative-cam': true,
};
