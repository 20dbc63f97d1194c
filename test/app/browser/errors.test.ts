/**
 * What goes wrong is a sentence on the page that says what to do, and what was there stays: the scan, and the heatmap as
 * far as it was made.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Worker } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/cli.ts';
import { type App, openApp } from './support/app.ts';
import { workerOf } from './support/built.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { writeTiny, writeUneven, writeUnsupported } from './support/inputs.ts';
import { type Served, serve } from './support/server.ts';

const folder = temporaryFolder();
/** A subject, a problem and a remedy. */
const SENTENCES = /^[^:]+: .+\. .+\./s;

/** In a worker: no large array can be had any more, as where memory is full; or it can be had again. */
function fillMemory(full: boolean): void {
  const scope = self as unknown as { Float32Array: typeof Float32Array; whole?: typeof Float32Array };
  scope.whole ??= scope.Float32Array;
  scope.Float32Array = !full
    ? scope.whole
    : new Proxy(scope.whole, {
        construct(target, given, type) {
          if (typeof given[0] === 'number' && given[0] > 5000)
            throw new RangeError('Array buffer allocation failed');
          return Reflect.construct(target, given, type);
        },
      });
}

/** As a fault of a driver does it. */
async function crashGraphics(browser: Browser): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  await session.send('Browser.crashGpuProcess');
  await session.detach();
}

describe.skipIf(!CHROMIUM)(`what goes wrong${withoutChromium}`, () => {
  let browser: Browser;
  let server: Served;
  let app: App;
  let volume = '';
  const worker = (method: string) =>
    app.page.workers().find((one) => one.url().endsWith(workerOf(method))) as Worker;

  beforeAll(async () => {
    [browser, server] = await Promise.all([launch({ webgpu: true }), serve('app')]);
    app = await openApp(browser, server.address);
    volume = await writeUneven(folder);
    await app.openFiles(volume);
    await app.openEncoder(writeTiny(folder));
    await app.reconstruct({ method: 'tonno', preset: 'draft', directions: 4, slices: 8, device: 'cpu' });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** What the page says then; scan and heatmap are there as they were, and what it said is put away. */
  async function said(act: () => Promise<unknown>): Promise<string> {
    await act();
    const sentences = await app.error();
    expect(sentences).toMatch(SENTENCES);
    await app.by('error').getByRole('button', { name: 'Dismiss' }).first().click();
    await app.by('error').waitFor({ state: 'detached' });
    return sentences;
  }
  async function unchanged(act: () => Promise<unknown>): Promise<string> {
    const before = [await app.picture(0), await app.lesions()];
    const sentences = await said(act);
    expect([await app.picture(0), await app.lesions()]).toEqual(before);
    return sentences;
  }

  test('a file that is no volume', async () => {
    const path = join(folder, 'holiday.nii.gz');
    writeFileSync(path, 'This is no scan.');
    const sentences = await unchanged(() => app.by('open-files').setInputFiles(path));
    expect(sentences).toContain('holiday.nii.gz');
  });

  test('a file that is no encoder', async () => {
    const path = join(folder, 'holiday.onnx');
    writeFileSync(path, 'This is no network.');
    const sentences = await unchanged(() => app.by('open-encoder').setInputFiles(path));
    expect(sentences).toContain('holiday.onnx');
  });

  test('want of memory, and the page goes on when there is some', async () => {
    const desk = worker('putHeatmap');
    await desk.evaluate(fillMemory, true);
    const second = await writeUneven(folder, 'second.nii.gz');
    const sentences = await unchanged(() => app.by('open-files').setInputFiles(second));
    expect(sentences).toMatch(/memory/i);
    await desk.evaluate(fillMemory, false);
  });

  test('a graphics card that is gone in the middle', async () => {
    const sentences = await said(async () => {
      await app.choose({ directions: 400, device: 'webgpu' });
      await app.by('reconstruct').click();
      await app
        .by('progress')
        .getByText(/^[1-9]\d* of 400 /)
        .waitFor();
      await app.by('lesions').waitFor();
      await crashGraphics(browser);
    });
    expect(sentences).toMatch(/^GPU: It was lost/);
    await expect.poll(async () => (await app.picture(0)).colours, { timeout: 5000 }).toBeGreaterThan(16);
    expect(await app.by('lesions').count()).toBe(1);
    // And it is found again.
    await app.reconstruct({ directions: 3 });
    expect(await app.by('engine-info').innerText()).toMatch(/WebGPU|WebAssembly/);
  });

  test('a network with operators that no engine has', async () => {
    const sentences = await unchanged(async () => {
      await app.openEncoder(writeUnsupported(folder));
      await app.by('reconstruct').click();
    });
    expect(sentences).toMatch(/DeformableAttention/);
  });

  test('a tab that is closed in the middle: the next one offers what was made', async () => {
    await app.openEncoder(writeTiny(folder));
    await app.choose({ directions: 2000, device: 'cpu' });
    await app.by('reconstruct').click();
    await app
      .by('progress')
      .getByText(/^[1-9]\d+ of 2,000 /)
      .waitFor();
    await app.page.waitForTimeout(500);
    const next = await app.again();
    await app.page.close();
    app = next;
    await app.openFiles(volume);
    const kept = app.by('kept');
    await kept
      .getByText(/uneven/)
      .first()
      .waitFor();
    await kept.getByTestId('restore').click();
    await app.by('lesions').waitFor();
  });

  test('nothing left the machine, and nothing else went wrong', () => {
    expect(app.trouble).toEqual([]);
  });
});
