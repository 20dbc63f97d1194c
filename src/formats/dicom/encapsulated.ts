/**
 * Compressed pixels lie in fragments: first a table of where frames begin (often empty), then pieces of codestreams
 * (PS3.5 A.4). Usually a fragment is a frame. Where frames have several, the table tells which, or the extended table,
 * or the mark with which codestreams begin.
 */

import { VolumeError } from '../../errors.ts';
import { concatenate } from '../bytes.ts';
import type { DicomObject } from './object.ts';
import { COPY_AGAIN, CUT_OFF } from './parse.ts';
import { syntaxName } from './syntaxes.ts';

interface Fragments {
  /** Offsets of frames from the first fragment's item. */
  readonly table: readonly number[];
  readonly pieces: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

const PIXELS = '7fe00010';
const EXTENDED_TABLE = '7fe00001';
const ITEM = 0xfffee000;
const END = 0xfffee0dd;
const HEAD = 8;

const REWRITE = 'Rewrite it uncompressed with a program that reads it: gdcmconv --raw IN OUT.';

/**
 * The codestream of one frame.
 * @param frames how many frames there are to be.
 * @param begins whether a piece can be the first of a frame.
 * @throws VolumeError when there are no fragments, too few, or when it cannot be told whose they are.
 */
export function codestream(
  object: DicomObject,
  frames: number,
  index: number,
  begins: (piece: Uint8Array) => boolean,
): Uint8Array {
  const { table, pieces } = fragmentsOf(object);
  const { name } = object;
  if (pieces.length < frames) {
    throw new VolumeError(
      name,
      `Its pixel data have ${pieces.length} fragments for ${frames} frames: ${frames - pieces.length} are missing.`,
      { remedy: CUT_OFF },
    );
  }
  const all = pieces.map(({ bytes }) => bytes);
  if (pieces.length === frames) return all[index];
  if (frames === 1) return concatenate(all);
  const starts =
    startsByTable(extendedTable(object) ?? table, pieces, frames) ??
    pieces.flatMap(({ bytes }, i) => (begins(bytes) ? [i] : []));
  if (starts.length !== frames || starts[0] !== 0) {
    throw new VolumeError(
      name,
      `It cannot be told which of its ${pieces.length} fragments belong to which of its ${frames} frames.`,
      { remedy: REWRITE },
    );
  }
  return concatenate(all.slice(starts[index], starts[index + 1]));
}

function fragmentsOf({ dataset, name, transferSyntax }: DicomObject): Fragments {
  const value = dataset.bytes(PIXELS) ?? new Uint8Array(0);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const pieces: { offset: number; bytes: Uint8Array }[] = [];
  let base: number | undefined;
  let table: number[] = [];
  for (let at = 0; at + HEAD <= value.length; ) {
    const tag = view.getUint16(at, true) * 0x10000 + view.getUint16(at + 2, true);
    const length = view.getUint32(at + 4, true);
    if (tag === END && base !== undefined) break;
    if (tag !== ITEM) {
      if (at > 0)
        throw new VolumeError(name, 'A fragment of its pixel data is damaged.', { remedy: COPY_AGAIN });
      break;
    }
    const start = at + HEAD;
    if (start + length > value.length) {
      throw new VolumeError(name, 'The file ends within a fragment of its pixel data.', { remedy: CUT_OFF });
    }
    if (base === undefined) {
      base = start + length;
      table = Array.from({ length: Math.floor(length / 4) }, (_, i) => view.getUint32(start + i * 4, true));
    } else {
      pieces.push({ offset: at - base, bytes: value.subarray(start, start + length) });
    }
    at = start + length;
  }
  if (base === undefined) {
    throw new VolumeError(
      name,
      `Its transfer syntax, ${syntaxName(transferSyntax)}, is compressed, but its pixel data are not.`,
      { remedy: 'Have the program that made the file export it anew.' },
    );
  }
  return { table, pieces };
}

function extendedTable({ dataset }: DicomObject): number[] | undefined {
  const bytes = dataset.bytes(EXTENDED_TABLE);
  if (!bytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) =>
    Number(view.getBigUint64(i * 8, true)),
  );
}

/** Which fragment each frame begins with; undefined when the table is empty or points beside the fragments. */
function startsByTable(
  table: readonly number[],
  pieces: Fragments['pieces'],
  frames: number,
): number[] | undefined {
  if (table.length !== frames) return undefined;
  const byOffset = new Map(pieces.map(({ offset }, i) => [offset, i]));
  const starts = table.map((offset) => byOffset.get(offset) ?? -1);
  return starts.every((start, i) => start > (i === 0 ? -1 : starts[i - 1])) ? starts : undefined;
}
