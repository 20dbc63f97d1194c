/** The grid that heatmaps lie on: what it must be, and memory for what is summed on it. */
import { VolumeError } from '../errors.ts';
import { type Shape, type Volume, voxelCount } from '../volume/volume.ts';

/** @throws VolumeError when the machine lacks the memory for [kinds, D, H, W]. */
export function allocate(kinds: number, shape: Shape): Float32Array<ArrayBuffer> {
  return withMemory(kinds, shape, () => new Float32Array(kinds * voxelCount(shape)));
}

/** Work that takes memory for [kinds, D, H, W]. @throws VolumeError when the machine lacks it. */
export function withMemory<T>(kinds: number, shape: Shape, work: () => T): T {
  try {
    return work();
  } catch (error) {
    // What engines throw where an array does not fit.
    throw error instanceof RangeError ? tooLarge(kinds, shape, error) : error;
  }
}

export function tooLarge(kinds: number, shape: Shape, cause?: unknown): VolumeError {
  const gibibytes = ((4 * kinds * voxelCount(shape)) / 2 ** 30).toFixed(1);
  return new VolumeError(
    'heatmap',
    `${kinds} maps of ${shape.join('×')} voxels need ${gibibytes} GiB, more than this machine gives.`,
    { remedy: 'Choose fewer maps or one class, or resample the volume to fewer voxels.', cause },
  );
}

/** @throws VolumeError when an axis has a single voxel: it cannot span [−1, 1]. */
export function checkSliceable({ name = 'volume', shape }: Pick<Volume, 'name' | 'shape'>): void {
  const flat = shape.findIndex((length) => length < 2);
  if (flat >= 0) {
    throw new VolumeError(
      name,
      `A volume of ${shape.join('×')} voxels is a single slice: axis ${flat} has ${shape[flat]}.`,
      { remedy: 'ToNNO cuts slices at all angles and needs at least two voxels along every axis.' },
    );
  }
}
