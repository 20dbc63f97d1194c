/**
 * Planes that lie in the patient become one grid, or they are refused. They are sorted along the normal of the first
 * (row × column direction), and the grid's third step is the way from the first plane to the last, divided evenly: what
 * DICOM says of each voxel's place is what the affine says. Nothing is averaged over: a plane that is missing, doubled,
 * shifted, turned or unevenly far away is a sentence with the numbers. All of it is plain numbers in millimetres, in
 * DICOM's own world (LPS: to the patient's left, back and head) until the last step.
 */
import { listed, VolumeError } from '../../errors.ts';

/** Names that a message gives. */
export const NAMED = 4;

export type Vector3 = readonly [number, number, number];

/** Where a plane of pixels lies: PS3.3 C.7.6.2. */
export interface PlanePlacement {
  /** What sentences call it: its file, and the frame if there are several. */
  readonly label: string;
  /** Rows and columns of pixels. */
  readonly size: readonly [rows: number, columns: number];
  /** Centre of the first pixel (Image Position (Patient)). */
  readonly position: Vector3;
  /** The direction along a row, in which the column index grows (first half of Image Orientation (Patient)). */
  readonly rowDirection: Vector3;
  /** The direction down a column, in which the row index grows (second half). */
  readonly columnDirection: Vector3;
  /** Millimetres from row to row and from column to column (Pixel Spacing, in its order). */
  readonly pixelSpacing: readonly [betweenRows: number, betweenColumns: number];
  /** The coordinate system that the position is of (Frame of Reference UID). */
  readonly frameOfReference?: string;
}

/** How far the next plane would be, for a volume of a single one. */
export interface PlaneDepth {
  readonly millimetres: number;
  /** The attribute that says so. */
  readonly attribute: string;
}

export interface StackPlacement {
  /** Row-major 4×4 from (index on axis 2, 1, 0, 1) to RAS+ millimetres. */
  readonly affine: number[];
  /** For each place on axis 0, the index of the plane that lies there. */
  readonly order: number[];
}

export interface StackOptions {
  /** How thick a single plane is; not asked for where there are several. */
  readonly depth?: PlaneDepth;
  /** What the files say of the gantry's tilt, in degrees, for the sentence that refuses it. */
  readonly tilt?: number;
  /** By what planes at one place differ, given their indices, for the sentence that refuses them. */
  readonly differences?: (planes: readonly number[]) => readonly string[];
}

export interface Trouble {
  readonly problem: string;
  readonly remedy: string;
}

/** Direction cosines of one file have at least three right decimals: half a millimetre over half a metre. */
const ORTHONORMAL_TOLERANCE = 1e-3;
/** Direction cosines of planes of one orientation agree to it. */
const ORIENTATION_TOLERANCE = 1e-4;
/** Pixel spacings of planes of one size agree to it, relative. */
const SPACING_TOLERANCE = 1e-4;
/** Planes this near each other, in millimetres along the normal, are at one place. */
const SAME_PLACE = 1e-3;
/** How far a distance between neighbours may be from the mean, relative. */
const UNEVEN_TOLERANCE = 0.01;
/** How far a plane may be from its place in an even stack, in distances between planes: many small steps add up. */
const DRIFT_TOLERANCE = 0.05;
/** A gap is a whole number of distances if it is as near to it as this, in distances. */
const WHOLE_TOLERANCE = 0.1;
/** Degrees between the normal and the line through the positions. */
const TILT_TOLERANCE = 0.1;
/** Millimetres that a plane may be shifted in itself: positions are often rounded to hundredths. */
const SHIFT_TOLERANCE = 0.02;
const DEGREES = 180 / Math.PI;

const DAMAGED = 'Its header is damaged: export or download it again.';
const ONE_BY_ONE = 'Give only planes that belong together, or convert the series with a program made for it.';
/** What makes an even upright stack of one that is not. */
const RESAMPLE =
  'Resample it to an even, upright grid with a program that is made for that (3D Slicer does it on loading), and give the result.';

export function cross([a, b, c]: Vector3, [x, y, z]: Vector3): Vector3 {
  return [b * z - c * y, c * x - a * z, a * y - b * x];
}

function dot(a: Vector3, b: Vector3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function difference(a: Vector3, b: Vector3): Vector3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

/** The direction of growing indices on axis 0: of length 1, across the plane. */
export function planeNormal({
  rowDirection,
  columnDirection,
}: Pick<PlanePlacement, 'rowDirection' | 'columnDirection'>): Vector3 {
  const normal = cross(rowDirection, columnDirection);
  const length = Math.hypot(...normal);
  return [normal[0] / length, normal[1] / length, normal[2] / length];
}

/** What is wrong with one plane, looked at alone. */
export function planeTrouble(plane: PlanePlacement): Trouble | undefined {
  const { size, position, rowDirection, columnDirection, pixelSpacing } = plane;
  if (!size.every((length) => Number.isInteger(length) && length > 0)) {
    return {
      problem: `It has ${size[0]} rows and ${size[1]} columns (0028,0010 and 0028,0011).`,
      remedy: DAMAGED,
    };
  }
  if (!position.every(Number.isFinite)) {
    return { problem: `Its Image Position (Patient) is ${position.join(', ')}.`, remedy: DAMAGED };
  }
  if (!pixelSpacing.every((distance) => Number.isFinite(distance) && distance > 0)) {
    return { problem: `Its Pixel Spacing is ${pixelSpacing.join(', ')}.`, remedy: DAMAGED };
  }
  const off = Math.max(
    Math.abs(Math.hypot(...rowDirection) - 1),
    Math.abs(Math.hypot(...columnDirection) - 1),
    Math.abs(dot(rowDirection, columnDirection)),
  );
  if (!(off <= ORTHONORMAL_TOLERANCE)) {
    return {
      problem: `Its Image Orientation (Patient) (${[...rowDirection, ...columnDirection].join(', ')}) is not two directions of length 1 at a right angle.`,
      remedy: DAMAGED,
    };
  }
  return undefined;
}

/** Distances of planes along the normal of the first of them, in millimetres from the world's origin. */
export function normalDistances(planes: readonly PlanePlacement[]): number[] {
  const normal = planeNormal(planes[0]);
  return planes.map(({ position }) => dot(position, normal));
}

/** Groups of indices of planes at one place along the normal, in the order of the places. */
export function places(distances: readonly number[]): number[][] {
  const sorted = distances.map((_, i) => i).sort((i, j) => distances[i] - distances[j] || i - j);
  const groups: number[][] = [];
  for (const i of sorted) {
    const group = groups.at(-1);
    if (group && distances[i] - distances[group[0]] <= SAME_PLACE) group.push(i);
    else groups.push([i]);
  }
  return groups;
}

/**
 * Planes as one grid.
 * @param name what errors call them.
 * @throws VolumeError when they are not one even upright stack.
 */
export function stackPlanes(
  planes: readonly PlanePlacement[],
  name: string,
  { depth, tilt, differences }: StackOptions = {},
): StackPlacement {
  for (const plane of planes) refuse(plane.label, planeTrouble(plane));
  refuse(name, mixtureTrouble(planes));
  const distances = normalDistances(planes);
  const groups = places(distances);
  const shared = groups.find((group) => group.length > 1);
  if (shared) {
    refuse(name, sharedTrouble(shared, planes, distances[shared[0]], differences?.(shared) ?? []));
  }
  const order = groups.map(([i]) => i);
  const [first, last] = [planes[order[0]], planes[order[order.length - 1]]];
  const normal = planeNormal(planes[0]);

  let step: Vector3;
  if (order.length === 1) {
    if (!(depth && Number.isFinite(depth.millimetres) && depth.millimetres > 0)) {
      throw new VolumeError(
        name,
        'It is a single plane, and nothing says how thick it is (Spacing Between Slices, Slice Thickness).',
        { remedy: 'Give the other planes of its series too.' },
      );
    }
    step = normal.map((part) => part * depth.millimetres) as unknown as Vector3;
  } else {
    const way = difference(last.position, first.position);
    step = way.map((part) => part / (order.length - 1)) as unknown as Vector3;
    const stack = order.map((i) => planes[i]);
    refuse(name, tiltTrouble(way, normal, tilt));
    refuse(
      name,
      gapTrouble(
        stack,
        order.map((i) => distances[i]),
      ),
    );
    refuse(name, shiftTrouble(stack, normal));
  }

  const { rowDirection, columnDirection, pixelSpacing } = planes[0];
  const columns = [
    rowDirection.map((part) => part * pixelSpacing[1]),
    columnDirection.map((part) => part * pixelSpacing[0]),
    step,
    first.position,
  ];
  // LPS to RAS: what grows to the left and to the back shrinks to the right and to the front. Adding 0 makes −0 a 0.
  const row = (axis: number) => columns.map((column) => (axis < 2 ? -column[axis] : column[axis]) + 0);
  return { affine: [...row(0), ...row(1), ...row(2), 0, 0, 0, 1], order };
}

function refuse(subject: string, trouble: Trouble | undefined): void {
  if (trouble) throw new VolumeError(subject, trouble.problem, { remedy: trouble.remedy });
}

function sharedTrouble(
  shared: readonly number[],
  planes: readonly PlanePlacement[],
  distance: number,
  differences: readonly string[],
): Trouble {
  const by =
    differences.length > 0
      ? `They differ in ${listed(differences, NAMED)}.`
      : 'No attribute that usually tells volumes apart differs between them.';
  return {
    problem: `${shared.length} of its planes are at the same place (${millimetres(distance)} along the normal): ${listed(
      shared.map((i) => planes[i].label),
      NAMED,
    )}. ${by}`,
    remedy: 'Give the planes of one volume alone, for instance in folders of their own.',
  };
}

function mixtureTrouble(planes: readonly PlanePlacement[]): Trouble | undefined {
  const [first] = planes;
  const odd = (differs: (plane: PlanePlacement) => boolean) => planes.find(differs);
  const say = (what: string, other: PlanePlacement, words: (plane: PlanePlacement) => string): Trouble => ({
    problem: `Its planes are not of one ${what}: ${words(first)} in ${first.label}, ${words(other)} in ${other.label}.`,
    remedy: ONE_BY_ONE,
  });

  const size = odd((plane) => plane.size[0] !== first.size[0] || plane.size[1] !== first.size[1]);
  if (size) return say('size', size, (plane) => `${plane.size[0]} rows × ${plane.size[1]} columns`);
  const directions = (plane: PlanePlacement) => [...plane.rowDirection, ...plane.columnDirection];
  const turned = odd((plane) =>
    directions(plane).some((part, i) => Math.abs(part - directions(first)[i]) > ORIENTATION_TOLERANCE),
  );
  if (turned) return say('orientation', turned, (plane) => directions(plane).join(', '));
  const spaced = odd((plane) =>
    plane.pixelSpacing.some(
      (distance, i) => Math.abs(distance / first.pixelSpacing[i] - 1) > SPACING_TOLERANCE,
    ),
  );
  if (spaced) return say('pixel spacing', spaced, (plane) => `${plane.pixelSpacing.join(' × ')} mm`);
  const elsewhere = odd((plane) => plane.frameOfReference !== first.frameOfReference);
  if (elsewhere) return say('frame of reference', elsewhere, (plane) => plane.frameOfReference ?? 'none');
  return undefined;
}

function tiltTrouble(way: Vector3, normal: Vector3, tilt: number | undefined): Trouble | undefined {
  const along = dot(way, normal);
  const aside = Math.hypot(...cross(way, normal));
  const degrees = Math.atan2(aside, along) * DEGREES;
  if (degrees <= TILT_TOLERANCE || aside <= SHIFT_TOLERANCE) return undefined;
  const said = tilt ? `, as its Gantry/Detector Tilt of ${number(tilt)}° says` : '';
  return {
    problem: `Its planes are not above each other: their positions run at ${degrees.toFixed(2)}° to the planes' normal (${number(aside)} mm aside over ${number(along)} mm)${said}.`,
    remedy: RESAMPLE,
  };
}

/** @param stack sorted; `at` their distances along the normal. */
function gapTrouble(stack: readonly PlanePlacement[], at: readonly number[]): Trouble | undefined {
  const gaps = at.slice(1).map((distance, i) => distance - at[i]);
  const median = [...gaps].sort((a, b) => a - b)[(gaps.length - 1) >> 1];
  const holes = gaps
    .map((gap, i) => ({
      i,
      missing: Math.round(gap / median) - 1,
      rest: Math.abs(gap / median - Math.round(gap / median)),
    }))
    .filter(({ missing }) => missing > 0);
  const regular = gaps.every(
    (gap) => Math.abs(gap / median - Math.max(1, Math.round(gap / median))) <= WHOLE_TOLERANCE,
  );
  if (holes.length > 0 && regular) {
    const [{ i, missing }] = holes;
    const count = holes.reduce((sum, hole) => sum + hole.missing, 0);
    return {
      problem:
        `${count === 1 ? 'A plane is' : `${count} planes are`} missing: from ${millimetres(at[i])} (${stack[i].label}) to ` +
        `${millimetres(at[i + 1])} along the normal (${stack[i + 1].label}) it is ${number(gaps[i])} mm, and ${number(median)} mm between the others, ` +
        `so that ${missing} ${missing === 1 ? 'is' : 'are'} missing there${holes.length > 1 ? `, and more in ${holes.length - 1} other places` : ''}.`,
      remedy: 'Copy, export or download the series again, with all its files.',
    };
  }
  const mean = (at[at.length - 1] - at[0]) / gaps.length;
  const worst = gaps.reduce(
    (most, gap, i) => (Math.abs(gap - mean) > Math.abs(gaps[most] - mean) ? i : most),
    0,
  );
  if (Math.abs(gaps[worst] - mean) > UNEVEN_TOLERANCE * mean) {
    return {
      problem:
        `Its planes are unevenly spaced: from ${number(Math.min(...gaps))} to ${number(Math.max(...gaps))} mm, more than 1 % off the mean of ${number(mean)} mm, ` +
        `most between ${stack[worst].label} and ${stack[worst + 1].label}.`,
      remedy: RESAMPLE,
    };
  }
  const drift = Math.max(...at.map((distance, i) => Math.abs(distance - at[0] - i * mean)));
  if (drift > DRIFT_TOLERANCE * mean) {
    return {
      problem: `Its planes are unevenly spaced: the distances, ${number(Math.min(...gaps))} to ${number(Math.max(...gaps))} mm, add up so that a plane is ${number(drift)} mm from where even spacing would have it.`,
      remedy: RESAMPLE,
    };
  }
  return undefined;
}

/** A plane beside the line from the first to the last. */
function shiftTrouble(stack: readonly PlanePlacement[], normal: Vector3): Trouble | undefined {
  const first = stack[0].position;
  const way = difference(stack[stack.length - 1].position, first);
  const length = dot(way, normal);
  const tolerance = Math.max(SHIFT_TOLERANCE, UNEVEN_TOLERANCE * Math.min(...stack[0].pixelSpacing));
  for (const { position, label } of stack) {
    const here = difference(position, first);
    const share = dot(here, normal) / length;
    const aside = Math.hypot(
      ...cross(difference(here, way.map((part) => part * share) as unknown as Vector3), normal),
    );
    if (aside > tolerance) {
      return {
        problem: `Its planes are not above each other: ${label} is shifted in its plane by ${number(aside)} mm.`,
        remedy: RESAMPLE,
      };
    }
  }
  return undefined;
}

/** A number for a sentence: four decimals at most. */
export function number(value: number): string {
  return String(Number(value.toFixed(4)));
}

function millimetres(value: number): string {
  return `${number(value)} mm`;
}
