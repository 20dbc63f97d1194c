/**
 * The text of an NRRD header: a magic, then lines `field: description` until an empty one. What a field says is taken
 * apart in header.ts; here is which lines there are. Fields that NRRD does not have are refused, since one that is
 * misspelt may be what places the voxels. Format: teem.sourceforge.net/nrrd/format.html, versions 1 to 5.
 */

import { VolumeError } from '../../errors.ts';
import type { ByteReader } from '../bytes.ts';
import { AGAIN } from '../decoding.ts';

/** Names of fields with the spellings that NRRD allows, in lower case. */
const FIELDS: readonly (readonly string[])[] = [
  ['dimension'],
  ['type'],
  ['sizes'],
  ['encoding'],
  ['endian'],
  ['data file', 'datafile'],
  ['line skip', 'lineskip'],
  ['byte skip', 'byteskip'],
  ['space'],
  ['space dimension'],
  ['space units'],
  ['space origin'],
  ['space directions'],
  ['spacings'],
  ['kinds'],
  ['units'],
  // What follows is known and not needed.
  ['measurement frame'],
  ['block size', 'blocksize'],
  ['content'],
  ['number'],
  ['min'],
  ['max'],
  ['old min', 'oldmin'],
  ['old max', 'oldmax'],
  ['sample units', 'sampleunits'],
  ['thicknesses'],
  ['axis mins', 'axismins'],
  ['axis maxs', 'axismaxs'],
  ['centers', 'centerings'],
  ['labels'],
];
const NAMES = new Map(FIELDS.flatMap(([name, ...others]) => [name, ...others].map((own) => [own, name])));

const NEWEST = 5;
/** Bytes of a line and of a header that someone can have meant; segmentations keep much in theirs. */
const LONGEST_LINE = 2 ** 20;
const LONGEST_HEADER = 2 ** 23;
/** What is said of a volume is short; keys and values are left alone. */
const LONGEST_FIELD = 2 ** 14;

export interface NrrdFields {
  /** 1 to 5. */
  readonly version: number;
  /** Descriptions by the field's name, lower case, the spelling with a space. */
  readonly fields: ReadonlyMap<string, string>;
}

export function looksLikeNrrd(head: Uint8Array): boolean {
  return /^NRRD\d{4}/.test(String.fromCharCode(...head.subarray(0, 8)));
}

/**
 * The fields of the header at the reader's position; the reader then stands behind it.
 * @throws VolumeError when it ends within the header, or holds what no NRRD header holds.
 */
export async function readFields(reader: ByteReader, name: string): Promise<NrrdFields> {
  const magic = await reader.readLine(LONGEST_LINE);
  const version = Number(/^NRRD(\d{4})$/.exec(magic?.trim() ?? '')?.[1]);
  if (!(version >= 1 && version <= NEWEST)) {
    const what = Number.isNaN(version) ? 'does not begin as an NRRD file does' : `has version ${version}`;
    throw new VolumeError(name, `Its header ${what}; versions 1 to ${NEWEST} are known.`, {
      remedy: 'Write it again with a program that knows NRRD, such as 3D Slicer.',
    });
  }
  const fields = new Map<string, string>();
  let length = 0;
  for (;;) {
    const line = await reader.readLine(LONGEST_LINE);
    // A header of its own, with the voxels in another file, ends where it ends.
    if (line === undefined && fields.has('data file')) break;
    length += line?.length ?? Number.POSITIVE_INFINITY;
    if (line === undefined || length > LONGEST_HEADER) {
      throw new VolumeError(name, 'The file ends within its NRRD header, or the header is damaged.', {
        remedy: AGAIN,
      });
    }
    if (line === '') break;
    if (line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    if (colon < 0) throw damaged(name, `a line "${excerpt(line)}" without a colon`);
    // A key of the writer's own, with its value.
    if (line[colon + 1] === '=') continue;
    const text = line.slice(0, colon).trim();
    const field = NAMES.get(text.toLowerCase());
    if (field === undefined) throw damaged(name, `a field "${excerpt(text)}", which NRRD does not have`);
    if (fields.has(field)) throw damaged(name, `the field "${field}" twice`);
    const description = line.slice(colon + 1).trim();
    if (description.length > LONGEST_FIELD) throw damaged(name, `a field "${field}" that goes on and on`);
    fields.set(field, description);
  }
  return { version, fields };
}

function damaged(name: string, what: string): VolumeError {
  return new VolumeError(name, `Its NRRD header has ${what}.`, {
    remedy: 'Mend the header, which is text, or write the file again.',
  });
}

/** So much of a text as a sentence can hold, without what no terminal should be sent. */
export function excerpt(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > 40 ? `${plain.slice(0, 40)}…` : plain;
}
