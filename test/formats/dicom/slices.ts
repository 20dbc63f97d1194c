/** Small DICOM images in memory, for tests of series: each is an object that says all that a real one must. */
import { type DicomObject, readDicom } from '../../../src/formats/dicom/object.ts';
import { type DicomElements, dicomFile } from '../../support/dicom.ts';

/** An element that is left out although the defaults have it is `undefined`. */
export type Elements = { readonly [tag: string]: DicomElements[string] | undefined };

export const SERIES = '1.2.3';

/** Values as elements, of the value representations that tests need. */
export const text = (value: string | readonly string[], vr = 'LO') => ({ vr, value });
export const decimals = (...values: readonly number[]) => ({ vr: 'DS', value: values.map(String) });
export const whole = (value: number) => ({ vr: 'US', value });
export const items = (...values: readonly DicomElements[]) => ({ vr: 'SQ', value: values });

export interface Slice {
  readonly position: readonly number[];
  /** Stored values, row by row; signed 16 bit. */
  readonly values?: readonly number[];
  readonly rows?: number;
  readonly columns?: number;
  readonly directions?: readonly number[];
  readonly pixelSpacing?: readonly number[];
  readonly instance?: number;
  readonly modality?: string;
  readonly more?: Elements;
  readonly name?: string;
}

/** Elements of a plane of 2 × 3 pixels at a position; MR unless told otherwise. */
export function sliceElements({
  position,
  rows = 2,
  columns = 3,
  values = Array.from({ length: rows * columns }, (_, i) => i),
  directions = [1, 0, 0, 0, 1, 0],
  pixelSpacing = [2, 1.5],
  instance = 1,
  modality = 'MR',
  more = {},
}: Slice): DicomElements {
  const elements: Elements = {
    '00080008': text(['ORIGINAL', 'PRIMARY'], 'CS'),
    '00080016': text('1.2.840.10008.5.1.4.1.1.4', 'UI'),
    '00080018': text(`1.2.3.${instance}`, 'UI'),
    '00080060': text(modality, 'CS'),
    '0020000d': text('1.2', 'UI'),
    '0020000e': text(SERIES, 'UI'),
    '00200011': text('4', 'IS'),
    '00200013': text(String(instance), 'IS'),
    '00200032': decimals(...position),
    '00200037': decimals(...directions),
    '00200052': text('1.2.9', 'UI'),
    '00280002': whole(1),
    '00280004': text('MONOCHROME2', 'CS'),
    '00280010': whole(rows),
    '00280011': whole(columns),
    '00280030': decimals(...pixelSpacing),
    '00280100': whole(16),
    '00280101': whole(16),
    '00280102': whole(15),
    '00280103': whole(1),
    '7fe00010': { vr: 'OW', value: values.map((value) => value & 0xffff) },
    ...more,
  };
  return Object.fromEntries(Object.entries(elements).filter(([, element]) => element)) as DicomElements;
}

export async function slice(parameters: Slice): Promise<DicomObject> {
  const { name = `slice-${parameters.instance ?? 1}.dcm` } = parameters;
  return readDicom(dicomFile(sliceElements(parameters)), name);
}

/** Planes one above the other, the first at the world's origin; values count on from plane to plane. */
export function stack(
  count: number,
  change: (i: number) => Partial<Slice> = () => ({}),
): Promise<DicomObject[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => {
      const values = [0, 1, 2, 3, 4, 5].map((value) => 10 * i + value);
      return slice({ position: [0, 0, 3 * i], values, instance: i + 1, ...change(i) });
    }),
  );
}
