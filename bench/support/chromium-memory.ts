/**
 * Memory of a browser's processes, from /proc: the pages' (their workers are threads of these) and the graphics card's.
 * Proportional set sizes are added up, so that memory which processes share counts once.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser } from 'playwright-core';

export interface Memory {
  /** Bytes at the same moment, all processes of the kind together. */
  readonly pages: number;
  readonly gpu: number;
}

export interface MemoryWatch {
  /** The most there was at one moment since the last call. */
  peak(): Memory;
  stop(): Promise<void>;
}

/** Looks every so many milliseconds. */
export async function watchMemory(browser: Browser, every = 100): Promise<MemoryWatch> {
  const session = await browser.newBrowserCDPSession();
  let peak: Memory = { pages: 0, gpu: 0 };
  let going = true;
  const loop = (async () => {
    while (going) {
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      const of = (type: string) =>
        processInfo
          .filter((process) => process.type === type)
          .reduce((sum, { id }) => sum + proportional(id), 0);
      const now = { pages: of('renderer'), gpu: of('GPU') };
      if (now.pages + now.gpu > peak.pages + peak.gpu) peak = now;
      await wait(every);
    }
  })();
  return {
    peak() {
      const seen = peak;
      peak = { pages: 0, gpu: 0 };
      return seen;
    },
    async stop() {
      going = false;
      await loop;
      await session.detach();
    },
  };
}

/** Bytes; 0 of a process that has just ended. */
function proportional(id: number): number {
  try {
    const [, kilobytes] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8')) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}
