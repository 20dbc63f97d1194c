/**
 * What it costs to follow the sliders of the thresholds: lesions, their table and what a person decided, for a sweep of τ′ and
 * τ, beside `hysteresis` and `lesions`, which walk the whole volume; and one stroke of the brush. The heatmap is smooth blobs
 * of many sizes in noise; the sweep marks from a twentieth of a percent of the voxels to the percentage that is given.
 *
 *     npm run bench -- thresholds [--volume 256,256,256] [--percent 5] [--steps 24] [--noise 0.05]
 */
import { parseArgs } from 'node:util';
import { Findings } from '../src/app/desk/findings.ts';
import { hysteresis } from '../src/evaluation/binarisation.ts';
import { lesions } from '../src/evaluation/lesions.ts';
import { randomStreams } from '../src/geometry/random.ts';
import { type Shape, voxelCount } from '../src/volume/volume.ts';
import { machine } from './support/machine.ts';

const { values } = parseArgs({
  options: {
    volume: { type: 'string', default: '256,256,256' },
    percent: { type: 'string', default: '5' },
    steps: { type: 'string', default: '24' },
    noise: { type: 'string', default: '0.05' },
  },
});
const [depth, height, width] = values.volume.split(',').map(Number);
const shape: Shape = [depth, height, width];
const geometry = { affine: [-1, 0, 0, 128, 0, 1, 0, -128, 0, 0, 1, -128, 0, 0, 0, 1] };
const [random] = randomStreams(0, 1);

/** Forty blobs of a standard deviation of 2 to 24 voxels, and noise; both signs, as heatmaps have them. */
function blobsInNoise(noise: number): Float32Array {
  const heatmap = Float32Array.from({ length: voxelCount(shape) }, () => noise * random.normal());
  for (let blob = 0; blob < 40; blob++) {
    const centre = shape.map((length) => random.uniform([0, length]));
    const sigma = random.uniform([2, 24]);
    const peak = random.uniform([-0.5, 1.5]);
    const profiles = shape.map((length, axis) =>
      Float64Array.from({ length }, (_, i) => Math.exp(-(((i - centre[axis]) / sigma) ** 2) / 2)),
    );
    for (let row = 0, voxel = 0; row < depth * height; row++) {
      const scale = peak * profiles[0][Math.floor(row / height)] * profiles[1][row % height];
      if (Math.abs(scale) < 1e-4) voxel += width;
      else for (let w = 0; w < width; w++) heatmap[voxel++] += scale * profiles[2][w];
    }
  }
  return heatmap;
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const summary = (list: readonly number[]) =>
  `median ${median(list).toFixed(1)} ms, worst ${Math.max(...list).toFixed(1)} ms`;

function timed<T>(work: () => T, into: number[]): T {
  const start = performance.now();
  const result = work();
  into.push(performance.now() - start);
  return result;
}

console.log(machine());
const heatmap = blobsInNoise(Number(values.noise));
const sorted = heatmap.slice().sort();
/** The value that so many percent of voxels exceed. */
const exceededBy = (percent: number) => sorted[Math.floor((1 - percent / 100) * (sorted.length - 1))];
const steps = Number(values.steps);
const sweep = Array.from({ length: steps }, (_, i) => {
  const marked = 0.05 * (Number(values.percent) / 0.05) ** (i / (steps - 1));
  const low = exceededBy(marked);
  return { low, high: low + 0.5 * (exceededBy(0.01) - low) };
});

const findings = new Findings(heatmap, { shape, geometry });
const [first, own, plain, strokes]: number[][] = [[], [], [], []];
timed(() => findings.threshold(sweep[0]), first);
let most = { lesions: 0, runs: 0, voxels: 0 };
for (const thresholds of sweep) {
  const list = timed(() => findings.threshold(thresholds), own);
  const expected = timed(() => lesions(hysteresis(heatmap, shape, thresholds), heatmap, geometry), plain);
  const found = [...list.lesions].sort((a, b) => a.number - b.number);
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`The ways differ at ${JSON.stringify(thresholds)}.`);
  }
  const voxels = found.reduce((sum, lesion) => sum + lesion.voxels, 0);
  if (voxels > most.voxels) most = { lesions: found.length, runs: findings.runs.starts.length, voxels };
}
const largest = [...findings.list.lesions].sort((a, b) => b.voxels - a.voxels)[0];
for (let i = 0; i < steps; i++) {
  const [d, h, w] = largest.peak;
  const points = [
    [d, h, w + i],
    [d, h + 2, w + i + 2],
  ] as const;
  timed(() => findings.paint({ points, radius: 8, tool: 'erase', continues: i > 0 }), strokes);
}
const ratio = median(plain.map((time, i) => time / own[i])).toFixed(1);
console.log(
  `${shape.join(' × ')} voxels, up to ${((100 * most.voxels) / voxelCount(shape)).toFixed(1)} % in ${most.lesions} lesions (${most.runs} runs)`,
);
console.log(`thresholds: ${summary(own)}; the first ever ${first[0].toFixed(1)} ms`);
console.log(`hysteresis and lesions: ${summary(plain)}; ${ratio} times as long`);
console.log(`a stroke of 8 mm where most is marked: ${summary(strokes)}`);
