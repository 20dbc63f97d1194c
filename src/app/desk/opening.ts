/**
 * From what was dropped on the page to one volume. What a file is is seen from its first bytes: DICOM files are one series
 * or several to choose from, a header brings its file of voxels along, and what is none of them is passed over beside a
 * volume and refused where there is none.
 */
import { UsageError, VolumeError } from '../../errors.ts';
import { ByteReader, type ByteSource } from '../../formats/bytes.ts';
import { type DicomObject, readDicom } from '../../formats/dicom/object.ts';
import { type DecodedDicom, groupSeries } from '../../formats/dicom/series.ts';
import {
  decodeDicomObjects,
  decodedVolume,
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

/** Files that are named where they are passed over. */
const TOLD = 3;

/**
 * The volume in some files, or the series to choose from.
 * @throws VolumeError when there is none in them, several that are no channels of one, or one that is damaged.
 */
export async function openSources(
  sources: readonly Source[],
  options: OpenOptions = {},
): Promise<OpenedVolume | SeriesChoice> {
  if (sources.length === 0) throw new UsageError('files', 'There are none.', { remedy: 'Choose a file.' });
  const known = await Promise.all(
    sources.map(async (source) => ({ source, format: await formatOf(source) })),
  );
  const dicom = known.filter(({ format }) => format === 'dicom').map(({ source }) => source);
  const others = known.filter(({ format }) => format !== undefined && format !== 'dicom');
  if (options.channels && sources.length > 1) return openChannels(sources, options);
  if (others.length + Number(dicom.length > 0) > 1) {
    const names = [...others.map(({ source }) => source.name), ...dicom.map(({ name }) => name)];
    throw new VolumeError(
      names[1],
      `It was given together with ${names[0]}, and one volume is looked at at a time.`,
      {
        remedy: 'Give the files of one volume.',
      },
    );
  }
  if (dicom.length > 0) {
    const strangers = known.filter(({ format }) => format === undefined).map(({ source }) => source.name);
    return openDicom(dicom, strangers, options);
  }
  // Where none is known, the first is refused by what it looks like.
  return openFile(others[0]?.source ?? sources[0], sources, options);
}

/** Seen from its first bytes, unpacked if it is gzip; undefined where that is none. */
async function formatOf({ file, name }: Source): Promise<VolumeFormat | undefined> {
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

async function openFile(
  { file, name }: Source,
  all: readonly Source[],
  { nan, int64, suv }: OpenOptions,
): Promise<OpenedVolume> {
  const companion = async (wanted: string): Promise<ByteSource> => {
    const beside = all.find((other) => baseName(other.name) === baseName(wanted));
    if (beside) return beside.file.stream();
    throw new VolumeError(name, `Its voxels are in another file, ${wanted}.`, {
      remedy: 'Give both files together.',
    });
  };
  const decoded = await decodeVolume(file.stream(), name, { nan, int64, suv, companion });
  return { kind: 'volume', volume: decoded.volume, format: TITLES[decoded.format], notes: notesOf(decoded) };
}

function notesOf({ notes, notFinite }: { notes: readonly string[]; notFinite: number }): string[] {
  return [...notes, ...(notFinite > 0 ? [`${notFinite} voxels that were not finite are 0 now.`] : [])];
}

async function openChannels(sources: readonly Source[], options: OpenOptions): Promise<OpenedVolume> {
  const channels: OpenedVolume[] = [];
  for (const source of sources) {
    const opened = await openSources([source], { ...options, channels: false });
    if (opened.kind === 'choose') throw new VolumeError(source.name, 'It holds several series.');
    channels.push(opened);
  }
  return {
    kind: 'volume',
    volume: joinChannels(channels.map(({ volume }) => volume)),
    format: `${channels[0].format}, ${channels.length} files`,
    notes: channels.flatMap(({ volume, notes }) => notes.map((note) => `${volume.name}: ${note}`)),
  };
}

async function openDicom(
  sources: readonly Source[],
  strangers: readonly string[],
  { series, suv, nan }: OpenOptions,
): Promise<OpenedVolume | SeriesChoice> {
  const objects: DicomObject[] = [];
  for (const { file, name } of sources) {
    objects.push(await readDicom(new Uint8Array(await file.arrayBuffer()), name));
  }
  const name = folderName(sources);
  const found = groupSeries(objects).series;
  if (found.length > 1 && series === undefined) {
    return {
      kind: 'choose',
      series: found.map(({ uid, description, modality, number, objects: own }) => ({
        uid,
        title: [
          number === undefined ? '' : `${number}.`,
          modality,
          description || 'without description',
          `(${own.length} ${own.length === 1 ? 'file' : 'files'})`,
        ]
          .filter(Boolean)
          .join(' '),
      })),
    };
  }
  const source = await decodeDicomObjects(objects, name, { series, suv, nan });
  const { volume, notes, notFinite } = decodedVolume(source, name);
  const passed =
    strangers.length > 0 ? [`${strangers.slice(0, TOLD).join(', ')}: not DICOM, passed over.`] : [];
  return {
    kind: 'volume',
    volume,
    format: objects.length === 1 ? 'DICOM file' : 'DICOM series',
    notes: [...notesOf({ notes, notFinite }), ...passed],
    source,
  };
}

/** What a series is called: its folder, or its first file. */
function folderName(sources: readonly Source[]): string {
  const parts = sources[0].name.split('/');
  return parts.length > 1 ? parts[parts.length - 2] : parts[0];
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}
