/**
 * Bytes to elements. dicom-parser walks over the elements; it is handed a stream that guards every step, because by
 * itself it walks over the end of a file, takes any two bytes for a value representation and knows none that is
 * younger than itself. Whatever it throws leaves here as a sentence.
 */

import dicomParser from 'dicom-parser';
import { VolumeError } from '../../errors.ts';
import { VALUE_REPRESENTATIONS } from './dictionary.ts';

/** How elements are written: with or without value representations, and in which byte order. */
export interface Encoding {
  readonly explicit: boolean;
  readonly little: boolean;
}

/** An element where it lies: `offset` and `length` of the value field within the bytes of its block. */
export interface ParsedElement {
  readonly tag: string;
  readonly vr?: string;
  readonly offset: number;
  readonly length: number;
  /** Elements of each item of a sequence, where it was read as one. */
  readonly items?: readonly ReadonlyMap<string, ParsedElement>[];
}

/** Elements by tag (eight lower-case hexadecimal digits), with the bytes that they lie in. */
export interface Block {
  readonly bytes: Uint8Array;
  readonly little: boolean;
  readonly elements: ReadonlyMap<string, ParsedElement>;
}

export const CUT_OFF = 'It was cut off: copy or download it again.';
export const COPY_AGAIN = 'Copy or download the file again, or have the program that made it export it anew.';

/** Tag, or tag and length: no element is shorter. */
const SMALLEST_ELEMENT = 8;
const ITEM_GROUP = 0xfffe;
const META_GROUP = 0x0002;
const PIXEL_DATA = '7fe00010';
const UNDEFINED = 0xffffffff;
/** Value representations with lengths of 32 bits that dicom-parser takes for short ones. */
const YOUNG = new Set(['OV', 'SV', 'UV']);

/** A stream that stays within its bytes and accepts the standard's value representations alone. */
class GuardedStream extends dicomParser.ByteStream {
  readonly name: string;
  readonly littleEndian: boolean;
  /** Value representations that dicom-parser is not told, by where the values begin. */
  readonly young = new Map<number, string>();

  constructor(bytes: Uint8Array, start: number, little: boolean, name: string) {
    super(
      little ? dicomParser.littleEndianByteArrayParser : dicomParser.bigEndianByteArrayParser,
      bytes,
      start,
    );
    this.name = name;
    this.littleEndian = little;
    // dicom-parser's types declare methods as properties, which a class cannot override.
    this.seek = (offset) => {
      const target = this.position + offset;
      if (target > this.byteArray.length) throw endsWithin(name, undefined, this.byteArray.length);
      this.position = target;
    };
    this.readFixedString = (length) => {
      const vr = latin1(this.byteArray.subarray(this.position, this.position + length));
      if (vr.length < length) throw endsWithin(name, undefined, this.byteArray.length);
      const at = this.position;
      this.position += length;
      if (VALUE_REPRESENTATIONS.has(vr)) {
        if (!YOUNG.has(vr)) return vr;
        this.young.set(at + SMALLEST_ELEMENT, vr);
        return 'UN';
      }
      // Delimiters have no value representation in any encoding.
      if (uint16(this.byteArray, at - 4, little) === ITEM_GROUP) return '';
      const tag = tagAt(this.byteArray, at - 4, little);
      throw new VolumeError(
        name,
        `The element ${shown(tag)} has no value representation that DICOM knows, at byte ${at}: the file is damaged.`,
        { remedy: COPY_AGAIN },
      );
    };
  }
}

/**
 * The elements from `start` on.
 * @param what `meta` stops before the first element behind group 0002.
 * @returns the block, and where it ended.
 * @throws VolumeError when the bytes end within an element or make no sense.
 */
export function parseBlock(
  bytes: Uint8Array,
  start: number,
  { explicit, little }: Encoding,
  name: string,
  what: 'meta' | 'all' = 'all',
): { block: Block; end: number } {
  const elements = new Map<string, ParsedElement>();
  if (start >= bytes.length) return { block: { bytes, little, elements }, end: start };
  const stream = new GuardedStream(bytes, start, little, name);
  while (stream.position < bytes.length) {
    const at = stream.position;
    if (bytes.length - at < SMALLEST_ELEMENT) {
      if (isZero(bytes, at)) break;
      throw endsWithin(name, undefined, bytes.length);
    }
    const tag = tagAt(bytes, at, little);
    const group = uint16(bytes, at, little);
    if (what === 'meta' && group !== META_GROUP) break;
    // Some writers fill files up with zeros. Nothing else can begin with group 0000, nor an item without its sequence.
    if (group === 0 && isZero(bytes, at)) break;
    if (group === 0 || group === ITEM_GROUP) throw damaged(name, tag, at);
    const element = guarded(name, tag, at, bytes.length, () => {
      if (explicit) return converted(dicomParser.readDicomElementExplicit(stream, stream.warnings), stream);
      if (tag === PIXEL_DATA && uint32(bytes, at + 4) === UNDEFINED) {
        return converted(readFragments(stream), stream);
      }
      return converted(dicomParser.readDicomElementImplicit(stream), stream);
    });
    checkWarnings(stream, name, tag, at);
    elements.set(tag, element);
  }
  return { block: { bytes, little, elements }, end: stream.position };
}

/**
 * The items of a sequence that was left unread: of unknown or unlisted kind, written without value representations.
 * @param value the sequence's value field.
 * @throws VolumeError when it is no sequence of items.
 */
export function parseItems(value: Uint8Array, tag: string, little: boolean, name: string): Block[] {
  const stream = new GuardedStream(value, 0, little, name);
  return guarded(name, tag, 0, value.length, () => {
    const element: dicomParser.Element = { tag: `x${tag}`, length: value.length, dataOffset: 0 };
    dicomParser.readSequenceItemsImplicit(stream, element);
    checkWarnings(stream, name, tag, 0);
    return (converted(element, stream).items ?? []).map((elements) => ({ bytes: value, little, elements }));
  });
}

/** Whether a value field begins as a sequence's does: with an item, or with the end of all items. */
export function beginsWithItem(value: Uint8Array, little: boolean): boolean {
  if (value.length < SMALLEST_ELEMENT) return false;
  const tag = tagAt(value, 0, little);
  return tag === 'fffee000' || tag === 'fffee0dd';
}

/** The tag at a position as eight lower-case hexadecimal digits. */
export function tagAt(bytes: Uint8Array, at: number, little: boolean): string {
  const tag = uint16(bytes, at, little) * 0x10000 + uint16(bytes, at + 2, little);
  return tag.toString(16).padStart(8, '0');
}

export function uint16(bytes: Uint8Array, at: number, little: boolean): number {
  return little ? bytes[at] | (bytes[at + 1] << 8) : (bytes[at] << 8) | bytes[at + 1];
}

/** Little-endian: no other needs it. */
function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at, true) + uint16(bytes, at + 2, true) * 0x10000;
}

/** A tag as people write it: (0028,0010). */
export function shown(tag: string): string {
  return `(${tag.slice(0, 4)},${tag.slice(4)})`.toUpperCase();
}

export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Encapsulated pixel data among implicit elements: forbidden, met, and taken for a sequence by dicom-parser. */
function readFragments(stream: GuardedStream): dicomParser.Element {
  stream.seek(SMALLEST_ELEMENT);
  const element = { tag: `x${PIXEL_DATA}`, length: UNDEFINED, dataOffset: stream.position };
  dicomParser.findEndOfEncapsulatedElement(stream, element, stream.warnings);
  return element;
}

/** dicom-parser's element as ours; checks that nothing in it reaches out of what holds it. */
function converted(element: dicomParser.Element, stream: GuardedStream): ParsedElement {
  const { dataOffset: offset, hadUndefinedLength } = element;
  const tag = element.tag.slice(1);
  // Pixel data whose end is not marked keep the mark for an undefined length.
  const length = element.length === UNDEFINED ? stream.position - offset : element.length;
  const items = element.items?.map((item) => {
    const elements = new Map<string, ParsedElement>();
    let end = item.dataOffset;
    for (const child of Object.values(item.dataSet?.elements ?? {})) {
      if (child.tag === 'xfffee00d') continue;
      const inner = converted(child, stream);
      end = Math.max(end, inner.offset + inner.length);
      elements.set(inner.tag, inner);
    }
    if (end > item.dataOffset + item.length) throw damaged(stream.name, tag, offset);
    if (!hadUndefinedLength && item.dataOffset + item.length > offset + length) {
      throw damaged(stream.name, tag, offset);
    }
    return elements;
  });
  const vr = stream.young.get(offset) ?? element.vr;
  return { tag, offset, length, ...(vr === undefined ? {} : { vr }), ...(items ? { items } : {}) };
}

/**
 * dicom-parser goes on where a sequence has no end, or pixel data an unknown part, and leaves a note. It leaves one too
 * where the last element is too short to be a sequence, which is none of our business.
 */
function checkWarnings(stream: GuardedStream, name: string, tag: string, at: number): void {
  if (stream.warnings.some((warning) => /^eof encountered .*(?<!peeking to determine VR)$/.test(warning))) {
    throw endsWithin(name, tag, stream.byteArray.length);
  }
  if (stream.warnings.some((warning) => warning.startsWith('unexpected tag'))) throw damaged(name, tag, at);
}

function guarded<T>(name: string, tag: string, at: number, total: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof VolumeError) {
      // Which element it was is known here only.
      throw error.problem.startsWith('The file ends') ? endsWithin(name, tag, total) : error;
    }
    if (typeof error === 'string' && /past end|overread|maxP ?osition/.test(error))
      throw endsWithin(name, tag, total);
    throw damaged(name, tag, at, error);
  }
}

function endsWithin(name: string, tag: string | undefined, total: number): VolumeError {
  const where = tag === undefined ? 'an element' : `the element ${shown(tag)}`;
  return new VolumeError(name, `The file ends within ${where}, after ${total} bytes.`, { remedy: CUT_OFF });
}

function damaged(name: string, tag: string, at: number, cause?: unknown): VolumeError {
  // A RangeError is the call stack's end.
  const problem =
    cause instanceof RangeError
      ? `The sequences in the element ${shown(tag)} are nested too deeply, at byte ${at}: the file is damaged.`
      : `The element ${shown(tag)} at byte ${at} is damaged.`;
  return new VolumeError(name, problem, { remedy: COPY_AGAIN, cause });
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
