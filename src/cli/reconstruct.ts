/** tonno reconstruct: volumes and an encoder in, heatmaps out. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { resolveClass } from '../encoders/classes.ts';
import { type Encoder, readEncoder } from '../encoders/external.ts';
import { prepareVolume } from '../encoders/preprocessing.ts';
import { UsageError } from '../errors.ts';
import { filters, parseFilter } from '../reconstruction/filter.ts';
import {
  type Method,
  type MethodName,
  methods,
  type Plan,
  type PresetName,
  planMethod,
  presets,
} from '../reconstruction/methods.ts';
import { DEFAULT_SIZE, logitResponse, sliceSize } from '../responses/logit.ts';
import { meanResponse, pooledResponse } from '../responses/pooled.ts';
import type { Response } from '../responses/response.ts';
import { parseDevice } from '../runtime/devices.ts';
import { engine as engineVersion, openSession } from '../runtime/node.ts';
import { devices, type Session } from '../runtime/session.ts';
import type { Volume } from '../volume/volume.ts';
import { prepareFolder, readBytes, resultNames } from './files.ts';
import { makeHeatmap } from './heatmap.ts';
import { addInputScaling, givenPreprocessing, type InputScaling } from './input-scaling.ts';
import { duration, wholeNumber } from './options.ts';
import { isInterruption, messageOf, type Run } from './run.ts';
import { readVolume } from './volumes.ts';

interface ReconstructOptions extends InputScaling {
  encoder?: string;
  method: MethodName;
  response: string;
  preset: PresetName;
  directions?: number;
  slices?: number;
  size?: number;
  filter?: string;
  axis?: 0 | 1 | 2;
  timeLimit?: number;
  seed: number;
  class?: string;
  device: string;
  threads?: number;
  batch?: number;
  out: string;
  keepProfiles?: boolean;
  nan: 'refuse' | 'zero';
  int64: 'refuse' | 'convert';
  layout?: 'nchw' | 'nhwc';
  input?: string;
  output?: string;
}

/** Ten times the paper's. Their order of visiting takes time that grows with the square: two seconds for these. */
const MOST_DIRECTIONS = 20_000;

export function addReconstruct(program: Command, run: Run): void {
  const filterNames = Object.entries(filters).map(([name, { width }]) => (width ? `${name}:WIDTH` : name));
  const presetTable = Object.entries(presets).map(
    ([name, p]) => `  ${name.padEnd(9)} L = ${p.directions}, M = ${p.slices}, ${p.filter}`,
  );
  const command = program.command('reconstruct');
  command
    .summary('make 3D heatmaps of volumes with a 2D encoder')
    .description(
      'Make a 3D heatmap of each volume: what an ONNX encoder sees in its slices, cut at all angles.',
    )
    .argument('<volume...>', 'NIfTI files, .nii or .nii.gz')
    .option('-e, --encoder <file.onnx>', 'the 2D network; needed for the response logit')
    .addOption(
      new Option('-m, --method <name>', 'what is summed').choices(Object.keys(methods)).default('tonno'),
    )
    .option('-r, --response <name>', 'what is measured: logit, mean or pooled:N', 'logit')
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
    .option('--axis <axis>', 'array axis of slice-wise methods: 0, 1 or 2', wholeNumber(0, 2))
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
      `\nPresets (explicit options win; with the response mean the filter is the plain one):\n${presetTable.join('\n')}`,
    )
    .action((volumes: string[], options: ReconstructOptions) =>
      run(() => reconstructVolumes(volumes, options, run)),
    );
}

async function reconstructVolumes(paths: string[], options: ReconstructOptions, run: Run): Promise<void> {
  const { terminal, signal } = run;
  const plan = choosePlan(options);
  const engine = await Engine.open(options);
  try {
    const names = resultNames(paths);
    await prepareFolder(options.out);
    if (engine.encoder) terminal.log(engine.describe());
    const outputs: object[] = [];
    const failed: object[] = [];
    for (const [i, path] of paths.entries()) {
      try {
        const { volume, notFinite } = await readVolume(path, {
          nan: options.nan,
          int64: options.int64,
          signal,
        });
        if (notFinite > 0) terminal.warn(`${path}: ${notFinite} voxels that were not finite are 0 now.`);
        const { sliced, response, record } = engine.respondTo(volume);
        const made = await makeHeatmap({
          name: names[i],
          sliced,
          input: volume,
          response,
          plan,
          folder: options.out,
          keepProfiles: options.keepProfiles,
          timeLimit: options.timeLimit,
          signal,
          terminal,
          record: { ...record, notFiniteSetToZero: notFinite },
        });
        terminal.print(made.heatmap);
        if (made.profiles) terminal.print(made.profiles);
        outputs.push({
          ...made.record,
          volume: path,
          heatmap: made.heatmap,
          sidecar: made.sidecar,
          profiles: made.profiles,
        });
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
    await engine.close();
  }
}

/** Method, preset and the options that override it; everything wrong with them is found before any work. */
function choosePlan({
  method,
  preset,
  directions,
  slices,
  filter,
  seed,
  axis,
  response,
}: ReconstructOptions): Plan {
  const plain = response === 'mean';
  const plan = planMethod({ method, preset, directions, slices, filter, seed, axis, plain });
  parseFilter(plan.filter);
  const { response: wants, title }: Method = methods[method];
  if (wants === 'map' && !response.startsWith('pooled')) {
    throw new UsageError(
      `--method ${method}`,
      `${title} needs a response that makes maps; ${response} has one value a slice.`,
      {
        remedy: 'Use --response pooled:N, or the method tonno.',
      },
    );
  }
  return plan;
}

/** The encoder with its session, or none where the response needs none: loaded once for all volumes. */
class Engine {
  readonly encoder: Encoder | undefined;
  private readonly session: Session | undefined;
  private readonly options: ReconstructOptions;

  private constructor(options: ReconstructOptions, encoder?: Encoder, session?: Session) {
    this.options = options;
    this.encoder = encoder;
    this.session = session;
  }

  static async open(options: ReconstructOptions): Promise<Engine> {
    const { response, encoder: path } = options;
    if (response !== 'logit') {
      refuseEncoderOptions(options);
      simpleResponse(options);
      return new Engine(options);
    }
    if (!path) {
      throw new UsageError('--encoder', 'The response logit needs the file of an encoder.', {
        remedy: 'Add --encoder FILE.onnx, or use --response mean.',
      });
    }
    const device = parseDevice(options.device);
    const encoder = await readEncoder(await readBytes(path), basename(path), {
      preprocessing: givenPreprocessing(options),
      layout: options.layout,
      input: options.input,
      output: options.output,
    });
    resolveClass(encoder, options.class);
    sliceSize(encoder, options.size);
    const session = await openSession(encoder.model, {
      device,
      threads: options.threads,
      name: encoder.name,
    });
    return new Engine(options, encoder, session);
  }

  describe(): string {
    const { name, channels, classes } = this.encoder!;
    const { device, lanes, partlyOnCpu } = this.session!;
    const chosen = resolveClass(this.encoder!, this.options.class);
    const about = classes.length > 0 ? `, class ${chosen} (${classes[chosen]})` : '';
    const threads =
      device === 'cpu' ? ` with ${lanes} threads` : partlyOnCpu ? ', some operators on the CPU' : '';
    return `${name}: ${channels} channel${channels === 1 ? '' : 's'}${about}, on ${device}${threads}`;
  }

  /** What is sliced, what answers, and what to write down about it. */
  respondTo(volume: Volume): { sliced: Volume; response: Response; record: Record<string, unknown> } {
    if (!this.encoder || !this.session) {
      return { sliced: volume, response: simpleResponse(this.options), record: { device: 'cpu' } };
    }
    const { encoder, session } = this;
    const prepared = prepareVolume(volume, encoder.preprocessing, encoder);
    const index = resolveClass(encoder, this.options.class);
    const { size, batch } = this.options;
    return {
      sliced: prepared.volume,
      response: logitResponse(encoder, session, prepared, { size, batch, classes: [index] }),
      record: {
        encoder: {
          file: encoder.name,
          sha256: encoder.sha256,
          name: encoder.metadata.name,
          output: encoder.output,
          activationTakenOff: encoder.activation,
        },
        class: { index, name: encoder.classes[index] },
        preprocessing: encoder.preprocessing,
        engine: engineVersion(),
        device: session.device,
        partlyOnCpu: session.partlyOnCpu,
      },
    };
  }

  async close(): Promise<void> {
    await this.session?.close();
  }
}

/** Options that speak of an encoder mean nothing to a response without one, and must not look as if they did. */
function refuseEncoderOptions(options: ReconstructOptions): void {
  const { response, device } = options;
  const given = Object.entries({
    '--encoder': options.encoder,
    '--class': options.class,
    '--batch': options.batch,
    '--threads': options.threads,
    '--normalise': options.normalise,
    '--input-scale': options.inputScale,
    '--input-mean': options.inputMean,
    '--input-std': options.inputStd,
    '--outside': options.outside,
    '--layout': options.layout,
    '--input': options.input,
    '--output': options.output,
    [`--device ${device}`]: ['cpu', 'auto'].includes(device) ? undefined : device,
  }).find(([, value]) => value !== undefined);
  if (!given) return;
  throw new UsageError(
    given[0],
    `The response ${response} looks at no encoder and is worked out on the CPU.`,
    {
      remedy: `Leave ${given[0]} out, or use the response logit.`,
    },
  );
}

function simpleResponse({ response, size: side = DEFAULT_SIZE }: ReconstructOptions): Response {
  const size = { rows: side, columns: side };
  if (response === 'mean') return meanResponse(size);
  const kernel = /^pooled:(\d+)$/.exec(response)?.[1];
  if (kernel === undefined) {
    throw new UsageError(`--response ${response}`, 'There is no such response.', {
      remedy: 'Responses are logit, mean and pooled:N, with N the pixels of a kernel’s side.',
    });
  }
  return pooledResponse(Number(kernel), size);
}
