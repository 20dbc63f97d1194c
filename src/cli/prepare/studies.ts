/**
 * Many studies at a time, each in a thread: as many are in memory as there are threads. A study that cannot be prepared,
 * and one whose thread dies, is one bad study; the others go on.
 */
import { DeviceError } from '../../errors.ts';
import type { Crew } from '../../runtime/crew.ts';
import { openCrew } from '../../runtime/node-crew.ts';
import { messageOf } from '../run.ts';
import type { StudyAnswer, StudyMessage } from './worker.ts';

const MODULE = 'cli/prepare/worker.js';
/** Milliseconds that threads have to stop by themselves before they are ended. */
const GRACE = 1000;

export type StudyTask = Omit<StudyMessage, 'stop'>;
export type PreparedStudy = Exclude<StudyAnswer, { readonly problem: string }>;

export interface StudiesJob {
  readonly tasks: readonly StudyTask[];
  /** Threads. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Keeps what was prepared; until it has, its thread takes no other study. What it throws ends everything. */
  onPrepared(task: StudyTask, prepared: PreparedStudy): Promise<void>;
  /** Hears why a study could not be prepared, as sentences. */
  onBad(task: StudyTask, problem: string): void;
  /** What the threads run, as a path in the built package. */
  readonly module?: string;
}

/** @throws what the signal was aborted with, and what `onPrepared` throws; no thread is left then. */
export async function prepareStudies(job: StudiesJob): Promise<void> {
  const { tasks, jobs, signal, module = MODULE } = job;
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const lanes = Array.from({ length: Math.min(jobs, tasks.length) }, () => new Lane(module));
  const waiting = tasks.values();
  let timer: NodeJS.Timeout | undefined;
  const halt = () => {
    Atomics.store(stop, 0, 1);
    timer ??= setTimeout(() => lanes.forEach((lane) => void lane.close()), GRACE);
  };
  const work = async (lane: Lane) => {
    for (const task of waiting) {
      const answer = await lane.ask({ ...task, stop });
      // Interrupted, or another lane has failed: there is no use in more.
      if (timer) return;
      if ('problem' in answer) job.onBad(task, answer.problem);
      else await job.onPrepared(task, answer);
      if (timer) return;
    }
  };
  signal.addEventListener('abort', halt);
  try {
    signal.throwIfAborted();
    const ends = await Promise.allSettled(
      lanes.map((lane) =>
        work(lane).catch((error) => {
          halt();
          throw error;
        }),
      ),
    );
    signal.throwIfAborted();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  } finally {
    signal.removeEventListener('abort', halt);
    clearTimeout(timer);
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

/** A thread, and another one where it has died. */
class Lane {
  private readonly module: string;
  private crew: Crew | undefined;

  constructor(module: string) {
    this.module = module;
  }

  async ask(message: StudyMessage): Promise<StudyAnswer> {
    this.crew ??= openCrew(this.module, 1);
    try {
      return (await this.crew.ask(0, message)) as StudyAnswer;
    } catch (error) {
      await this.close();
      return { problem: error instanceof DeviceError ? lossOf(error) : messageOf(error) };
    }
  }

  async close(): Promise<void> {
    const { crew } = this;
    this.crew = undefined;
    await crew?.close();
  }
}

/** Why a thread is gone, as sentences. */
function lossOf({ cause, problem }: DeviceError): string {
  const remedy = 'Prepare fewer studies at a time with --jobs.';
  if ((cause as NodeJS.ErrnoException)?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return `There is no memory to prepare it. ${remedy}`;
  }
  return `${problem.replace(/^The thread of \S+/, 'The thread that prepared it')} If memory is short: ${remedy}`;
}
