/**
 * Sheets of one plane of one case, over and over: by method and layer (Fig. 11), by seed (Fig. 7), by numbers of slices
 * and directions (Fig. 8). The first picture is always the image with the truth, so that there is something to compare
 * with; each heatmap has its own range of colours, as scales of methods and layers do not compare.
 */
import { UsageError } from '../errors.ts';
import type { Volume } from '../volume/volume.ts';
import { type Axis, planeView } from './planes.ts';
import { drawSheet, type SheetCell, type SheetInput } from './sheet.ts';
import type { Picture } from './study.ts';

/** The case and the plane that every cell shows. */
export interface GridCase {
  /** Its name. */
  readonly title: string;
  readonly image: Volume;
  /** What exceeds ½ is outlined. */
  readonly truth?: Volume;
  /** Of the plane; default 0. */
  readonly axis?: Axis;
  readonly index: number;
}

export interface ComparisonInput extends GridCase {
  /** Names of the columns. */
  readonly layers: readonly string[];
  readonly methods: readonly ComparedMethod[];
}

/** A method with one heatmap for each layer, or with a single one where it has no layers. */
export type ComparedMethod =
  | { readonly label: string; readonly heatmaps: readonly (Volume | undefined)[] }
  | { readonly label: string; readonly heatmap: Volume };

/**
 * One case by all methods and layers, as Fig. 11.
 * @throws UsageError when a method with layers has not one heatmap for each.
 */
export function renderComparison(input: ComparisonInput): Picture {
  const { layers, methods } = input;
  const rows = methods.map((method) => {
    const { label } = method;
    if ('heatmap' in method) return { label, cells: [cell(input, method.heatmap)] };
    requireLength(label, 'layers', method.heatmaps, layers.length);
    const cells = method.heatmaps.map((heatmap) => heatmap && cell(input, heatmap));
    return { label, cells: [undefined, ...cells] };
  });
  const names = methods.map(({ label }) => label).join(', ');
  return grid(input, ['no layer', ...layers], [{ label: 'image', cells: [cell(input)] }, ...rows], {
    about: `the heatmaps of ${names} at ${layers.join(', ')}`,
    caption: 'every method in a row of its own, its layers from left to right.',
  });
}

export interface SeedsInput extends GridCase {
  readonly seeds: readonly number[];
  /** One for each seed. */
  readonly heatmaps: readonly Volume[];
}

/**
 * One case reconstructed with several seeds, as Fig. 7.
 * @throws UsageError when there is not one heatmap for each seed.
 */
export function renderSeeds(input: SeedsInput): Picture {
  const { seeds, heatmaps } = input;
  requireLength(input.title, 'seeds', heatmaps, seeds.length);
  const cells = [cell(input), ...heatmaps.map((heatmap) => cell(input, heatmap))];
  return grid(input, ['image', ...seeds.map((seed) => `seed ${seed}`)], [{ label: '', cells }], {
    about: `the heatmaps with the seeds ${seeds.join(', ')}`,
    caption: 'reconstructed with several seeds, which turn the slices in their planes.',
  });
}

export interface SettingsInput extends GridCase {
  /** M, one for each row. */
  readonly slices: readonly number[];
  /** L, one for each column. */
  readonly directions: readonly number[];
  /** A row for each number of slices. */
  readonly heatmaps: readonly (readonly Volume[])[];
}

/**
 * One case reconstructed with several numbers of slices and of directions, as Fig. 8.
 * @throws UsageError when there is not one heatmap for each pair.
 */
export function renderSettings(input: SettingsInput): Picture {
  const { slices, directions, heatmaps } = input;
  requireLength(input.title, 'numbers of slices', heatmaps, slices.length);
  const rows = heatmaps.map((row, i) => {
    requireLength(input.title, 'numbers of directions', row, directions.length);
    const shown = row.map((heatmap) => cell(input, heatmap));
    return { label: `M = ${slices[i]}`, cells: [i === 0 ? cell(input) : undefined, ...shown] };
  });
  return grid(input, ['image', ...directions.map((count) => `L = ${count}`)], rows, {
    about: `the heatmaps with ${slices.join(', ')} slices and ${directions.join(', ')} directions`,
    caption: 'reconstructed from M slices a direction (down) and L directions (across).',
  });
}

function requireLength(subject: string, what: string, list: readonly unknown[], length: number): void {
  if (list.length === length) return;
  throw new UsageError(subject, `There are ${list.length} heatmaps for ${length} ${what}.`, {
    remedy: 'Give one heatmap for each.',
  });
}

function cell({ image, truth, axis = 0, index }: GridCase, heatmap?: Volume): SheetCell {
  return { image, axis, index, ...(truth && { mask: truth }), ...(heatmap && { heatmap }) };
}

function grid(
  { title, image, truth, axis = 0, index }: GridCase,
  columns: SheetInput['columns'],
  rows: SheetInput['rows'],
  { about, caption }: { about: string; caption: string },
): Picture {
  const plane = `${planeView(image.geometry, axis).name} plane ${index}`;
  const sheet = drawSheet({ title: `${title}, ${plane}`, columns, rows });
  return {
    png: sheet.toIndexedPng(),
    width: sheet.width,
    height: sheet.height,
    alt: `${title} in its ${plane}: the image${truth ? ' with the true outline' : ''} and ${about}.`,
    caption: `${title} in its ${plane}: ${caption}${truth ? ' Yellow: the truth.' : ''} Each heatmap is coloured as far as its own 99.9th percentile, red positive and blue negative.`,
  };
}
