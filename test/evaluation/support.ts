/** Cases for the tests of evaluations: the golden ones, and small ones made of lists. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { CaseData, EvaluationCase } from '../../src/evaluation/evaluation.ts';
import type { FoldPlan } from '../../src/evaluation/folds.ts';
import { type Shape, voxelCount } from '../../src/volume/volume.ts';

/** By an independent SciPy program; its conventions stand in the file. */
const folder = new URL('../fixtures/golden/evaluation/', import.meta.url);

export interface GoldenFold {
  readonly fit: readonly number[];
  readonly measure: readonly number[];
  readonly masks_for_low: readonly number[];
  readonly tau: number;
  readonly low_grid: readonly number[];
  readonly low_grid_dice: readonly number[];
  readonly low: number;
  readonly cases: Readonly<Record<string, Record<'precision' | 'recall' | 'f1' | 'dice', number>>>;
  readonly balanced_accuracy: number;
}

export const goldenEvaluation = JSON.parse(readFileSync(new URL('evaluation.json', folder), 'utf8')) as {
  readonly shape: readonly [number, number, number, number];
  readonly labels: readonly (0 | 1)[];
  readonly components: readonly number[];
  readonly auc_of_maximum: number;
  readonly folds: readonly GoldenFold[];
  readonly mean: Readonly<Record<'precision' | 'recall' | 'f1' | 'dice' | 'ba', number>>;
};

export const goldenShape = goldenEvaluation.shape.slice(1) as unknown as Shape;

const goldenHeatmaps = new Float32Array(
  Uint8Array.from(readFileSync(new URL('heatmaps.bin', folder))).buffer,
);
const goldenMasks = Uint8Array.from(readFileSync(new URL('masks.bin', folder)));
const voxels = voxelCount(goldenShape);

export function goldenCase(index: number): CaseData & { readonly mask: Uint8Array } {
  return {
    heatmap: goldenHeatmaps.slice(index * voxels, (index + 1) * voxels),
    shape: goldenShape,
    spacing: [1, 1, 1],
    mask: goldenMasks.slice(index * voxels, (index + 1) * voxels),
  };
}

/** @param change what a test does to the data of a case. */
export function goldenCases(
  change: (data: CaseData, index: number) => CaseData = (data) => data,
): EvaluationCase[] {
  return goldenEvaluation.labels.map((label, index) => ({
    name: `case-${index}`,
    patient: `patient-${index}`,
    label,
    load: async () => change(goldenCase(index), index),
  }));
}

export const goldenPlans: readonly FoldPlan[] = goldenEvaluation.folds.map((fold) => ({
  fit: fold.fit,
  measure: fold.measure,
  masks: fold.masks_for_low,
}));

/** A row of voxels as a case. */
export function rowCase(
  name: string,
  label: 0 | 1,
  values: readonly number[],
  mask?: readonly number[],
  more: Partial<CaseData> = {},
): EvaluationCase {
  return {
    name,
    patient: name,
    label,
    load: async () => ({
      heatmap: Float32Array.from(values),
      shape: [1, 1, values.length],
      spacing: [1, 1, 1],
      ...(mask && { mask: Uint8Array.from(mask) }),
      ...more,
    }),
  };
}

/** A mask of a few voxels along each axis, of any density. */
export function masks(longest: number): fc.Arbitrary<{ mask: Uint8Array; shape: Shape }> {
  const length = fc.integer({ min: 1, max: longest });
  return fc
    .tuple(length, length, length)
    .chain((shape) =>
      fc
        .array(fc.constantFrom(0, 0, 1), { minLength: voxelCount(shape), maxLength: voxelCount(shape) })
        .map((mask) => ({ mask: Uint8Array.from(mask), shape })),
    );
}

/** A heatmap of small whole numbers, so that there are ties. */
export function heatmaps(longest: number): fc.Arbitrary<{ heatmap: Float32Array; shape: Shape }> {
  const length = fc.integer({ min: 1, max: longest });
  return fc.tuple(length, length, length).chain((shape) =>
    fc
      .array(fc.integer({ min: -3, max: 9 }), {
        minLength: voxelCount(shape),
        maxLength: voxelCount(shape),
      })
      .map((values) => ({ heatmap: Float32Array.from(values), shape })),
  );
}
