/**
 * A stack is the slices of one direction: S_m = V~ on the plane through s_m·n, s_m = 2m/(M−1) − 1. It knows how to
 * cut its slices but has none: a response asks for as many at a time as it can use, or cuts them on a device of
 * its own from what the stack says.
 */
import { UsageError } from '../errors.ts';
import type { Vector } from '../volume/volume.ts';
import type { Direction } from './directions.ts';
import { rowLayout, type Samplable } from './layout.ts';
import { type SliceSize, sampleSlice } from './sampler.ts';

export class Stack {
  readonly volume: Samplable;
  readonly direction: Direction;
  readonly size: SliceSize;
  /** Slices beyond s = −1 and again beyond s = +1; the second difference needs one. */
  readonly margin: number;
  /** M + 2·margin. */
  readonly count: number;

  constructor(volume: Samplable, direction: Direction, size: SliceSize, margin: number) {
    checkSliceSize(size);
    this.volume = volume.layout ? volume : { ...volume, layout: rowLayout(volume.shape) };
    this.direction = direction;
    this.size = size;
    this.margin = margin;
    this.count = direction.slices + 2 * margin;
  }

  /** Offset s of a slice: slice `margin` lies at −1, slice `margin` + M − 1 at +1. */
  offset(slice: number): number {
    return (2 * (slice - this.margin)) / (this.direction.slices - 1) - 1;
  }

  /** Values of one slice with all channels. */
  get sliceLength(): number {
    return this.volume.channels * this.size.rows * this.size.columns;
  }

  /**
   * Cuts the slices [from, to).
   * @param out receives [to − from, channels, rows, columns]; a new array when absent.
   */
  cut(from: number, to: number, out = new Float32Array((to - from) * this.sliceLength)): Float32Array {
    const { n, u, v } = this.direction;
    for (let m = from; m < to; m++) {
      const s = this.offset(m);
      const origin: Vector = [s * n[0], s * n[1], s * n[2]];
      sampleSlice(this.volume, { origin, u, v }, this.size, out, (m - from) * this.sliceLength);
    }
    return out;
  }
}

/**
 * Area of a slice in normalised units, 4·h·w/((h−1)(w−1)): the number of pixels times the area of one. A slice's
 * mean times this is its plane integral.
 */
export function sliceArea({ rows, columns }: SliceSize): number {
  return (4 * rows * columns) / ((rows - 1) * (columns - 1));
}

/** @throws UsageError unless both sides are whole numbers of at least 2: pixels span the plane from −1 to 1. */
export function checkSliceSize({ rows, columns }: SliceSize): void {
  if (![rows, columns].every((side) => Number.isInteger(side) && side >= 2)) {
    throw new UsageError('size', `A slice of ${rows}×${columns} pixels cannot span the volume.`, {
      remedy: 'Use at least 2 pixels a side.',
    });
  }
}
