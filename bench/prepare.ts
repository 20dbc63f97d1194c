/**
 * Whether preparing uses the cores and spares the memory: a folder for each class with volumes as CT has them (a body in
 * air, noise, whole numbers) and masks, prepared by one study at a time and by several, each in a process of its own. Beside
 * it stands what as many threads get that do nothing but reckon: on a machine that others use too, that is no whole core each.
 *
 *     npm run bench -- prepare [--volumes 50] [--shape 200,200,150] [--jobs 1,2]
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createVolume, encodeNifti, randomStreams, type Shape } from 'tonno';
import { machine } from './support/machine.ts';

const { values } = parseArgs({
  options: {
    volumes: { type: 'string', default: '50' },
    shape: { type: 'string', default: '200,200,150' },
    jobs: { type: 'string', default: '1,2' },
  },
});
const count = Number(values.volumes);
const shape = values.shape.split(',').map(Number) as unknown as Shape;
/** Volumes that are made; all others are copies of them. */
const DIFFERENT = 4;
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
/** Has a process say what it used when it ends. */
const METER = 'process.on("exit", () => console.error(JSON.stringify(process.resourceUsage())));';

/** What a process used of the processors while it ran. */
interface Use {
  readonly wall: number;
  readonly cpu: number;
  /** GiB. */
  readonly peak: number;
}

function measure(args: readonly string[]): Use {
  const meter = ['--import', `data:text/javascript,${encodeURIComponent(METER)}`];
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [...meter, ...args], { encoding: 'utf8' });
  const wall = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(stderr);
  const used = JSON.parse(stderr.trim().split('\n').pop()!) as NodeJS.ResourceUsage;
  return { wall, cpu: (used.userCPUTime + used.systemCPUTime) / 1e6, peak: used.maxRSS / 2 ** 20 };
}

/** Threads that reckon for some seconds. */
function reckoning(threads: number): Use {
  const spin = 'const end = Date.now() + 5000; while (Date.now() < end);';
  const script = `const { Worker } = require('node:worker_threads');
    for (let i = 0; i < ${threads}; i++) new Worker(${JSON.stringify(spin)}, { eval: true });`;
  return measure(['-e', script]);
}

/** A body of tissue in air, in Hounsfield units, and where in it the lesion is. */
function scan(seed: number) {
  const [depth, height, width] = shape;
  const [random] = randomStreams(seed, 1);
  const image = new Float32Array(depth * height * width);
  const mask = new Float32Array(image.length);
  const from = (i: number, length: number) => (2 * i) / (length - 1) - 1;
  for (let d = 0, at = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++, at++) {
        const [z, y, x] = [from(d, depth), from(h, height), from(w, width)];
        const body = z * z + y * y + x * x < 0.8;
        mask[at] = Math.hypot(z - 0.2, y, x + 0.3) < 0.1 ? 1 : 0;
        image[at] = body ? Math.round(40 + 15 * random.normal() + 60 * mask[at]) : -1000;
      }
    }
  }
  return { image: createVolume(image, shape), mask: createVolume(mask, shape) };
}

const folder = mkdtempSync(join(tmpdir(), 'tonno-bench-'));
try {
  for (const name of ['lesion', 'healthy', 'masks'])
    mkdirSync(join(folder, 'archive', name), { recursive: true });
  const image = (i: number) => join(folder, 'archive', i % 2 ? 'lesion' : 'healthy', `${i}.nii.gz`);
  const mask = (i: number) => join(folder, 'archive', 'masks', `${i}.nii.gz`);
  for (let i = 0; i < count; i++) {
    if (i < DIFFERENT) {
      const made = scan(i);
      writeFileSync(image(i), await encodeNifti(made.image, { datatype: 'int16', gzip: true }));
      if (i % 2) writeFileSync(mask(i), await encodeNifti(made.mask, { datatype: 'uint8', gzip: true }));
    } else {
      copyFileSync(image(i % DIFFERENT), image(i));
      if (i % 2) copyFileSync(mask(i % DIFFERENT), mask(i));
    }
  }
  console.log(`${machine()}, load ${loadavg()[0].toFixed(1)} before`);
  console.log(`${count} volumes of ${shape.join(' × ')}, half of them with masks; tonno prepare folders`);
  const walls: number[] = [];
  for (const jobs of values.jobs.split(',')) {
    const args = ['prepare', 'folders', join(folder, 'archive'), '--masks', 'masks', '--jobs', jobs];
    const before = reckoning(Number(jobs));
    const { wall, cpu, peak } = measure([MAIN, ...args, '--out', join(folder, `cohort-${jobs}`)]);
    const after = reckoning(Number(jobs));
    const got = (before.cpu + after.cpu) / (before.wall + after.wall);
    walls.push(wall);
    console.log(
      `--jobs ${jobs}: ${wall.toFixed(1)} s, ${(wall / count).toFixed(2)} s a volume; CPU ${cpu.toFixed(1)} s, ${(cpu / wall).toFixed(2)} of wall where threads that only reckon get ${got.toFixed(2)}; peak ${peak.toFixed(2)} GiB; ${(walls[0] / wall).toFixed(2)} times as fast as the first`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
