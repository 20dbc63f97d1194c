/**
 * What a network must beat. Numbers of a slab that tell nothing of shapes, as scores; and heatmaps that nobody trained: the
 * uptake itself, the uptake as a share of its maximum, and where tumours lie on the average, each with a threshold.
 * A rival is a list of `EvaluationCase`s, so that whatever evaluates heatmaps evaluates rivals.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  bestDice,
  type CohortCase,
  type EvaluationCase,
  parseCohort,
  rocAuc,
  type Shape,
  spacing,
  type Volume,
  voxelCount,
} from 'tonno';
import { readVolume } from './cohort.ts';

/** A slab of the cohort with its voxels. */
export interface LoadedSlab {
  readonly case: CohortCase;
  readonly image: Volume;
  /** Absent in a negative. */
  readonly mask?: Volume;
}

/** All slabs of a table; together they are a few megabytes. */
export async function loadSlabs(table: string): Promise<LoadedSlab[]> {
  const { cases } = parseCohort(await readFile(table, 'utf8'), table);
  const folder = dirname(table);
  return Promise.all(
    cases.map(async (row) => ({
      case: row,
      image: await readVolume(join(folder, row.images[0])),
      mask: row.mask === undefined ? undefined : await readVolume(join(folder, row.mask)),
    })),
  );
}

/** SUV of what is surely not air around the patient. */
const BODY = 0.2;

/** Scores of a whole slab. */
export const scores: Readonly<Record<string, (image: Volume) => number>> = {
  'maximum SUV': ({ data }) => data.reduce((a, b) => Math.max(a, b)),
  'mean SUV': ({ data }) => data.reduce((a, b) => a + b) / data.length,
  [`share of body (SUV > ${BODY})`]: ({ data }) => data.filter((value) => value > BODY).length / data.length,
  'volume of the window': ({ shape, geometry }) =>
    voxelCount(shape) * spacing(geometry).reduce((a, b) => a * b),
};

/** Area under the ROC curve of a score over slabs. */
export function scoreAuc(slabs: readonly LoadedSlab[], score: (image: Volume) => number): number {
  return rocAuc(
    slabs.map(({ image }) => score(image)),
    slabs.map((slab) => slab.case.labels[0]),
  );
}

/** Slabs as cases of an evaluation, whose heatmap is worked out of them. */
export function rivalCases(
  slabs: readonly LoadedSlab[],
  heatmap: (image: Volume) => Float32Array,
): EvaluationCase[] {
  return slabs.map(({ case: { name, patient, labels }, image, mask }) => ({
    name,
    patient,
    label: labels[0] === 1 ? 1 : 0,
    load: async () => ({
      heatmap: heatmap(image),
      shape: image.shape,
      spacing: spacing(image.geometry),
      mask: mask && Uint8Array.from(mask.data),
    }),
  }));
}

/** The slab's SUV as it is. */
export const uptake = ({ data }: Volume): Float32Array => data;

/** Its share of the slab's maximum. */
export function relativeUptake(image: Volume): Float32Array {
  const maximum = scores['maximum SUV'](image);
  return image.data.map((value) => value / maximum);
}

/** Mean Dice over the positive cases, of the voxels above a threshold. */
export async function thresholdDice(cases: readonly EvaluationCase[], threshold: number): Promise<number> {
  return meanOver(cases, (heatmap, mask) => {
    let [marked, size, hit] = [0, 0, 0];
    for (let i = 0; i < mask.length; i++) {
      const above = heatmap[i] > threshold ? 1 : 0;
      marked += above;
      size += mask[i];
      hit += above * mask[i];
    }
    return (2 * hit) / (marked + size);
  });
}

/** Mean Dice over the positive cases of the threshold that is best for each: it needs the masks. */
export function bestThresholdDice(cases: readonly EvaluationCase[]): Promise<number> {
  return meanOver(cases, (heatmap, mask) => bestDice(heatmap, mask).dice);
}

async function meanOver(
  cases: readonly EvaluationCase[],
  dice: (heatmap: Float32Array, mask: Uint8Array) => number,
): Promise<number> {
  const found: number[] = [];
  for (const one of cases) {
    if (one.label === 0) continue;
    const { heatmap, mask } = await one.load();
    found.push(dice(heatmap, mask!));
  }
  return found.reduce((a, b) => a + b) / found.length;
}

/** Mask of the smallest box around a mask: what a drawn box would give. It needs the mask. */
export function boundingBox({ data, shape: [depth, height, width] }: Volume): Float32Array {
  const place = (i: number) => [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
  const low = [depth, height, width];
  const high = [-1, -1, -1];
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0) continue;
    for (const [axis, at] of place(i).entries()) {
      low[axis] = Math.min(low[axis], at);
      high[axis] = Math.max(high[axis], at);
    }
  }
  return data.map((_, i) => (place(i).every((at, axis) => at >= low[axis] && at <= high[axis]) ? 1 : 0));
}

const PRIOR_SHAPE: Shape = [16, 32, 32];

/** Where tumours lie in a slab, whatever it shows. */
export interface Prior {
  readonly heatmap: (image: Volume) => Float32Array;
  /** The one that is best for the slabs it was made from. */
  readonly threshold: number;
}

/**
 * The mean of the masks of positive slabs, each stretched over one grid, as a heatmap; with the threshold, of a hundred, at
 * which its mean Dice over the same slabs is largest. It needs their masks.
 */
export async function meanMask(slabs: readonly LoadedSlab[]): Promise<Prior> {
  const positives = slabs.filter(({ mask }) => mask !== undefined);
  const mean = new Float32Array(voxelCount(PRIOR_SHAPE));
  for (const { mask } of positives) {
    for (const [i, value] of stretch(mask!, PRIOR_SHAPE).entries()) mean[i] += value / positives.length;
  }
  const heatmap = ({ shape }: Volume) => stretch({ data: mean, shape: PRIOR_SHAPE }, shape);
  const cases = rivalCases(positives, heatmap);
  let best = { threshold: 0, dice: 0 };
  for (let threshold = 0; threshold < 1; threshold += 0.01) {
    const dice = await thresholdDice(cases, threshold);
    if (dice > best.dice) best = { threshold, dice };
  }
  return { heatmap, threshold: best.threshold };
}

/** The nearest voxel of an array for each voxel of another that fills the same box. */
function stretch({ data, shape }: Pick<Volume, 'data' | 'shape'>, to: Shape): Float32Array {
  const nearest = to.map((length, axis) =>
    Array.from({ length }, (_, i) => Math.floor(((i + 0.5) / length) * shape[axis])),
  );
  const out = new Float32Array(voxelCount(to));
  let index = 0;
  for (const d of nearest[0]) {
    for (const h of nearest[1]) {
      for (const w of nearest[2]) out[index++] = data[(d * shape[1] + h) * shape[2] + w];
    }
  }
  return out;
}
