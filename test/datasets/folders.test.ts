/** A plain folder for each class. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sourceFolder } from '../../src/cli/source-folder.ts';
import type { AdapterSettings } from '../../src/datasets/adapter.ts';
import { folders } from '../../src/datasets/folders.ts';
import { TonnoError } from '../../src/errors.ts';
import { createVolume, type Volume } from '../../src/volume/volume.ts';
import { writeArchive } from '../support/archives.ts';
import { temporaryFolder } from '../support/cli.ts';
import { memoryFolder } from '../support/memory-folder.ts';

const volume = (value = 1, channels = 1): Volume =>
  createVolume(new Float32Array(8 * channels).fill(value), [2, 2, 2], { channels });
/** Files of an archive that all hold the same. */
const archive = (...paths: string[]) =>
  memoryFolder(Object.fromEntries(paths.map((path) => [path, volume()])));

/** Name, patient, label, images and mask of each study. */
async function found(paths: readonly string[], settings: AdapterSettings = {}) {
  const { studies } = await folders.find(archive(...paths), settings);
  return studies.map(({ name, patient, source }) => {
    const { label, images, mask } = source as { label: number; images: string[]; mask?: string };
    return [name, patient, label, images.join(' '), mask].filter((part) => part !== undefined).join(' | ');
  });
}

describe('the archive on the disk', () => {
  const folder = join(temporaryFolder(), 'folders');
  beforeAll(() => writeArchive('folders', folder));

  it('becomes cases with channels, labels and masks', async () => {
    const settings = { channels: '_ct,_pet', masks: 'masks' };
    const source = sourceFolder(folder);
    const { studies, ...about } = await folders.find(source, settings);
    expect(about).toEqual({ classes: ['label'], channels: ['ct', 'pet'], notes: [] });
    expect(studies.map(({ name }) => name)).toEqual([2, 4, 6, 8, 1, 3, 5, 7].map((n) => `case-${n}`));
    const [positive] = await folders.prepare(JSON.parse(JSON.stringify(studies[4])), source, settings);
    expect(positive.labels).toEqual([1]);
    for (const [i, channel] of ['ct', 'pet'].entries()) {
      expect(positive.images[i]).toEqual(await source.readVolume(`lesion/case-1_${channel}.nii.gz`));
    }
    const mask = await source.readVolume('masks/case-1.nii.gz');
    expect(positive.mask!.data).toEqual(mask.data);
    expect(mask.data.reduce((a, b) => a + b)).toBeGreaterThan(10);
    const [negative] = await folders.prepare(studies[0], source, settings);
    expect([negative.labels, negative.mask]).toEqual([[0], undefined]);
  });
});

describe('classes', () => {
  it.each([
    ['positive', 'negative'],
    ['1', '0'],
    ['Lesion', 'Healthy'],
    ['tumour', 'controls'],
  ])('%s and %s are known by their names', async (positive, negative) => {
    expect(await found([`${positive}/a.nii`, `${negative}/b.mha`])).toEqual(
      [`a | a | 1 | ${positive}/a.nii`, `b | b | 0 | ${negative}/b.mha`].sort((x, y) =>
        // In the order of the folders' names.
        (x.startsWith('a') ? positive : negative) < (y.startsWith('a') ? positive : negative) ? -1 : 1,
      ),
    );
  });

  it('are several where several are named; all others are negative', async () => {
    const paths = ['CT-0/a.nii.gz', 'CT-1/b.nii.gz', 'CT-2/c.nii.gz', 'other/d.nii.gz'];
    expect(await found(paths, { positive: 'CT-1, CT-2/' })).toEqual([
      'a | a | 0 | CT-0/a.nii.gz',
      'b | b | 1 | CT-1/b.nii.gz',
      'c | c | 1 | CT-2/c.nii.gz',
      'd | d | 0 | other/d.nii.gz',
    ]);
  });

  it.each<[string, string[], AdapterSettings, string]>([
    [
      'nobody says which is which',
      ['a/1.nii', 'b/2.nii'],
      {},
      'archive: Which of its folders hold cases with the finding (a, b)? Name them with --positive',
    ],
    [
      'there are three',
      ['1/1.nii', '0/2.nii', '2/3.nii'],
      {},
      'Which of its folders hold cases with the finding (0, 1, 2)?',
    ],
    ['there is no folder', ['1.nii'], {}, 'Which of its folders hold cases with the finding (none)?'],
    [
      'there is none of the name',
      ['a/1.nii', 'b/2.nii'],
      { positive: 'c' },
      '--positive c: There is no folder "c". The folders are a, b.',
    ],
    ['no other is left', ['a/1.nii'], { positive: 'a' }, 'No folder is left for cases without the finding.'],
    ['one is empty', ['1/1.nii', '0/readme.txt'], {}, 'archive/0: There is no volume in it.'],
    [
      'masks would be a class',
      ['1/1.nii', '0/2.nii', 'Masks/1.nii'],
      { positive: '1' },
      'archive/Masks: By its name it holds masks, and would be a class of its own. Add --masks Masks',
    ],
  ])('are refused where %s', async (_, paths, settings, message) => {
    const error = await found(paths, settings).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(TonnoError);
    expect(error.message).toContain(message);
  });
});

describe('volumes', () => {
  it('may lie in folders of patients and studies, and series of DICOM files in folders of their own', async () => {
    const paths = [
      'positive/P1/scan.nii.gz',
      'positive/P1/later.nii.gz',
      'positive/P2/visit 1/series/IM0001',
      'positive/P2/visit 1/series/1.2.840.3',
      'positive/P2/DICOMDIR',
      'negative/P1/other.nrrd',
      'negative/P3/a.dcm',
    ];
    expect(await found(paths)).toEqual([
      'P1_other | P1 | 0 | negative/P1/other.nrrd',
      'P3 | P3 | 0 | negative/P3',
      'P1_later | P1 | 1 | positive/P1/later.nii.gz',
      'P1_scan | P1 | 1 | positive/P1/scan.nii.gz',
      'P2_visit-1_series | P2 | 1 | positive/P2/visit 1/series',
    ]);
  });

  it('of one name in two classes are one patient’s, and told apart by the class', async () => {
    expect(await found(['1/a.nii', '0/a.nii', '0/b.nii'])).toEqual([
      '0_a | a | 0 | 0/a.nii',
      '0_b | b | 0 | 0/b.nii',
      '1_a | a | 1 | 1/a.nii',
    ]);
  });

  it('belong to patients that an expression finds', async () => {
    expect(await found(['1/P1_t0.nii', '0/P1_t1.nii', '0/P2_t0.nii'], { patient: '^(P\\d+)_' })).toEqual([
      'P1_t1 | P1 | 0 | 0/P1_t1.nii',
      'P2_t0 | P2 | 0 | 0/P2_t0.nii',
      'P1_t0 | P1 | 1 | 1/P1_t0.nii',
    ]);
  });

  it('leave behind what is no volume, which is told', async () => {
    const { notes } = await folders.find(archive('1/a.nii', '1/a.json', '1/notes', '0/b.nii', '0/b.raw'), {});
    expect(notes).toEqual(['No volumes, and passed over: 0/b.raw, 1/a.json, 1/notes.']);
  });

  it.each<[string, string[], string]>([
    [
      'DICOM files that lie loose',
      ['1/IM1', '0/b.nii'],
      'archive/1/IM1: It has no ending that says which volume it holds. Put the DICOM files of each series in a folder of their own.',
    ],
    [
      'two files of one name',
      ['1/a.nii', '1/a.nii.gz', '0/b.nii'],
      'archive: Both 1/a.nii and 1/a.nii.gz would be the case a.',
    ],
    [
      'names that differ by capitals',
      ['1/a.nii', '1/A.nii', '0/b.nii'],
      'Both 1/A.nii and 1/a.nii would be the case a.',
    ],
  ])('are refused: %s', async (_, paths, message) => {
    await expect(found(paths)).rejects.toThrow(message);
  });
});

describe('channels', () => {
  it('are the ends of names, in files and in folders', async () => {
    const paths = [
      '1/a_t1.nii',
      '1/a_t1c.nii',
      '1/a_flair.nii',
      '1/P2/t1.nii',
      '1/P2/t1c.nii',
      '0/P3/t1/IM1',
      '0/P3/t1c/IM1',
    ];
    const { notes, channels } = await folders.find(archive(...paths), { channels: 't1, t1c' });
    expect(channels).toEqual(['t1', 't1c']);
    expect(notes).toEqual(['No volumes, and passed over: 1/a_flair.nii.']);
    expect(await found(paths, { channels: 't1, t1c' })).toEqual([
      'P3 | P3 | 0 | 0/P3/t1 0/P3/t1c',
      'a | a | 1 | 1/a_t1.nii 1/a_t1c.nii',
      'P2 | P2 | 1 | 1/P2/t1.nii 1/P2/t1c.nii',
    ]);
    // In the order that was asked for, the longer end first where one is the end of the other.
    expect(
      (await found(['1/a_xt.nii', '1/a_t.nii', '0/b_t.nii', '0/b_xt.nii'], { channels: 't,_xt' }))[1],
    ).toBe('a | a | 1 | 1/a_t.nii 1/a_xt.nii');
  });

  it.each<[string, string[], string, string]>([
    [
      'one is missing',
      ['1/a_ct.nii', '0/b_ct.nii', '0/b_pet.nii'],
      '_ct,_pet',
      '1/a: It has no channel _pet.',
    ],
    [
      'one is there twice',
      ['1/a_ct.nii', '1/a_ct.mha', '0/b_ct.nii'],
      '_ct',
      '1/a_ct.nii: Its case has this channel already, in 1/a_ct.mha.',
    ],
    [
      'two have one name',
      ['1/a.nii', '0/b.nii'],
      '_ct,-ct',
      'Two channels would have one name, or one has none.',
    ],
    ['one has no name', ['1/a.nii', '0/b.nii'], '_ct,', 'Two channels would have one name, or one has none.'],
    [
      'nothing but them names a case',
      ['1/ct.nii', '0/b_ct.nii'],
      'ct',
      'Nothing tells its case from others.',
    ],
  ])('are refused where %s', async (_, paths, channels, message) => {
    await expect(found(paths, { channels })).rejects.toThrow(message);
  });

  it('in one file are a bad study', async () => {
    const own = memoryFolder({ '1/a.nii': volume(1, 4), '0/b.nii': volume() });
    const { studies } = await folders.find(own, {});
    await expect(folders.prepare(studies[1], own, {})).rejects.toThrow(
      'archive/1/a.nii: It has 4 channels. Write each channel to a file of its own and name them with --channels.',
    );
  });
});

describe('masks', () => {
  it('have the names of their volumes, also in folders of classes and patients', async () => {
    const paths = [
      '1/a.nii',
      '1/b.nii',
      '1/P/c.nii',
      '1/d.nii',
      '0/a.nii',
      'm/1/a.nii.gz',
      'm/b_mask.nii',
      'm/P/c.mha',
    ];
    expect(await found(paths, { masks: 'm/' })).toEqual([
      '0_a | a | 0 | 0/a.nii',
      '1_a | a | 1 | 1/a.nii | m/1/a.nii.gz',
      '1_b | b | 1 | 1/b.nii | m/b_mask.nii',
      '1_d | d | 1 | 1/d.nii',
      '1_P_c | P | 1 | 1/P/c.nii | m/P/c.mha',
    ]);
  });

  it('of no volume are told, and refused where none has one', async () => {
    const { notes } = await folders.find(archive('1/a.nii', '0/b.nii', 'm/a.nii', 'm/z.nii'), { masks: 'm' });
    expect(notes).toEqual(['Masks of no volume, and left out: m/z.nii.']);
    await expect(found(['1/a.nii', '0/b.nii', 'm/z.nii'], { masks: 'm' })).rejects.toThrow(
      'archive/m: None of its masks has the name of a volume.',
    );
  });

  it('belong to one volume', async () => {
    await expect(found(['1/a.nii', '0/a.nii', 'm/a.nii'], { masks: 'm' })).rejects.toThrow(
      'archive/m/a.nii: It would be the mask of both 0/a.nii and 1/a.nii. Put the masks in folders of their classes, such as m/1.',
    );
  });

  it('must be there', async () => {
    await expect(found(['1/a.nii', '0/b.nii'], { masks: 'm' })).rejects.toThrow(
      'archive/m: There is no such folder.',
    );
  });

  it.each([
    ['1', 3, [0, 1, 1, 1]],
    ['1', 0, 'It is empty, but its volume lies among those with the finding.'],
    ['0', 1, 'It is not empty, but its volume lies among those without the finding.'],
    ['1', 0.5, 'There is a 0.5 in it, so it is no mask.'],
  ])('in class %s with %s in them', async (label, value, expected) => {
    const data = Float32Array.from({ length: 8 }, (_, i) => (i % 4 === 0 ? 0 : value));
    const own = memoryFolder({
      '1/a.nii': volume(),
      '0/b.nii': volume(),
      [`m/${label === '1' ? 'a' : 'b'}.nii`]: createVolume(data, [2, 2, 2]),
    });
    const { studies } = await folders.find(own, { masks: 'm' });
    const prepared = folders.prepare(studies[Number(label)], own, {});
    if (typeof expected === 'string') await expect(prepared).rejects.toThrow(expected);
    else expect([...(await prepared)[0].mask!.data]).toEqual([...expected, ...expected]);
  });
});
