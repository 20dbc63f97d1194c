/** Peaks of a heatmap: where it is higher than anywhere near. */
import type { Vector, Volume } from '../volume/volume.ts';

export interface Peak {
  /** Voxel (axis 0, axis 1, axis 2). */
  readonly voxel: Vector;
  readonly value: number;
}

/**
 * Voxels above zero that no neighbour in a cube of 2·reach + 1 voxels exceeds, highest first. Of the first channel.
 */
export function peaks({ data, shape }: Pick<Volume, 'data' | 'shape'>, reach = 2): Peak[] {
  const [depth, height, width] = shape;
  const found: Peak[] = [];
  const isHighest = (d: number, h: number, w: number, value: number): boolean => {
    for (let a = Math.max(0, d - reach); a <= Math.min(depth - 1, d + reach); a++) {
      for (let b = Math.max(0, h - reach); b <= Math.min(height - 1, h + reach); b++) {
        for (let c = Math.max(0, w - reach); c <= Math.min(width - 1, w + reach); c++) {
          if (data[(a * height + b) * width + c] > value) return false;
        }
      }
    }
    return true;
  };
  for (let d = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++) {
        const value = data[(d * height + h) * width + w];
        if (value > 0 && isHighest(d, h, w, value)) found.push({ voxel: [d, h, w], value });
      }
    }
  }
  return found.sort((p, q) => q.value - p.value);
}
