/**
 * How long the page's main thread is busy at a time while a heatmap is made, and while thresholds are moved over a
 * volume of 256³ voxels: nothing a person does should wait 100 ms for its answer.
 *
 *     npm run build && npx tsx bench/browser/responsive.mjs [--side 256] [--directions 24]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openApp } from '../../test/app/browser/support/app.ts';
import { launch } from '../../test/app/browser/support/chromium.ts';
import { PHANTOM_ENCODER } from '../../test/app/browser/support/inputs.ts';
import { serve } from '../../test/app/browser/support/server.ts';
import { unevenVolume, writeVolume } from '../../test/support/volumes.ts';
import { machine } from '../support/machine.ts';

const { values } = parseArgs({
  options: { side: { type: 'string', default: '256' }, directions: { type: 'string', default: '24' } },
});
const [side, directions] = [values.side, values.directions].map(Number);
const folder = mkdtempSync(join(tmpdir(), 'tonno-responsive-'));
const path = join(folder, 'scan.nii.gz');
await writeVolume(path, unevenVolume([side, side, side]));
console.log(machine());
console.log(`${side}³ voxels, ${directions} directions`);

const server = await serve('app');
const browser = await launch();
try {
  const app = await openApp(browser, server.address);
  app.page.setDefaultTimeout(300_000);
  const now = () => app.page.evaluate(() => performance.now());
  await tasksOf('opening', () => app.openFiles(path));
  await app.openEncoder(PHANTOM_ENCODER);
  await tasksOf('reconstructing', async () => {
    await app.choose({ method: 'tonno', preset: 'draft', directions, slices: 24 });
    await app.by('reconstruct').click();
    await app.by('more').and(app.page.locator(':enabled')).waitFor({ timeout: 900_000 });
  });
  await tasksOf('moving thresholds', async () => {
    for (const share of [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.7, 0.5, 0.3]) {
      const { listed, drawn } = await thresholdTrip(app, share);
      const first = await app.page.locator('[data-testid="lesion-1"]').innerText();
      console.log(
        `threshold at ${share} of the range: list after ${listed.toFixed(0)} ms, planes after ${drawn.toFixed(0)} ms (${first.replace(/\s+/g, ' ')})`,
      );
    }
  });

  async function tasksOf(what, act) {
    const from = await now();
    await act();
    const tasks = (await app.longTasks(from)).map(({ duration }) => duration);
    const longest = Math.max(0, ...tasks);
    console.log(
      `${what}: longest task of the main thread ${longest.toFixed(0)} ms; ${tasks.filter((ms) => ms > 100).length} above 100 ms, ${tasks.length} above 50`,
    );
  }
} finally {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Moves the lower threshold, and waits until the list of lesions and all planes have followed. In milliseconds. */
function thresholdTrip(app, share) {
  return app.by('low').evaluate((slider, to) => {
    const list = document.querySelector('[data-testid="lesions"]');
    const planes = new Set(document.querySelectorAll('canvas[data-testid^="plane-"]'));
    const { prototype } = CanvasRenderingContext2D;
    const { drawImage } = prototype;
    return new Promise((resolve, reject) => {
      let listed;
      let drawn;
      const followed = () => {
        if (listed === undefined || planes.size > 0) return;
        prototype.drawImage = drawImage;
        requestAnimationFrame(() => resolve({ listed, drawn }));
      };
      prototype.drawImage = function (...given) {
        drawImage.apply(this, given);
        if (planes.delete(this.canvas)) drawn = performance.now() - began;
        followed();
      };
      const observer = new MutationObserver(() => {
        listed = performance.now() - began;
        observer.disconnect();
        followed();
      });
      observer.observe(list, { subtree: true, childList: true, characterData: true });
      setTimeout(() => reject(new Error('List or planes do not follow the threshold.')), 10_000);
      const [low, high] = [Number(slider.min), Number(slider.max)];
      const began = performance.now();
      slider.value = String(low + to * (high - low));
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    });
  }, share);
}
