/** tonno filter: kept profiles in, the heatmap again with another filter out. No encoder runs. */
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { TonnoError, UsageError } from '../errors.ts';
import { decodeNpy, type NpyArray } from '../formats/npy.ts';
import { parseFilter } from '../reconstruction/filter.ts';
import { methods, planDirections } from '../reconstruction/methods.ts';
import { project } from '../reconstruction/reconstruct.ts';
import type { Measurement } from '../reconstruction/targets.ts';
import { VERSION } from '../version.ts';
import { type Box, uncropVolume } from '../volume/crop.ts';
import { extremes } from '../volume/statistics.ts';
import type { Shape } from '../volume/volume.ts';
import { jsonBytes, parseJson, prepareFolder, readBytes, writeWhole } from './files.ts';
import type { ProfilesRecord } from './heatmap.ts';
import { isInterruption, messageOf, type Run } from './run.ts';
import { volumeBytes } from './volumes.ts';

export function addFilter(program: Command, run: Run): void {
  program
    .command('filter')
    .summary('make a heatmap again from kept profiles with another filter')
    .description('Make a heatmap again from the profiles that `tonno reconstruct --keep-profiles` wrote.')
    .argument('<profiles.npy...>', 'with their .json beside them')
    .requiredOption('-f, --filter <name>', 'none, second-difference, gaussian:SIGMA or hann:CUTOFF')
    .option('-o, --out <folder>', 'where results go (beside the profiles)')
    .action((paths: string[], options: { filter: string; out?: string }) =>
      run(async () => {
        parseFilter(options.filter);
        const outputs: object[] = [];
        const failed: object[] = [];
        for (const path of paths) {
          try {
            outputs.push(await refilter(path, options, run));
          } catch (error) {
            if (isInterruption(error, run.signal) || error instanceof UsageError) throw error;
            run.terminal.log(`error: ${messageOf(error)}`);
            failed.push({ profiles: path, error: messageOf(error) });
          }
        }
        run.terminal.result({ command: 'filter', outputs, failed });
        if (failed.length > 0) process.exitCode = 1;
      }),
    );
}

async function refilter(
  path: string,
  { filter: name, out = dirname(path) }: { filter: string; out?: string },
  { terminal, signal }: Run,
): Promise<object> {
  const filter = parseFilter(name);
  const [profiles, about] = await readProfiles(path);
  if (filter.margin > about.margin) {
    throw new UsageError(
      `--filter ${name}`,
      `${path} has no slices beyond the ends, which this filter needs.`,
      {
        remedy: 'Measure again with this filter.',
      },
    );
  }
  await prepareFolder(out);
  const started = performance.now();
  const [rows, columns] = about.sliceSize;
  const { heatmaps } = await project(measurements(profiles, about), [{ maps: 0, filter }], {
    shape: about.grid.shape,
    total: about.directionsDone,
    size: { rows, columns },
    planeMeasure: about.planeMeasure,
    signal,
  });
  const [{ data, kinds }] = heatmaps;
  const stem = `${basename(path, '.npy').replace(/_profiles$/, '')}_filter-${name.replace(':', '-')}_heatmap`;
  const file = `${stem}.nii.gz`;
  const record = {
    ...about.heatmap,
    software: { name: 'tonno', version: VERSION, node: process.version },
    filter: name,
    filteredFrom: basename(path),
    seconds: Math.round((performance.now() - started) / 10) / 100,
    heatmap: { file, ...extremes(data) },
  };
  const { whole, box } = about;
  const volume = {
    data: uncropVolume(data, kinds, box, whole.shape),
    channels: kinds,
    shape: whole.shape,
    geometry: whole.geometry,
  };
  const description = `tonno ${VERSION} ${about.plan.method} L=${about.directionsDone} ${name}`;
  const heatmap = join(out, file);
  const sidecar = join(out, `${stem}.json`);
  await writeWhole({
    [sidecar]: jsonBytes(record),
    [heatmap]: await volumeBytes(volume, { datatype: 'float32', description, signal }),
  });
  terminal.print(heatmap);
  return { ...record, profiles: path, heatmap, sidecar };
}

async function readProfiles(path: string): Promise<[NpyArray, ProfilesRecord]> {
  const recordPath = path.replace(/(\.npy)?$/, '.json');
  const profiles = decodeNpy(await readBytes(path), path);
  const bytes = await readBytes(recordPath);
  const wrong = (problem: string) =>
    new TonnoError(recordPath, problem, {
      remedy: 'Keep the .npy and the .json of one run together, unchanged.',
    });
  let about: ProfilesRecord;
  try {
    about = parseJson(bytes) as ProfilesRecord;
  } catch {
    throw wrong('It is not JSON.');
  }
  const complaint = complaintAbout(about, profiles.shape);
  if (complaint) throw wrong(complaint);
  return [profiles, about];
}

/** What is wrong with a record, or with the two together; nothing when they belong to one another. */
function complaintAbout(about: ProfilesRecord, array: readonly number[]): string | undefined {
  const count = (value: unknown, least: number) => Number.isInteger(value) && (value as number) >= least;
  const isGrid = (grid: ProfilesRecord['grid'] | undefined) =>
    Array.isArray(grid?.shape) &&
    grid.shape.length === 3 &&
    grid.shape.every((length) => count(length, 1)) &&
    Array.isArray(grid.geometry?.affine);
  const { plan, grid, whole, box, sliceSize, margin, planeMeasure, directionsDone } = about ?? {};
  const isWhole =
    Object.hasOwn(methods, plan?.method) &&
    isGrid(grid) &&
    isGrid(whole) &&
    liesIn(box, grid.shape, whole.shape) &&
    Array.isArray(sliceSize) &&
    sliceSize.length === 2 &&
    sliceSize.every((side) => count(side, 2)) &&
    count(margin, 0) &&
    Number.isFinite(planeMeasure) &&
    count(plan.seed, 0) &&
    count(directionsDone, 1);
  if (!isWhole) return 'It does not describe profiles.';
  const slices = plan.slices ?? array[1] - 2 * margin;
  const fits = array.length === 5 && array[0] === directionsDone && array[1] === slices + 2 * margin;
  if (fits && directionsDone <= plan.directions) return undefined;
  return `It speaks of ${directionsDone} directions of ${slices} slices, but the array beside it is ${array.join('×')}.`;
}

/** Whether a box of a shape is a part of a grid. */
function liesIn(box: Box | undefined, shape: Shape, whole: Shape): boolean {
  const { from, to } = box ?? {};
  if (!Array.isArray(from) || !Array.isArray(to)) return false;
  return shape.every(
    (length, axis) => from[axis] >= 0 && to[axis] - from[axis] === length && to[axis] <= whole[axis],
  );
}

/** The rows of a profiles array as they were measured. */
async function* measurements(
  { data, shape: [, count, kinds, rows, columns] }: NpyArray,
  { plan, grid, directionsDone, margin }: ProfilesRecord,
): AsyncGenerator<Measurement> {
  const length = count * kinds * rows * columns;
  const directions = planDirections(plan, grid.shape).slice(0, directionsDone);
  for (const [row, direction] of directions.entries()) {
    const values = data.subarray(row * length, (row + 1) * length);
    yield { direction, margin, maps: [{ data: values, count, kinds, rows, columns }] };
  }
}
