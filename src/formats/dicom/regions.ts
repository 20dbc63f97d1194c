/** Objects that hold regions of a series and no images: what kind they are of, by their SOP class. */
import type { DicomObject } from './object.ts';

/** Segments of voxels (SEG), or contours (RT Structure Set). */
export type RegionKind = 'segments' | 'contours';

const SOP_CLASS = '00080016';
const KINDS: ReadonlyMap<string, RegionKind> = new Map([
  ['1.2.840.10008.5.1.4.1.1.66.4', 'segments'],
  ['1.2.840.10008.5.1.4.1.1.66.7', 'segments'],
  ['1.2.840.10008.5.1.4.1.1.481.3', 'contours'],
]);

/** What regions an object holds; undefined where it is no such object. */
export function regionKind({ dataset }: DicomObject): RegionKind | undefined {
  return KINDS.get(dataset.string(SOP_CLASS) ?? '');
}
