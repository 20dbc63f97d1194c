/**
 * TensorBoard's event files: records of protobuf messages, one after the other, so that a file grows by appending.
 * Written are scalars, as the simple values that every TensorBoard reads. Formats: TFRecord (tensorflow/core/lib/io/
 * record_writer.h), Event and Summary (tensorboard/compat/proto/event.proto, summary.proto).
 */

import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Field numbers in event.proto and summary.proto. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2 } as const;

const FILE_VERSION = 'brain.Event:2';
/** A record's length and the checksum of it; behind the data follows theirs. */
const FRAME_HEAD = 12;
const FRAME_TAIL = 4;
/** What TFRecord adds to a rotated checksum, since the checksum of data that hold their own says little. */
const MASK_DELTA = 0xa282ead8;

/** Castagnoli's polynomial, its bits reversed. */
const CASTAGNOLI = 0x82f63b78;
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? CASTAGNOLI : 0);
  return crc;
});

/**
 * The name of an event file. TensorBoard knows event files by "tfevents" in their names, and reads those of one
 * folder in the order of their names, hence the padding. Files begun within one second on one host share a name.
 * @param wallTime seconds since 1970; fractions are cut off.
 * @param host goes in as it is.
 */
export function eventFileName(wallTime: number, host: string): string {
  return `events.out.tfevents.${String(Math.trunc(wallTime)).padStart(10, '0')}.${host}.0.tonno`;
}

/**
 * The record that an event file must begin with.
 * @param wallTime seconds since 1970, with fractions.
 */
export function eventFileHeader(wallTime: number): Uint8Array {
  const event = startEvent(wallTime);
  event.tag(EVENT.fileVersion, WireType.LengthDelimited).string(FILE_VERSION);
  return frame(event.finish());
}

/**
 * The record of scalars measured at one step, to be appended to an event file.
 * @param step a whole number.
 * @param wallTime seconds since 1970, with fractions.
 * @param scalars values by tag, rounded to float32; what is too large for one becomes infinite. NaN and infinities
 *   are kept.
 * @throws RangeError when the step is not a whole number, or beyond 2^53.
 */
export function scalarEvent(
  step: number,
  wallTime: number,
  scalars: Readonly<Record<string, number>>,
): Uint8Array {
  if (!Number.isSafeInteger(step)) {
    throw new RangeError(`The step of a scalar must be a whole number below 2^53, not ${step}.`);
  }
  const event = startEvent(wallTime);
  if (step !== 0) event.tag(EVENT.step, WireType.Varint).int64(step);
  event.tag(EVENT.summary, WireType.LengthDelimited).fork();
  for (const [tag, value] of Object.entries(scalars)) {
    event.tag(SUMMARY.value, WireType.LengthDelimited).fork();
    event.tag(VALUE.tag, WireType.LengthDelimited).string(tag);
    // The writer refuses finite numbers that float32 cannot hold, and a large loss must not end a training.
    event.tag(VALUE.simpleValue, WireType.Bit32).float(Math.fround(value));
    event.join();
  }
  event.join();
  return frame(event.finish());
}

/** The CRC-32C of the bytes, as an unsigned number (RFC 3720, section 12.1). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

/** An Event with its time. Here as for the step, proto3 leaves out a zero. */
function startEvent(wallTime: number): BinaryWriter {
  const event = new BinaryWriter();
  if (wallTime !== 0) event.tag(EVENT.wallTime, WireType.Bit64).double(wallTime);
  return event;
}

/** The data as a TFRecord. */
function frame(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(FRAME_HEAD + data.length + FRAME_TAIL);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, FRAME_HEAD);
  view.setUint32(FRAME_HEAD + data.length, maskedCrc(data), true);
  return record;
}

function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}
