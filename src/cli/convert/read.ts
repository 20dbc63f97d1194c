/**
 * What is converted: a volume of any format, or regions in a DICOM file, which become a mask on the grid of the series that
 * they were drawn on.
 */
import { UsageError } from '../../errors.ts';
import { type DicomObject, readDicom } from '../../formats/dicom/object.ts';
import { type RegionKind, regionKind } from '../../formats/dicom/regions.ts';
import { contourMask, readContours } from '../../formats/dicom/rtstruct.ts';
import { decodeSegmentation } from '../../formats/dicom/segmentation.ts';
import type { DecodedDicom } from '../../formats/dicom/series.ts';
import type { Volume } from '../../volume/volume.ts';
import { isDicomFile, readDicomFolder } from '../dicom-folder.ts';
import { exists, readBytes } from '../files.ts';
import { channelPaths, isFolder, readVolume, type VolumeOptions } from '../volumes.ts';

export interface ReadOptions extends VolumeOptions {
  /** Folder, or file, of the series that regions were drawn on. */
  readonly reference?: string;
  /** Of an RT Structure Set: name or number. */
  readonly roi?: string;
}

export interface ReadSource {
  readonly volume: Volume;
  readonly notFinite: number;
  readonly notes: readonly string[];
  /** Names of the channels of a mask with several. */
  readonly segments?: readonly string[];
}

const FRAME_OF_REFERENCE = '00200052';

type ReadRegions = (object: DicomObject, options: ReadOptions, path: string) => Promise<ReadSource>;

/** How files of regions are read. */
const READERS: Readonly<Record<RegionKind, ReadRegions>> = { segments: readSegments, contours: readRegion };

/**
 * @param asMask whether the reference belongs to what is written, whatever the source is.
 * @throws UsageError when options go with another kind of source; TonnoError when the source cannot be read.
 */
export async function readSource(path: string, options: ReadOptions, asMask: boolean): Promise<ReadSource> {
  const one = (await channelPaths(path)).length === 1 && (await exists(path));
  const folder = one && (await isFolder(path));
  const object =
    one && !folder && (await isDicomFile(path)) ? await readDicom(await readBytes(path), path) : undefined;
  const kind = object && regionKind(object);
  if (kind !== 'contours' && options.roi !== undefined) {
    throw new UsageError('--roi', `${path} is no RT Structure Set.`, { remedy: 'Leave it out.' });
  }
  if (kind) return READERS[kind](object, options, path);
  if (options.reference !== undefined && !asMask) {
    throw new UsageError('--reference', `${path} is a volume, which is converted by itself.`, {
      remedy: 'Leave it out, or write a mask as .dcm.',
    });
  }
  // What a mask is drawn on has series to choose from; its own file has not.
  const series = asMask && !folder ? undefined : options.series;
  return readVolume(path, { ...options, series });
}

/** The series that regions were drawn on: only its place matters, and not what its values mean. */
export function readReference(
  path: string,
  { series, signal }: Pick<ReadOptions, 'series' | 'signal'>,
): Promise<DecodedDicom> {
  return readDicomFolder(path, { series, signal, suv: false, nan: 'zero' });
}

async function readSegments(object: DicomObject, options: ReadOptions): Promise<ReadSource> {
  const { reference: path } = options;
  const reference = path === undefined ? undefined : await readReference(path, options);
  const { volume, segments, kind } = await decodeSegmentation(object, { reference });
  const labels = segments.map(({ label }) => label);
  return {
    volume,
    notFinite: 0,
    notes: [
      ...(kind === 'FRACTIONAL' ? ['It is fractional: its values are parts of 1.'] : []),
      ...(reference
        ? []
        : ['It is on a grid of its own: give the series with --reference to have it on that.']),
    ],
    segments: labels,
  };
}

async function readRegion(object: DicomObject, options: ReadOptions, path: string): Promise<ReadSource> {
  if (options.reference === undefined) {
    throw new UsageError(
      '--reference',
      `${path} has contours, which need the series that they were drawn on.`,
      {
        remedy: 'Give the folder of that series.',
      },
    );
  }
  const reference = await readReference(options.reference, options);
  const { volume, roi, notes } = contourMask(readContours(object), reference.volume, {
    roi: options.roi,
    frameOfReference: reference.slices[0].object.dataset.string(FRAME_OF_REFERENCE),
  });
  return { volume, notFinite: 0, notes, segments: [roi.name] };
}
