/**
 * What an evaluation costs, a phase at a time, on one core: cases in memory, half of them positive, each with a mask of
 * one to three balls; heatmaps are the masks, blurred, in noise that is blurred once, as reconstructions have it, or not at all.
 *
 *     npm run bench -- evaluation [--cases 100] [--side 64] [--folds 10]
 */
import { parseArgs } from 'node:util';
import type { EvaluationCase } from '../src/evaluation/evaluation.ts';
import { evaluate } from '../src/evaluation/protocol.ts';
import { type Random, randomStreams } from '../src/geometry/random.ts';
import { machine } from './support/machine.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100' },
    side: { type: 'string', default: '64' },
    folds: { type: 'string', default: '10' },
  },
});
const count = Number(values.cases);
const side = Number(values.side);
const folds = Number(values.folds);
console.log(machine());
console.log(`${count} cases of ${side}³ voxels, ${folds} folds, 5 masks a fold, 20 low thresholds`);

/** Mean over three voxels along each axis, as often as asked. */
function blur(data: Float32Array, times: number): Float32Array {
  for (let time = 0; time < times; time++) {
    for (const stride of [1, side, side * side]) {
      const before = data.slice();
      for (let i = stride; i < data.length - stride; i++) {
        data[i] = (before[i - stride] + before[i] + before[i + stride]) / 3;
      }
    }
  }
  return data;
}

function makeCase(index: number, random: Random, blurs: number): EvaluationCase {
  const label = index % 2 === 0 ? 0 : 1;
  const mask = new Uint8Array(side ** 3);
  for (let ball = 0; ball < (label === 1 ? 1 + random.below(3) : 0); ball++) {
    const radius = side * random.uniform([0.05, 0.12]);
    const [a, b, c] = [0, 1, 2].map(() => random.uniform([radius, side - radius]));
    for (let voxel = 0; voxel < mask.length; voxel++) {
      const [d, h, w] = [Math.floor(voxel / side ** 2), Math.floor(voxel / side) % side, voxel % side];
      if (Math.hypot(d - a, h - b, w - c) < radius) mask[voxel] = 1;
    }
  }
  const heatmap = blur(Float32Array.from(mask), 2);
  const noise = blur(
    Float32Array.from(mask, () => random.normal()),
    blurs,
  );
  // Blurring makes noise weaker: 27 voxels' mean has a deviation of about a fifth.
  for (let voxel = 0; voxel < mask.length; voxel++) heatmap[voxel] += 0.2 * 5 ** blurs * noise[voxel];
  return {
    name: `case-${index}`,
    patient: `patient-${index}`,
    label,
    load: async () => ({ heatmap, mask, shape: [side, side, side], spacing: [1, 1, 1] }),
  };
}

for (const [name, blurs] of [
  ['smooth noise', 1],
  ['white noise', 0],
] as const) {
  const cases = randomStreams(1, count).map((random, i) => makeCase(i, random, blurs));
  const phases = new Map<string, number>();
  let last = performance.now();
  const start = last;
  const { summary } = await evaluate(
    cases,
    { folds },
    {
      onProgress: ({ stage }) => {
        const now = performance.now();
        phases.set(stage, (phases.get(stage) ?? 0) + now - last);
        last = now;
      },
    },
  );
  const end = performance.now();
  phases.set('bootstrap and the rest', end - last);
  const parts = [...phases].map(([phase, time]) => `${phase} ${(time / 1000).toFixed(1)} s`).join(', ');
  console.log(
    `${name}: ${((end - start) / 1000).toFixed(1)} s (${parts}); Dice ${summary.dice?.mean.toFixed(2)}, F1-score ${summary.f1?.mean.toFixed(2)}`,
  );
}
