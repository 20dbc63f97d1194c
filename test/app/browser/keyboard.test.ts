/** The whole way with nothing but the keyboard: open, reconstruct, look, decide, save. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, openApp } from './support/app.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { focusShows, tabTo } from './support/keyboard.ts';
import { type Served, serve } from './support/server.ts';

describe.skipIf(!CHROMIUM)(`without a mouse${withoutChromium}`, () => {
  let browser: Browser;
  let server: Served;
  let app: App;
  const press = (key: string) => app.page.keyboard.press(key);
  const crosshair = () => app.by('crosshair').innerText();

  beforeAll(async () => {
    [browser, server] = await Promise.all([launch(), serve('app')]);
    app = await openApp(browser, server.address);
    await app.by('try-phantom').waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('a volume and an encoder are opened', async () => {
    await tabTo(app, 'try-encoder');
    expect(await focusShows(app)).toBe(true);
    await press('Enter');
    await tabTo(app, 'try-phantom');
    await press('Enter');
    await app.by('plane-0').waitFor();
  });

  test('a heatmap is made', async () => {
    for (const [id, number] of [
      ['directions', '6'],
      ['slices', '8'],
    ]) {
      await tabTo(app, id);
      await press('ControlOrMeta+A');
      await app.page.keyboard.type(number);
    }
    await tabTo(app, 'reconstruct');
    await press('Enter');
    await app.finished();
    await app.by('lesions').waitFor();
  });

  test('arrow keys move the crosshair in each plane', async () => {
    for (const plane of [0, 1, 2]) {
      await tabTo(app, `plane-${plane}`);
      expect(await focusShows(app)).toBe(true);
      for (const key of ['ArrowLeft', 'ArrowUp', 'PageUp']) {
        const before = await crosshair();
        await press(key);
        await expect.poll(crosshair).not.toBe(before);
      }
    }
  });

  test('thresholds are moved, lesions gone to and decided', async () => {
    await tabTo(app, 'high');
    await press('End');
    // Nothing but what has the maximum, and then all that hangs together with it.
    await expect.poll(async () => (await app.lesions()).length).toBe(1);
    const small = await app.lesions();
    await tabTo(app, 'low');
    await press('Home');
    await expect.poll(app.lesions).not.toEqual(small);
    expect(await app.lesions()).toHaveLength(1);
    const at = await crosshair();
    await tabTo(app, 'lesion-1');
    await press('Enter');
    await expect.poll(crosshair).not.toBe(at);
    await tabTo(app, 'reject');
    await press('Enter');
    await expect.poll(() => app.by('undo').isEnabled()).toBe(true);
    await tabTo(app, 'undo');
    await press('Enter');
    await expect.poll(() => app.by('redo').isEnabled()).toBe(true);
  });

  test('the mask is saved', async () => {
    await tabTo(app, 'save-mask');
    const files = await app.downloads(3, () => press('Enter'));
    expect([...files.keys()].some((name) => name.endsWith('.nii.gz'))).toBe(true);
  });

  test('nothing left the machine, and nothing went wrong', () => {
    expect(app.trouble).toEqual([]);
  });
});
