/**
 * Figure 4 of the paper, and what it asks for. An encoder that sees nothing but brightness has average pooling for its
 * class activation map; a volume is then given back exactly by averaging when a cell is one pixel, and by differentiating
 * when it is the whole slice. In between one is blurred and the other too sharp, and solving for the volume is right.
 *
 *     npm run example -- figure-4 [--volume FILE.nii.gz] [--out figure-4.png] [--directions 200] [--iterations 10]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import {
  agreementInBall,
  decodeNifti,
  fibonacciDirections,
  lesionPhantom,
  parseFilter,
  peakOf,
  pooledResponse,
  reconstructAll,
  renderSheet,
  type SheetRow,
  type Volume,
} from 'tonno';

const { values } = parseArgs({
  options: {
    volume: { type: 'string' },
    out: { type: 'string', default: 'figure-4.png' },
    directions: { type: 'string', default: '200' },
    slices: { type: 'string', default: '64' },
    iterations: { type: 'string', default: '10' },
  },
});

/** Pixels of a slice's side, which the kernels divide. */
const SIZE = 64;
const KERNELS = [1, 2, 4, 8, 16, 32, 64];

const volume: Volume = values.volume
  ? (await decodeNifti(new Uint8Array(await readFile(values.volume)), values.volume)).volume
  : lesionPhantom({ seed: 0 }).image;
const slices = Number(values.slices);
const directions = fibonacciDirections(Number(values.directions), { slices });
const methods = {
  averaged: { maps: 0, filter: parseFilter('none') },
  tomographic: { maps: 0, filter: parseFilter('second-difference') },
  iterative: { maps: 0, iterations: Number(values.iterations), nonNegative: false },
};
const names = Object.keys(methods) as (keyof typeof methods)[];
const [index] = peakOf(volume);
const cell = (data: Float32Array, caption?: string) =>
  ({ image: { ...volume, data, channels: 1 }, axis: 0, index, caption }) as const;

const rows = new Map(names.map((name) => [name, [] as SheetRow['cells'][number][]]));
console.log('relative error after the best scaling, in the ball');
console.log(['kernel'.padEnd(8), ...names.map((name) => name.padStart(12))].join(''));
for (const kernel of KERNELS) {
  const response = pooledResponse(kernel, { rows: SIZE, columns: SIZE });
  const targets = names.map((name) => methods[name]);
  const { heatmaps } = await reconstructAll(volume, response, directions, targets);
  const errors = heatmaps.map(({ data }) => agreementInBall(data, volume).scaledError.toFixed(3));
  for (const [i, name] of names.entries()) rows.get(name)!.push(cell(heatmaps[i].data, `error ${errors[i]}`));
  console.log([String(kernel).padEnd(8), ...errors.map((error) => error.padStart(12))].join(''));
}

const picture = renderSheet({
  title: 'A volume from average-pooled slices (Fig. 4)',
  columns: ['volume', ...KERNELS.map((kernel) => `${kernel} × ${kernel}`)],
  rows: names.map((name, i) => ({
    label: name,
    cells: [
      i === 0 ? cell(volume.data.subarray(0, volume.data.length / volume.channels)) : undefined,
      ...rows.get(name)!,
    ],
  })),
  notes: [
    `One plane of each reconstruction from slices of ${SIZE}² pixels, pooled by the kernel above it; ${directions.length} directions, ${slices} slices each, ${methods.iterative.iterations} iterations. Error: relative L2 error in the ball after the best scaling.`,
  ],
});
await writeFile(values.out, picture);
console.log(values.out);
