/**
 * The values of elements: bytes at an offset until someone asks, then text, numbers or items. The value representation
 * says which; where the file does not tell it, a small dictionary of the elements that hold binary numbers does, and all
 * others are text. Text is decoded by the character set of its data set, which items inherit from what holds them.
 */

import { binaryRepresentation } from './dictionary.ts';
import { type Block, beginsWithItem, type ParsedElement, parseItems } from './parse.ts';
import { decodeText } from './text.ts';

/** Elements of a DICOM data set by tag, eight lower-case hexadecimal digits: '00280010'. */
export interface Dataset {
  /** Whether the element is there and not empty. */
  has(tag: string): boolean;
  /** The first value as text without padding; undefined when the element is absent or empty. */
  string(tag: string): string | undefined;
  /** All values as text without padding, empty ones included; none when the element is absent or empty. */
  strings(tag: string): readonly string[];
  /** The first number; undefined when the element is absent or empty, or when its first value is no number. */
  number(tag: string): number | undefined;
  /** All numbers, NaN for a value that is none, so that positions hold; none when the element is absent or empty. */
  numbers(tag: string): readonly number[];
  /**
   * The items of a sequence; none when it is absent, empty or no sequence.
   * @throws VolumeError when the sequence is damaged.
   */
  sequence(tag: string): readonly Dataset[];
  /** The value field as it lies in the file; undefined when the element is absent or empty. Not a copy. */
  bytes(tag: string): Uint8Array | undefined;
}

/** What a data set takes from its surroundings. */
interface Context {
  /** What errors call the file. */
  readonly name: string;
  /** Whether pixels are signed: some elements are of the pixels' type. */
  readonly signed?: boolean;
  readonly characterSets?: readonly string[];
}

type ReadNumber = (view: DataView, at: number, little: boolean) => number;

/** Value representations of binary numbers: bytes a value, and how it is read. */
const NUMBERS: Readonly<Record<string, readonly [size: number, read: ReadNumber]>> = {
  US: [2, (view, at, little) => view.getUint16(at, little)],
  OW: [2, (view, at, little) => view.getUint16(at, little)],
  SS: [2, (view, at, little) => view.getInt16(at, little)],
  UL: [4, (view, at, little) => view.getUint32(at, little)],
  OL: [4, (view, at, little) => view.getUint32(at, little)],
  SL: [4, (view, at, little) => view.getInt32(at, little)],
  UV: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  OV: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  SV: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  FL: [4, (view, at, little) => view.getFloat32(at, little)],
  OF: [4, (view, at, little) => view.getFloat32(at, little)],
  FD: [8, (view, at, little) => view.getFloat64(at, little)],
  OD: [8, (view, at, little) => view.getFloat64(at, little)],
  AT: [4, (view, at, little) => view.getUint16(at, little) * 0x10000 + view.getUint16(at + 2, little)],
};

/** Text whose backslashes are backslashes. */
const ONE_VALUE = new Set(['LT', 'ST', 'UT', 'UR']);
/** Text in the data set's own character sets; all other text is ASCII. */
const IN_CHARACTER_SETS = new Set(['SH', 'LO', 'ST', 'LT', 'PN', 'UC', 'UT']);
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const CHARACTER_SETS = '00080005';
const PIXEL_REPRESENTATION = '00280103';

/** A data set over a parsed block; group 0002 may lie in a block of its own. */
export class ParsedDataset implements Dataset {
  readonly #block: Block;
  readonly #meta: Block | undefined;
  readonly #context: Context;

  constructor(block: Block, context: Context, meta?: Block) {
    this.#block = block;
    this.#meta = meta;
    const { name } = context;
    this.#context = context;
    const sets = this.strings(CHARACTER_SETS);
    this.#context = {
      name,
      signed: context.signed ?? this.number(PIXEL_REPRESENTATION) === 1,
      characterSets: sets.length > 0 ? sets : (context.characterSets ?? []),
    };
  }

  has(tag: string): boolean {
    return this.#find(tag) !== undefined;
  }

  string(tag: string): string | undefined {
    return this.strings(tag)[0];
  }

  strings(tag: string): readonly string[] {
    const found = this.#find(tag);
    if (!found || found.element.items) return [];
    const { element, value } = found;
    const vr = this.#representation(element);
    if (vr === 'AT') return this.numbers(tag).map((number) => number.toString(16).padStart(8, '0'));
    if (vr && NUMBERS[vr]) return this.numbers(tag).map(String);
    const local = vr === undefined || IN_CHARACTER_SETS.has(vr);
    const text = decodeText(value, local ? (this.#context.characterSets ?? []) : []);
    const values = vr && ONE_VALUE.has(vr) ? [text] : text.split('\\');
    return values.map(withoutPadding);
  }

  number(tag: string): number | undefined {
    const first = this.numbers(tag)[0];
    return first === undefined || Number.isNaN(first) ? undefined : first;
  }

  numbers(tag: string): readonly number[] {
    const found = this.#find(tag);
    if (!found || found.element.items) return [];
    const { element, value, little } = found;
    const layout = NUMBERS[this.#representation(element) ?? ''];
    if (!layout) return this.strings(tag).map((text) => (DECIMAL.test(text) ? Number(text) : Number.NaN));
    const [size, read] = layout;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    return Array.from({ length: Math.floor(value.length / size) }, (_, i) => read(view, i * size, little));
  }

  sequence(tag: string): readonly Dataset[] {
    const found = this.#find(tag);
    if (!found) return [];
    const { element, value, little } = found;
    const blocks = element.items
      ? element.items.map((elements) => ({ ...this.#block, elements }))
      : beginsWithItem(value, little)
        ? parseItems(value, tag, little, this.#context.name)
        : [];
    return blocks.map((block) => new ParsedDataset(block, this.#context));
  }

  bytes(tag: string): Uint8Array | undefined {
    return this.#find(tag)?.value;
  }

  /** The value representation as the file has it. */
  writtenRepresentation(tag: string): string | undefined {
    return this.#find(tag)?.element.vr;
  }

  #find(tag: string): { element: ParsedElement; value: Uint8Array; little: boolean } | undefined {
    const block = tag.startsWith('0002') ? (this.#meta ?? this.#block) : this.#block;
    const element = block.elements.get(tag);
    if (!element || element.length === 0) return undefined;
    const value = block.bytes.subarray(element.offset, element.offset + element.length);
    return { element, value, little: block.little };
  }

  #representation({ tag, vr }: ParsedElement): string | undefined {
    return vr === undefined || vr === 'UN' ? binaryRepresentation(tag, this.#context.signed ?? false) : vr;
  }
}

/** Whether a file says that the bytes of an element are words of 16 bits. */
export function isWordData(dataset: Dataset, tag: string): boolean {
  return dataset instanceof ParsedDataset && dataset.writtenRepresentation(tag) === 'OW';
}

function withoutPadding(text: string): string {
  let start = 0;
  let end = text.length;
  const padding = (at: number) => text[at] === ' ' || text[at] === '\0';
  while (end > start && padding(end - 1)) end--;
  while (start < end && padding(start)) start++;
  return text.slice(start, end);
}
