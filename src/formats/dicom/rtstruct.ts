/**
 * Contours of an RT Structure Set (PS3.3 A.19) to a mask. A region of interest is a set of polygons in the
 * patient's millimetres, each in the plane of an image that it was drawn on. On the grid of those images each
 * contour falls into one plane, and what lies inside is filled (contours.ts). Contours that fall between planes or
 * lie across them were drawn on other images, and are refused.
 */
import { listed, VolumeError } from '../../errors.ts';
import { invertAffine, mapPoint } from '../../volume/affine.ts';
import { type Shape, type Volume, voxelCount } from '../../volume/volume.ts';
import { fillPolygons, type Polygon } from './contours.ts';
import type { Dataset, DicomObject } from './object.ts';
import { STORAGE } from './regions.ts';

/** One contour of a region. */
export interface Contour {
  /** CLOSED_PLANAR, CLOSEDPLANAR_XOR, OPEN_PLANAR, OPEN_NONPLANAR or POINT. */
  readonly type: string;
  /** x, y and z of each point in turn, in millimetres of DICOM's world, LPS. */
  readonly points: Float64Array;
  /** SOP instance of the image that it was drawn on. */
  readonly referencedSop?: string;
}

/** One region of interest. */
export interface RegionOfInterest {
  readonly number: number;
  readonly name: string;
  /** The coordinate system of its points. */
  readonly frameOfReference?: string;
  readonly contours: readonly Contour[];
}

export interface ContourStructure {
  /** What errors call it. */
  readonly name: string;
  readonly rois: readonly RegionOfInterest[];
}

export interface ContourMaskOptions {
  /** Name or number of the region; may be left out when only one has closed contours. */
  readonly roi?: string;
  /** The coordinate system of the grid: regions of another are refused. */
  readonly frameOfReference?: string;
}

export interface ContourMask {
  /** One channel of 0 and 1, on the grid. */
  readonly volume: Volume;
  readonly roi: RegionOfInterest;
  /** What was passed over, as sentences. */
  readonly notes: readonly string[];
}

const CLOSED = ['CLOSED_PLANAR', 'CLOSEDPLANAR_XOR'];
/** How far a contour's points may be from their plane, in planes: farther, and another would be as near. */
const NEAR = 0.499;
/** How thick a flat contour may be, in planes. */
const FLAT = 0.5;
/** Contours of one plane are of one height to this, in planes: others would cut each other out of it. */
const SAME_HEIGHT = 0.1;

const DAMAGED = 'It is damaged: export or download it again.';
const DRAWN_ON = 'Give the series on whose images the contours were drawn.';

/**
 * All regions of an RT Structure Set with their contours, in its order.
 * @throws VolumeError when it is none, or damaged.
 */
export function readContours({ name, dataset }: DicomObject): ContourStructure {
  const storage = dataset.string('00080016');
  if (storage !== STORAGE.structureSet) {
    throw new VolumeError(name, `This is no RT Structure Set (its SOP class is ${storage ?? 'not said'}).`, {
      remedy: 'Give a DICOM object of the class RT Structure Set Storage.',
    });
  }
  const contours = new Map<number, readonly Dataset[]>();
  for (const item of dataset.sequence('30060039')) {
    const number = roiNumber(item, '30060084', name);
    contours.set(number, [...(contours.get(number) ?? []), ...item.sequence('30060040')]);
  }
  const rois = dataset.sequence('30060020').map((item): RegionOfInterest => {
    const number = roiNumber(item, '30060022', name);
    const roi = item.string('30060026') ?? `Region ${number}`;
    return {
      number,
      name: roi,
      frameOfReference: item.string('30060024'),
      contours: (contours.get(number) ?? []).map((contour, i) =>
        readContour(contour, `${name}, contour ${i + 1} of "${roi}"`),
      ),
    };
  });
  const numbers = new Set(rois.map(({ number }) => number));
  if (numbers.size < rois.length) {
    throw new VolumeError(name, 'It has regions of interest of the same number.', { remedy: DAMAGED });
  }
  const stray = [...contours.keys()].find((number) => !numbers.has(number));
  if (stray !== undefined) {
    throw new VolumeError(name, `It has contours of region ${stray}, which is not described.`, {
      remedy: DAMAGED,
    });
  }
  return { name, rois };
}

function roiNumber(item: Dataset, tag: string, name: string): number {
  const number = item.number(tag);
  if (number !== undefined) return number;
  throw new VolumeError(name, 'One of its regions of interest has no number.', { remedy: DAMAGED });
}

function readContour(item: Dataset, label: string): Contour {
  const points = Float64Array.from(item.numbers('30060050'));
  const count = item.number('30060046');
  const problem =
    points.length % 3 !== 0 || points.length === 0
      ? `It has ${points.length} coordinates, which are no points of three.`
      : count !== undefined && count * 3 !== points.length
        ? `It has ${points.length / 3} points and says that they are ${count}.`
        : !points.every(Number.isFinite)
          ? 'Some of its coordinates are no numbers.'
          : undefined;
  if (problem) throw new VolumeError(label, problem, { remedy: DAMAGED });
  return {
    type: item.string('30060042') ?? 'not said',
    points,
    referencedSop: item.sequence('30060016')[0]?.string('00081155'),
  };
}

/** A contour on the grid: its points as x, y, z of voxel indices. */
interface PlacedContour {
  readonly label: string;
  readonly points: Float64Array;
  /** Its extent along x, y and z. */
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * The mask of a region: voxels whose centre lies inside an odd number of its closed contours of their plane, so that
 * contours within contours are holes. Points and open contours enclose nothing and are passed over.
 * @param grid that of the images on which the contours were drawn; its planes may be along any axis.
 * @throws VolumeError when no region or several could be meant, when it has no closed contours, and when its contours
 *   do not lie in the planes of the grid.
 */
export function contourMask(
  structure: ContourStructure,
  grid: Pick<Volume, 'shape' | 'geometry'>,
  options: ContourMaskOptions = {},
): ContourMask {
  const { name } = structure;
  const roi = chooseRoi(structure, options.roi);
  const subject = `${name}, "${roi.name}"`;
  checkFrameOfReference(roi, options.frameOfReference, subject);
  const { shape, geometry } = grid;
  const notes: string[] = [];
  const closed = roi.contours.filter(({ type }) => CLOSED.includes(type));
  const open = roi.contours.filter(({ type }) => !CLOSED.includes(type)).map(({ type }) => type);
  if (open.length > 0) {
    const types = [...new Set(open)].map((type) => `${open.filter((one) => one === type).length} ${type}`);
    notes.push(`"${roi.name}" has contours that enclose nothing and were passed over: ${types.join(', ')}.`);
  }
  if (closed.length === 0) {
    throw new VolumeError(subject, 'It has no closed contours.', {
      remedy: 'Choose another region of interest.',
    });
  }
  const toGrid = invertAffine(geometry.affine);
  const placed = distinct(closed, roi.name, notes).map((contour) => placeContour(contour, roi, toGrid, name));
  const across = axisAcross(placed, subject);
  const planes = intoPlanes(placed, across, shape, notes, roi.name);

  const data = new Float32Array(voxelCount(shape));
  const lengths = [shape[2], shape[1], shape[0]];
  const strides = [1, shape[2], shape[2] * shape[1]];
  const [u, v] = [0, 1, 2].filter((axis) => axis !== across);
  for (const [plane, contours] of planes) {
    const polygons = contours.map(({ points }) => projected(points, u, v));
    fillPolygons(
      polygons,
      {
        width: lengths[u],
        height: lengths[v],
        first: plane * strides[across],
        stepX: strides[u],
        stepY: strides[v],
      },
      data,
    );
  }
  noteOverhang(placed, [u, v], lengths, notes, roi.name);
  noteGaps([...planes.keys()], notes, roi.name);
  return { volume: { name: subject, data, channels: 1, shape, geometry }, roi, notes };
}

function chooseRoi({ name, rois }: ContourStructure, choice: string | undefined): RegionOfInterest {
  const list = listed(
    rois.map(({ number, name: roi, contours }) => {
      const closed = contours.filter(({ type }) => CLOSED.includes(type)).length;
      return `${number} "${roi}" (${closed} closed contour${closed === 1 ? '' : 's'})`;
    }),
    rois.length,
  );
  if (rois.length === 0) {
    throw new VolumeError(name, 'It has no regions of interest.', {
      remedy: 'Give another RT Structure Set.',
    });
  }
  if (choice === undefined) {
    const filled = rois.filter(({ contours }) => contours.some(({ type }) => CLOSED.includes(type)));
    if (filled.length === 1) return filled[0];
    if (filled.length === 0 && rois.length === 1) return rois[0];
    throw new VolumeError(
      name,
      filled.length === 0
        ? 'None of its regions of interest has closed contours.'
        : `It has ${filled.length} regions of interest with closed contours.`,
      { remedy: `Choose one by name or number: ${list}.` },
    );
  }
  // A name goes before a number: regions are called "1" too.
  for (const matches of [
    rois.filter((roi) => roi.name === choice),
    rois.filter((roi) => String(roi.number) === choice),
  ]) {
    if (matches.length === 1) return matches[0];
    if (matches.length > 1) {
      throw new VolumeError(name, `It has ${matches.length} regions of interest "${choice}".`, {
        remedy: `Choose one by number: ${list}.`,
      });
    }
  }
  throw new VolumeError(name, `It has no region of interest "${choice}".`, {
    remedy: `Choose one by name or number: ${list}.`,
  });
}

function checkFrameOfReference(roi: RegionOfInterest, grid: string | undefined, subject: string): void {
  const { frameOfReference: own } = roi;
  if (own === undefined || grid === undefined || own === grid) return;
  throw new VolumeError(
    subject,
    `Its coordinates are of another frame of reference (${own}) than those of the series (${grid}).`,
    { remedy: DRAWN_ON },
  );
}

/** A contour that is there twice would cut itself out. */
function distinct(
  contours: readonly Contour[],
  roi: string,
  notes: string[],
): { contour: Contour; index: number }[] {
  const seen = new Map<string, { contour: Contour; index: number }>();
  contours.forEach((contour, index) => {
    const key = contour.points.join();
    if (!seen.has(key)) seen.set(key, { contour, index });
  });
  const twice = contours.length - seen.size;
  if (twice > 0) {
    notes.push(`"${roi}" has ${twice} contour${twice === 1 ? '' : 's'} twice; once was taken.`);
  }
  return [...seen.values()];
}

function placeContour(
  { contour, index }: { contour: Contour; index: number },
  roi: RegionOfInterest,
  toGrid: readonly number[],
  name: string,
): PlacedContour {
  const points = new Float64Array(contour.points.length);
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = low.map((value) => -value);
  for (let i = 0; i < points.length; i += 3) {
    const [x, y, z] = contour.points.subarray(i, i + 3);
    mapPoint(toGrid, [-x, -y, z]).forEach((value, axis) => {
      points[i + axis] = value;
      low[axis] = Math.min(low[axis], value);
      high[axis] = Math.max(high[axis], value);
    });
  }
  return { label: `${name}, contour ${index + 1} of "${roi.name}"`, points, low, high };
}

/** The axis (0 is x) across which all contours are flat; z where several are. */
function axisAcross(contours: readonly PlacedContour[], subject: string): number {
  const thickness = [0, 1, 2].map((axis) =>
    Math.max(...contours.map(({ low, high }) => high[axis] - low[axis])),
  );
  const across = [2, 1, 0].reduce((best, axis) => (thickness[axis] < thickness[best] ? axis : best));
  if (thickness[across] <= FLAT) return across;
  throw new VolumeError(
    subject,
    `Its contours are tilted against the planes of the grid: one reaches over ${thickness[across].toFixed(1)} of them.`,
    { remedy: DRAWN_ON },
  );
}

/** Contours by the plane in which they lie. */
function intoPlanes(
  contours: readonly PlacedContour[],
  across: number,
  shape: Shape,
  notes: string[],
  roi: string,
): Map<number, PlacedContour[]> {
  const count = shape[2 - across];
  const planes = new Map<number, PlacedContour[]>();
  let farthest = 0;
  for (const contour of contours) {
    const [low, high] = [contour.low[across], contour.high[across]];
    const plane = Math.round((low + high) / 2);
    const off = Math.max(plane - low, high - plane);
    if (!(plane >= 0 && plane < count)) {
      throw new VolumeError(
        contour.label,
        `It lies outside the grid, ${(plane < 0 ? -low : high - count + 1).toFixed(1)} planes beyond its ${plane < 0 ? 'first' : 'last'}.`,
        { remedy: DRAWN_ON },
      );
    }
    if (!(off <= NEAR)) {
      throw new VolumeError(
        contour.label,
        `It lies between two planes of the grid: ${off.toFixed(2)} of the distance from plane ${plane + 1} to the next.`,
        { remedy: DRAWN_ON },
      );
    }
    farthest = Math.max(farthest, off);
    const others = planes.get(plane) ?? [];
    const apart = Math.max(0, ...others.map((other) => Math.abs(other.low[across] - low)));
    if (apart > SAME_HEIGHT) {
      throw new VolumeError(
        contour.label,
        `It falls into the same plane of the grid (${plane + 1}) as another contour that lies ${apart.toFixed(2)} of the distance between planes from it.`,
        { remedy: DRAWN_ON },
      );
    }
    planes.set(plane, [...others, contour]);
  }
  if (farthest > SAME_HEIGHT) {
    notes.push(
      `Contours of "${roi}" lie up to ${farthest.toFixed(2)} of the distance between planes beside the planes that they were filled in.`,
    );
  }
  return planes;
}

function projected(points: Float64Array, u: number, v: number): Polygon {
  const polygon = new Float64Array((points.length / 3) * 2);
  for (let i = 0; i < points.length / 3; i++) {
    polygon[2 * i] = points[3 * i + u];
    polygon[2 * i + 1] = points[3 * i + v];
  }
  return polygon;
}

function noteOverhang(
  contours: readonly PlacedContour[],
  inPlane: readonly number[],
  lengths: readonly number[],
  notes: string[],
  roi: string,
): void {
  const over = contours.filter(({ low, high }) =>
    inPlane.some((axis) => low[axis] < -0.5 || high[axis] > lengths[axis] - 0.5),
  ).length;
  if (over > 0) {
    notes.push(
      `${over} contour${over === 1 ? '' : 's'} of "${roi}" reach beyond the edge of the images and were cut there.`,
    );
  }
}

/** Contours drawn on thicker slices leave planes without any. */
function noteGaps(planes: readonly number[], notes: string[], roi: string): void {
  const [first, last] = [Math.min(...planes), Math.max(...planes)];
  const missing = last - first + 1 - planes.length;
  if (missing > 0) {
    notes.push(
      `${missing} of the ${last - first + 1} planes from the first contour of "${roi}" to the last have none.`,
    );
  }
}
