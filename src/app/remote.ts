/**
 * Workers as objects: calls go by Comlink. Errors lose their class on the way, so that those of ours are carried as what
 * they say, and faults as what they are.
 */
import { expose, type Remote, type TransferHandler, transferHandlers, wrap } from 'comlink';
import { DeviceError, TonnoError } from '../errors.ts';

/** What went wrong in a worker, for a person. */
export interface Failure {
  readonly subject: string;
  readonly problem: string;
  readonly remedy: string;
  /** A fault of the program, not of what it was given. */
  readonly fault: boolean;
  /** A device failed or is gone: whoever asked may start again on another. */
  readonly device?: true;
}

/** An error that came from a worker. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super([`${failure.subject}: ${failure.problem}`, failure.remedy].filter(Boolean).join(' '));
    this.failure = failure;
  }
}

/** What a person is told of anything that was thrown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RemoteError) return error.failure;
  if (error instanceof TonnoError) {
    const { subject, problem, remedy } = error;
    return { subject, problem, remedy, fault: false, ...(error instanceof DeviceError && { device: true }) };
  }
  const problem = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError && /alloc|buffer length|array length/i.test(problem)) {
    return {
      subject: 'Memory',
      problem: 'The browser has no more of it for this page.',
      remedy: 'Close other pages, or use a smaller volume or the command line.',
      fault: false,
    };
  }
  return {
    subject: 'This page',
    problem: `Something went wrong that should not have: ${problem}`,
    remedy: 'What is on the screen stays; try again.',
    fault: true,
  };
}

interface Thrown {
  readonly value: unknown;
}

/** In the place of Comlink's own, which knows names and messages only. */
const thrown: TransferHandler<Thrown, Failure> = {
  canHandle: (value): value is Thrown => comlinkThrow.canHandle(value),
  serialize: ({ value }) => [failureOf(value), []],
  deserialize: (failure) => {
    throw new RemoteError(failure);
  },
};
const comlinkThrow = transferHandlers.get('throw')!;
transferHandlers.set('throw', thrown as TransferHandler<unknown, unknown>);

/** The object that a worker answers for. */
export function remote<T>(worker: Worker): Remote<T> {
  return wrap<T>(worker);
}

/** Has a worker answer for an object. */
export function answerFor(target: object): void {
  expose(target);
}

/** A worker's word that it may never answer again; whatever it says afterwards takes that back. */
interface Doubt {
  readonly doubt: Failure;
}

/** In a worker, before something that may never give its thread back. */
export function announceDoubt(reason: unknown): void {
  const message: Doubt = { doubt: failureOf(reason) };
  globalThis.postMessage(message);
}

/** What a worker fears, where a message says so. */
export function doubtOf(message: unknown): Failure | undefined {
  return typeof message === 'object' && message !== null && 'doubt' in message
    ? (message as Doubt).doubt
    : undefined;
}
