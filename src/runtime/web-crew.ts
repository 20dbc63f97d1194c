/** Crews in the browser: Web Workers whose script calls `serveCrew`. */
import { DeviceError } from '../errors.ts';
import type { Crew } from './crew.ts';
import { checkThreads } from './devices.ts';
import { reason } from './reason.ts';
import type { Answer, Question } from './web-crew-worker.ts';

/**
 * Opens a crew.
 * @param start starts one of its threads: `new Worker(new URL('….ts', import.meta.url), { type: 'module' })`, which
 *   bundlers must see with the address in place.
 * @throws UsageError when the number of threads is none.
 */
export function openWebCrew(start: () => Worker, threads: number): Crew {
  checkThreads(threads);
  const members = Array.from({ length: threads }, () => new Member(start()));
  return {
    size: threads,
    ask: (member, message) => members[member].ask(message),
    async close() {
      for (const member of members) member.close();
    },
  };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

class Member {
  private readonly thread: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  /** Why there is no thread any more; every message is refused with it. */
  private failure: DeviceError | undefined;

  constructor(thread: Worker) {
    this.thread = thread;
    thread.onmessage = ({ data }: MessageEvent<Answer>) => this.receive(data);
    thread.onerror = ({ message }) => this.fail(`ended: ${reason(message || 'it could not be started')}`);
  }

  ask(message: unknown): Promise<unknown> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.thread.postMessage({ id, message } satisfies Question);
      this.waiting.set(id, { resolve, reject });
    });
  }

  close(): void {
    this.fail('is closed.');
    this.thread.terminate();
  }

  private receive(answer: Answer): void {
    const asked = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('error' in answer) asked?.reject(answer.error);
    else asked?.resolve(answer.value);
  }

  private fail(what: string): void {
    this.failure ??= new DeviceError('device cpu', `A thread of the page ${what}`);
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}
