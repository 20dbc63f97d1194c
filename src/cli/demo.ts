/**
 * tonno demo: the whole way without any input, as the experiment that it is: a cohort of phantoms, a training on nothing
 * but their labels, heatmaps by four methods, the paper's evaluation, a report.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { openFile } from './open.ts';
import { wholeNumber } from './options.ts';
import type { Run } from './run.ts';
import type { Settings } from './settings.ts';
import { type Experiment, parseExperiment } from './study/experiment.ts';
import { runStudy } from './study/study.ts';
import { tellStudy, writeReport } from './study/write-report.ts';

interface DemoOptions {
  quick?: boolean;
  out: string;
  seed: number;
  open: boolean;
}

/** The encoder that is part of the package: what the whole demo trains with seed 0 (assets/README.md). */
const ENCODER = fileURLToPath(new URL('../../assets/phantom-encoder.onnx', import.meta.url));
/** Side of a slice: the phantoms have 64 voxels a side, and more pixels would show nothing new. */
const SIZE = 64;

export function addDemo(program: Command, run: Run): void {
  program
    .command('demo')
    .summary('the whole way on phantoms: train, reconstruct, evaluate, report')
    .description(
      'Make a cohort of phantoms, train an encoder on their labels, make heatmaps by four methods, evaluate them and write a report: some six minutes on two cores.',
    )
    .option('-q, --quick', 'with the encoder that ships instead of a training, on fewer cases')
    .option('-o, --out <folder>', 'where results go; made if missing', 'tonno-demo')
    .option('--seed <n>', 'of phantoms, training and slices', wholeNumber(0, 2 ** 31 - 1), 0)
    .option('--no-open', 'do not show the report when it is there')
    .action((options: DemoOptions) => run(() => demo(options, run)));
}

async function demo({ quick = false, out, seed, open }: DemoOptions, run: Run): Promise<void> {
  run.terminal.log(
    quick
      ? 'A study on phantoms with the encoder that ships: little more than a minute on two cores.'
      : 'A whole study on phantoms, training included: some six minutes on two cores.',
  );
  await runStudy(demoExperiment(quick, seed), out, 'demo', run);
  const written = await writeReport(out, run);
  tellStudy('demo', out, written, run);
  if (open) await openFile(join(out, written.report));
}

/** The encoder that ships has seen none of these phantoms; half of them are positive. */
const QUICK_CASES = 20;
const QUICK_SEED = 1000;

/** What the demo does, as `tonno experiment` would read it from a file. */
export function demoExperiment(quick: boolean, seed: number): Experiment {
  const train: Settings = {
    width: 0.25,
    size: SIZE,
    volumes: 8,
    slices: 8,
    steps: 3000,
    lr: 1e-3,
    'final-lr': 1e-6,
    'warm-up': 50,
    'validate-every': 500,
    seed,
  };
  const common: Settings = { size: SIZE, seed };
  const tonno: Settings = { method: 'tonno', ...common, ...(quick && { directions: 100 }) };
  const maps: Settings = {
    method: ['cam', 'averaged-cam', 'tomographic-cam'],
    cam: 'layercam',
    layer: '1..4',
    ...common,
    ...(quick && { directions: 60 }),
  };
  const name = 'ResNet-10-T, quarter width';
  return parseExperiment(
    {
      title: quick ? 'Phantoms, with the encoder that ships' : 'Phantoms',
      cohort: {
        phantom: quick
          ? { train: 2, validation: QUICK_CASES, seed: QUICK_SEED + seed }
          : { train: 160, validation: 40, seed },
      },
      encoders: [quick ? { name, file: ENCODER } : { name, train }],
      heatmaps: [tonno, maps],
      evaluation: { seed },
      report: { gallery: 6 },
    },
    'demo',
  );
}
