/**
 * Between voxels and places on a canvas. A plane's picture is fitted into its canvas in true proportions, or larger by the
 * zoom and then so that the crosshair stays in sight; `frameOf` says where it lies, and the others go to and fro.
 */
import { type Axis, fitView, type PlaneView, placeOf } from '../../report/planes.ts';
import type { Shape, Vector } from '../../volume/volume.ts';
import type { Place } from '../protocol.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where a picture lies on its canvas. */
export interface Frame extends Size {
  readonly left: number;
  readonly top: number;
}

/** @param zoom 1 fits the whole picture into the canvas. */
export function frameOf(view: PlaneView, place: Place, canvas: Size, zoom: number, crosshair: Vector): Frame {
  const fitted = fitView(view, place, canvas);
  const [width, height] = [fitted.width * zoom, fitted.height * zoom];
  const at = (axis: Axis) => placeOf(view, place.shape, axis, crosshair[axis]);
  return {
    width,
    height,
    left: along(canvas.width, width, at(view.columns.axis)),
    top: along(canvas.height, height, at(view.rows.axis)),
  };
}

/** In the middle where there is room; else so that the place is as near to the middle as the picture's ends allow. */
function along(room: number, length: number, place: number): number {
  if (length <= room) return (room - length) / 2;
  return Math.min(0, Math.max(room - length, room / 2 - place * length));
}

/** Where a voxel's centre lies on the canvas. */
export function toCanvas(view: PlaneView, shape: Shape, frame: Frame, voxel: Vector): [x: number, y: number] {
  const at = (axis: Axis) => placeOf(view, shape, axis, voxel[axis]);
  return [frame.left + at(view.columns.axis) * frame.width, frame.top + at(view.rows.axis) * frame.height];
}

/** The point of the plane through `crosshair` at a place on the canvas, within the volume; its indices need not be whole. */
export function toVoxel(
  view: PlaneView,
  shape: Shape,
  frame: Frame,
  [x, y]: readonly [number, number],
  crosshair: Vector,
): Vector {
  const voxel: [number, number, number] = [...crosshair];
  const set = ({ axis, flipped }: PlaneView['rows'], fraction: number) => {
    const index = (flipped ? 1 - fraction : fraction) * shape[axis] - 0.5;
    voxel[axis] = Math.min(Math.max(index, 0), shape[axis] - 1);
  };
  set(view.columns, (x - frame.left) / frame.width);
  set(view.rows, (y - frame.top) / frame.height);
  return voxel;
}

/** The voxel that a point lies in. */
export function nearestVoxel(point: Vector, shape: Shape): Vector {
  const index = (axis: Axis) => Math.min(Math.max(Math.round(point[axis]), 0), shape[axis] - 1);
  return [index(0), index(1), index(2)];
}

/** A step in a plane as it is seen: right and down are positive. */
export function stepInView(view: PlaneView, voxel: Vector, right: number, down: number): Vector {
  const moved: [number, number, number] = [...voxel];
  moved[view.columns.axis] += view.columns.flipped ? -right : right;
  moved[view.rows.axis] += view.rows.flipped ? -down : down;
  return moved;
}
