/**
 * What it costs to draw the three planes of a case with heatmap, lesions and truth, as the browser application does at each
 * move of the crosshair: colours from a table and outlines where there is something, beside a call a pixel as a report's
 * pictures are made; alternating in one run, at places that wander through the volume.
 *
 *     npm run bench -- planes [--volume 512,512,512] [--rounds 30]
 */
import { parseArgs } from 'node:util';
import { drawPlane, type Seen } from '../src/app/desk/pictures.ts';
import type { PlaneRequest } from '../src/app/protocol.ts';
import { componentMaxima, runsAbove } from '../src/evaluation/binarisation.ts';
import { connectedRuns, keepRuns } from '../src/evaluation/components.ts';
import { randomStreams } from '../src/geometry/random.ts';
import { greyPicture, heatPicture } from '../src/report/colours.ts';
import { outlineOf } from '../src/report/outline.ts';
import { type Axis, extractPlane, planeView } from '../src/report/planes.ts';
import { createVolume, type Shape, voxelCount } from '../src/volume/volume.ts';
import { machine } from './support/machine.ts';

const { values } = parseArgs({
  options: {
    volume: { type: 'string', default: '512,512,512' },
    rounds: { type: 'string', default: '30' },
  },
});
const [depth, height, width] = values.volume.split(',').map(Number);
const shape: Shape = [depth, height, width];
const [random] = randomStreams(0, 1);

/** Lesions as a heatmap has them: bells of either sign on a rough ground. */
function bells(count: number, ground: number): Float32Array {
  const data = new Float32Array(voxelCount(shape));
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = ground * (state / 2 ** 31 - 1);
  }
  for (let bell = 0; bell < count; bell++) {
    const centre = shape.map((length) => random.below(length));
    const sigma = random.uniform([0.01, 0.06]) * Math.min(...shape);
    const sign = bell % 4 === 3 ? -1 : 1;
    const [from, to] = [-1, 1].map((side) =>
      centre.map((c, axis) => Math.min(Math.max(Math.round(c + 3 * side * sigma), 0), shape[axis])),
    );
    for (let d = from[0]; d < to[0]; d++) {
      for (let h = from[1]; h < to[1]; h++) {
        for (let w = from[2]; w < to[2]; w++) {
          const square = (d - centre[0]) ** 2 + (h - centre[1]) ** 2 + (w - centre[2]) ** 2;
          data[(d * height + h) * width + w] += sign * Math.exp(-square / (2 * sigma * sigma));
        }
      }
    }
  }
  return data;
}

function marked(values: Float32Array, threshold: number): Uint8Array {
  const mask = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) mask[i] = values[i] > threshold ? 1 : 0;
  return mask;
}

const volume = createVolume(bells(30, 0.5), shape);
const heatmap = bells(40, 0.05);
const truth = connectedRuns(marked(heatmap, 0.4), shape, 26);
const above = runsAbove(heatmap, shape, 0.3, 26);
const maxima = componentMaxima(above, heatmap);
const lesions = keepRuns(above, (label) => maxima[label - 1] > 0.6);
const seen: Seen = { volume, heatmap, truth, lesions, decisions: new Map([[3, 'rejected']]) };
const views = ([0, 1, 2] as const).map((axis) => planeView(volume.geometry, axis));

function request(axis: Axis, index: number): PlaneRequest {
  return {
    axis,
    index,
    channel: 0,
    window: [-0.5, 1],
    opacity: 0.8,
    range: 0.8,
    mask: true,
    truth: true,
    lesion: 1,
  };
}

/** As a report draws: pictures by a call a pixel, outlines over the whole of the plane. */
function byPixel(axis: Axis, index: number): number {
  const view = views[axis];
  const of = (data: Float32Array | Uint8Array) => extractPlane({ data, shape, channels: 1 }, view, index);
  const grey = greyPicture(of(volume.data), [-0.5, 1]);
  const heat = heatPicture(of(heatmap), 0.8);
  const outlined = [0.3, 0.4].map((threshold) => {
    const { width, height, values } = of(heatmap);
    return outlineOf({ width, height, values: marked(values, threshold) }).length;
  });
  return grey.width + heat.width + outlined[0] + outlined[1];
}

const ways = {
  'the desk': (axis: Axis, index: number) =>
    drawPlane(seen, views[axis], request(axis, index)).outlines.length,
  'a call a pixel': byPixel,
};

console.log(machine());
console.log(
  `${shape.join(' × ')} voxels, ${lesions.count} lesions, heatmap, mask and truth; ms a plane, median of ${values.rounds} rounds`,
);
const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const times = Object.keys(ways).map((): number[][] => [[], [], []]);
for (let round = 0; round < Number(values.rounds); round++) {
  const at = shape.map((length) => Math.floor(((round + 0.5) / Number(values.rounds)) * length));
  for (const [way, draw] of Object.values(ways).entries()) {
    for (const axis of [0, 1, 2] as const) {
      const start = performance.now();
      draw(axis, at[axis]);
      times[way][axis].push(performance.now() - start);
    }
  }
}
const sums = times.map(([a, b, c]) => a.map((time, round) => time + b[round] + c[round]));
for (const [way, name] of Object.keys(ways).entries()) {
  const axes = times[way].map((own) => median(own).toFixed(1)).join(', ');
  const worst = Math.max(...sums[way].slice(3)).toFixed(1);
  console.log(
    `${name}: axes 0, 1, 2 ${axes}; all three ${median(sums[way]).toFixed(1)}, at most ${worst} after the third round`,
  );
}
console.log(
  `the desk is ${median(sums[1].map((own, round) => own / sums[0][round])).toFixed(1)} times as fast`,
);
