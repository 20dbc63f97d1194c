import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VolumeError } from '../../src/errors.ts';
import { cropVolume } from '../../src/volume/crop.ts';
import { resampleVolume } from '../../src/volume/resample.ts';
import { createVolume, type Geometry, type Shape, type Vector } from '../../src/volume/volume.ts';
import { AXIS_ORDERS } from '../support/axes.ts';
import { relativeError } from '../support/compare.ts';

interface Golden {
  outside: number;
  volume: { shape: number[]; affine: number[]; data: number[] };
  grids: { name: string; shape: number[]; affine: number[]; linear: number[]; nearest: number[] }[];
}

/** Made by scripts/fixtures/resample.py with SciPy. */
const golden: Golden = JSON.parse(
  readFileSync(new URL('../fixtures/volume/resample.json', import.meta.url), 'utf8'),
);
const kinds = ['linear', 'nearest'] as const;

const oblique = [-0.7, 0.25, -0.125, 31.5, 0.125, 1.3, 0.5, -40.25, 0.0625, -0.5, 2.5, 7.75, 0, 0, 0, 1];

function noise(shape: Shape, affine: readonly number[], channels = 1) {
  const count = channels * shape[0] * shape[1] * shape[2];
  return createVolume(
    Float32Array.from({ length: count }, (_, i) => Math.fround(Math.sin(12.9898 * i + 1) * 43758.5453)),
    shape,
    { channels, geometry: { affine } },
  );
}

/** Another name for the same voxels: axes in another order, some of them the other way round. */
function renamed(shape: Shape, { affine: a }: Geometry, order: readonly number[], flips: readonly boolean[]) {
  // Of the new axis i: which old axis, and its index at the new one's beginning.
  const length = order.map((axis) => shape[axis]);
  const columns = order.map((axis, i) => {
    const column = 2 - axis;
    return [0, 4, 8].map((r) => (flips[i] ? -1 : 1) * a[r + column]);
  });
  const origin = [0, 4, 8].map((r) =>
    order.reduce((sum, axis, i) => sum + (flips[i] ? a[r + 2 - axis] * (shape[axis] - 1) : 0), a[r + 3]),
  );
  const row = (r: number) => [columns[2][r], columns[1][r], columns[0][r], origin[r]];
  const old = (index: Vector): Vector => {
    const back = [0, 0, 0];
    for (const [i, axis] of order.entries()) back[axis] = flips[i] ? length[i] - 1 - index[i] : index[i];
    return back as unknown as Vector;
  };
  return {
    shape: length as unknown as Shape,
    geometry: { affine: [...row(0), ...row(1), ...row(2), 0, 0, 0, 1] },
    old,
  };
}

describe('resampleVolume', () => {
  const { volume, outside } = golden;
  const source = createVolume(Float32Array.from(volume.data), volume.shape as unknown as Shape, {
    geometry: { affine: volume.affine },
  });

  for (const grid of golden.grids) {
    for (const interpolation of kinds) {
      it(`gives what SciPy gives on a grid ${grid.name}, ${interpolation}`, () => {
        const found = resampleVolume(
          source,
          { shape: grid.shape as unknown as Shape, geometry: { affine: grid.affine } },
          { interpolation, outside },
        );
        expect(relativeError(found.data, grid[interpolation])).toBeLessThan(1e-7);
        expect(found.geometry.affine).toEqual(grid.affine);
        expect(found.shape).toEqual(grid.shape);
      });
    }
  }

  it('gives the same bytes on the same grid, even where the two headers were rounded', () => {
    const volume = noise([4, 5, 6], oblique, 2);
    volume.data[7] = Number.NaN;
    const same = resampleVolume(volume, volume, { interpolation: 'linear' });
    expect(same.data).toBe(volume.data);
    const shaken = { affine: oblique.map((value, i) => value + 1e-5 * Math.sin(i)) };
    const close = resampleVolume(volume, { ...volume, geometry: shaken }, { interpolation: 'linear' });
    expect(close.data).toEqual(volume.data);
    expect(close.geometry).toBe(shaken);
    // A hundredth of a voxel is no rounding.
    const moved = { affine: oblique.map((value, i) => (i === 3 ? value + 0.01 : value)) };
    const other = resampleVolume(
      noise([4, 5, 6], oblique),
      { ...volume, geometry: moved },
      {
        interpolation: 'linear',
      },
    );
    expect(other.data).not.toEqual(noise([4, 5, 6], oblique).data);
  });

  it('gives the same bytes on a part of the grid, and the value outside beyond it', () => {
    const volume = noise([5, 6, 7], oblique, 2);
    const part = cropVolume(volume, { from: [1, 0, 3], to: [4, 5, 6] });
    expect(resampleVolume(volume, part, { interpolation: 'linear' }).data).toEqual(part.data);
    const back = resampleVolume(part, volume, { interpolation: 'nearest', outside: -1024 });
    expect(back.data.filter((value) => value !== -1024)).toEqual(part.data);
    expect(back.data.length).toBe(volume.data.length);
  });

  for (const interpolation of kinds) {
    it(`moves voxels and changes none in all 48 ways to name the axes, ${interpolation}`, () => {
      const volume = noise([3, 4, 5], oblique, 2);
      for (const order of AXIS_ORDERS) {
        for (let bits = 0; bits < 8; bits++) {
          const grid = renamed(
            volume.shape,
            volume.geometry,
            order,
            [0, 1, 2].map((i) => ((bits >> i) & 1) === 1),
          );
          const { data } = resampleVolume(volume, grid, { interpolation, outside: Number.NaN });
          const [depth, height, width] = grid.shape;
          for (let i = 0; i < data.length; i++) {
            const c = Math.floor(i / 60);
            const index: Vector = [
              Math.floor(i / (height * width)) % depth,
              Math.floor(i / width) % height,
              i % width,
            ];
            const [d, h, w] = grid.old(index);
            expect(data[i]).toBe(volume.data[((c * 3 + d) * 4 + h) * 5 + w]);
          }
        }
      }
    });
  }

  it('reproduces linear fields between the outermost centres', () => {
    const number = (limit: number) => fc.double({ min: -limit, max: limit, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(number(1), { minLength: 9, maxLength: 9 }),
        fc.tuple(number(2), number(2), number(2)),
        fc.tuple(number(9), number(9), number(9)),
        (turn, at, slope) => {
          const shape: Shape = [5, 6, 7];
          const field = ([x, y, z]: readonly number[]) => slope[0] * x + slope[1] * y + slope[2] * z + 3;
          const world = (a: readonly number[], [d, h, w]: Vector) =>
            [0, 4, 8].map((r) => a[r] * w + a[r + 1] * h + a[r + 2] * d + a[r + 3]);
          const indices = Array.from(
            { length: 210 },
            (_, i): Vector => [Math.floor(i / 42), Math.floor(i / 7) % 6, i % 7],
          );
          const volume = createVolume(
            Float32Array.from(indices, (index) => field(world(oblique, index))),
            shape,
            { geometry: { affine: oblique } },
          );
          // Near the volume's middle (2, 2.5, 3), some of it outside.
          const middle = world(oblique, [2, 2.5, 3]);
          const affine = [0, 1, 2].flatMap((r) => [...turn.slice(3 * r, 3 * r + 3), middle[r] + at[r]]);
          const grid = { shape: [3, 3, 3] as Shape, geometry: { affine: [...affine, 0, 0, 0, 1] } };
          const found = resampleVolume(volume, grid, { interpolation: 'linear', outside: Number.NaN });
          const back = inverse(oblique);
          for (const [i, value] of found.data.entries()) {
            const point = world(grid.geometry.affine, [Math.floor(i / 9), Math.floor(i / 3) % 3, i % 3]);
            const place = [0, 1, 2].map((r) =>
              [0, 1, 2].reduce((sum, c) => sum + back[r][c] * (point[c] - oblique[4 * c + 3]), 0),
            );
            const limits = [6, 5, 4];
            if (place.every((p, axis) => p > 1e-9 && p < limits[axis] - 1e-9)) {
              expect(Math.abs(value - field(point))).toBeLessThan(2e-3);
            } else if (place.some((p, axis) => p < -0.501 || p > limits[axis] + 0.501)) {
              expect(value).toBeNaN();
            } else {
              expect(
                Number.isNaN(value) && place.every((p, axis) => p > -0.499 && p < limits[axis] + 0.499),
              ).toBe(false);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('reads no neighbour that has no weight', () => {
    const volume = createVolume(Float32Array.of(1, Number.POSITIVE_INFINITY, 3, 4, 5, 6), [1, 2, 3]);
    // Halfway between the rows, at the columns 0 and 2, and half a voxel before the plane.
    const affine = [2, 0, 0, 0, 0, 1, 0, 0.5, 0, 0, 1, -0.5, 0, 0, 0, 1];
    const found = resampleVolume(
      volume,
      { shape: [1, 1, 2], geometry: { affine } },
      { interpolation: 'linear' },
    );
    expect([...found.data]).toEqual([2.5, 4.5]);
  });

  it('refuses a volume that lies nowhere', () => {
    const flat = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    const volume = { ...noise([2, 2, 2], flat), name: 'flat.nii' };
    const resample = () => resampleVolume(volume, noise([2, 2, 2], oblique), { interpolation: 'nearest' });
    expect(resample).toThrow(VolumeError);
    expect(resample).toThrow('flat.nii: Its affine is singular');
  });
});

/** Of the 3×3 part, by Cramer's rule. */
function inverse(a: readonly number[]): number[][] {
  const determinant = (m: number[][]) =>
    m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
    m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
    m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
  const m = [0, 1, 2].map((r) => [0, 1, 2].map((c) => a[4 * r + c]));
  const whole = determinant(m);
  return [0, 1, 2].map((r) =>
    [0, 1, 2].map(
      (c) =>
        determinant(m.map((row, i) => row.map((value, j) => (j === r ? (i === c ? 1 : 0) : value)))) / whole,
    ),
  );
}
