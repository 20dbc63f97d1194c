/**
 * Heatmaps as they lie in folders, with their records, by the series they belong to. Unlike an evaluation this takes what
 * there is: a case may lack a heatmap, and a record may be gone. None is read here: its maximum stands in its record.
 */
import { basename, dirname } from 'node:path';
import type { Evaluation } from '../../../evaluation/evaluation.ts';
import { thresholdsOf } from '../../../evaluation/protocol.ts';
import type { BrowsedHeatmap, BrowsedSeries } from '../../../report/browse.ts';
import { layerTitle } from '../../../report/results.ts';
import { exists } from '../../files.ts';
import { HEATMAP_FILE } from '../../heatmap-file.ts';
import {
  describeSeries,
  type HeatmapRecord,
  type HeatmapSeries,
  inOrder,
  recordOf,
  sidecarPath,
} from '../../heatmap-folder.ts';
import type { StoredResult } from '../../study/stored.ts';
import { attempt, type Context, finite, grouped } from './context.ts';
import { shareFile } from './volumes.ts';

export interface FoundHeatmap {
  readonly path: string;
  /** What stands in its name before `_desc-`, and from there on: of the case, and of the series. */
  readonly stem: string;
  readonly kind: string;
  readonly record: HeatmapRecord;
}

/** Heatmaps that were made together. */
export interface HeatmapSet {
  readonly heatmaps: readonly FoundHeatmap[];
  /** What was given: links that lead out of it are not followed. */
  readonly root: string;
  /** Its place among several sets, for the series' ids. */
  readonly number: number;
  readonly encoder?: string;
  /** Numbers, where they were evaluated. */
  readonly results?: readonly StoredResult[];
}

/** Heatmaps with what their names and records say; other files are passed over. */
export async function readHeatmaps(
  paths: readonly string[],
  { notes, signal }: Context,
): Promise<FoundHeatmap[]> {
  const found: FoundHeatmap[] = [];
  for (const path of paths) {
    signal.throwIfAborted();
    const name = basename(path).replace(HEATMAP_FILE, '');
    const [, stem = name, kind = ''] = /^(.+)_(desc-.+)$/.exec(name) ?? [];
    found.push({ path, stem, kind, record: (await attempt(() => recordOf(path), notes)) ?? {} });
  }
  return found;
}

export interface BrowsedSet {
  /** In the order of methods, maps and layers. */
  readonly series: readonly BrowsedSeries[];
  /** By the key of the case, then the series' id. */
  readonly heatmaps: ReadonlyMap<string, Readonly<Record<string, BrowsedHeatmap>>>;
}

/**
 * Shares the heatmaps of a set.
 * @param caseOf key and name of the case that a heatmap is of.
 */
export async function browseSet(
  { heatmaps, root, number, encoder, results = [] }: HeatmapSet,
  caseOf: (heatmap: FoundHeatmap) => { readonly key: string; readonly name: string },
  context: Context,
): Promise<BrowsedSet> {
  const kinds = grouped(heatmaps, ({ kind }) => kind).flatMap((own) =>
    apart(own, (heatmap) => caseOf(heatmap).key),
  );
  const described = kinds.map((own) => ({ own, about: describe(own) }));
  described.sort((a, b) => inOrder(a.about, b.about));
  const series: BrowsedSeries[] = [];
  const byCase = new Map<string, Record<string, BrowsedHeatmap>>();
  for (const { own, about } of described) {
    for (const note of about.notes) context.notes.add(note);
    const evaluation = soundEvaluation(results.find(({ name }) => name === about.name));
    const id = unique(`${number}-${about.name || 'heatmap'}`, new Set(series.map((one) => one.id)));
    series.push(browsedSeries(id, about, encoder, evaluation));
    for (const heatmap of own) {
      const { key, name } = caseOf(heatmap);
      const browsed = await browseHeatmap(heatmap, root, evaluation && [evaluation, name], context);
      if (browsed) byCase.set(key, { ...byCase.get(key), [id]: browsed });
    }
  }
  return { series, heatmaps: byCase };
}

/** Heatmaps of one kind, by folders where a case has several of them. */
function apart(
  heatmaps: readonly FoundHeatmap[],
  keyOf: (heatmap: FoundHeatmap) => string,
): FoundHeatmap[][] {
  const alone = new Set(heatmaps.map(keyOf)).size === heatmaps.length;
  return alone ? [[...heatmaps]] : grouped(heatmaps, ({ path }) => dirname(path));
}

function describe(heatmaps: readonly FoundHeatmap[]): HeatmapSeries {
  const paths = new Map(heatmaps.map(({ path }) => [path, path]));
  // Of what has no record nothing can be said to differ.
  const records = heatmaps.map(({ record }) => record).filter((record) => Object.keys(record).length > 0);
  return describeSeries(heatmaps[0].kind, paths, records.length > 0 ? records : [{}]);
}

function browsedSeries(
  id: string,
  { title, method, cam, layer }: HeatmapSeries,
  encoder: string | undefined,
  evaluation: Evaluation | undefined,
): BrowsedSeries {
  return {
    id,
    title: layer === undefined ? title || 'Heatmap' : `${title}, ${layerTitle(layer)}`,
    encoder,
    method,
    cam,
    layer,
    dice: finite(evaluation?.summary.dice?.mean),
    f1: finite(evaluation?.summary.f1?.mean),
  };
}

/** @param evaluated with the case's name in it. */
async function browseHeatmap(
  { path, record }: FoundHeatmap,
  root: string,
  evaluated: readonly [evaluation: Evaluation, name: string] | undefined,
  context: Context,
): Promise<BrowsedHeatmap | undefined> {
  const file = await shareFile(path, context, root);
  if (file === undefined) return undefined;
  const sidecar = sidecarPath(path);
  const result = evaluated?.[0].cases.find(({ name }) => name === evaluated[1]);
  const { low, high } = (evaluated && thresholdsOf(...evaluated)) ?? {};
  const thresholds = { low: finite(low), high: finite(high) };
  const said = record.heatmap as { readonly maximum?: unknown } | null | undefined;
  return {
    file,
    sidecar: (await exists(sidecar)) ? await shareFile(sidecar, context, root) : undefined,
    maximum: finite(said?.maximum) ?? finite(result?.maximum),
    dice: finite(result?.metrics?.dice),
    f1: finite(result?.metrics?.f1),
    ...(thresholds.low !== undefined &&
      thresholds.high !== undefined && { thresholds: { low: thresholds.low, high: thresholds.high } }),
  };
}

/** The numbers, if all that is read of them is there: files may come from anywhere. */
function soundEvaluation(result: StoredResult | undefined): Evaluation | undefined {
  const { cases, folds, summary } = (result?.evaluation ?? {}) as Partial<Evaluation>;
  const isObject = (value: unknown) => typeof value === 'object' && value !== null;
  const sound =
    Array.isArray(cases) &&
    cases.every(isObject) &&
    Array.isArray(folds) &&
    folds.every((fold) => Array.isArray(fold?.measure)) &&
    isObject(summary);
  return sound ? result?.evaluation : undefined;
}

function unique(id: string, taken: ReadonlySet<string>): string {
  let own = id;
  for (let n = 2; taken.has(own); n++) own = `${id}-${n}`;
  return own;
}
