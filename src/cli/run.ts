/**
 * How a command ends. 0: done. 1: failed, with a sentence on stderr. 2: used wrongly. Ctrl-C stops the work, removes
 * what is unfinished and ends with 1; a second one does not wait for the engine.
 */
import { TonnoError, UsageError } from '../errors.ts';
import { fileError, removeUnfinished } from './files.ts';
import type { Terminal } from './terminal.ts';

/** Runs a command's work with what every command needs. */
export interface Run {
  (work: () => Promise<void>): Promise<void>;
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C and by SIGTERM. */
  readonly signal: AbortSignal;
}

class Interruption extends Error {}

export function createRun(terminal: () => Terminal): Run {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      removeUnfinished();
      process.kill(process.pid, 'SIGKILL');
    }
    terminal().log('Stopping; nothing unfinished is kept. (Once more to stop at once.)');
    controller.abort(new Interruption(`Interrupted by ${signal}.`));
  };
  const run = async (work: () => Promise<void>): Promise<void> => {
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    try {
      await work();
    } catch (error) {
      terminal().clear();
      terminal().log(
        isInterruption(error, controller.signal)
          ? messageOf(controller.signal.reason)
          : `error: ${messageOf(error)}`,
      );
      process.exitCode = error instanceof UsageError ? 2 : 1;
    } finally {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    }
  };
  return Object.defineProperties(run, {
    terminal: { get: terminal },
    signal: { value: controller.signal },
  }) as Run;
}

export function isInterruption(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || error instanceof Interruption || isAbort(error));
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** What a person is told: the sentence of an error of ours, the whole trace of a fault only when asked for. */
export function messageOf(error: unknown): string {
  const known = fileError('file', error);
  if (known instanceof TonnoError || known instanceof Interruption) return known.message;
  const fault = known instanceof Error ? known : new Error(String(known));
  if (process.env.TONNO_DEBUG) return fault.stack ?? fault.message;
  return `This is a fault in tonno: ${fault.message} (Set TONNO_DEBUG=1 to see where.)`;
}
