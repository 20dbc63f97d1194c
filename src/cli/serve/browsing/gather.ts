/** Cases, their heatmaps and encoders, put together as the page has them. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Browsed, BrowsedCase, BrowsedSeries } from '../../../report/browse.ts';
import type { StoredResult } from '../../study/stored.ts';
import { type Case, shareCase } from './cases.ts';
import { byName, type Context } from './context.ts';
import { browseSet, type FoundHeatmap, type HeatmapSet } from './heatmaps.ts';
import { shareFile } from './volumes.ts';

/** What was found, before the notes on it are put to it. */
export type Found = Omit<Browsed, 'notes'>;

export interface OwnedSet extends HeatmapSet {
  /** Whose each of its heatmaps is. */
  readonly owners: ReadonlyMap<FoundHeatmap, Case>;
}

/**
 * Shares cases and heatmaps.
 * @param known cases that are shown with or without heatmaps, before all others.
 */
export async function gather(
  sets: readonly OwnedSet[],
  known: readonly Case[],
  context: Context,
): Promise<Pick<Browsed, 'series' | 'cases'>> {
  const series: BrowsedSeries[] = [];
  const heatmaps = new Map<string, BrowsedCase['heatmaps']>();
  const others = new Map<string, Case>();
  for (const set of sets) {
    for (const owner of set.owners.values()) {
      if (!others.has(owner.key)) others.set(owner.key, withResult(owner, set.results));
    }
    const browsed = await browseSet(set, (heatmap) => set.owners.get(heatmap) as Case, context);
    series.push(...browsed.series);
    for (const [key, own] of browsed.heatmaps) heatmaps.set(key, { ...heatmaps.get(key), ...own });
  }
  for (const { key } of known) others.delete(key);
  const inOrder = [...known, ...[...others.values()].sort((a, b) => byName(a.name, b.name))];
  const cases: BrowsedCase[] = [];
  for (const one of withOwnNames(inOrder)) {
    const shared = await shareCase(one, heatmaps.get(one.key) ?? {}, context);
    if (shared) cases.push(shared);
  }
  return { series, cases };
}

/** The page knows a case by its name: what is called like another has its folder before it, or a number behind. */
function withOwnNames(cases: readonly Case[]): Case[] {
  const taken = new Set<string>();
  return cases.map((own) => {
    const [image] = own.images;
    const placed = image === undefined ? own.name : `${basename(dirname(image))}/${own.name}`;
    let name = taken.has(own.name) ? placed : own.name;
    for (let n = 2; taken.has(name); n++) name = `${placed} (${n})`;
    taken.add(name);
    return { ...own, name };
  });
}

/** What an evaluation knows of a case whose table is gone. */
function withResult(own: Case, results: readonly StoredResult[] = []): Case {
  if (own.label !== undefined) return own;
  const found = results
    .flatMap(({ evaluation: { cases } }) => (Array.isArray(cases) ? cases : []))
    .find((result) => result?.name === own.name);
  if (found?.label !== 0 && found?.label !== 1) return own;
  return { ...own, label: found.label, patient: own.patient ?? found.patient };
}

export interface Encoder {
  readonly name: string;
  readonly path: string;
}

const MODEL = /\.onnx$/i;

/** The encoders that lie in a folder itself. */
export async function encodersIn(folder: string): Promise<Encoder[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => MODEL.test(name) && !name.startsWith('.'))
    .sort(byName)
    .map((name) => ({ name, path: join(folder, name) }));
}

/** @param within the folder that they were found in; absent where a record names them. */
export async function shareEncoders(
  encoders: readonly Encoder[],
  context: Context,
  within?: string,
): Promise<Browsed['encoders']> {
  const shared: { name: string; file: string }[] = [];
  for (const { name, path } of encoders) {
    // A record may say anything: no other file of this machine is handed to a page.
    if (!MODEL.test(basename(path))) {
      context.notes.add(`The encoder ${name} is left out: ${path} is not called .onnx.`);
      continue;
    }
    const file = await shareFile(path, context, within);
    if (file !== undefined) shared.push({ name, file });
  }
  return shared;
}
