/** What a person meets first: what it loads, what it may do, that everyone can read it. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { violations } from './support/accessibility.ts';
import { type App, openApp } from './support/app.ts';
import { packedSize } from './support/built.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { type Served, serve } from './support/server.ts';

describe.skipIf(!CHROMIUM)(`the page at its start${withoutChromium}`, () => {
  let browser: Browser;
  let server: Served;
  let app: App;

  beforeAll(async () => {
    [browser, server] = await Promise.all([launch(), serve('app')]);
    app = await openApp(browser, server.address);
    await app.by('try-phantom').waitFor();
    // The engine is loaded while a person looks for a volume.
    await app.fetches(/\.wasm$/);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('loads less than 1.5 MB, packed and without the engine’s WebAssembly', () => {
    const files = [...app.fetched].filter((path) => !path.endsWith('.wasm') && !path.endsWith('browse.json'));
    const sizes = files.map(
      (path) => [path, packedSize(path === '/' ? 'index.html' : path.slice(1))] as const,
    );
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    console.log(
      [...sizes, ['all', total]]
        .map(([path, size]) => `${(Number(size) / 1024).toFixed(1)} kB ${path}`)
        .join('\n'),
    );
    expect(files.some((path) => /worker/.test(path))).toBe(true);
    expect(total).toBeLessThan(1.5e6);
  });

  test('its threads share memory, and its policy stops what goes elsewhere', async () => {
    expect(await app.page.evaluate(() => crossOriginIsolated)).toBe(true);
    const tried = await app.page.evaluate(() =>
      fetch('https://example.com/').then(
        () => 'sent',
        () => 'stopped',
      ),
    );
    expect(tried).toBe('stopped');
    // The watch has seen it, so that it would see others.
    expect(app.trouble.some((sentence) => sentence.includes('policy'))).toBe(true);
  });

  test.each(['light', 'dark'] as const)('is accessible in %s', async (scheme) => {
    expect(await violations(app.page, scheme)).toEqual([]);
  });

  test('fits a phone, and text of twice the size, without scrolling sideways', async () => {
    for (const width of [360, 640]) {
      await app.page.setViewportSize({ width, height: 640 });
      expect(await app.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
  });
});
