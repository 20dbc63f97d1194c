/**
 * From what was dropped on the page to one volume. What a file is is seen from its first bytes: DICOM files are one series
 * or several to choose from, a header brings its file of voxels along, and what is none of them is passed over beside a
 * volume and refused where there is none.
 */
import { UsageError, VolumeError } from '../../errors.ts';
import { ByteReader, type ByteSource } from '../../formats/bytes.ts';
import { type DicomObject, readDicom } from '../../formats/dicom/object.ts';
import {
  type DecodedDicom,
  type DicomSeries,
  decodeSeries,
  groupSeries,
  type PassedOver,
} from '../../formats/dicom/series.ts';
import {
  decodeDicomObjects,
  decodeVolume,
  HEAD_BYTES,
  recogniseFormat,
  type VolumeFormat,
} from '../../formats/volume-file.ts';
import { joinChannels } from '../../volume/channels.ts';
import type { Volume } from '../../volume/volume.ts';
import type { OpenOptions, Source } from '../protocol.ts';

/** A volume with where it came from. */
export interface OpenedVolume {
  readonly kind: 'volume';
  readonly volume: Volume;
  readonly format: string;
  readonly notes: readonly string[];
  /** The series it was decoded from, which a segmentation can refer to. */
  readonly source?: DecodedDicom;
}

export interface SeriesChoice {
  readonly kind: 'choose';
  readonly series: readonly { readonly uid: string; readonly title: string }[];
}

const TITLES: Readonly<Record<VolumeFormat, string>> = {
  nifti: 'NIfTI',
  nrrd: 'NRRD',
  npy: 'NumPy array',
  metaimage: 'MetaImage',
  dicom: 'DICOM',
};

const SERIES_INSTANCE = '0020000e';
/** Files that are named where they are passed over. */
const TOLD = 3;

/** What was given, by what is in it. */
interface Given {
  readonly all: readonly Source[];
  /** Files of one volume each, which are not DICOM. */
  readonly volumes: readonly Source[];
  readonly dicom: readonly Source[];
  /** None of the formats: voxels of a header, or of no use. */
  readonly strangers: readonly Source[];
}

/** A volume with the files that have no part in it. */
interface Found {
  readonly opened: OpenedVolume;
  readonly passed: readonly Pick<PassedOver, 'name' | 'reason'>[];
  /** Strangers that have a part in it. */
  readonly used?: readonly Source[];
}

/**
 * The volume in some files, or the series to choose from.
 * @throws VolumeError when there is none in them, several that are no channels of one, or one that is damaged.
 */
export async function openSources(
  sources: readonly Source[],
  options: OpenOptions = {},
): Promise<OpenedVolume | SeriesChoice> {
  if (sources.length === 0) throw new UsageError('files', 'There are none.', { remedy: 'Choose a file.' });
  const given = await sort(sources);
  const found = await openGiven(given, options);
  if ('kind' in found) return found;
  const { opened, passed, used = [] } = found;
  const strangers = given.strangers.filter((stranger) => !used.includes(stranger));
  const all = [...passed, ...strangers.map(({ name }) => ({ name, reason: 'It is no volume.' }))];
  return { ...opened, notes: [...opened.notes, ...passedNotes(all)] };
}

async function openGiven(given: Given, options: OpenOptions): Promise<Found | SeriesChoice> {
  const { all, volumes, dicom } = given;
  // Where there is no volume, the first is refused by what it looks like.
  if (volumes.length + dicom.length === 0) return openFile(all[0], given, options);
  if (options.channels) return openChannels(given, options);
  const [first, second = dicom[0]] = volumes;
  if (first === undefined) return openDicom(dicom, options);
  if (second === undefined) return openFile(first, given, options);
  throw new VolumeError(
    second.name,
    `It was given together with ${first.name}, and one volume is looked at at a time.`,
    { remedy: 'Give the files of one volume.' },
  );
}

async function sort(all: readonly Source[]): Promise<Given> {
  const formats = await Promise.all(all.map(formatOf));
  const those = (wanted: (format: VolumeFormat | undefined) => boolean) =>
    all.filter((_, i) => wanted(formats[i]));
  return {
    all,
    volumes: those((format) => format !== undefined && format !== 'dicom'),
    dicom: those((format) => format === 'dicom'),
    strangers: those((format) => format === undefined),
  };
}

/** Seen from its first bytes, unpacked if it is gzip; undefined where that is none. */
export async function formatOf({ file, name }: Source): Promise<VolumeFormat | undefined> {
  // More than are wanted: packed, so many take a little more room at worst.
  const start = new Uint8Array(await file.slice(0, 4 * HEAD_BYTES).arrayBuffer());
  const reader = await ByteReader.open(start, name);
  try {
    return recogniseFormat(await reader.peek(HEAD_BYTES));
  } catch {
    return undefined;
  } finally {
    await reader.close();
  }
}

async function openFile(source: Source, { all }: Given, { nan, int64, suv }: OpenOptions): Promise<Found> {
  const used: Source[] = [];
  const companion = async (wanted: string): Promise<ByteSource> => {
    const beside = besides(source, all, wanted);
    if (!beside) {
      throw new VolumeError(source.name, `Its voxels are in another file, ${wanted}.`, {
        remedy: 'Give both files together.',
      });
    }
    used.push(beside);
    return beside.file.stream();
  };
  const options = { nan, int64, suv, companion };
  const { volume, format, notes, notFinite } = await decodeVolume(source.file.stream(), source.name, options);
  const opened = { volume, format: TITLES[format], notes: [...notes, ...zeroNotes(notFinite)] };
  return { opened: { kind: 'volume', ...opened }, passed: [], used };
}

/** The file that a header names: where it says, or else any of that name. */
function besides({ name }: Source, all: readonly Source[], wanted: string): Source | undefined {
  const path = resolved(name, wanted);
  return (
    all.find((other) => other.name === path) ??
    all.find((other) => baseName(other.name) === baseName(wanted) && other.name !== name)
  );
}

/** A path relative to a file's folder, as the paths in a dropped folder are. */
function resolved(file: string, path: string): string {
  const parts = file.split('/').slice(0, -1);
  for (const part of path.split(/[/\\]/)) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function zeroNotes(notFinite: number): string[] {
  return notFinite > 0 ? [`${notFinite} voxels that were not finite are 0 now.`] : [];
}

function passedNotes(passed: Found['passed']): string[] {
  const more = passed.length - TOLD;
  return [
    ...passed.slice(0, TOLD).map(({ name, reason }) => `${name} is passed over. ${reason}`),
    ...(more > 0 ? [`${more} more ${more === 1 ? 'file is' : 'files are'} passed over.`] : []),
  ];
}

/** Each volume and each series is a channel (or several), in the order in which their first files were given. */
async function openChannels(given: Given, options: OpenOptions): Promise<Found> {
  const { series, passedOver } = groupSeries(await readObjects(given.dicom));
  const placeOf = (one: string) => given.all.findIndex(({ name }) => name === one);
  const entries = [
    ...given.volumes.map((source) => ({
      at: placeOf(source.name),
      open: () => openFile(source, given, options),
    })),
    ...series.map((one) => ({
      at: Math.min(...one.objects.map(({ name }) => placeOf(name))),
      open: () => openSeries(one, options),
    })),
  ].sort((a, b) => a.at - b.at);
  if (entries.length === 0) {
    throw new VolumeError(passedOver[0].name, passedOver[0].reason, { remedy: 'Give the images of a scan.' });
  }
  const found: Found[] = [];
  for (const { open } of entries) found.push(await open());
  const channels = found.map(({ opened }) => opened);
  const formats = [...new Set(channels.map(({ format }) => format))].join(' and ');
  const alone = channels.length === 1;
  return {
    opened: {
      kind: 'volume',
      volume: joinChannels(channels.map(({ volume }) => volume)),
      format: alone ? formats : `${formats}, ${channels.length} volumes`,
      notes: channels.flatMap(({ volume, notes }) =>
        notes.map((note) => (alone ? note : `${volume.name}: ${note}`)),
      ),
      // The place is the first one's, and so is what a segmentation refers to.
      source: channels[0].source,
    },
    passed: passedOver,
    used: found.flatMap(({ used = [] }) => used),
  };
}

async function readObjects(sources: readonly Source[]): Promise<DicomObject[]> {
  const objects: DicomObject[] = [];
  for (const { file, name } of sources) {
    objects.push(await readDicom(new Uint8Array(await file.arrayBuffer()), name));
  }
  return objects;
}

async function openSeries(series: DicomSeries, { suv, nan }: OpenOptions): Promise<Found> {
  return foundSeries(await decodeSeries(series, { suv, nan }), []);
}

async function openDicom(
  sources: readonly Source[],
  { series, suv, nan }: OpenOptions,
): Promise<Found | SeriesChoice> {
  const objects = await readObjects(sources);
  const found = groupSeries(objects);
  if (found.series.length > 1 && series === undefined) {
    return { kind: 'choose', series: found.series.map((one) => ({ uid: one.uid, title: titleOf(one) })) };
  }
  const source = await decodeDicomObjects(objects, folderName(sources[0].name), { series, suv, nan });
  return foundSeries(source, found.passedOver);
}

function titleOf({ number, modality, description, objects }: DicomSeries): string {
  return [
    number === undefined ? '' : `${number}.`,
    modality,
    description || 'without description',
    `(${objects.length} ${objects.length === 1 ? 'file' : 'files'})`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** @param passedOver those of the series itself are told of in its notes already. */
function foundSeries(source: DecodedDicom, passedOver: readonly PassedOver[]): Found {
  const { volume, slices, notes, notFinite } = source;
  const [{ object }] = slices;
  const single = slices.every((slice) => slice.object === object);
  return {
    opened: {
      kind: 'volume',
      volume: { ...volume, name: single ? object.name : folderName(object.name) },
      format: single ? 'DICOM file' : 'DICOM series',
      notes: [...notes, ...zeroNotes(notFinite)],
      source,
    },
    passed: passedOver.filter(({ series }) => series !== object.dataset.string(SERIES_INSTANCE)),
  };
}

/** What a series is called: the folder that its first file lies in, or that file. */
function folderName(path: string): string {
  const parts = path.split('/');
  return parts.at(-2) ?? path;
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}
