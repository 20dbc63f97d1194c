/**
 * Which objects of a folder are one volume: those of a series, less what is no image of one, and of a series whose planes
 * lie in one another each part that can be told apart (parts.ts). The order in which objects come makes no difference.
 */
import { VolumeError } from '../../errors.ts';
import type { DicomObject } from './object.ts';
import { parts } from './parts.ts';
import { objectPlanes, type Plane } from './planes.ts';
import { regionKind } from './regions.ts';

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
  /** Series Instance UID, where it has one. */
  readonly series?: string;
}

const TAGS = {
  imageType: '00080008',
  sopInstance: '00080018',
  modality: '00080060',
  description: '0008103e',
  seriesInstance: '0020000e',
  seriesNumber: '00200011',
  instanceNumber: '00200013',
  position: '00200032',
  samples: '00280002',
  rows: '00280010',
} as const;
/** Pixel Data, Float Pixel Data, Double Float Pixel Data. */
const PIXELS = ['7fe00010', '7fe00008', '7fe00009'];
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
      passedOver.push({ name: object.name, reason, series: object.dataset.string(TAGS.seriesInstance) });
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
function strangeness(object: DicomObject): string | undefined {
  const { dataset } = object;
  const modality = dataset.string(TAGS.modality);
  if (!dataset.has(TAGS.rows) || !PIXELS.some((tag) => dataset.has(tag))) {
    return `It holds no image${modality ? ` (${modality})` : ''}.`;
  }
  if (modality === 'SEG' || regionKind(object) === 'segments') {
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

/** The Series Instance UID that the files have. */
export function baseUid({ uid }: DicomSeries): string {
  return uid.split('#')[0];
}

/**
 * All planes of a series.
 * @throws VolumeError when an object does not say where they lie.
 */
export function seriesPlanes({ objects, frames }: DicomSeries): Plane[] {
  return inOrder(objects).flatMap((object) => {
    const planes = objectPlanes(object);
    const own = frames && new Set(frames.get(object));
    return own ? planes.filter(({ frame }) => own.has(frame)) : planes;
  });
}
