/**
 * Responses that need no encoder: the mean of a slice, which makes the Radon transform of the volume (Eq. 5) and
 * with it the paper's own proof, and average pooling, the class activation map of an encoder that sees nothing but
 * brightness (section 3.5 and Fig. 4). The mean is pooling with one cell.
 */
import { UsageError } from '../errors.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import { type Stack, sliceArea } from '../geometry/stack.ts';
import type { Maps, Response } from './response.ts';

/** R_Σ of Eq. 5 as a mean: a 1×1 map per channel. */
export function meanResponse(size: SliceSize): Response {
  return pooling('mean', size, size, sliceArea(size));
}

/**
 * Average pooling with a square kernel and the same stride: a map of rows/kernel × columns/kernel per channel.
 * @throws UsageError when the kernel does not divide the slice.
 */
export function pooledResponse(kernel: number, size: SliceSize): Response {
  if (!Number.isInteger(kernel) || kernel < 1 || size.rows % kernel || size.columns % kernel) {
    throw new UsageError(
      `pooled:${kernel}`,
      `A kernel of ${kernel} pixels does not divide slices of ${size.rows}×${size.columns}.`,
      { remedy: 'Choose a divisor of the slice size.' },
    );
  }
  return pooling(`pooled:${kernel}`, size, { rows: kernel, columns: kernel }, 1);
}

function pooling(name: string, size: SliceSize, kernel: SliceSize, planeMeasure: number): Response {
  const rows = size.rows / kernel.rows;
  const columns = size.columns / kernel.columns;
  return {
    names: [name],
    size,
    lanes: 1,
    planeMeasure,
    async respond(stack: Stack): Promise<Maps[]> {
      const kinds = stack.volume.channels;
      const length = kinds * rows * columns;
      const maps = new Float32Array(stack.count * length);
      const slice = new Float32Array(stack.sliceLength);
      for (let m = 0; m < stack.count; m++) {
        stack.cut(m, m + 1, slice);
        averagePool(slice, kinds, size, kernel, maps.subarray(m * length, (m + 1) * length));
      }
      return [{ data: maps, count: stack.count, kinds, rows, columns }];
    },
  };
}

/** Sums in double precision: a mean of 50 000 pixels would lose three digits in single. */
function averagePool(
  slice: Float32Array,
  channels: number,
  size: SliceSize,
  kernel: SliceSize,
  out: Float32Array,
): void {
  const columns = size.columns / kernel.columns;
  const sums = new Float64Array(columns);
  let at = 0;
  let cell = 0;
  for (let c = 0; c < channels; c++) {
    for (let a = 0; a < size.rows; a += kernel.rows) {
      sums.fill(0);
      for (let i = 0; i < kernel.rows; i++) {
        for (let b = 0; b < columns; b++) {
          let sum = 0;
          for (const end = at + kernel.columns; at < end; at++) sum += slice[at];
          sums[b] += sum;
        }
      }
      for (let b = 0; b < columns; b++) out[cell++] = sums[b] / (kernel.rows * kernel.columns);
    }
  }
}
