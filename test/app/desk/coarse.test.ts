import { describe, expect, it } from 'vitest';
import { coarseCase } from '../../../src/app/desk/coarse.ts';
import { connectedRuns } from '../../../src/evaluation/components.ts';
import { mapPoint, type Point } from '../../../src/volume/affine.ts';
import { createVolume, type Shape } from '../../../src/volume/volume.ts';
import { oddPlacement, placed } from '../../support/volumes.ts';

const window = { low: 0, high: 255 };

/** Where the outer corners of a grid lie. */
function corners(affine: readonly number[], [depth, height, width]: Shape): Point[] {
  return [-0.5, depth - 0.5].flatMap((z) =>
    [-0.5, height - 0.5].flatMap((y) => [-0.5, width - 0.5].map((x) => mapPoint(affine, [x, y, z]))),
  );
}

describe('blocks', () => {
  it('lie where their voxels lie', () => {
    const shape: Shape = [6, 12, 9];
    const volume = createVolume(new Float32Array(6 * 12 * 9), shape, { geometry: placed(oddPlacement) });
    const coarse = coarseCase({ volume }, 4, window);
    expect(coarse.shape).toEqual([2, 4, 3]);
    const wanted = corners(volume.geometry.affine, shape);
    corners(coarse.affine, coarse.shape).forEach((corner, i) => {
      corner.forEach((value, axis) => {
        expect(value).toBeCloseTo(wanted[i][axis], 9);
      });
    });
  });

  it('are means of what they hold, also where they are cut off', () => {
    const shape: Shape = [1, 3, 5];
    const data = Float32Array.from({ length: 15 }, (_, i) => 10 * i);
    const volume = createVolume(Float32Array.of(...data, ...data.map(() => 99)), shape, { channels: 2 });
    const heatmap = data.map((value) => -value);
    const { image, heatmap: means, shape: blocks } = coarseCase({ volume, heatmap }, 3, window);
    expect(blocks).toEqual([1, 2, 3]);
    // Rows 0 to 40, 50 to 90, 100 to 140: the last block of a row is one voxel wide, the last row one voxel high.
    const expected = [30, 50, 65, 105, 125, 140];
    expect([...image]).toEqual(expected);
    means?.forEach((value, i) => {
      expect(value).toBeCloseTo(-expected[i], 4);
    });
  });

  it('show the window from black to white', () => {
    const volume = createVolume(Float32Array.of(-500, 100, 120, 900), [1, 1, 4]);
    expect([...coarseCase({ volume }, 8, { low: 100, high: 200 }).image]).toEqual([0, 0, 51, 255]);
    expect([...coarseCase({ volume }, 8, { low: 5, high: 5 }).image]).toEqual([0, 0, 0, 0]);
  });

  it('stay voxels where there are few', () => {
    const volume = createVolume(Float32Array.of(1, 2, 3), [1, 1, 3]);
    const coarse = coarseCase({ volume }, 3, window);
    expect(coarse).toMatchObject({ shape: [1, 1, 3], affine: volume.geometry.affine });
    expect(coarse.heatmap).toBeUndefined();
    expect(coarse.lesions).toBeUndefined();
  });

  it('have lesions as what a person decided, and a rejected one only where it is alone', () => {
    const shape: Shape = [2, 2, 8];
    const mask = new Uint8Array(32);
    // Lesion 1 in blocks 0 and 1, 2 in block 2 with lesion 3, 4 in block 3.
    for (const voxel of [1, 2, 4]) mask[voxel] = 1;
    mask[29 - 2 * 8] = 1;
    mask[31] = 1;
    const lesions = connectedRuns(mask, shape, 6);
    expect(lesions.count).toBe(4);
    const volume = createVolume(new Float32Array(32), shape);
    expect([...(coarseCase({ volume, lesions }, 4, window).lesions ?? [])]).toEqual([1, 1, 1, 1]);
    const decisions = new Map([
      [1, 'accepted'],
      [2, 'rejected'],
      [4, 'rejected'],
    ] as const);
    expect([...(coarseCase({ volume, lesions, decisions }, 4, window).lesions ?? [])]).toEqual([2, 2, 1, 3]);
  });
});
