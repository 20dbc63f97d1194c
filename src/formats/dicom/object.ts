/**
 * One DICOM file. It begins with 128 bytes of anything, "DICM" and a header (group 0002) that names the transfer syntax,
 * in which the data set behind it is written. Older files lack all of that and begin with the data set: how it is written
 * is then seen from its first element. Frames of pixels are left packed here (frames.ts).
 */

import { VolumeError } from '../../errors.ts';
import { type Dataset, ParsedDataset } from './dataset.ts';
import { VALUE_REPRESENTATIONS } from './dictionary.ts';
import { type Block, COPY_AGAIN, CUT_OFF, type Encoding, latin1, parseBlock, uint16 } from './parse.ts';
import {
  DEFLATED_LITTLE,
  EXPLICIT_BIG,
  EXPLICIT_LITTLE,
  GE_BIG_PIXELS,
  IMPLICIT_LITTLE,
} from './syntaxes.ts';
import { gunzip, inflate, isGzip } from './unpack.ts';

export type { Dataset } from './dataset.ts';

/** One DICOM file. */
export interface DicomObject {
  /** What errors call the file. */
  readonly name: string;
  /** UID of the transfer syntax; where the file names none, that in which its data set is written. */
  readonly transferSyntax: string;
  /** All elements, with those of the file's header (group 0002). */
  readonly dataset: Dataset;
}

const PREAMBLE = 128;
const MAGIC = 'DICM';
const TRANSFER_SYNTAX = '00020010';
/** A data set without a header begins with one of these groups: header, identification. */
const FIRST_GROUPS = [0x0002, 0x0008];
/** No first element of a data set is longer: it is a group's length, a character set or an image type. */
const LONGEST_FIRST = 256;

/**
 * Whether a file is DICOM, seen from its start.
 * @param head the first 132 bytes or more, or all of a shorter file. Not those of a gzip file: unpack its start first.
 */
export function looksLikeDicom(head: Uint8Array): boolean {
  if (hasMagic(head)) return true;
  const encoding = observedEncoding(head, 0);
  if (!encoding) return false;
  if (!FIRST_GROUPS.includes(uint16(head, 0, encoding.little))) return false;
  if (encoding.explicit) return true;
  const length = new DataView(head.buffer, head.byteOffset, head.length).getUint32(4, true);
  return length <= LONGEST_FIRST && length % 2 === 0;
}

/**
 * Reads the elements of a DICOM file; unpacks it first if it is gzip, and its data set if that is deflated.
 * @param bytes the whole file; kept, for the values are read from it when they are asked for.
 * @param name what errors call the file: a path, a file's name.
 * @throws VolumeError when it is no DICOM file, is cut off or damaged, or unpacks to more than 512 MiB.
 */
export async function readDicom(bytes: Uint8Array, name: string): Promise<DicomObject> {
  if (bytes.length === 0) {
    throw new VolumeError(name, 'The file is empty.', { remedy: 'Copy or download it again.' });
  }
  const file = isGzip(bytes)
    ? await gunzip(bytes, name)
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!looksLikeDicom(file)) {
    throw new VolumeError(name, 'This is not a DICOM file.', {
      remedy:
        'Give a file that begins with "DICM" behind 128 bytes, or with the first element of a data set.',
    });
  }
  const { meta, start } = parseMeta(file, name);
  const declared = meta && new ParsedDataset(meta, { name }).string(TRANSFER_SYNTAX);
  const { bytes: plain, at } =
    declared === DEFLATED_LITTLE
      ? { bytes: await inflate(file.subarray(start), name), at: 0 }
      : { bytes: file, at: start };
  const { transferSyntax, encoding } = settle(declared, plain, at, name);
  const { block } = parseBlock(plain, at, encoding, name);
  return { name, transferSyntax, dataset: new ParsedDataset(block, { name }, meta) };
}

/** The file's header, which is explicit and little-endian whatever follows, and where the data set begins. */
function parseMeta(file: Uint8Array, name: string): { meta?: Block; start: number } {
  const begin = hasMagic(file) ? PREAMBLE + MAGIC.length : 0;
  if (file.length < begin + 2 || uint16(file, begin, true) !== 2) return { start: begin };
  const { block, end } = parseBlock(file, begin, { explicit: true, little: true }, name, 'meta');
  return { meta: block, start: end };
}

/** The transfer syntax, and how the elements are written. */
function settle(
  declared: string | undefined,
  bytes: Uint8Array,
  at: number,
  name: string,
): { transferSyntax: string; encoding: Encoding } {
  if (bytes.length - at < 8) {
    throw new VolumeError(name, 'There is no data set behind the header of the file.', { remedy: CUT_OFF });
  }
  const observed = observedEncoding(bytes, at);
  if (declared) {
    const little = declared !== EXPLICIT_BIG;
    const explicit = declared !== IMPLICIT_LITTLE && declared !== GE_BIG_PIXELS;
    // Some writers name one syntax and use the other; the first element settles it, as there is no third reading.
    const used = observed && observed.little === little ? observed.explicit : explicit;
    return { transferSyntax: declared, encoding: { explicit: used, little } };
  }
  if (!observed) {
    throw new VolumeError(
      name,
      'It names no transfer syntax, and its first element is written in none that is known.',
      { remedy: COPY_AGAIN },
    );
  }
  const transferSyntax = observed.explicit
    ? observed.little
      ? EXPLICIT_LITTLE
      : EXPLICIT_BIG
    : IMPLICIT_LITTLE;
  return { transferSyntax, encoding: observed };
}

/** How the element at a position is written, as far as that can be seen: undefined when it cannot be an element. */
function observedEncoding(bytes: Uint8Array, at: number): Encoding | undefined {
  if (bytes.length - at < 8) return undefined;
  const [little, big] = [uint16(bytes, at, true), uint16(bytes, at, false)];
  if (VALUE_REPRESENTATIONS.has(latin1(bytes.subarray(at + 4, at + 6)))) {
    // Data sets begin with low groups: 0008 in the wrong byte order is 0800.
    return { explicit: true, little: little <= big };
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getUint32(4, true);
  return little <= big && length < 0x10000 ? { explicit: false, little: true } : undefined;
}

function hasMagic(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(PREAMBLE, PREAMBLE + MAGIC.length)) === MAGIC;
}
