import { readFileSync } from 'node:fs';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatenate } from '../../src/formats/bytes.ts';
import { crc32c, eventFileHeader, eventFileName, scalarEvent } from '../../src/formats/tensorboard.ts';

interface Scalars {
  readonly step: number;
  readonly wallTime: number;
  readonly scalars: Readonly<Record<string, number>>;
}

const FIXTURES = new URL('../fixtures/tensorboard/', import.meta.url);
const fixture = (name: string) => new Uint8Array(readFileSync(new URL(name, FIXTURES)));

/** What the writers of PyTorch and TensorBoard were given, see scripts/fixtures/tensorboard.py. */
const expected = JSON.parse(readFileSync(new URL('expected.json', FIXTURES), 'utf8')) as {
  wallTime: number;
  host: string;
  name: string;
  events: { step: number; wallTime: number; scalars: Record<string, number | string> }[];
};
const EVENTS: Scalars[] = expected.events.map((event) => ({
  ...event,
  scalars: Object.fromEntries(Object.entries(event.scalars).map(([tag, value]) => [tag, Number(value)])),
}));

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** CRC-32C as polynomial division, bit by bit and from the highest power, unlike the product's table. */
function divisionCrc(bytes: Uint8Array): number {
  const mirrored = (value: number, bits: number) =>
    Number.parseInt(value.toString(2).padStart(bits, '0').split('').reverse().join(''), 2);
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= mirrored(byte, 8) << 24;
    for (let bit = 0; bit < 8; bit++) rest = rest < 0 ? (rest << 1) ^ 0x1edc6f41 : rest << 1;
  }
  return mirrored(~rest >>> 0, 32);
}

/** The checksum behind TFRecord's mask: subtract the constant, rotate back. */
function unmasked(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated << 15) | (rotated >>> 17)) >>> 0;
}

/** The data of a file's records; both checksums of each must be right. */
function readRecords(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < file.length) {
    const length = Number(view.getBigUint64(at, true));
    const data = file.slice(at + 12, at + 12 + length);
    expect(data.length).toBe(length);
    expect(unmasked(view.getUint32(at + 8, true))).toBe(divisionCrc(file.subarray(at, at + 8)));
    expect(unmasked(view.getUint32(at + 12 + length, true))).toBe(divisionCrc(data));
    records.push(data);
    at += 12 + length + 4;
  }
  return records;
}

/** A message's fields in order: number, wire type, raw bytes. */
function fields(message: Uint8Array): { no: number; type: WireType; bytes: Uint8Array }[] {
  const reader = new BinaryReader(message);
  const found = [];
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    found.push({ no, type, bytes: new Uint8Array(reader.skip(type, no)) });
  }
  return found;
}

function decodeScalars(event: Uint8Array): Scalars {
  const read = { step: 0, wallTime: 0, scalars: {} as Record<string, number> };
  const reader = new BinaryReader(event);
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    if (no === 1) read.wallTime = reader.double();
    else if (no === 2) read.step = Number(reader.int64());
    else if (no === 5) {
      for (const value of fields(reader.bytes())) {
        const entry = new BinaryReader(new BinaryReader(value.bytes).bytes());
        expect(entry.tag()).toEqual([1, WireType.LengthDelimited]);
        const tag = entry.string();
        expect(entry.tag()).toEqual([2, WireType.Bit32]);
        read.scalars[tag] = entry.float();
      }
    } else reader.skip(type, no);
  }
  return read;
}

describe('crc32c', () => {
  const bytes = (value: (i: number) => number) => Uint8Array.from({ length: 32 }, (_, i) => value(i));
  test.each([
    ['the check value', ascii('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(0), 0],
    // RFC 3720, appendix B.4; its checksums are printed in the order of their bytes.
    ['zeros', bytes(() => 0), 0x8a9136aa],
    ['ones', bytes(() => 0xff), 0x62a8ab43],
    ['ascending', bytes((i) => i), 0x46dd794e],
    ['descending', bytes((i) => 31 - i), 0x113fdb5c],
  ])('%s', (_, data, crc) => {
    expect(crc32c(data)).toBe(crc);
  });

  test('is the remainder of a division for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        expect(crc32c(data)).toBe(divisionCrc(data));
      }),
    );
  });
});

describe('eventFileName', () => {
  test("is what PyTorch's writer chose, up to the process", () => {
    expect(eventFileName(expected.wallTime, expected.host)).toBe(`${expected.name}0.tonno`);
  });

  test('pads the seconds to ten digits and cuts fractions off', () => {
    expect(eventFileName(12.999, 'host')).toBe('events.out.tfevents.0000000012.host.0.tonno');
    expect(eventFileName(12345678901, 'host')).toBe('events.out.tfevents.12345678901.host.0.tonno');
  });
});

describe('eventFileHeader', () => {
  test("is the record of TensorBoard's writer, byte for byte", () => {
    expect(eventFileHeader(expected.wallTime)).toEqual(fixture('header.tfevents'));
  });

  test("has the fields of PyTorch's first record, all but the writer's name", () => {
    const [theirs] = readRecords(fixture('scalars.tfevents'));
    const [ours] = readRecords(eventFileHeader(expected.wallTime));
    const writer = fields(theirs).filter(({ no }) => no === 10);
    expect(writer.length).toBe(1);
    expect(fields(ours)).toEqual(fields(theirs).filter(({ no }) => no !== 10));
  });

  test('begins as every event file: length, its checksum, the time, the version', () => {
    const header = eventFileHeader(1.5);
    expect([...header.subarray(0, 12)]).toEqual([24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
    expect([...header.subarray(12, 21)]).toEqual([0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    expect(header.subarray(21, 36)).toEqual(ascii('\x1a\x0dbrain.Event:2'));
    expect(header.length).toBe(40);
  });
});

describe('scalarEvent', () => {
  const theirs = readRecords(fixture('scalars.tfevents')).slice(1);

  test('there is a record of PyTorch for each event', () => {
    expect(theirs.length).toBe(EVENTS.length);
    expect(theirs.length).toBe(12);
  });

  test.each(
    EVENTS.map((event, i) => [i, event] as const),
  )("event %i is PyTorch's record, byte for byte", (i, event) => {
    const record = scalarEvent(event.step, event.wallTime, event.scalars);
    expect(record.subarray(12, -4)).toEqual(theirs[i]);
  });

  test("appended to PyTorch's first record they are PyTorch's file", () => {
    const file = fixture('scalars.tfevents');
    const first = 12 + new DataView(file.buffer).getUint8(0) + 4;
    const records = EVENTS.map((event) => scalarEvent(event.step, event.wallTime, event.scalars));
    expect(concatenate([file.subarray(0, first), ...records])).toEqual(file);
  });

  test('any scalars come back, rounded to float32', () => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        // A tag __proto__ would be no plain key of the reader's object.
        fc.dictionary(
          fc.string({ unit: 'grapheme' }).map((tag) => `tag/${tag}`),
          fc.double(),
        ),
        (step, wallTime, scalars) => {
          const [data, ...more] = readRecords(scalarEvent(step, wallTime, scalars));
          expect(more).toEqual([]);
          const rounded = Object.fromEntries(
            Object.entries(scalars).map(([tag, value]) => [tag, Math.fround(value)]),
          );
          // -0 is as good as 0 for a step and a time, and + 0 makes it so.
          expect(decodeScalars(data)).toEqual({ step: step + 0, wallTime: wallTime + 0, scalars: rounded });
        },
      ),
    );
  });

  test('keeps NaN and infinities, and makes infinite what float32 cannot hold', () => {
    const [data] = readRecords(
      scalarEvent(1, 2, {
        a: Number.NaN,
        b: Number.POSITIVE_INFINITY,
        c: Number.NEGATIVE_INFINITY,
        d: -1e39,
      }),
    );
    expect(decodeScalars(data).scalars).toEqual({ a: Number.NaN, b: Infinity, c: -Infinity, d: -Infinity });
  });

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses the step %d', (step) => {
    expect(() => scalarEvent(step, 1, { loss: 1 })).toThrow(
      new RangeError(`The step of a scalar must be a whole number below 2^53, not ${step}.`),
    );
  });
});
