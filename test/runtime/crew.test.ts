/** Crews: threads that answer in order, die in sentences, and keep no process from ending. */
import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { DeviceError, UsageError } from '../../src/errors.ts';
import type { Crew } from '../../src/runtime/crew.ts';
import { openCrew } from '../../src/runtime/node-crew.ts';
import { errorOf, inProcess, sentence } from './support.ts';

const module = '../test/runtime/crew-handler.mjs';
let crew: Crew | undefined;
const open = (threads: number) => {
  crew = openCrew(module, threads);
  return crew;
};
afterEach(() => crew?.close());

describe('a crew', () => {
  it('has each member keep its own state and answer in order', async () => {
    const two = open(2);
    expect(two.size).toBe(2);
    const slow = two.ask(0, { do: 'wait', milliseconds: 50 });
    const answers = [two.ask(0, { do: 'add', value: 10 }), two.ask(1, { do: 'add', value: 5 })];
    expect(await Promise.all([slow, ...answers])).toEqual([1, 11, 5]);
    expect(await two.ask(1, { do: 'add', value: 2 })).toBe(7);
  });

  it('takes shared memory without a copy and hands results over', async () => {
    const shared = new Float32Array(new SharedArrayBuffer(12));
    shared.set([1, 2, 3]);
    expect(await open(1).ask(0, { do: 'double', value: shared })).toEqual(Float32Array.of(2, 4, 6));
  });

  it('passes errors of the handler on, and goes on', async () => {
    const one = open(1);
    const error = await errorOf(one.ask(0, { do: 'throw' }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe('too far');
    expect((await errorOf(one.ask(0, { do: 'throw a word' }))).message).toBe('word');
    expect((await errorOf(one.ask(0, { do: 'unclonable' }))).message).toContain('could not be cloned');
    expect(await one.ask(0, { do: 'add', value: 1 })).toBe(1);
  });

  it('rejects a message that cannot be sent, and goes on', async () => {
    const one = open(1);
    expect((await errorOf(one.ask(0, () => 1))).message).toContain('could not be cloned');
    expect(await one.ask(0, { do: 'add', value: 1 })).toBe(1);
  });

  it.each([
    ['exit', 'ended by itself.'],
    ['fault', 'ended: on its own.'],
  ])('rejects what waits on a member that dies (%s), and what comes after; others go on', async (how, text) => {
    const two = open(2);
    const waiting = [two.ask(0, { do: how }), two.ask(0, { do: 'add', value: 1 })].map(errorOf);
    for (const error of [...(await Promise.all(waiting)), await errorOf(two.ask(0, { do: 'add' }))]) {
      expect(error).toBeInstanceOf(DeviceError);
      expect(error.message).toMatch(sentence);
      expect(error.message).toBe(`device cpu: The thread of ${module} ${text}`);
    }
    expect(await two.ask(1, { do: 'add', value: 1 })).toBe(1);
  });

  it('says which module is not there', async () => {
    crew = openCrew('nowhere.js', 1);
    const error = await errorOf(crew.ask(0, {}));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toContain('nowhere.js');
    expect(error.message).toMatch(sentence);
  });

  it('is closed at once, in the middle of work, and more than once', async () => {
    const two = open(2);
    const waiting = [two.ask(0, { do: 'spin' }), two.ask(0, { do: 'add' })].map(errorOf);
    const closing = two.close();
    for (const error of await Promise.all(waiting)) {
      expect(error.message).toBe(`device cpu: The thread of ${module} is closed.`);
    }
    await closing;
    await two.close();
    expect(await errorOf(two.ask(1, { do: 'add' }))).toBeInstanceOf(DeviceError);
  });

  it.each([0, 1.5, Number.NaN])('of %d threads is refused', (threads) => {
    expect(() => openCrew(module, threads)).toThrow(UsageError);
  });
});

describe('a process ends by itself', () => {
  const url = JSON.stringify(new URL('../../dist/runtime/node-crew.js', import.meta.url).href);
  const opened = `
    import { openCrew } from ${url};
    const crew = openCrew('${module}', 2);`;
  const ended = { code: 0, signal: null, stderr: '' };

  it.each([
    ['with a crew that was never asked', '', ''],
    ['with a crew left open', "console.log(await crew.ask(0, { do: 'add', value: 4 }));", '4\n'],
    [
      'once its crew has answered',
      "crew.ask(1, { do: 'wait', milliseconds: 200 }).then((n) => console.log(n));",
      '1\n',
    ],
    [
      'after closing it in the middle of work',
      "crew.ask(0, { do: 'spin' }).catch(() => console.log('gone')); await crew.close(); console.log('closed');",
      'gone\nclosed\n',
    ],
  ])('%s', async (_, script, stdout) => {
    expect(await inProcess(opened + script)).toEqual({ ...ended, stdout });
  });

  it('when it is told to in the middle of work, with its own exit code', async () => {
    const script = `${opened}
      crew.ask(0, { do: 'spin' });
      await crew.ask(1, { do: 'add', value: 1 });
      process.exit(5);`;
    expect(await inProcess(script)).toEqual({ ...ended, code: 5, stdout: '' });
  });
});

it.skipIf(process.platform !== 'linux')('no thread is left after closing (counted on Linux)', async () => {
  const threads = () => readdirSync('/proc/self/task').length;
  await openCrew(module, 1).close();
  const before = threads();
  for (let i = 0; i < 5; i++) {
    const three = openCrew(module, 3);
    await Promise.all([0, 1, 2].map((member) => three.ask(member, { do: 'add', value: 1 })));
    expect(threads()).toBeGreaterThanOrEqual(before + 3);
    await three.close();
  }
  // A thread's entry goes a moment after the thread.
  for (let i = 0; i < 50 && threads() > before; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(threads()).toBeLessThanOrEqual(before);
});
