/**
 * The main way: a scan and an encoder are opened, a heatmap is made on this machine's processor, and what is saved is
 * what the command line makes of the same settings, in the scan's place.
 */
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/cli.ts';
import { placementBytes } from '../../support/volumes.ts';
import { type App, openApp } from './support/app.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { byCommandLine, difference, savedHeatmap } from './support/heatmaps.ts';
import { PHANTOM_ENCODER, writeUneven } from './support/inputs.ts';
import { type Served, serve } from './support/server.ts';
import { drop } from './support/session.ts';

const DIRECTIONS = 6;
const COMMON = { slices: 8 };
const encoder = PHANTOM_ENCODER;
const folder = temporaryFolder();

describe.skipIf(!CHROMIUM)(`a heatmap made on the page${withoutChromium}`, () => {
  let browser: Browser;
  let server: Served;
  let app: App;
  let volume = '';

  beforeAll(async () => {
    volume = await writeUneven(folder);
    [browser, server] = await Promise.all([launch(), serve('app')]);
    app = await openApp(browser, server.address);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('the scan shows as soon as it is dropped, in three planes', async () => {
    await drop(app.page.locator('body'), [volume]);
    await app.by('plane-0').waitFor();
    for (const plane of [0, 1, 2] as const) {
      expect((await app.picture(plane)).colours).toBeGreaterThan(16);
    }
    expect(await app.by('crosshair').innerText()).toMatch(/mm/);
  });

  test('ToNNO is what the command line makes of it, in the same place', async () => {
    await app.openEncoder(PHANTOM_ENCODER);
    const [expected] = await Promise.all([
      byCommandLine(folder, volume, { encoder, ...COMMON, directions: DIRECTIONS }),
      app.reconstruct({
        method: 'tonno',
        preset: 'draft',
        directions: DIRECTIONS,
        ...COMMON,
        device: 'cpu',
      }),
    ]);
    expect(await app.by('engine-info').innerText()).toMatch(/WebAssembly/);
    const { path, record } = await savedHeatmap(app, folder);
    expect(await difference(path, expected)).toBeLessThan(1e-4);
    expect(placementBytes(path)).toBe(placementBytes(volume));
    const sidecar = JSON.parse(readFileSync(expected.replace('.nii.gz', '.json'), 'utf8'));
    expect(Object.keys(record).length).toBeGreaterThan(0);
    expect(JSON.stringify(record)).toContain(sidecar.encoder?.sha256 ?? 'sha256');
  });

  test('stopped and gone on with, it is what it would have been', async () => {
    const directions = 60;
    const [expected] = await Promise.all([
      byCommandLine(folder, volume, { encoder, ...COMMON, directions }),
      (async () => {
        await app.choose({ directions });
        await app.by('reconstruct').click();
        await app
          .by('progress')
          .getByText(/^[1-9]\d* of 60 /)
          .waitFor();
        await app.by('stop').click();
        await app.finished();
      })(),
    ]);
    const [, done] = /Stopped after (\d+) of 60/.exec(await app.by('progress').innerText()) ?? [];
    expect(Number(done)).toBeGreaterThan(0);
    const { path: part, record } = await savedHeatmap(app, folder);
    expect(record).toMatchObject({ directions: 60, directionsDone: Number(done) });
    await app.by('more').click();
    await app.finished();
    const { path } = await savedHeatmap(app, folder);
    expect(await difference(part, expected)).toBeGreaterThan(0.01);
    expect(await difference(path, expected)).toBeLessThan(1e-4);
  });

  test('more directions are added to a finished one', async () => {
    const before = await savedHeatmap(app, folder);
    await app.set('more-directions', 20);
    await app.by('more').click();
    await app.finished();
    expect(await app.by('progress').innerText()).toMatch(/^80 angles done/);
    const { path, record } = await savedHeatmap(app, folder);
    expect(record).toMatchObject({ directionsDone: 80, rounds: [60, 20] });
    expect(await difference(path, before.path)).toBeGreaterThan(0.001);
    expect(await difference(path, before.path)).toBeLessThan(0.5);
  });

  test('Tomographic LayerCAM is what the command line makes of it', async () => {
    const [expected] = await Promise.all([
      byCommandLine(folder, volume, {
        encoder,
        ...COMMON,
        method: 'tomographic-cam',
        cam: 'layercam',
        layer: 2,
        directions: 4,
      }),
      app.reconstruct({
        method: 'tomographic-cam',
        cam: 'layercam',
        directions: 4,
        ...COMMON,
      }),
    ]);
    const { path } = await savedHeatmap(app, folder);
    expect(await difference(path, expected)).toBeLessThan(1e-4);
  });

  test('nothing left the machine, and nothing went wrong', () => {
    expect(app.trouble).toEqual([]);
  });
});
