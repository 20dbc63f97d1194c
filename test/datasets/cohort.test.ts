import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Cohort,
  type CohortCase,
  parseCohort,
  requireBothClasses,
  type Split,
  writeCohort,
} from '../../src/datasets/cohort.ts';
import { TonnoError } from '../../src/errors.ts';
import type { Box } from '../../src/volume/crop.ts';

const HEADER = 'case,patient,split,label,image,mask';
const COLUMNS =
  'The columns are case, patient, split, label or label:NAME, image and, where there are any, mask and box.';
const parse = (...lines: string[]) => parseCohort(lines.join('\n'), 'c.csv');

/** The one sentence that a table is refused with. */
function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(TonnoError);
    return (error as Error).message;
  }
  throw new Error('It was not refused.');
}

describe('parseCohort', () => {
  test('reads a table', () => {
    expect(
      parse(
        HEADER,
        'a,p1,train,1,images/a.nii.gz,masks/a.nii.gz',
        'b,p1,train,0,b.nii,',
        'c,,validation,0,c.nii,',
      ),
    ).toEqual({
      name: 'c.csv',
      classes: ['label'],
      cases: [
        {
          name: 'a',
          patient: 'p1',
          split: 'train',
          labels: [1],
          images: ['images/a.nii.gz'],
          mask: 'masks/a.nii.gz',
          line: 2,
        },
        {
          name: 'b',
          patient: 'p1',
          split: 'train',
          labels: [0],
          images: ['b.nii'],
          mask: undefined,
          line: 3,
        },
        {
          name: 'c',
          patient: 'c',
          split: 'validation',
          labels: [0],
          images: ['c.nii'],
          mask: undefined,
          line: 4,
        },
      ],
    });
  });

  test('takes columns in any order, several classes and channels, and no masks', () => {
    const { classes, cases } = parse(
      'image,label:oedema,split,case,label,patient,label: core ',
      't1.nii; t2.nii ;flair.nii,1,train,a,0,p,1',
    );
    expect(classes).toEqual(['oedema', 'label', 'core']);
    expect(cases).toEqual([
      {
        name: 'a',
        patient: 'p',
        split: 'train',
        labels: [1, 0, 1],
        images: ['t1.nii', 't2.nii', 'flair.nii'],
        mask: undefined,
        line: 2,
      },
    ]);
  });

  test('reads a box along axes 0, 1 and 2, its end not in it', () => {
    const { cases } = parse(
      `${HEADER},box`,
      'a,,train,1,a.nii,,0:5 10:20  3:4',
      'b,,train,0,b.nii,,',
      'c,,train,1,c.nii,m.nii, 007:8 0:1 0:1 ',
    );
    expect(cases.map(({ box }) => box)).toEqual([
      { from: [0, 10, 3], to: [5, 20, 4] },
      undefined,
      { from: [7, 0, 0], to: [8, 1, 1] },
    ]);
  });

  test.each([
    ['numbers without pairs', '1 2 3'],
    ['two axes', '0:5 0:5'],
    ['four axes', '0:5 0:5 0:5 0:5'],
    ['commas', '"0:5, 0:5, 0:5"'],
    ['a fraction', '0:5 0.5:5 0:5'],
    ['a voxel before the first', '0:5 -1:5 0:5'],
    ['no end', '0:5 1: 0:5'],
    ['words', 'upper left'],
    ['ends before it begins', '0:5 5:4 0:5'],
    ['has no voxel', '0:5 0:5 3:3'],
    ['lies further away than numbers go', '0:5 0:5 0:9007199254740993'],
  ])('refuses a box that %s', (_, box) => {
    const text = box.replaceAll('"', '');
    expect(refusal(() => parse(`${HEADER},box`, 'a,,train,0,a.nii,,', `b,,train,1,b.nii,,${box}`))).toBe(
      `c.csv, line 3: Case b has the box "${text}". Write d0:d1 h0:h1 w0:w1, in voxels from 0 along axes 0, 1 and 2, the second of each pair behind the last voxel.`,
    );
  });

  test('takes what spreadsheets write: byte order mark, CRLF, quotation marks, spaces, blank lines', () => {
    const text = [
      `\uFEFF"case", patient ,split,label,image,mask`,
      '"a, the ""first""", p ,train,1," a,1.nii ",',
      '',
      ',,,,,',
      'b,p,train,0,b.nii,',
    ].join('\r\n');
    const { cases } = parseCohort(text, 'c.csv');
    expect(cases.map(({ name, patient, images, line }) => [name, patient, images, line])).toEqual([
      ['a, the "first"', 'p', ['a,1.nii'], 2],
      ['b', 'p', ['b.nii'], 5],
    ]);
  });

  test.each<[string, string[], string]>([
    ['nothing', [''], `c.csv: The table is empty. ${COLUMNS}`],
    ['blank lines', ['', ' ', ''], `c.csv: The table is empty. ${COLUMNS}`],
    ['a header alone', [HEADER], 'c.csv: The table has a header but no case. Add a line for each case.'],
    [
      'missing columns',
      ['case,Patient,label', 'a,p,1'],
      `c.csv, line 1: The header has "case", "Patient", "label"; missing: patient, split, image. ${COLUMNS}`,
    ],
    [
      'no label',
      ['case,patient,split,image', 'a,p,train,a.nii'],
      `c.csv, line 1: The header has "case", "patient", "split", "image"; missing: label. ${COLUMNS}`,
    ],
    [
      'another separator',
      [HEADER.replaceAll(',', ';'), 'a;p;train;1;a.nii;'],
      `c.csv, line 1: The header has "${HEADER.replaceAll(',', ';')}"; missing: case, patient, split, image, label. Put commas between the columns.`,
    ],
    [
      'a column without a meaning',
      [`${HEADER},tumour`, 'a,p,train,1,a.nii,,1'],
      `c.csv, line 1: There is no meaning for a column "tumour". Take it out, or call it label:NAME if it is a label. ${COLUMNS}`,
    ],
    [
      'a label without a name',
      [`${HEADER},label:`, 'a,p,train,1,a.nii,,1'],
      `c.csv, line 1: There is no meaning for a column "label:". Take it out, or call it label:NAME if it is a label. ${COLUMNS}`,
    ],
    [
      'a column twice',
      [`${HEADER},split`, 'a,p,train,1,a.nii,,train'],
      'c.csv, line 1: There are two columns for split. Keep one of them.',
    ],
    [
      'a class twice',
      [`${HEADER},label:label`, 'a,p,train,1,a.nii,,1'],
      'c.csv, line 1: There are two columns for label:label. Keep one of them.',
    ],
    [
      'a cell too many',
      [HEADER, 'a,p,train,1,a.nii,', 'b,p,train,1,b,1.nii,'],
      'c.csv, line 3: The header has 6 columns, but this line 7. Put text with commas in quotation marks.',
    ],
    [
      'no name',
      [HEADER, ',p,train,1,a.nii,'],
      'c.csv, line 2: The case has no name. Fill in the column case.',
    ],
    [
      'a name twice',
      [HEADER, 'a,p,train,1,a.nii,', 'b,p,train,1,b.nii,', 'a,q,train,1,c.nii,'],
      'c.csv, line 4: There is already a case a on line 2. Give every case a name of its own.',
    ],
    [
      'a patient in two splits',
      [HEADER, 'a,p,train,1,a.nii,', 'b,q,train,1,b.nii,', 'c,p,train,1,c.nii,', 'd,p,validation,0,d.nii,'],
      'c.csv, line 5: Patient p is in two splits: case a (line 2) in train, case d (line 5) in validation. Put all cases of a patient in one split.',
    ],
    [
      'another split',
      [HEADER, 'a,p,Train,1,a.nii,'],
      'c.csv, line 2: Case a is in the split "Train". Write train or validation.',
    ],
    [
      'a label in words',
      [HEADER, 'a,p,train,1,a.nii,', 'b,q,train,yes,b.nii,'],
      'c.csv, line 3: Case b has "yes" in the column label. Write 1 where the finding is anywhere in the volume and 0 where it is not.',
    ],
    [
      'an empty label of a class',
      ['case,patient,split,label:core,image', 'a,p,train,,a.nii'],
      'c.csv, line 2: Case a has "" in the column label:core. Write 1 where the finding is anywhere in the volume and 0 where it is not.',
    ],
    [
      'no image',
      [HEADER, 'a,p,train,1,,m.nii'],
      'c.csv, line 2: Case a has no image. Name a file for each channel, with ; between them.',
    ],
    [
      'a missing channel',
      [HEADER, 'a,p,train,1,a.nii; ;b.nii,'],
      'c.csv, line 2: Case a has no image for channel 2. Name a file for each channel, with ; between them.',
    ],
    [
      'unequal channels',
      [HEADER, 'a,p,train,1,a.nii;b.nii,', 'b,q,train,1,b.nii,'],
      'c.csv, line 3: Case b has 1 channel, but case a has 2 channels (line 2). Name the same channels in every case, in the same order, with ; between them.',
    ],
    [
      'a quotation mark that is not closed',
      [HEADER, '"a,p,train,1,a.nii,'],
      'c.csv: It cannot be read as comma-separated text. Quote Not Closed: the parsing is finished with an opening quote at line 2. Save it as CSV again.',
    ],
    [
      'a quotation mark in the middle',
      [HEADER, 'a"b"c,p,train,1,a.nii,'],
      'c.csv: It cannot be read as comma-separated text. Invalid Opening Quote: a quote is found on field 0 at line 2, value is "a". Save it as CSV again.',
    ],
  ])('refuses %s', (_, lines, message) => {
    expect(refusal(() => parse(...lines))).toBe(message);
    expect(refusal(() => parseCohort(lines.join('\r\n'), 'c.csv'))).toBe(message);
  });

  test('refuses a cell over several lines', () => {
    expect(refusal(() => parse(HEADER, 'a,p,train,1,a.nii,"', 'b",p,train,1,b.nii,'))).toBe(
      'c.csv, line 3: There is a line break or another control character in "\\nb". Take it out; if it is not meant to be there, look for a quotation mark that is not closed.',
    );
  });
});

/** Text that a cell can hold: anything but control characters, and not blank. */
const text = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    fc.string({
      minLength: 1,
      maxLength: 6,
      unit: fc.constantFrom('a', ',', '"', ' ', ';', 'é', '\u00a0', ':', '#'),
    }),
  )
  .filter((drawn) => !/\p{Cc}/u.test(drawn) && drawn.trim() !== '');
const path = text.map((drawn) => drawn.replaceAll(';', '').trim()).filter((drawn) => drawn !== '');

const box: fc.Arbitrary<Box> = fc
  .tuple(fc.tuple(fc.nat(), fc.nat(), fc.nat()), fc.tuple(fc.nat(500), fc.nat(500), fc.nat(500)))
  .map(([from, [d, h, w]]) => ({ from, to: [from[0] + d + 1, from[1] + h + 1, from[2] + w + 1] }));

const cohorts: fc.Arbitrary<Cohort> = fc
  .tuple(
    fc.uniqueArray(
      text.map((drawn) => drawn.trim()),
      { minLength: 1, maxLength: 3 },
    ),
    fc.integer({ min: 1, max: 3 }),
    fc.uniqueArray(text, { minLength: 1, maxLength: 6 }),
  )
  .chain(([classes, channels, names]) =>
    fc
      .tuple(
        ...names.map((name) =>
          fc.record({
            name: fc.constant(name),
            patient: fc.oneof(fc.constant(name), text),
            labels: fc.array(fc.constantFrom(0, 1), { minLength: classes.length, maxLength: classes.length }),
            images: fc.array(path, { minLength: channels, maxLength: channels }),
            mask: fc.option(text, { nil: undefined }),
            box: fc.option(box, { nil: undefined, freq: 1 }),
          }),
        ),
      )
      .map((rows) => ({
        name: 'c.csv',
        classes,
        cases: rows.map((row, i) => ({ ...row, split: splitOf(row.patient), line: i + 2 })),
      })),
  );

/** The same for all cases of a patient. */
function splitOf(patient: string): Split {
  return patient.length % 2 === 0 ? 'train' : 'validation';
}

describe('writeCohort', () => {
  const row: CohortCase = {
    name: 'a',
    patient: 'p',
    split: 'train',
    labels: [1],
    images: ['a.nii'],
    line: 2,
  };
  const cohort: Cohort = { name: 'c.csv', classes: ['label'], cases: [row] };
  const withRow = (changes: Partial<CohortCase>): Cohort => ({ ...cohort, cases: [{ ...row, ...changes }] });

  test('writes the table as it is documented', () => {
    const other = { ...row, name: 'b, c', labels: [0], images: ['b.nii'], mask: 'b "m".nii', line: 3 };
    expect(writeCohort({ ...cohort, cases: [row, other] })).toBe(
      `${HEADER}\na,p,train,1,a.nii,\n"b, c",p,train,0,b.nii,"b ""m"".nii"\n`,
    );
    const several = { ...withRow({ labels: [0, 1], images: ['x', 'y'] }), classes: ['core', 'label'] };
    expect(writeCohort(several)).toBe('case,patient,split,label:core,label,image,mask\na,p,train,0,1,x;y,\n');
    expect(writeCohort({ ...cohort, classes: ['core'] })).toContain(',label:core,');
    const boxed = { ...other, mask: undefined, box: { from: [1, 2, 3], to: [4, 5, 6] } } as const;
    expect(writeCohort({ ...cohort, cases: [row, boxed] })).toBe(
      `${HEADER},box\na,p,train,1,a.nii,,\n"b, c",p,train,0,b.nii,,1:4 2:5 3:6\n`,
    );
  });

  test('gives back what was written', () => {
    fc.assert(
      fc.property(cohorts, (drawn) => {
        expect(parseCohort(writeCohort(drawn), drawn.name)).toEqual(drawn);
      }),
      { numRuns: 300 },
    );
  });

  test.each<[string, Cohort, RegExp]>([
    [
      'a semicolon in a path',
      withRow({ images: ['a;b.nii'] }),
      /^c\.csv: The table cannot hold the image "a;b\.nii" of case a: /,
    ],
    ['spaces around a path', withRow({ images: [' a.nii'] }), /cannot hold the image " a\.nii" of case a/],
    ['a line break', withRow({ mask: 'a\nb' }), /^c\.csv, line 3: There is a line break .* in "a\\nb"/],
    ['a label that is not 0 or 1', withRow({ labels: [2] }), /line 2: Case a has "2" in the column label/],
    [
      'a box without voxels',
      withRow({ box: { from: [0, 0, 0], to: [1, 0, 1] } }),
      /line 2: Case a has the box "0:1 0:0 0:1"/,
    ],
    ['no images', withRow({ images: [] }), /line 2: Case a has no image\./],
    ['a name twice', { ...cohort, cases: [row, row] }, /line 3: There is already a case a on line 2/],
    ['no cases', { ...cohort, cases: [] }, /no case/],
  ])('refuses %s', (_, wrong, message) => {
    expect(refusal(() => writeCohort(wrong))).toMatch(message);
  });
});

describe('requireBothClasses', () => {
  const lines = [
    'a,,train,1,a.nii,',
    'b,,train,0,b.nii,',
    'c,,validation,1,c.nii,',
    'd,,validation,1,d.nii,',
  ];

  test('passes a split with both and names what another one lacks', () => {
    const cohort = parse(HEADER, ...lines);
    expect(() => requireBothClasses(cohort, 'train')).not.toThrow();
    expect(refusal(() => requireBothClasses(cohort, 'validation'))).toBe(
      'c.csv: The split validation has no negative case among 2. Each split needs cases with the finding and cases without it.',
    );
    expect(refusal(() => requireBothClasses(parse(HEADER, lines[0]), 'validation'))).toMatch(
      /The split validation has no positive case among 0\./,
    );
  });

  test('asks it of every class', () => {
    const cohort = parse('case,patient,split,label:core,label:rim,image', 'a,,train,1,0,a', 'b,,train,0,0,b');
    expect(refusal(() => requireBothClasses(cohort, 'train'))).toMatch(
      /The split train has no positive case for rim among 2\./,
    );
  });
});
