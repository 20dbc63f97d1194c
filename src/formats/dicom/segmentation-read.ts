/**
 * A DICOM Segmentation to a volume with one channel a segment. Its frames are planes of single segments in any order, and
 * planes without anything are not there: each frame is put where its own position says. The grid is that of the series
 * which was segmented, when it is given; otherwise the smallest even stack of planes that holds all frames. What does not
 * lie on the grid is refused: nothing is resampled.
 */
import { VolumeError } from '../../errors.ts';
import { invertAffine, mapPoint } from '../../volume/affine.ts';
import { type Shape, type Volume, voxelCount } from '../../volume/volume.ts';
import { DEFAULT_MAX_BYTES, gigabytes } from '../nifti/checks.ts';
import { type Code, readCode } from './codes.ts';
import { decodeFrame } from './frames.ts';
import { planeNormal, type Vector3 } from './geometry.ts';
import { GROUPS } from './headers.ts';
import type { DicomObject } from './object.ts';
import { objectPlanes, type Plane } from './planes.ts';
import type { DecodedDicom } from './series.ts';
import { DEFLATED_LITTLE, EXPLICIT_LITTLE, IMPLICIT_LITTLE, syntaxName } from './syntaxes.ts';

/** What a segmentation says of one of its segments. */
export interface Segment {
  readonly number: number;
  readonly label: string;
  readonly description?: string;
  /** AUTOMATIC, SEMIAUTOMATIC or MANUAL, as it is written there. */
  readonly algorithmType?: string;
  readonly algorithmName?: string;
  readonly category?: Code;
  readonly type?: Code;
}

export interface DecodedSegmentation {
  /** One channel a segment, in their order: 0 or 1, or parts of 1 where the kind is FRACTIONAL. */
  readonly volume: Volume;
  readonly segments: readonly Segment[];
  readonly kind: SegmentationKind;
}

export type SegmentationKind = 'BINARY' | 'FRACTIONAL' | 'LABELMAP';

export interface SegmentationDecodeOptions {
  /** The series that was segmented: the volume is on its grid. */
  readonly reference?: DecodedDicom;
  /** The segments to be read, by number or label, in the order of the channels; all unless given. */
  readonly segments?: readonly (number | string)[];
  /** Most bytes that the volume may take; 8 GiB unless given. */
  readonly maxBytes?: number;
}

const STORAGE: Readonly<Record<string, 'SEG' | 'LABELMAP'>> = {
  '1.2.840.10008.5.1.4.1.1.66.4': 'SEG',
  '1.2.840.10008.5.1.4.1.1.66.7': 'LABELMAP',
};
/** One bit a pixel knows no compression but the whole data set's, which is undone by now. */
const NATIVE = [IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE];
/** Voxels by which a frame's corners may lie beside those of the grid: a series itself may be uneven by half of it. */
const ON_GRID = 0.1;
/** Planes are an even stack if each is as near to its place as this, in steps between planes. */
const EVEN = 0.05;

const DAMAGED = 'It is damaged: export or download it again.';

/** Where a frame's pixels go in a channel: first + row · stepRow + column · stepColumn. */
interface Placement {
  readonly first: number;
  readonly stepRow: number;
  readonly stepColumn: number;
}

/** Grid of the volume. */
type Grid = Pick<Volume, 'shape' | 'geometry'>;

/**
 * Reads a Segmentation: BINARY, FRACTIONAL (values divided by their maximum) or a label map. Segments may overlap. A frame
 * may be turned or flipped against the reference's planes, and hold a part of one.
 * @throws VolumeError when the object is no segmentation or damaged, when a chosen segment is not there, and when frames lie
 *   on no even grid or not on the reference's.
 */
export async function decodeSegmentation(
  object: DicomObject,
  options: SegmentationDecodeOptions = {},
): Promise<DecodedSegmentation> {
  const { name } = object;
  const { maxBytes = DEFAULT_MAX_BYTES, reference } = options;
  const kind = segmentationKind(object);
  const [rows, columns] = [count(object, '00280010', 'Rows'), count(object, '00280011', 'Columns')];
  const planes = objectPlanes(object);
  const all = readSegments(object, kind);
  const segments = chooseSegments(all, options.segments, name);
  if (reference) checkFrameOfReference(object, reference);
  const grid = reference?.volume ?? hullOfPlanes(planes, [rows, columns], name);
  const toGrid = invertAffine(grid.geometry.affine);
  const placements = planes.map((plane) => placeOnGrid(plane, grid, toGrid, reference !== undefined));

  const voxels = voxelCount(grid.shape);
  const bytes = 4 * voxels * segments.length;
  if (bytes > maxBytes) {
    throw new VolumeError(
      name,
      `Its ${segments.length} segments of ${grid.shape.join(' × ')} voxels would take ${gigabytes(bytes)}, more than the limit of ${gigabytes(maxBytes)}.`,
      { remedy: 'Choose some of the segments, or raise the limit if there is memory for it.' },
    );
  }
  const channels = new Map(segments.map(({ number }, channel) => [number, channel]));
  const known = new Set(all.map(({ number }) => number));
  const valuesOf = frameReader(object, kind, rows * columns, planes.length);
  // A header may announce more than there is: that comes out here, before there is memory for it.
  await valuesOf(0, planes[0].label);
  const data = new Float32Array(voxels * segments.length);
  const taken = new Set<string>();
  const background = kind === 'LABELMAP' ? backgroundValue(object) : undefined;

  for (let frame = 0; frame < planes.length; frame++) {
    const { label } = planes[frame];
    const segment = kind === 'LABELMAP' ? undefined : segmentOfFrame(planes[frame], known);
    const at = `${segment}:${placements[frame].first}`;
    if (taken.has(at)) {
      throw new VolumeError(label, 'Another frame of the same segment lies at the same place.', {
        remedy: 'Give a segmentation of a single point in time, with one frame a plane and segment.',
      });
    }
    taken.add(at);
    if (segment !== undefined && !channels.has(segment)) continue;
    const values = await valuesOf(frame, label);
    const { first, stepRow, stepColumn } = placements[frame];
    const base = segment === undefined ? 0 : channels.get(segment)! * voxels;
    for (let row = 0, pixel = 0; row < rows; row++) {
      let to = base + first + row * stepRow;
      for (let column = 0; column < columns; column++, pixel++, to += stepColumn) {
        const value = values[pixel];
        if (segment !== undefined) {
          data[to] = value;
        } else if (value !== background) {
          const channel = channels.get(value);
          if (channel !== undefined) data[channel * voxels + to] = 1;
          else if (!known.has(value)) {
            throw new VolumeError(label, `It has pixels of segment ${value}, which is not described.`, {
              remedy: DAMAGED,
            });
          }
        }
      }
    }
  }
  const { shape, geometry } = grid;
  return { volume: { name, data, channels: segments.length, shape, geometry }, segments, kind };
}

function segmentationKind({ name, dataset }: DicomObject): SegmentationKind {
  const storage = STORAGE[dataset.string('00080016') ?? ''];
  if (!storage) {
    throw new VolumeError(
      name,
      `This is no segmentation (its SOP class is ${dataset.string('00080016') ?? 'not said'}).`,
      { remedy: 'Give a DICOM object of the class Segmentation Storage or Label Map Segmentation Storage.' },
    );
  }
  const said = dataset.string('00620001');
  if (storage === 'LABELMAP' || said === 'LABELMAP') return 'LABELMAP';
  if (said === 'BINARY' || said === 'FRACTIONAL') return said;
  throw new VolumeError(name, `Its Segmentation Type is ${said ?? 'not said'}.`, {
    remedy: 'Export it as BINARY, FRACTIONAL or LABELMAP.',
  });
}

function count({ name, dataset }: DicomObject, tag: string, attribute: string): number {
  const value = dataset.number(tag);
  if (value !== undefined && Number.isInteger(value) && value > 0) return value;
  throw new VolumeError(name, `Its ${attribute} is ${value ?? 'not said'}.`, { remedy: DAMAGED });
}

/** The value of a label map's pixels that are in no segment. */
function backgroundValue({ dataset }: DicomObject): number {
  return dataset.number('00280120') ?? 0;
}

function readSegments(object: DicomObject, kind: SegmentationKind): Segment[] {
  const { name, dataset } = object;
  const items = dataset.sequence('00620002');
  const segments = items.map((item): Segment => {
    const number = item.number('00620004');
    if (number === undefined) {
      throw new VolumeError(name, 'One of its segments has no number.', { remedy: DAMAGED });
    }
    return {
      number,
      label: item.string('00620005') ?? `Segment ${number}`,
      description: item.string('00620006'),
      algorithmType: item.string('00620008'),
      algorithmName: item.string('00620009'),
      category: readCode(item.sequence('00620003')[0]),
      type: readCode(item.sequence('0062000f')[0]),
    };
  });
  // A label map describes its background too, and says by its padding value which it is.
  const background = kind === 'LABELMAP' ? backgroundValue(object) : undefined;
  const foreground = segments.filter(({ number }) => number !== background);
  if (foreground.length === 0) {
    throw new VolumeError(name, 'It describes no segments.', { remedy: DAMAGED });
  }
  if (new Set(foreground.map(({ number }) => number)).size < foreground.length) {
    throw new VolumeError(name, 'It has segments of the same number.', { remedy: DAMAGED });
  }
  return foreground;
}

function chooseSegments(
  all: readonly Segment[],
  choice: readonly (number | string)[] | undefined,
  name: string,
): readonly Segment[] {
  return (
    choice?.map((wanted) => {
      const found = all.filter(({ number, label }) => number === wanted || label === wanted);
      if (found.length === 1) return found[0];
      const list = all.map(({ number, label }) => `${number} ("${label}")`).join(', ');
      throw new VolumeError(
        name,
        `It has ${found.length === 0 ? 'no segment' : 'several segments'} ${typeof wanted === 'number' ? wanted : `"${wanted}"`}.`,
        { remedy: `Choose by number or label: ${list}.` },
      );
    }) ?? all
  );
}

function segmentOfFrame({ header, label }: Plane, known: ReadonlySet<number>): number {
  const number = header('0062000b', '0062000a')?.number('0062000b');
  if (number !== undefined && known.has(number)) return number;
  throw new VolumeError(
    label,
    number === undefined
      ? 'It does not say to which segment it belongs.'
      : `It belongs to segment ${number}, which is not described.`,
    { remedy: DAMAGED },
  );
}

function checkFrameOfReference({ name, dataset }: DicomObject, { slices, volume }: DecodedDicom): void {
  const own = dataset.string('00200052');
  const other = slices[0].object.dataset.string('00200052');
  if (own === undefined || other === undefined || own === other) return;
  throw new VolumeError(
    name,
    `Its coordinates are of another frame of reference (${own}) than those of ${volume.name ?? 'the series'} (${other}).`,
    { remedy: 'Give the series that was segmented, or read it on its own grid.' },
  );
}

/** The smallest even stack of planes that holds all of them. */
function hullOfPlanes(
  planes: readonly Plane[],
  [rows, columns]: readonly [number, number],
  name: string,
): Grid {
  const [first] = planes;
  const normal = planeNormal(first);
  const along = (position: Vector3) => position.reduce((sum, part, i) => sum + part * normal[i], 0);
  const lowest = planes.reduce((low, plane) => (along(plane.position) < along(low.position) ? plane : low));
  const heights = planes
    .map(({ position }) => along(position) - along(lowest.position))
    .sort((a, b) => a - b);
  const { step, depth } = evenStep(heights, first, name);
  const columnsOfAffine = [
    first.rowDirection.map((part) => part * first.pixelSpacing[1]),
    first.columnDirection.map((part) => part * first.pixelSpacing[0]),
    normal.map((part) => part * step),
    lowest.position,
  ];
  // LPS to RAS; adding 0 makes −0 a 0.
  const row = (r: number) => columnsOfAffine.map((column) => (r < 2 ? -column[r] : column[r]) + 0);
  return {
    shape: [depth, rows, columns],
    geometry: { affine: [...row(0), ...row(1), ...row(2), 0, 0, 0, 1] },
  };
}

/**
 * Distance and number of planes of the even stack on which all heights (sorted, from 0) lie: by the distance that the object
 * tells, which knows of planes left out between all others, or by the smallest between two frames.
 */
function evenStep(
  heights: readonly number[],
  { header, depth }: Plane,
  name: string,
): { step: number; depth: number } {
  const told = Math.abs(header('00180088', GROUPS.measures)?.number('00180088') ?? 0);
  const last = heights[heights.length - 1];
  const same = EVEN * (depth?.millimetres ?? 0.2);
  const gaps = heights.slice(1).map((height, i) => height - heights[i]);
  const smallest = Math.min(...gaps.filter((gap) => gap > same));
  if (!Number.isFinite(smallest)) {
    if (depth) return { step: depth.millimetres, depth: 1 };
    throw new VolumeError(name, 'Its frames lie in one plane, and nothing says how thick it is.', {
      remedy: 'Give the series that was segmented.',
    });
  }
  for (const distance of [told, smallest]) {
    const steps = Math.round(last / distance);
    const step = last / steps;
    const even = heights.every((height) => Math.abs(height / step - Math.round(height / step)) <= EVEN);
    // Over many planes a distance that was rounded adds up; a wrong one is wrong for the first of them.
    if (steps > 0 && Math.abs(step / distance - 1) <= EVEN && even) return { step, depth: steps + 1 };
  }
  throw new VolumeError(
    name,
    `Its frames are unevenly spaced: the smallest distance between two of them is ${Number(smallest.toFixed(4))} mm, and the others are no multiples of it.`,
    { remedy: 'Give the series that was segmented.' },
  );
}

/** Where a frame's pixels go in a channel of the grid. */
function placeOnGrid(plane: Plane, grid: Grid, toGrid: readonly number[], given: boolean): Placement {
  const [rows, columns] = plane.size;
  const corner = (row: number, column: number) => {
    const [x, y, z] = plane.position.map(
      (part, i) =>
        part +
        plane.rowDirection[i] * column * plane.pixelSpacing[1] +
        plane.columnDirection[i] * row * plane.pixelSpacing[0],
    );
    return mapPoint(toGrid, [-x, -y, z]);
  };
  const corners = [corner(0, 0), corner(0, columns - 1), corner(rows - 1, 0), corner(rows - 1, columns - 1)];
  const nearest = corners.map((point) => point.map(Math.round));
  const off = Math.max(
    ...corners.flatMap((point, i) => point.map((part, j) => Math.abs(part - nearest[i][j]))),
  );
  const lengths = [...grid.shape].reverse();
  const outside = nearest.some((point) => point.some((index, axis) => index < 0 || index >= lengths[axis]));
  const stepTo = (to: number, many: number) =>
    nearest[to].map((index, axis) => (many > 0 ? (index - nearest[0][axis]) / many : 0));
  const [alongRow, alongColumn] = [stepTo(1, columns - 1), stepTo(2, rows - 1)];
  const isUnit = (step: readonly number[], many: number) =>
    many === 0 || (step.every(Number.isInteger) && step.reduce((sum, part) => sum + Math.abs(part), 0) === 1);
  const unit = isUnit(alongRow, columns - 1) && isUnit(alongColumn, rows - 1);
  if (!(off <= ON_GRID) || outside || !unit) {
    const against = given
      ? 'the grid of the series that is to hold it'
      : "the grid of the object's other frames";
    const how =
      !unit || !(off <= ON_GRID) ? 'Its pixels lie between or across the voxels of' : 'It reaches beyond';
    throw new VolumeError(plane.label, `${how} ${against}.`, {
      remedy: given
        ? 'Give the series that was segmented, or read it on its own grid and resample it.'
        : 'Give the series that was segmented.',
    });
  }
  const strides = gridStrides(grid.shape);
  const index = (point: readonly number[]) =>
    point.reduce((sum, part, axis) => sum + part * strides[axis], 0);
  return { first: index(nearest[0]), stepRow: index(alongColumn), stepColumn: index(alongRow) };
}

/** Steps through an array along x, y and z. */
function gridStrides([, height, width]: Shape): Vector3 {
  return [1, width, width * height];
}

/** How a frame's values are read: parts of 1, or numbers of segments in a label map. */
function frameReader(
  object: DicomObject,
  kind: SegmentationKind,
  pixels: number,
  frames: number,
): (frame: number, label: string) => Promise<ArrayLike<number>> {
  const { name, dataset, transferSyntax } = object;
  if (kind !== 'BINARY') {
    const maximum = kind === 'FRACTIONAL' ? count(object, '0062000e', 'Maximum Fractional Value') : 1;
    return async (frame, label) => {
      const { values } = await decodeFrame(object, frame);
      if (kind === 'LABELMAP') return values;
      return Float32Array.from(values, (value) => {
        if (value >= 0 && value <= maximum) return value / maximum;
        throw new VolumeError(
          label,
          `It has a value of ${value}, and the largest is said to be ${maximum}.`,
          {
            remedy: DAMAGED,
          },
        );
      });
    };
  }
  if (!NATIVE.includes(transferSyntax)) {
    throw new VolumeError(name, `Its one bit a pixel is packed as ${syntaxName(transferSyntax)}.`, {
      remedy: 'Export it in Explicit VR Little Endian.',
    });
  }
  const allocated = dataset.number('00280100');
  if (allocated !== 1) {
    throw new VolumeError(name, `It is BINARY, but with ${allocated ?? 'no'} bits a pixel.`, {
      remedy: DAMAGED,
    });
  }
  const bytes = dataset.bytes('7fe00010') ?? new Uint8Array();
  const expected = Math.ceil((frames * pixels) / 8);
  if (bytes.length < expected) {
    throw new VolumeError(
      name,
      `Its pixels end after ${bytes.length} of the ${expected} bytes that ${frames} frames of one bit a pixel take.`,
      { remedy: DAMAGED },
    );
  }
  return async (frame) => {
    const values = new Uint8Array(pixels);
    // Frames follow each other without a gap: one may begin within a byte.
    for (let i = 0, bit = frame * pixels; i < pixels; i++, bit++) {
      values[i] = (bytes[Math.floor(bit / 8)] >> (bit % 8)) & 1;
    }
    return values;
  };
}
