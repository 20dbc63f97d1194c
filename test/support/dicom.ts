/**
 * Writes small DICOM files from lists of elements, good or bad: what is given is what is written. Not for the product,
 * whose writer must be right; this one must be able to be wrong.
 */

export type DicomValue =
  | string
  | number
  | readonly string[]
  | readonly number[]
  | Uint8Array
  /** Items of a sequence. */
  | readonly DicomElements[]
  /** Pixel data in fragments: the basic offset table (maybe empty), then the fragments. */
  | readonly Uint8Array[];

/** By tag, eight lower-case hexadecimal digits. Written in the order of tags. */
export type DicomElements = { readonly [tag: string]: { readonly vr: string; readonly value: DicomValue } };

export interface DicomFileOptions {
  /** Default: Explicit VR Little Endian. Elements are implicit or big-endian when it says so. */
  readonly transferSyntax?: string;
  /** Without a preamble the file begins with the data set, and has no header. Default true. */
  readonly preamble?: boolean;
  /** Whether sequences and items have no lengths but delimiters. Default false. */
  readonly undefinedLengths?: boolean;
}

interface Style {
  readonly explicit: boolean;
  readonly little: boolean;
  readonly undefinedLengths: boolean;
}

const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const UNDEFINED = 0xffffffff;

/** The bytes of a DICOM file with the given elements. Deflated syntaxes are not packed: deflate `dicomDataSet` instead. */
export function dicomFile(elements: DicomElements, options: DicomFileOptions = {}): Uint8Array {
  const { transferSyntax = '1.2.840.10008.1.2.1', preamble = true } = options;
  const body = dicomDataSet(elements, options);
  if (!preamble) return body;
  const content = dicomDataSet({
    '00020001': { vr: 'OB', value: Uint8Array.of(0, 1) },
    '00020010': { vr: 'UI', value: transferSyntax },
  });
  const length = dicomDataSet({ '00020000': { vr: 'UL', value: content.length } });
  return joined([new Uint8Array(128), latin1('DICM'), length, content, body]);
}

/** The bytes of the data set alone. */
export function dicomDataSet(elements: DicomElements, options: DicomFileOptions = {}): Uint8Array {
  const { transferSyntax = '1.2.840.10008.1.2.1', undefinedLengths = false } = options;
  return written(elements, {
    explicit: transferSyntax !== '1.2.840.10008.1.2',
    little: transferSyntax !== '1.2.840.10008.1.2.2',
    undefinedLengths,
  });
}

function written(elements: DicomElements, style: Style): Uint8Array {
  return joined(
    Object.keys(elements)
      .sort()
      .map((tag) => element(tag, elements[tag].vr, elements[tag].value, style)),
  );
}

function element(tag: string, vr: string, value: DicomValue, style: Style): Uint8Array {
  const fragments = isList(value) && value[0] instanceof Uint8Array ? (value as Uint8Array[]) : undefined;
  const open = fragments !== undefined || (vr === 'SQ' && style.undefinedLengths);
  const content = fragments
    ? joined([...fragments.map((part) => item(part, style, false)), delimiter('fffee0dd', style)])
    : vr === 'SQ'
      ? joined([
          ...(value as DicomElements[]).map((inner) =>
            item(written(inner, style), style, style.undefinedLengths),
          ),
          ...(open ? [delimiter('fffee0dd', style)] : []),
        ])
      : plain(vr, value, style.little);
  const length = open ? UNDEFINED : content.length;
  const head = !style.explicit
    ? uint(length, 4, style.little)
    : LONG.has(vr)
      ? joined([latin1(vr), new Uint8Array(2), uint(length, 4, style.little)])
      : joined([latin1(vr), uint(length, 2, style.little)]);
  return joined([tagBytes(tag, style.little), head, content]);
}

function item(content: Uint8Array, style: Style, open: boolean): Uint8Array {
  const length = uint(open ? UNDEFINED : content.length, 4, style.little);
  const end = open ? [delimiter('fffee00d', style)] : [];
  return joined([tagBytes('fffee000', style.little), length, content, ...end]);
}

function delimiter(tag: string, style: Style): Uint8Array {
  return joined([tagBytes(tag, style.little), new Uint8Array(4)]);
}

type WriteNumber = (view: DataView, at: number, value: number, little: boolean) => void;

const NUMBERS: Readonly<Record<string, readonly [size: number, write: WriteNumber]>> = {
  US: [2, (view, at, value, little) => view.setUint16(at, value, little)],
  SS: [2, (view, at, value, little) => view.setInt16(at, value, little)],
  OW: [2, (view, at, value, little) => view.setUint16(at, value, little)],
  UL: [4, (view, at, value, little) => view.setUint32(at, value, little)],
  SL: [4, (view, at, value, little) => view.setInt32(at, value, little)],
  OL: [4, (view, at, value, little) => view.setUint32(at, value, little)],
  UV: [8, (view, at, value, little) => view.setBigUint64(at, BigInt(value), little)],
  SV: [8, (view, at, value, little) => view.setBigInt64(at, BigInt(value), little)],
  FL: [4, (view, at, value, little) => view.setFloat32(at, value, little)],
  OF: [4, (view, at, value, little) => view.setFloat32(at, value, little)],
  FD: [8, (view, at, value, little) => view.setFloat64(at, value, little)],
  OD: [8, (view, at, value, little) => view.setFloat64(at, value, little)],
  /** A tag as a number: 0x00280010. */
  AT: [
    4,
    (view, at, value, little) => {
      view.setUint16(at, value >>> 16, little);
      view.setUint16(at + 2, value & 0xffff, little);
    },
  ],
};

function plain(vr: string, value: DicomValue, little: boolean): Uint8Array {
  if (value instanceof Uint8Array) return padded(value, 0);
  const values = (isList(value) ? value : [value]) as readonly (string | number)[];
  const layout = NUMBERS[vr];
  if (!layout) return padded(new TextEncoder().encode(values.join('\\')), vr === 'UI' ? 0 : 0x20);
  const [size, write] = layout;
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((number, i) => {
    write(view, i * size, Number(number), little);
  });
  return bytes;
}

/** Values have even lengths. */
function padded(bytes: Uint8Array, padding: number): Uint8Array {
  return bytes.length % 2 === 0 ? bytes : joined([bytes, Uint8Array.of(padding)]);
}

function isList(value: DicomValue): value is Exclude<DicomValue, string | number | Uint8Array> {
  return Array.isArray(value);
}

function tagBytes(tag: string, little: boolean): Uint8Array {
  return joined([
    uint(Number.parseInt(tag.slice(0, 4), 16), 2, little),
    uint(Number.parseInt(tag.slice(4), 16), 2, little),
  ]);
}

function uint(value: number, size: 2 | 4, little: boolean): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (size === 2) view.setUint16(0, value, little);
  else view.setUint32(0, value, little);
  return bytes;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
