/**
 * Between voxels and places on a canvas. A plane's picture is fitted into its canvas in true proportions, or larger by the
 * zoom and then with a point of the volume in the middle; `frameOf` says where it lies, and the others go to and fro. The
 * point in the middle is the planes' common one and changes only when a person moves the picture or the crosshair leaves
 * it, so that nothing slips away under the pointer.
 */
import { type Axis, fitView, type PlaneView, placeOf } from '../../report/planes.ts';
import type { Shape, Vector } from '../../volume/volume.ts';
import type { Place } from '../protocol.ts';

/** Planes in the order in which they are looked at, where the volume is straight. */
const NAMES = ['axial', 'coronal', 'sagittal'];

export function axesInOrder(views: readonly PlaneView[]): readonly Axis[] {
  const place = (axis: Axis) => NAMES.indexOf(views[axis].name);
  return ([0, 1, 2] as const).toSorted((a, b) => place(a) - place(b));
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where a picture lies on its canvas. */
export interface Frame extends Size {
  readonly left: number;
  readonly top: number;
}

/**
 * @param zoom 1 fits the whole picture into the canvas.
 * @param centre is in the middle as far as the picture's ends allow.
 */
export function frameOf(view: PlaneView, place: Place, canvas: Size, zoom: number, centre: Vector): Frame {
  const fitted = fitView(view, place, canvas);
  const [width, height] = [fitted.width * zoom, fitted.height * zoom];
  const at = (axis: Axis) => placeOf(view, place.shape, axis, centre[axis]);
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

/** What is in the middle after the picture has been moved by so many points of the canvas. */
export function moved(
  view: PlaneView,
  shape: Shape,
  frame: Frame,
  canvas: Size,
  [x, y]: readonly [number, number],
  centre: Vector,
): Vector {
  return toVoxel(view, shape, frame, [canvas.width / 2 - x, canvas.height / 2 - y], centre);
}

/** What is in the middle after the picture has grown `by` so much around a place on the canvas, which stays. */
export function grown(
  view: PlaneView,
  shape: Shape,
  frame: Frame,
  canvas: Size,
  by: number,
  [x, y]: readonly [number, number],
  centre: Vector,
): Vector {
  const larger = {
    width: frame.width * by,
    height: frame.height * by,
    left: x - (x - frame.left) * by,
    top: y - (y - frame.top) * by,
  };
  return moved(view, shape, larger, canvas, [0, 0], centre);
}

/** Canvas points that the crosshair is kept from the edge, where the picture goes on beyond it. */
const MARGIN = 24;

/** What is in the middle so that a voxel is in sight: the same as before where it is. */
export function keptInSight(
  view: PlaneView,
  shape: Shape,
  frame: Frame,
  canvas: Size,
  voxel: Vector,
  centre: Vector,
): Vector {
  const [x, y] = toCanvas(view, shape, frame, voxel);
  const by = [
    missing(x, canvas.width, frame.left, frame.width),
    missing(y, canvas.height, frame.top, frame.height),
  ] as const;
  return by[0] === 0 && by[1] === 0 ? centre : moved(view, shape, frame, canvas, by, centre);
}

/** How far the picture has to move for a place of it to be seen; no further than the picture goes. */
function missing(place: number, room: number, start: number, length: number): number {
  const margin = Math.min(MARGIN, room / 2);
  if (place < margin) return Math.min(margin - place, Math.max(-start, 0));
  if (place > room - margin) return Math.max(room - margin - place, Math.min(room - start - length, 0));
  return 0;
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
