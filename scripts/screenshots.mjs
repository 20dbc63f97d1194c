// Writes the pictures of the application in docs/: app-light.png, app-dark.png, app-phone.png (a phantom and the encoder that
// ships) and app-view.png (the table of a demo study). They need Chromium.
//     npm run build && npx tsx scripts/screenshots.mjs [DEMO-STUDY]     without one, the quick demo is made for it
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openApp } from '../test/app/browser/support/app.ts';
import { launch } from '../test/app/browser/support/chromium.ts';
import { serve } from '../test/app/browser/support/server.ts';
import { succeed } from '../test/support/cli.ts';
import { indexedPng } from './support/indexed-png.mjs';

const docs = new URL('../docs/', import.meta.url);
const LIMIT = 250_000;
const folder = mkdtempSync(join(tmpdir(), 'tonno-screenshots-'));
const browser = await launch();

try {
  let [study] = process.argv.slice(2);
  if (!study) {
    study = join(folder, 'demo');
    await succeed(['demo', '--quick', '--out', study], { timeout: 600_000 });
  }
  await picturesOfPhantom();
  await pictureOfStudy(study);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

async function picturesOfPhantom() {
  const server = await serve('app');
  const app = await openApp(browser, server.address, { reducedMotion: 'reduce', colorScheme: 'light' });
  await app.by('try-encoder').click();
  await app.by('try-phantom').click();
  await app.by('plane-0').waitFor();
  await app.choose({ method: 'tonno', preset: 'standard' });
  await app.by('reconstruct').and(app.page.locator(':enabled')).click();
  await app.by('more').waitFor({ timeout: 300_000 });
  await app.by('make-profiles').click();
  await app.by('profile-0').waitFor({ timeout: 60_000 });
  await app.by('lesion-1').click();
  await take(app, 'app-light');
  await app.page.emulateMedia({ colorScheme: 'dark' });
  await take(app, 'app-dark');
  await app.page.emulateMedia({ colorScheme: 'light' });
  await app.page.setViewportSize({ width: 390, height: 800 });
  await take(app, 'app-phone');
  await app.close();
  await server.stop();
}

async function pictureOfStudy(study) {
  const server = await serve('view', study);
  const app = await openApp(browser, server.address, { reducedMotion: 'reduce', colorScheme: 'light' });
  await app.by('case-table').waitFor();
  await take(app, 'app-view');
  await app.close();
  await server.stop();
}

/** What the window shows, once it has settled. */
async function take({ page, trouble }, name) {
  await page.evaluate(() => {
    window.scrollTo(0, 0);
    document.activeElement?.blur?.();
  });
  await page.waitForTimeout(500);
  const path = fileURLToPath(new URL(`${name}.png`, docs));
  writeFileSync(path, indexedPng(await page.screenshot({ animations: 'disabled' })));
  const { size } = statSync(path);
  console.log(`${path}: ${(size / 1000).toFixed(0)} kB`);
  if (size > LIMIT) throw new Error(`${name}.png has ${size} bytes, more than ${LIMIT}.`);
  if (trouble.length > 0) throw new Error(trouble.join(' '));
}
