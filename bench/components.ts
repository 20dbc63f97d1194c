/**
 * What it costs to find connected components: runs joined by union–find beside a plain breadth-first flood fill,
 * alternating in one run, on one core. The masks are noisy blobs, as a binarised heatmap has them, and a fifth of all
 * voxels at random, which is the worst that can come.
 *
 *     npm run bench -- components [--volume 300,512,512] [--connectivity 26] [--rounds 3]
 */
import { parseArgs } from 'node:util';
import { type Connectivity, connectedComponents, connectedRuns } from '../src/evaluation/components.ts';
import { randomStreams } from '../src/geometry/random.ts';
import { type Shape, voxelCount } from '../src/volume/volume.ts';
import { floodFill } from './peers/flood-fill.ts';
import { machine } from './support/machine.ts';

const { values } = parseArgs({
  options: {
    volume: { type: 'string', default: '300,512,512' },
    connectivity: { type: 'string', default: '26' },
    rounds: { type: 'string', default: '3' },
  },
});
const [depth, height, width] = values.volume.split(',').map(Number);
const shape: Shape = [depth, height, width];
const connectivity = Number(values.connectivity) as Connectivity;
console.log(machine());
console.log(
  `${shape.join(' × ')} voxels, ${connectivity} neighbours, median of ${values.rounds} rounds; label images, and runs alone`,
);

const [random] = randomStreams(0, 1);
const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** Twelve balls whose density falls from their centres outwards. */
function blobs(): Uint8Array {
  const mask = new Uint8Array(voxelCount(shape));
  for (let blob = 0; blob < 12; blob++) {
    const centre = shape.map((length) => random.below(length));
    const radius = (random.uniform([0.03, 0.2]) * (depth + height + width)) / 3;
    for (let d = Math.max(0, Math.ceil(centre[0] - radius)); d < Math.min(depth, centre[0] + radius); d++) {
      for (
        let h = Math.max(0, Math.ceil(centre[1] - radius));
        h < Math.min(height, centre[1] + radius);
        h++
      ) {
        for (
          let w = Math.max(0, Math.ceil(centre[2] - radius));
          w < Math.min(width, centre[2] + radius);
          w++
        ) {
          const share = Math.hypot(d - centre[0], h - centre[1], w - centre[2]) / radius;
          if (random.uniform([0, 1]) > share) mask[(d * height + h) * width + w] = 1;
        }
      }
    }
  }
  return mask;
}

const noise = (density: number) =>
  Uint8Array.from({ length: voxelCount(shape) }, () => (random.uniform([0, 1]) < density ? 1 : 0));

for (const [name, mask] of [
  ['noisy blobs', blobs()],
  ['a fifth at random', noise(0.2)],
] as const) {
  const ways = [
    () => connectedRuns(mask, shape, connectivity).count,
    () => connectedComponents(mask, shape, connectivity).count,
    () => floodFill(mask, shape, connectivity).count,
  ];
  const times = ways.map((): number[] => []);
  const counts = new Set<number>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [way, work] of ways.entries()) {
      const start = performance.now();
      counts.add(work());
      times[way].push((performance.now() - start) / 1000);
    }
  }
  if (counts.size > 1) throw new Error(`The ways differ: ${[...counts].join(', ')} components.`);
  const marked = mask.reduce((sum, voxel) => sum + voxel, 0) / mask.length;
  const [runs, labels, flood] = times.map((own) => `${median(own).toFixed(2)} s`);
  const ratio = median(times[2].map((own, round) => own / times[1][round])).toFixed(1);
  console.log(
    `${name} (${(100 * marked).toFixed(1)} % marked, ${[...counts][0]} components): runs ${runs}, labels ${labels}, flood fill ${flood}; ${ratio} times as fast`,
  );
}
