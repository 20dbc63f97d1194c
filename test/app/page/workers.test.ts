/** The workers of the page, played by ports: calls, their end, and who has an array afterwards. */
import { expose } from 'comlink';
import { describe, expect, it, vi } from 'vitest';
import { deskOf, engineOf, hire, PATIENCE } from '../../../src/app/page/workers.ts';
import type { DeskApi, EngineApi } from '../../../src/app/protocol.ts';
import { type Failure, failureOf } from '../../../src/app/remote.ts';
import { VolumeError } from '../../../src/errors.ts';
import { createVolume } from '../../../src/volume/volume.ts';
import { heatmap, outcome, progress } from './fakes.ts';

/** As much of a worker as is asked of it. */
class FakeWorker extends EventTarget {
  ended = false;
  readonly #port: MessagePort;
  readonly #other: MessagePort;
  constructor(answers: object) {
    super();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#other = port2;
    expose(answers, port2);
    port1.addEventListener('message', (event) => {
      this.dispatchEvent(new MessageEvent('message', { data: (event as MessageEvent).data }));
    });
    port1.start();
  }
  postMessage(message: unknown, transfer: Transferable[] = []) {
    this.#port.postMessage(message, transfer);
  }
  terminate() {
    this.ended = true;
    this.#port.close();
    this.#other.close();
  }
  fail(message: string) {
    this.dispatchEvent(Object.assign(new Event('error', { cancelable: true }), { message }));
  }
}

function staff<T>(answers: object) {
  const workers: FakeWorker[] = [];
  const stops: Failure[] = [];
  const calls: string[] = [];
  const hired = hire<T>({
    start() {
      workers.push(new FakeWorker(answers));
      return workers.at(-1) as unknown as Worker;
    },
    subject: 'The desk',
    remedy: 'It starts again.',
    stopped: (failure) => stops.push(failure),
    called: (method) => calls.push(method),
  });
  const close = () => hired.restart();
  return { hired, workers, stops, calls, close };
}

describe('a worker that fears it will never answer again', () => {
  const doubt = { subject: 'GPU', problem: 'It was lost.', remedy: '', fault: false, device: true as const };
  const say = (worker: FakeWorker, data: unknown) =>
    worker.dispatchEvent(new MessageEvent('message', { data }));

  it('is ended when it says nothing more, and calls to it fail', async () => {
    vi.useFakeTimers();
    try {
      const { hired, workers, stops } = staff<EngineApi>({ warmUp: () => new Promise(() => {}) });
      const call = hired.api.warmUp().catch(failureOf);
      say(workers[0], { doubt });
      vi.advanceTimersByTime(PATIENCE - 1);
      expect(workers[0].ended).toBe(false);
      vi.advanceTimersByTime(1);
      expect(workers[0].ended).toBe(true);
      expect(stops).toEqual([{ ...doubt, remedy: 'It starts again.' }]);
      expect(await call).toEqual(stops[0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is left alone when it says something', () => {
    vi.useFakeTimers();
    try {
      const { hired, workers, stops, close } = staff<EngineApi>({ warmUp: () => new Promise(() => {}) });
      hired.api.warmUp().catch(() => {});
      say(workers[0], { doubt });
      vi.advanceTimersByTime(PATIENCE - 1);
      say(workers[0], { id: 'an answer' });
      vi.advanceTimersByTime(PATIENCE);
      expect([workers[0].ended, stops]).toEqual([false, []]);
      close();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a worker', () => {
  it('starts with the first call, and errors keep their words', async () => {
    const { hired, workers, calls, close } = staff<DeskApi>({
      heatmaps: () => ['one'],
      undo: () => {
        throw new VolumeError('scan', 'It is cut off.');
      },
    });
    expect(workers).toHaveLength(0);
    expect(await hired.api.heatmaps()).toEqual(['one']);
    expect(workers).toHaveLength(1);
    const error = await hired.api.undo().catch(failureOf);
    expect(error).toMatchObject({ subject: 'scan', problem: 'It is cut off.', fault: false });
    expect(calls).toEqual(['heatmaps']);
    close();
  });

  it('that stops by itself fails what it was asked, is told of, and is started again', async () => {
    const { hired, workers, stops, close } = staff<DeskApi>({
      volume: () => new Promise(() => undefined),
      heatmaps: () => [],
    });
    const asked = hired.api.volume().catch(failureOf);
    workers[0].fail('Uncaught RangeError: Array buffer allocation failed');
    expect(await asked).toMatchObject({
      subject: 'The desk',
      problem: expect.stringMatching(/no more memory/),
    });
    expect(stops).toHaveLength(1);
    expect(workers[0].ended).toBe(true);
    workers[0].fail('again');
    expect(stops).toHaveLength(1);
    expect(await hired.api.heatmaps()).toEqual([]);
    expect(workers).toHaveLength(2);
    workers[1].fail('Uncaught Error: odd');
    expect(stops[1].problem).toBe('It stopped: Error: odd.');
    close();
  });

  it('is handed arrays that cannot be shared, and shares those that can', async () => {
    const desk = staff<DeskApi>({ putHeatmap: ({ data }: { data: Float32Array }) => data[0] });
    const own = heatmap(0.5);
    await deskOf(desk.hired).putHeatmap(own);
    expect(own.data.length).toBe(0);
    const shared = { ...heatmap(0), data: new Float32Array(new SharedArrayBuffer(8)).fill(0.25) };
    expect(await deskOf(desk.hired).putHeatmap(shared)).toBe(0.25);
    expect(shared.data.length).toBe(2);
    desk.close();
  });

  it('tells how far it is while it is asked', async () => {
    const engine = staff<EngineApi>({
      async reconstruct(_: unknown, __: unknown, told: (p: unknown) => Promise<void>) {
        await told(progress(1, 0.5));
        await told(progress(2));
        return outcome(2, 1);
      },
    });
    const seen: number[] = [];
    const volume = createVolume(new Float32Array(8), [2, 2, 2]);
    const settings = { method: 'tonno', preset: 'draft', device: 'cpu' } as const;
    const ended = await engineOf(engine.hired).reconstruct(volume, settings, ({ done }) => seen.push(done));
    expect(seen).toEqual([1, 2]);
    expect(ended.heatmap.data).toEqual(new Float32Array(24).fill(1));
    engine.close();
  });
});
