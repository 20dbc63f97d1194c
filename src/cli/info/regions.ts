/** What regions a DICOM file holds: the segments of a Segmentation with their grid, or the contours of an RT Structure Set. */
import type { DicomObject } from '../../formats/dicom/object.ts';
import { regionKind } from '../../formats/dicom/regions.ts';
import { readContours } from '../../formats/dicom/rtstruct.ts';
import { decodeSegmentation } from '../../formats/dicom/segmentation.ts';
import { spacing } from '../../volume/volume.ts';
import { messageOf } from '../run.ts';
import { type Description, placeFacts, placeLines, problemLine } from './description.ts';

/** Undefined for an object that holds no regions. */
export async function describeRegions(object: DicomObject): Promise<Description | undefined> {
  const kind = regionKind(object);
  if (kind === undefined) return undefined;
  const { name } = object;
  const what = kind === 'segments' ? 'DICOM Segmentation' : 'DICOM RT Structure Set';
  try {
    const { lines, facts } = kind === 'segments' ? await describeSegments(object) : describeContours(object);
    return {
      lines: [name, `  format    ${what}`, ...lines],
      facts: { kind, file: name, format: what, ...facts, problems: [] },
    };
  } catch (error) {
    const problems = [messageOf(error)];
    return {
      lines: [name, `  format    ${what}`, ...problems.map(problemLine)],
      facts: { kind, file: name, format: what, problems },
    };
  }
}

/** On the grid that its own frames make. */
async function describeSegments(object: DicomObject): Promise<Description> {
  const { volume, segments, kind } = await decodeSegmentation(object);
  const place = { shape: volume.shape, channels: volume.channels, geometry: volume.geometry };
  const voxels = volume.data.length / volume.channels;
  const millilitres = spacing(volume.geometry).reduce((a, b) => a * b) / 1000;
  const described = segments.map((segment, c) => {
    const own = volume.data.subarray(c * voxels, (c + 1) * voxels);
    const marked = own.reduce((count, value) => count + (value > 0 ? 1 : 0), 0);
    return { ...segment, voxels: marked, millilitres: marked * millilitres };
  });
  return {
    lines: [
      ...placeLines(place),
      ...described.map(
        (segment) =>
          `  segment   ${segment.number} ${segment.label}: ${segment.voxels} voxels, ${segment.millilitres.toFixed(2)} ml${segment.algorithmType ? `, ${segment.algorithmType.toLowerCase()}` : ''}`,
      ),
    ],
    facts: { segmentation: kind, ...placeFacts(place), segments: described },
  };
}

function describeContours(object: DicomObject): Description {
  const regions = readContours(object).rois.map(({ number, name, contours }) => ({
    number,
    name,
    contours: contours.length,
  }));
  return {
    lines: regions.map(
      ({ number, name, contours }) =>
        `  region    ${number} ${name}: ${contours} ${contours === 1 ? 'contour' : 'contours'}`,
    ),
    facts: { regions },
  };
}
