/**
 * The tables that come with the Duke archive: the boxes, the clinical features, and the list that says which file of the
 * archive is which image of which sequence.
 */
import { TonnoError } from '../../errors.ts';
import { decodeTable, namedRows } from '../../formats/spreadsheet.ts';

/** Ends of a box as the table has them: from 1, both in it. */
export type Ends = readonly [first: number, last: number];

export interface AnnotationBox {
  readonly rows: Ends;
  readonly columns: Ends;
  readonly slices: Ends;
}

export interface ClinicalFeatures {
  /** Whether the breast without the box is positive too; undefined where the table does not say. */
  readonly contralateral?: boolean;
  /** Where the tumour is; undefined where the table does not say. */
  readonly side?: 'left' | 'right';
}

/** The two sequences that are used, as the archive's own list calls them. */
export type Sequence = 'pre' | 'post_1';

/** "Breast_MRI_001" */
export const PATIENT = /^Breast_MRI_\d+$/;
const BOX_COLUMNS = ['Start Row', 'End Row', 'Start Column', 'End Column', 'Start Slice', 'End Slice'];
/** The list names 773 126 images; as .xlsx it unpacks to some 500 MiB. */
const MOST_BYTES = 2 ** 30;
const HEADER_ROWS = 10;
const LIST_COLUMN = 'original_path_and_filename';
/** A study's folder, and in it a series' folder that begins with its number; descriptions may hold slashes. */
const DESCRIPTIVE = /\/(\d+\.\d+-.*)\/[^/]+$/;

/** Boxes by patient. @throws TonnoError that names the line of what is no box. */
export async function readBoxes(bytes: Uint8Array, name: string): Promise<Map<string, AnnotationBox>> {
  const boxes = new Map<string, AnnotationBox>();
  for (const { line, get } of namedRows(await decodeTable(bytes, name), ['Patient ID', ...BOX_COLUMNS])) {
    const patient = get('Patient ID');
    if (!PATIENT.test(patient)) continue;
    const refuse = (problem: string, remedy: string) =>
      new TonnoError(`${name}, line ${line}`, problem, { remedy });
    const numbers = BOX_COLUMNS.map((column) => Number(get(column) || Number.NaN));
    const [r0, r1, c0, c1, s0, s1] = numbers;
    if (!numbers.every((n) => Number.isSafeInteger(n) && n > 0) || r1 < r0 || c1 < c0 || s1 < s0) {
      throw refuse(
        `The box of ${patient} is ${BOX_COLUMNS.map((column) => `${column} ${get(column) || 'missing'}`).join(', ')}.`,
        'Whole numbers from 1 are wanted, no start behind its end: download the table again.',
      );
    }
    if (boxes.has(patient)) {
      throw refuse(
        `There is already a box of ${patient}.`,
        'The archive has one box for each patient: keep one.',
      );
    }
    boxes.set(patient, { rows: [r0, r1], columns: [c0, c1], slices: [s0, s1] });
  }
  if (boxes.size === 0) throw noPatients(name);
  return boxes;
}

/** Features by patient. Its header has three rows: groups, names, and what the numbers mean. */
export async function readClinical(bytes: Uint8Array, name: string): Promise<Map<string, ClinicalFeatures>> {
  const table = await decodeTable(bytes, name);
  const rows = namedRows(table, ['Patient ID', 'Contralateral Breast Involvement'], ['Tumor Location']);
  const features = new Map<string, ClinicalFeatures>();
  for (const { get } of rows) {
    const patient = get('Patient ID');
    if (!PATIENT.test(patient)) continue;
    features.set(patient, {
      contralateral: yesOrNo(get('Contralateral Breast Involvement')),
      side: { L: 'left' as const, R: 'right' as const }[get('Tumor Location').toUpperCase()],
    });
  }
  if (features.size === 0) throw noPatients(name);
  return features;
}

/** The table has 1, 0 and NC (not collected); 1.0 and words come from other programs. */
function yesOrNo(cell: string): boolean | undefined {
  if (/^(1(\.0+)?|y(es)?|true)$/i.test(cell)) return true;
  return /^(0(\.0+)?|no?|false)$/i.test(cell) ? false : undefined;
}

/** Which folders hold which sequence of a patient, by `seriesKey` of their names. */
export type SeriesList = ReadonlyMap<string, Readonly<Record<Sequence, ReadonlySet<string>>>>;

/** Reads the archive's list of files, as far as it is about the two sequences. */
export async function readSeriesList(bytes: Uint8Array, name: string): Promise<SeriesList> {
  let rows = 0;
  const seen = new Set<string>();
  const table = await decodeTable(bytes, name, {
    maxBytes: MOST_BYTES,
    // The header, and a row of each folder of the two sequences.
    keep: (cells) => {
      if (rows++ < HEADER_ROWS) return true;
      if (!cells.some((cell) => sequenceOf(cell) !== undefined)) return false;
      const key = cells.map((cell) => cell.slice(0, cell.lastIndexOf('/') + 1)).join('\n');
      return !seen.has(key) && seen.add(key) !== undefined;
    },
  });
  const list = new Map<string, Record<Sequence, Set<string>>>();
  for (const { get } of namedRows(table, [LIST_COLUMN], ['classic_path', 'descriptive_path'])) {
    const found = sequenceOf(get(LIST_COLUMN));
    if (!found) continue;
    const sequences = list.get(found.patient) ?? { pre: new Set(), post_1: new Set() };
    list.set(found.patient, sequences);
    for (const path of [get('classic_path'), get('descriptive_path')]) {
      const folder = DESCRIPTIVE.exec(path)?.[1] ?? path.split('/').at(-2);
      if (folder) sequences[found.sequence].add(seriesKey(folder));
    }
  }
  if (list.size === 0) throw noPatients(name);
  return list;
}

/** "DICOM_Images/Breast_MRI_001/post_1/Breast_MRI_001_post_1_0001.dcm" */
function sequenceOf(path: string): { patient: string; sequence: Sequence } | undefined {
  const [, patient, folder] = /(?:^|\/)(Breast_MRI_\d+)\/([^/]+)\/[^/]+$/.exec(path) ?? [];
  const sequence = { pre: 'pre' as const, post1: 'post_1' as const }[folder?.replace(/[_-]/g, '') ?? ''];
  return sequence && { patient, sequence };
}

/** What is left of a folder's name by every program that writes the archive to a disk: they drop different signs. */
export function seriesKey(folder: string): string {
  return folder.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function noPatients(name: string): TonnoError {
  return new TonnoError(name, 'It names no patient such as Breast_MRI_001.', {
    remedy: 'Give the table as it is downloaded with the archive.',
  });
}
