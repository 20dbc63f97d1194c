/** tonno reconstruct: volumes and an encoder in, heatmaps out. */
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { BACKPROJECTION_MODULE } from '../reconstruction/backprojector.ts';
import { filters, parseFilter } from '../reconstruction/filter.ts';
import {
  type MethodName,
  methods,
  type Plan,
  type Preset,
  type PresetName,
  planMethods,
  presets,
} from '../reconstruction/methods.ts';
import { cams } from '../responses/cam/cams.ts';
import type { ScoreCamCost } from '../responses/cam/score-cam.ts';
import { DEFAULT_SIZE } from '../responses/encoder.ts';
import type { Crew } from '../runtime/crew.ts';
import { openCrew } from '../runtime/node-crew.ts';
import { devices } from '../runtime/session.ts';
import type { Shape } from '../volume/volume.ts';
import { type Engine, type EngineOptions, openEngine, type Pass } from './engine.ts';
import { prepareFolder, resultNames } from './files.ts';
import { makeHeatmaps } from './heatmap.ts';
import { addInputScaling } from './input-scaling.ts';
import { byteCount, duration, list, wholeNumber } from './options.ts';
import { isInterruption, messageOf, type Run } from './run.ts';
import { clock, type Terminal } from './terminal.ts';
import { readVolume } from './volumes.ts';

interface ReconstructOptions extends EngineOptions {
  method: MethodName[];
  preset: PresetName;
  directions?: number;
  slices?: number;
  filter?: string;
  axis?: 0 | 1 | 2;
  iterations?: number;
  nonNegative?: boolean;
  timeLimit?: number;
  seed: number;
  out: string;
  keepProfiles?: boolean;
  nan: 'refuse' | 'zero';
  int64: 'refuse' | 'convert';
}

/** Ten times the paper's. Their order of visiting takes time that grows with the square: two seconds for these. */
const MOST_DIRECTIONS = 20_000;

export function addReconstruct(program: Command, run: Run): void {
  const filterNames = Object.entries(filters).map(([name, { width }]) => (width ? `${name}:WIDTH` : name));
  const presetTable = Object.entries(presets).map(
    ([name, { directions, directionsOfMaps, slices, filter }]: [string, Preset]) => {
      const onMaps = directionsOfMaps === directions ? '' : ` (${directionsOfMaps} on maps)`;
      return `  ${name.padEnd(9)} L = ${directions}${onMaps}, M = ${slices}, ${filter}`;
    },
  );
  const command = program.command('reconstruct');
  command
    .summary('make 3D heatmaps of volumes with a 2D encoder')
    .description(
      'Make a 3D heatmap of each volume: what an ONNX encoder sees in its slices, cut at all angles.',
    )
    .argument('<volume...>', 'NIfTI files, .nii or .nii.gz')
    .option('-e, --encoder <file.onnx>', 'the 2D network; needed unless --response is given')
    .addOption(
      new Option('-m, --method <names>', `what is summed: ${Object.keys(methods).join(', ')}`)
        .argParser(list(Object.keys(methods)))
        .default(['tonno'], 'tonno'),
    )
    .addOption(
      new Option(
        '--cam <names>',
        `class activation map: ${Object.keys(cams).join(', ')} (layercam)`,
      ).argParser(list(Object.keys(cams))),
    )
    .option('--layer <names>', 'of the encoder, by number (1..4) or name: see `tonno layers`', list())
    .option('-r, --response <name>', 'instead of an encoder: mean or pooled:N')
    .addOption(
      new Option('-p, --preset <name>', 'see below').choices(Object.keys(presets)).default('standard'),
    )
    .option('-L, --directions <L>', 'number of directions', wholeNumber(2, MOST_DIRECTIONS))
    .option('-M, --slices <M>', 'slices along each direction', wholeNumber(2, 10_000))
    .option(
      '-s, --size <pixels>',
      `side of a slice (${DEFAULT_SIZE}, or what the encoder fixes)`,
      wholeNumber(2, 8192),
    )
    .option('-f, --filter <name>', filterNames.join(', '))
    .option('--axis <axis>', 'array axis of the method cam: 0, 1 or 2 (0)', wholeNumber(0, 2))
    .option('--iterations <n>', 'of the method iterative-cam (4)', wholeNumber(1, 10_000))
    .option('--non-negative', 'no heatmap values below 0, of the method iterative-cam')
    .option('-t, --time-limit <time>', 'per volume, e.g. 90s or 5m: what is done by then counts', duration)
    .option('--seed <n>', 'of the slices’ in-plane angles', wholeNumber(0, 2 ** 31 - 1), 0)
    .option('-c, --class <class>', 'number or name, where the encoder has several')
    .addOption(
      new Option('-d, --device <device>', 'what the encoder runs on')
        .choices([...devices, 'auto'])
        .default('cpu'),
    )
    .option('--threads <n>', 'threads on the CPU (all cores)', wholeNumber(1, 1024))
    .option('--batch <n>', 'slices in one run of the encoder', wholeNumber(1, 4096))
    .option('--memory <size>', 'for the masked slices of scorecam (256M)', byteCount)
    .option('-o, --out <folder>', 'where results go; made if missing', '.')
    .option('--keep-profiles', 'also write the raw profiles, for `tonno filter`')
    .addOption(
      new Option('--nan <what>', 'voxels that are not finite').choices(['refuse', 'zero']).default('refuse'),
    )
    .addOption(
      new Option('--int64 <what>', '64-bit integers').choices(['refuse', 'convert']).default('refuse'),
    );
  addInputScaling(command, 'Input scaling, where the encoder’s file does not say it:')
    .addOption(new Option('--layout <order>', 'of the encoder’s input').choices(['nchw', 'nhwc']))
    .option('--input <name>', 'the encoder’s image input, where the file leaves doubt')
    .option('--output <name>', 'the encoder’s output, where it has several')
    .optionsGroup('Options:')
    .addHelpText(
      'after',
      `
Several names with commas between them share one pass over the volume:
  --method averaged-cam,tomographic-cam --cam layercam --layer 1,2,3,4

Presets (explicit options win; with --response mean the filter is plain):
${presetTable.join('\n')}`,
    )
    .action((volumes: string[], options: ReconstructOptions) =>
      run(() => reconstructVolumes(volumes, options, run)),
    );
}

async function reconstructVolumes(paths: string[], options: ReconstructOptions, run: Run): Promise<void> {
  const { terminal, signal } = run;
  const plans = choosePlans(options);
  const engine = await openEngine(options, plans);
  // Profiles are summed faster than they could be sent away.
  const onMaps = plans.some(({ method }) => methods[method].response === 'map');
  const threads = options.threads ?? availableParallelism();
  const crew = onMaps ? openCrew(BACKPROJECTION_MODULE, threads) : undefined;
  try {
    const names = resultNames(paths);
    await prepareFolder(options.out);
    if (engine.description) terminal.log(engine.description);
    const outputs: object[] = [];
    const failed: object[] = [];
    for (const [i, path] of paths.entries()) {
      try {
        outputs.push(...(await reconstructVolume(path, names[i], { engine, crew }, options, run)));
      } catch (error) {
        // One bad volume must not cost the others their turn; a wrong option is wrong for all of them.
        if (isInterruption(error, signal) || error instanceof UsageError) throw error;
        terminal.log(`error: ${messageOf(error)}`);
        failed.push({ volume: path, error: messageOf(error) });
      }
    }
    terminal.result({ command: 'reconstruct', outputs, failed });
    if (failed.length > 0) {
      if (paths.length > 1) terminal.log(`${failed.length} of ${paths.length} volumes failed.`);
      process.exitCode = 1;
    }
  } finally {
    await crew?.close();
    await engine.close();
  }
}

/** All heatmaps of one volume, pass by pass. */
async function reconstructVolume(
  path: string,
  name: string,
  { engine, crew }: { engine: Engine; crew: Crew | undefined },
  { nan, int64, out: folder, keepProfiles, timeLimit }: ReconstructOptions,
  { terminal, signal }: Run,
): Promise<object[]> {
  const { volume, notFinite } = await readVolume(path, { nan, int64, signal });
  if (notFinite > 0) terminal.warn(`${path}: ${notFinite} voxels that were not finite are 0 now.`);
  const outputs: object[] = [];
  const deadline = timeLimit === undefined ? undefined : performance.now() + 1000 * timeLimit;
  let left: readonly Pass[] = [];
  const { sliced, passes, record } = engine.ready(volume, (cost) =>
    tellScoreCamCost(terminal, cost, slicesOf(left[0], volume.shape)),
  );
  for (const [i, pass] of passes.entries()) {
    left = passes.slice(i);
    const made = await makeHeatmaps({
      name,
      sliced,
      input: volume,
      ...pass,
      folder,
      keepProfiles,
      timeLimit:
        deadline && timeShare(left, volume.shape) * Math.max(0, (deadline - performance.now()) / 1000),
      signal,
      crew,
      terminal,
      record: { ...record, notFiniteSetToZero: notFinite },
    });
    for (const { heatmap, sidecar, profiles, record } of made) {
      terminal.print(heatmap);
      if (profiles) terminal.print(profiles);
      outputs.push({ ...record, volume: path, heatmap, sidecar, profiles });
    }
  }
  return outputs;
}

/** Slices between s = −1 and 1 of a pass. */
function slicesOf({ wanted }: Pass, shape: Shape): number {
  const counts = wanted.map(({ plan: { directions, slices, axis } }) => {
    if (slices !== undefined) return directions * slices;
    return axis === undefined ? shape[0] + shape[1] + shape[2] : shape[axis];
  });
  return Math.max(...counts);
}

/** The first pass's share of the time that is left, by its slices. */
function timeShare(passes: readonly Pass[], shape: Shape): number {
  const slices = passes.map((pass) => slicesOf(pass, shape));
  return slices[0] / slices.reduce((a, b) => a + b, 0);
}

/** ScoreCAM can take days, which must be known before they have passed. */
function tellScoreCamCost(
  terminal: Terminal,
  { passesPerSlice, secondsPerSlice }: ScoreCamCost,
  slices: number,
): void {
  terminal.log(
    `ScoreCAM runs the encoder ${passesPerSlice} times a slice: at ${secondsPerSlice.toPrecision(2)} s a slice about ${clock(secondsPerSlice * slices)} for ${slices} slices.`,
  );
}

/** Methods, preset and the options that override it; everything wrong with them is found before any work. */
function choosePlans(options: ReconstructOptions): Plan[] {
  const { method, preset, directions, slices, filter, seed, axis, iterations, nonNegative } = options;
  const plain = options.response === 'mean';
  const choice = { preset, directions, slices, filter, seed, axis, iterations, nonNegative, plain };
  const plans = planMethods(method, choice);
  for (const plan of plans) parseFilter(plan.filter);
  return plans;
}
