/**
 * What goes wrong is a sentence on the page that says what to do, and what was there stays: the scan, and the heatmap as
 * far as it was made.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/cli.ts';
import { type App, openApp } from './support/app.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { writeTiny, writeUneven, writeUnsupported } from './support/inputs.ts';
import { type Served, serve } from './support/server.ts';

const folder = temporaryFolder();
const SENTENCES = /^\S.*[.!?](\s|$)/s;

describe.skipIf(!CHROMIUM)(`what goes wrong${withoutChromium}`, () => {
  let browser: Browser;
  let server: Served;
  let app: App;

  beforeAll(async () => {
    [browser, server] = await Promise.all([launch(), serve('app')]);
    app = await openApp(browser, server.address);
    await app.openFiles(await writeUneven(folder));
    await app.openEncoder(writeTiny(folder));
    await app.reconstruct({ method: 'tonno', preset: 'draft', directions: 4, slices: 8, device: 'cpu' });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** Scan and heatmap are there as they were. */
  async function unchanged(act: () => Promise<string>): Promise<string> {
    const before = await app.pixels(0);
    const said = await act();
    expect(said).toMatch(SENTENCES);
    expect(await app.pixels(0)).toEqual(before);
    expect(before.length).toBeGreaterThan(0);
    return said;
  }

  test('a file that is no volume', async () => {
    const path = join(folder, 'holiday.nii.gz');
    writeFileSync(path, 'This is no scan.');
    const said = await unchanged(async () => {
      await app.by('open-files').setInputFiles(path);
      return app.error();
    });
    expect(said).toContain('holiday.nii.gz');
  });

  test('a network that no engine runs', async () => {
    const said = await unchanged(async () => {
      await app.openEncoder(writeUnsupported(folder));
      await app.by('reconstruct').click();
      return app.error();
    });
    expect(said).toMatch(/DeformableAttention|unsupported/);
  });

  test('nothing left the machine', () => {
    expect(app.trouble.filter((sentence) => !sentence.startsWith('Nobody caught'))).toEqual([]);
  });
});
