/** NIfTI files for tests, written field by field with a DataView from the tables of nifti1.h and nifti2.h. */

export interface Field {
  readonly at: number;
  readonly type: 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'i64' | 'u64' | 'f32' | 'f64';
}

/** Position and type of each field in the two versions. */
const FIELDS: Record<string, readonly [Field, Field]> = {
  sizeof_hdr: [
    { at: 0, type: 'i32' },
    { at: 0, type: 'i32' },
  ],
  dim: [
    { at: 40, type: 'i16' },
    { at: 16, type: 'i64' },
  ],
  intent_code: [
    { at: 68, type: 'i16' },
    { at: 504, type: 'i32' },
  ],
  datatype: [
    { at: 70, type: 'i16' },
    { at: 12, type: 'i16' },
  ],
  bitpix: [
    { at: 72, type: 'i16' },
    { at: 14, type: 'i16' },
  ],
  pixdim: [
    { at: 76, type: 'f32' },
    { at: 104, type: 'f64' },
  ],
  vox_offset: [
    { at: 108, type: 'f32' },
    { at: 168, type: 'i64' },
  ],
  scl_slope: [
    { at: 112, type: 'f32' },
    { at: 176, type: 'f64' },
  ],
  scl_inter: [
    { at: 116, type: 'f32' },
    { at: 184, type: 'f64' },
  ],
  xyzt_units: [
    { at: 123, type: 'u8' },
    { at: 500, type: 'i32' },
  ],
  qform_code: [
    { at: 252, type: 'i16' },
    { at: 344, type: 'i32' },
  ],
  sform_code: [
    { at: 254, type: 'i16' },
    { at: 348, type: 'i32' },
  ],
  quatern: [
    { at: 256, type: 'f32' },
    { at: 352, type: 'f64' },
  ],
  qoffset: [
    { at: 268, type: 'f32' },
    { at: 376, type: 'f64' },
  ],
  srow: [
    { at: 280, type: 'f32' },
    { at: 400, type: 'f64' },
  ],
};

export const SIZES: Record<Field['type'], number> = {
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  f32: 4,
  f64: 8,
};

/** Code and element of each type that can be read. */
export const TYPES: Record<string, readonly [code: number, element: Field['type']]> = {
  uint8: [2, 'u8'],
  int16: [4, 'i16'],
  int32: [8, 'i32'],
  float32: [16, 'f32'],
  float64: [64, 'f64'],
  int8: [256, 'i8'],
  uint16: [512, 'u16'],
  uint32: [768, 'u32'],
  int64: [1024, 'i64'],
  uint64: [1280, 'u64'],
};

export function put(
  view: DataView,
  type: Field['type'],
  at: number,
  value: number | bigint,
  little: boolean,
) {
  const number = Number(value);
  const put: Record<Field['type'], () => void> = {
    i8: () => view.setInt8(at, number),
    u8: () => view.setUint8(at, number),
    i16: () => view.setInt16(at, number, little),
    u16: () => view.setUint16(at, number, little),
    i32: () => view.setInt32(at, number, little),
    u32: () => view.setUint32(at, number, little),
    i64: () => view.setBigInt64(at, BigInt(value), little),
    u64: () => view.setBigUint64(at, BigInt(value), little),
    f32: () => view.setFloat32(at, number, little),
    f64: () => view.setFloat64(at, number, little),
  };
  put[type]();
}

export interface Build {
  readonly version?: 1 | 2;
  readonly little?: boolean;
  /** dim[1…]. */
  readonly lengths?: readonly number[];
  readonly type?: keyof typeof TYPES;
  readonly values?: readonly (number | bigint)[];
  /** Overrides, by the name in nifti1.h; arrays start at element 0. */
  readonly fields?: Record<string, number | readonly number[]>;
  readonly magic?: string;
  /** Bytes between header and voxels, a multiple of 16. */
  readonly extension?: number;
}

/** A whole file: 2×2×2 uint8 of 1…8 with 1 mm voxels, unless told otherwise. */
export function buildNifti({
  version = 1,
  little = true,
  lengths = [2, 2, 2],
  type = 'uint8',
  values,
  fields = {},
  magic = version === 1 ? 'n+1\0' : 'n+2\0\r\n\x1a\n',
  extension = 0,
}: Build = {}): Uint8Array {
  const [code, element] = TYPES[type];
  const size = SIZES[element];
  const count = lengths.reduce((product, length) => product * length, 1);
  const voxels = values ?? Array.from({ length: count }, (_, i) => i + 1);
  const offset = (version === 1 ? 352 : 544) + extension;
  const bytes = new Uint8Array(offset + voxels.length * size);
  const view = new DataView(bytes.buffer);

  const all: Record<string, number | readonly number[]> = {
    sizeof_hdr: version === 1 ? 348 : 540,
    dim: [lengths.length, ...lengths, ...new Array(7 - lengths.length).fill(1)],
    datatype: code,
    bitpix: size * 8,
    pixdim: [1, 1, 1, 1, 1, 1, 1, 1],
    vox_offset: offset,
    scl_slope: 1,
    xyzt_units: 2,
    sform_code: 1,
    srow: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    ...fields,
  };
  for (const [name, value] of Object.entries(all)) {
    const field = FIELDS[name][version - 1];
    [value].flat().forEach((one, i) => {
      put(view, field.type, field.at + i * SIZES[field.type], one, little);
    });
  }
  const magicAt = version === 1 ? 344 : 4;
  for (let i = 0; i < magic.length; i++) bytes[magicAt + i] = magic.charCodeAt(i);
  voxels.forEach((value, i) => {
    put(view, element, offset + i * size, value, little);
  });
  return bytes;
}

/** The bytes in pieces, counting how many were asked for and whether the stream was closed. */
export function inPieces(bytes: Uint8Array, size: number) {
  const state = { pulled: 0, closed: false };
  async function* pieces() {
    try {
      for (let start = 0; start < bytes.length; start += size) {
        state.pulled++;
        yield bytes.subarray(start, start + size);
      }
    } finally {
      state.closed = true;
    }
  }
  return { state, source: pieces() };
}

/** What a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('Nothing was thrown.');
}
