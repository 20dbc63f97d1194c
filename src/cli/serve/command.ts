/** What `tonno app` and `tonno view` have in common: their options, and serving until somebody stops it. */
import type { Command } from 'commander';
import { openFile } from '../open.ts';
import { wholeNumber } from '../options.ts';
import type { Run } from '../run.ts';
import { type Serving, type Site, serve } from './server.ts';

export interface ServeOptions {
  readonly port?: number;
  readonly open: boolean;
}

export function addServeOptions(command: Command): Command {
  return command
    .option('--port <n>', 'to listen on (one that is free)', wholeNumber(1, 65_535))
    .option('--no-open', 'only print the address, do not show the page');
}

/**
 * Serves until Ctrl-C, which is how it is meant to end.
 * @param tell is called when the page can be had.
 * @throws TonnoError when the port cannot be had.
 */
export async function serveUntilStopped(
  site: Site,
  { port = 0, open }: ServeOptions,
  { terminal, signal }: Run,
  tell: (serving: Serving) => void,
): Promise<void> {
  signal.throwIfAborted();
  const serving = await serve(site, port);
  try {
    tell(serving);
    terminal.log('On this machine only. Ctrl-C stops it.');
    if (open) await openFile(serving.url);
    await aborted(signal);
  } finally {
    await serving.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
