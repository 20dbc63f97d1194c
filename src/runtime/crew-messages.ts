/**
 * What a crew and its members say to one another, whatever carries it: a question has a number, and its answer the same. Both
 * ends are here; threads of Node and workers of a page differ only in how they are started, told and ended.
 */
import type { Handler } from './crew.ts';

/** What the opener says. */
export interface Question {
  readonly id: number;
  readonly message: unknown;
}

/** What a member says: the handler's answer, or what it threw. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: unknown };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The opener's end: what a member was asked and has not answered. */
export class Asked {
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  /** Why there is no thread any more; every message is refused with it. */
  private failure: Error | undefined;

  get count(): number {
    return this.waiting.size;
  }

  /** @param tell gives the thread its question. What it throws rejects. */
  ask(message: unknown, tell: (question: Question) => void): Promise<unknown> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      tell({ id, message });
      this.waiting.set(id, { resolve, reject });
    });
  }

  receive(answer: Answer): void {
    const asked = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('error' in answer) asked?.reject(answer.error);
    else asked?.resolve(answer.value);
  }

  /** The thread is gone; the first reason is the one that is told. */
  fail(reason: Error): void {
    this.failure ??= reason;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}

/**
 * A member's end: has a handler answer questions one after the other, also where it waits for something.
 * @param tell gives the opener an answer, handing over the buffers.
 * @param survives whether what was thrown arrives as it is; what does not is told as text.
 */
export function answering(
  handle: Handler,
  tell: (answer: Answer, transfer: ArrayBuffer[]) => void,
  survives: (thrown: unknown) => boolean,
): (question: Question) => void {
  const answer = async ({ id, message }: Question): Promise<void> => {
    try {
      const { value, transfer = [] } = await handle(message);
      tell({ id, value }, [...transfer]);
    } catch (thrown) {
      tell({ id, error: survives(thrown) ? thrown : new Error(String(thrown)) }, []);
    }
  };
  let last: Promise<void> = Promise.resolve();
  return (question) => {
    last = last.then(() => answer(question));
  };
}
