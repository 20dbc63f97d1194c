/** Crews in the browser: Web Workers whose script calls `serveCrew`. */
import { DeviceError } from '../errors.ts';
import type { Crew } from './crew.ts';
import { type Answer, Asked } from './crew-messages.ts';
import { checkThreads } from './devices.ts';
import { reason } from './reason.ts';

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

class Member {
  private readonly thread: Worker;
  private readonly asked = new Asked();

  constructor(thread: Worker) {
    this.thread = thread;
    thread.onmessage = ({ data }: MessageEvent<Answer>) => this.asked.receive(data);
    thread.onerror = ({ message }) => this.fail(`ended: ${reason(message || 'it could not be started')}`);
  }

  ask(message: unknown): Promise<unknown> {
    return this.asked.ask(message, (question) => this.thread.postMessage(question));
  }

  close(): void {
    this.fail('is closed.');
    this.thread.terminate();
  }

  private fail(what: string): void {
    this.asked.fail(new DeviceError('device cpu', `A thread of the page ${what}`));
  }
}
