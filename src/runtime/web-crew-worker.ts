/** The thread of a crew's member in the browser: it has a handler answer one message after the other. */
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

/** What a worker is to itself. */
export interface Port {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  postMessage(answer: Answer, transfer: Transferable[]): void;
}

/** Makes the calling worker, as a rule `globalThis`, a member of a crew. */
export function serveCrew(handle: Handler, port: Port): void {
  // One after the other, also where a handler waits for something.
  let last: Promise<void> = Promise.resolve();
  port.onmessage = ({ data }) => {
    last = last.then(() => answer(data));
  };
  async function answer({ id, message }: Question): Promise<void> {
    try {
      const { value, transfer = [] } = await handle(message);
      port.postMessage({ id, value }, [...transfer]);
    } catch (error) {
      // What is no error of the language may not survive the way.
      port.postMessage({ id, error: error instanceof Error ? error : new Error(String(error)) }, []);
    }
  }
}
