/** A flipped or shifted heatmap is the worst that can happen: nobody would notice. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Shape } from '../../src/volume/volume.ts';
import { AXIS_ORDERS } from '../support/axes.ts';
import { newFolder, succeed, temporaryFolder } from '../support/cli.ts';
import { correlation } from '../support/compare.ts';
import {
  headerBytes,
  oddPlacement,
  placed,
  placementBytes,
  readVolumeFile,
  unevenVolume,
  writeVolume,
} from '../support/volumes.ts';

const phantom = fileURLToPath(
  new URL(
    '../../../shared/data/nifti/ibsi/ibsi_2_digital_phantom/nifti/orientation/image/orientation.nii.gz',
    import.meta.url,
  ),
);
const folder = temporaryFolder();

/** The heatmap of the mean response is the volume again, so it shows where every voxel went. */
async function proof(path: string, directions = 200): Promise<string> {
  const out = newFolder(folder);
  const many = ['-L', directions, '-M', 40, '--size', 48];
  const { stdout } = await succeed(['reconstruct', path, '-r', 'mean', ...many, '-o', out]);
  return stdout.trim();
}

/** A way to lie in the array: axis a of the result is axis `axes[a]` of the original, backwards where `flips[a]`. */
interface Arrangement {
  readonly axes: readonly [number, number, number];
  readonly flips: readonly [boolean, boolean, boolean];
}

/** All 48; those that keep the shape are fewer unless it is a cube. The first is the right one. */
function arrangements(shape: Shape): Arrangement[] {
  return AXIS_ORDERS.filter((axes) => axes.every((axis, a) => shape[axis] === shape[a])).flatMap((axes) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({
      axes,
      flips: [(bits & 1) !== 0, (bits & 2) !== 0, (bits & 4) !== 0] as const,
    })),
  );
}

/** Values in a ball of radius 0.6, within the one that the volumes here hold, of an array rearranged. */
function ball(data: Float32Array, shape: Shape, { axes, flips }: Arrangement): number[] {
  const values: number[] = [];
  const strides = [shape[1] * shape[2], shape[2], 1];
  const position = (i: number, a: number) => (2 * i) / (shape[a] - 1) - 1;
  for (let d = 0; d < shape[0]; d++) {
    for (let h = 0; h < shape[1]; h++) {
      for (let w = 0; w < shape[2]; w++) {
        const voxel = [d, h, w];
        if (voxel.reduce((sum, i, a) => sum + position(i, a) ** 2, 0) > 0.36) continue;
        const source = voxel.reduce(
          (sum, i, a) => sum + strides[axes[a]] * (flips[a] ? shape[a] - 1 - i : i),
          0,
        );
        values.push(data[source]);
      }
    }
  }
  return values;
}

async function correlations(input: string, heatmap: string): Promise<number[]> {
  const [volume, map] = [await readVolumeFile(input), await readVolumeFile(heatmap)];
  expect(map.shape).toEqual(volume.shape);
  const [right] = arrangements(volume.shape);
  const original = ball(volume.data, volume.shape, right);
  return arrangements(volume.shape).map((way) => correlation(ball(map.data, map.shape, way), original));
}

test('of the 48 ways to flip and swap the axes of a cube, the heatmap lies in the right one', async () => {
  const scan = join(newFolder(folder), 'scan.nii');
  await writeVolume(scan, unevenVolume([17, 17, 17]));
  const [right, ...wrong] = await correlations(scan, await proof(scan));
  expect(wrong).toHaveLength(47);
  expect(right).toBeGreaterThan(0.99);
  expect(Math.max(...wrong)).toBeLessThan(0.85);
});

test('of the 8 ways to flip a box, the heatmap lies in the right one', async () => {
  const scan = join(newFolder(folder), 'scan.nii');
  await writeVolume(scan, unevenVolume([21, 17, 13]));
  const [right, ...wrong] = await correlations(scan, await proof(scan));
  expect(wrong).toHaveLength(7);
  expect(right).toBeGreaterThan(0.99);
  expect(Math.max(...wrong)).toBeLessThan(0.85);
});

test('a bright voxel off the centre is the highest of the heatmap, exactly there', async () => {
  const scan = join(newFolder(folder), 'scan.nii');
  const shape: Shape = [17, 15, 13];
  const volume = unevenVolume(shape);
  const bright = (11 * shape[1] + 5) * shape[2] + 8;
  volume.data.fill(0);
  volume.data[bright] = 1;
  await writeVolume(scan, volume);
  const { data } = await readVolumeFile(await proof(scan));
  expect(data.indexOf(Math.max(...data))).toBe(bright);
});

test('a header with negative zeros and fields that are no numbers is carried bit for bit', async () => {
  const scan = join(newFolder(folder), 'scan.nii');
  const nifti = {
    ...oddPlacement,
    quatern: [Number.NaN, -0, 0] as const,
    srow: [-1.5, -0, 0, 31.5, -0, -2, -0, -40.25, 0, -0, 2.5, 7.75],
  };
  await writeVolume(scan, unevenVolume([6, 7, 8], placed(nifti)));
  expect(headerBytes(scan).readUInt32LE(284)).toBe(0x80000000);
  expect(placementBytes(await proof(scan, 2))).toBe(placementBytes(scan));
});

test.skipIf(!existsSync(phantom))(
  'along each axis of the orientation phantom of the IBSI, the heatmap rises where the phantom rises (skipped where ../shared/data is absent)',
  async () => {
    const heatmap = await proof(phantom);
    const [volume, map] = [await readVolumeFile(phantom), await readVolumeFile(heatmap)];
    // Its voxels are x + y + z up to its corners, which no slice sees whole. That bends the heatmap, but alike on
    // both sides: what is odd under a flip of one axis is the slope along that axis.
    const [right, ...flipped] = arrangements(volume.shape);
    const odd = (data: Float32Array, flip: Arrangement) => {
      const back = ball(data, volume.shape, flip);
      return ball(data, volume.shape, right).map((value, i) => value - back[i]);
    };
    for (const flip of [flipped[0], flipped[1], flipped[3]]) {
      const [slope, expected] = [odd(map.data, flip), odd(volume.data, flip)];
      expect(correlation(slope, expected)).toBeGreaterThan(0.85);
    }
    const [unflipped, ...others] = await correlations(phantom, heatmap);
    expect(others).toHaveLength(7);
    expect(unflipped - Math.max(...others)).toBeGreaterThan(0.1);

    const [before, after] = [headerBytes(phantom), headerBytes(heatmap)];
    expect(placementBytes(heatmap)).toBe(placementBytes(phantom));
    // As any reader of nifti1.h finds them: qform_code, sform_code, then quatern_b, c, d and qoffset_x, y, z.
    expect([after.readInt16LE(252), after.readInt16LE(254)]).toEqual([1, 0]);
    const floats = (header: Buffer) => [0, 1, 2, 3, 4, 5].map((i) => header.readFloatLE(256 + 4 * i));
    expect(floats(after)).toEqual(floats(before));
    expect([0, 1, 2, 3].map((i) => after.readInt16LE(40 + 2 * i))).toEqual([3, 32, 48, 64]);
  },
);
