/**
 * What files look like that are given for volumes by mistake, told by their first bytes, and what to do with them. One
 * table; the first line that fits counts.
 */

import { latin1 } from './bytes.ts';

export interface Stranger {
  /** The end of a sentence: "a PNG image". */
  readonly what: string;
  /** A sentence; empty where nothing better can be said than which files are wanted. */
  readonly remedy: string;
}

const A_PICTURE =
  'A picture is one slice without a place: give the volume or the DICOM series it was made from.';
const UNPACK = 'Unpack it, and give the files in it.';
const CONVERT = 'Convert it to NIfTI, for instance with nibabel or 3D Slicer.';

/** One of the two says what the first bytes are. */
interface Sign {
  readonly begins?: readonly string[];
  readonly looks?: (head: Uint8Array) => boolean;
}

const STRANGERS: readonly (Stranger & Sign)[] = [
  { looks: (head) => head.length === 0, what: 'an empty file', remedy: 'Copy or download it again.' },
  { begins: ['\x89PNG'], what: 'a PNG image', remedy: A_PICTURE },
  { begins: ['\xff\xd8\xff'], what: 'a JPEG image', remedy: A_PICTURE },
  { begins: ['\xff\x4f\xff\x51', '\0\0\0\x0cjP  '], what: 'a JPEG 2000 image', remedy: A_PICTURE },
  { begins: ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'], what: 'a TIFF image', remedy: A_PICTURE },
  { begins: ['GIF8'], what: 'a GIF image', remedy: A_PICTURE },
  { begins: ['PK\x03\x04'], what: 'a ZIP archive', remedy: UNPACK },
  { begins: ['7z\xbc\xaf'], what: 'a 7-Zip archive', remedy: UNPACK },
  { begins: ['Rar!'], what: 'a RAR archive', remedy: UNPACK },
  { begins: ['BZh'], what: 'a bzip2 file', remedy: UNPACK },
  { begins: ['\xfd7zXZ'], what: 'an xz file', remedy: UNPACK },
  { begins: ['\x28\xb5\x2f\xfd'], what: 'a Zstandard file', remedy: UNPACK },
  { looks: (head) => latin1(head.subarray(257, 262)) === 'ustar', what: 'a tar archive', remedy: UNPACK },
  {
    begins: ['\x89HDF'],
    what: 'HDF5',
    remedy: 'Where it is MINC, convert it with mnc2nii; of another one write the array to NIfTI or .npy.',
  },
  {
    begins: ['CDF\x01', 'CDF\x02', 'CDF\x05'],
    what: 'NetCDF',
    remedy: 'Where it is MINC, convert it with mnc2nii.',
  },
  { looks: isMgh, what: 'MGH (FreeSurfer)', remedy: 'Convert it with mri_convert FILE OUT.nii.gz.' },
  { begins: ['MATLAB 5.0 MAT-file'], what: 'a MATLAB file', remedy: CONVERT },
  { begins: ['MATRIX7'], what: 'ECAT', remedy: CONVERT },
  { begins: ['# vtk DataFile', '<VTKFile'], what: 'VTK', remedy: CONVERT },
  { begins: ['%PDF'], what: 'a PDF document', remedy: '' },
  {
    begins: ['version https://git-lfs'],
    what: 'a Git LFS pointer',
    remedy: 'Fetch the file that it points to with git lfs pull.',
  },
  {
    looks: (head) => /^\s*(<!doctype html|<html)/i.test(latin1(head.subarray(0, 64))),
    what: 'a web page',
    remedy: 'Download the file itself.',
  },
  {
    looks: (head) => head.every((byte) => byte === 0),
    what: 'nothing but zeros',
    remedy: 'Copy or download it again.',
  },
  {
    looks: (head) => head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d)),
    what: 'text',
    remedy: '',
  },
];

/**
 * What the bytes at the start of a file, 352 or all there are, look like.
 * @returns undefined when they look like nothing known.
 */
export function strangerOf(head: Uint8Array): Stranger | undefined {
  const text = latin1(head.subarray(0, 64));
  return STRANGERS.find(
    ({ begins, looks }) => looks?.(head) || begins?.some((start) => text.startsWith(start)),
  );
}

/** Version 1, three lengths and a number of frames, and a type from 0 to 4, big-endian. */
function isMgh(head: Uint8Array): boolean {
  if (head.length < 24) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const lengths = [4, 8, 12, 16].map((at) => view.getInt32(at));
  const type = view.getInt32(20);
  return view.getInt32(0) === 1 && lengths.every((n) => n >= 1 && n < 2 ** 16) && type >= 0 && type <= 4;
}
