/**
 * The planes that an object holds, each with where it lies in the patient: an ordinary object is one plane, an enhanced
 * multi-frame object one a frame, and a dose grid (RTDOSE) one a frame at offsets along the normal. Other objects of
 * several frames do not say where these lie and are refused, as are mosaics, whose one image is a sheet of many.
 */
import { VolumeError } from '../../errors.ts';
import { frameCount } from './frames.ts';
import { type PlaneDepth, type PlanePlacement, planeNormal, planeTrouble, type Vector3 } from './geometry.ts';
import { type FrameHeader, frameHeaders, GROUPS, isEnhanced } from './headers.ts';
import type { Dataset, DicomObject } from './object.ts';

export interface Plane extends PlanePlacement {
  readonly object: DicomObject;
  /** From 0. */
  readonly frame: number;
  readonly header: FrameHeader;
  /** How thick it is, or how far the next is, as far as the file says; Spacing Between Slices goes before. */
  readonly depth?: PlaneDepth;
}

const POSITION = '00200032';
const ORIENTATION = '00200037';
const PIXEL_SPACING = '00280030';
const IMAGER_PIXEL_SPACING = '00181164';
const FRAME_OFFSETS = '3004000c';

const ORIGINALS =
  'Give the original images of a tomographic series (CT, MR, PET), not pictures made from them.';
const DAMAGED = 'Its header is damaged: export or download it again.';
/** Millimetres: an absolute offset of the first plane is its position, a relative one is 0. */
const OFFSET_TOLERANCE = 1e-2;
/** How near the normal of a dose grid with absolute offsets is to the patient's axis. */
const AXIAL_TOLERANCE = 1e-4;

/**
 * The planes of one object, in the order of its frames.
 * @throws VolumeError when it does not say where they lie.
 */
export function objectPlanes(object: DicomObject): Plane[] {
  const { dataset, name } = object;
  if (isMosaic(dataset)) {
    throw new VolumeError(
      name,
      'It is a mosaic: one image in which Siemens laid out all slices as tiles, whose places in the patient it does not say in the standard’s attributes.',
      {
        remedy:
          'Export it as enhanced multi-frame or as one image a slice, or convert it (dcm2niix unpacks mosaics to NIfTI).',
      },
    );
  }
  const count = frameCount(object);
  const headers = frameHeaders(object, count);
  const offsets = count > 1 && !isEnhanced(object) ? frameOffsets(object, count) : undefined;
  return headers.map((header, frame) => {
    const label = count > 1 ? `${name} frame ${frame + 1}` : name;
    const placement = placementOf(object, header, label);
    const plane = {
      ...placement,
      object,
      frame,
      header,
      depth: depthOf(header),
      ...(offsets && { position: offsets(placement, frame) }),
    };
    const trouble = planeTrouble(plane);
    if (trouble) throw new VolumeError(label, trouble.problem, { remedy: trouble.remedy });
    return plane;
  });
}

function isMosaic(dataset: Dataset): boolean {
  return dataset.strings('00080008').includes('MOSAIC');
}

function placementOf(object: DicomObject, header: FrameHeader, label: string): PlanePlacement {
  const { dataset } = object;
  const numbers = (tag: string, group: string, length: number, what: string): readonly number[] => {
    const found = header(tag, group);
    if (!found) {
      throw new VolumeError(
        label,
        `It has no ${what} (${tag.slice(0, 4)},${tag.slice(4)}), so where its pixels lie in the patient is not known.`,
        { remedy: ORIGINALS },
      );
    }
    const values = found.numbers(tag);
    if (values.length !== length || !values.every(Number.isFinite)) {
      throw new VolumeError(
        label,
        `Its ${what} (${tag.slice(0, 4)},${tag.slice(4)}) is "${found.strings(tag).join('\\')}", not ${length} numbers.`,
        { remedy: DAMAGED },
      );
    }
    return values;
  };

  const position = numbers(POSITION, GROUPS.position, 3, 'Image Position (Patient)');
  const directions = numbers(ORIENTATION, GROUPS.orientation, 6, 'Image Orientation (Patient)');
  if (!header(PIXEL_SPACING, GROUPS.measures) && dataset.has(IMAGER_PIXEL_SPACING)) {
    throw new VolumeError(
      label,
      'It has no Pixel Spacing (0028,0030), only that on the detector (Imager Pixel Spacing), which is magnified by what lies between.',
      { remedy: ORIGINALS },
    );
  }
  const spacing = numbers(PIXEL_SPACING, GROUPS.measures, 2, 'Pixel Spacing');
  return {
    label,
    size: [dataset.number('00280010') ?? 0, dataset.number('00280011') ?? 0],
    position: [position[0], position[1], position[2]],
    rowDirection: [directions[0], directions[1], directions[2]],
    columnDirection: [directions[3], directions[4], directions[5]],
    pixelSpacing: [spacing[0], spacing[1]],
    frameOfReference: dataset.string('00200052'),
  };
}

const DEPTHS = [
  { attribute: 'Spacing Between Slices', tag: '00180088' },
  { attribute: 'Slice Thickness', tag: '00180050' },
];

function depthOf(header: FrameHeader): PlaneDepth | undefined {
  for (const { attribute, tag } of DEPTHS) {
    // Nuclear medicine gives the direction of stacking by the sign.
    const value = Math.abs(header(tag, GROUPS.measures)?.number(tag) ?? 0);
    if (value > 0) return { millimetres: value, attribute };
  }
  return undefined;
}

/** Where the frames of a dose grid lie (PS3.3 C.8.8.3.2). */
function frameOffsets(
  { dataset, name }: DicomObject,
  count: number,
): (first: PlanePlacement, frame: number) => Vector3 {
  if (!dataset.has(FRAME_OFFSETS)) {
    throw new VolumeError(
      name,
      `It holds ${count} frames, and neither functional groups nor offsets say where each lies in the patient.`,
      { remedy: 'Convert it to an enhanced multi-frame object or to one image a slice.' },
    );
  }
  const offsets = dataset.numbers(FRAME_OFFSETS);
  if (offsets.length !== count || !offsets.every(Number.isFinite)) {
    throw new VolumeError(
      name,
      `It has ${count} frames, and ${offsets.filter(Number.isFinite).length} offsets of frames (3004,000c).`,
      { remedy: DAMAGED },
    );
  }
  return (first, frame) => {
    const normal = planeNormal(first);
    const [x, y, z] = first.position;
    if (offsets[0] === 0) {
      const move = (axis: 0 | 1 | 2) => first.position[axis] + normal[axis] * offsets[frame];
      return [move(0), move(1), move(2)];
    }
    if (
      Math.abs(offsets[0] - z) <= OFFSET_TOLERANCE &&
      Math.abs(Math.abs(normal[2]) - 1) <= AXIAL_TOLERANCE
    ) {
      return [x, y, offsets[frame]];
    }
    throw new VolumeError(
      name,
      `The offsets of its frames (3004,000c) begin with ${offsets[0]}: neither with 0 nor, in an axial grid, with the position of its first frame (${z}).`,
      { remedy: DAMAGED },
    );
  };
}
