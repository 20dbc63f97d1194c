/** Histograms on common bins, as shares, so that classes of unlike size compare. */

/** About how many bins are made; their edges are round numbers. */
const BINS = 40;

export interface Histogram {
  /** One more than there are bins, rising. */
  readonly edges: readonly number[];
  /** For each list of values the share of them in each bin; they sum to 1, or are all 0 for an empty list. */
  readonly shares: readonly (readonly number[])[];
}

/** Undefined when no value is finite. Values on an edge belong to the bin above it, the last edge's to the last bin. */
export function histogram(lists: readonly (readonly number[])[]): Histogram | undefined {
  const finite = lists.map((values) => values.filter(Number.isFinite));
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const values of finite) {
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return undefined;
  const edges = binEdges(low, high);
  const bins = edges.length - 1;
  const width = (edges[bins] - edges[0]) / bins;
  const shares = finite.map((values) => {
    const counts = new Array<number>(bins).fill(0);
    for (const value of values) {
      let bin = Math.min(Math.max(Math.floor((value - edges[0]) / width), 0), bins - 1);
      // The quotient is rounded; the edges decide.
      if (value < edges[bin]) bin--;
      else if (bin < bins - 1 && value >= edges[bin + 1]) bin++;
      counts[bin]++;
    }
    return counts.map((count) => (values.length > 0 ? count / values.length : 0));
  });
  return { edges, shares };
}

/** Edges have twelve digits: values this close to one another, in parts of the largest, have one bin. */
const CLOSE = 1e-9;
/** Below it the numbers of a computer thin out, and there are no forty edges between two of them. */
const LEAST_SPAN = 1e-290;

/** Multiples of 1, 2 or 5 times a power of ten that enclose the values. */
function binEdges(low: number, high: number): number[] {
  const size = Math.max(Math.abs(low), Math.abs(high));
  const span = high - low > Math.max(CLOSE * size, LEAST_SPAN) ? high - low : Math.max(size, 1);
  const raw = span / BINS;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5].find((factor) => factor * power >= raw) ?? 10) * power;
  const edge = (i: number) => Number((i * step).toPrecision(12));
  let first = Math.floor(low / step);
  let last = Math.floor(high / step) + 1;
  // Quotients and edges are rounded.
  if (edge(first) > low) first--;
  if (edge(last) < high) last++;
  return Array.from({ length: last - first + 1 }, (_, i) => edge(first + i));
}
