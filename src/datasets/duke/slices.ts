/**
 * Where the slices of a box are. The table counts slices from 1 in the order of the instance numbers of the pre-contrast
 * series, which in some patients goes up the body and in others down; a volume's planes are sorted by place. So each file's
 * number and place are read, and the place says which plane it is.
 *
 * That the order is the instance numbers' is what others found who compared boxes and tumours (nnDetection's task 042 turns
 * boxes round in patients whose files are listed against their instance numbers; MAEMI reads numbers and places). The lab's
 * own tutorial counts files as the list names them, which is the same in all patients but those.
 */
import { VolumeError } from '../../errors.ts';
import type { DicomObject } from '../../formats/dicom/object.ts';
import type { Volume } from '../../volume/volume.ts';

const INSTANCE_NUMBER = '00200013';
const POSITION = '00200032';
/** Share of the distance of two planes by which a place may be off. */
const OFF_PLANE = 0.1;

/** What is kept of a file. */
export interface SliceHeader {
  readonly name: string;
  readonly number?: number;
  /** LPS millimetres. */
  readonly position: readonly number[];
}

export function sliceHeader({ name, dataset }: DicomObject): SliceHeader {
  return { name, number: dataset.number(INSTANCE_NUMBER), position: [...dataset.numbers(POSITION)] };
}

/**
 * For slice 1, 2, …: the index on axis 0 of the volume.
 * @param headers of the files of the volume, in any order.
 * @throws VolumeError when numbers or places are missing, occur twice, or do not fit the volume.
 */
export function slicePlanes(headers: readonly SliceHeader[], volume: Volume): number[] {
  const [depth] = volume.shape;
  const title = volume.name ?? 'the series';
  const refuse = (subject: string, problem: string) =>
    new VolumeError(subject, problem, {
      remedy: 'The slices of the box cannot be told without it: download the series again.',
    });
  if (headers.length !== depth) {
    throw refuse(title, `It has ${headers.length} files and ${depth} planes.`);
  }
  const numbered = headers.map(({ name, number, position }) => {
    if (number === undefined || !Number.isInteger(number)) throw refuse(name, 'It has no instance number.');
    if (position.length !== 3) throw refuse(name, 'It has no position in the patient.');
    return { name, number, plane: planeOf(position, volume) };
  });
  numbered.sort((a, b) => a.number - b.number);
  const taken = new Map<number, string>();
  for (const [i, { name, number, plane }] of numbered.entries()) {
    if (i > 0 && number === numbered[i - 1].number) {
      throw refuse(name, `Its instance number, ${number}, is that of ${numbered[i - 1].name} too.`);
    }
    const index = Math.round(plane);
    if (Math.abs(plane - index) > OFF_PLANE || index < 0 || index >= depth) {
      throw refuse(name, 'It lies on none of the planes of its series.');
    }
    const other = taken.get(index);
    if (other) throw refuse(name, `It lies where ${other} does.`);
    taken.set(index, name);
  }
  return numbered.map(({ plane }) => Math.round(plane));
}

/** Where a position (LPS millimetres) is along axis 0, in planes. */
function planeOf([left, posterior, superior]: readonly number[], { geometry }: Volume): number {
  const a = geometry.affine;
  const step = [a[2], a[6], a[10]];
  const offset = [-left - a[3], -posterior - a[7], superior - a[11]];
  const dot = (p: readonly number[], q: readonly number[]) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  return dot(offset, step) / dot(step, step);
}
