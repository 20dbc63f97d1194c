/** Whatever ends a training, it goes on to the same bytes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { randomStreams } from '../../src/geometry/random.ts';
import { filesIn, newFolder, type Started, start, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import {
  eventsOf,
  metricsOf,
  readJson,
  resultsOf,
  TINY,
  TINY_NETWORK,
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

/** The step of a run's checkpoint; −1 before the first. */
function stepOf(run: string): number {
  try {
    return readJson(run, 'checkpoint', 'state.json').step;
  } catch {
    return -1;
  }
}

/** Waits until the checkpoint of a training has come to a step. */
async function reaches({ process }: Started, run: string, step: number): Promise<void> {
  while (stepOf(run) < step) {
    if (process.exitCode !== null) throw new Error(`It ended at step ${stepOf(run)}, before ${step}.`);
    await wait(2);
  }
}

async function kill({ process, outcome }: Started): Promise<void> {
  process.kill('SIGKILL');
  expect((await outcome).signal).toBe('SIGKILL');
}

/** The folder of a training that nobody disturbed. */
async function unbroken(...options: (string | number)[]): Promise<string> {
  const out = newFolder(folder);
  await succeed(train(out, ...options));
  return out;
}

const leftovers = (run: string) => filesIn(run).filter((name) => name.endsWith('.tmp'));

// Windows has no signals to send.
describe.skipIf(process.platform === 'win32')('a training that is killed (skipped on Windows)', () => {
  test.each([
    ['frozen', 10, 60, 1],
    ['batch', 3, 30, 2],
  ] as const)('at random moments, with %s norms, %d times: ends in the same bytes', async (...given) => {
    const [norm, times, steps, every] = given;
    const settings = ['--norm', norm, '--steps', steps, '--checkpoint-every', every, '--validate-every', 7];
    const options = [...TINY, ...settings];
    const run = newFolder(folder);
    const random = randomStreams(20 + every, 1)[0];
    const stops: number[] = [];
    for (let kills = 0; kills < times; kills++) {
      const started = start(kills === 0 ? train(run, ...options) : resume(run));
      // Some of them while it is still getting ready.
      if (kills % 5 === 3) await wait(random.uniform([100, 700]));
      else {
        await reaches(started, run, Math.max(0, stepOf(run)) + 1 + random.below(5));
        await wait(random.uniform([0, 30]));
      }
      await kill(started);
      stops.push(stepOf(run));
    }
    expect(stops.at(-1)).toBeLessThan(steps);
    expect(new Set(stops).size).toBeGreaterThanOrEqual(0.8 * times - 0.5);
    const { stdout, stderr } = await succeed(resume(run));
    expect(stderr).toContain(`Going on after step ${stops.at(-1)} of ${steps}.\n`);
    expect(stdout).toBe(`${join(run, 'encoder.onnx')}\n`);

    expect(resultsOf(run)).toEqual(resultsOf(await unbroken(...options)));
    expect(metricsOf(run).filter((line) => 'loss' in line)).toHaveLength(steps / 10);
    expect(leftovers(run)).toEqual([]);
    expect(readJson(run, 'run.json')).toMatchObject({ status: 'done', step: steps });
  });

  test('before its first checkpoint begins anew, and leaves no second event file', async () => {
    const options = [...TINY, '--steps', 40, '--checkpoint-every', 1000, '--validate-every', 30];
    const run = newFolder(folder);
    const started = start(train(run, ...options));
    await started.says('volumes to train on');
    await wait(100);
    await kill(started);
    expect(stepOf(run)).toBe(-1);
    expect(readJson(run, 'run.json').status).toBe('running');
    expect(await tonno(train(run, ...options))).toMatchObject({
      code: 2,
      stderr: `error: ${run}: There is a training in this folder already. Add --resume to go on with it, or choose another --out.\n`,
    });
    // Event files are named by the second.
    await wait(1000);
    const { stderr } = await succeed(resume(run));
    expect(stderr).not.toContain('Going on');
    expect(resultsOf(run)).toEqual(resultsOf(await unbroken(...options)));
  });

  test('while it wrote leaves unfinished files, which are gone when it goes on', async () => {
    const run = newFolder(folder);
    const options = [...TINY, '--steps', 3, '--checkpoint-every', 1];
    await succeed(train(run, ...options));
    writeFileSync(
      join(run, 'run.json'),
      readFileSync(join(run, 'run.json'), 'utf8').replace('done', 'running'),
    );
    const unfinished = [
      '.run.json.123.tmp',
      '.encoder.onnx.123.tmp',
      '.encoder-last.onnx.123.tmp',
      'checkpoint/.state-00000004.safetensors.123.tmp',
      'checkpoint/.state.json.123.tmp',
    ];
    for (const name of unfinished) writeFileSync(join(run, name), 'half');
    writeFileSync(join(run, '.mine.123.tmp'), 'kept');
    await succeed(resume(run));
    expect(leftovers(run)).toEqual(['.mine.123.tmp']);
  });
});

describe.skipIf(process.platform === 'win32')('a training that is interrupted (skipped on Windows)', () => {
  const STOPPING = 'Stopping; nothing unfinished is kept. (Once more to stop at once.)\n';

  async function interrupted(started: Started, run: string, signal: NodeJS.Signals): Promise<void> {
    started.process.kill(signal);
    const { code, stdout, stderr } = await started.outcome;
    const kept = `The state of step ${stepOf(run)} is kept; --resume goes on from it.\n`;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.endsWith(`${STOPPING}${kept}Interrupted by ${signal}.\n`)).toBe(true);
    expect(stderr).not.toContain('error');
    expect(readJson(run, 'run.json')).toMatchObject({ status: 'interrupted', step: stepOf(run) });
    expect(leftovers(run)).toEqual([]);
  }

  test.each([
    'SIGINT',
    'SIGTERM',
  ] as const)('by %s keeps the last whole step, checkpoint due or not', async (signal) => {
    const options = [...TINY, '--steps', 60, '--checkpoint-every', 7, '--validate-every', 25];
    const run = newFolder(folder);
    const started = start(train(run, ...options));
    await reaches(started, run, 7);
    await interrupted(started, run, signal);
    expect(stepOf(run)).toBeLessThan(60);
    if (signal === 'SIGTERM') return;
    await succeed(resume(run));
    expect(resultsOf(run)).toEqual(resultsOf(await unbroken(...options)));
  });

  test('in a validation makes up for it, in the middle of the run and at its end', async () => {
    const slow = ['--validation-directions', 30, '--validation-slices', 32, '--validate-every', 3];
    const options = [...TINY_NETWORK, ...TINY_STEPS, ...slow, '--steps', 5, '--checkpoint-every', 1];
    const whole = unbroken(...options);
    const run = newFolder(folder);
    for (const validated of [3, 5]) {
      const started = start(validated === 3 ? train(run, ...options) : resume(run));
      await reaches(started, run, validated - 1);
      await wait(150);
      await interrupted(started, run, 'SIGINT');
      expect(stepOf(run)).toBe(validated);
      expect(metricsOf(run).filter((line) => 'auc' in line)).toHaveLength(validated === 3 ? 0 : 1);
    }
    await succeed(resume(run));
    expect(resultsOf(run)).toEqual(resultsOf(await whole));
    expect(metricsOf(run).filter((line) => 'auc' in line)).toHaveLength(2);
  });

  test('before its first step may begin again as if it had never been', async () => {
    const run = newFolder(folder);
    // Statistics of norms are measured first, on large slices here.
    const large = [...TINY.filter((option) => option !== 32), '--steps', 2].map((option) =>
      option === '--size' ? '--size=224' : option,
    );
    const started = start(train(run, ...large));
    await started.says('volumes to train on');
    started.process.kill('SIGINT');
    const { code, stderr } = await started.outcome;
    expect(code).toBe(1);
    expect(stderr.endsWith(`${STOPPING}Interrupted by SIGINT.\n`)).toBe(true);
    expect(stepOf(run)).toBe(-1);
    await succeed(train(run, ...TINY, '--steps', 2));
    expect(eventsOf(run).length).toBeGreaterThan(0);
    expect(readJson(run, 'run.json')).toMatchObject({ status: 'done', options: { size: 32 } });
  });
});
