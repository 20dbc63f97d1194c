import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceFolder } from '../../src/datasets/adapter.ts';
import { caseNames } from '../../src/datasets/case-names.ts';
import { sequences } from '../../src/datasets/sequences.ts';
import { createVolume, type Volume } from '../../src/volume/volume.ts';
import { archiveFiles } from '../support/archives.ts';
import { memoryFolder } from '../support/memory-folder.ts';

type Files = Record<string, Uint8Array | Volume>;
const archive = await archiveFiles('sequences');
const CHANNELS = 't1,pd,t2,flair,t1gd';
const bytes = (text: string) => new TextEncoder().encode(text);
/** A volume of one value. */
const flat = (value: number, length = 2) =>
  createVolume(new Float32Array(length ** 3).fill(value), [length, length, length]);

const find = (files: Files, settings: Record<string, string>) =>
  sequences.find(memoryFolder(files), settings);

async function prepared(files: Files, settings: Record<string, string>) {
  const folder = memoryFolder(files);
  const { studies } = await sequences.find(folder, settings);
  return (await Promise.all(studies.map((study) => sequences.prepare(study, folder, settings)))).flat();
}

describe('a longitudinal data set', () => {
  test('is found by names, without a volume being opened', async () => {
    const folder: SourceFolder = {
      ...memoryFolder(archive),
      readVolume: () => Promise.reject(new Error('A volume was opened.')),
      readBytes: () => Promise.reject(new Error('A file was opened.')),
    };
    const found = await sequences.find(folder, { channels: CHANNELS, mask: 'lesions' });
    expect(found).toMatchObject({ classes: ['label'], channels: CHANNELS.split(','), notes: [] });
    expect(found.studies.map(({ name, patient }) => [name, patient])).toEqual([
      ['P01_baseline', 'P01'],
      ['P01_month-12', 'P01'],
      ['P02_baseline', 'P02'],
      ['P02_month-12', 'P02'],
      ['P03_baseline', 'P03'],
    ]);
  });

  test('becomes cases with channels in the order that was asked for, positive where the mask is not empty', async () => {
    const cases = await prepared(archive, { channels: 'flair,T1,t1gd', mask: 'lesions' });
    expect(cases.map(({ name, labels }) => [name, labels])).toEqual([
      ['P01_baseline', [1]],
      ['P01_month-12', [0]],
      ['P02_baseline', [0]],
      ['P02_month-12', [1]],
      ['P03_baseline', [0]],
    ]);
    for (const { images, mask } of cases) {
      // Each channel has its level, a slope of ±8 and, in lesions, 50.
      const levels = images.map(({ data }) =>
        Math.floor(data.reduce((sum, x) => sum + x, 0) / data.length / 100),
      );
      expect(levels).toEqual([4, 1, 5]);
      expect(mask?.shape).toEqual(images[0].shape);
    }
    // Lesions are 50 brighter, and the slope of T1 does not reach 20.
    const { mask, images } = cases[0];
    const marked = [...mask!.data.entries()].filter(([, value]) => value === 1).map(([i]) => i);
    expect(marked.length).toBeGreaterThan(5);
    const bright = [...images[1].data.entries()].filter(([, value]) => value > 120).map(([i]) => i);
    expect(bright).toEqual(marked);
  });
});

describe('names of files', () => {
  const channelsOf = async (files: string[], channels: string) => {
    const { studies } = await find(
      Object.fromEntries([...files, 'm.nii'].map((file) => [`s/${file}`, flat(0)])),
      { channels, mask: 'm' },
    );
    return (studies[0].source as { images: string[] }).images.map((path) => path.slice(2));
  };

  test.each([
    [['t1.nii.gz', 't1gd.nii.gz'], 't1,t1gd', ['t1.nii.gz', 't1gd.nii.gz']],
    [['p_T1.nii', 'p_t1gd.nii'], 't1gd,t1', ['p_t1gd.nii', 'p_T1.nii']],
    [['p_t1.nii', 'p_t1_brain.nii'], 't1', ['p_t1.nii']],
    [['t1.mha', 'p_t1.mha'], 't1', ['t1.mha']],
    [['t1_gd.nrrd', 'x-t1-brain.nrrd'], 't1_gd,t1-brain', ['t1_gd.nrrd', 'x-t1-brain.nrrd']],
    [['a.flair.reg.nii', 't2.nii', '.t2.nii'], 'flair,t2', ['a.flair.reg.nii', 't2.nii']],
  ])('%j are %s', async (files, channels, expected) => {
    expect(await channelsOf(files, channels)).toEqual(expected);
  });

  test('that fit alike, or two channels at once, are refused', async () => {
    await expect(channelsOf(['a_t1.nii', 'b_t1.nii'], 't1')).rejects.toThrow(
      'archive/s: Several files fit t1: a_t1.nii, b_t1.nii.',
    );
    await expect(channelsOf(['p_t1_gd.nii'], 't1,gd')).rejects.toThrow(
      'archive/s: p_t1_gd.nii fits both t1 and gd.',
    );
  });
});

describe('labels from a table', () => {
  const files: Files = {
    'A/1/t1.nii': flat(1),
    'A/2/t1.nii': flat(2),
    'B/1/t1.nii': flat(3),
    'C/t1.nii': flat(4),
    'labels.csv': bytes('study,label\nA/1,1\nA_2,0\nB/1,0\nC,1\nD,1\n'),
  };
  const settings = { channels: 't1', labels: 'labels.csv' };

  test('go to studies by path, by the name of the case, or by an unmistakable folder', async () => {
    const cases = await prepared(files, settings);
    expect(cases.map(({ name, labels, mask }) => [name, labels[0], mask])).toEqual([
      ['A_1', 1, undefined],
      ['A_2', 0, undefined],
      ['B_1', 0, undefined],
      ['C', 1, undefined],
    ]);
    expect((await find(files, settings)).notes).toEqual(['labels.csv has labels of what is not there: D.']);
  });

  test.each([
    ['study,label\n1,1\n', 'line 2: 1 is B/1 as well as A/1.'],
    ['study,label\nA/1,yes\n', 'line 2: The label of A/1 is "yes".'],
    ['study,label\nA/1,1\nA/1,0\n', 'line 3: A/1 is there twice, with both labels.'],
    ['study,label\n,1\n', 'line 2: It names no study.'],
    ['study,finding\nA/1,1\n', 'archive/labels.csv: There is no column "label".'],
    [
      'study,label\nX,1\n',
      'None of its studies can be used. Left out, as labels.csv has no label of them: A/1, A/2, B/1, C.',
    ],
  ])('%j are refused', async (table, message) => {
    await expect(find({ ...files, 'labels.csv': bytes(table) }, settings)).rejects.toThrow(message);
  });

  test('must not contradict masks', async () => {
    const masked = { ...files, 'A/1/m.nii': flat(0), 'A/2/m.nii': flat(1) };
    await expect(prepared(masked, { ...settings, mask: 'm' })).rejects.toThrow(
      'A_2: It is negative by its label, and its mask is not empty.',
    );
    const right = { ...masked, 'A/2/m.nii': flat(0), 'A/1/m.nii': flat(7) };
    const cases = await prepared(right, { ...settings, mask: 'm' });
    expect(cases.map(({ mask }) => mask && [...new Set(mask.data)])).toEqual([
      [1],
      [0],
      undefined,
      undefined,
    ]);
  });
});

describe('what is missing', () => {
  test('leaves studies out, which is said', async () => {
    const files: Files = { 'A/t1.nii': flat(1), 'A/m.nii': flat(1), 'B/t1.nii': flat(1), 'C/m.nii': flat(0) };
    const { studies, notes } = await find(files, { channels: 't1', mask: 'm' });
    expect(studies.map(({ name }) => name)).toEqual(['A']);
    expect(notes).toEqual([
      'C was left out: there is no file for t1.',
      'Left out, as there is no file for m: B.',
    ]);
  });

  test.each([
    [{}, { channels: 't1', mask: 'm' }, 'archive: There are no folders with volumes in it.'],
    [{ 'A/t1.nii': flat(1) }, { channels: 't1' }, 'sequences: Nothing says which studies are positive.'],
    [{ 'A/t1.nii': flat(1) }, { channels: 't1,', mask: 'm' }, '--channels: "t1," is no list of names.'],
    [{ 'A/t1.nii': flat(1) }, { channels: 't1,T1', mask: 'm' }, '--channels: "t1,T1" is no list of names.'],
    [{ 'A/t1.nii': flat(1) }, { channels: 't1', mask: 'T1' }, '--mask: T1 is among the channels.'],
    [
      { 'A/x.nii': flat(1) },
      { channels: 't1', mask: 'm' },
      'archive: None of its studies can be used. A was left out: there is no file for t1. A has x.nii: give names that are in these',
    ],
  ] as [Files, Record<string, string>, string][])('is refused: %#', async (files, settings, message) => {
    await expect(find(files, settings)).rejects.toThrow(message);
  });

  test('and what lies on another grid is refused', async () => {
    const files: Files = { 'A/t1.nii': flat(1), 'A/t2.nii': flat(1, 3), 'A/m.nii': flat(1) };
    await expect(prepared(files, { channels: 't1,t2', mask: 'm' })).rejects.toThrow(
      'archive/A/t2.nii: It has 3 × 3 × 3 voxels, and archive/A/t1.nii has 2 × 2 × 2.',
    );
    const moved = { ...flat(1), geometry: { affine: [1, 0, 0, 5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] } };
    await expect(prepared({ ...files, 'A/t2.nii': moved }, { channels: 't1,t2', mask: 'm' })).rejects.toThrow(
      'archive/A/t2.nii: It lies elsewhere in the world than archive/A/t1.nii: voxels are up to 5.00 mm apart.',
    );
  });
});

test('names of cases are unique and fit for files, whatever folders are called', () => {
  const names = fc.array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.constantFrom('a', 'A', 'a b', 'a/b', 'ä', '..', '', 'a-2'),
    ),
  );
  fc.assert(
    fc.property(names, (folders) => {
      const given = caseNames(folders);
      const unique = new Set(given.map((name) => name.toLowerCase())).size === folders.length;
      return unique && given.every((name) => /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name));
    }),
  );
  expect(caseNames(['P01_a', 'P 01 a', 'Ärztin', '.x'])).toEqual(['P01_a', 'P_01_a', 'Arztin', '_.x']);
  expect(caseNames(['a b', 'a/b', 'A_B'])).toEqual(['a_b', 'a_b-2', 'A_B-3']);
});
