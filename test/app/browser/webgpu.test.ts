/** The same heatmap on WebGPU. The graphics card is played by the processor, so the network is tiny. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/cli.ts';
import { type App, openApp } from './support/app.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { byCommandLine, difference, savedHeatmap } from './support/heatmaps.ts';
import { writeTiny, writeUneven } from './support/inputs.ts';
import { type Served, serve } from './support/server.ts';

const folder = temporaryFolder();
const SETTINGS = { directions: 3, slices: 6 };

describe.skipIf(!CHROMIUM)(`on WebGPU${withoutChromium}`, () => {
  let browser: Browser;
  let server: Served;
  let app: App;
  let volume = '';
  let encoder = '';

  beforeAll(async () => {
    volume = await writeUneven(folder);
    encoder = writeTiny(folder);
    [browser, server] = await Promise.all([launch({ webgpu: true }), serve('app')]);
    app = await openApp(browser, server.address);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('the heatmap is what the command line makes of it, and the page says what it ran on', async () => {
    await app.openFiles(volume);
    await app.openEncoder(encoder);
    const [expected] = await Promise.all([
      byCommandLine(folder, volume, { encoder, ...SETTINGS }),
      app.reconstruct({ method: 'tonno', preset: 'draft', ...SETTINGS, device: 'webgpu' }),
    ]);
    expect(await app.by('engine-info').innerText()).toMatch(/WebGPU/);
    const { path } = await savedHeatmap(app, folder);
    expect(await difference(path, expected)).toBeLessThan(1e-4);
  });

  test('nothing left the machine, and nothing went wrong', () => {
    expect(app.trouble).toEqual([]);
  });
});
