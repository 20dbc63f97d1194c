/** Crews in the browser. Their workers are played by message channels, since Node has none of that kind. */
import { afterEach, describe, expect, it } from 'vitest';
import { DeviceError, UsageError } from '../../src/errors.ts';
import type { Crew, Handler } from '../../src/runtime/crew.ts';
import { openWebCrew } from '../../src/runtime/web-crew.ts';
import { type Port, serveCrew } from '../../src/runtime/web-crew-worker.ts';

const started: { readonly worker: Worker; ended: boolean }[] = [];
let crew: Crew | undefined;
afterEach(async () => {
  await crew?.close();
  started.length = 0;
});

/** A worker that runs a handler. */
function start(handle: Handler): () => Worker {
  return () => {
    const { port1, port2 } = new MessageChannel();
    serveCrew(handle, port2 as unknown as Port);
    const one = { worker: port1 as unknown as Worker, ended: false };
    one.worker.terminate = () => {
      one.ended = true;
      port1.close();
    };
    started.push(one);
    return one.worker;
  };
}

const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('a crew', () => {
  it('answers each member’s messages in their order, also where a handler waits', async () => {
    const seen: unknown[] = [];
    crew = openWebCrew(
      start(async (message) => {
        await later(message === 0 ? 20 : 0);
        seen.push(message);
        return { value: Number(message) * 2 };
      }),
      1,
    );
    expect(crew.size).toBe(1);
    expect(await Promise.all([0, 1, 2].map((message) => crew?.ask(0, message)))).toEqual([0, 2, 4]);
    expect(seen).toEqual([0, 1, 2]);
  });

  it('hands buffers over', async () => {
    const given = new Float32Array([1, 2]);
    crew = openWebCrew(
      start(() => ({ value: given, transfer: [given.buffer] })),
      2,
    );
    expect(await crew.ask(1, 'give')).toEqual(Float32Array.of(1, 2));
    expect(given.length).toBe(0);
    expect(started.length).toBe(2);
  });

  it('throws what a handler throws, and goes on', async () => {
    crew = openWebCrew(
      start((message) => {
        if (message === 'range') throw new RangeError('no room');
        if (message === 'text') throw 'text';
        return { value: message };
      }),
      1,
    );
    await expect(crew.ask(0, 'range')).rejects.toThrow(new RangeError('no room'));
    await expect(crew.ask(0, 'text')).rejects.toThrow(new Error('text'));
    expect(await crew.ask(0, 'well')).toBe('well');
  });

  it('that is closed, or whose thread ended, refuses what waits and what comes', async () => {
    crew = openWebCrew(
      start(() => later(1000).then(() => ({}))),
      2,
    );
    const waiting = [crew.ask(0, 'a'), crew.ask(1, 'b')];
    started[1].worker.onerror?.({ message: '' } as ErrorEvent);
    await expect(waiting[1]).rejects.toThrow('A thread of the page ended: it could not be started.');
    await expect(crew.ask(1, 'c')).rejects.toBeInstanceOf(DeviceError);
    await crew.close();
    await expect(waiting[0]).rejects.toThrow('A thread of the page is closed.');
    await expect(crew.ask(0, 'd')).rejects.toBeInstanceOf(DeviceError);
    expect(started.map(({ ended }) => ended)).toEqual([true, true]);
  });

  it('has at least one thread', () => {
    expect(() =>
      openWebCrew(
        start(() => ({})),
        0,
      ),
    ).toThrow(UsageError);
  });
});
