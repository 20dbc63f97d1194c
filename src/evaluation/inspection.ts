/**
 * The first look at the cases of an evaluation: each is loaded once, checked, and left with the few numbers that folds and
 * the high threshold need. Whatever is wrong with any case is said here, before there is any result.
 */
import { TonnoError } from '../errors.ts';
import type { Box } from '../volume/crop.ts';
import { voxelCount } from '../volume/volume.ts';
import type { CaseData, Evaluation, EvaluationCase } from './evaluation.ts';

/** What remains of a case that was found in order. */
export interface InspectedCase {
  /** Of the heatmap. */
  readonly maximum: number;
  readonly mean: number;
  /** Positive, with a mask or box. */
  readonly hasTruth: boolean;
}

/**
 * The data of a case.
 * @throws TonnoError that names the case when it cannot be loaded.
 */
export async function loadCase(evaluated: EvaluationCase, signal?: AbortSignal): Promise<CaseData> {
  signal?.throwIfAborted();
  try {
    return await evaluated.load();
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TonnoError(evaluated.name, `It cannot be loaded. ${reason}`, { cause });
  }
}

/**
 * Loads and checks all cases, one after the other.
 * @param onCase is called after each.
 * @throws TonnoError that names the case: two of one name; a heatmap, mask or box that does not fit the shape; a value that
 *   is not finite; a truth that contradicts the label; masks in some and boxes in others.
 */
export async function inspectCases(
  cases: readonly EvaluationCase[],
  { signal, onCase }: { readonly signal?: AbortSignal; readonly onCase?: () => void } = {},
): Promise<{ readonly truth: Evaluation['truth']; readonly inspected: readonly InspectedCase[] }> {
  const names = new Set<string>();
  for (const { name, label } of cases) {
    if (names.has(name))
      throw refusal(name, 'There are two cases of this name.', 'Give each a name of its own.');
    names.add(name);
    if (label !== 0 && label !== 1) throw refusal(name, `Its label is ${label}, neither 0 nor 1.`);
  }
  const inspected: InspectedCase[] = [];
  const withMask: string[] = [];
  const withBox: string[] = [];
  for (const evaluated of cases) {
    const data = await loadCase(evaluated, signal);
    inspected.push(inspect(evaluated, data));
    if (evaluated.label === 1) {
      if (data.mask) withMask.push(evaluated.name);
      else if (data.box) withBox.push(evaluated.name);
    }
    onCase?.();
  }
  if (withMask.length > 0 && withBox.length > 0) {
    throw refusal(
      withBox[0],
      `It has a bounding box but no mask, and ${withMask[0]} has a mask.`,
      'Give masks alone or boxes alone, so that all cases are measured alike.',
    );
  }
  const truth = withMask.length > 0 ? 'masks' : withBox.length > 0 ? 'boxes' : 'none';
  return { truth, inspected };
}

function inspect({ name, label }: EvaluationCase, data: CaseData): InspectedCase {
  const { heatmap, shape, spacing, mask, box } = data;
  const voxels = voxelCount(shape);
  if (!(voxels > 0) || heatmap.length !== voxels) {
    throw refusal(
      name,
      `Its heatmap has ${heatmap.length} values, not ${shape.join(' × ')}.`,
      'Make the heatmap again on the grid of the mask.',
    );
  }
  if (!spacing.every((length) => length > 0 && Number.isFinite(length))) {
    throw refusal(name, `Its voxels are ${spacing.join(' × ')} mm large.`, 'Mend the spacing in its file.');
  }
  let maximum = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let voxel = 0; voxel < voxels; voxel++) {
    const value = heatmap[voxel];
    if (value > maximum) maximum = value;
    sum += value;
  }
  // One value that is not finite makes the sum so; float32 values cannot do that otherwise.
  if (!Number.isFinite(sum)) {
    const at = heatmap.findIndex((value) => !Number.isFinite(value));
    throw refusal(
      name,
      `Its heatmap is ${heatmap[at]} at voxel ${at + 1} of ${voxels}.`,
      'Make the heatmap again: no threshold can be compared with such a value.',
    );
  }
  if (mask) checkMask(name, label, mask, data);
  if (box) checkBox(name, label, box, data);
  return { maximum, mean: sum / voxels, hasTruth: label === 1 && (mask !== undefined || box !== undefined) };
}

function checkMask(name: string, label: 0 | 1, mask: Uint8Array, { heatmap, shape }: CaseData): void {
  if (mask.length !== heatmap.length) {
    throw refusal(
      name,
      `Its mask has ${mask.length} voxels, its heatmap ${shape.join(' × ')}.`,
      'Give the mask on the grid of the heatmap.',
    );
  }
  const empty = !mask.some((value) => value !== 0);
  if (label === 1 && empty) {
    throw refusal(
      name,
      'It is labelled positive but its mask is empty.',
      'Mend its label or its mask, or leave the mask out if it was never drawn.',
    );
  }
  if (label === 0 && !empty) {
    throw refusal(name, 'It is labelled negative but its mask is not empty.', 'Mend its label or its mask.');
  }
}

function checkBox(name: string, label: 0 | 1, { from, to }: Box, { shape }: CaseData): void {
  if (label === 0) {
    throw refusal(
      name,
      'It is labelled negative but has a bounding box.',
      'Mend its label or leave the box out.',
    );
  }
  const inside = [0, 1, 2].every(
    (axis) =>
      Number.isInteger(from[axis]) &&
      Number.isInteger(to[axis]) &&
      0 <= from[axis] &&
      from[axis] < to[axis] &&
      to[axis] <= shape[axis],
  );
  if (!inside) {
    throw refusal(
      name,
      `Its bounding box from (${from.join(', ')}) to before (${to.join(', ')}) is empty or not within ${shape.join(' × ')} voxels.`,
      'Give whole voxels on the grid of the heatmap.',
    );
  }
}

function refusal(name: string, problem: string, remedy = 'Mend the case or leave it out.'): TonnoError {
  return new TonnoError(name, problem, { remedy });
}
