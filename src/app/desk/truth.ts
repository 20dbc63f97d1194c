/**
 * A truth that somebody drew, on the grid of the case: a mask in any format, its axes turned as may be, or the regions that
 * were drawn on the series that is open, a DICOM Segmentation or contours. It is kept as runs of voxels: an image of it
 * would take a quarter of the volume's memory to say what some thousands of runs do.
 */
import { listed, VolumeError } from '../../errors.ts';
import { type ComponentRuns, connectedRuns } from '../../evaluation/components.ts';
import { type DicomObject, readDicom } from '../../formats/dicom/object.ts';
import { REGION_TITLES, type RegionKind, regionKind } from '../../formats/dicom/regions.ts';
import { contourMask, readContours } from '../../formats/dicom/rtstruct.ts';
import { decodeSegmentation } from '../../formats/dicom/segmentation.ts';
import type { DecodedDicom } from '../../formats/dicom/series.ts';
import { reorientVolume } from '../../volume/reorient.ts';
import { type Shape, type Volume, voxelCount } from '../../volume/volume.ts';
import type { Source } from '../protocol.ts';
import { formatOf, openSources } from './opening.ts';

const FRAME_OF_REFERENCE = '00200052';

/** A mask's values, and whether one belongs to what is marked. */
interface ReadMask {
  readonly volume: Volume;
  readonly marked: (value: number) => boolean;
}

/** How regions are brought onto the series that they were drawn on. */
const READERS: Readonly<
  Record<RegionKind, (object: DicomObject, series: DecodedDicom) => Promise<ReadMask>>
> = { segments: readSegments, contours: readRegion };

/**
 * The voxels of the case that the mask marks: those whose value is not 0, of a segmentation those of any of its segments
 * (of a fractional one at least half).
 * @param series what the case was decoded from, where it was DICOM.
 * @throws VolumeError when it is no mask, lies on another grid, or holds regions of a series that is not open.
 */
export async function openTruth(
  sources: readonly Source[],
  grid: Volume,
  series: DecodedDicom | undefined,
): Promise<ComponentRuns> {
  const object = sources.length === 1 ? await regionsOf(sources[0]) : undefined;
  const { volume, marked } = object ? await readRegions(object, series) : await readMask(sources);
  const mask = reorientVolume(volume, grid, grid.name ?? 'the volume');
  return truthRuns(mask, grid.shape, marked);
}

/** What is marked in any of a mask's channels. */
export function truthRuns(
  { data, channels }: Pick<Volume, 'data' | 'channels'>,
  shape: Shape,
  marked: (value: number) => boolean = isSet,
): ComponentRuns {
  const voxels = voxelCount(shape);
  const truth = new Uint8Array(voxels);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let voxel = 0; voxel < voxels; voxel++, i++) if (marked(data[i])) truth[voxel] = 1;
  }
  return connectedRuns(truth, shape, 26);
}

function isSet(value: number): boolean {
  return value !== 0;
}

async function readMask(sources: readonly Source[]): Promise<ReadMask> {
  const opened = await openSources(sources, { int64: 'convert', suv: false });
  const { name } = sources[0];
  if (opened.kind === 'choose') {
    throw new VolumeError(
      name,
      `It was given with ${opened.series.length} series, and a truth is one mask.`,
      {
        remedy: 'Give one file with the mask.',
      },
    );
  }
  const { volume } = opened;
  if (volume.channels > 1) {
    throw new VolumeError(name, `It has ${volume.channels} channels; a mask is one channel of 0 and not 0.`, {
      remedy: 'Give the mask of one finding.',
    });
  }
  return { volume, marked: isSet };
}

/** A DICOM object that holds regions instead of an image. */
async function regionsOf(source: Source): Promise<DicomObject | undefined> {
  if ((await formatOf(source)) !== 'dicom') return undefined;
  const object = await readDicom(new Uint8Array(await source.file.arrayBuffer()), source.name);
  return regionKind(object) ? object : undefined;
}

async function readRegions(object: DicomObject, series: DecodedDicom | undefined): Promise<ReadMask> {
  const kind = regionKind(object) ?? 'segments';
  if (series) return READERS[kind](object, series);
  throw new VolumeError(
    object.name,
    `This is ${REGION_TITLES[kind]}, which belongs to the DICOM series that it was drawn on, and none is open.`,
    {
      remedy:
        'Open that series, or make a mask file of it: tonno convert FILE MASK.nii.gz --reference FOLDER_OF_ITS_SERIES.',
    },
  );
}

async function readSegments(object: DicomObject, reference: DecodedDicom): Promise<ReadMask> {
  const { volume, kind } = await decodeSegmentation(object, { reference });
  return { volume, marked: kind === 'FRACTIONAL' ? (part) => part >= 0.5 : isSet };
}

async function readRegion(object: DicomObject, { volume, slices }: DecodedDicom): Promise<ReadMask> {
  const structure = readContours(object);
  const closed = structure.rois.filter(({ contours }) =>
    contours.some(({ type }) => type.startsWith('CLOSED')),
  );
  if (closed.length > 1) {
    const names = listed(closed.map(({ name }) => `"${name}"`));
    throw new VolumeError(
      object.name,
      `It has ${closed.length} regions of interest with closed contours: ${names}.`,
      {
        remedy:
          'Make a mask file of the one that is meant: tonno convert FILE MASK.nii.gz --reference FOLDER_OF_ITS_SERIES --roi NAME.',
      },
    );
  }
  const frameOfReference = slices[0].object.dataset.string(FRAME_OF_REFERENCE);
  return { volume: contourMask(structure, volume, { frameOfReference }).volume, marked: isSet };
}
