/**
 * A page of the application under watch: everything it asks another origin for, everything its policy stopped, every
 * error that nobody caught and every long task of its main thread is written down from before its first script runs.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Download,
  Locator,
  Page,
} from 'playwright-core';

/** A task of the main thread that took longer than 50 ms, in milliseconds since the page began. */
export interface LongTask {
  readonly start: number;
  readonly duration: number;
}

export interface Watched {
  readonly page: Page;
  /** What should not have happened, as sentences; none when all went well. */
  readonly trouble: readonly string[];
  /** Paths of what was fetched. */
  readonly fetched: ReadonlySet<string>;
  by(id: string): Locator;
  /** Waits until the page has fetched a file whose path fits. */
  fetches(path: RegExp): Promise<void>;
  /** Long tasks since the page began, or since `from`. */
  longTasks(from?: number): Promise<LongTask[]>;
  /** The files that a click (or whatever is done) makes the browser download, by their names. */
  downloads(count: number, act: () => Promise<unknown>): Promise<Map<string, Buffer>>;
  /** The same address in a further tab, which has what the browser kept of this one. */
  again(): Promise<Watched>;
  close(): Promise<void>;
}

export interface OpenOptions extends BrowserContextOptions {
  /** Runs in the page before its own scripts. */
  readonly before?: () => void;
}

/** Milliseconds, and downloads that a page may begin in them. */
const BURST = 1100;
const MOST_IN_BURST = 10;

const watchLongTasks = () => {
  const tasks: { start: number; duration: number }[] = [];
  Object.assign(window, { longTasks: tasks });
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) tasks.push({ start: startTime, duration });
  }).observe({ type: 'longtask', buffered: true });
};

/** Opens an address in a context of its own, so that nothing is kept from another test. */
export async function open(browser: Browser, address: string, options: OpenOptions = {}): Promise<Watched> {
  const { before, ...rest } = options;
  const context = await browser.newContext({
    acceptDownloads: true,
    viewport: { width: 1280, height: 800 },
    ...rest,
  });
  context.setDefaultTimeout(20_000);
  await context.addInitScript(watchLongTasks);
  if (before) await context.addInitScript(before);
  const trouble: string[] = [];
  const fetched = new Set<string>();
  const { origin } = new URL(address);
  context.on('request', (request) => {
    const url = new URL(request.url());
    const local = url.origin === origin || url.protocol === 'blob:' || url.protocol === 'data:';
    if (!local) trouble.push(`It asked for ${request.url()}.`);
  });
  context.on('response', (response) => {
    if (response.ok()) fetched.add(new URL(response.url()).pathname);
  });
  context.on('weberror', (error) => trouble.push(`Nobody caught: ${error.error().message}`));
  context.on('console', (message) => {
    const text = message.text();
    if (/Content Security Policy/i.test(text)) trouble.push(`The policy stopped something: ${text}`);
  });
  return watch(context, address, trouble, fetched);
}

async function watch(
  context: BrowserContext,
  address: string,
  trouble: string[],
  fetched: ReadonlySet<string>,
): Promise<Watched> {
  const downloaded: number[] = [];
  const page = await context.newPage();
  page.on('crash', () => trouble.push('The page crashed.'));
  await page.goto(address);
  return {
    page,
    trouble,
    fetched,
    by: (id) => page.getByTestId(id),
    async fetches(path) {
      const there = () => [...fetched].some((one) => path.test(one));
      if (!there())
        await context.waitForEvent('response', (response) => path.test(new URL(response.url()).pathname));
    },
    async longTasks(from = 0) {
      const all = await page.evaluate(() => (window as unknown as { longTasks: LongTask[] }).longTasks);
      return all.filter(({ start }) => start >= from);
    },
    async downloads(count, act) {
      // Chromium drops what comes after ten downloads in a second; people are slower.
      const recent = downloaded.filter((time) => time > performance.now() - BURST);
      if (recent.length + count > MOST_IN_BURST) await page.waitForTimeout(BURST);
      const files = await downloadsOf(page, count, act);
      downloaded.push(...Array.from(files, () => performance.now()));
      return files;
    },
    // Without the token, which has done its work.
    again: () => watch(context, new URL('/', address).href, trouble, fetched),
    close: () => context.close(),
  };
}

async function downloadsOf(
  page: Page,
  count: number,
  act: () => Promise<unknown>,
): Promise<Map<string, Buffer>> {
  const begun: Download[] = [];
  const all = new Promise<void>((resolve) => {
    page.on('download', function begin(download) {
      begun.push(download);
      if (begun.length < count) return;
      page.off('download', begin);
      resolve();
    });
  });
  await act();
  await Promise.race([
    all,
    page.waitForTimeout(15_000).then(() => {
      const names = begun.map((download) => download.suggestedFilename()).join(', ') || 'none';
      throw new Error(`${count} downloads were expected, and these began: ${names}.`);
    }),
  ]);
  const files = begun.map(async (download) => {
    const bytes = readFileSync(await download.path());
    return [download.suggestedFilename(), bytes] as const;
  });
  return new Map(await Promise.all(files));
}

/** Drops files on an element as a hand does, by a drop event that carries them. */
export async function drop(target: Locator, paths: readonly string[]): Promise<void> {
  const files = paths.map((path) => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    base64: readFileSync(join(path)).toString('base64'),
  }));
  const transfer = await target.page().evaluateHandle((given) => {
    const carried = new DataTransfer();
    for (const { name, base64 } of given) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      carried.items.add(new File([bytes], name));
    }
    return carried;
  }, files);
  await target.dispatchEvent('dragenter', { dataTransfer: transfer });
  await target.dispatchEvent('dragover', { dataTransfer: transfer });
  await target.dispatchEvent('drop', { dataTransfer: transfer });
}
