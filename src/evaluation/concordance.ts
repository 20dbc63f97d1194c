/** Lin's concordance correlation coefficient: agreement of two measurements of the same things, not only correlation. */

/**
 * 2·s_xy / (s_x² + s_y² + (x̄ − ȳ)²) with variances over n (Lin 1989): 1 when all pairs are equal, less for a bias or
 * another scale.
 * @returns undefined for fewer than three pairs, and when neither varies and both are equal.
 */
export function concordance(pairs: readonly (readonly [x: number, y: number])[]): number | undefined {
  if (pairs.length < 3) return undefined;
  const n = pairs.length;
  const mean = (axis: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[axis], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  let [xx, yy, xy] = [0, 0, 0];
  for (const [x, y] of pairs) {
    xx += (x - mx) ** 2;
    yy += (y - my) ** 2;
    xy += (x - mx) * (y - my);
  }
  const spread = (xx + yy) / n + (mx - my) ** 2;
  return spread > 0 ? (2 * xy) / n / spread : undefined;
}
