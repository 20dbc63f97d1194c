/**
 * MetaImage files (.mha, or .mhd with its voxels in another file), as ITK and SimpleITK write them: the header alone, the
 * volume, and back. ITK's world is left-posterior-superior; AnatomicalOrientation only comments on it.
 *
 * @example
 * const { volume } = await decodeMetaImage(file.stream(), file.name);
 * const bytes = await encodeMetaImage(volume, { datatype: 'float32' });
 */

import { type Volume, voxelCount } from '../volume/volume.ts';
import { ByteReader, type ByteSource, concatenate, lastBytes, withReader, zlib } from './bytes.ts';
import { type DecodedVolume, type HeaderedOptions, type VolumeHeader, withVoxels } from './decoding.ts';
import { oneLine, type VoxelEncodeOptions, voxelBytes } from './encoding.ts';
import { type MetaImageHeader, parseMetaImageHeader } from './metaimage/header.ts';
import { readTextVoxels } from './text-voxels.ts';
import { readVoxels, rearrange, type StoredVoxels, settleNotFinite, storedBytes } from './voxels.ts';
import { affineFault, columnLengths, worldSteps } from './world.ts';

export { looksLikeMetaImage } from './metaimage/header.ts';

/** Of the types that are written. */
const TYPE_NAMES = { uint8: 'MET_UCHAR', int16: 'MET_SHORT', float32: 'MET_FLOAT' } as const;

/**
 * What a MetaImage file says about itself. Reads no further than the header and then closes the source.
 * @param name what errors call the file.
 * @throws VolumeError when it is no MetaImage header, is damaged, or holds what cannot become a volume.
 */
export async function readMetaImageHeader(
  source: ByteSource,
  name: string,
  options: HeaderedOptions = {},
): Promise<VolumeHeader> {
  return withReader(source, name, options.signal, (reader) => parseMetaImageHeader(reader, name, options));
}

/**
 * The volume in a MetaImage file, of any integer or floating-point type, raw, zlib or text. World coordinates become RAS+.
 * Element channels and a fourth axis become channels. Not read are voxels spread over several files.
 * @param name what errors call the file.
 * @throws VolumeError when it is damaged, cut off, or holds what cannot become a volume.
 */
export async function decodeMetaImage(
  source: ByteSource,
  name: string,
  options: HeaderedOptions = {},
): Promise<DecodedVolume> {
  return withReader(source, name, options.signal, (reader) => decodeMetaImageFrom(reader, name, options));
}

/** The same from a reader that stands at the file's start; whoever opened it closes it. */
export async function decodeMetaImageFrom(
  reader: ByteReader,
  name: string,
  options: HeaderedOptions = {},
): Promise<DecodedVolume> {
  const header = await parseMetaImageHeader(reader, name, options);
  const { channels, shape, affine, dataFile, interleaved, notes } = header;
  const stored = await withVoxels(reader, dataFile, name, options, (data, dataName) =>
    readData(data, header, dataName, options.signal),
  );
  const [depth, height, width] = shape;
  const data = interleaved ? rearrange(stored, [channels, width, height, depth], [0, 3, 2, 1]) : stored;
  const notFinite = settleNotFinite(data, name, options.nan);
  return { volume: { name, data, channels, shape, geometry: { affine } }, notFinite, notes };
}

/** The voxels in the file's order from a reader that stands where its data begin. */
async function readData(
  reader: ByteReader,
  header: MetaImageHeader,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { encoding, headerSize, packedBytes, datatype: type, endian, channels, shape, extent } = header;
  const stored: StoredVoxels = { type, endian, count: channels * voxelCount(shape), extent };
  if (headerSize >= 0) await reader.skip(headerSize);
  if (encoding === 'text') return readTextVoxels(reader, stored, name);
  if (encoding === 'raw' && headerSize >= 0) {
    return readVoxels(reader, stored, name);
  }
  const inner =
    encoding === 'zlib'
      ? await ByteReader.open(firstBytes(reader, packedBytes), name, signal, 'zlib')
      : await ByteReader.open(await lastBytes(reader, storedBytes(stored)), name, signal, 'none');
  try {
    return await readVoxels(inner, stored, name);
  } finally {
    await inner.close();
  }
}

/** No more than `count` bytes: behind the packed data may be others. */
async function* firstBytes(reader: ByteReader, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const piece of reader.rest()) {
    yield piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
}

/**
 * The bytes of a .mha file with its voxels packed, as ITK writes it. Channels are interleaved. The same volume gives the same
 * bytes.
 * @throws RangeError when a value for uint8 or int16 is not an integer of its range, or when the affine is singular.
 */
export async function encodeMetaImage(volume: Volume, options: VoxelEncodeOptions): Promise<Uint8Array> {
  const { channels, shape, data, geometry } = volume;
  const { datatype, description = '', signal } = options;
  const [depth, height, width] = shape;
  const fault = affineFault(geometry.affine);
  if (fault) throw new RangeError(`The affine of this volume ${fault}.`);
  const { steps, origin } = worldSteps('LPS', geometry.affine);
  const lengths = columnLengths(geometry.affine);
  const stored = channels > 1 ? rearrange(data, [width, height, depth, channels], [2, 1, 0, 3]) : data;
  const packed = await zlib(voxelBytes(stored, datatype), signal);
  const comment = oneLine(description);
  const lines = [
    'ObjectType = Image',
    ...(comment ? [`Comment = ${comment}`] : []),
    'NDims = 3',
    'BinaryData = True',
    'BinaryDataByteOrderMSB = False',
    'CompressedData = True',
    `CompressedDataSize = ${packed.length}`,
    `TransformMatrix = ${steps.flatMap((step, i) => step.map((value) => value / lengths[i])).join(' ')}`,
    `Offset = ${origin.join(' ')}`,
    'CenterOfRotation = 0 0 0',
    `ElementSpacing = ${lengths.join(' ')}`,
    `DimSize = ${width} ${height} ${depth}`,
    ...(channels > 1 ? [`ElementNumberOfChannels = ${channels}`] : []),
    `ElementType = ${TYPE_NAMES[datatype]}`,
    'ElementDataFile = LOCAL',
  ];
  return concatenate([new TextEncoder().encode(`${lines.join('\n')}\n`), packed]);
}
