/**
 * Where voxels lie in memory. A slice at an angle jumps from row to row of a C-ordered array and uses a few bytes of
 * each cache line it waits for; in cubes of 4³ voxels, four cache lines each, neighbours in every direction are near.
 * Either way the index of voxel (d, h, w) is z[d] + y[h] + x[w], so that the sampler knows no difference.
 */
import { type Shape, type Volume, voxelCount } from '../volume/volume.ts';

/** Index of voxel (d, h, w) of channel c: c·channelLength + z[d] + y[h] + x[w]. */
export interface Layout {
  readonly z: Int32Array;
  readonly y: Int32Array;
  readonly x: Int32Array;
  readonly channelLength: number;
}

/** What the slice sampler cuts: a volume, or one whose voxels lie otherwise. */
export interface Samplable extends Pick<Volume, 'data' | 'channels' | 'shape'> {
  /** C order when absent. */
  readonly layout?: Layout;
}

/** C order: [C, D, H, W]. */
export function rowLayout(shape: Shape): Layout {
  const [depth, height, width] = shape;
  return {
    z: Int32Array.from({ length: depth }, (_, d) => d * height * width),
    y: Int32Array.from({ length: height }, (_, h) => h * width),
    x: Int32Array.from({ length: width }, (_, w) => w),
    channelLength: voxelCount(shape),
  };
}

const SIDE = 4;
const CUBE = SIDE ** 3;

/** Cubes of 4³ voxels in C order, and C order within each; cubes at the far ends are filled up. */
export function cubeLayout(shape: Shape): Layout {
  const [deep, high, wide] = shape.map((length) => Math.ceil(length / SIDE));
  const table = (length: number, cube: number, within: number) =>
    Int32Array.from({ length }, (_, i) => Math.floor(i / SIDE) * cube + (i % SIDE) * within);
  return {
    z: table(shape[0], high * wide * CUBE, SIDE * SIDE),
    y: table(shape[1], wide * CUBE, SIDE),
    x: table(shape[2], CUBE, 1),
    channelLength: deep * high * wide * CUBE,
  };
}

/** Bytes of a volume that caches hold anyway, so that copying it gains nothing. */
const CACHED = 4 * 2 ** 20;

/** The volume as it is cut fastest: in cubes when it is large, as it is when it is small. Takes its size again. */
export function forSlicing(volume: Samplable): Samplable {
  const { data, channels, shape } = volume;
  if (volume.layout || data.byteLength <= CACHED) return volume;
  const layout = cubeLayout(shape);
  const { z, y, x, channelLength } = layout;
  const cubes = new Float32Array(channels * channelLength);
  let from = 0;
  for (let c = 0; c < channels; c++) {
    for (let d = 0; d < shape[0]; d++) {
      for (let h = 0; h < shape[1]; h++) {
        const to = c * channelLength + z[d] + y[h];
        for (let w = 0; w < shape[2]; w++) cubes[to + x[w]] = data[from++];
      }
    }
  }
  return { data: cubes, channels, shape, layout };
}
