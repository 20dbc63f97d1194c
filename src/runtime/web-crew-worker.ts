/** The thread of a crew's member in the browser: it has a handler answer one message after the other. */
import type { Handler } from './crew.ts';
import { type Answer, answering, type Question } from './crew-messages.ts';

/** What a worker is to itself. */
export interface Port {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  postMessage(answer: Answer, transfer: Transferable[]): void;
}

/** Makes the calling worker, as a rule `globalThis`, a member of a crew. */
export function serveCrew(handle: Handler, port: Port): void {
  const receive = answering(
    handle,
    (answer, transfer) => port.postMessage(answer, transfer),
    (thrown) => thrown instanceof Error,
  );
  port.onmessage = ({ data }) => receive(data);
}
