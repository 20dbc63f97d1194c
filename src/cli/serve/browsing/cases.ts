/**
 * Cases, and whose a heatmap is. A record names the case and the table it is from, or the volume that was sliced; paths in
 * it are as they were typed then, so that they are looked for from here and from the record's own folder. Where the volume
 * has gone, the heatmap is looked at in its place, under a name that says so.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Cohort, CohortCase } from '../../../datasets/cohort.ts';
import type { BrowsedCase, BrowsedHeatmap, BrowsedVolume } from '../../../report/browse.ts';
import { readCohort } from '../../cohort-cases.ts';
import { channelPaths } from '../../volumes.ts';
import { attempt, type Context } from './context.ts';
import type { FoundHeatmap } from './heatmaps.ts';
import { shareVolume } from './volumes.ts';

/** A case before its files are shared. */
export interface Case extends Pick<BrowsedCase, 'name' | 'patient' | 'split' | 'label'> {
  /** The same for all heatmaps of it. */
  readonly key: string;
  /** Paths, one a channel; none where the volume is not known. */
  readonly images: readonly string[];
  readonly mask?: string;
  /** The folder that its files were found in; absent where they were named. */
  readonly within?: string;
}

/** Tables that were read, each once. */
export class Tables {
  private readonly context: Context;
  private readonly read = new Map<string, Promise<ReadonlyMap<string, Case>>>();
  /** Where named tables are, by how they are named where. */
  private readonly places = new Map<string, Promise<string | undefined>>();

  constructor(context: Context) {
    this.context = context;
  }

  /** Cases of a table by their names; none, and a note, where it cannot be read. */
  cases(path: string): Promise<ReadonlyMap<string, Case>> {
    return kept(this.read, path, async () => {
      const cohort = await attempt(() => readCohort(path), this.context.notes);
      const cases = cohort ? tableCases(cohort, this.context) : [];
      return new Map(cases.map((own) => [own.name, own]));
    });
  }

  /** A row of the table that a record names. */
  async row(table: string, name: string, record: string): Promise<Case | undefined> {
    const key = `${dirname(record)}\0${table}`;
    const place = await kept(this.places, key, () => whereIs(table, record));
    return place === undefined ? undefined : (await this.cases(place)).get(name);
  }
}

function kept<T>(values: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const value = values.get(key) ?? make();
  values.set(key, value);
  return value;
}

/** The cases of a table, in its order. */
export function tableCases({ name, classes, cases }: Cohort, context: Context): Case[] {
  const label = labelIndex(name, classes, context);
  return cases.map((row) => rowCase(row, name, label));
}

function rowCase(
  { name, patient, split, labels, images, mask }: CohortCase,
  table: string,
  label: number,
): Case {
  const at = (file: string) => resolve(dirname(table), file);
  return {
    key: `${resolve(table)}\0${name}`,
    name,
    patient,
    split,
    label: labels[label] === 1 ? 1 : 0,
    images: images.map(at),
    mask: mask === undefined ? undefined : at(mask),
  };
}

/** Of several labels the chosen one, or the first. */
function labelIndex(table: string, classes: readonly string[], { label, notes }: Context): number {
  const index = label === undefined ? 0 : classes.indexOf(label);
  if (index < 0)
    notes.add(`${table} has no label ${label}; shown is ${classes[0]} of ${classes.join(', ')}.`);
  else if (label === undefined && classes.length > 1) {
    notes.add(
      `${table} has the labels ${classes.join(', ')}; shown is ${classes[0]}. Choose another with --label.`,
    );
  }
  return Math.max(0, index);
}

/** The row of the table that a heatmap's record names. */
export async function recordedRow({ path, record }: FoundHeatmap, tables: Tables): Promise<Case | undefined> {
  const said = record.case as { readonly name?: unknown; readonly cohort?: unknown } | null | undefined;
  if (typeof said?.cohort !== 'string' || typeof said.name !== 'string') return undefined;
  return tables.row(said.cohort, said.name, path);
}

/** The volume that a heatmap's record names, if all its files are there. */
export async function recordedInput({ path, stem, record }: FoundHeatmap): Promise<Case | undefined> {
  const input = record.input as { readonly file?: unknown } | null | undefined;
  if (typeof input?.file !== 'string') return undefined;
  const places: (string | undefined)[] = [];
  for (const file of await channelPaths(input.file)) places.push(await whereIs(file, path));
  const images = places.flatMap((place) => place ?? []);
  if (images.length < places.length) return undefined;
  return { key: await filesKey(images), name: recordedName(record) ?? stem, images };
}

/** A case of which nothing is known but its heatmaps. */
export function bareCase({ path, stem, record }: FoundHeatmap): Case {
  return { key: join(dirname(path), stem), name: recordedName(record) ?? stem, images: [] };
}

function recordedName(record: FoundHeatmap['record']): string | undefined {
  const said = record.case as { readonly name?: unknown } | null | undefined;
  return typeof said?.name === 'string' ? said.name : undefined;
}

/** Files as what they are, whatever leads there. */
export async function filesKey(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map((path) => realpath(path).catch(() => resolve(path))))).join(';');
}

/** A file that a record names: from where we are, from the record's folder, or beside it. */
export async function whereIs(named: string, record: string): Promise<string | undefined> {
  const folder = dirname(record);
  for (const path of [resolve(named), resolve(folder, named), join(folder, basename(named))]) {
    if (await stat(path).catch(() => undefined)) return path;
  }
  return undefined;
}

/** Shares the files of a case. @returns undefined where there is nothing to look at; a note says why. */
export async function shareCase(
  { name, patient, split, label, images, mask, within }: Case,
  heatmaps: Readonly<Record<string, BrowsedHeatmap>>,
  context: Context,
): Promise<BrowsedCase | undefined> {
  const shown: BrowsedVolume[] = [];
  for (const path of images) {
    const volume = await shareVolume(path, context, within);
    if (volume) shown.push(volume);
  }
  if (shown.length === 0 || shown.length < images.length) {
    const [first] = Object.values(heatmaps);
    if (!first) return undefined;
    context.notes.add(`The volume of case ${name} cannot be shown: a heatmap of it is in its place.`);
    shown.splice(0, shown.length, { name: `${name}: a heatmap, not its volume`, files: [first.file] });
  }
  const truth = mask === undefined ? undefined : await shareVolume(mask, context, within);
  return { name, patient, split, label, images: shown, mask: truth, heatmaps };
}
