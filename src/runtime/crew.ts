/**
 * A crew is some threads that each run the same module's handler: work that needs no engine, shared out by whoever
 * asks. It moves messages and knows nothing of what they say. `runtime/node-crew.ts` opens crews in Node; a caller
 * without one does the work in its own thread.
 */

export interface Crew {
  /** Number of threads. */
  readonly size: number;
  /**
   * Has one thread handle a message. A thread handles its messages one after the other, in the order of asking, and
   * keeps what its module keeps between them.
   * @param member 0 … size − 1.
   * @returns the reply's value.
   * @throws what the handler throws.
   * @throws DeviceError when the thread is gone.
   */
  ask(member: number, message: unknown): Promise<unknown>;
  /** Ends the threads, also in the middle of their work; what was asked and is not answered is rejected. */
  close(): Promise<void>;
}

/** What a handler answers. */
export interface Reply {
  readonly value?: unknown;
  /** Buffers of the value that are handed over, not copied. */
  readonly transfer?: readonly ArrayBuffer[];
}

/** What a crew's module exports as `handle`. */
export type Handler = (message: unknown) => Reply | Promise<Reply>;
