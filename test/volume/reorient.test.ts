import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { VolumeError } from '../../src/errors.ts';
import { mapPoint } from '../../src/volume/affine.ts';
import { reorientVolume } from '../../src/volume/reorient.ts';
import { createVolume, type Shape, type Volume } from '../../src/volume/volume.ts';
import { AXIS_ORDERS } from '../support/axes.ts';
import { oddPlacement, placed } from '../support/volumes.ts';

const affine = [0.9, 0.1, 0, -20, -0.2, 1.4, 0.3, 7, 0, -0.1, 3, 11, 0, 0, 0, 1];

function numbered(shape: Shape, channels = 1): Volume {
  const count = channels * shape[0] * shape[1] * shape[2];
  return createVolume(
    Float32Array.from({ length: count }, (_, i) => i + 1),
    shape,
    { channels, geometry: { affine } },
  );
}

/** The 4×4 that takes a turned grid's (x, y, z) to the first grid's, lengths in that order; and the turned lengths. */
function turn(order: readonly number[], flips: number, lengths: readonly number[]) {
  const matrix = [0, 1, 2, 3].map((r) => [0, 1, 2, 3].map((c): number => (r === 3 && c === 3 ? 1 : 0)));
  order.forEach((axis, i) => {
    const flipped = (flips >> i) % 2 === 1;
    matrix[axis][i] = flipped ? -1 : 1;
    matrix[axis][3] = flipped ? lengths[axis] - 1 : 0;
  });
  return { matrix, lengths: order.map((axis) => lengths[axis]) };
}

/** The same voxels at the same places of the world, indexed by turned axes: built voxel by voxel. */
function turned(volume: Volume, order: readonly number[], flips: number): Volume {
  const own = [...volume.shape].reverse();
  const { matrix, lengths } = turn(order, flips, own);
  const a = volume.geometry.affine;
  const product = [0, 1, 2, 3].flatMap((r) =>
    [0, 1, 2, 3].map((c) => [0, 1, 2, 3].reduce((sum, k) => sum + a[4 * r + k] * matrix[k][c], 0)),
  );
  const [width, height, depth] = lengths;
  const data: number[] = [];
  for (let c = 0; c < volume.channels; c++) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [i, j, k] = matrix.slice(0, 3).map((row) => row[0] * x + row[1] * y + row[2] * z + row[3]);
          data.push(volume.data[((c * own[2] + k) * own[1] + j) * own[0] + i]);
        }
      }
    }
  }
  return createVolume(Float32Array.from(data), [depth, height, width], {
    channels: volume.channels,
    geometry: { affine: product },
  });
}

const all48 = AXIS_ORDERS.flatMap((order) =>
  Array.from({ length: 8 }, (_, flips) => [order.join(''), flips.toString(2).padStart(3, '0')] as const),
);

describe('reorientVolume', () => {
  test.each(all48)('axes %s, flips %s: every voxel comes back to its place', (order, flips) => {
    for (const shape of [
      [2, 3, 4],
      [3, 3, 3],
      [1, 4, 2],
    ] as const) {
      const volume = numbered(shape, 2);
      const other = turned(volume, [...order].map(Number), Number.parseInt(flips, 2));
      const back = reorientVolume(other, volume);
      expect(back.shape).toEqual(shape);
      expect(back.geometry).toBe(volume.geometry);
      expect(back.channels).toBe(2);
      expect([...back.data]).toEqual([...volume.data]);
    }
  });

  it('moves values to where they lie in the world', () => {
    const volume = numbered([2, 3, 4]);
    const other = turned(volume, [2, 0, 1], 5);
    const back = reorientVolume(volume, other);
    const places = (v: Volume) => {
      const [depth, height, width] = v.shape;
      return Array.from(v.data, (value, i) => {
        const at = mapPoint(v.geometry.affine, [
          i % width,
          Math.floor(i / width) % height,
          Math.floor(i / width / height) % depth,
        ]);
        return [value, ...at.map((part) => part.toFixed(6))].join(' ');
      }).sort();
    };
    expect(places(back)).toEqual(places(volume));
  });

  it('hands the data on where nothing turns, with the grid’s own geometry', () => {
    const volume = numbered([2, 3, 4]);
    const geometry = placed({ ...oddPlacement, srow: affine.slice(0, 12) });
    const same = reorientVolume({ ...volume, geometry }, volume);
    expect(same.data).toBe(volume.data);
    expect(same.geometry.nifti).toBeUndefined();
  });

  it('takes what differs by rounding, and refuses a shift, naming it', () => {
    const volume = { ...numbered([2, 3, 4]), name: 'mask.nii' };
    const moved = (by: number) => ({
      ...volume,
      geometry: { affine: affine.map((value, i) => (i === 7 ? value + by : value)) },
    });
    expect([...reorientVolume(moved(0.009), volume).data]).toEqual([...volume.data]);
    expect(() => reorientVolume(moved(0.011), volume, 'the PET series')).toThrow(
      new VolumeError(
        'mask.nii',
        'Its voxels lie up to 0.011 mm from those of the PET series, however its axes are turned.',
        { remedy: 'Resample it to the PET series first: nothing is resampled in silence.' },
      ),
    );
    expect(() => reorientVolume(moved(1.4), volume)).toThrow('up to 1.4 mm');
  });

  it('does not take the neighbour of a fine grid for the grid', () => {
    const fine = (x: number) => ({ affine: [4e-3, 0, 0, x, 0, 4e-3, 0, 0, 0, 0, 4e-3, 0, 0, 0, 0, 1] });
    const volume = { ...numbered([2, 3, 4]), geometry: fine(0) };
    expect(() => reorientVolume(volume, { ...volume, geometry: fine(4e-3) })).toThrow('0.0040 mm');
  });

  it('refuses another shape, another spacing, another angle', () => {
    const volume = numbered([3, 3, 3]);
    expect(() => reorientVolume(numbered([3, 3, 4]), volume)).toThrow(
      'It has 3 × 3 × 4 voxels, and the grid that it is to be on has 3 × 3 × 3.',
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 }).filter((i) => i % 4 !== 3),
        fc.constantFrom(-0.1, 0.05),
        (entry, by) => {
          const geometry = { affine: affine.map((value, i) => (i === entry ? value + by : value)) };
          expect(() => reorientVolume({ ...volume, geometry }, volume)).toThrow(VolumeError);
        },
      ),
    );
    const nowhere = { affine: affine.map((value, i) => (i === 3 ? Number.NaN : value)) };
    expect(() => reorientVolume({ ...volume, geometry: nowhere }, volume)).toThrow(VolumeError);
  });
});
