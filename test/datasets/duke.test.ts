import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FoundStudies, PreparedCase, SourceFolder, Study } from '../../src/datasets/adapter.ts';
import { breastBoxes, placeBox, wholeGridBox } from '../../src/datasets/duke/halves.ts';
import { describedFolders } from '../../src/datasets/duke/series.ts';
import { duke } from '../../src/datasets/duke.ts';
import { type Box, boundingBox } from '../../src/volume/crop.ts';
import type { Geometry, Shape, Vector, Volume } from '../../src/volume/volume.ts';
import { archiveFiles } from '../support/archives.ts';
import { dicomFolder } from '../support/dicom-folder.ts';
import { memoryFolder } from '../support/memory-folder.ts';

type Files = Record<string, Uint8Array>;
type Ends = [
  rows: number,
  rowsEnd: number,
  columns: number,
  columnsEnd: number,
  slices: number,
  slicesEnd: number,
];

interface Script {
  FIRST: number;
  LAST: number;
  seriesFiles(options: object): Files;
}
const script: Script = await import(new URL('../../scripts/archives/duke.mjs', import.meta.url).href);
const archive: Files = await archiveFiles('duke');

const bytes = (text: string) => new TextEncoder().encode(text);
const without = (files: Files, pattern: RegExp): Files =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !pattern.test(path)));
const named = (cases: readonly PreparedCase[], name: string) => cases.find((one) => one.name === name)!;
const at = ({ data, shape }: Volume, [d, h, w]: readonly number[]) => data[(d * shape[1] + h) * shape[2] + w];
const notesOf = (cases: readonly PreparedCase[]) =>
  cases.flatMap((one) => (one as { notes?: readonly string[] }).notes ?? []);

/** Where contrast adds more than anywhere around: the phantom's box. */
function enhanced([before, after]: readonly Volume[]): Box | undefined {
  return boundingBox({ shape: after.shape, data: after.data.map((value, i) => value - before.data[i]) }, 100);
}

const CLINICAL =
  'Patient Information,MRI Findings,\nPatient ID,Contralateral Breast Involvement,Tumor Location\n,"{0=no, 1=yes}",\n';
const BOXES = 'Patient ID,Start Row,End Row,Start Column,End Column,Start Slice,End Slice\n';

/** An archive of one patient, tables as text. */
function onePatient(
  box: Ends,
  place: { orientation: number[]; up: boolean; sizes?: number[] },
  { clinical = '0,', pre = 'ax dyn pre', post = 'ax dyn 1st pass' } = {},
): Files {
  const patient = 'Breast_MRI_900';
  const files: Files = {
    'Annotation_Boxes.csv': bytes(`${BOXES}${patient},${box.join()}\n`),
    'Clinical_and_Other_Features.csv': bytes(`${CLINICAL}${patient},${clinical}\n`),
  };
  for (const [sequence, number, description] of [
    ['pre', '11.000000', pre],
    ['post_1', '12.000000', post],
  ]) {
    const folder = `Duke-Breast-Cancer-MRI/${patient}/01-01-1990-NA-MRI BREAST-97538/${number}-${description}-93877`;
    const own = script.seriesFiles({ patient, sequence, number, description, box, ...place });
    for (const [file, content] of Object.entries(own)) files[`${folder}/${file}`] = content;
  }
  return files;
}

async function prepared(files: Files): Promise<readonly PreparedCase[]> {
  const folder = dicomFolder(files);
  const { studies } = await duke.find(folder, {});
  return (await Promise.all(studies.map((study) => duke.prepare(study, folder, {})))).flat();
}

const find = (files: Files, settings = {}) => duke.find(memoryFolder(files), settings);

describe('the archive as it is downloaded', () => {
  test('gives patients by its tables, without a volume being opened', async () => {
    const opened: string[] = [];
    const plain = memoryFolder(archive);
    const folder: SourceFolder = {
      ...plain,
      readBytes: (path) => {
        opened.push(path);
        return plain.readBytes(path);
      },
      readVolume: () => Promise.reject(new Error('A volume was opened.')),
    };
    const found: FoundStudies = await duke.find(folder, {});
    expect(opened.every((path) => path.endsWith('.xlsx'))).toBe(true);
    expect(found.classes).toEqual(['label']);
    expect(found.channels).toEqual(['pre', 'post_1']);
    expect(found.studies.map(({ name, patient }) => [name, patient])).toEqual([
      ['Breast_MRI_001', 'Breast_MRI_001'],
      ['Breast_MRI_002', 'Breast_MRI_002'],
      ['Breast_MRI_003', 'Breast_MRI_003'],
    ]);
    const series = found.studies.map(({ source }) => Object.values((source as { series: object }).series));
    expect(series.flat().map((path: string) => path.split('/').at(-1))).toEqual([
      '11.000000-ax dyn pre-93877',
      '12.000000-ax dyn 1st pass-41451',
      '600.000000-ax 3d dyn MP-26653',
      '601.000000-Ph1ax 3d dyn MP-87004',
      '400.000000-Ax Vibrant MultiPhase-73520',
      '401.000000-Ph1Ax Vibrant MultiPhase-61110',
    ]);
    expect(found.notes).toEqual([
      'Left out, as the series before contrast or the first after it is not there: Breast_MRI_004.',
      'The other breast counts as negative, as Contralateral Breast Involvement is neither 0 nor 1 there: Breast_MRI_003.',
      'Of 1 patient there is a box, but no images.',
    ]);
    expect(JSON.parse(JSON.stringify(found.studies))).toEqual(found.studies);
  });

  test('becomes two cases a patient, with boxes in voxels of the breast they are in', async () => {
    const cases = await prepared(archive);
    expect(cases.map(({ name, labels, box }) => [name, labels, box])).toEqual([
      // Columns run to the left: columns 2 to 5 are the patient's right. Slices 2 and 3 go up.
      ['Breast_MRI_001_left', [0], undefined],
      ['Breast_MRI_001_right', [1], { from: [1, 2, 1], to: [3, 6, 5] }],
      // Columns run to the right. Slices go down: 5 to 7 of 8 are planes 1 to 3. The other breast is positive by the table.
      ['Breast_MRI_002_left', [1], { from: [1, 1, 2], to: [4, 4, 7] }],
      ['Breast_MRI_002_right', [1], undefined],
      // The planes' normal points down, so that slice 1 is the last plane; columns 11 to 14 are 3 to 6 of the half.
      ['Breast_MRI_003_left', [0], undefined],
      ['Breast_MRI_003_right', [1], { from: [6, 4, 2], to: [8, 9, 6] }],
    ]);
    for (const { images, mask } of cases) {
      expect(mask).toBeUndefined();
      expect(images.map(({ shape, channels }) => [shape, channels])).toEqual([
        [[8, 12, 8], 1],
        [[8, 12, 8], 1],
      ]);
    }
    expect(notesOf(cases)).toEqual([]);
    const { images } = named(cases, 'Breast_MRI_001_right');
    // The first voxel of the box, and the same one before contrast: 100 + 3 · 2 + 3 + 2 · 2.
    expect(at(images[1], [1, 2, 1])).toBe(script.FIRST);
    expect(at(images[0], [1, 2, 1])).toBe(127);
    expect(at(named(cases, 'Breast_MRI_002_left').images[1], [3, 1, 2])).toBe(script.FIRST);
    expect(at(named(cases, 'Breast_MRI_003_right').images[1], [7, 4, 2])).toBe(script.FIRST);
  });

  test('has each half where it was in the world', async () => {
    const cases = await prepared(archive);
    for (const [name, sign] of [
      ['left', -1],
      ['right', 1],
    ] as const) {
      for (const patient of ['Breast_MRI_001', 'Breast_MRI_002', 'Breast_MRI_003']) {
        const { affine } = named(cases, `${patient}_${name}`).images[0].geometry;
        // RAS+: x grows to the patient's right, and the phantom's middle is 0.
        const x = (w: number) => affine[0] * w + affine[3];
        expect(Math.sign(x(0) + x(7)), `${patient} ${name}`).toBe(sign);
      }
    }
  });
});

describe('boxes', () => {
  const axial = [
    [1, 0, 0, 0, 1, 0],
    [-1, 0, 0, 0, -1, 0],
    [-1, 0, 0, 0, 1, 0],
    [1, 0, 0, 0, -1, 0],
  ];
  const ends = (length: number) =>
    fc
      .tuple(fc.integer({ min: 1, max: length }), fc.integer({ min: 1, max: length }))
      .map((pair) => pair.sort((a, b) => a - b));

  test('hold what takes up contrast, however columns and slices run', async () => {
    const [depth, rows, columns] = [5, 4, 8];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...axial),
        fc.boolean(),
        ends(rows),
        // In one half, so that nothing is cut off.
        fc
          .tuple(ends(columns / 2), fc.boolean())
          .map(([pair, high]) => pair.map((c) => c + (high ? columns / 2 : 0))),
        ends(depth),
        async (orientation, up, r, c, s) => {
          const box = [...r, ...c, ...s] as Ends;
          const cases = await prepared(onePatient(box, { orientation, up, sizes: [depth, rows, columns] }));
          const [positive, ...more] = cases.filter(({ box: placed }) => placed);
          expect(more).toEqual([]);
          expect(positive.box).toEqual(enhanced(positive.images));
          expect(positive.labels).toEqual([1]);
          const [negative] = cases.filter(({ box: placed }) => !placed);
          expect(enhanced(negative.images)).toBeUndefined();
          // The first row and column of the box stay first: rows and columns are the array's axes 1 and 2.
          const { from, to } = positive.box!;
          if (box[4] === box[5] && box[0] === box[1] && box[2] === box[3]) return;
          const corners = [from[0], to[0] - 1].map((d) => at(positive.images[1], [d, from[1], from[2]]));
          expect(corners).toContain(script.FIRST);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('are split along planes where these run from left to right', () => {
    const geometry: Geometry = { affine: [0, 0, 2, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1] };
    expect(breastBoxes({ shape: [8, 5, 7], geometry }, 'sagittal')).toEqual({
      left: { from: [0, 0, 0], to: [4, 5, 7] },
      right: { from: [4, 0, 0], to: [8, 5, 7] },
    });
    expect(() => breastBoxes({ shape: [1, 5, 7], geometry }, 'slice')).toThrow(
      'slice: It is one voxel wide from left to right, so there are no two breasts.',
    );
  });

  const geometryOf = (axis: number, sign: number): Geometry => {
    // Axis 0, 1, 2 of the array are the affine's columns z, y, x.
    const affine = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    const others = [0, 1, 2].filter((a) => a !== axis);
    affine[2 - axis] = sign;
    affine[4 + 2 - others[0]] = 1;
    affine[8 + 2 - others[1]] = 1;
    return { affine };
  };

  test('come back from a half as they were, less what was cut off', () => {
    const length = fc.integer({ min: 2, max: 30 });
    fc.assert(
      fc.property(
        fc.tuple(length, length, length),
        fc.integer({ min: 0, max: 2 }),
        fc.constantFrom(-1, 1),
        fc.array(
          fc.tuple(
            fc.double({ min: 0, max: 0.999, noNaN: true }),
            fc.double({ min: 0, max: 0.999, noNaN: true }),
          ),
          {
            minLength: 3,
            maxLength: 3,
          },
        ),
        (shape: Shape, axis, sign, shares) => {
          const breasts = breastBoxes({ shape, geometry: geometryOf(axis, sign) }, 'patient');
          // Left and right share nothing and make up the whole.
          expect(breasts[sign > 0 ? 'left' : 'right'].to[axis]).toBe(
            breasts[sign > 0 ? 'right' : 'left'].from[axis],
          );
          const from = shares.map(([a, b], i) => Math.floor(Math.min(a, b) * shape[i])) as unknown as Vector;
          const to = shares.map(
            ([a, b], i) => Math.floor(Math.max(a, b) * shape[i]) + 1,
          ) as unknown as Vector;
          const placed = placeBox({ from, to }, shape, breasts, 'patient');
          const half = breasts[placed.side];
          const back = wholeGridBox(placed.box, half);
          for (let i = 0; i < 3; i++) {
            expect(back.from[i]).toBe(Math.max(from[i], half.from[i]));
            expect(back.to[i]).toBe(Math.min(to[i], half.to[i]));
            expect(placed.box.to[i]).toBeLessThanOrEqual(half.to[i] - half.from[i]);
          }
          const whole = from.every((start, i) => start === back.from[i] && to[i] === back.to[i]);
          expect(placed.notes).toHaveLength(whole ? 0 : 1);
        },
      ),
    );
  });

  test('that cross the middle go to the side with the larger part, and are said', () => {
    const shape: Shape = [4, 6, 10];
    const breasts = breastBoxes({ shape, geometry: geometryOf(2, -1) }, 'p');
    expect(breasts.right).toEqual({ from: [0, 0, 0], to: [4, 6, 5] });
    const box = (from: number, to: number): Box => ({ from: [1, 1, from], to: [2, 3, to] });
    expect(placeBox(box(4, 7), shape, breasts, 'p')).toEqual({
      side: 'left',
      box: { from: [1, 1, 0], to: [2, 3, 2] },
      notes: ['The box of p crosses the middle: 67 % of it are in the left breast, which keeps it.'],
    });
    expect(placeBox(box(1, 7), shape, breasts, 'p')).toMatchObject({
      side: 'right',
      box: { from: [1, 1, 1], to: [2, 3, 5] },
    });
    expect(placeBox(box(8, 12), shape, breasts, 'p')).toEqual({
      side: 'left',
      box: { from: [1, 1, 3], to: [2, 3, 5] },
      notes: ['The box of p, 1:2 1:3 8:12, reaches out of its 4 × 6 × 10 voxels and was cut.'],
    });
    expect(() => placeBox(box(10, 12), shape, breasts, 'p')).toThrow(
      'p: Its box, 1:2 1:3 10:12, lies outside of its 4 × 6 × 10 voxels.',
    );
  });

  const place = { orientation: [1, 0, 0, 0, 1, 0], up: true, sizes: [7, 5, 10] };

  test('that are elsewhere than the tumour by the clinical table are said', async () => {
    const files = onePatient([1, 2, 1, 3, 1, 2], place, { clinical: '0,L' });
    expect(notesOf(await prepared(files))).toEqual([
      'The box of Breast_MRI_900 is in the right breast, and by Tumor Location the tumour is in the left one.',
    ]);
    expect(notesOf(await prepared(onePatient([1, 2, 1, 3, 1, 2], place, { clinical: '0,R' })))).toEqual([]);
  });

  test('that look as if slices were counted from the other end are said', async () => {
    const files = onePatient([1, 2, 1, 3, 1, 2], place);
    files['Annotation_Boxes.csv'] = bytes(`${BOXES}Breast_MRI_900,1,2,1,3,6,7\n`);
    expect(notesOf(await prepared(files))).toEqual([
      'Contrast adds less in the box of Breast_MRI_900, 5:7 0:2 0:3 of the whole volume, than where it were if slices were counted from the other end: look at it.',
    ]);
  });

  test('that reach beyond the series are cut and said, and refused where nothing is left', async () => {
    const files = onePatient([1, 2, 1, 3, 6, 7], place);
    files['Annotation_Boxes.csv'] = bytes(`${BOXES}Breast_MRI_900,1,2,1,3,6,9\n`);
    const cases = await prepared(files);
    expect(named(cases, 'Breast_MRI_900_right').box).toEqual({ from: [5, 0, 0], to: [7, 2, 3] });
    expect(notesOf(cases)[0]).toBe(
      'The box of Breast_MRI_900, 5:9 0:2 0:3, reaches out of its 7 × 5 × 10 voxels and was cut.',
    );
    const down = onePatient([1, 2, 1, 3, 6, 7], { ...place, up: false });
    down['Annotation_Boxes.csv'] = files['Annotation_Boxes.csv'];
    const turned = await prepared(down);
    expect(named(turned, 'Breast_MRI_900_right').box).toEqual({ from: [0, 0, 0], to: [2, 2, 3] });
    expect(notesOf(turned)[0]).toBe(
      'The box of Breast_MRI_900, -2:2 0:2 0:3, reaches out of its 7 × 5 × 10 voxels and was cut.',
    );
    files['Annotation_Boxes.csv'] = bytes(`${BOXES}Breast_MRI_900,1,2,1,3,8,9\n`);
    await expect(prepared(files)).rejects.toThrow(
      'Breast_MRI_900: Its box begins in slice 8, and there are 7.',
    );
  });
});

describe('the other breast', () => {
  const place = { orientation: [1, 0, 0, 0, 1, 0], up: true, sizes: [7, 5, 10] };
  test.each([
    ['1', 1],
    ['1.0', 1],
    ['yes', 1],
    ['0', 0],
    ['0.0', 0],
    ['NC', 0],
    ['', 0],
  ])('is positive where the clinical table has %j: %i', async (cell, label) => {
    const cases = await prepared(onePatient([1, 2, 1, 3, 1, 2], place, { clinical: `${cell},` }));
    const { labels, box, mask } = named(cases, 'Breast_MRI_900_left');
    expect([labels, box, mask]).toEqual([[label], undefined, undefined]);
  });
});

describe('series', () => {
  const described = (sequence: 'pre' | 'post_1', names: readonly string[]) =>
    describedFolders(
      names.map((name) => ({ path: name, name })),
      sequence,
    ).map(({ name }) => name);

  // Descriptions as they occur in the archive.
  test.each([
    [['ax t1 tse +c', 'ax dyn pre', 'ax dyn 1st pass', 'ax dyn 2nd pass'], 1, 2],
    [['Ax 3D T1 NON FS', 'ax 3d dyn', 'Ph1ax 3d dyn', 'Ph2ax 3d dyn'], 1, 2],
    [['Ax Vibrant MultiPhase', 'Ph1/Ax Vibrant MultiPhase', 'Ph2/Ax Vibrant MultiPhase'], 0, 1],
    [
      [
        'ax t1 pre',
        't1fl3dtradynVIEWSspair pre',
        't1fl3dtradynVIEWSspair 1st pass',
        't1fl3dtradynVIEWSspair2nd pass',
      ],
      1,
      2,
    ],
    [['ax t1', 'ax 3d pre', '1st ax dyn', '2nd ax dyn', '3rd ax dyn'], 1, 2],
    [['ax dynamic', 'Ph1ax dynamic', 'Ph10ax dynamic', 'ax t1 2mm'], 0, 1],
    [['ax 3d dyn pre', 'ax 3d dyn 1st pass', 'ax 3d t1 bilateral', 'Segmentation'], 0, 1],
  ])('are told by descriptions: %j', (descriptions, pre, post) => {
    const names = descriptions.map((description, i) => `${i + 3}.000000-${description}-1234${i}`);
    expect(described('pre', names)).toEqual([names[pre]]);
    expect(described('post_1', names)).toEqual([names[post]]);
  });

  test('without the list are those of the descriptions', async () => {
    const found = await find(without(archive, /mapping/));
    const withList = await find(archive);
    expect(found.studies).toEqual(withList.studies);
  });

  test('that are not clear are listed, and the list of files decides', async () => {
    const place = { orientation: [1, 0, 0, 0, 1, 0], up: true, sizes: [2, 2, 4] };
    const files = onePatient([1, 1, 1, 1, 1, 1], place);
    const twin = Object.entries(files).filter(([path]) => path.includes('ax dyn pre'));
    for (const [path, content] of twin)
      files[path.replace('11.0', '14.0').replace('93877', '55555')] = content;
    await expect(find(files)).rejects.toThrow(
      'archive/Duke-Breast-Cancer-MRI/Breast_MRI_900: It is not clear which of its series is before contrast: 11.000000-ax dyn pre-93877, 14.000000-ax dyn pre-55555. The series are 11.000000-ax dyn pre-93877, 12.000000-ax dyn 1st pass-93877, 14.000000-ax dyn pre-55555. Put Breast-Cancer-MRI-filepath_filename-mapping.xlsx of the archive beside the other tables: it says which.',
    );
    const rows = [
      'sop_instance_UID,original_path_and_filename,descriptive_path',
      '1.1,DICOM_Images/Breast_MRI_900/pre/Breast_MRI_900_pre_1.dcm,Duke/Breast_MRI_900/01-01-1990-X-97538/14.000000-ax dyn pre-55555/1-1.dcm',
      '1.2,DICOM_Images/Breast_MRI_900/post_1/Breast_MRI_900_post_1_1.dcm,Duke/Breast_MRI_900/01-01-1990-X-97538/12.000000-ax dyn 1st pass-93877/1-1.dcm',
    ];
    files['Breast-Cancer-MRI-filepath_filename-mapping.csv'] = bytes(rows.join('\n'));
    const [{ source }] = (await find(files)).studies;
    expect((source as { series: { pre: string } }).series.pre).toMatch(/14\.000000-ax dyn pre-55555$/);
  });

  test('in folders of UIDs are found by the list alone', async () => {
    const list: Files = { ...archive };
    const uids = Object.fromEntries(
      Object.entries(list).map(([path, content]) => {
        const [, patient, number] = /(Breast_MRI_\d+)\/[^/]+\/(\d+)\.\d+-/.exec(path) ?? [];
        if (!patient) return [path, content];
        const root = `1.3.6.1.4.1.14519.5.2.1.${Number(patient.slice(-3))}`;
        return [
          `Duke-Breast-Cancer-MRI/${patient}/${root}/MR_${root}.${number}/${path.split('/').at(-1)}`,
          content,
        ];
      }),
    );
    expect((await find(uids)).studies).toHaveLength(3);
    await expect(find(without(uids, /mapping/))).rejects.toThrow('None of its 4 patients can be used.');
  });

  test('of different grids are refused, not resampled', async () => {
    const place = { orientation: [1, 0, 0, 0, 1, 0], up: true, sizes: [7, 5, 10] };
    const files = onePatient([1, 2, 1, 3, 1, 2], place);
    const other = onePatient([1, 2, 1, 3, 1, 2], { ...place, sizes: [7, 6, 10] });
    for (const path of Object.keys(files)) if (path.includes('1st pass')) files[path] = other[path];
    await expect(prepared(files)).rejects.toThrow(
      /It has 7 × 6 × 10 voxels, and .*ax dyn pre.* has 7 × 5 × 10/,
    );
  });

  test('with two slices of one number are refused', async () => {
    const place = { orientation: [1, 0, 0, 0, 1, 0], up: true, sizes: [7, 5, 10] };
    const files = onePatient([1, 2, 1, 3, 1, 2], place);
    const path = Object.keys(files).find((file) => /pre-93877\/1-4\.dcm$/.test(file))!;
    // The instance number, "2 " in an element of VR IS: 0020,0013.
    const own = files[path].slice();
    const tag = [0x20, 0x00, 0x13, 0x00, 0x49, 0x53];
    const where = own.findIndex((_, i) => tag.every((byte, k) => own[i + k] === byte));
    expect(String.fromCharCode(own[where + 8])).toBe('2');
    own[where + 8] = '3'.charCodeAt(0);
    files[path] = own;
    await expect(prepared(files)).rejects.toThrow(/Its instance number, 3, is that of .* too\./);
  });
});

describe('tables that do not fit', () => {
  const place = { orientation: [1, 0, 0, 0, 1, 0], up: true, sizes: [2, 2, 4] };
  const files = onePatient([1, 1, 1, 1, 1, 1], place);
  const withBoxes = (rows: string) => ({ ...files, 'Annotation_Boxes.csv': bytes(rows) });

  test.each([
    [
      'no patients',
      { 'Annotation_Boxes.csv': bytes(BOXES) },
      'There are no folders of patients such as Breast_MRI_001.',
    ],
    ['no boxes', without(files, /Annotation/), 'There is no table Annotation_Boxes.xlsx or .csv.'],
    [
      'no clinical table',
      without(files, /Clinical/),
      'There is no table Clinical_and_Other_Features.xlsx or .csv.',
    ],
    [
      'two tables',
      { ...files, 'old/Annotation_Boxes.csv': bytes(BOXES) },
      'There are several tables of the same name: Annotation_Boxes.csv, old/Annotation_Boxes.csv. Choose with --boxes.',
    ],
    [
      'another table',
      withBoxes('Patient,Row\n1,2\n'),
      'archive/Annotation_Boxes.csv: There is no column "Patient ID"',
    ],
    [
      'no patients in it',
      withBoxes(`${BOXES}7,1,1,1,1,1,1\n`),
      'It names no patient such as Breast_MRI_001.',
    ],
    [
      'an end before its start',
      withBoxes(`${BOXES}Breast_MRI_900,5,4,1,1,1,1\n`),
      'archive/Annotation_Boxes.csv, line 2: The box of Breast_MRI_900 is Start Row 5, End Row 4,',
    ],
    ['a gap', withBoxes(`${BOXES}Breast_MRI_900,5,,1,1,1,1\n`), 'End Row missing'],
    ['a slice 0', withBoxes(`${BOXES}Breast_MRI_900,1,1,1,1,0,1\n`), 'Start Slice 0'],
    ['a half row', withBoxes(`${BOXES}Breast_MRI_900,1.5,2,1,1,1,1\n`), 'Start Row 1.5'],
    [
      'two boxes',
      withBoxes(`${BOXES}Breast_MRI_900,1,1,1,1,1,1\nBreast_MRI_900,1,1,1,1,1,2\n`),
      'line 3: There is already a box of Breast_MRI_900.',
    ],
    [
      'other patients',
      withBoxes(`${BOXES}Breast_MRI_901,1,1,1,1,1,1\n`),
      'None of its 1 patient can be used. Left out, as archive/Annotation_Boxes.csv has no box of them: Breast_MRI_900.',
    ],
  ] as [string, Files, string][])('%s', async (_, bad, message) => {
    await expect(find(bad)).rejects.toThrow(message);
  });

  test('may lie elsewhere, by option', async () => {
    const moved: Files = { ...without(files, /Annotation/), 'tables/b.csv': files['Annotation_Boxes.csv'] };
    expect((await find(moved, { boxes: 'tables/b.csv' })).studies).toHaveLength(1);
    await expect(find(moved, { boxes: 'b.csv' })).rejects.toThrow(
      'archive/b.csv: The table of --boxes cannot be read.',
    );
  });

  test('leave patients out that they lack, and say so', async () => {
    const more: Files = { ...files };
    for (const [path, content] of Object.entries(files))
      more[path.replaceAll('MRI_900', 'MRI_901')] = content;
    more['Annotation_Boxes.csv'] = bytes(`${BOXES}Breast_MRI_900,1,1,1,1,1,1\nBreast_MRI_901,1,1,1,1,1,1\n`);
    const { studies, notes } = await find(more);
    expect(studies.map(({ name }: Study) => name)).toEqual(['Breast_MRI_900']);
    expect(notes[0]).toBe(
      'Left out, as archive/Clinical_and_Other_Features.csv does not have them: Breast_MRI_901.',
    );
  });
});

test('Table 3 gives the shares of validation', () => {
  expect(1067 * duke.validation.positive).toBeCloseTo(92, 9);
  expect(765 * duke.validation.negative).toBeCloseTo(66, 9);
});
