/**
 * NRRD files (.nrrd, or .nhdr with its voxels in another file), as 3D Slicer and ITK write them: the header alone, the
 * volume, and back. One axis that is no space becomes channels, wherever it stands.
 *
 * @example
 * const { volume, notes } = await decodeNrrd(file.stream(), file.name);
 * const bytes = await encodeNrrd(volume, { datatype: 'float32' });
 */

import { VolumeError } from '../errors.ts';
import { type Volume, voxelCount } from '../volume/volume.ts';
import { ByteReader, type ByteSource, concatenate, gzip, lastBytes, withReader } from './bytes.ts';
import { type DecodedVolume, type HeaderedOptions, type VolumeHeader, withVoxels } from './decoding.ts';
import { oneLine, type VoxelEncodeOptions, voxelBytes } from './encoding.ts';
import { type NrrdHeader, parseNrrdHeader } from './nrrd/header.ts';
import { hexBytes, readTextVoxels } from './text-voxels.ts';
import { readVoxels, rearrange, type StoredVoxels, settleNotFinite, storedBytes } from './voxels.ts';
import { affineFault, worldSteps } from './world.ts';

export { looksLikeNrrd } from './nrrd/fields.ts';

/** Of the types that are written. */
const TYPE_NAMES = { uint8: 'uchar', int16: 'short', float32: 'float' } as const;
/** A line that is passed over is no longer than this. */
const LONGEST_LINE = 2 ** 24;

/**
 * What an NRRD file says about itself. Reads no further than the header and then closes the source.
 * @param name what errors call the file.
 * @throws VolumeError when it is no NRRD header, is damaged, or holds what cannot become a volume.
 */
export async function readNrrdHeader(
  source: ByteSource,
  name: string,
  options: HeaderedOptions = {},
): Promise<VolumeHeader> {
  return withReader(source, name, options.signal, (reader) => parseNrrdHeader(reader, name, options));
}

/**
 * The volume in an NRRD file, versions 1 to 5, of any integer or floating-point type, raw, gzip, text or hex. World
 * coordinates become RAS+. Not read are bzip2, blocks, voxels spread over several files, and worlds that do not say which
 * side of the body they mean (scanner-xyz, 3D-right-handed, …).
 * @param name what errors call the file.
 * @throws VolumeError when it is damaged, cut off, or holds what cannot become a volume.
 */
export async function decodeNrrd(
  source: ByteSource,
  name: string,
  options: HeaderedOptions = {},
): Promise<DecodedVolume> {
  return withReader(source, name, options.signal, (reader) => decodeNrrdFrom(reader, name, options));
}

/** The same from a reader that stands at the file's start; whoever opened it closes it. */
export async function decodeNrrdFrom(
  reader: ByteReader,
  name: string,
  options: HeaderedOptions = {},
): Promise<DecodedVolume> {
  const header = await parseNrrdHeader(reader, name, options);
  const { channels, shape, affine, sizes, order, notes, dataFile } = header;
  const stored = await withVoxels(reader, dataFile, name, options, (data, dataName) =>
    readData(data, header, dataName, options.signal),
  );
  const data = rearrange(stored, sizes, order);
  const notFinite = settleNotFinite(data, name, options.nan);
  return { volume: { name, data, channels, shape, geometry: { affine } }, notFinite, notes };
}

/** The voxels in the file's order from a reader that stands where its data begin. */
async function readData(
  reader: ByteReader,
  header: NrrdHeader,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { encoding, lineSkip, byteSkip, extent, datatype: type, endian, channels, shape } = header;
  const stored: StoredVoxels = { type, endian, count: channels * voxelCount(shape), extent };
  for (let line = 0; line < lineSkip; line++) {
    if ((await reader.readLine(LONGEST_LINE)) === undefined) break;
  }
  if (encoding === 'text') {
    await reader.skip(byteSkip);
    return readTextVoxels(reader, stored, name);
  }
  if (encoding === 'raw' && byteSkip >= 0) {
    await reader.skip(byteSkip);
    return readVoxels(reader, stored, name);
  }
  const inner = await openInner(reader, stored, header, name, signal);
  try {
    await inner.skip(Math.max(0, byteSkip));
    return await readVoxels(inner, stored, name);
  } finally {
    await inner.close();
  }
}

/** A reader of the bytes behind their encoding. */
async function openInner(
  reader: ByteReader,
  stored: StoredVoxels,
  { encoding }: NrrdHeader,
  name: string,
  signal: AbortSignal | undefined,
): Promise<ByteReader> {
  if (encoding === 'hex') return ByteReader.open(hexBytes(reader, name), name, signal, 'none');
  if (encoding === 'raw') {
    return ByteReader.open(await lastBytes(reader, storedBytes(stored)), name, signal, 'none');
  }
  const inner = await ByteReader.open(reader.rest(), name, signal);
  if (inner.compressed || (await inner.peek(1)).length === 0) return inner;
  await inner.close();
  throw new VolumeError(name, 'Its header says that the voxels are gzip, and they are not.', {
    remedy: 'Write the file again.',
  });
}

/**
 * The bytes of a .nrrd file, version 5 with gzip, in the world left-posterior-superior, which ITK and 3D Slicer write. Channels
 * become the slowest axis, of the kind list. The same volume gives the same bytes.
 * @throws RangeError when a value for uint8 or int16 is not an integer of its range, or when the affine is singular.
 */
export async function encodeNrrd(volume: Volume, options: VoxelEncodeOptions): Promise<Uint8Array> {
  const { channels, shape, data, geometry } = volume;
  const { datatype, description = '', signal } = options;
  const fault = affineFault(geometry.affine);
  if (fault) throw new RangeError(`The affine of this volume ${fault}.`);
  const { steps, origin } = worldSteps('LPS', geometry.affine);
  const vector = (numbers: readonly number[]) => `(${numbers.join(',')})`;
  const several = channels > 1;
  const content = oneLine(description);
  const lines = [
    'NRRD0005',
    ...(content ? [`content: ${content}`] : []),
    `type: ${TYPE_NAMES[datatype]}`,
    `dimension: ${several ? 4 : 3}`,
    'space: left-posterior-superior',
    `sizes: ${[shape[2], shape[1], shape[0], ...(several ? [channels] : [])].join(' ')}`,
    `space directions: ${[...steps.map(vector), ...(several ? ['none'] : [])].join(' ')}`,
    `kinds: ${['domain', 'domain', 'domain', ...(several ? ['list'] : [])].join(' ')}`,
    'endian: little',
    'encoding: gzip',
    `space origin: ${vector(origin)}`,
  ];
  const header = new TextEncoder().encode(`${lines.join('\n')}\n\n`);
  return concatenate([header, await gzip(voxelBytes(data, datatype), signal)]);
}
