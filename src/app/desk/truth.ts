/** A truth that somebody drew, on the grid of the case: a mask in any format, a DICOM Segmentation, filled contours. */
import { VolumeError } from '../../errors.ts';
import { type DicomObject, looksLikeDicom, readDicom } from '../../formats/dicom/object.ts';
import { regionKind } from '../../formats/dicom/regions.ts';
import { contourMask, readContours } from '../../formats/dicom/rtstruct.ts';
import { decodeSegmentation } from '../../formats/dicom/segmentation.ts';
import type { DecodedDicom } from '../../formats/dicom/series.ts';
import { HEAD_BYTES } from '../../formats/volume-file.ts';
import { reorientVolume } from '../../volume/reorient.ts';
import { type Volume, voxelCount } from '../../volume/volume.ts';
import type { Source } from '../protocol.ts';
import { openSources } from './opening.ts';

const FRAME_OF_REFERENCE = '00200052';

/**
 * [D, H, W] on the case's grid, 1 where the mask is above 0 in any of its channels (segments).
 * @param series what the case was decoded from, where it was DICOM.
 * @throws VolumeError when it is no mask or lies on another grid.
 */
export async function openTruth(
  sources: readonly Source[],
  volume: Volume,
  series: DecodedDicom | undefined,
): Promise<Uint8Array> {
  const mask = await readMask(sources, volume, series);
  const { data, channels } = reorientVolume(mask, volume, volume.name ?? 'the volume');
  const voxels = voxelCount(volume.shape);
  const truth = new Uint8Array(voxels);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let voxel = 0; voxel < voxels; voxel++, i++) if (data[i] > 0) truth[voxel] = 1;
  }
  return truth;
}

async function readMask(
  sources: readonly Source[],
  volume: Volume,
  series: DecodedDicom | undefined,
): Promise<Volume> {
  const object = sources.length === 1 ? await regionsOf(sources[0]) : undefined;
  if (object && regionKind(object) === 'contours') {
    const frameOfReference = series?.slices[0].object.dataset.string(FRAME_OF_REFERENCE);
    return { ...contourMask(readContours(object), volume, { frameOfReference }).volume, name: object.name };
  }
  if (object)
    return { ...(await decodeSegmentation(object, { reference: series })).volume, name: object.name };
  const opened = await openSources(sources, { nan: 'zero', int64: 'convert' });
  if (opened.kind === 'volume') return opened.volume;
  throw new VolumeError(sources[0].name, 'It holds several series.', {
    remedy: 'Give one file with the mask.',
  });
}

/** A DICOM object that holds regions instead of an image. */
async function regionsOf({ file, name }: Source): Promise<DicomObject | undefined> {
  if (!looksLikeDicom(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()))) return undefined;
  const object = await readDicom(new Uint8Array(await file.arrayBuffer()), name);
  return regionKind(object) ? object : undefined;
}
