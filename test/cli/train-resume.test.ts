/** Going on with a training: what must be as it was, and what is refused in a sentence. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { serialiseModel } from '../../src/onnx/model.ts';
import { newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import {
  eventsOf,
  metricsOf,
  readJson,
  resultsOf,
  TINY,
  TINY_STEPS,
  writeTinyCohort,
} from '../support/cohorts.ts';

const folder = temporaryFolder();
let table: string;
beforeAll(async () => {
  table = await writeTinyCohort(join(folder, 'cohort'));
});

const train = (out: string, ...options: (string | number)[]) => ['train', table, '-o', out, ...options];
const resume = (out: string, ...options: (string | number)[]) => train(out, '--resume', ...options);

/** The folder of a training that nobody disturbed. */
async function unbroken(...options: (string | number)[]): Promise<string> {
  const out = newFolder(folder);
  await succeed(train(out, ...options));
  return out;
}

describe('going on', () => {
  const options = [...TINY, '--steps', 4, '--validate-every', 2, '--input-scale', 2];
  let whole: string;
  beforeAll(async () => {
    whole = await unbroken(...options);
  });

  /** A copy of the finished run, to be spoiled. */
  function copy(status = 'done'): string {
    const run = newFolder(folder);
    cpSync(whole, run, { recursive: true });
    const path = join(run, 'run.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"status": "done"', `"status": "${status}"`));
    return run;
  }

  /** The bytes of all files. */
  const bytesIn = (run: string) =>
    readdirSync(run, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name)).toString('base64')]);

  /** Tries to go on, which must fail and leave everything as it is. */
  async function refusal(run: string, args: readonly (string | number)[]): Promise<[number | null, string]> {
    const before = bytesIn(run);
    const { code, stdout, stderr } = await tonno(args);
    expect(stdout).toBe('');
    expect(stderr).not.toContain('fault in tonno');
    expect(stderr).not.toMatch(/^ +at /m);
    expect(bytesIn(run)).toEqual(before);
    return [code, stderr];
  }

  test('with a run that is done does nothing but say so', async () => {
    const run = copy();
    const before = bytesIn(run);
    const { stdout, stderr } = await succeed(resume(run, '--json'));
    expect(stderr).toMatch(/^This training is done already\.\nBest at step \d: AUC /);
    const { best } = readJson(run, 'run.json');
    expect(JSON.parse(stdout)).toEqual({
      command: 'train',
      run,
      encoder: join(run, 'encoder.onnx'),
      step: 4,
      best,
      stoppedEarly: false,
    });
    expect(bytesIn(run)).toEqual(before);
  });

  test('with a run that was killed after its last step finishes it', async () => {
    const run = copy('running');
    rmSync(join(run, 'encoder-last.onnx'));
    await succeed(resume(run));
    expect(resultsOf(run)).toEqual(resultsOf(whole));
    expect(readJson(run, 'run.json').status).toBe('done');
  });

  test('takes the same options again, and those that change nothing', async () => {
    const run = copy('running');
    await succeed(resume(run, ...options, '--memory', '1M', '--json'));
    expect(resultsOf(run)).toEqual(resultsOf(whole));
  });

  test('takes a log up again that somebody has removed', async () => {
    const run = copy('running');
    for (const name of readdirSync(run)) if (/metrics|tfevents/.test(name)) rmSync(join(run, name));
    await succeed(resume(run));
    expect(eventsOf(run)).toEqual([]);
    expect(metricsOf(run)).toEqual([]);
  });

  test.each<[string, (string | number)[], string]>([
    ['learning rate', ['--lr', 0.5], '--lr: The run was started with 0.001, not with 0.5.'],
    ['width', ['--width', 1], '--width: The run was started with 0.125, not with 1.'],
    ['encoder', ['-e', 'resnet50'], '--encoder: The run was started with "resnet10t", not with "resnet50".'],
    ['norm', ['--norm', 'group'], '--norm: The run was started with "frozen", not with "group".'],
    ['scaling', ['--input-scale', '1,2'], '--input-scale: The run was started with [2], not with [1,2].'],
    ['mean', ['--input-mean', 1], '--input-mean: The run was started with none, not with [1].'],
    [
      'validation',
      ['--validation-directions', 9],
      '--validation-directions: The run was started with 2, not with 9.',
    ],
    ['number of steps', ['--steps', 5], '--steps: The run was started with 4, not with 5.'],
    ['seed', ['--seed', 7], '--seed: The run was started with 0, not with 7.'],
  ])('with another %s is wrong usage', async (_, changed, problem) => {
    const run = copy('running');
    expect(await refusal(run, resume(run, ...changed))).toEqual([
      2,
      `error: ${problem} Leave it out to go on with the run as it is, or start a new one.\n`,
    ]);
  });

  test('where there is no run is wrong usage', async () => {
    const none = newFolder(folder);
    const sentence =
      'There is no training in this folder to go on with. Leave --resume out, or check --out.\n';
    expect(await refusal(none, resume(none))).toEqual([2, `error: ${none}: ${sentence}`]);
    const missing = join(none, 'missing');
    expect(await refusal(none, resume(missing))).toEqual([2, `error: ${missing}: ${sentence}`]);
  });

  test('must be asked for', async () => {
    const sentence = 'There is a training in this folder already.';
    for (const status of ['done', 'running', 'failed', 'interrupted', 'stopped early']) {
      const run = copy(status);
      expect(await refusal(run, train(run, ...options)), status).toEqual([
        2,
        `error: ${run}: ${sentence} Add --resume to go on with it, or choose another --out.\n`,
      ]);
    }
    const run = copy();
    rmSync(join(run, 'run.json'));
    expect(await refusal(run, train(run, ...options))).toEqual([
      2,
      `error: ${run}: ${sentence} Its run.json is gone, so it cannot be gone on with: choose another --out.\n`,
    ]);
  });

  test('with another table is refused', async () => {
    const run = copy('running');
    const own = await writeTinyCohort(newFolder(folder));
    writeFileSync(own, readFileSync(own, 'utf8').replace('train-1,,', 'train-1,somebody,'));
    expect(await refusal(run, ['train', own, '-o', run, '--resume'])).toEqual([
      1,
      `error: ${own}: The cohort is not the one that the run was started with. Give the table as it was, or start a new run.\n`,
    ]);
  });

  test('with another network in the file to fine-tune is refused', async () => {
    const path = join(newFolder(folder), 'net.onnx');
    const write = (value: number) => {
      const b = new GraphBuilder({ name: 'net' });
      const x = b.input('x', ['n', 1, 16, 16]);
      const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [x])]);
      const dense = b.initialiser('dense', Float32Array.of(value), [1, 1]);
      b.output(b.op('MatMul', [pooled, dense]), 'logit');
      writeFileSync(path, serialiseModel(b.toModel()));
    };
    write(1);
    const run = await unbroken(...TINY_STEPS, '-e', path, '--steps', 2);
    const record = join(run, 'run.json');
    writeFileSync(record, readFileSync(record, 'utf8').replace('"status": "done"', '"status": "running"'));
    write(2);
    expect(await refusal(run, resume(run))).toEqual([
      1,
      `error: ${path}: It is not the file that the run was started with. Give the file as it was, or start a new run.\n`,
    ]);
    write(1);
    await succeed(resume(run));
  });

  const AGAIN = 'Put it back from a copy, or start the training again in another folder.\n';
  const tensors = join('checkpoint', 'state-00000004.safetensors');
  test.each<[string, string, (path: string) => void, string]>([
    [
      'state.json cut off',
      'checkpoint/state.json',
      (path) => truncateSync(path, 40),
      'This is no state of a training, or it is damaged.',
    ],
    [
      'state.json empty',
      'checkpoint/state.json',
      (path) => truncateSync(path, 0),
      'This is no state of a training, or it is damaged.',
    ],
    [
      'state.json of something else',
      'checkpoint/state.json',
      (path) => writeFileSync(path, '{"step": 4}'),
      'This is no state of a training, or it is damaged.',
    ],
    [
      'state.json a number',
      'checkpoint/state.json',
      (path) => writeFileSync(path, '4'),
      'This is no state of a training, or it is damaged.',
    ],
    ['weights missing', tensors, (path) => rmSync(path), 'The weights of the checkpoint are missing.'],
    ['weights cut off', tensors, (path) => truncateSync(path, 500_000), 'The file ends within the array'],
    ['weights empty', tensors, (path) => truncateSync(path, 0), 'The file is empty.'],
    [
      'run.json cut off',
      'run.json',
      (path) => truncateSync(path, 100),
      'This is no record of a run, or it is damaged.',
    ],
    [
      'run.json of something else',
      'run.json',
      (path) => writeFileSync(path, '{"options": {}}'),
      'This is no record of a run, or it is damaged.',
    ],
  ])('with %s is refused', async (_, name, damage, problem) => {
    const run = copy('running');
    const path = join(run, name);
    damage(path);
    const [code, stderr] = await refusal(run, resume(run));
    expect(code).toBe(1);
    expect(stderr.startsWith(`error: ${path}: ${problem}`)).toBe(true);
    expect(stderr.endsWith(` ${AGAIN}`)).toBe(true);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  test('where a folder is in the way of a file is refused', async () => {
    const run = copy('running');
    rmSync(join(run, 'metrics.jsonl'));
    mkdirSync(join(run, 'metrics.jsonl'));
    const [code, stderr] = await refusal(run, resume(run));
    expect([code, stderr.split('\n').at(-2)]).toEqual([
      1,
      `error: ${join(run, 'metrics.jsonl')}: It is a folder, not a file. Name a file.`,
    ]);
  });
});
