/**
 * The table of contents of a ZIP archive, which stands at its end, and the way into a part of it. Format: PKWARE's
 * APPNOTE 6.3, sections 4.3 and 4.4; without encryption and without the extensions for more than 4 GiB.
 */

/** A file in the archive. */
export interface ZipEntry {
  readonly name: string;
  /** 0: as it is; 8: deflated. */
  readonly method: number;
  /** Bytes in the archive. */
  readonly packed: number;
  /** Bytes, as the archive has it. */
  readonly size: number;
  /** CRC-32 of these. */
  readonly sum: number;
  /** Where its header lies. */
  readonly offset: number;
}

const END_OF_CONTENTS = 0x06054b50;
const END_LENGTH = 22;
/** Stands before the end where the contents are written again for archives of more than 4 GiB. */
const LARGE_ARCHIVE = 0x07064b50;
const LARGE_ARCHIVE_LENGTH = 20;
const LONGEST_COMMENT = 0xffff;
const CONTENTS = 0x02014b50;
const CONTENTS_LENGTH = 46;
const LOCAL_LENGTH = 30;

/** @throws Error when the archive is cut off or damaged. */
export function zipEntries(bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - END_LENGTH;
  const first = Math.max(0, end - LONGEST_COMMENT);
  while (end >= first && view.getUint32(end, true) !== END_OF_CONTENTS) end--;
  if (end < first) throw new Error('There is no table of contents.');
  if (end >= LARGE_ARCHIVE_LENGTH && view.getUint32(end - LARGE_ARCHIVE_LENGTH, true) === LARGE_ARCHIVE) {
    throw new Error('It is an archive of more than 4 GiB, or written like one.');
  }
  const entries: ZipEntry[] = [];
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 8, true); left > 0; left--) {
    if (view.getUint32(at, true) !== CONTENTS) throw new Error('The table of contents is damaged.');
    const nameLength = view.getUint16(at + 28, true);
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(at + CONTENTS_LENGTH, at + CONTENTS_LENGTH + nameLength)),
      method: view.getUint16(at + 10, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      sum: view.getUint32(at + 16, true),
      offset: view.getUint32(at + 42, true),
    });
    at += CONTENTS_LENGTH + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/**
 * Unpacks a file of the archive piece by piece.
 * @throws Error when it is damaged, or unpacks to more than the archive says; its checksum is known at the end only.
 */
export async function unpackEntry(
  bytes: Uint8Array,
  { name, method, packed, size, sum, offset }: ZipEntry,
  visit: (piece: Uint8Array) => void,
): Promise<void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = offset + LOCAL_LENGTH + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  const data = bytes.subarray(start, start + packed);
  if (method !== 0 && method !== 8) throw new Error(`${name} is packed by method ${method}.`);
  const plain = new Blob([data as BlobPart]).stream();
  const stream = method === 0 ? plain : plain.pipeThrough(new DecompressionStream('deflate-raw'));
  const reader = stream.getReader();
  let [total, checksum] = [0, 0];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      total += value.length;
      if (total > size) throw new Error(`${name} unpacks to more than ${size} bytes.`);
      checksum = crc32(value, checksum);
      visit(value);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  if (total !== size || checksum !== sum) throw new Error(`${name} is not what was packed.`);
}

/** The remainders of all bytes by the polynomial of IEEE 802.3, bits in reversed order. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  return remainder;
});

/** @param before of the bytes before these; 0 at first. */
function crc32(bytes: Uint8Array, before: number): number {
  let sum = ~before;
  for (let i = 0; i < bytes.length; i++) sum = (sum >>> 8) ^ REMAINDERS[(sum ^ bytes[i]) & 0xff];
  return ~sum >>> 0;
}
