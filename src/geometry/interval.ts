/**
 * Where along a row a position stays within limits. Rows of pixels walk through a volume, and rows of voxels through
 * a stack, in equal steps; knowing first and last index spares the loops every comparison.
 */

/** The whole numbers j in [from, to) that several conditions low ≤ p0 + j·dp < high leave over. */
export class Interval {
  from = 0;
  to = 0;

  /** All j in [0, count). */
  reset(count: number): void {
    this.from = 0;
    this.to = count;
  }

  /** Keeps the j with low ≤ p0 + j·dp < high, by the very arithmetic that the caller's loop uses. */
  cut(p0: number, dp: number, low: number, high: number): void {
    let { from, to } = this;
    if (dp !== 0) {
      const a = (low - p0) / dp;
      const b = (high - p0) / dp;
      // One too many on each side: division rounds, and the loops below decide by the exact comparison.
      from = Math.max(from, Math.floor(Math.min(a, b)) - 1);
      to = Math.min(to, Math.ceil(Math.max(a, b)) + 2);
    }
    const out = (j: number) => {
      const p = p0 + j * dp;
      return !(p >= low && p < high);
    };
    while (from < to && out(from)) from++;
    while (to > from && out(to - 1)) to--;
    this.from = from;
    this.to = to;
  }
}
