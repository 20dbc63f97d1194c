/** Whole trainings: what they leave in their folder, what they say, and that `tonno reconstruct` takes it as it is. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ResNetOptions, resnetWeights } from '../../src/encoders/resnet.ts';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { parseModel, serialiseModel } from '../../src/onnx/model.ts';
import { floatValues } from '../../src/onnx/nodes.ts';
import { VERSION } from '../../src/version.ts';
import { filesIn, MAIN, newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import {
  blobVolume,
  eventsOf,
  metricsOf,
  readJson,
  TINY,
  TINY_NETWORK,
  TINY_STEPS,
  TINY_VALIDATION,
  writeTinyCohort,
} from '../support/cohorts.ts';
import { readVolumeFile, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const cohorts = join(folder, 'cohort');
let table: string;
beforeAll(async () => {
  table = await writeTinyCohort(cohorts);
});

const image = join(cohorts, 'images', 'validation-1.nii.gz');
const engineVersion = createRequire(import.meta.url)('onnxruntime-node/package.json').version;
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** The float32 weights of an .onnx file by name. */
function weightsOf(path: string): Map<string, Float32Array> {
  const { graph } = parseModel(readFileSync(path), path);
  return new Map(
    graph.initializer.flatMap((tensor) => {
      const values = floatValues(tensor);
      return values ? [[tensor.name, Float32Array.from(values)] as const] : [];
    }),
  );
}

/** The arrays of a run's checkpoint that begin with a word, by the rest of their names. */
function stateOf(run: string, part: 'weight' | 'running'): Map<string, Float32Array> {
  const { tensors } = readJson(run, 'checkpoint', 'state.json');
  const path = join(run, 'checkpoint', tensors);
  const all = [...readSafetensors(readFileSync(path), path).tensors];
  return new Map(
    all
      .filter(([name]) => name.startsWith(`${part}.`))
      .map(([name, { data }]) => [name.slice(part.length + 1), data as Float32Array]),
  );
}

const encoderFacts = async (path: string) =>
  JSON.parse((await succeed(['info', path, '--json'])).stdout).encoder;

/** Makes a heatmap with nothing said about size, scaling or class. @returns its record. */
async function heatmapRecord(volume: string, encoder: string, ...options: string[]) {
  const out = newFolder(folder);
  const args = ['reconstruct', volume, '-e', encoder, '-p', 'draft', '-L', 10, ...options, '-o', out];
  const { stdout } = await succeed([...args, '--json']);
  const [{ heatmap, sidecar }] = JSON.parse(stdout).outputs;
  const { data } = await readVolumeFile(heatmap);
  expect(data.every(Number.isFinite)).toBe(true);
  expect(new Set(data).size).toBeGreaterThan(10);
  return readJson(sidecar);
}

describe('a training', () => {
  const run = join(newFolder(folder), 'deep', 'run');
  const options = [...TINY, '--steps', 24, '--validate-every', 5, '--seed', 3];
  const encoder = join(run, 'encoder.onnx');
  let stdout: string;
  let stderr: string;
  beforeAll(async () => {
    ({ stdout, stderr } = await succeed(['train', table, '--out', run, ...options, '--json']));
  });

  test('leaves encoders, a checkpoint, logs and a record, and nothing else', () => {
    expect(readdirSync(run).sort()).toEqual([
      'checkpoint',
      'encoder-last.onnx',
      'encoder.onnx',
      expect.stringMatching(/^events\.out\.tfevents\.\d{10}\..+\.0\.tonno$/),
      'metrics.jsonl',
      'run.json',
    ]);
    expect(readdirSync(join(run, 'checkpoint')).sort()).toEqual(['state-00000024.safetensors', 'state.json']);
  });

  test('says what it trains on what, and how the best encoder was judged', () => {
    const { best } = readJson(run, 'run.json');
    expect(stderr).toBe(
      `resnet10t of width 0.125, norm frozen: 78457 parameters, on cpu; 6 volumes to train on, 4 to validate on.\nBest at step ${best.step}: AUC ${best.auc.toFixed(3)}, balanced accuracy ${best.bestBalancedAccuracy.toFixed(3)} at the best threshold, ${best.balancedAccuracy.toFixed(3)} at logit 0.\n`,
    );
  });

  test('puts one JSON object on stdout and nothing else', () => {
    expect(stdout.trimEnd()).not.toContain('\n');
    const { best } = readJson(run, 'run.json');
    expect(JSON.parse(stdout)).toEqual({
      command: 'train',
      run,
      encoder,
      step: 24,
      best,
      stoppedEarly: false,
    });
  });

  test('logs losses every ten steps and at the end, and every validation', () => {
    const metrics = metricsOf(run);
    const steps = (key: string) => metrics.filter((line) => key in line).map(({ step }) => step);
    expect(steps('loss')).toEqual([10, 20, 24]);
    expect(steps('auc')).toEqual([5, 10, 15, 20, 24]);
    for (const line of metrics) {
      expect(Object.values(line).every(Number.isFinite)).toBe(true);
      if ('loss' in line) {
        expect(line.loss).toBeGreaterThan(0);
        // Half a cosine from 1e-3 to 1e-7; the rate belongs to the step that was done.
        const cosine = 1 + Math.cos((Math.PI * (line.step - 1)) / 24);
        expect(line.learning_rate).toBeCloseTo(1e-7 + 0.5 * (1e-3 - 1e-7) * cosine, 12);
      } else {
        expect([0, 0.25, 0.5, 0.75, 1]).toContain(line.auc);
        expect([0, 0.25, 0.5, 0.75, 1]).toContain(line.balanced_accuracy);
      }
    }
  });

  test('writes the same numbers for TensorBoard', () => {
    const rounded = metricsOf(run).map(({ step, ...scalars }) => ({
      step,
      scalars: Object.fromEntries(Object.entries(scalars).map(([tag, value]) => [tag, Math.fround(value)])),
    }));
    expect(eventsOf(run)).toEqual(rounded);
  });

  test('records settings, versions, the cohort, the time and how it ended', () => {
    const record = readJson(run, 'run.json');
    const judged = metricsOf(run).filter((line) => 'auc' in line);
    const highest = Math.max(...judged.map(({ auc }) => auc));
    expect(record).toEqual({
      software: { name: 'tonno', version: VERSION, node: process.version },
      engine: `onnxruntime-node ${engineVersion}`,
      command: 'train',
      cohort: { file: table, sha256: sha256(table), train: 6, validation: 4 },
      classes: ['label'],
      options: {
        encoder: 'resnet10t',
        norm: 'frozen',
        width: 0.125,
        size: 32,
        volumes: 2,
        slices: 4,
        steps: 24,
        lr: 1e-3,
        finalLr: 1e-7,
        warmUp: 0,
        seed: 3,
        device: 'cpu',
        threads: 1,
        nan: 'refuse',
        int64: 'refuse',
        validateEvery: 5,
        validationDirections: 2,
        validationSlices: 6,
        scale: 0.3,
        translation: 0.3,
        gain: 0.3,
        shift: 0.3,
      },
      preprocessing: { normalise: 'zscore', scale: [1], mean: [0], std: [1], outside: 'minimum' },
      network: { name: 'resnet10t of width 0.125, norm frozen', parameters: 78457 },
      device: 'cpu',
      partlyOnCpu: false,
      status: 'done',
      step: 24,
      best: expect.objectContaining({
        step: judged.find(({ auc }) => auc === highest)!.step,
        auc: highest,
        classes: [expect.objectContaining({ auc: highest })],
      }),
      seconds: expect.any(Number),
    });
    expect(record.seconds).toBeGreaterThan(0.1);
    expect(record.seconds).toBeLessThan(60);
  });

  test('exports the weights of its checkpoint as the last encoder', () => {
    const [exported, kept] = [weightsOf(join(run, 'encoder-last.onnx')), stateOf(run, 'weight')];
    expect(kept.size).toBe(14 + 2 * 14 + 2);
    for (const [name, values] of kept) expect(exported.get(name), name).toEqual(values);
    for (const [name, values] of stateOf(run, 'running')) expect(exported.get(name), name).toEqual(values);
  });

  test('makes an encoder that says what it is', async () => {
    expect(await encoderFacts(encoder)).toMatchObject({
      channels: 1,
      layout: 'nchw',
      size: { rows: 32, columns: 32 },
      outputs: 1,
      classes: ['label'],
      activation: 'none',
      preprocessing: { normalise: 'zscore', scale: [1], mean: [0], std: [1], outside: 'minimum' },
      metadata: {
        name: 'resnet10t of width 0.125, norm frozen, trained on label',
        description: 'Trained on 6 volumes in 24 steps.',
        version: `tonno ${VERSION}`,
        seed: 3,
        layers: ['layer1', 'layer2', 'layer3', 'layer4'],
      },
    });
    const { stdout: text } = await succeed(['info', encoder]);
    expect(text).toContain('1 channel (nchw), slices of 32 × 32, any batch, 1 class\n  classes   label\n');
    expect(text).not.toContain('problem');
    const tensors = parseModel(readFileSync(encoder), encoder).graph.node.flatMap(({ output }) => output);
    expect(tensors).toEqual(expect.arrayContaining(['layer1', 'layer2', 'layer3', 'layer4']));
  });

  test('whose file says all that a heatmap needs: size, scaling and class', async () => {
    expect(await heatmapRecord(image, encoder)).toMatchObject({
      encoder: { file: 'encoder.onnx', sha256: sha256(encoder) },
      class: { index: 0, name: 'label' },
      sliceSize: [32, 32],
      preprocessing: { normalise: 'zscore', outside: 'minimum' },
      directions: 10,
    });
  });

  test('names every option that it records in its help of 80 columns', async () => {
    const { stdout } = await succeed(['train', '--help']);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    for (const name of Object.keys(readJson(run, 'run.json').options)) {
      expect(stdout).toContain(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <`);
    }
    expect(stdout).toMatch(/--memory <bytes> [^(]*\(default: 4G\)/);
    expect(stdout).toContain('encoder-last.onnx');
  });

  test('says its encoder’s path, without --json', async () => {
    const out = newFolder(folder);
    const { stdout: said } = await succeed(['train', table, '-o', out, ...TINY, '--steps', 1]);
    expect(said).toBe(`${join(out, 'encoder.onnx')}\n`);
  });
});

/** A short training of what is given. @returns its folder. */
async function trained(cohort: string, ...options: (string | number)[]): Promise<string> {
  const out = newFolder(folder);
  await succeed(['train', cohort, '--out', out, ...TINY_STEPS, ...TINY_VALIDATION, ...options]);
  return out;
}

describe('norms', () => {
  const norm = (kind: string, ...options: (string | number)[]) =>
    trained(table, ...TINY_NETWORK, '--norm', kind, '--steps', 4, '--validate-every', 1, ...options);

  test('frozen: statistics are measured before the first step and stay', async () => {
    const run = await norm('frozen');
    const [best, last] = ['encoder.onnx', 'encoder-last.onnx'].map((name) => weightsOf(join(run, name)));
    expect(readJson(run, 'run.json').best.step).toBeLessThan(4);
    expect(best.get('bn1.running_mean')!.every((value) => value !== 0)).toBe(true);
    expect(best.get('bn1.running_mean')).toEqual(last.get('bn1.running_mean'));
    expect(best.get('bn1.weight')).not.toEqual(last.get('bn1.weight'));
  });

  test('batch: statistics move with every step', async () => {
    const run = await norm('batch');
    const [best, last] = ['encoder.onnx', 'encoder-last.onnx'].map((name) => weightsOf(join(run, name)));
    expect(readJson(run, 'run.json').best.step).toBeLessThan(4);
    expect(best.get('bn1.running_mean')).not.toEqual(last.get('bn1.running_mean'));
    expect(stateOf(run, 'running').get('bn1.running_mean')).toEqual(last.get('bn1.running_mean'));
    expect(readJson(run, 'run.json').network.name).toBe('resnet10t of width 0.125, norm batch');
  });

  test('group: there are none', async () => {
    const run = await norm('group');
    expect(stateOf(run, 'running').size).toBe(0);
    expect([...weightsOf(join(run, 'encoder.onnx')).keys()].join()).not.toContain('running');
    expect(await heatmapRecord(image, join(run, 'encoder.onnx'))).toMatchObject({ sliceSize: [32, 32] });
  });
});

describe('encoders', () => {
  test('resnet50', async () => {
    const run = await trained(table, '-e', 'resnet50', ...TINY_NETWORK, '--steps', 2, '--norm', 'group');
    const { network } = readJson(run, 'run.json');
    const options: ResNetOptions = {
      architecture: 'resnet50',
      norm: 'group',
      channels: 1,
      outputs: 1,
      width: 0.125,
    };
    const count = resnetWeights(options)
      .map(({ shape }) => shape.reduce((a, b) => a * b, 1))
      .reduce((a, b) => a + b, 0);
    expect(network).toEqual({ name: 'resnet50 of width 0.125, norm group', parameters: count });
    expect((await encoderFacts(join(run, 'encoder.onnx'))).size).toEqual({ rows: 32, columns: 32 });
  });

  test('with timm’s weights begin where these end', async () => {
    const path = join(newFolder(folder), 'timm.safetensors');
    const own: ResNetOptions = {
      architecture: 'resnet10t',
      norm: 'frozen',
      channels: 3,
      outputs: 7,
      width: 0.125,
    };
    const tensors = resnetWeights(own).map(({ name, shape, role }, i) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from(
        { length },
        (_, k) => Math.sin(i + k) / (role === 'convolution' ? 9 : 1),
      );
      return [name, { data: role === 'variance' ? data.map((v) => 1 + v * v) : data, shape }] as const;
    });
    writeFileSync(path, writeSafetensors(new Map(tensors)));
    // A rate that moves no float32.
    const run = await trained(
      ...([
        table,
        ...TINY_NETWORK,
        '--pretrained',
        path,
        '--steps',
        2,
        '--lr',
        1e-30,
        '--final-lr',
        1e-30,
      ] as const),
    );
    expect(readJson(run, 'run.json').network.pretrained).toEqual({
      file: path,
      taken: { convolution: 13, scale: 14, shift: 14, mean: 14, variance: 14 },
      adapted: { weight: 'conv1.0.weight', from: 3, to: 1 },
      initial: { classifier: 1, 'classifier bias': 1 },
    });
    const made = weightsOf(join(run, 'encoder-last.onnx'));
    for (const [name, { data }] of tensors) {
      if (name === 'conv1.0.weight') expect(made.get(name)).toHaveLength(data.length / 3);
      else if (name.startsWith('fc.')) expect(made.get(name)).not.toHaveLength(data.length);
      else expect(made.get(name), name).toEqual(data);
    }
  });

  /** Convolution, norm, pooling, dense layer: [n, 1, 16, 16] to K classes, scaled as its metadata say. */
  function smallNetwork(outputs: number): string {
    const b = new GraphBuilder({ name: 'small' });
    const values = (length: number) => Float32Array.from({ length }, (_, i) => Math.cos(1 + i) / 3);
    const x = b.input('picture', ['n', 1, 16, 16]);
    const c = b.op('Conv', [x, b.initialiser('kernel', values(36), [4, 1, 3, 3])], { pads: [1, 1, 1, 1] });
    const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [b.op('Relu', [c])])]);
    const dense = b.initialiser('dense', values(4 * outputs), [4, outputs]);
    b.output(b.op('Gemm', [pooled, dense]), 'score');
    const path = join(newFolder(folder), 'small.onnx');
    writeFileSync(path, serialiseModel(b.toModel()));
    return path;
  }

  test('in a file are fine-tuned, head and all, at the size that they fix', async () => {
    const path = smallNetwork(1);
    const run = await trained(table, '-e', path, '--steps', 4, '--normalise', 'range');
    expect(readJson(run, 'run.json')).toMatchObject({
      network: { name: 'small.onnx', parameters: 36 + 4, sha256: sha256(path), newHead: false },
      preprocessing: { normalise: 'range', scale: [1], mean: [0], std: [1], outside: 0 },
    });
    const [before, after] = [path, join(run, 'encoder.onnx')].map(weightsOf);
    for (const name of ['kernel', 'dense']) {
      expect(after.get(name)).toHaveLength(before.get(name)!.length);
      expect(after.get(name)).not.toEqual(before.get(name));
      // Adam moves no weight farther than by about the rate a step.
      for (const [i, value] of after.get(name)!.entries())
        expect(Math.abs(value - before.get(name)![i])).toBeLessThan(4.1e-3);
    }
    expect(await heatmapRecord(image, join(run, 'encoder.onnx'))).toMatchObject({
      sliceSize: [16, 16],
      preprocessing: { normalise: 'range', outside: 0 },
      class: { index: 0, name: 'label' },
    });
  });

  test('with another number of classes get a new head', async () => {
    const run = await trained(table, '-e', smallNetwork(3), '--steps', 2);
    expect(readJson(run, 'run.json').network).toMatchObject({ newHead: true });
    expect(await encoderFacts(join(run, 'encoder.onnx'))).toMatchObject({ outputs: 1, classes: ['label'] });
  });

  const squeezeNet = fileURLToPath(
    new URL('../../../shared/data/encoders/squeezenet_v1_1_fp32.onnx', import.meta.url),
  );
  test.skipIf(!existsSync(squeezeNet))(
    'of three channels see one channel three times: SqueezeNet (skipped where ../shared/data is absent)',
    async () => {
      const scaling = ['--normalise', 'range', '--input-scale', 255, '--input-mean', '104,117,123'];
      const few = ['--slices', 2, '--validation-slices', 2, '--steps', 1];
      const run = await trained(table, '-e', squeezeNet, ...scaling, ...few);
      expect(readJson(run, 'run.json')).toMatchObject({
        network: { sha256: sha256(squeezeNet), newHead: true },
        preprocessing: { normalise: 'range', scale: [255], mean: [104, 117, 123] },
        status: 'done',
      });
      const encoder = join(run, 'encoder.onnx');
      expect(await encoderFacts(encoder)).toMatchObject({
        channels: 3,
        outputs: 1,
        size: { rows: 224, columns: 224 },
      });
      expect(await heatmapRecord(image, encoder, '-L', '2', '-M', '4')).toMatchObject({
        sliceSize: [224, 224],
      });
    },
  );
});

describe('cohorts', () => {
  test('of several classes make encoders that are asked for one of them', async () => {
    const several = await writeTinyCohort(newFolder(folder), { labels: ['label', 'label:third one'] });
    const run = await trained(several, ...TINY_NETWORK, '--steps', 2);
    const { classes, best } = readJson(run, 'run.json');
    expect(classes).toEqual(['label', 'third one']);
    expect(best.classes).toHaveLength(2);
    expect(best.auc).toBeCloseTo((best.classes[0].auc + best.classes[1].auc) / 2, 12);
    const encoder = join(run, 'encoder.onnx');
    expect(await encoderFacts(encoder)).toMatchObject({ outputs: 2, classes: ['label', 'third one'] });

    const out = newFolder(folder);
    expect(await tonno(['reconstruct', image, '-e', encoder, '-o', out])).toMatchObject({
      code: 2,
      stderr:
        'error: encoder.onnx: This network has 2 classes, so one must be chosen. Choose one of "label", "third one".\n',
    });
    expect(filesIn(out)).toEqual([]);
    expect(await heatmapRecord(image, encoder, '--class', 'third one')).toMatchObject({
      class: { index: 1, name: 'third one' },
    });
  });

  test('of two files a case make encoders of two channels', async () => {
    const own = newFolder(folder);
    const run = await trained(await writeTinyCohort(own, { files: 2 }), ...TINY_NETWORK, '--steps', 2);
    const encoder = join(run, 'encoder.onnx');
    expect(await encoderFacts(encoder)).toMatchObject({ channels: 2, size: { rows: 32, columns: 32 } });
    const both = join(own, 'both.nii.gz');
    await writeVolume(both, blobVolume(50, true, 2));
    expect(await heatmapRecord(both, encoder)).toMatchObject({ input: { channels: 2 } });
  });

  test('of files of two channels, too', async () => {
    const own = newFolder(folder);
    const path = await writeTinyCohort(own);
    for (const name of readdirSync(join(own, 'images'))) {
      const index = Number(name.match(/\d/)![0]) + (name.startsWith('validation') ? 20 : 0);
      await writeVolume(join(own, 'images', name), blobVolume(index, index % 2 === 1, 2));
    }
    const run = await trained(path, ...TINY_NETWORK, '--steps', 2);
    expect(await encoderFacts(join(run, 'encoder.onnx'))).toMatchObject({ channels: 2 });
  });

  test('without a validation: the last encoder is the best', async () => {
    const alone = await writeTinyCohort(newFolder(folder), { validation: 0 });
    const out = newFolder(folder);
    const args = ['train', alone, '-o', out, ...TINY, '--steps', 3];
    const { stdout, stderr } = await succeed([...args, '--json']);
    expect(stderr).toMatch(/; 6 volumes to train on, none to validate on\.\n$/);
    expect(JSON.parse(stdout)).toEqual({
      command: 'train',
      run: out,
      encoder: join(out, 'encoder.onnx'),
      step: 3,
      stoppedEarly: false,
    });
    expect(sha256(join(out, 'encoder.onnx'))).toBe(sha256(join(out, 'encoder-last.onnx')));
    expect(metricsOf(out).map(Object.keys)).toEqual([['step', 'loss', 'learning_rate']]);
  });
});

describe('settings', () => {
  test('--patience ends a training that gets no better', async () => {
    const out = newFolder(folder);
    const args = ['train', table, '-o', out, ...TINY, '--steps', 500, '--validate-every', 2];
    const { stdout } = await succeed([...args, '--patience', 3, '--json']);
    const { best, step, stoppedEarly } = JSON.parse(stdout);
    expect(stoppedEarly).toBe(true);
    expect(step).toBe(best.step + 3 * 2);
    expect(step).toBeLessThan(500);
    expect(readJson(out, 'run.json')).toMatchObject({ status: 'stopped early', step });
    expect(readJson(out, 'checkpoint', 'state.json').step).toBe(step);
    expect(statSync(join(out, 'encoder.onnx')).size).toBeGreaterThan(100_000);
  });

  test('by default a validation and a checkpoint fall on every twentieth of the run', async () => {
    const run = await trained(table, ...TINY_NETWORK, '--steps', 41);
    const steps = metricsOf(run).filter((line) => 'auc' in line);
    expect(steps.map(({ step }) => step)).toEqual([...Array.from({ length: 13 }, (_, i) => 3 * (i + 1)), 41]);
  });

  test('the seed decides everything, and so do all others that are written down', async () => {
    const few = [...TINY_NETWORK, '--steps', 3];
    const hash = async (...options: (string | number)[]) =>
      sha256(join(await trained(table, ...few, ...options), 'encoder-last.onnx'));
    const first = await hash();
    // The cache makes no difference.
    expect(await hash('--memory', '1K')).toBe(first);
    const others = [
      await hash('--seed', 1),
      await hash('--scale', 0),
      await hash('--shift', 0),
      await hash('--warm-up', 2),
      await hash('--outside', 0),
    ];
    expect(new Set([first, ...others]).size).toBe(1 + others.length);
  });

  test('--nan and --int64 let volumes in that are refused otherwise, and a zeroed one is spoken of once', async () => {
    const own = newFolder(folder);
    const path = await writeTinyCohort(own, { train: 2, validation: 0 });
    const broken = blobVolume(1, false);
    broken.data[5] = Number.NaN;
    const file = join(own, 'images', 'train-2.nii.gz');
    await writeVolume(file, broken);
    const args = ['train', path, ...TINY, '--steps', 3, '--memory', 1];
    const refused = await tonno([...args, '-o', newFolder(folder)]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`error: ${file}: 1 of its 1728 voxels are NaN or infinite in float32.`);
    const { stderr } = await succeed([...args, '--nan', 'zero', '-o', newFolder(folder)]);
    const warning = `warning: ${file}: 1 voxels that were not finite are 0 now.\n`;
    expect(stderr.split(warning)).toHaveLength(2);
  });
});

describe('what is seen', () => {
  const script = spawnSync('script', ['--version']).status === 0;
  test.skipIf(!script)(
    'on a terminal of 80 columns every progress line fits with all it says (skipped where there is no script)',
    async () => {
      const out = newFolder(folder);
      const args = ['train', table, '-o', out, ...TINY, '--steps', 60, '--validate-every', 5].join(' ');
      const command = `stty cols 80; exec "${process.execPath}" "${MAIN}" ${args}`;
      const seen = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
      expect(seen.status).toBe(0);
      const lines = seen.stdout
        .split('\r\u001b[2K')
        .slice(1)
        .map((line) => line.split(/[\r\n]/)[0])
        .filter((line) => line.startsWith('steps '));
      expect(lines.length).toBeGreaterThan(1);
      for (const line of lines) {
        expect(line.length).toBeLessThan(80);
        expect(line).toMatch(/^steps [█░]{4,16} \d+\/60 · [\d.]+ slices\/s · [\d:]+ left · loss \d\.\d{3}/);
      }
      expect(lines.at(-1)).toMatch(/ · AUC [01]\.\d\d BA [01]\.\d\d$/);
    },
  );
});
