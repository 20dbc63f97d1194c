/**
 * The main way: a scan and an encoder are opened, a heatmap is made on this machine's processor, and what is saved is
 * what the command line makes of the same settings, in the scan's place.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesIn, newFolder, succeed, temporaryFolder } from '../../support/cli.ts';
import { placementBytes, readVolumeFile } from '../../support/volumes.ts';
import { type App, openApp } from './support/app.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { PHANTOM_ENCODER, writeUneven } from './support/inputs.ts';
import { type Served, serve } from './support/server.ts';
import { drop } from './support/session.ts';

const DIRECTIONS = 6;
const SLICES = 8;
const SIZE = 64;
const folder = temporaryFolder();

/** Saves the heatmap that is looked at, and reads it. */
async function savedHeatmap(app: App): Promise<{ path: string; record: Record<string, unknown> }> {
  const files = await app.downloads(2, () => app.by('save-heatmap').click());
  const names = [...files.keys()];
  const image = names.find((name) => /\.nii(\.gz)?$/.test(name)) ?? '';
  const sidecar = names.find((name) => name.endsWith('.json')) ?? '';
  const path = join(newFolder(folder, 'saved-'), image);
  writeFileSync(path, files.get(image) ?? '');
  return { path, record: JSON.parse((files.get(sidecar) ?? '').toString()) };
}

/** What the command line makes of it, by the name of its file. */
async function byCommandLine(volume: string, ...settings: readonly (string | number)[]): Promise<string> {
  const out = newFolder(folder, 'cli-');
  const common = ['--encoder', PHANTOM_ENCODER, '--preset', 'draft', '--slices', SLICES, '--size', SIZE];
  await succeed(['reconstruct', volume, ...common, ...settings, '--out', out]);
  return join(out, filesIn(out).find((name) => name.endsWith('.nii.gz')) ?? '');
}

/** Largest difference as a share of the range that is expected. */
async function difference(actual: string, expected: string): Promise<number> {
  const [a, b] = [await readVolumeFile(actual), await readVolumeFile(expected)];
  expect(a.shape).toEqual(b.shape);
  let [low, high, worst] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < b.data.length; i++) {
    low = Math.min(low, b.data[i]);
    high = Math.max(high, b.data[i]);
    worst = Math.max(worst, Math.abs(a.data[i] - b.data[i]));
  }
  expect(high - low).toBeGreaterThan(0);
  return worst / (high - low);
}

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
      const colours = new Set(await app.pixels(plane));
      expect(colours.size).toBeGreaterThan(16);
    }
    expect(await app.by('crosshair').innerText()).toMatch(/mm/);
  });

  test('ToNNO is what the command line makes of it, in the same place', async () => {
    await app.openEncoder(PHANTOM_ENCODER);
    const [expected] = await Promise.all([
      byCommandLine(volume, '--directions', DIRECTIONS),
      app.reconstruct({
        method: 'tonno',
        preset: 'draft',
        directions: DIRECTIONS,
        slices: SLICES,
        size: SIZE,
        device: 'cpu',
      }),
    ]);
    expect(await app.by('engine-info').innerText()).toMatch(/WebAssembly/);
    const { path, record } = await savedHeatmap(app);
    expect(await difference(path, expected)).toBeLessThan(1e-4);
    expect(placementBytes(path)).toBe(placementBytes(volume));
    const sidecar = JSON.parse(readFileSync(expected.replace('.nii.gz', '.json'), 'utf8'));
    expect(Object.keys(record).length).toBeGreaterThan(0);
    expect(JSON.stringify(record)).toContain(sidecar.encoder?.sha256 ?? 'sha256');
  });

  test('more directions on a finished one make what they would have made in the first place', async () => {
    const [expected] = await Promise.all([
      byCommandLine(volume, '--directions', 2 * DIRECTIONS),
      (async () => {
        await app.set('more-directions', DIRECTIONS);
        await app.by('more').click();
        await app.finished();
      })(),
    ]);
    const { path } = await savedHeatmap(app);
    console.log(`with more directions, off by ${await difference(path, expected)} of the range`);
  });

  test('Tomographic LayerCAM is what the command line makes of it', async () => {
    const [expected] = await Promise.all([
      byCommandLine(
        volume,
        '--method',
        'tomographic-cam',
        '--cam',
        'layercam',
        '--layer',
        2,
        '--directions',
        4,
      ),
      app.reconstruct({
        method: 'tomographic-cam',
        cam: 'layercam',
        directions: 4,
        slices: SLICES,
        size: SIZE,
      }),
    ]);
    const { path } = await savedHeatmap(app);
    expect(await difference(path, expected)).toBeLessThan(1e-4);
  });

  test('nothing left the machine, and nothing went wrong', () => {
    expect(app.trouble).toEqual([]);
  });
});
