/**
 * Data sets to bytes, in explicit VR little endian. An item is an object of the standard's keywords, an item of a
 * sequence is one again; a keyword's tag and value representation stand in one table, which holds what is written
 * here and nothing else. (dcmjs writes data sets too, but it is one module of 1.3 MB without types, which no
 * bundler can shake, and takes 0.1 s to load: more than all the rest that a segmentation needs.)
 */

import { EXPLICIT_LITTLE } from './syntaxes.ts';

/** Tag and value representation of each keyword (PS3.6). */
const ELEMENTS = {
  FileMetaInformationVersion: ['00020001', 'OB'],
  MediaStorageSOPClassUID: ['00020002', 'UI'],
  MediaStorageSOPInstanceUID: ['00020003', 'UI'],
  TransferSyntaxUID: ['00020010', 'UI'],
  ImplementationClassUID: ['00020012', 'UI'],
  ImplementationVersionName: ['00020013', 'SH'],
  SpecificCharacterSet: ['00080005', 'CS'],
  ImageType: ['00080008', 'CS'],
  InstanceCreationDate: ['00080012', 'DA'],
  InstanceCreationTime: ['00080013', 'TM'],
  SOPClassUID: ['00080016', 'UI'],
  SOPInstanceUID: ['00080018', 'UI'],
  StudyDate: ['00080020', 'DA'],
  SeriesDate: ['00080021', 'DA'],
  ContentDate: ['00080023', 'DA'],
  StudyTime: ['00080030', 'TM'],
  SeriesTime: ['00080031', 'TM'],
  ContentTime: ['00080033', 'TM'],
  AccessionNumber: ['00080050', 'SH'],
  Modality: ['00080060', 'CS'],
  Manufacturer: ['00080070', 'LO'],
  ReferringPhysicianName: ['00080090', 'PN'],
  CodeValue: ['00080100', 'SH'],
  CodingSchemeDesignator: ['00080102', 'SH'],
  CodeMeaning: ['00080104', 'LO'],
  StudyDescription: ['00081030', 'LO'],
  SeriesDescription: ['0008103e', 'LO'],
  ManufacturerModelName: ['00081090', 'LO'],
  ReferencedSeriesSequence: ['00081115', 'SQ'],
  ReferencedInstanceSequence: ['0008114a', 'SQ'],
  ReferencedSOPClassUID: ['00081150', 'UI'],
  ReferencedSOPInstanceUID: ['00081155', 'UI'],
  ReferencedFrameNumber: ['00081160', 'IS'],
  SourceImageSequence: ['00082112', 'SQ'],
  DerivationImageSequence: ['00089124', 'SQ'],
  DerivationCodeSequence: ['00089215', 'SQ'],
  PatientName: ['00100010', 'PN'],
  PatientID: ['00100020', 'LO'],
  PatientBirthDate: ['00100030', 'DA'],
  PatientSex: ['00100040', 'CS'],
  PatientAge: ['00101010', 'AS'],
  PatientSize: ['00101020', 'DS'],
  PatientWeight: ['00101030', 'DS'],
  PatientIdentityRemoved: ['00120062', 'CS'],
  DeidentificationMethod: ['00120063', 'LO'],
  DeidentificationMethodCodeSequence: ['00120064', 'SQ'],
  SliceThickness: ['00180050', 'DS'],
  SpacingBetweenSlices: ['00180088', 'DS'],
  DeviceSerialNumber: ['00181000', 'LO'],
  SoftwareVersions: ['00181020', 'LO'],
  StudyInstanceUID: ['0020000d', 'UI'],
  SeriesInstanceUID: ['0020000e', 'UI'],
  StudyID: ['00200010', 'SH'],
  SeriesNumber: ['00200011', 'IS'],
  InstanceNumber: ['00200013', 'IS'],
  ImagePositionPatient: ['00200032', 'DS'],
  ImageOrientationPatient: ['00200037', 'DS'],
  FrameOfReferenceUID: ['00200052', 'UI'],
  PositionReferenceIndicator: ['00201040', 'LO'],
  FrameContentSequence: ['00209111', 'SQ'],
  PlanePositionSequence: ['00209113', 'SQ'],
  PlaneOrientationSequence: ['00209116', 'SQ'],
  DimensionIndexValues: ['00209157', 'UL'],
  DimensionOrganizationUID: ['00209164', 'UI'],
  DimensionIndexPointer: ['00209165', 'AT'],
  FunctionalGroupPointer: ['00209167', 'AT'],
  DimensionOrganizationSequence: ['00209221', 'SQ'],
  DimensionIndexSequence: ['00209222', 'SQ'],
  DimensionDescriptionLabel: ['00209421', 'LO'],
  SamplesPerPixel: ['00280002', 'US'],
  PhotometricInterpretation: ['00280004', 'CS'],
  NumberOfFrames: ['00280008', 'IS'],
  Rows: ['00280010', 'US'],
  Columns: ['00280011', 'US'],
  PixelSpacing: ['00280030', 'DS'],
  BitsAllocated: ['00280100', 'US'],
  BitsStored: ['00280101', 'US'],
  HighBit: ['00280102', 'US'],
  PixelRepresentation: ['00280103', 'US'],
  SpatialLocationsPreserved: ['0028135a', 'CS'],
  LossyImageCompression: ['00282110', 'CS'],
  LossyImageCompressionRatio: ['00282112', 'DS'],
  LossyImageCompressionMethod: ['00282114', 'CS'],
  PixelMeasuresSequence: ['00289110', 'SQ'],
  PurposeOfReferenceCodeSequence: ['0040a170', 'SQ'],
  SegmentationType: ['00620001', 'CS'],
  SegmentSequence: ['00620002', 'SQ'],
  SegmentedPropertyCategoryCodeSequence: ['00620003', 'SQ'],
  SegmentNumber: ['00620004', 'US'],
  SegmentLabel: ['00620005', 'LO'],
  SegmentDescription: ['00620006', 'ST'],
  SegmentAlgorithmType: ['00620008', 'CS'],
  SegmentAlgorithmName: ['00620009', 'LO'],
  SegmentIdentificationSequence: ['0062000a', 'SQ'],
  ReferencedSegmentNumber: ['0062000b', 'US'],
  RecommendedDisplayCIELabValue: ['0062000d', 'US'],
  SegmentedPropertyTypeCodeSequence: ['0062000f', 'SQ'],
  SegmentsOverlap: ['00620013', 'CS'],
  ContentLabel: ['00700080', 'CS'],
  ContentDescription: ['00700081', 'LO'],
  ContentCreatorName: ['00700084', 'PN'],
  SharedFunctionalGroupsSequence: ['52009229', 'SQ'],
  PerFrameFunctionalGroupsSequence: ['52009230', 'SQ'],
  PixelData: ['7fe00010', 'OB'],
} as const;

export type Keyword = keyof typeof ELEMENTS;
type Representation = (typeof ELEMENTS)[Keyword][1];

/** One value or several; '' or [] is an element without a value. AT takes tags of eight hexadecimal digits. */
type Value = string | number | Uint8Array | readonly (string | number)[] | readonly Item[];

/** A data set, or an item of a sequence, by keyword; what is undefined is left out. */
export type Item = { readonly [K in Keyword]?: Value };

/** Value representations whose length takes four bytes, behind two of reserve. */
const LONG: ReadonlySet<Representation> = new Set(['OB', 'SQ']);
/** Bytes a number of the binary representations. */
const BYTES = { US: 2, UL: 4 } as const;

const text = new TextEncoder();

/** A keyword's tag, eight lower-case hexadecimal digits. */
export function tagOf(keyword: Keyword): string {
  return ELEMENTS[keyword][0];
}

/**
 * A DICOM file (PS3.10) of a data set: preamble, file meta information, and the elements in the order of their
 * tags. Text is written as UTF-8, which the data set has to say itself (SpecificCharacterSet ISO_IR 192).
 */
export function encodeDicom(
  dataset: Item,
  implementation: { readonly uid: string; readonly version: string },
): Uint8Array {
  const meta = encodeItem({
    FileMetaInformationVersion: Uint8Array.of(0, 1),
    MediaStorageSOPClassUID: dataset.SOPClassUID,
    MediaStorageSOPInstanceUID: dataset.SOPInstanceUID,
    TransferSyntaxUID: EXPLICIT_LITTLE,
    ImplementationClassUID: implementation.uid,
    ImplementationVersionName: implementation.version,
  });
  const groupLength = element('00020000', 'UL', littleEndian(meta.length, 4));
  return concatenate([new Uint8Array(128), text.encode('DICM'), groupLength, meta, encodeItem(dataset)]);
}

/** The elements of a data set, in the order of their tags. */
function encodeItem(item: Item): Uint8Array {
  const parts = (Object.keys(item) as Keyword[])
    .filter((keyword) => item[keyword] !== undefined)
    .map((keyword) => ({ tag: ELEMENTS[keyword][0], vr: ELEMENTS[keyword][1], value: item[keyword]! }))
    .sort((a, b) => (a.tag < b.tag ? -1 : 1))
    .map(({ tag, vr, value }) => element(tag, vr, encodeValue(vr, value)));
  return concatenate(parts);
}

function encodeValue(vr: Representation, value: Value): Uint8Array {
  if (value instanceof Uint8Array) return padded(value, 0);
  const values: readonly (string | number | Item)[] = Array.isArray(value) ? value : [value as string];
  if (vr === 'SQ') return concatenate((values as Item[]).map((item) => delimited(encodeItem(item))));
  if (vr === 'AT') return concatenate((values as string[]).map(encodeTag));
  if (vr === 'US' || vr === 'UL') {
    return concatenate((values as number[]).map((number) => littleEndian(number, BYTES[vr])));
  }
  const strings = values.map((one) => (vr === 'DS' ? decimalString(one as number | string) : String(one)));
  return padded(text.encode(strings.join('\\')), vr === 'UI' ? 0 : 0x20);
}

/**
 * A number as a decimal string (DS) of at most 16 characters, as many digits as fit; text as it stands.
 * @throws RangeError when it is not finite.
 */
export function decimalString(value: number | string): string {
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) throw new RangeError(`A decimal string cannot say ${value}.`);
  let string = String(value === 0 ? 0 : value);
  for (let digits = 16; string.length > 16; digits--) string = String(Number(value.toPrecision(digits)));
  return string;
}

function element(tag: string, vr: Representation, value: Uint8Array): Uint8Array {
  const head = LONG.has(vr)
    ? [text.encode(vr), Uint8Array.of(0, 0), littleEndian(value.length, 4)]
    : [text.encode(vr), littleEndian(value.length, 2)];
  return concatenate([encodeTag(tag), ...head, value]);
}

/** An item of a sequence, with its length. */
function delimited(value: Uint8Array): Uint8Array {
  return concatenate([encodeTag('fffee000'), littleEndian(value.length, 4), value]);
}

function encodeTag(tag: string): Uint8Array {
  return concatenate(
    [tag.slice(0, 4), tag.slice(4)].map((half) => littleEndian(Number.parseInt(half, 16), 2)),
  );
}

function littleEndian(value: number, size: number): Uint8Array {
  if (!(Number.isInteger(value) && value >= 0 && value < 256 ** size)) {
    throw new RangeError(`${value} does not fit ${size} bytes.`);
  }
  return Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

/** Values have an even number of bytes. */
function padded(value: Uint8Array, filler: number): Uint8Array {
  return value.length % 2 === 0 ? value : concatenate([value, Uint8Array.of(filler)]);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
