/** Threads that prepare studies: what becomes of the others when one dies, fails or must stop. */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { prepareStudies, type StudyTask } from '../../src/cli/prepare/studies.ts';

type Deed = 'prepare' | 'refuse' | 'throw' | 'exit' | 'fault' | 'memory' | 'wait' | 'spin';

const task = (deed: Deed, i: number, begun?: Int32Array): StudyTask => ({
  ...{
    adapter: 'none',
    source: 'archive',
    settings: {},
    volumes: {},
    classes: ['label'],
    channels: ['image'],
  },
  study: { name: `${i}-${deed}`, patient: `${i}`, source: { deed, begun } },
});

interface Outcome {
  readonly prepared: string[];
  readonly bad: Record<string, string>;
  readonly error?: unknown;
}

async function prepare(
  deeds: readonly Deed[],
  {
    jobs = 2,
    signal = new AbortController().signal,
    keep = async (_name: string) => {},
    begun = undefined as Int32Array | undefined,
  } = {},
): Promise<Outcome> {
  const prepared: string[] = [];
  const bad: Record<string, string> = {};
  const error = await prepareStudies({
    tasks: deeds.map((deed, i) => task(deed, i, begun)),
    jobs,
    signal,
    module: '../test/cli/prepare-handler.mjs',
    async onPrepared({ study }) {
      await keep(study.name);
      prepared.push(study.name);
    },
    onBad({ study }, problem) {
      bad[study.name] = problem;
    },
  }).catch((thrown) => thrown);
  return { prepared: prepared.sort(), bad, ...(error && { error }) };
}

describe('a bad study', () => {
  it.each<[Deed, string]>([
    ['refuse', 'It is no use.'],
    ['throw', 'This is a fault in tonno: out of the blue (Set TONNO_DEBUG=1 to see where.)'],
    [
      'exit',
      'The thread that prepared it ended by itself. If memory is short: Prepare fewer studies at a time with --jobs.',
    ],
    [
      'fault',
      'The thread that prepared it ended: on its own. If memory is short: Prepare fewer studies at a time with --jobs.',
    ],
    ['memory', 'There is no memory to prepare it. Prepare fewer studies at a time with --jobs.'],
  ])('(%s) is told in a sentence, and all others are prepared', async (deed, sentence) => {
    expect(await prepare(['prepare', deed, 'prepare', deed, 'prepare'], { jobs: 1 })).toEqual({
      prepared: ['0-prepare', '2-prepare', '4-prepare'],
      bad: { [`1-${deed}`]: sentence, [`3-${deed}`]: sentence },
    });
  });
});

describe('memory', () => {
  it('holds as many studies as there are threads: the next begins when one is kept', async () => {
    const begun = new Int32Array(new SharedArrayBuffer(4));
    let [kept, most] = [0, 0];
    const { prepared } = await prepare(new Array(7).fill('prepare'), {
      jobs: 3,
      begun,
      async keep() {
        // The others begin when their threads are there; then nothing more may, until one is kept.
        while (Atomics.load(begun, 0) < Math.min(7, kept + 3)) await wait(5);
        await wait(20);
        most = Math.max(most, Atomics.load(begun, 0) - kept);
        kept++;
      },
    });
    expect(prepared.length).toBe(7);
    expect(most).toBe(3);
  });
});

describe('stopping', () => {
  it.each<[Deed, number]>([
    // Those that look at the flag are not ended before they have seen it.
    ['wait', 203],
    ['spin', 3],
  ])('ends threads that %s', async (deed, count) => {
    const controller = new AbortController();
    const begun = new Int32Array(new SharedArrayBuffer(4));
    const outcome = prepare(['prepare', deed, deed, 'prepare'], { signal: controller.signal, begun });
    while (Atomics.load(begun, 0) < 3) await wait(5);
    controller.abort(new Error('Interrupted.'));
    const { error, prepared, bad } = await outcome;
    expect((error as Error).message).toBe('Interrupted.');
    expect([prepared, bad]).toEqual([['0-prepare'], {}]);
    expect(Atomics.load(begun, 0)).toBe(count);
  });

  it('does not begin when it is stopped already', async () => {
    const { error, prepared } = await prepare(['prepare'], { signal: AbortSignal.abort(new Error('No.')) });
    expect([(error as Error).message, prepared]).toEqual(['No.', []]);
  });

  it('comes of what cannot be kept: a full disk is not the fault of one study', async () => {
    const keep = async (name: string) => {
      if (name === '2-prepare') throw new Error('The disk is full.');
    };
    const { error, prepared, bad } = await prepare(['wait', 'prepare', 'prepare', 'prepare'], { keep });
    expect((error as Error).message).toBe('The disk is full.');
    expect([prepared, bad]).toEqual([['1-prepare'], {}]);
  });
});
