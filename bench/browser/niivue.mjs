/**
 * What it would cost to have NiiVue draw the planes: its multiplanar view of 256³ voxels with a float heatmap over it, in
 * headless Chromium. Thresholds, heatmap and mask change while a person looks; how long each holds up the page's own thread,
 * and how long it is until it can be seen, is measured. `node bench/browser/niivue.mjs [SIDE]`
 *
 * Each change is a task of its own. "call" is the time until NiiVue's function returns, "task" the browser's own measure of
 * the longest task meanwhile (those below 50 ms are not told of: the call's time then), "shown" the time until the GPU has
 * done what it was told. Medians and largest of five, after one that is not counted. Without a GPU the processor draws,
 * which "shown" suffers from most.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const SIDE = Number(process.argv[2] ?? 256);
const REPEATS = 5;
const CANVAS = { width: 1200, height: 800 };
const ORIGIN = 'http://niivue.bench/';

// The package's main entry imports other packages; this one is whole.
const bundle = fileURLToPath(new URL('../../node_modules/@niivue/niivue/dist/index.js', import.meta.url));
const SERVED = {
  '': [
    'text/html',
    `<!doctype html><div style="width:${CANVAS.width}px;height:${CANVAS.height}px"><canvas></canvas></div>`,
  ],
  'niivue.js': ['text/javascript', readFileSync(bundle)],
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-sync',
  ],
});
try {
  const page = await browser.newPage({ viewport: CANVAS });
  await page.route('**/*', (route) => {
    const found = SERVED[route.request().url().slice(ORIGIN.length)];
    return found ? route.fulfill({ contentType: found[0], body: found[1] }) : route.fulfill({ status: 404 });
  });
  await page.goto(ORIGIN);
  page.setDefaultTimeout(0);
  const { renderer, rows } = await page.evaluate(measure, { side: SIDE, repeats: REPEATS });

  console.log(
    `${cpus()[0].model}, ${availableParallelism()} cores, Chromium ${browser.version()}, ${renderer}`,
  );
  console.log(
    `NiiVue's multiplanar view, ${SIDE}³ float image and heatmap, ${CANVAS.width}×${CANVAS.height} pixels, milliseconds`,
  );
  const cells = ([name, ...texts]) => name.padEnd(40) + texts.map((text) => text.padStart(16)).join('');
  const both = (values) => `${Math.round(median(values))} (${Math.round(Math.max(...values))})`;
  console.log(cells(['', 'call', 'task', 'shown']));
  for (const { name, calls, tasks, shown } of rows)
    console.log(cells([name, both(calls), both(tasks), both(shown)]));
} finally {
  await browser.close();
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** Runs in the page. */
async function measure({ side, repeats }) {
  const { Niivue, NVImage, SLICE_TYPE, SHOW_RENDER } = await import('./niivue.js');
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const voxels = side ** 3;

  /** Blobs of both signs on a grid, moved a little for each phase. */
  const wave = (phase) => {
    const along = Float32Array.from({ length: side }, (_, i) => Math.sin((8 * i) / side + phase));
    const values = new Float32Array(voxels);
    for (let z = 0, i = 0; z < side; z++) {
      for (let y = 0; y < side; y++) {
        const factor = along[z] * along[y];
        for (let x = 0; x < side; x++) values[i++] = factor * along[x];
      }
    }
    return values;
  };
  const image = async (values, colormap, colormapNegative) => {
    const bytes = NVImage.createNiftiArray([side, side, side], [1, 1, 1], affine, 16, values);
    const made = await NVImage.new(bytes.buffer, 'volume.nii', colormap);
    made.colormapNegative = colormapNegative;
    return made;
  };

  const viewer = new Niivue({
    sliceType: SLICE_TYPE.MULTIPLANAR,
    multiplanarShowRender: SHOW_RENDER.NEVER,
    logLevel: 'error',
    loadingText: '',
  });
  await viewer.attachToCanvas(document.querySelector('canvas'));
  viewer.addVolume(await image(wave(0), 'gray', ''));
  const heatmap = await image(wave(1), 'warm', 'winter');
  heatmap.opacity = 0.6;
  viewer.addVolume(heatmap);
  viewer.createEmptyDrawing();
  const others = [wave(1.1), wave(1.2)];
  const masks = others.map((values) => Uint8Array.from(values, (value) => (value > 0.5 ? 1 : 0)));

  const changes = {
    'crosshair moved (drawScene)': (i) => {
      viewer.scene.crosshairPos = [0.3 + 0.02 * i, 0.5, 0.5];
      viewer.drawScene();
    },
    'threshold (cal_min, updateGLVolume)': (i) => {
      heatmap.cal_min = 0.1 + 0.05 * i;
      viewer.updateGLVolume();
    },
    'heatmap (new values, updateGLVolume)': (i) => {
      heatmap.img = others[i % 2];
      viewer.updateGLVolume();
    },
    'mask (new bitmap, refreshDrawing)': (i) => {
      viewer.drawBitmap = masks[i % 2];
      viewer.refreshDrawing(true);
    },
  };

  let longest = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) longest = Math.max(longest, entry.duration);
  }).observe({ type: 'longtask' });
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const { gl } = viewer;
  const drawn = async () => {
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    do await pause(2);
    while (gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED);
  };
  await drawn();

  const rows = [];
  for (const [name, change] of Object.entries(changes)) {
    const row = { name, calls: [], tasks: [], shown: [] };
    for (let i = 0; i <= repeats; i++) {
      await pause(100);
      longest = 0;
      const started = performance.now();
      change(i);
      const call = performance.now() - started;
      await drawn();
      const shown = performance.now() - started;
      await pause(100);
      if (i === 0) continue;
      row.calls.push(call);
      row.tasks.push(Math.max(longest, call));
      row.shown.push(shown);
    }
    rows.push(row);
  }
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  return { renderer: gl.getParameter(info.UNMASKED_RENDERER_WEBGL), rows };
}
