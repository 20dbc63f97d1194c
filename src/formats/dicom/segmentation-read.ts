/**
 * A DICOM Segmentation to a volume with one channel a segment. Its frames are planes of single segments in any
 * order, and planes without anything are not there: each frame is put where its own position says. The grid is that
 * of the series which was segmented, when it is given; otherwise the smallest even stack of planes that holds all
 * frames. What does not lie on the grid is refused: nothing is resampled.
 */
import { VolumeError } from '../../errors.ts';
import { invertAffine } from '../../volume/affine.ts';
import { type Shape, type Volume, voxelCount } from '../../volume/volume.ts';
import { DEFAULT_MAX_BYTES, gigabytes } from '../decoding.ts';
import { type Code, readCode } from './codes.ts';
import { decodeFrame } from './frames.ts';
import type { DicomObject } from './object.ts';
import { objectPlanes, type Plane } from './planes.ts';
import { STORAGE } from './regions.ts';
import { hullOfPlanes, type Placement, placeOnGrid } from './segmentation-grid.ts';
import type { DecodedDicom } from './series.ts';

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

const CLASSES: Readonly<Record<string, 'SEG' | 'LABELMAP'>> = {
  [STORAGE.segmentation]: 'SEG',
  [STORAGE.labelMap]: 'LABELMAP',
};

const DAMAGED = 'It is damaged: export or download it again.';

/**
 * Reads a Segmentation: BINARY, FRACTIONAL (values divided by their maximum) or a label map. Segments may overlap.
 * A frame may be turned or flipped against the reference's planes, and hold a part of one.
 * @throws VolumeError when the object is no segmentation or damaged, when a chosen segment is not there, and when
 *   frames lie on no even grid or not on the reference's.
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
  if (planes.length === 0) throw new VolumeError(name, 'It holds no frames.', { remedy: DAMAGED });
  const all = readSegments(object, kind);
  const segments = chooseSegments(all, options.segments, name);
  if (reference) checkFrameOfReference(object, reference);
  const grid = reference?.volume ?? hullOfPlanes(planes, [rows, columns], name);
  const toGrid = invertAffine(grid.geometry.affine);
  const placements = planes.map((plane) => placeOnGrid(plane, grid, toGrid, reference !== undefined));

  const read = frameReader(object, kind);
  // A header may announce more than there is: that comes out here, before there is memory for it.
  await read(planes[0], 0);
  const voxels = voxelCount(grid.shape);
  const data = allocate(segments.length, grid.shape, maxBytes, name);
  const known = new Set(all.map(({ number }) => number));
  const bases = new Map(segments.map(({ number }, channel) => [number, channel * voxels]));
  const background = backgroundValue(object);
  const taken = new Set<string>();
  for (let frame = 0; frame < planes.length; frame++) {
    const plane = planes[frame];
    const placement = placements[frame];
    const segment = kind === 'LABELMAP' ? background : segmentOfFrame(plane, known);
    const place = `${segment} ${placement.lowest}`;
    if (taken.has(place)) {
      throw new VolumeError(plane.label, 'Another frame of the same segment lies at the same place.', {
        remedy: 'Give a segmentation of a single point in time, with one frame a plane and segment.',
      });
    }
    taken.add(place);
    if (kind === 'LABELMAP') {
      putLabels(await read(plane, frame), data, placement, { bases, known, background, plane });
    } else {
      const base = bases.get(segment);
      if (base !== undefined) put(await read(plane, frame), data.subarray(base, base + voxels), placement);
    }
  }
  const { shape, geometry } = grid;
  return { volume: { name, data, channels: segments.length, shape, geometry }, segments, kind };
}

function allocate(segments: number, shape: Shape, maxBytes: number, name: string): Float32Array {
  const values = segments * voxelCount(shape);
  const extent = `${segments === 1 ? '1 segment' : `${segments} segments`} of ${shape.join(' × ')} voxels`;
  const remedy = 'Choose some of the segments, or use a machine (and a limit) with more memory.';
  if (4 * values > maxBytes) {
    throw new VolumeError(
      name,
      `Its ${extent} would take ${gigabytes(4 * values)}, more than the limit of ${gigabytes(maxBytes)}.`,
      { remedy },
    );
  }
  try {
    return new Float32Array(values);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new VolumeError(name, `There is no memory for its ${extent} (${gigabytes(4 * values)}).`, {
      remedy,
      cause,
    });
  }
}

/** A frame's values into a channel. */
function put(values: ArrayLike<number>, channel: Float32Array, placement: Placement): void {
  const { rows, columns, first, stepRow, stepColumn } = placement;
  for (let row = 0, pixel = 0; row < rows; row++) {
    let to = first + row * stepRow;
    for (let column = 0; column < columns; column++, pixel++, to += stepColumn) channel[to] = values[pixel];
  }
}

/** A frame of segments' numbers into the channels of those that were chosen. */
function putLabels(
  values: ArrayLike<number>,
  data: Float32Array,
  { rows, columns, first, stepRow, stepColumn }: Placement,
  {
    bases,
    known,
    background,
    plane,
  }: { bases: ReadonlyMap<number, number>; known: ReadonlySet<number>; background: number; plane: Plane },
): void {
  for (let row = 0, pixel = 0; row < rows; row++) {
    let to = first + row * stepRow;
    for (let column = 0; column < columns; column++, pixel++, to += stepColumn) {
      const label = values[pixel];
      if (label === background) continue;
      const base = bases.get(label);
      if (base !== undefined) data[base + to] = 1;
      else if (!known.has(label)) {
        throw new VolumeError(plane.label, `It has pixels of segment ${label}, which is not described.`, {
          remedy: DAMAGED,
        });
      }
    }
  }
}

function segmentationKind({ name, dataset }: DicomObject): SegmentationKind {
  const storage = CLASSES[dataset.string('00080016') ?? ''];
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

/** How a frame's values are read: parts of 1, or numbers of segments in a label map. */
function frameReader(
  object: DicomObject,
  kind: SegmentationKind,
): (plane: Plane, frame: number) => Promise<ArrayLike<number>> {
  const allocated = object.dataset.number('00280100');
  if (kind === 'BINARY' && allocated !== 1) {
    throw new VolumeError(object.name, `It is BINARY, but with ${allocated ?? 'no'} bits a pixel.`, {
      remedy: DAMAGED,
    });
  }
  const maximum = kind === 'FRACTIONAL' ? count(object, '0062000e', 'Maximum Fractional Value') : 1;
  return async ({ label }, frame) => {
    const { values } = await decodeFrame(object, frame);
    if (kind !== 'FRACTIONAL') return values;
    return Float32Array.from(values, (value) => {
      if (value >= 0 && value <= maximum) return value / maximum;
      throw new VolumeError(label, `It has a value of ${value}, and the largest is said to be ${maximum}.`, {
        remedy: DAMAGED,
      });
    });
  };
}
