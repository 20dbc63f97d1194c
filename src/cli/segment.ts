/**
 * tonno segment: heatmaps and two thresholds in; masks, and tables of the lesions in them, out. Beside
 * `<name>_heatmap.nii.gz` come `<name>_mask.nii.gz` in the same grid, `<name>_mask.json` with the settings and
 * `<name>_lesions.csv`.
 */
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { TonnoError, UsageError } from '../errors.ts';
import { hysteresis, type Segmentation } from '../evaluation/binarisation.ts';
import type { Connectivity } from '../evaluation/components.ts';
import { dropSmall, type Lesion, lesions } from '../evaluation/lesions.ts';
import { csvBytes } from '../report/csv.ts';
import { lesionTable } from '../report/lesion-table.ts';
import { VERSION } from '../version.ts';
import { extremes } from '../volume/statistics.ts';
import { spacing, type Volume } from '../volume/volume.ts';
import { exists, jsonBytes, prepareFolder, resultNames, writeWhole } from './files.ts';
import { readHeatmap } from './heatmap-file.ts';
import { connectivity, finiteNumber, positiveNumber } from './options.ts';
import { isInterruption, messageOf, type Run } from './run.ts';
import { columnsOf } from './table.ts';
import { volumeBytes } from './volumes.ts';

interface SegmentOptions {
  high: number;
  low: number;
  minVolume?: number;
  connectivity: Connectivity;
  out?: string;
}

/** Lesions that the terminal shows of a heatmap; the file has all. */
const SHOWN = 10;

/** Below the help. */
const WRITTEN = `
Voxels above --low are marked; of their connected components those stay that
reach above --high. \`tonno evaluate\` finds the two thresholds of a method.

Of NAME_heatmap.nii.gz are written NAME_mask.nii.gz, in the same grid,
NAME_mask.json with the settings and NAME_lesions.csv with a line a lesion:
volume, maximum, centre in the world (RAS+ mm) and its highest voxel.`;

export function addSegment(program: Command, run: Run): void {
  program
    .command('segment')
    .summary('make masks and tables of lesions of heatmaps')
    .description('Lay two thresholds on heatmaps: what is above them becomes masks and tables of lesions.')
    .argument('<heatmap...>', 'as `tonno reconstruct` writes them')
    .requiredOption('--high <value>', 'τ: a lesion reaches above it', finiteNumber)
    .requiredOption('--low <value>', 'τ′: a lesion’s voxels are above it', finiteNumber)
    .option('--min-volume <mm3>', 'lesions of less are left out', positiveNumber)
    .option('--connectivity <n>', 'neighbours of a voxel: 6, 18 or 26', connectivity, 26)
    .option('-o, --out <folder>', 'where results go (beside the heatmaps)')
    .addHelpText('after', WRITTEN)
    .action((paths: string[], options: SegmentOptions) => run(() => segmentHeatmaps(paths, options, run)));
}

async function segmentHeatmaps(paths: string[], options: SegmentOptions, run: Run): Promise<void> {
  const { terminal, signal } = run;
  const { high, low } = options;
  if (!(low < high)) {
    throw new UsageError(`--low ${low}`, `It is not below --high ${high}.`, {
      remedy: 'A lesion reaches above the high threshold and ends at the low one.',
    });
  }
  const stems = resultStems(paths, options.out);
  const outputs: object[] = [];
  const failed: object[] = [];
  for (const [i, path] of paths.entries()) {
    try {
      outputs.push(await segmentHeatmap(path, stems[i], options, run));
    } catch (error) {
      if (isInterruption(error, signal)) throw error;
      terminal.log(`error: ${messageOf(error)}`);
      failed.push({ heatmap: path, error: messageOf(error) });
    }
  }
  terminal.result({ command: 'segment', outputs, failed });
  if (failed.length > 0) {
    if (paths.length > 1) terminal.log(`${failed.length} of ${paths.length} heatmaps failed.`);
    process.exitCode = 1;
  }
}

/**
 * Folder and stem of each heatmap's results.
 * @throws UsageError when those of two would overwrite one another.
 */
function resultStems(paths: readonly string[], out: string | undefined): string[] {
  const folders = out === undefined ? paths.map((path) => dirname(path)) : paths.map(() => out);
  const stems = paths.map((path, i) => {
    // What lies in one folder has to be told apart; everything does where all goes to one.
    const beside = paths.filter((_, j) => resolve(folders[j]) === resolve(folders[i]));
    return join(folders[i], resultNames(beside)[beside.indexOf(path)].replace(/_heatmap$/i, ''));
  });
  for (const [i, stem] of stems.entries()) {
    const first = stems.indexOf(stem);
    if (first === i) continue;
    throw new UsageError(paths[i], `Its results would have the same names as those of ${paths[first]}.`, {
      remedy: 'Give the two in separate calls, with an --out of their own.',
    });
  }
  return stems;
}

async function segmentHeatmap(
  path: string,
  stem: string,
  { high, low, connectivity, minVolume }: SegmentOptions,
  { terminal, signal }: Run,
): Promise<object> {
  const files = { mask: `${stem}_mask.nii.gz`, record: `${stem}_mask.json`, table: `${stem}_lesions.csv` };
  await refuseForeignMask(files.mask, files.record);
  const heatmap = await readHeatmap(path, signal);
  const { data, shape, geometry } = heatmap;
  const whole = hysteresis(data, shape, { low, high, connectivity });
  const segmentation = minVolume === undefined ? whole : dropSmall(whole, minVolume, geometry);
  const found = lesions(segmentation, data, geometry);
  const record = {
    software: { name: 'tonno', version: VERSION, node: process.version },
    heatmap: { file: path, shape, spacing: spacing(geometry), ...extremes(data) },
    high,
    low,
    minimumVolume: minVolume,
    connectivity,
    mask: {
      file: basename(files.mask),
      lesions: found.length,
      leftOut: whole.components.count - found.length,
      voxels: sum(found.map(({ voxels }) => voxels)),
      volume: sum(found.map(({ volume }) => volume)),
    },
    table: basename(files.table),
  };
  const description = `tonno ${VERSION} segment high=${high} low=${low}`;
  const bytes = await maskBytes(heatmap, segmentation, description, signal);
  await prepareFolder(dirname(files.mask));
  signal.throwIfAborted();
  // The mask comes last: it is never without the settings that made it.
  await writeWhole({
    [files.record]: jsonBytes(record),
    [files.table]: csvBytes(lesionTable(found)),
    [files.mask]: bytes,
  });
  terminal.print(files.mask);
  terminal.print(files.table);
  for (const line of summary(found, record.heatmap.maximum)) terminal.print(line);
  return {
    ...record,
    heatmap: path,
    mask: files.mask,
    sidecar: files.record,
    table: files.table,
    lesions: found,
  };
}

/** A mask that someone has drawn must not be lost. */
async function refuseForeignMask(mask: string, record: string): Promise<void> {
  if (!(await exists(mask)) || (await exists(record))) return;
  throw new TonnoError(
    mask,
    `It is there already, without a ${basename(record)} that says how it was made.`,
    {
      remedy: 'Give another folder with --out.',
    },
  );
}

function maskBytes(
  { shape, geometry }: Volume,
  { mask }: Segmentation,
  description: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const volume: Volume = { data: Float32Array.from(mask), channels: 1, shape, geometry };
  return volumeBytes(volume, { datatype: 'uint8', description, signal });
}

/** The largest lesions, for the terminal. */
function summary(found: readonly Lesion[], maximum: number): string[] {
  if (found.length === 0) return [`  no lesion; the heatmap’s maximum is ${maximum.toPrecision(4)}`];
  const largest = [...found].sort((a, b) => b.volume - a.volume || a.number - b.number).slice(0, SHOWN);
  const rows = largest.map(({ number, volume, voxels, maximum, centroid }) => [
    ...[String(number), volume.toFixed(1), String(voxels), maximum.toPrecision(4)],
    ...centroid.map((value) => value.toFixed(1)),
  ]);
  const header = ['lesion', 'mm³', 'voxels', 'maximum', 'x mm', 'y mm', 'z mm'];
  const more = found.length - largest.length;
  return [
    ...columnsOf([header, ...rows]).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more, smaller ones`] : []),
  ];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
