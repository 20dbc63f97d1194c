/**
 * The Duke archive of breast MRI (TCIA, doi:10.7937/TCIA.e3sv-re93): 922 patients, each with one box around one tumour.
 * A patient becomes two cases, the left and the right breast. Boxes stand in a table in rows, columns and slices of the
 * pre-contrast series; they are carried into the grid of the breast they are in.
 */
import { listed, TonnoError } from '../errors.ts';
import { looksLikeDicom, readDicom } from '../formats/dicom/object.ts';
import { type Box, cropVolume } from '../volume/crop.ts';
import type { Volume } from '../volume/volume.ts';
import type { Adapter, AdapterSettings, PreparedCase, SourceFolder, Study } from './adapter.ts';
import { pathIn, readImage } from './archive.ts';
import { readTable, type TableFile, tableNamed } from './archive-tables.ts';
import { boxText, breastBoxes, enhancement, placeBox, SIDES, wholeGridBox } from './duke/halves.ts';
import { describedFolders, listedFolders, SEQUENCES, type SeriesFolder } from './duke/series.ts';
import { type SliceHeader, sliceHeader, slicePlanes } from './duke/slices.ts';
import {
  type AnnotationBox,
  type ClinicalFeatures,
  type Ends,
  PATIENT,
  readBoxes,
  readClinical,
  readSeriesList,
  type Sequence,
  type SeriesList,
} from './duke/tables.ts';
import { requireOneGrid } from './registered.ts';

/** What `prepare` knows of a patient. */
interface DukeSource extends ClinicalFeatures {
  readonly series: Readonly<Record<Sequence, string>>;
  readonly box: AnnotationBox;
}

const OPTIONS = {
  boxes: '--boxes',
  clinical: '--clinical',
  mapping: '--mapping',
};
const TABLES = {
  boxes: /^annotation[ _-]?boxes.*\.(xlsx|csv|tsv)$/i,
  clinical: /^clinical[ _-]and[ _-]other[ _-]features.*\.(xlsx|csv|tsv)$/i,
  mapping: /^breast-cancer-mri-filepath[ _-]filename-mapping.*\.(xlsx|csv|tsv)$/i,
};
/** Folders between the one that is given and the patients': a download's, and the collection's. */
const DEEPEST = 3;
/** Folders between a patient's and its series': the study's. */
const DEEPEST_SERIES = 3;

export const duke: Adapter = {
  summary: 'Duke-Breast-Cancer-MRI: DICOM series, boxes in a table; a case for each breast',
  description: [
    'Takes from Breast_MRI_001 and so on the fat-saturated T1 before contrast and the first after it, and from the tables of the archive (.xlsx or .csv) Annotation_Boxes, Clinical_and_Other_Features and, where it is there, Breast-Cancer-MRI-filepath_filename-mapping, which says what each series is; without it their descriptions do.',
    'Volumes are cut in the middle from left to right, a case for each breast.',
    'The breast with the box is positive; the other one too where Contralateral Breast Involvement says so, then without a box, and negative otherwise.',
    "Slices of boxes are counted in the order of the pre-contrast series' instance numbers.",
    'Preprocessing: zero mean and unit deviation in each channel, and its minimum outside the volume.',
  ].join(' '),
  options: [
    { flags: `${OPTIONS.boxes} <file>`, description: 'the table of boxes, from SOURCE (Annotation_Boxes)' },
    {
      flags: `${OPTIONS.clinical} <file>`,
      description: 'the clinical table, from SOURCE (Clinical_and_Other_Features)',
    },
    {
      flags: `${OPTIONS.mapping} <file>`,
      description: 'which file is which image, from SOURCE (Breast-Cancer-MRI-filepath_filename-mapping)',
    },
  ],
  // Table 3 of the paper.
  validation: { positive: 92 / (975 + 92), negative: 66 / (699 + 66) },
  preprocessing: { normalise: 'zscore', outside: 'minimum' },

  async find(folder, settings) {
    const { patients, files } = await walk(folder);
    if (patients.size === 0) {
      throw new TonnoError(folder.name, 'There are no folders of patients such as Breast_MRI_001.', {
        remedy: 'Give the folder that holds Duke-Breast-Cancer-MRI and the tables.',
      });
    }
    const table = (which: keyof typeof TABLES) => findTable(folder, files, which, settings);
    const boxFile = required(await table('boxes'), folder, 'Annotation_Boxes', OPTIONS.boxes);
    const clinicalFile = required(
      await table('clinical'),
      folder,
      'Clinical_and_Other_Features',
      OPTIONS.clinical,
    );
    const mappingFile = await table('mapping');
    const boxes = await readBoxes(boxFile.bytes, boxFile.name);
    const clinical = await readClinical(clinicalFile.bytes, clinicalFile.name);
    const list = mappingFile && (await readSeriesList(mappingFile.bytes, mappingFile.name));

    const missing = { boxes: [] as string[], clinical: [] as string[], series: [] as string[] };
    const unsaid: string[] = [];
    const studies: Study[] = [];
    for (const [patient, paths] of [...patients].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const [box, features] = [boxes.get(patient), clinical.get(patient)];
      if (!box) missing.boxes.push(patient);
      if (!features) missing.clinical.push(patient);
      if (!box || !features) continue;
      const series = await chooseSeries(folder, patient, paths, list);
      if (!series) {
        missing.series.push(patient);
        continue;
      }
      if (features.contralateral === undefined) unsaid.push(patient);
      const source: DukeSource = { series, box, ...features };
      studies.push({ name: patient, patient, source });
    }
    const notes = [
      [missing.boxes, `Left out, as ${boxFile.name} has no box of them`],
      [missing.clinical, `Left out, as ${clinicalFile.name} does not have them`],
      [missing.series, 'Left out, as the series before contrast or the first after it is not there'],
      [
        unsaid,
        'The other breast counts as negative, as Contralateral Breast Involvement is neither 0 nor 1 there',
      ],
    ] as const;
    const absent = [...boxes.keys()].filter((patient) => !patients.has(patient)).length;
    if (studies.length === 0) {
      throw new TonnoError(
        folder.name,
        `None of its ${counted(patients.size)} can be used. ${sentences(notes).join(' ')}`,
        { remedy: 'Check that images and tables are of the same archive.' },
      );
    }
    return {
      studies,
      classes: ['label'],
      channels: [...SEQUENCES],
      notes: [
        ...sentences(notes),
        ...(absent > 0 ? [`Of ${counted(absent)} there is a box, but no images.`] : []),
      ],
    };
  },

  async prepare(study, folder, _settings, signal) {
    const { series, box, contralateral, side: expected } = study.source as DukeSource;
    const before = await readImage(folder, series.pre);
    signal?.throwIfAborted();
    const after = await readImage(folder, series.post_1);
    requireOneGrid(
      [before, after],
      'Check that both series are of one examination; nothing is registered here.',
    );
    const planes = slicePlanes(await readHeaders(folder, series.pre, signal), before);
    const whole: Box = wholeBoxOf(box, planes, study.name);
    const breasts = breastBoxes(before, study.name);
    const placed = placeBox(whole, before.shape, breasts, study.name);
    const notes = [
      ...placed.notes,
      ...doubts(study.name, wholeGridBox(placed.box, breasts[placed.side]), before, after),
    ];
    if (expected && expected !== placed.side) {
      notes.push(
        `The box of ${study.name} is in the ${placed.side} breast, and by Tumor Location the tumour is in the ${expected} one.`,
      );
    }
    return SIDES.map((side): PreparedCase => {
      const images = [before, after].map((volume) => cropVolume(volume, breasts[side]));
      const name = `${study.name}_${side}`;
      if (side === placed.side) return { name, labels: [1], images, box: placed.box, notes };
      return { name, labels: [contralateral ? 1 : 0], images };
    });
  },
};

function counted(patients: number): string {
  return patients === 1 ? '1 patient' : `${patients} patients`;
}

/** Folders of patients by their names (one may be in several downloads), and the files beside and above them. */
async function walk(folder: SourceFolder): Promise<{ patients: Map<string, string[]>; files: string[] }> {
  const patients = new Map<string, string[]>();
  const files: string[] = [];
  const visit = async (path: string, depth: number): Promise<void> => {
    const listing = await folder.list(path);
    files.push(...listing.files.map((file) => pathIn(path, file)));
    for (const name of listing.folders) {
      if (PATIENT.test(name)) patients.set(name, [...(patients.get(name) ?? []), pathIn(path, name)]);
      else if (depth < DEEPEST) await visit(pathIn(path, name), depth + 1);
    }
  };
  await visit('', 0);
  return { patients, files };
}

async function findTable(
  folder: SourceFolder,
  files: readonly string[],
  which: keyof typeof TABLES,
  settings: AdapterSettings,
): Promise<TableFile | undefined> {
  const path = settings[which] ?? tableNamed(files, TABLES[which], folder.name, OPTIONS[which]);
  return path === undefined ? undefined : readTable(folder, path, OPTIONS[which]);
}

function required(
  table: TableFile | undefined,
  folder: SourceFolder,
  name: string,
  option: string,
): TableFile {
  if (table) return table;
  throw new TonnoError(folder.name, `There is no table ${name}.xlsx or .csv.`, {
    remedy: `Download it from the archive's page and put it into this folder, or name it with ${option}.`,
  });
}

/**
 * The folders of both sequences; undefined where one is not there.
 * @throws TonnoError that lists the patient's series when several would do.
 */
async function chooseSeries(
  folder: SourceFolder,
  patient: string,
  paths: readonly string[],
  list: SeriesList | undefined,
): Promise<Record<Sequence, string> | undefined> {
  const folders = (await Promise.all(paths.map((path) => seriesFolders(folder, path)))).flat();
  const chosen: Partial<Record<Sequence, string>> = {};
  for (const sequence of SEQUENCES) {
    const found = list
      ? listedFolders(folders, list, patient, sequence)
      : describedFolders(folders, sequence);
    if (found.length > 1) {
      const title = sequence === 'pre' ? 'before contrast' : 'the first after contrast';
      throw new TonnoError(
        pathIn(folder.name, paths[0]),
        `It is not clear which of its series is ${title}: ${found.map(({ name }) => name).join(', ')}. The series are ${folders.map(({ name }) => name).join(', ')}.`,
        {
          remedy: list
            ? 'Keep one copy of each series.'
            : 'Put Breast-Cancer-MRI-filepath_filename-mapping.xlsx of the archive beside the other tables: it says which.',
        },
      );
    }
    if (found.length === 1) chosen[sequence] = found[0].path;
  }
  const { pre, post_1 } = chosen;
  return pre !== undefined && post_1 !== undefined ? { pre, post_1 } : undefined;
}

/** Folders without folders in them: the series. */
async function seriesFolders(folder: SourceFolder, path: string, depth = 0): Promise<SeriesFolder[]> {
  const { files, folders } = await folder.list(path);
  if (folders.length === 0 || depth >= DEEPEST_SERIES) {
    return files.length > 0 ? [{ path, name: path.split('/').at(-1)! }] : [];
  }
  return (
    await Promise.all(folders.map((name) => seriesFolders(folder, pathIn(path, name), depth + 1)))
  ).flat();
}

async function readHeaders(folder: SourceFolder, path: string, signal?: AbortSignal): Promise<SliceHeader[]> {
  const headers: SliceHeader[] = [];
  for (const file of (await folder.list(path)).files) {
    signal?.throwIfAborted();
    const bytes = await folder.readBytes(pathIn(path, file));
    if (!looksLikeDicom(bytes)) continue;
    headers.push(sliceHeader(await readDicom(bytes, pathIn(folder.name, pathIn(path, file)))));
  }
  return headers;
}

/** Rows are on axis 1 and columns on axis 2 of a DICOM volume. */
function wholeBoxOf({ rows, columns, slices }: AnnotationBox, planes: readonly number[], name: string): Box {
  const numbered = planes.slice(slices[0] - 1, slices[1]);
  if (numbered.length === 0) {
    throw new TonnoError(name, `Its box begins in slice ${slices[0]}, and there are ${planes.length}.`, {
      remedy: 'Check that the pre-contrast series is the right one and whole.',
    });
  }
  const [first, last] = [Math.min(...numbered), Math.max(...numbered)];
  if (last - first + 1 !== numbered.length) {
    throw new TonnoError(
      name,
      `Slices ${slices.join(' to ')} of its box do not lie one behind the other: the instance numbers go up and down.`,
      { remedy: 'Download its pre-contrast series again.' },
    );
  }
  // Slices that are not there stay in the box, so that it is seen to have been cut.
  const beyond = slices[1] - slices[0] + 1 - numbered.length;
  const ascending = numbered.length > 1 ? numbered[1] > numbered[0] : planes[0] < planes[planes.length - 1];
  const start = (ends: Ends) => ends[0] - 1;
  return {
    from: [ascending ? first : first - beyond, start(rows), start(columns)],
    to: [ascending ? last + 1 + beyond : last + 1, rows[1], columns[1]],
  };
}

/**
 * The paper's authors looked at every box. This looks where it can be wrong: a box counted from the wrong end of the
 * series holds less of what takes up contrast than its mirror image does.
 */
function doubts(name: string, box: Box, before: Volume, after: Volume): string[] {
  const [depth] = before.shape;
  const mirrored: Box = {
    from: [depth - box.to[0], box.from[1], box.from[2]],
    to: [depth - box.from[0], box.to[1], box.to[2]],
  };
  const apart = mirrored.to[0] <= box.from[0] || mirrored.from[0] >= box.to[0];
  if (!apart || enhancement(before, after, mirrored) <= enhancement(before, after, box)) return [];
  return [
    `Contrast adds less in the box of ${name}, ${boxText(box)} of the whole volume, than where it were if slices were counted from the other end: look at it.`,
  ];
}

function sentences(notes: readonly (readonly [patients: readonly string[], text: string])[]): string[] {
  return notes
    .filter(([patients]) => patients.length > 0)
    .map(([patients, text]) => `${text}: ${listed(patients)}.`);
}
