/**
 * Voxels go from a file into one Float32Array through a small buffer, whatever their type. The array grows with what has
 * arrived, eightfold at a time: a header alone, however large the volume that it announces, costs next to nothing.
 */

import { VolumeError } from '../errors.ts';
import { type ByteReader, HOST_IS_LITTLE_ENDIAN, swapBytes } from './bytes.ts';
import { AGAIN, gigabytes } from './decoding.ts';
import { fromHalf } from './half.ts';

/** Types of one real number a voxel, by the names that NumPy gives them. */
export const VOXEL_ARRAYS = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  /** As the bits that it has. */
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;
export type VoxelType = keyof typeof VOXEL_ARRAYS;
type RawArray = InstanceType<(typeof VOXEL_ARRAYS)[VoxelType]>;

/** How the voxels of a file are stored. */
export interface StoredVoxels {
  readonly type: VoxelType;
  readonly endian: 'little' | 'big';
  /** How many there are, of all channels. */
  readonly count: number;
  /** Each value is multiplied by `slope` and `inter` added, in float64; as it is unless given. */
  readonly scaling?: { readonly slope: number; readonly inter: number };
  /** Axis lengths and type for errors, as in "64×64×32 int16". */
  readonly extent: string;
}

const BLOCK_VOXELS = 1 << 16;
/** 16 MiB: smaller volumes are allocated at once. */
const FIRST_VOXELS = 2 ** 22;
const GROWTH = 8;
/** Node 20 has no Uint8Array of 4 GiB or more: a large volume's bytes are seen through several. */
const VIEW_BYTES = 2 ** 30;
/** How far a compressed file may go on behind its voxels: it has to be read to its end for the checksum. */
const MAX_TRAILING_BYTES = 16 * 2 ** 20;

/** Bytes that the voxels take in a file. */
export function storedBytes({ type, count }: Pick<StoredVoxels, 'type' | 'count'>): number {
  return count * VOXEL_ARRAYS[type].BYTES_PER_ELEMENT;
}

/**
 * The voxels of a reader in the file's order, rounded to float32: the next `count`, behind which nothing is wanted.
 * @throws VolumeError when the file ends before, when there is no memory for them, or when what is packed is damaged or goes
 *   on behind them.
 */
export async function readVoxels(
  reader: ByteReader,
  stored: StoredVoxels,
  name: string,
): Promise<Float32Array> {
  const data = await nextVoxels(reader, stored, name);
  await finish(reader, stored.extent, name);
  return data;
}

async function nextVoxels(reader: ByteReader, stored: StoredVoxels, name: string): Promise<Float32Array> {
  const { type, endian, scaling, count } = stored;
  const scaled = scaling !== undefined && !(scaling.slope === 1 && scaling.inter === 0);
  const swapped = (endian === 'little') !== HOST_IS_LITTLE_ENDIAN;
  const array = new GrowingArray(stored, name);
  if (type === 'float32' && !scaled && !swapped) {
    while (array.filled < count) {
      const { buffer, byteOffset, byteLength } = array.room();
      const view = new Uint8Array(buffer, byteOffset, Math.min(VIEW_BYTES, byteLength));
      const length = await reader.readInto(view);
      if (length < view.length) throw cutOff(4 * array.filled + length, stored, name);
      array.filled += view.length / 4;
    }
    return array.data;
  }

  const raw = new VOXEL_ARRAYS[type](Math.min(BLOCK_VOXELS, count));
  const size = raw.BYTES_PER_ELEMENT;
  const rawBytes = new Uint8Array(raw.buffer);
  const wide = new Float64Array(raw.length);
  while (array.filled < count) {
    const room = array.room();
    const voxels = Math.min(raw.length, room.length);
    const block = rawBytes.subarray(0, voxels * size);
    const length = await reader.readInto(block);
    if (length < block.length) throw cutOff(array.filled * size + length, stored, name);
    if (swapped && size > 1) swapBytes(block, size);
    widen(raw, wide, type);
    if (scaled) {
      for (let i = 0; i < voxels; i++) wide[i] = wide[i] * scaling.slope + scaling.inter;
    }
    room.set(wide.subarray(0, voxels));
    array.filled += voxels;
  }
  return array.data;
}

/** Values of a type as numbers. */
export function widen(raw: RawArray, wide: { length: number; [i: number]: number }, type: VoxelType): void {
  if (type === 'float16') {
    for (let i = 0; i < raw.length; i++) wide[i] = fromHalf(raw[i] as number);
  } else if (raw instanceof BigInt64Array || raw instanceof BigUint64Array) {
    for (let i = 0; i < raw.length; i++) wide[i] = Number(raw[i]);
  } else {
    for (let i = 0; i < raw.length; i++) wide[i] = raw[i];
  }
}

/** An array of voxels that takes no more than eight times what has been filled. */
export class GrowingArray {
  data: Float32Array;
  /** Voxels from the first that have their values. */
  filled = 0;
  readonly #stored: StoredVoxels;
  readonly #name: string;

  constructor(stored: StoredVoxels, name: string) {
    this.#stored = stored;
    this.#name = name;
    this.data = this.#allocate(Math.min(stored.count, FIRST_VOXELS));
  }

  /** The part that is not filled: never empty before all `count` are. */
  room(): Float32Array {
    if (this.filled === this.data.length && this.filled < this.#stored.count) {
      const larger = this.#allocate(Math.min(this.#stored.count, GROWTH * this.data.length));
      larger.set(this.data);
      this.data = larger;
    }
    return this.data.subarray(this.filled);
  }

  #allocate(count: number): Float32Array {
    return allocateVoxels(count, this.#stored, this.#name);
  }
}

/**
 * Room for `count` voxels of a volume.
 * @param whole what all of them are, for the error.
 * @throws VolumeError when there is no memory for them.
 */
export function allocateVoxels(
  count: number,
  whole: Pick<StoredVoxels, 'count' | 'extent'>,
  name: string,
): Float32Array {
  try {
    return new Float32Array(count);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new VolumeError(
      name,
      `There is no memory for its voxels (${whole.extent}, ${gigabytes(4 * whole.count)} as float32).`,
      { remedy: 'Crop or resample it, or use a machine with more memory.', cause },
    );
  }
}

function cutOff(length: number, stored: StoredVoxels, name: string): VolumeError {
  const { extent } = stored;
  return new VolumeError(
    name,
    length === 0
      ? `The file has a header but no voxels; the header announces ${extent}.`
      : `The file ends after ${length} of the ${storedBytes(stored)} bytes of voxels that its header announces (${extent}).`,
    { remedy: AGAIN },
  );
}

/**
 * Reads a compressed file to its end, where its checksum is.
 * @throws VolumeError when it is damaged there, or goes on much further than its header announces.
 */
async function finish(reader: ByteReader, extent: string, name: string): Promise<void> {
  if (!reader.compressed || (await reader.skip(MAX_TRAILING_BYTES)) < MAX_TRAILING_BYTES) return;
  throw new VolumeError(
    name,
    `The file goes on for more than ${gigabytes(MAX_TRAILING_BYTES)} behind the voxels that its header announces (${extent}).`,
    { remedy: 'Header and voxels do not belong together: write the file again.' },
  );
}

/**
 * Makes every NaN and infinity 0 and returns how many there were.
 * @throws VolumeError when there are some and `nan` is not 'zero'.
 */
export function settleNotFinite(data: Float32Array, name: string, nan: 'refuse' | 'zero' = 'refuse'): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      data[i] = 0;
      count++;
    }
  }
  if (count > 0 && nan !== 'zero') {
    throw new VolumeError(name, `${count} of its ${data.length} voxels are NaN or infinite in float32.`, {
      remedy:
        "Replace them in the file, or have them read as 0 (nan: 'zero'; on the command line --nan zero).",
    });
  }
  return count;
}

/**
 * The array [C, D, H, W] of voxels whose axes are stored in another order; the same array where the order is that.
 * @param lengths of the file's axes, the fastest first.
 * @param order the file's axis for each of C, D, H, W; undefined for one that the file does not have.
 */
export function rearrange(
  data: Float32Array,
  lengths: readonly number[],
  order: readonly [c: number | undefined, d: number, h: number, w: number],
): Float32Array {
  const strides = lengths.map((_, axis) => lengths.slice(0, axis).reduce((product, n) => product * n, 1));
  const [C, D, H, W] = order.map((axis) =>
    axis === undefined ? { length: 1, stride: 0 } : { length: lengths[axis], stride: strides[axis] },
  );
  const inPlace =
    W.stride === 1 &&
    H.stride === W.length &&
    D.stride === W.length * H.length &&
    (C.length === 1 || C.stride === D.stride * D.length);
  if (inPlace) return data;
  const arranged = new Float32Array(data.length);
  let at = 0;
  for (let c = 0; c < C.length; c++) {
    for (let d = 0; d < D.length; d++) {
      for (let h = 0; h < H.length; h++) {
        const row = c * C.stride + d * D.stride + h * H.stride;
        for (let w = 0; w < W.length; w++) arranged[at++] = data[row + w * W.stride];
      }
    }
  }
  return arranged;
}
