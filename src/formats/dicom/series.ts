/**
 * A series of DICOM objects as a volume. Objects are grouped by series, and a series whose planes lie in one another into
 * the parts that it can be told apart into; the planes of one are put in order by where they lie (geometry.ts), decoded
 * one after the other into one array, and rescaled (rescale.ts); PET becomes SUV (suv.ts). The order in which files
 * come makes no difference.
 */
import { VolumeError } from '../../errors.ts';
import { type Volume, voxelCount } from '../../volume/volume.ts';
import { DEFAULT_MAX_BYTES, gigabytes } from '../nifti/checks.ts';
import { decodeFrame } from './frames.ts';
import { number, stackPlanes } from './geometry.ts';
import type { DicomObject } from './object.ts';
import { differences, parts } from './parts.ts';
import { objectPlanes, type Plane } from './planes.ts';
import { planeRescale, type Rescale, rescaledUnits, rescaleNotes } from './rescale.ts';
import { petScaling } from './suv.ts';

/** Objects of one series, or the part of them that is one volume. */
export interface DicomSeries {
  /** Series Instance UID; with "#1", "#2" … behind it where the series is several volumes of one place. */
  readonly uid: string;
  /** Series Description; for a part, with what it has of its own in parentheses. */
  readonly description: string;
  readonly modality: string;
  readonly number?: number;
  readonly objects: readonly DicomObject[];
  /** For a part: which frames of each object are its own, from 0. All of them unless given. */
  readonly frames?: ReadonlyMap<DicomObject, readonly number[]>;
}

/** An object that is in no series, and why, as a sentence. */
export interface PassedOver {
  readonly name: string;
  readonly reason: string;
}

/** Where a plane of the volume came from. */
export interface SourceSlice {
  readonly object: DicomObject;
  /** From 0. */
  readonly frame: number;
  readonly sopInstance: string;
}

export interface DecodedDicom {
  /** One channel. Axis 0 along the planes' normal (row × column direction), axis 1 down the columns, axis 2 along the rows. */
  readonly volume: Volume;
  /** In the order of axis 0. */
  readonly slices: readonly SourceSlice[];
  /** What was done to the values, as sentences. */
  readonly notes: readonly string[];
  /** What a value is, where the files say it: 'HU', 'SUVbw', 'Bq/ml', 'Gy' … */
  readonly units?: string;
}

export interface DicomDecodeOptions {
  /** Whether PET becomes SUV by body weight; true unless given. Otherwise values are as the files have them. */
  readonly suv?: boolean;
  /** What to do with voxels that are NaN or infinite: 'refuse' unless given; 'zero' makes them 0. */
  readonly nan?: 'refuse' | 'zero';
  readonly signal?: AbortSignal;
  /** Most bytes that the voxels may take as float32; 8 GiB unless given. */
  readonly maxBytes?: number;
}

const TAGS = {
  imageType: '00080008',
  sopClass: '00080016',
  sopInstance: '00080018',
  modality: '00080060',
  description: '0008103e',
  seriesInstance: '0020000e',
  seriesNumber: '00200011',
  instanceNumber: '00200013',
  position: '00200032',
  samples: '00280002',
  rows: '00280010',
  tilt: '00181120',
} as const;
/** Pixel Data, Float Pixel Data, Double Float Pixel Data. */
const PIXELS = ['7fe00010', '7fe00008', '7fe00009'];
/** Segmentation Storage, Label Map Segmentation Storage. */
const SEGMENTATIONS = ['1.2.840.10008.5.1.4.1.1.66.4', '1.2.840.10008.5.1.4.1.1.66.7'];
/** Objects whose files name no series are one together. */
const NO_SERIES = 'none';

/**
 * Objects by series, sorted by series number. Objects that are no images of a volume are left out and said: contours,
 * reports and others without pixels, segmentations, localizers, colour pictures, second copies of a file.
 *
 * Where a series holds several volumes of one place (echoes, b-values, phases), each is a series here, told apart by the
 * first attribute that does so; its uid ends in "#1", "#2" …, in ascending order of the attribute.
 */
export function groupSeries(objects: readonly DicomObject[]): {
  series: DicomSeries[];
  passedOver: readonly PassedOver[];
} {
  const passedOver: PassedOver[] = [];
  const groups = new Map<string, DicomObject[]>();
  const instances = new Map<string, DicomObject[]>();
  for (const object of inOrder(objects)) {
    const reason = strangeness(object) ?? copyOf(object, instances);
    if (reason !== undefined) {
      passedOver.push({ name: object.name, reason });
      continue;
    }
    listed(instances, object.dataset.string(TAGS.sopInstance) ?? '').push(object);
    listed(groups, object.dataset.string(TAGS.seriesInstance) || NO_SERIES).push(object);
  }
  const series = [...groups].flatMap(([uid, members]) => {
    const { dataset } = members[0];
    return partsOf({
      uid,
      description: dataset.string(TAGS.description) ?? '',
      modality: dataset.string(TAGS.modality) ?? '',
      number: dataset.number(TAGS.seriesNumber),
      objects: members,
    });
  });
  series.sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity) || byText(baseUid(a), baseUid(b)));
  return { series, passedOver: passedOver.sort((a, b) => byText(a.name, b.name)) };
}

/** Why an object is no image of a volume. */
function strangeness({ dataset }: DicomObject): string | undefined {
  const modality = dataset.string(TAGS.modality);
  if (!dataset.has(TAGS.rows) || !PIXELS.some((tag) => dataset.has(tag))) {
    return `It holds no image${modality ? ` (${modality})` : ''}.`;
  }
  if (modality === 'SEG' || SEGMENTATIONS.includes(dataset.string(TAGS.sopClass) ?? '')) {
    return 'It is a segmentation, which is read as a mask and not as an image.';
  }
  if (dataset.strings(TAGS.imageType).includes('LOCALIZER')) {
    return 'It is a localizer, a view for planning and not a slice.';
  }
  if ((dataset.number(TAGS.samples) ?? 1) > 1) return 'It is a picture in colour.';
  return undefined;
}

/** The list of a key, begun if there is none. */
function listed<K, V>(lists: Map<K, V[]>, key: K): V[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/** Which object before it an object is a copy of, as a reason: the same instance at the same place with the same pixels. */
function copyOf(object: DicomObject, instances: ReadonlyMap<string, DicomObject[]>): string | undefined {
  const uid = object.dataset.string(TAGS.sopInstance);
  const place = ({ dataset }: DicomObject) =>
    [dataset.string(TAGS.seriesInstance), ...dataset.strings(TAGS.position)].join('\\');
  const twin = uid
    ? instances.get(uid)?.find((other) => place(other) === place(object) && hasSamePixels(other, object))
    : undefined;
  return twin && `It is a copy of ${twin.name}.`;
}

function hasSamePixels(a: DicomObject, b: DicomObject): boolean {
  return PIXELS.every((tag) => {
    const [one, other] = [a.dataset.bytes(tag), b.dataset.bytes(tag)];
    if (one?.length !== other?.length) return false;
    return !one || !other || one.every((byte, i) => byte === other[i]);
  });
}

/** By instance number, then by what is never the same. */
function inOrder(objects: readonly DicomObject[]): DicomObject[] {
  const keys = new Map(
    objects.map((object) => [
      object,
      {
        number: object.dataset.number(TAGS.instanceNumber) ?? Infinity,
        uid: object.dataset.string(TAGS.sopInstance) ?? '',
      },
    ]),
  );
  return [...objects].sort((a, b) => {
    const [x, y] = [keys.get(a)!, keys.get(b)!];
    return (
      (x.number === y.number ? 0 : x.number - y.number) || byText(x.uid, y.uid) || byText(a.name, b.name)
    );
  });
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function partsOf(series: DicomSeries): DicomSeries[] {
  let found: ReturnType<typeof parts>;
  try {
    found = parts(seriesPlanes(series));
  } catch (error) {
    // What is wrong with the series is said when it is decoded: others in the folder may be asked for.
    if (error instanceof VolumeError) return [series];
    throw error;
  }
  if (found.length < 2) return [series];
  return found.map(({ words, planes }, i) => {
    const frames = new Map<DicomObject, number[]>();
    for (const { object, frame } of planes) listed(frames, object).push(frame);
    return {
      ...series,
      uid: `${series.uid}#${i + 1}`,
      description: `${series.description} (${words})`.trim(),
      objects: [...frames.keys()],
      frames,
    };
  });
}

/** The UID that the files have. */
function baseUid({ uid }: DicomSeries): string {
  return uid.split('#')[0];
}

function seriesPlanes({ objects, frames }: DicomSeries): Plane[] {
  return inOrder(objects).flatMap((object) => {
    const planes = objectPlanes(object);
    const own = frames && new Set(frames.get(object));
    return own ? planes.filter(({ frame }) => own.has(frame)) : planes;
  });
}

/**
 * Chooses one series: the only one, or the one that a text names. It is a UID (or the beginning of UIDs before "#"), a
 * series number, a description or a part of one; the first of these that fits any series counts.
 * @param name what errors call the place that the series are from.
 * @param passedOver what else is there, for the sentence that there is no series.
 * @throws VolumeError that lists the series when none or several are meant.
 */
export function chooseSeries(
  series: readonly DicomSeries[],
  name: string,
  choice?: string,
  passedOver: readonly PassedOver[] = [],
): DicomSeries {
  if (series.length === 0) {
    const [first] = passedOver;
    const others =
      passedOver.length > 1 ? ` (and ${passedOver.length - 1} more that are no images of a volume)` : '';
    throw new VolumeError(
      name,
      first
        ? first.name === name && passedOver.length === 1
          ? first.reason
          : `There is no DICOM series to be read as a volume: ${first.name}: ${first.reason}${others}`
        : 'There is no DICOM series in it.',
      { remedy: 'Give the images of a CT, MR or PET series.' },
    );
  }
  const meant = choice === undefined ? series : meantSeries(series, choice);
  if (meant.length === 1) return meant[0];
  const listing = (meant.length > 0 ? meant : series).map((one) => `\n  ${describe(one)}`).join('');
  throw new VolumeError(
    name,
    meant.length === 0
      ? `None of its ${series.length} series has "${choice}" for a UID, a number or in its description:${listing}\n`
      : `${choice === undefined ? 'It holds' : `"${choice}" means`} ${meant.length} series:${listing}\n`,
    { remedy: 'Choose one by its UID, its number or a text in its description (--series).' },
  );
}

function meantSeries(series: readonly DicomSeries[], choice: string): readonly DicomSeries[] {
  const text = choice.trim().toLowerCase();
  const readings: ((one: DicomSeries) => boolean)[] = [
    ({ uid }) => uid === text,
    (one) => baseUid(one) === text,
    (one) => one.number !== undefined && String(one.number) === text,
    ({ description }) => description.toLowerCase() === text,
    ({ description }) => text !== '' && description.toLowerCase().includes(text),
  ];
  return readings.map((fits) => series.filter(fits)).find((found) => found.length > 0) ?? [];
}

/** UID, number, modality, description, count. */
function describe(series: DicomSeries): string {
  const { uid, number: seriesNumber, modality, description, objects } = series;
  const files = objects.length === 1 ? '1 file' : `${objects.length} files`;
  return [
    uid,
    seriesNumber === undefined ? 'no number' : `number ${seriesNumber}`,
    modality || 'no modality',
    description ? `"${description}"` : 'no description',
    files,
  ].join(', ');
}

/**
 * The volume of a series. Values are slope × stored + intercept of each plane in float64, rounded to float32; PET is SUV by
 * body weight unless `suv` is false.
 * @throws VolumeError when its planes are not one even upright stack (a plane missing or doubled, uneven, tilted or mixed),
 *   when a file is damaged or of a kind that is not decoded, or when PET does not give what SUV needs.
 */
export async function decodeSeries(
  series: DicomSeries,
  options: DicomDecodeOptions = {},
): Promise<DecodedDicom> {
  const { suv = true, nan = 'refuse', signal, maxBytes = DEFAULT_MAX_BYTES } = options;
  const name = seriesName(series);
  signal?.throwIfAborted();
  const unsorted = seriesPlanes(series);
  if (unsorted.length === 0) throw new VolumeError(name, 'It holds no image.');
  const depth = unsorted.length === 1 ? unsorted[0].depth : undefined;
  const { affine, order } = stackPlanes(unsorted, name, {
    depth,
    tilt: unsorted[0].object.dataset.number(TAGS.tilt),
    differences: (shared) => differences(shared.map((i) => unsorted[i])),
  });
  const planes = order.map((i) => unsorted[i]);
  const rescales = planes.map(planeRescale);
  const pet = series.modality === 'PT' ? petScaling(planes, name, suv) : undefined;

  const shape = [planes.length, planes[0].size[0], planes[0].size[1]] as const;
  const data = allocate(shape, name, maxBytes);
  for (let d = 0; d < planes.length; d++) {
    signal?.throwIfAborted();
    await fillPlane(data, d, planes[d], rescales[d], pet?.factors[d] ?? 1);
  }
  const notes = [
    ...(depth
      ? [`It is a single plane, ${number(depth.millimetres)} mm thick by its ${depth.attribute}.`]
      : []),
    ...rescaleNotes(planes, rescales),
    ...(pet?.notes ?? []),
    ...notFiniteNotes(data, name, nan),
  ];
  return {
    volume: { name, data, channels: 1, shape, geometry: { affine } },
    slices: planes.map(({ object, frame }) => ({
      object,
      frame,
      sopInstance: object.dataset.string(TAGS.sopInstance) ?? '',
    })),
    notes,
    units: pet ? pet.units : rescaledUnits(planes[0]),
  };
}

/** What errors and records call a series. */
function seriesName({ uid, description, objects }: DicomSeries): string {
  if (objects.length === 1 && !uid.includes('#')) return objects[0].name;
  return description ? `series "${description}" (${uid})` : `series ${uid}`;
}

function allocate(shape: readonly [number, number, number], name: string, maxBytes: number): Float32Array {
  const bytes = voxelCount(shape) * Float32Array.BYTES_PER_ELEMENT;
  const [planes, rows, columns] = shape;
  const extent = `${columns}×${rows}×${planes}`;
  if (bytes > maxBytes) {
    throw new VolumeError(
      name,
      `Its voxels (${extent}) would take ${gigabytes(bytes)}, more than the limit of ${gigabytes(maxBytes)}.`,
      { remedy: "Crop or resample it, or raise the library's limit maxBytes if there is memory for it." },
    );
  }
  try {
    return new Float32Array(voxelCount(shape));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new VolumeError(
      name,
      `There is no memory for its voxels (${extent}, ${gigabytes(bytes)} as float32).`,
      { remedy: 'Crop or resample it, or use a machine with more memory.', cause },
    );
  }
}

async function fillPlane(
  data: Float32Array,
  d: number,
  { object, frame, size, label }: Plane,
  { slope, intercept }: Rescale,
  factor: number,
): Promise<void> {
  const { values, rows, columns } = await decodeFrame(object, frame);
  const [height, width] = size;
  if (rows !== height || columns !== width || values.length !== height * width) {
    throw new VolumeError(
      label,
      `Its pixels are ${rows} rows × ${columns} columns, and its header says ${height} × ${width}.`,
      { remedy: 'Header and pixels do not belong together: export or download it again.' },
    );
  }
  const start = d * height * width;
  for (let i = 0; i < values.length; i++) data[start + i] = (values[i] * slope + intercept) * factor;
}

function notFiniteNotes(data: Float32Array, name: string, nan: 'refuse' | 'zero'): string[] {
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      data[i] = 0;
      count++;
    }
  }
  if (count === 0) return [];
  if (nan === 'refuse') {
    throw new VolumeError(name, `${count} of its ${data.length} voxels are NaN or infinite in float32.`, {
      remedy:
        "Replace them in the files, or have them read as 0 (nan: 'zero'; on the command line --nan zero).",
    });
  }
  return [`${count} voxels that were NaN or infinite are 0.`];
}
