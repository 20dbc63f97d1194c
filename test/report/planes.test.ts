import { describe, expect, test } from 'vitest';
import { outlineOf } from '../../src/report/outline.ts';
import {
  type Axis,
  extractPlane,
  fitView,
  placeOf,
  planeView,
  resizePlane,
} from '../../src/report/planes.ts';
import { createVolume, type Geometry, type Shape } from '../../src/volume/volume.ts';

const ras: Geometry = { affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
/** x to L, y to P, z to I: every axis the other way round. */
const lpi: Geometry = { affine: [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1] };
/** Slices acquired sagittally: x runs to P, y to I, z to R. */
const sagittal: Geometry = { affine: [0, 0, 3, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 1] };

const shape: Shape = [2, 3, 4];
const numbered = (geometry: Geometry) =>
  createVolume(
    Float32Array.from({ length: 24 }, (_, i) => i),
    shape,
    { geometry },
  );

describe('orientation', () => {
  test('puts superior or anterior on top and right or anterior on the left', () => {
    expect(planeView(ras, 0)).toMatchObject({
      name: 'axial',
      sides: { top: 'A', bottom: 'P', left: 'R', right: 'L' },
    });
    expect(planeView(ras, 1)).toMatchObject({
      name: 'coronal',
      sides: { top: 'S', bottom: 'I', left: 'R', right: 'L' },
    });
    expect(planeView(ras, 2)).toMatchObject({
      name: 'sagittal',
      sides: { top: 'S', bottom: 'I', left: 'A', right: 'P' },
    });
  });

  test('flips what runs the other way', () => {
    // Index 0 of a RAS+ volume is at the left, the back and the bottom: rows and columns have to be turned.
    expect([...extractPlane(numbered(ras), planeView(ras, 0), 0).values]).toEqual([
      11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
    ]);
    expect([...extractPlane(numbered(lpi), planeView(lpi, 0), 1).values]).toEqual([
      12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
    ]);
    expect([...extractPlane(numbered(ras), planeView(ras, 2), 1).values]).toEqual([21, 17, 13, 9, 5, 1]);
  });

  test('follows the affine when slices were acquired in another plane', () => {
    expect(([0, 1, 2] as const).map((axis) => planeView(sagittal, axis).name)).toEqual([
      'sagittal',
      'axial',
      'coronal',
    ]);
    const view = planeView(sagittal, 0);
    expect(view.sides).toEqual({ top: 'S', bottom: 'I', left: 'A', right: 'P' });
    expect(view.rows).toEqual({ axis: 1, flipped: false });
    expect(view.columns).toEqual({ axis: 2, flipped: false });
  });

  test('shows the same world whatever the storage order', () => {
    // The voxel at the patient's right, front and top.
    const marked = (geometry: Geometry, index: number) => {
      const volume = createVolume(new Float32Array(24), shape, { geometry });
      volume.data[index] = 1;
      return volume;
    };
    for (const volume of [marked(ras, 23), marked(lpi, 0)]) {
      for (const axis of [0, 1, 2] as const) {
        const index = volume.data[0] === 1 ? 0 : shape[axis] - 1;
        const plane = extractPlane(volume, planeView(volume.geometry, axis), index);
        expect(plane.values.indexOf(1)).toBe(0);
      }
    }
  });

  test('has no anatomical name for planes far from all of them', () => {
    const c = Math.SQRT1_2;
    const turned: Geometry = { affine: [1, 0, 0, 0, 0, c, -c, 0, 0, c, c, 0, 0, 0, 0, 1] };
    expect(([0, 1, 2] as const).map((axis) => planeView(turned, axis).name)).toEqual([
      'axis 0',
      'axis 1',
      'sagittal',
    ]);
  });
});

test('a place in a view is the centre of its voxel', () => {
  const view = planeView(ras, 0);
  expect(placeOf(view, shape, 2, 3)).toBeCloseTo(0.125, 12);
  expect(placeOf(view, shape, 1, 0)).toBeCloseTo(1 - 1 / 6, 12);
});

test('planes keep the proportions of their voxels', () => {
  const volume = createVolume(new Float32Array(10 * 40 * 20), [10, 40, 20], {
    geometry: { affine: [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1] },
  });
  const size = (axis: Axis) => fitView(planeView(volume.geometry, axis), volume, { width: 100, height: 100 });
  expect(size(0)).toEqual({ width: 100, height: 100 });
  expect(size(1)).toEqual({ width: 80, height: 100 });
  expect(size(2)).toEqual({ width: 80, height: 100 });
});

test('values that are not finite become 0, and indices are checked', () => {
  const volume = createVolume(Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, 4), [1, 2, 2]);
  const view = planeView(ras, 0);
  expect([...extractPlane(volume, view, 0).values]).toEqual([4, 0, 0, 1]);
  expect(() => extractPlane(volume, view, 1)).toThrow(RangeError);
  expect(() => extractPlane(volume, view, 0, 1)).toThrow(RangeError);
});

describe('resizing', () => {
  const plane = { width: 2, height: 1, values: Float32Array.of(0, 1) };

  test('grows linearly between the centres of voxels', () => {
    const { values } = resizePlane(plane, 4, 2);
    expect([...values]).toEqual([0, 0.25, 0.75, 1, 0, 0.25, 0.75, 1]);
  });

  test('shrinks to means', () => {
    const wide = { width: 6, height: 1, values: Float32Array.of(1, 1, 1, 1, 1, 1) };
    expect([...resizePlane(wide, 2, 1).values]).toEqual([1, 1].map(() => expect.closeTo(1, 6)));
    const stripes = {
      width: 100,
      height: 1,
      values: Float32Array.from({ length: 100 }, (_, i) => i % 2),
    };
    for (const value of resizePlane(stripes, 10, 1).values) expect(Math.abs(value - 0.5)).toBeLessThan(0.06);
  });
});

describe('outline', () => {
  const outlineLength = (values: number[], width: number) =>
    outlineOf({ width, height: values.length / width, values: Float32Array.from(values) }).reduce(
      (sum, [x0, y0, x1, y1]) => sum + Math.hypot(x1 - x0, y1 - y0),
      0,
    );

  test('is closed: each end is shared by two pieces', () => {
    const values = Float32Array.from({ length: 48 }, (_, i) => ((i * 7) % 5 < 2 ? 1 : 0));
    const ends = new Map<string, number>();
    for (const [x0, y0, x1, y1] of outlineOf({ width: 8, height: 6, values })) {
      for (const end of [`${x0},${y0}`, `${x1},${y1}`]) ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    expect(new Set(ends.values())).toEqual(new Set([2]));
  });

  test('goes round a pixel as a diamond and round a plane on its border', () => {
    expect(outlineLength([0, 0, 0, 0, 1, 0, 0, 0, 0], 3)).toBeCloseTo(4 * Math.SQRT1_2, 12);
    expect(outlineLength([1, 1, 1, 1], 2)).toBeCloseTo(4 + 4 * Math.SQRT1_2, 12);
    expect(outlineLength([0, 0.5, 0, 0], 2)).toBe(0);
  });
});
