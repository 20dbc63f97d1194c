/**
 * Duke-Breast-Cancer-MRI as the NBIA Data Retriever leaves it, with descriptive names of folders: four patients, of whom one has no series after
 * contrast. The tables are made by scripts/fixtures/duke.py. Grids are small, and differ in how they lie, as they do there: columns run
 * to the patient's left or right, and instance numbers up or down the body. What is in the boxes takes up contrast; the
 * first voxel of a box is brightest, and the last one next to it.
 */
import { readFileSync } from 'node:fs';
import { writeFiles } from './files.mjs';
import { dicomSeries } from './support/dicom.mjs';

const TABLES = new URL('../../test/fixtures/duke/', import.meta.url);
const { slices, boxes, studies, series } = JSON.parse(readFileSync(new URL('patients.json', TABLES), 'utf8'));
const ROWS = 12;
const COLUMNS = 16;

/** Cosines along a row and down a column (LPS), and whether instance numbers go up the body. */
const PLACES = {
  Breast_MRI_001: { orientation: [1, 0, 0, 0, 1, 0], up: true },
  // Prone, as most are.
  Breast_MRI_002: { orientation: [-1, 0, 0, 0, -1, 0], up: false },
  Breast_MRI_003: { orientation: [-1, 0, 0, 0, 1, 0], up: true },
  Breast_MRI_004: { orientation: [1, 0, 0, 0, 1, 0], up: false },
};

/** Values of a box's first and last voxel after contrast, both ends by rows, columns and slices from 1. */
export const FIRST = 3000;
export const LAST = 2500;

/** Stored values of a sequence: a slope in all directions, and contrast in the box. */
export function phantomValue([r0, r1, c0, c1, s0, s1], sequence) {
  return (slice, row, column) => {
    // No two patients are alike.
    const before = 100 + 3 * slice + row + 2 * column + 7 * s0;
    if (!sequence.startsWith('post')) return before;
    const at = [slice, row, column].join();
    if (at === [s0, r0, c0].join()) return FIRST;
    if (at === [s1, r1, c1].join()) return LAST;
    const inside = slice >= s0 && slice <= s1 && row >= r0 && row <= r1 && column >= c0 && column <= c1;
    return before + (inside ? 400 : 10);
  };
}

/** Files of one series of a patient, by their names. */
export function seriesFiles({
  patient,
  sequence,
  number,
  description,
  orientation,
  up,
  box,
  sizes = [slices, ROWS, COLUMNS],
}) {
  const [depth, rows, columns] = sizes;
  const study = `1.3.6.1.4.1.14519.5.2.1.${Number(patient.slice(-3))}`;
  const positions = Array.from({ length: depth }, (_, i) => [
    (-0.5 * orientation[0] - 0.5 * orientation[3]) * 1.5 * columns,
    (-0.5 * orientation[1] - 0.5 * orientation[4]) * 2 * rows,
    3 * (up ? i : depth - 1 - i) - 10,
  ]);
  const files = dicomSeries({
    patient,
    study,
    uid: `${study}.${Number.parseInt(number, 10)}`,
    number: Number.parseInt(number, 10),
    description,
    rows,
    columns,
    orientation,
    spacing: [2, 1.5],
    positions,
    value: phantomValue(box, sequence),
  });
  // The retriever numbers files as the server sends them, which need not be the order of the instance numbers.
  return Object.fromEntries(files.map((bytes, i) => [`1-${((3 * i) % depth) + 1}.dcm`, bytes]));
}

/** Bytes by path. */
export function files() {
  const all = {};
  for (const [patient, sequences] of Object.entries(series)) {
    for (const [sequence, [number, description, digits]] of Object.entries(sequences)) {
      // What no file's name should hold is left out.
      const name = `${number}-${description.replaceAll(/[/+]/g, '')}-${digits}`;
      const folder = `manifest-1654812109500/Duke-Breast-Cancer-MRI/${patient}/${studies[patient]}/${name}`;
      const own = seriesFiles({
        patient,
        sequence,
        number,
        description,
        box: boxes[patient],
        ...PLACES[patient],
      });
      for (const [file, bytes] of Object.entries(own)) all[`${folder}/${file}`] = bytes;
    }
  }
  for (const name of [
    'Annotation_Boxes',
    'Clinical_and_Other_Features',
    'Breast-Cancer-MRI-filepath_filename-mapping',
  ]) {
    all[`${name}.xlsx`] = new Uint8Array(readFileSync(new URL(`${name}.xlsx`, TABLES)));
  }
  all['manifest-1654812109500/LICENSE'] = Buffer.from('CC BY-NC 4.0\n');
  return all;
}

export function write(folder) {
  writeFiles(folder, files());
}
