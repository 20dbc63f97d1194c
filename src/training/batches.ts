/** From a draw to what the engine takes: slices cut, shaded, labelled and parted into micro-batches. */
import { type PixelLayout, writePixels } from '../encoders/pixels.ts';
import { type SliceSize, sampleSlice } from '../geometry/sampler.ts';
import type { TrainingCase, VolumeCache } from './cases.ts';
import type { DrawnVolume } from './draw.ts';
import type { MicroBatch } from './engine.ts';

export interface BatchLayout extends PixelLayout {
  readonly size: SliceSize;
  /** Slices in one run of the engine at most, or exactly where the network fixes it. */
  readonly microBatch: number;
  /** Whether the network fixes it. */
  readonly fixed: boolean;
}

/** The slices of a step in the order of the draw, in parts of nearly equal size. */
export async function cutBatches(
  drawn: readonly DrawnVolume[],
  cases: readonly TrainingCase[],
  cache: VolumeCache,
  layout: BatchLayout,
): Promise<MicroBatch[]> {
  const { size, channels } = layout;
  const volumes = await Promise.all(drawn.map(({ index }) => cache.get(index)));
  const slices = drawn.flatMap(({ slices: own, index }, v) =>
    own.map((slice) => ({ slice, labels: cases[index].labels, volume: volumes[v] })),
  );
  const imageLength = channels * size.rows * size.columns;
  return edges(slices.length, layout).map(([from, to]) => {
    const count = to - from;
    const places = layout.fixed ? layout.microBatch : count;
    const pixels = new Float32Array(places * imageLength);
    const classes = slices[0].labels.length;
    const labels = new Float32Array(places * classes);
    for (const [i, { slice, labels: own, volume }] of slices.slice(from, to).entries()) {
      const { sliced, scaling } = volume;
      const values = new Float32Array(sliced.channels * size.rows * size.columns);
      sampleSlice(sliced, slice, size, values);
      writePixels(values, size, layout, scaling, pixels, i * imageLength, slice);
      labels.set(own, i * classes);
    }
    const image =
      layout.layout === 'nchw' ? [channels, size.rows, size.columns] : [size.rows, size.columns, channels];
    // Places without a slice count for nothing; slices again rather than zeros, for norms that see the whole batch.
    for (let i = count; i < places; i++) {
      const again = (i % count) * imageLength;
      pixels.copyWithin(i * imageLength, again, again + imageLength);
    }
    return { pixels, dims: [places, ...image], labels, count };
  });
}

/** Where each part begins and ends. */
function edges(count: number, { microBatch, fixed }: BatchLayout): [from: number, to: number][] {
  const parts = Math.ceil(count / microBatch);
  const edge = (part: number) =>
    fixed ? Math.min(part * microBatch, count) : Math.round((part * count) / parts);
  return Array.from({ length: parts }, (_, part) => [edge(part), edge(part + 1)]);
}
