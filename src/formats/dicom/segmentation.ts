/**
 * DICOM Segmentations, out and in.
 *
 * @example
 * const bytes = encodeSegmentation(mask, series, { label: 'Lesion', algorithm: { type: 'AUTOMATIC', name: 'tonno' } });
 * const { volume, segments } = await decodeSegmentation(await readDicom(bytes, 'seg.dcm'), { reference: series });
 */

export type { Code } from './codes.ts';
export {
  type DecodedSegmentation,
  decodeSegmentation,
  type Segment,
  type SegmentationDecodeOptions,
  type SegmentationKind,
} from './segmentation-read.ts';
export { encodeSegmentation, type SegmentationOptions } from './segmentation-write.ts';
