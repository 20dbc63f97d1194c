/**
 * NIfTI's voxel types. A type that holds one real number a voxel has the type by which it is read; the others
 * are here to be refused by name.
 */

import type { VoxelType } from '../voxels.ts';

export interface NiftiDatatype {
  /** The name that nibabel gives it. */
  readonly name: string;
  /** Bits a voxel, what `bitpix` must say. */
  readonly bits: number;
  /** Absent where a voxel is not one number that JavaScript can hold. */
  readonly type?: VoxelType;
}

/** By the code in the header's `datatype` field (nifti1.h, NIFTI_TYPE_*). */
export const DATATYPES: Readonly<Record<number, NiftiDatatype>> = {
  1: { name: 'binary', bits: 1 },
  2: { name: 'uint8', bits: 8, type: 'uint8' },
  4: { name: 'int16', bits: 16, type: 'int16' },
  8: { name: 'int32', bits: 32, type: 'int32' },
  16: { name: 'float32', bits: 32, type: 'float32' },
  32: { name: 'complex64', bits: 64 },
  64: { name: 'float64', bits: 64, type: 'float64' },
  128: { name: 'RGB', bits: 24 },
  256: { name: 'int8', bits: 8, type: 'int8' },
  512: { name: 'uint16', bits: 16, type: 'uint16' },
  768: { name: 'uint32', bits: 32, type: 'uint32' },
  1024: { name: 'int64', bits: 64, type: 'int64' },
  1280: { name: 'uint64', bits: 64, type: 'uint64' },
  1536: { name: 'float128', bits: 128 },
  1792: { name: 'complex128', bits: 128 },
  2048: { name: 'complex256', bits: 256 },
  2304: { name: 'RGBA', bits: 32 },
};

/** The code of a type that is written. */
export const DATATYPE_CODE = { uint8: 2, int16: 4, float32: 16 } as const;
