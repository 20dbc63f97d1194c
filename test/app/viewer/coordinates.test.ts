/** Places on the canvas and voxels, in every orientation an array can have. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  axesInOrder,
  type Frame,
  frameOf,
  grown,
  keptInSight,
  moved,
  nearestVoxel,
  stepInView,
  toCanvas,
  toVoxel,
} from '../../../src/app/viewer/coordinates.ts';
import { type Axis, extractPlane, planeView } from '../../../src/report/planes.ts';
import { createVolume, type Shape, type Vector } from '../../../src/volume/volume.ts';

const shape: Shape = [5, 7, 9];
/** Signed permutations of the axes with unequal spacing, as affines. */
const affines = [
  [2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1],
  [-2, 0, 0, 8, 0, -3, 0, 9, 0, 0, 4, 0, 0, 0, 0, 1],
  [0, 0, 4, 0, -2, 0, 0, 5, 0, -3, 0, 7, 0, 0, 0, 1],
  [0, 3, 0, 0, 0, 0, -4, 1, 2, 0, 0, 0, 0, 0, 0, 1],
];
const anyPlane = fc.record({
  affine: fc.constantFrom(...affines),
  axis: fc.constantFrom<Axis>(0, 1, 2),
  zoom: fc.double({ min: 1, max: 6, noNaN: true }),
  voxel: fc.tuple(fc.nat(shape[0] - 1), fc.nat(shape[1] - 1), fc.nat(shape[2] - 1)),
  canvas: fc.record({ width: fc.integer({ min: 50, max: 900 }), height: fc.integer({ min: 50, max: 900 }) }),
});

describe('places on a plane', () => {
  it('of a voxel lead back to it, whatever the orientation and the zoom', () => {
    fc.assert(
      fc.property(anyPlane, ({ affine, axis, zoom, voxel, canvas }) => {
        const place = { shape, geometry: { affine } };
        const view = planeView(place.geometry, axis);
        const frame = frameOf(view, place, canvas, zoom, voxel);
        const back = toVoxel(view, shape, frame, toCanvas(view, shape, frame, voxel), voxel);
        expect(nearestVoxel(back, shape)).toEqual(voxel);
      }),
    );
  });

  it('are those where the picture shows the voxel', () => {
    for (const affine of affines) {
      for (const axis of [0, 1, 2] as const) {
        const voxel: Vector = [1, 2, 6];
        const data = new Float32Array(shape[0] * shape[1] * shape[2]);
        data[(voxel[0] * shape[1] + voxel[1]) * shape[2] + voxel[2]] = 1;
        const view = planeView({ affine }, axis);
        const plane = extractPlane(createVolume(data, shape), view, voxel[axis]);
        const at = plane.values.indexOf(1);
        const frame: Frame = { left: 10, top: 20, width: 10 * plane.width, height: 10 * plane.height };
        expect(toCanvas(view, shape, frame, voxel)).toEqual([
          expect.closeTo(10 + 10 * ((at % plane.width) + 0.5), 9),
          expect.closeTo(20 + 10 * (Math.floor(at / plane.width) + 0.5), 9),
        ]);
      }
    }
  });

  it('keep the crosshair in sight at every zoom, and true proportions', () => {
    fc.assert(
      fc.property(anyPlane, ({ affine, axis, zoom, voxel, canvas }) => {
        const place = { shape, geometry: { affine } };
        const view = planeView(place.geometry, axis);
        const frame = frameOf(view, place, canvas, zoom, voxel);
        const [x, y] = toCanvas(view, shape, frame, voxel);
        expect(x >= 0 && x <= canvas.width && y >= 0 && y <= canvas.height).toBe(true);
        const size = (a: Axis) => shape[a] * Math.hypot(affine[2 - a], affine[6 - a], affine[10 - a]);
        const wanted = size(view.columns.axis) / size(view.rows.axis);
        // Whole pixels: half a pixel of the fitted picture either way.
        const slack = (0.5 * zoom) / frame.width + (0.5 * zoom) / frame.height;
        expect(Math.abs(frame.width / frame.height / wanted - 1)).toBeLessThan(1.2 * slack + 1e-9);
      }),
    );
  });

  it('outside the picture are taken for its edge', () => {
    const view = planeView({ affine: affines[0] }, 0);
    const frame: Frame = { left: 0, top: 0, width: 90, height: 70 };
    const corners = [
      toVoxel(view, shape, frame, [-500, -500], [2, 3, 4]),
      toVoxel(view, shape, frame, [500, 500], [2, 3, 4]),
    ];
    // RAS+: the patient's right, where x is large, is on the left; the front, where y is, on top.
    expect(corners).toEqual([
      [2, 6, 8],
      [2, 0, 0],
    ]);
  });

  it('a step to the right moves right in the picture, a step down moves down', () => {
    for (const affine of affines) {
      for (const axis of [0, 1, 2] as const) {
        const view = planeView({ affine }, axis);
        const frame: Frame = { left: 0, top: 0, width: 100, height: 100 };
        const from: Vector = [2, 3, 4];
        const [x, y] = toCanvas(view, shape, frame, from);
        const [right] = toCanvas(view, shape, frame, stepInView(view, from, 1, 0));
        const [, down] = toCanvas(view, shape, frame, stepInView(view, from, 0, 1));
        expect(right).toBeGreaterThan(x);
        expect(down).toBeGreaterThan(y);
      }
    }
  });
});

describe('a zoomed picture', () => {
  const zoomed = anyPlane.map(({ affine, axis, zoom, voxel, canvas }) => {
    const place = { shape, geometry: { affine } };
    const view = planeView(place.geometry, axis);
    const at = (by: number, centre: Vector) => frameOf(view, place, canvas, by, centre);
    return { view, canvas, zoom, voxel, at };
  });
  const middle: Vector = [2, 3, 4];

  it('goes along with what moves it, as far as it goes', () => {
    fc.assert(
      fc.property(zoomed, fc.integer({ min: -60, max: 60 }), ({ view, canvas, at }, by) => {
        const before = at(5, middle);
        const after = at(5, moved(view, shape, before, canvas, [by, 0], middle));
        const ends = Math.min(canvas.width - before.width, 0);
        const wanted = before.width <= canvas.width ? before.left : before.left + by;
        // Half a voxel at the ends, where the middle of the canvas would lie outside the volume.
        const slack = before.width / shape[view.columns.axis] / 2 + 1e-6;
        expect(
          Math.abs(after.left - Math.min(Math.max(wanted, ends), Math.max(before.left, 0))),
        ).toBeLessThan(slack);
        expect(after.top).toBeCloseTo(before.top, 6);
      }),
    );
  });

  it('grows around the pointer, which stays on what it points at', () => {
    fc.assert(
      fc.property(zoomed, fc.double({ min: 1, max: 1.5, noNaN: true }), ({ view, canvas, at }, by) => {
        const before = at(4, middle);
        // Nearer to the middle than where the ends of the picture hold it.
        const pointer = [0.5 * canvas.width + 2, 0.5 * canvas.height - 3] as const;
        const after = at(4 * by, grown(view, shape, before, canvas, by, pointer, middle));
        const under = (frame: Frame) => toVoxel(view, shape, frame, pointer, middle);
        const larger = before.width > canvas.width && before.height > canvas.height;
        if (!larger) return;
        for (const axis of [0, 1, 2] as const) expect(under(after)[axis]).toBeCloseTo(under(before)[axis], 1);
      }),
    );
  });

  it('stays where it is while the crosshair is seen well, and else brings it in sight', () => {
    fc.assert(
      fc.property(zoomed, ({ view, canvas, zoom, voxel, at }) => {
        const frame = at(zoom, middle);
        const [x, y] = toCanvas(view, shape, frame, voxel);
        const kept = keptInSight(view, shape, frame, canvas, voxel, middle);
        const inside = (place: number, room: number) => place >= 24 && place <= room - 24;
        if (inside(x, canvas.width) && inside(y, canvas.height)) expect(kept).toBe(middle);
        const [seenX, seenY] = toCanvas(view, shape, at(zoom, kept), voxel);
        expect(seenX >= 0 && seenX <= canvas.width && seenY >= 0 && seenY <= canvas.height).toBe(true);
      }),
    );
  });
});

it('planes are looked at in the order axial, coronal, sagittal, whatever the order of the axes', () => {
  for (const affine of affines) {
    const views = ([0, 1, 2] as const).map((axis) => planeView({ affine }, axis));
    expect(axesInOrder(views).map((axis) => views[axis].name)).toEqual(['axial', 'coronal', 'sagittal']);
  }
});
