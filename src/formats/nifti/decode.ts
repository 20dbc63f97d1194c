/**
 * Voxels go from the file into one Float32Array through a small buffer, so that a volume takes its own size in
 * memory and no more, whatever its type. The file's order, x fastest, is that of an array [C, D, H, W].
 */

import { VolumeError } from '../../errors.ts';
import { type Volume, voxelCount } from '../../volume/volume.ts';
import { ByteReader, type ByteSource, HOST_IS_LITTLE_ENDIAN, swapBytes } from '../bytes.ts';
import { extent, gigabytes, isScaled, type NiftiLimits, niftiProblems } from './checks.ts';
import { DATATYPES } from './datatypes.ts';
import { headerLayout, type NiftiInfo, parseHeader } from './header.ts';

export interface NiftiDecodeOptions extends NiftiLimits {
  /** What to do with voxels that are NaN or infinite: 'refuse' unless given; 'zero' makes them 0. */
  readonly nan?: 'refuse' | 'zero';
  readonly signal?: AbortSignal;
}

export interface DecodedNifti {
  readonly volume: Volume;
  readonly info: NiftiInfo;
  /** Voxels that were NaN or infinite in float32 and are 0 now; 0 unless `nan` was 'zero'. */
  readonly notFinite: number;
}

const BLOCK_VOXELS = 1 << 16;
/** Node 20 has no Uint8Array of 4 GiB or more: a large volume's bytes are seen through several. */
const VIEW_BYTES = 2 ** 30;
/** How far a compressed file may go on behind its voxels: it has to be read to its end for the checksum. */
const MAX_TRAILING_BYTES = 16 * 2 ** 20;

/**
 * The volume in a .nii or .nii.gz file (NIfTI-1 or NIfTI-2). Values are scaled by scl_slope and scl_inter as in
 * nibabel, in float64, and rounded to float32. The fourth axis, or the fifth of a vector image, becomes channels.
 * @param name what errors call the file.
 * @throws VolumeError when the file is no NIfTI, is cut off or damaged, or holds what niftiProblems lists or
 *   voxels that are not finite. What the source itself throws passes through.
 */
export async function decodeNifti(
  source: ByteSource,
  name: string,
  options: NiftiDecodeOptions = {},
): Promise<DecodedNifti> {
  const reader = await ByteReader.open(source, name, options.signal);
  try {
    const info = await parseHeader(reader, name);
    const [first] = niftiProblems(info, options);
    if (first) throw new VolumeError(name, first.problem, { remedy: first.remedy });

    const data = allocate(info, name);
    await reader.skip(info.voxOffset - headerLayout(info.version).size);
    await readVoxels(reader, info, data, name);
    if (reader.compressed && (await reader.skip(MAX_TRAILING_BYTES)) === MAX_TRAILING_BYTES) {
      throw new VolumeError(
        name,
        `The file goes on for more than ${gigabytes(MAX_TRAILING_BYTES)} behind the voxels that its header announces (${extent(info)}).`,
        { remedy: 'Header and voxels do not belong together: write the file again.' },
      );
    }

    const notFinite = zeroNotFinite(data);
    if (notFinite > 0 && options.nan !== 'zero') {
      throw new VolumeError(
        name,
        `${notFinite} of its ${data.length} voxels are NaN or infinite in float32.`,
        {
          remedy:
            "Replace them in the file, or have them read as 0 (nan: 'zero'; on the command line --nan zero).",
        },
      );
    }
    const { channels, shape, geometry } = info;
    return { volume: { name, data, channels, shape, geometry }, info, notFinite };
  } finally {
    await reader.close();
  }
}

function allocate(info: NiftiInfo, name: string): Float32Array {
  const count = info.channels * voxelCount(info.shape);
  try {
    return new Float32Array(count);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new VolumeError(
      name,
      `There is no memory for its voxels (${extent(info)}, ${gigabytes(4 * count)} as float32).`,
      { remedy: 'Crop or resample it, or use a machine with more memory.', cause },
    );
  }
}

async function readVoxels(reader: ByteReader, info: NiftiInfo, data: Float32Array, name: string) {
  const scaled = isScaled(info) && !(info.slope === 1 && info.inter === 0);
  const swapped = (info.endian === 'little') !== HOST_IS_LITTLE_ENDIAN;
  if (info.datatype === 'float32' && !scaled && !swapped) {
    let length = 0;
    for (let start = 0; start < data.byteLength; start += VIEW_BYTES) {
      const view = new Uint8Array(data.buffer, start, Math.min(VIEW_BYTES, data.byteLength - start));
      const read = await reader.readInto(view);
      length += read;
      if (read < view.length) break;
    }
    return checkRead(length, info, name);
  }

  const RawArray = DATATYPES[info.datatypeCode].array!;
  const size = RawArray.BYTES_PER_ELEMENT;
  const raw = new RawArray(Math.min(BLOCK_VOXELS, data.length));
  const rawBytes = new Uint8Array(raw.buffer);
  const wide = new Float64Array(raw.length);
  for (let start = 0; start < data.length; start += raw.length) {
    const count = Math.min(raw.length, data.length - start);
    const block = rawBytes.subarray(0, count * size);
    const length = await reader.readInto(block);
    checkRead(start * size + length, info, name, (start + count) * size);
    if (swapped) swapBytes(block, size);
    widen(raw, wide);
    if (scaled) {
      for (let i = 0; i < count; i++) wide[i] = wide[i] * info.slope + info.inter;
    }
    data.set(wide.subarray(0, count), start);
  }
}

function widen(
  raw: InstanceType<NonNullable<(typeof DATATYPES)[number]['array']>>,
  wide: Float64Array,
): void {
  if (raw instanceof BigInt64Array || raw instanceof BigUint64Array) {
    for (let i = 0; i < raw.length; i++) wide[i] = Number(raw[i]);
  } else {
    wide.set(raw);
  }
}

function checkRead(length: number, info: NiftiInfo, name: string, expected = info.dataBytes): void {
  if (length === expected) return;
  throw new VolumeError(
    name,
    length === 0
      ? `The file has a header but no voxels; the header announces ${extent(info)}.`
      : `The file ends after ${length} of the ${info.dataBytes} bytes of voxels that its header announces (${extent(info)}).`,
    { remedy: 'It was cut off: copy or download it again.' },
  );
}

/** Makes every NaN and infinity 0 and returns how many there were. */
function zeroNotFinite(data: Float32Array): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      data[i] = 0;
      count++;
    }
  }
  return count;
}
