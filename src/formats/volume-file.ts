/**
 * A volume in a file of any format, recognised by what is in it and never by its name. One table of the formats; gzip is
 * looked into first, whatever lies in it. A file that is none of them is refused with what it looks like.
 *
 * @example
 * const { volume, notes } = await decodeVolume(file.stream(), file.name);
 */

import { VolumeError } from '../errors.ts';
import { ByteReader, type ByteSource, concatenate } from './bytes.ts';
import {
  DEFAULT_MAX_BYTES,
  type DecodedVolume,
  gigabytes,
  type HeaderedOptions,
  refuse,
  type VolumeHeader,
} from './decoding.ts';
import { baseUid } from './dicom/grouping.ts';
import { type DicomObject, looksLikeDicom, readDicom } from './dicom/object.ts';
import { REGION_TITLES, regionKind } from './dicom/regions.ts';
import {
  chooseSeries,
  type DecodedDicom,
  type DicomSeries,
  decodeSeries,
  groupSeries,
  type PassedOver,
} from './dicom/series.ts';
import { parseMetaImageHeader } from './metaimage/header.ts';
import { decodeMetaImageFrom, looksLikeMetaImage } from './metaimage.ts';
import { niftiProblems } from './nifti/checks.ts';
import { decodeNiftiFrom } from './nifti/decode.ts';
import { looksLikeNifti, parseHeader } from './nifti/header.ts';
import { decodeNpyFrom, looksLikeNpy, parseNpyHeader } from './npy.ts';
import { parseNrrdHeader } from './nrrd/header.ts';
import { decodeNrrdFrom, looksLikeNrrd } from './nrrd.ts';
import { strangerOf } from './strangers.ts';

export interface VolumeFileOptions extends HeaderedOptions {
  /** Of DICOM, which series is meant: its UID, its number, or a text in its description. */
  readonly series?: string;
  /** Whether DICOM PET becomes SUV by body weight; true unless given. */
  readonly suv?: boolean;
}

/** Where a file's voxels lie, seen without reading them where the format allows it. */
export type VolumeGrid = Pick<VolumeHeader, 'channels' | 'shape' | 'affine'>;

interface Format {
  /** Whether the first bytes of a file, unpacked, are of it. */
  matches(head: Uint8Array): boolean;
  decode(reader: ByteReader, name: string, options: VolumeFileOptions): Promise<DecodedVolume>;
  grid(reader: ByteReader, name: string, options: VolumeFileOptions): Promise<VolumeGrid>;
}

/** From the surest sign to the faintest: a DICOM file need not have any. */
const FORMATS = {
  nifti: { matches: looksLikeNifti, decode: decodeNiftiFile, grid: niftiGrid },
  nrrd: { matches: looksLikeNrrd, decode: decodeNrrdFrom, grid: parseNrrdHeader },
  npy: { matches: looksLikeNpy, decode: decodeNpyFrom, grid: parseNpyHeader },
  metaimage: { matches: looksLikeMetaImage, decode: decodeMetaImageFrom, grid: parseMetaImageHeader },
  dicom: { matches: looksLikeDicom, decode: decodeDicomFile, grid: dicomGrid },
} as const satisfies Record<string, Format>;

export type VolumeFormat = keyof typeof FORMATS;

/** Bytes that tell every format, and what a stranger is: as many as a NIfTI-1 header with its empty extension. */
export const HEAD_BYTES = 352;

/** Ends of the names of volumes; what is packed has .gz behind it. */
const VOLUME_ENDING = /\.(nii|nrrd|nhdr|mha|mhd|npy|dcm|dicom|ima)(\.gz)?$/i;

/** A volume's file name without its ending, for what is made of the volume. */
export function volumeStem(file: string): string {
  return file.replace(VOLUME_ENDING, '') || file;
}

const WANTED = 'Give NIfTI (.nii, .nii.gz), DICOM, NRRD (.nrrd), MetaImage (.mha) or .npy.';

/**
 * The format of a file by its first bytes.
 * @param head 352 bytes, or all there are; those of a gzip file unpacked.
 * @returns undefined when it is none of them.
 */
export function recogniseFormat(head: Uint8Array): VolumeFormat | undefined {
  return (Object.keys(FORMATS) as VolumeFormat[]).find((format) => FORMATS[format].matches(head));
}

/**
 * The volume in a file of NIfTI, NRRD, MetaImage, .npy or DICOM (one object), as it is or in gzip.
 * @param name what errors call the file.
 * @throws VolumeError when it is none of them, is cut off or damaged, or holds what cannot become a volume. What the source
 *   itself throws passes through.
 */
export async function decodeVolume(
  source: ByteSource,
  name: string,
  options: VolumeFileOptions = {},
): Promise<DecodedVolume & { readonly format: VolumeFormat }> {
  return withFormat(source, name, options, async (reader, format) => ({
    ...(await FORMATS[format].decode(reader, name, options)),
    format,
  }));
}

/**
 * Where the voxels of such a file lie. Of DICOM all is read; of the others the header.
 * @throws VolumeError as decodeVolume does, but for what is wrong with the voxels themselves.
 */
export async function readVolumeGrid(
  source: ByteSource,
  name: string,
  options: VolumeFileOptions = {},
): Promise<VolumeGrid> {
  return withFormat(source, name, options, (reader, format) => FORMATS[format].grid(reader, name, options));
}

/** The format of a file, and its header where it is not DICOM's and not NIfTI's. */
export async function inspectVolumeFile(
  source: ByteSource,
  name: string,
  options: VolumeFileOptions = {},
): Promise<{ readonly format: VolumeFormat; readonly compressed: boolean; readonly header?: VolumeHeader }> {
  return withFormat(source, name, options, async (reader, format) => ({
    format,
    compressed: reader.compressed,
    header:
      format === 'nifti' || format === 'dicom'
        ? undefined
        : await FORMATS[format].grid(reader, name, options),
  }));
}

async function withFormat<T>(
  source: ByteSource,
  name: string,
  { signal }: VolumeFileOptions,
  read: (reader: ByteReader, format: VolumeFormat) => Promise<T>,
): Promise<T> {
  const reader = await ByteReader.open(source, name, signal);
  try {
    const head = await reader.peek(HEAD_BYTES);
    const format = recogniseFormat(head);
    if (format === undefined) throw stranger(head, reader.compressed, name);
    return await read(reader, format);
  } finally {
    await reader.close();
  }
}

function stranger(head: Uint8Array, compressed: boolean, name: string): VolumeError {
  const { what = undefined, remedy = '' } = strangerOf(head) ?? {};
  if (head.length === 0 && !compressed) {
    return new VolumeError(name, 'The file is empty.', { remedy });
  }
  const packed = compressed ? `gzip of ${what ?? 'something else'}` : what;
  return new VolumeError(
    name,
    `This is not a volume of a known format${packed === undefined ? '' : ` but ${packed}`}.`,
    { remedy: [remedy, WANTED].filter(Boolean).join(' ') },
  );
}

async function decodeNiftiFile(
  reader: ByteReader,
  name: string,
  options: VolumeFileOptions,
): Promise<DecodedVolume> {
  const { volume, notFinite } = await decodeNiftiFrom(reader, name, options);
  return { volume, notFinite, notes: [] };
}

async function niftiGrid(reader: ByteReader, name: string, options: VolumeFileOptions): Promise<VolumeGrid> {
  const info = await parseHeader(reader, name);
  refuse(name, niftiProblems(info, options)[0]);
  return { channels: info.channels, shape: info.shape, affine: info.geometry.affine };
}

async function decodeDicomFile(
  reader: ByteReader,
  name: string,
  options: VolumeFileOptions,
): Promise<DecodedVolume> {
  const object = await readDicom(await wholeFile(reader, name, options), name);
  return decodedVolume(await decodeDicomObjects([object], name, options), name);
}

async function dicomGrid(reader: ByteReader, name: string, options: VolumeFileOptions): Promise<VolumeGrid> {
  const { volume } = await decodeDicomFile(reader, name, { ...options, nan: 'zero' });
  return { channels: volume.channels, shape: volume.shape, affine: volume.geometry.affine };
}

/**
 * The series of DICOM objects that is meant, as a volume.
 * @param name what errors call the file or folder that they are from.
 * @throws VolumeError when several series could be meant, or when the one that is cannot become a volume.
 */
export async function decodeDicomObjects(
  objects: readonly DicomObject[],
  name: string,
  options: VolumeFileOptions = {},
): Promise<DecodedDicom> {
  const { series, passedOver } = groupSeries(objects);
  const kind = objects.length === 1 ? regionKind(objects[0]) : undefined;
  if (kind && series.length === 0) {
    throw new VolumeError(name, `This is ${REGION_TITLES[kind]}, which holds regions and not an image.`, {
      remedy: 'Make a mask file of it: tonno convert FILE MASK.nii.gz --reference FOLDER_OF_ITS_SERIES.',
    });
  }
  const chosen = chooseSeries(series, name, options.series, passedOver);
  const decoded = await decodeSeries(chosen, options);
  return { ...decoded, notes: [...decoded.notes, ...missingNotes(chosen, passedOver)] };
}

/** Files of a series that are named where they are no planes of its volume. */
const TOLD = 3;

/** What the files of the series have that is no plane of the volume: at its ends nothing else would show that it is missing. */
function missingNotes(chosen: DicomSeries, passedOver: readonly PassedOver[]): string[] {
  const own = passedOver.filter(({ series }) => series === baseUid(chosen));
  const more = own.length - TOLD;
  return [
    ...own.slice(0, TOLD).map(({ name, reason }) => `${name} is passed over. ${reason}`),
    ...(more > 0 ? [`${more} more files of the series are passed over.`] : []),
  ];
}

/** The same shape as of the other formats. */
export function decodedVolume({ volume, notFinite, notes }: DecodedDicom, name: string): DecodedVolume {
  return { volume: { ...volume, name }, notFinite, notes };
}

async function wholeFile(
  reader: ByteReader,
  name: string,
  { maxBytes = DEFAULT_MAX_BYTES }: VolumeFileOptions,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of reader.rest()) {
    length += piece.length;
    if (length > maxBytes) {
      throw new VolumeError(name, `It has more bytes than the limit of ${gigabytes(maxBytes)}.`, {
        remedy: "Raise the library's limit maxBytes if there is memory for it.",
      });
    }
    pieces.push(piece);
  }
  return pieces.length === 1 ? pieces[0] : concatenate(pieces);
}
