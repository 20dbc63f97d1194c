/** Objects that hold regions of a series and no images: what kind they are of, by their SOP class. */
import type { DicomObject } from './object.ts';

/** Segments of voxels (SEG), or contours (RT Structure Set). */
export type RegionKind = 'segments' | 'contours';

/** UIDs of their SOP classes (PS3.6, table A-1). */
export const STORAGE = {
  segmentation: '1.2.840.10008.5.1.4.1.1.66.4',
  labelMap: '1.2.840.10008.5.1.4.1.1.66.7',
  structureSet: '1.2.840.10008.5.1.4.1.1.481.3',
} as const;

const SOP_CLASS = '00080016';
const KINDS: ReadonlyMap<string, RegionKind> = new Map([
  [STORAGE.segmentation, 'segments'],
  [STORAGE.labelMap, 'segments'],
  [STORAGE.structureSet, 'contours'],
]);
/** What such an object is called, in a sentence. */
export const REGION_TITLES: Readonly<Record<RegionKind, string>> = {
  segments: 'a DICOM Segmentation',
  contours: 'an RT Structure Set',
};

/** What regions an object holds; undefined where it is no such object. */
export function regionKind({ dataset }: DicomObject): RegionKind | undefined {
  return KINDS.get(dataset.string(SOP_CLASS) ?? '');
}
