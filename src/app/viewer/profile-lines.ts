/** A profile as lines: slices that were not measured leave gaps. */

export interface ValueRange {
  /** What the chart shows; zero is always in it. */
  readonly low: number;
  readonly high: number;
  /** What there is. */
  readonly lowest: number;
  readonly highest: number;
}

/** Part of the range that is left free above and below. */
const MARGIN = 0.06;

export function valueRange(values: Float32Array): ValueRange {
  const measured = values.filter((value) => Number.isFinite(value));
  const lowest = measured.length > 0 ? Math.min(...measured) : 0;
  const highest = measured.length > 0 ? Math.max(...measured) : 0;
  const [from, to] = [Math.min(lowest, 0), Math.max(highest, 0)];
  const margin = (to - from || 1) * MARGIN;
  return { low: from - margin, high: to + margin, lowest, highest };
}

/** Points of SVG polylines, one for each stretch without a gap; values lie in the middle of their slices. */
export function polylines(values: Float32Array, width: number, y: (value: number) => number): string[] {
  const lines: string[][] = [];
  let line: string[] | undefined;
  for (const [i, value] of values.entries()) {
    if (!Number.isFinite(value)) {
      line = undefined;
      continue;
    }
    if (!line) {
      line = [];
      lines.push(line);
    }
    line.push(`${(((i + 0.5) / values.length) * width).toFixed(2)},${y(value).toFixed(2)}`);
  }
  return lines.map((points) => points.join(' '));
}
