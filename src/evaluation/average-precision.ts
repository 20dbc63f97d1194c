/** Average precision over voxels: how well a heatmap ranks the voxels of a mask before the others, without a threshold. */

/**
 * Σ (Rₙ − Rₙ₋₁)·Pₙ over the distinct values in descending order, as scikit-learn's average_precision_score: equal values
 * enter together. Only the mask's values are sorted; of the others it counts how many lie above each.
 * @param values one a voxel, finite.
 * @param mask as many, not 0 where the finding is.
 * @returns undefined for an empty mask.
 */
export function averagePrecision(values: Float32Array, mask: Uint8Array): number | undefined {
  let total = 0;
  for (let voxel = 0; voxel < mask.length; voxel++) if (mask[voxel] !== 0) total++;
  if (total === 0) return undefined;
  const inside = new Float32Array(total);
  let next = 0;
  for (let voxel = 0; voxel < mask.length; voxel++) if (mask[voxel] !== 0) inside[next++] = values[voxel];
  inside.sort();
  // outside[i]: other voxels that are at or above inside[i] and below what follows it.
  const outside = new Float64Array(total);
  for (let voxel = 0; voxel < mask.length; voxel++) {
    const value = values[voxel];
    if (mask[voxel] === 0 && value >= inside[0]) outside[lastAtMost(inside, value)]++;
  }
  let average = 0;
  let [hits, alarms] = [0, 0];
  let before = 0;
  for (let i = total - 1; i >= 0; i--) {
    hits++;
    alarms += outside[i];
    if (i > 0 && inside[i - 1] === inside[i]) continue;
    average += ((hits - before) / total) * (hits / (hits + alarms));
    before = hits;
  }
  return average;
}

/** The last place of an ascending array whose value is not above `value`; its first is not. */
function lastAtMost(sorted: Float32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}
