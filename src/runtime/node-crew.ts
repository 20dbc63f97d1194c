/** Crews in Node: worker threads that load a module of the built package. */
import { Worker } from 'node:worker_threads';
import { DeviceError } from '../errors.ts';
import type { Crew } from './crew.ts';
import { type Answer, Asked } from './crew-messages.ts';
import { checkThreads } from './devices.ts';
import { reason } from './reason.ts';

// The same files from src/ (tests) and from dist/: workers need JavaScript.
const built = (file: string) => new URL(`../../dist/${file}`, import.meta.url);

/**
 * Opens a crew. A crew that is left open does not keep the process from ending.
 * @param module what its threads run, as a path in the built package: `reconstruction/….js`; see `Handler`.
 * @throws UsageError when the number of threads is none.
 */
export function openCrew(module: string, threads: number): Crew {
  checkThreads(threads);
  return new NodeCrew(Array.from({ length: threads }, () => new Member(module)));
}

class NodeCrew implements Crew {
  readonly size: number;
  private readonly members: readonly Member[];

  constructor(members: readonly Member[]) {
    this.size = members.length;
    this.members = members;
  }

  ask(member: number, message: unknown): Promise<unknown> {
    return this.members[member].ask(message);
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }
}

class Member {
  private readonly module: string;
  private readonly thread: Worker;
  private readonly asked = new Asked();
  private closing = false;

  constructor(module: string) {
    this.module = module;
    // Flags of the caller's (loaders, --input-type) are not for this file, and some keep it from starting.
    this.thread = new Worker(built('runtime/node-crew-worker.js'), {
      execArgv: [],
      workerData: built(module).href,
    });
    this.thread.on('message', (answer: Answer) => {
      this.asked.receive(answer);
      this.keepAlive();
    });
    this.thread.on('error', (cause) => this.fail(`ended: ${reason(cause)}`, cause));
    this.thread.on('exit', () => this.fail('ended by itself.'));
    this.keepAlive();
  }

  ask(message: unknown): Promise<unknown> {
    const answer = this.asked.ask(message, (question) => this.thread.postMessage(question));
    this.keepAlive();
    return answer;
  }

  async close(): Promise<void> {
    this.closing = true;
    this.fail('is closed.');
    await this.thread.terminate();
  }

  /** A thread without work must not keep the process from ending, but whoever waits for its end must live to see it. */
  private keepAlive(): void {
    if (this.asked.count > 0 || this.closing) this.thread.ref();
    else this.thread.unref();
  }

  private fail(what: string, cause?: unknown): void {
    this.asked.fail(new DeviceError('device cpu', `The thread of ${this.module} ${what}`, { cause }));
    this.keepAlive();
  }
}
