import { describe, expect, it } from 'vitest';
import { hysteresis } from '../../src/evaluation/binarisation.ts';
import { dropSmall, lesions } from '../../src/evaluation/lesions.ts';
import type { Geometry, Shape } from '../../src/volume/volume.ts';

const shape: Shape = [2, 3, 4];
/** x = 10 − 2·w, y = 20 + 3·h, z = −5 + 0.5·d: voxels of 3 mm³, the first axis turned round. */
const geometry: Geometry = { affine: [-2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 0.5, -5, 0, 0, 0, 1] };
const heatmap = Float32Array.of(
  ...[5, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
  ...[7, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
);
const segmentation = hysteresis(heatmap, shape, { low: 1, high: 2 });

describe('lesions', () => {
  it('are listed with where they are, how large and how high', () => {
    expect(lesions(segmentation, heatmap, geometry)).toEqual([
      {
        number: 1,
        voxels: 4,
        volume: 12,
        maximum: 7,
        peak: [0, 0, 1],
        centroid: [9, 20, -4.75],
        box: { from: [0, 0, 0], to: [2, 1, 2] },
      },
      {
        number: 2,
        voxels: 1,
        volume: 3,
        maximum: 3,
        peak: [0, 2, 3],
        centroid: [4, 26, -5],
        box: { from: [0, 2, 3], to: [1, 3, 4] },
      },
    ]);
  });

  it('lie where an oblique affine takes the mean voxel', () => {
    const affine = [0, 0, 4, 1, 2, 1, 0, 2, 0, 3, 1, 3, 0, 0, 0, 1];
    const [first] = lesions(segmentation, heatmap, { affine });
    // The mean voxel is (x, y, z) = (0.5, 0, 0.5); the determinant 4·(2·3 − 1·0) = 24.
    expect(first.centroid).toEqual([3, 3, 3.5]);
    expect(first.volume).toBe(4 * 24);
  });

  it('below a volume are dropped, and the others numbered anew', () => {
    // The rows of each plane the other way round: the small lesion comes first.
    const swapped = Float32Array.from(
      [8, 4, 0, 20, 16, 12].flatMap((row) => [...heatmap.slice(row, row + 4)]),
    );
    const both = hysteresis(swapped, shape, { low: 1, high: 2 });
    expect([...both.components.sizes]).toEqual([1, 4]);
    const large = dropSmall(both, 3.1, geometry);
    expect(lesions(large, swapped, geometry)).toMatchObject([{ number: 1, voxels: 4 }]);
    expect([...large.mask]).toEqual(Array.from(swapped, (value) => (value > 3 ? 1 : 0)));
    expect([...large.components.labels]).toEqual([...large.mask]);
    expect(dropSmall(both, 3, geometry)).toEqual(both);
    expect(lesions(dropSmall(both, 13, geometry), swapped, geometry)).toEqual([]);
  });
});
