/**
 * A volume of 512 × 512 × 300 voxels on the page: opened, and reconstructed from few directions. Prints the most memory
 * that pages and graphics card had at one moment, against 2 GiB, and the longest task of the main thread.
 *
 *     npm run build && npx tsx bench/browser/large.mjs [--side 512] [--planes 300] [--directions 4] [--webgpu]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeNifti } from '../../src/formats/nifti.ts';
import { createVolume } from '../../src/volume/volume.ts';
import { openApp } from '../../test/app/browser/support/app.ts';
import { launch } from '../../test/app/browser/support/chromium.ts';
import { PHANTOM_ENCODER } from '../../test/app/browser/support/inputs.ts';
import { serve } from '../../test/app/browser/support/server.ts';
import { watchMemory } from '../support/chromium-memory.ts';
import { machine } from '../support/machine.ts';

const { values } = parseArgs({
  options: {
    side: { type: 'string', default: '512' },
    planes: { type: 'string', default: '300' },
    directions: { type: 'string', default: '4' },
    webgpu: { type: 'boolean', default: false },
  },
});
const [side, planes, directions] = [values.side, values.planes, values.directions].map(Number);
const GIB = 2 ** 30;
const gib = (bytes) => (bytes / GIB).toFixed(2);

const folder = mkdtempSync(join(tmpdir(), 'tonno-large-'));
const path = join(folder, 'large.nii.gz');
writeFileSync(path, await largeScan());
console.log(machine());
console.log(`${side} × ${side} × ${planes} voxels of 16 bits, ${directions} directions`);

const server = await serve('app');
const browser = await launch({ webgpu: values.webgpu });
try {
  const memory = await watchMemory(browser);
  const app = await openApp(browser, server.address);
  app.page.setDefaultTimeout(600_000);
  report('the empty page', memory.peak());
  await timed('opened', () => app.openFiles(path));
  await app.openEncoder(PHANTOM_ENCODER);
  await timed('reconstructed', async () => {
    await app.choose({ method: 'tonno', preset: 'draft', directions, slices: 16 });
    await app.by('reconstruct').click();
    await app.by('more').and(app.page.locator(':enabled')).waitFor({ timeout: 900_000 });
  });
  await timed('saved', () => app.downloads(2, () => app.by('save-heatmap').click()));
  if (app.trouble.length > 0) console.log(app.trouble.join('\n'));
  await memory.stop();

  async function timed(what, act) {
    const from = await app.page.evaluate(() => performance.now());
    memory.peak();
    const began = performance.now();
    await act();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const tasks = await app.longTasks(from);
    const longest = Math.max(0, ...tasks.map(({ duration }) => duration));
    report(
      `${what} in ${seconds} s`,
      memory.peak(),
      `longest task of the main thread ${longest.toFixed(0)} ms`,
    );
  }
} finally {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

function report(what, { pages, gpu }, more = '') {
  const all = pages + gpu;
  const verdict = all <= 2 * GIB ? 'within 2 GiB' : 'ABOVE 2 GiB';
  console.log(
    [`${what}: ${gib(all)} GiB (pages ${gib(pages)}, graphics ${gib(gpu)}), ${verdict}`, more]
      .filter(Boolean)
      .join('; '),
  );
}

/** A body with a bright ball in air, noisy, as a CT would be. */
async function largeScan() {
  const data = new Float32Array(planes * side * side);
  let noise = 1;
  let at = 0;
  for (let d = 0; d < planes; d++) {
    for (let h = 0; h < side; h++) {
      for (let w = 0; w < side; w++) {
        noise = (Math.imul(noise, 1664525) + 1013904223) | 0;
        const [z, y, x] = [(2 * d) / planes - 1, (2 * h) / side - 1, (2 * w) / side - 1];
        const body = Math.hypot(y, x * 0.8) < 0.8 ? 1040 : 0;
        const ball = Math.hypot(z - 0.2, y, x - 0.3) < 0.15 ? 400 : 0;
        data[at++] = -1000 + body + ball + (noise >>> 27);
      }
    }
  }
  const affine = [-0.8, 0, 0, 200, 0, -0.8, 0, 200, 0, 0, 1.5, -225, 0, 0, 0, 1];
  const volume = createVolume(data, [planes, side, side], { geometry: { affine } });
  return encodeNifti(volume, { datatype: 'int16', gzip: true });
}
