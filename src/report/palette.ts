/**
 * Pictures of 256 colours, a third as large as files. The colours of a picture are gathered into boxes of the colour
 * cube; the box whose colours lie farthest apart is cut in two at their mean, until there are as many as a palette holds
 * (Heckbert 1982, with Wu's choice of the box of greatest variance). A grey image under a heatmap loses nothing visible.
 */

/** A picture as numbers of colours. */
export interface IndexedPicture {
  /** Red, green, blue from 0 to 255; 256 at most. */
  readonly palette: readonly (readonly [number, number, number])[];
  /** For each pixel the number of its colour. */
  readonly indices: Uint8Array;
}

const COLOURS = 256;

/** Colours that agree in the upper bits of every channel are one from the start. */
const BITS = 6;
const DROPPED = 8 - BITS;

/** How often a colour occurs, and its mean red, green and blue. */
interface Bucket {
  readonly key: number;
  count: number;
  readonly mean: [number, number, number];
}

interface Box {
  readonly buckets: readonly Bucket[];
  /** Sum of squared distances to the mean, and the channel with the greatest share in it. */
  readonly error: number;
  readonly channel: number;
  readonly mean: readonly [number, number, number];
}

/** @param data [pixels, 3] from 0 to 255. */
export function reduceColours(data: Uint8Array | Uint8ClampedArray): IndexedPicture {
  const buckets = gather(data);
  const boxes = [boxOf(buckets)];
  while (boxes.length < COLOURS) {
    const at = boxes.reduce((worst, box, i) => (box.error > boxes[worst].error ? i : worst), 0);
    if (boxes[at].error === 0) break;
    const { buckets: all, channel, mean } = boxes[at];
    const below = all.filter((bucket) => bucket.mean[channel] <= mean[channel]);
    const above = all.filter((bucket) => bucket.mean[channel] > mean[channel]);
    // Rounding of the mean can leave one side empty where the colours hardly differ.
    if (below.length === 0 || above.length === 0) boxes[at] = { ...boxes[at], error: 0 };
    else boxes.splice(at, 1, boxOf(below), boxOf(above));
  }
  const numbers = new Uint8Array(2 ** (3 * BITS));
  for (const [number, box] of boxes.entries()) for (const { key } of box.buckets) numbers[key] = number;
  const indices = new Uint8Array(data.length / 3);
  for (let i = 0; i < indices.length; i++) indices[i] = numbers[keyOf(data, 3 * i)];
  const palette = boxes.map(({ mean: [r, g, b] }) => [Math.round(r), Math.round(g), Math.round(b)] as const);
  return { palette, indices };
}

function keyOf(data: Uint8Array | Uint8ClampedArray, at: number): number {
  const [red, green, blue] = [data[at] >> DROPPED, data[at + 1] >> DROPPED, data[at + 2] >> DROPPED];
  return (red << (2 * BITS)) | (green << BITS) | blue;
}

function gather(data: Uint8Array | Uint8ClampedArray): Bucket[] {
  const buckets = new Map<number, Bucket>();
  for (let at = 0; at < data.length; at += 3) {
    const key = keyOf(data, at);
    let bucket = buckets.get(key);
    if (!bucket) {
      bucket = { key, count: 0, mean: [0, 0, 0] };
      buckets.set(key, bucket);
    }
    bucket.count++;
    for (let channel = 0; channel < 3; channel++) bucket.mean[channel] += data[at + channel];
  }
  for (const { mean, count } of buckets.values()) {
    for (let channel = 0; channel < 3; channel++) mean[channel] /= count;
  }
  return [...buckets.values()];
}

function boxOf(buckets: readonly Bucket[]): Box {
  const total = buckets.reduce((sum, { count }) => sum + count, 0) || 1;
  const means = [0, 1, 2].map(
    (channel) => buckets.reduce((sum, { count, mean }) => sum + count * mean[channel], 0) / total,
  );
  const errors = [0, 1, 2].map((channel) =>
    buckets.length > 1
      ? buckets.reduce((sum, { count, mean }) => sum + count * (mean[channel] - means[channel]) ** 2, 0)
      : 0,
  );
  return {
    buckets,
    error: errors[0] + errors[1] + errors[2],
    channel: errors.indexOf(Math.max(...errors)),
    mean: [means[0], means[1], means[2]],
  };
}
