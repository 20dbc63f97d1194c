/** tonno reconstruct: volumes, or the cases of a cohort, and an encoder in; heatmaps out. */
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
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
import { DEFAULT_SIZE } from '../responses/encoder.ts';
import { devices } from '../runtime/session.ts';
import { cohortCases, type SplitChoice, splits } from './cohort-cases.ts';
import { addDicomOptions, type DicomOptions } from './dicom-options.ts';
import type { EngineOptions } from './engine.ts';
import { resultNames } from './files.ts';
import { addInputScaling } from './input-scaling.ts';
import { byteCount, duration, list, wholeNumber } from './options.ts';
import { type ReconstructionCase, reconstructCases } from './reconstruction.ts';
import type { Run } from './run.ts';
import { readVolume } from './volumes.ts';

/** What decides which heatmaps are made, and how. */
export interface ReconstructionOptions extends EngineOptions {
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
  nan: 'refuse' | 'zero';
  int64: 'refuse' | 'convert';
}

interface ReconstructOptions extends ReconstructionOptions, DicomOptions {
  out: string;
  keepProfiles?: boolean;
  cohort?: string;
  split?: SplitChoice;
}

/** Ten times the paper's. Their order of visiting takes time that grows with the square: two seconds for these. */
const MOST_DIRECTIONS = 20_000;

export function addReconstruct(program: Command, run: Run): void {
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
    .usage('[options] <volume...> | --cohort <cohort.csv>')
    .argument('[volume...]', 'NIfTI, DICOM (a file, or the folder of a series), NRRD, MetaImage or .npy')
    .option('--cohort <cohort.csv>', 'the cases of a cohort instead of volumes')
    .addOption(new Option('--split <name>', 'of the cohort (validation)').choices(splits))
    .option('-o, --out <folder>', 'where results go; made if missing', '.')
    .option('--keep-profiles', 'also write the raw profiles, for `tonno filter`');
  addDicomOptions(command);
  addReconstructionOptions(command)
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

/** All that decides what heatmaps are made: the options of `tonno reconstruct`, and an experiment's settings of them. */
export function addReconstructionOptions(command: Command): Command {
  const filterNames = Object.entries(filters).map(([name, { width }]) => (width ? `${name}:WIDTH` : name));
  command
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
    .addOption(
      new Option('--nan <what>', 'voxels that are not finite').choices(['refuse', 'zero']).default('refuse'),
    )
    .addOption(
      new Option('--int64 <what>', '64-bit integers').choices(['refuse', 'convert']).default('refuse'),
    );
  return addInputScaling(command, 'Input scaling, where the encoder’s file does not say it:')
    .addOption(new Option('--layout <order>', 'of the encoder’s input').choices(['nchw', 'nhwc']))
    .option('--input <name>', 'the encoder’s image input, where the file leaves doubt')
    .option('--output <name>', 'the encoder’s output, where it has several')
    .optionsGroup('Options:');
}

async function reconstructVolumes(paths: string[], options: ReconstructOptions, run: Run): Promise<void> {
  const { terminal } = run;
  const plans = choosePlans(options);
  const cases = await chooseCases(paths, options, run);
  const { heatmaps, failed } = await reconstructCases({
    cases,
    engineOptions: options,
    plans,
    folder: options.out,
    keepProfiles: options.keepProfiles,
    timeLimit: options.timeLimit,
    run,
    onHeatmap: ({ heatmap, profiles }) => {
      terminal.print(heatmap);
      if (profiles) terminal.print(profiles);
    },
  });
  terminal.result({ command: 'reconstruct', outputs: heatmaps, failed });
  if (failed.length > 0) {
    if (cases.length > 1) terminal.log(`${failed.length} of ${cases.length} volumes failed.`);
    process.exitCode = 1;
  }
}

/**
 * The volumes that were named, or the cases of a cohort.
 * @throws UsageError when both are given or neither.
 */
async function chooseCases(
  paths: readonly string[],
  { cohort, split, nan, int64, series, suv }: ReconstructOptions,
  { signal }: Run,
): Promise<ReconstructionCase[]> {
  if (cohort !== undefined) {
    if (paths.length > 0) {
      throw new UsageError('--cohort', `There are volumes beside the cohort: ${paths[0]}.`, {
        remedy: 'Give one or the other.',
      });
    }
    return cohortCases(cohort, { split: split ?? 'validation', nan, int64, series, suv });
  }
  if (split !== undefined) {
    throw new UsageError('--split', 'Volumes that are named one by one have no split.', {
      remedy: 'Leave it out, or give a --cohort.',
    });
  }
  if (paths.length === 0) {
    throw new UsageError('reconstruct', 'There is nothing to make heatmaps of.', {
      remedy: 'Name volumes, or give a --cohort.',
    });
  }
  const names = resultNames(paths);
  return paths.map((path, i) => ({
    name: names[i],
    volume: path,
    read: () => readVolume(path, { nan, int64, series, suv, signal }),
  }));
}

/** Methods, preset and the options that override it; everything wrong with them is found before any work. */
export function choosePlans(options: ReconstructionOptions): Plan[] {
  const { method, preset, directions, slices, filter, seed, axis, iterations, nonNegative } = options;
  const plain = options.response === 'mean';
  const choice = { preset, directions, slices, filter, seed, axis, iterations, nonNegative, plain };
  const plans = planMethods(method, choice);
  for (const plan of plans) parseFilter(plan.filter);
  return plans;
}
