/** The thread of a crew's member: it loads the crew's module and has it handle one message after the other. */
import { types } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import type { Handler } from './crew.ts';

/** What the opener says. */
export interface Question {
  readonly id: number;
  readonly message: unknown;
}

/** What a member says: the handler's answer, or what it threw. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: Error };

const port = parentPort!;
const { handle } = (await import(workerData)) as { handle: Handler };

// One after the other, also where a handler waits for something.
let last: Promise<void> = Promise.resolve();
port.on('message', (question: Question) => {
  last = last.then(() => answer(question));
});

async function answer({ id, message }: Question): Promise<void> {
  try {
    const { value, transfer = [] } = await handle(message);
    port.postMessage({ id, value } satisfies Answer, [...transfer]);
  } catch (thrown) {
    // Errors of the language survive the way with name and stack; others would arrive as empty objects.
    const error = types.isNativeError(thrown) ? thrown : new Error(String(thrown));
    port.postMessage({ id, error } satisfies Answer);
  }
}
