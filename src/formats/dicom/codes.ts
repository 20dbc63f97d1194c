/** Concepts as DICOM says them: a code in a scheme, with its meaning in words (PS3.3 section 8). */
import type { Item } from './encode-dataset.ts';
import type { Dataset } from './object.ts';

/** A concept of a coding scheme: SCT is SNOMED CT, DCM the standard's own (PS3.16). */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** The concepts that segmentations made here use, with the context groups of PS3.16 that list them. */
export const CODES = {
  /** CID 7150, Segmentation Property Category. */
  abnormalStructure: { value: '49755003', scheme: 'SCT', meaning: 'Morphologically Abnormal Structure' },
  /** CID 7151, Segmentation Property Type. */
  lesion: { value: '52988006', scheme: 'SCT', meaning: 'Lesion' },
  /** CID 7203, Image Derivation. */
  segmentation: { value: '113076', scheme: 'DCM', meaning: 'Segmentation' },
  /** CID 7202, Source Image Purpose of Reference. */
  sourceImage: {
    value: '121322',
    scheme: 'DCM',
    meaning: 'Source image for image processing operation',
  },
} as const satisfies Record<string, Code>;

/** A code as the item of a code sequence. */
export function codeItem({ value, scheme, meaning }: Code): Item {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning };
}

/**
 * The first code of a code sequence; undefined where there is none. Codes of more than 16 characters have other
 * elements.
 */
export function readCode(item: Dataset | undefined): Code | undefined {
  const value = item?.string('00080100') ?? item?.string('00080119') ?? item?.string('00080120');
  if (!item || value === undefined) return undefined;
  return { value, scheme: item.string('00080102') ?? '', meaning: item.string('00080104') ?? '' };
}
