/**
 * A response turns the slices of a stack into small maps: an encoder's logit is a 1×1 map per class, a slice's mean
 * one per channel, average pooling and class activation maps have rows and columns. One response may give several maps
 * of the same slices, as an encoder asked at four layers does. Everything a reconstruction needs to know about an
 * encoder, a device or a formula is behind this interface.
 */
import type { SliceSize } from '../geometry/sampler.ts';
import type { Stack } from '../geometry/stack.ts';

/** One map of rows × columns for each of `count` slices and K kinds (classes, channels). */
export interface Maps {
  /** [count, kinds, rows, columns]. */
  readonly data: Float32Array;
  readonly count: number;
  readonly kinds: number;
  readonly rows: number;
  readonly columns: number;
}

export interface Response {
  /** What each of its maps is called: `logit`, `mean`, `pooled:4`, `layercam:2`. */
  readonly names: readonly string[];
  readonly size: SliceSize;
  /** How many stacks may be under way at once with profit. */
  readonly lanes: number;
  /**
   * What turns a value of this response into an integral over the plane: the slice's area for a mean, 1 for
   * whatever has no such meaning.
   */
  readonly planeMeasure: number;
  /** For each name the maps of all slices of the stack. Rejects with the signal's reason when it is aborted. */
  respond(stack: Stack, signal?: AbortSignal): Promise<readonly Maps[]>;
}
