/**
 * A mask to a DICOM Segmentation (PS3.3 A.51): a multi-frame image of one bit a pixel. A frame is a plane of the
 * mask that holds something, and says which image of the source it lies on; patient, study and place in the world
 * are the source's. What the mask is, is said in codes.
 */
import { UsageError, VolumeError } from '../../errors.ts';
import { VERSION } from '../../version.ts';
import { reorientVolume } from '../../volume/reorient.ts';
import { spacing, type Volume } from '../../volume/volume.ts';
import { CODES, type Code, codeItem, readCode } from './codes.ts';
import { encodeDicom, type Item, type Keyword, tagOf } from './encode-dataset.ts';
import { GROUPS } from './headers.ts';
import type { Dataset } from './object.ts';
import { objectPlanes, type Plane } from './planes.ts';
import { STORAGE } from './regions.ts';
import type { DecodedDicom, SourceSlice } from './series.ts';
import { randomUid } from './uid.ts';

export interface SegmentationOptions {
  /** What the segment is called where it is shown: 64 characters at most. */
  readonly label: string;
  /** More about the segment: 1024 characters at most. */
  readonly description?: string;
  /** How the mask came about. All but MANUAL have a name. */
  readonly algorithm: {
    readonly type: 'AUTOMATIC' | 'SEMIAUTOMATIC' | 'MANUAL';
    /** 64 characters at most. */
    readonly name?: string;
  };
  /** What kind of thing the segment is, of CID 7150; a morphologically abnormal structure unless given. */
  readonly category?: Code;
  /** What the segment is, of CID 7151; a lesion unless given. */
  readonly type?: Code;
  /** Of the new series; 1000 more than the source's unless given. */
  readonly seriesNumber?: number;
  /** Of the new series; the label unless given. */
  readonly seriesDescription?: string;
  /** Who is responsible, in DICOM's form Family^Given; nobody unless given. */
  readonly contentCreator?: string;
  /** Stands as local time in the object; now unless given. */
  readonly now?: Date;
  /** Makes a unique identifier at each call; random ones (2.25) unless given. */
  readonly uid?: () => string;
}

/** This program's own, made from a random UUID once and for all. */
const IMPLEMENTATION = {
  uid: '2.25.154439069231051104032747412984797351470',
  version: `TONNO_${VERSION}`.slice(0, 16),
};
/** A red that stands out on grey: L* 53.5, a* 59.3, b* 41.8, as PS3.3 C.10.7.1.1 scales them. */
const DISPLAY_COLOUR = [35060, 48135, 43645];

/** Type 2 of Patient and General Study: there, if need be without a value. */
const COPIED: readonly Keyword[] = [
  'PatientName',
  'PatientID',
  'PatientBirthDate',
  'PatientSex',
  'StudyInstanceUID',
  'StudyDate',
  'StudyTime',
  'ReferringPhysicianName',
  'StudyID',
  'AccessionNumber',
];
/** Type 3, and what says that the patient has been made unknown: there where the source has them. */
const COPIED_IF_THERE: readonly Keyword[] = [
  'PatientAge',
  'PatientSize',
  'PatientWeight',
  'StudyDescription',
  'PatientIdentityRemoved',
  'DeidentificationMethod',
];

/**
 * A DICOM file (Segmentation Storage, BINARY, explicit VR little endian) with one segment: the voxels of a mask
 * that are not 0. Planes without any are left out; a mask without any keeps one empty frame, the first plane,
 * because the standard wants one.
 * @param mask one channel on the grid of the source; its axes may be turned or flipped against it.
 * @param source the decoded series that the mask belongs to.
 * @throws VolumeError when the mask is not on the source's grid, has several channels or NaN, and when the source's
 *   files lack the identifiers that a segmentation refers to.
 * @throws UsageError when an option is not what DICOM can hold.
 */
export function encodeSegmentation(
  mask: Volume,
  source: DecodedDicom,
  options: SegmentationOptions,
): Uint8Array {
  checkOptions(options);
  const { now = new Date(), uid = randomUid } = options;
  const seriesName = source.volume.name ?? 'the source series';
  const name = mask.name ?? 'The mask';
  if (mask.channels !== 1) {
    throw new VolumeError(name, `It has ${mask.channels} channels, and a mask has one.`, {
      remedy: 'Write a segmentation for each of its channels.',
    });
  }
  const { data, shape } = reorientVolume({ ...mask, name }, source.volume, seriesName);
  const [, rows, columns] = shape;
  const pixels = rows * columns;
  const kept = filledPlanes(data, pixels, name);

  checkIdentifiers(source.slices);
  const planes = sourcePlanes(source);
  const [first] = source.slices;
  const organization = uid();
  const { date, time } = dateAndTime(now);
  const file: Item = {
    ...patientAndStudy(first.object.dataset),
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: STORAGE.segmentation,
    SOPInstanceUID: uid(),
    InstanceCreationDate: date,
    InstanceCreationTime: time,

    Modality: 'SEG',
    SeriesInstanceUID: uid(),
    SeriesNumber: options.seriesNumber ?? 1000 + (first.object.dataset.number('00200011') ?? 0),
    SeriesDescription: options.seriesDescription ?? options.label,
    SeriesDate: date,
    SeriesTime: time,

    Manufacturer: 'tonno',
    ManufacturerModelName: 'tonno',
    DeviceSerialNumber: '0',
    SoftwareVersions: VERSION,

    ImageType: ['DERIVED', 'PRIMARY'],
    InstanceNumber: 1,
    ContentDate: date,
    ContentTime: time,
    ContentLabel: 'SEGMENTATION',
    ContentDescription: options.seriesDescription ?? options.label,
    ContentCreatorName: options.contentCreator ?? '',
    ...lossyCompression(source.slices),

    SegmentationType: 'BINARY',
    SegmentsOverlap: 'NO',
    SegmentSequence: [segment(options)],

    DimensionOrganizationSequence: [{ DimensionOrganizationUID: organization }],
    DimensionIndexSequence: [
      dimension(organization, 'ReferencedSegmentNumber', 'SegmentIdentificationSequence', 'Segment'),
      dimension(organization, 'ImagePositionPatient', 'PlanePositionSequence', 'Position'),
    ],
    ...frameOfReference(first.object.dataset),
    ReferencedSeriesSequence: [referencedSeries(source.slices)],
    SharedFunctionalGroupsSequence: [sharedGroups(planes[0], source.volume)],
    PerFrameFunctionalGroupsSequence: kept.map((plane, i) => ({
      FrameContentSequence: [{ DimensionIndexValues: [1, i + 1] }],
      PlanePositionSequence: [{ ImagePositionPatient: planes[plane].position }],
      DerivationImageSequence: [derivation(source.slices[plane])],
      SegmentIdentificationSequence: [{ ReferencedSegmentNumber: 1 }],
    })),

    NumberOfFrames: kept.length,
    Rows: rows,
    Columns: columns,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 1,
    BitsStored: 1,
    HighBit: 0,
    PixelRepresentation: 0,
    PixelData: packBits(data, kept, pixels),
  };
  return encodeDicom(file, IMPLEMENTATION);
}

/** Without them there is nothing that a segmentation could refer to. */
const IDENTIFIERS = [
  ['00080016', 'SOP Class UID'],
  ['00080018', 'SOP Instance UID'],
  ['0020000d', 'Study Instance UID'],
  ['0020000e', 'Series Instance UID'],
] as const;

function checkIdentifiers(slices: readonly SourceSlice[]): void {
  for (const { object } of slices) {
    const missing = IDENTIFIERS.find(([tag]) => !object.dataset.string(tag));
    if (missing) {
      throw new VolumeError(object.name, `It has no ${missing[1]}, by which a segmentation refers to it.`, {
        remedy: 'Write the mask in another format, as NIfTI.',
      });
    }
  }
}

/** Indices of the planes that hold something, or of the first where none does. */
function filledPlanes(data: Float32Array, pixels: number, name: string): number[] {
  const planes: number[] = [];
  for (let start = 0; start < data.length; start += pixels) {
    let filled = false;
    for (let i = start; i < start + pixels; i++) {
      if (data[i] === 0) continue;
      if (Number.isNaN(data[i])) {
        throw new VolumeError(name, 'It has voxels that are NaN, which are neither in a mask nor outside.', {
          remedy: 'Replace them in the file.',
        });
      }
      filled = true;
    }
    if (filled) planes.push(start / pixels);
  }
  return planes.length > 0 ? planes : [0];
}

/** One bit a pixel, the first in the lowest bit; frames follow each other without a gap (PS3.5 8.1.1). */
function packBits(data: Float32Array, planes: readonly number[], pixels: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((planes.length * pixels) / 8));
  planes.forEach((plane, frame) => {
    for (let i = 0; i < pixels; i++) {
      if (data[plane * pixels + i] === 0) continue;
      const bit = frame * pixels + i;
      bytes[Math.floor(bit / 8)] |= 1 << (bit % 8);
    }
  });
  return bytes;
}

/** The planes of the source, as its files have them. */
function sourcePlanes({ slices }: DecodedDicom): Plane[] {
  const planes = new Map(
    [...new Set(slices.map(({ object }) => object))].map((object) => [object, objectPlanes(object)]),
  );
  return slices.map(({ object, frame }) => planes.get(object)![frame]);
}

function sharedGroups(plane: Plane, volume: Volume): Item {
  const [between] = spacing(volume.geometry);
  const thickness = plane.header('00180050', GROUPS.measures)?.number('00180050');
  return {
    PlaneOrientationSequence: [
      { ImageOrientationPatient: [...plane.rowDirection, ...plane.columnDirection] },
    ],
    PixelMeasuresSequence: [
      {
        PixelSpacing: plane.pixelSpacing,
        SliceThickness: thickness || between,
        SpacingBetweenSlices: between,
      },
    ],
  };
}

function patientAndStudy(source: Dataset): Item {
  const value = (keyword: Keyword) => source.string(tagOf(keyword));
  const methods = source
    .sequence(tagOf('DeidentificationMethodCodeSequence'))
    .map(readCode)
    .filter((code) => code !== undefined);
  return {
    ...Object.fromEntries(COPIED.map((keyword) => [keyword, value(keyword) ?? ''])),
    ...Object.fromEntries(COPIED_IF_THERE.map((keyword) => [keyword, value(keyword)])),
    DeidentificationMethodCodeSequence: methods.length > 0 ? methods.map(codeItem) : undefined,
  };
}

/** A source without one has no coordinates that another series could share. */
function frameOfReference(source: Dataset): Item {
  const uid = source.string('00200052');
  if (uid === undefined) return {};
  return { FrameOfReferenceUID: uid, PositionReferenceIndicator: source.string('00201040') ?? '' };
}

/** What was lost in the source is lost in what is made from it. */
function lossyCompression(slices: readonly SourceSlice[]): Item {
  const lossy = slices.find(({ object }) => object.dataset.string('00282110') === '01')?.object.dataset;
  if (!lossy) return { LossyImageCompression: '00' };
  return {
    LossyImageCompression: '01',
    LossyImageCompressionRatio: lossy.strings('00282112'),
    LossyImageCompressionMethod: lossy.strings('00282114'),
  };
}

function segment({ label, description, algorithm, category, type }: SegmentationOptions): Item {
  return {
    SegmentNumber: 1,
    SegmentLabel: label,
    SegmentDescription: description,
    SegmentAlgorithmType: algorithm.type,
    SegmentAlgorithmName: algorithm.name,
    SegmentedPropertyCategoryCodeSequence: [codeItem(category ?? CODES.abnormalStructure)],
    SegmentedPropertyTypeCodeSequence: [codeItem(type ?? CODES.lesion)],
    RecommendedDisplayCIELabValue: DISPLAY_COLOUR,
  };
}

function dimension(organization: string, pointer: Keyword, group: Keyword, label: string): Item {
  return {
    DimensionOrganizationUID: organization,
    DimensionIndexPointer: tagOf(pointer),
    FunctionalGroupPointer: tagOf(group),
    DimensionDescriptionLabel: label,
  };
}

/** Every image of the source, each once. */
function referencedSeries(slices: readonly SourceSlice[]): Item {
  const instances = new Map(slices.map((slice) => [slice.sopInstance, slice]));
  return {
    SeriesInstanceUID: slices[0].object.dataset.string('0020000e') ?? '',
    ReferencedInstanceSequence: [...instances.values()].map(reference),
  };
}

function reference({ object, sopInstance }: SourceSlice): Item {
  return {
    ReferencedSOPClassUID: object.dataset.string('00080016') ?? '',
    ReferencedSOPInstanceUID: sopInstance,
  };
}

function derivation(slice: SourceSlice): Item {
  const frames = slice.object.dataset.number('00280008') ?? 1;
  return {
    DerivationCodeSequence: [codeItem(CODES.segmentation)],
    SourceImageSequence: [
      {
        ...reference(slice),
        ReferencedFrameNumber: frames > 1 ? slice.frame + 1 : undefined,
        PurposeOfReferenceCodeSequence: [codeItem(CODES.sourceImage)],
        SpatialLocationsPreserved: 'YES',
      },
    ],
  };
}

/** Local time in DICOM's forms. */
function dateAndTime(now: Date): { date: string; time: string } {
  const digits = (value: number, length = 2) => String(value).padStart(length, '0');
  return {
    date: digits(now.getFullYear(), 4) + digits(now.getMonth() + 1) + digits(now.getDate()),
    time: `${[now.getHours(), now.getMinutes(), now.getSeconds()].map((value) => digits(value)).join('')}.${digits(now.getMilliseconds(), 3)}`,
  };
}

function checkOptions(options: SegmentationOptions): void {
  const { algorithm, category, type } = options;
  if (algorithm.type !== 'MANUAL' && !algorithm.name) {
    throw new UsageError(
      'algorithm',
      `A mask made by ${algorithm.type === 'AUTOMATIC' ? 'an automatic' : 'a semiautomatic'} algorithm has the algorithm's name.`,
      { remedy: 'Give its name, or the type MANUAL.' },
    );
  }
  const texts: [string, string | undefined, number][] = [
    ['label', options.label, 64],
    ['description', options.description, 1024],
    ['algorithm name', algorithm.name, 64],
    ['series description', options.seriesDescription, 64],
    ['content creator', options.contentCreator, 64],
    ...[category, type].flatMap((code): [string, string | undefined, number][] => [
      ['code value', code?.value, 16],
      ['coding scheme', code?.scheme, 16],
      ['code meaning', code?.meaning, 64],
    ]),
  ];
  for (const [what, text, most] of texts) {
    if (text === undefined) continue;
    if (text.trim() === '' || [...text].length > most || text.includes('\\') || /\p{Cc}/u.test(text)) {
      throw new UsageError(
        what,
        `"${text}" is not 1 to ${most} characters without a backslash and without line breaks.`,
        { remedy: 'Give another: DICOM has no place for it.' },
      );
    }
  }
  const { seriesNumber } = options;
  if (seriesNumber !== undefined && !(Number.isInteger(seriesNumber) && Math.abs(seriesNumber) < 2 ** 31)) {
    throw new UsageError('series number', `${seriesNumber} is not a whole number of DICOM.`, {
      remedy: 'Give a whole number below 2 147 483 648.',
    });
  }
}
