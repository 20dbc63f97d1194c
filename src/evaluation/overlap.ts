/** How far two sets of voxels overlap, and how well a heatmap's values separate the voxels of a mask from the others. */

/** Dice coefficient of sets of `a` and `b` voxels that share so many: 2·shared / (a + b); 0 when both are empty. */
export function dice(shared: number, a: number, b: number): number {
  return a + b === 0 ? 0 : (2 * shared) / (a + b);
}

/** Their intersection over union: shared / (a + b − shared); 0 when both are empty. */
export function iou(shared: number, a: number, b: number): number {
  return a + b === 0 ? 0 : shared / (a + b - shared);
}

export interface BestDice {
  /** 2·|hit| / (|marked| + |mask|), 0 for an empty mask. */
  readonly dice: number;
  /** Voxels above or at it are marked. */
  readonly threshold: number;
}

/**
 * The best Dice coefficient that any one threshold gives, with that threshold. It needs the mask, so it says what a
 * heatmap could do and not what it does: a bound for comparisons.
 * @param values one a voxel, finite; of equal values all or none are marked.
 * @param mask as many; a voxel belongs to it above ½.
 */
export function bestDice(values: ArrayLike<number>, mask: ArrayLike<number>): BestDice {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort(
    (a, b) => values[b] - values[a],
  );
  const size = order.reduce((sum, i) => sum + (mask[i] > 0.5 ? 1 : 0), 0);
  let best: BestDice = { dice: 0, threshold: Number.POSITIVE_INFINITY };
  let hit = 0;
  for (const [marked, i] of order.entries()) {
    if (mask[i] > 0.5) hit++;
    const next = order[marked + 1];
    if (next !== undefined && values[next] === values[i]) continue;
    const found = dice(hit, marked + 1, size);
    if (found > best.dice) best = { dice: found, threshold: values[i] };
  }
  return best;
}
