/** The thread of a crew's member: it loads the crew's module and has it handle one message after the other. */
import { types } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import type { Handler } from './crew.ts';
import { answering } from './crew-messages.ts';

const port = parentPort!;
const { handle } = (await import(workerData)) as { handle: Handler };

// Errors of the language survive the way with name and stack; others would arrive as empty objects.
port.on(
  'message',
  answering(handle, (answer, transfer) => port.postMessage(answer, transfer), types.isNativeError),
);
