import { describe, expect, test } from 'vitest';
import type { SourceFolder } from '../../src/datasets/adapter.ts';
import { bestMatches, parseBidsName, parseEntities } from '../../src/datasets/bids/names.ts';
import { bids } from '../../src/datasets/bids.ts';
import { createVolume, type Volume } from '../../src/volume/volume.ts';
import { archiveFiles } from '../support/archives.ts';
import { memoryFolder } from '../support/memory-folder.ts';

type Files = Record<string, Uint8Array | Volume>;
type Settings = Record<string, string>;
const archive = await archiveFiles('bids');
const bytes = (text: string) => new TextEncoder().encode(text);
const flat = (value: number) => createVolume(new Float32Array(8).fill(value), [2, 2, 2]);

const find = (files: Files, settings: Settings) => bids.find(memoryFolder(files), settings);
const without = (files: Files, pattern: RegExp): Files =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !pattern.test(path)));

async function prepared(files: Files, settings: Settings) {
  const folder = memoryFolder(files);
  const { studies } = await bids.find(folder, settings);
  return (await Promise.all(studies.map((study) => bids.prepare(study, folder, settings)))).flat();
}

const level = ({ data }: Volume) => Math.floor(data.reduce((sum, x) => sum + x, 0) / data.length / 100);

describe('a data set', () => {
  const BOTH = { suffixes: 'FLAIR,T1w', entities: 'run-1' };

  test('is found by names and tables, without a volume being opened', async () => {
    const plain = memoryFolder(archive);
    const folder: SourceFolder = {
      ...plain,
      readBytes: (path) => (path.endsWith('.tsv') ? plain.readBytes(path) : Promise.reject(new Error(path))),
      readVolume: (path) => Promise.reject(new Error(path)),
    };
    const found = await bids.find(folder, { ...BOTH, label: 'lesion' });
    expect(found).toMatchObject({
      classes: ['label'],
      channels: ['FLAIR', 'T1w'],
      notes: ['In participants.tsv, but without files: sub-05.'],
    });
    expect(found.studies.map(({ name, patient }) => [name, patient])).toEqual([
      ['sub-01', 'sub-01'],
      ['sub-02', 'sub-02'],
      ['sub-03_ses-1', 'sub-03'],
      ['sub-03_ses-2', 'sub-03'],
      ['sub-04', 'sub-04'],
    ]);
  });

  test.each([
    // A participant's value is that of all visits.
    [{ label: 'lesion' }, [1, 0, 1, 1, 0]],
    [{ label: 'group', positive: 'patient' }, [1, 0, 1, 1, 0]],
    [{ label: 'group', positive: 'patient, control' }, [1, 1, 1, 1, 1]],
    // Masks say it of each visit.
    [{ masks: 'lesions' }, [1, 0, 0, 1, 0]],
    [{ masks: 'derivatives/lesions/' }, [1, 0, 0, 1, 0]],
  ] as [Settings, number[]][])('with %j has the labels %j', async (settings, labels) => {
    const cases = await prepared(archive, { ...BOTH, ...settings });
    expect(cases.map((one) => one.labels[0])).toEqual(labels);
    // Channels in the order that was asked for: FLAIR is at 200, T1w at 100, its second run at 300.
    for (const { images, mask } of cases) {
      expect(images.map(level)).toEqual([2, 1]);
      expect(mask === undefined).toBe(settings.masks === undefined);
    }
  });

  test('has labels by visit where the table of sessions has the column', async () => {
    const { studies, notes } = await find(archive, { ...BOTH, label: 'relapse' });
    expect(studies.map(({ name, source }) => [name, (source as { label: number }).label])).toEqual([
      ['sub-03_ses-1', 0],
      ['sub-03_ses-2', 1],
    ]);
    expect(notes[0]).toBe('Left out, as relapse is not known: sub-01, sub-02, sub-04.');
  });

  test('has masks where the lesions are', async () => {
    const [first] = await prepared(archive, { ...BOTH, masks: 'lesions' });
    const bright = [...first.images[0].data.entries()].filter(([, value]) => value > 250).map(([i]) => i);
    const marked = [...first.mask!.data.entries()].filter(([, value]) => value === 1).map(([i]) => i);
    expect(marked.length).toBeGreaterThan(5);
    expect(bright).toEqual(marked);
  });

  test('with masks that contradict labels is refused', async () => {
    await expect(prepared(archive, { ...BOTH, label: 'lesion', masks: 'lesions' })).resolves.toHaveLength(5);
    const files = {
      ...archive,
      'derivatives/lesions/sub-02/anat/sub-02_label-lesion_mask.nii.gz':
        archive['derivatives/lesions/sub-01/anat/sub-01_label-lesion_mask.nii.gz'],
    };
    await expect(prepared(files, { ...BOTH, label: 'lesion', masks: 'lesions' })).rejects.toThrow(
      'sub-02: It is negative by its label, and its mask is not empty.',
    );
  });
});

describe('channels', () => {
  test('are the one suffix that all have, where there is one', async () => {
    const files = without(archive, /sub-02_FLAIR|run-2/);
    const { channels, studies } = await find(files, { label: 'lesion' });
    expect(channels).toEqual(['T1w']);
    expect(studies).toHaveLength(5);
  });

  test.each([
    [
      archive,
      { label: 'lesion' },
      '--suffixes: It is not clear which files are the channels: there are FLAIR (in 5 of 5 sessions), T1w (in 5 of 5 sessions).',
    ],
    [
      archive,
      { label: 'lesion', suffixes: 'T2w' },
      'archive: There are no files _T2w.nii.gz. There are FLAIR (in 5 of 5 sessions)',
    ],
    [archive, { label: 'lesion', suffixes: 'T1w,T1w' }, '--suffixes: "T1w,T1w" is no list of suffixes.'],
    [
      archive,
      { label: 'lesion', suffixes: 'T1w' },
      'archive, sub-04: There are several files _T1w: sub-04_run-1_T1w.nii.gz, sub-04_run-2_T1w.nii.gz. Say which by what is in their names, with --entities',
    ],
    [
      archive,
      { label: 'lesion', suffixes: 'T1w', entities: 'run1' },
      '--entities: "run1" is no list of entities.',
    ],
    [
      archive,
      { label: 'weight', suffixes: 'FLAIR' },
      'archive/participants.tsv: There is no column "weight". The columns are "participant_id", "age", "group", "lesion".',
    ],
    [
      archive,
      { label: 'group', suffixes: 'FLAIR' },
      'archive, column group: "control" is neither 0 nor 1. The values are "control", "patient". Say which are positive with --positive.',
    ],
    [
      archive,
      { label: 'group', positive: 'ill', suffixes: 'FLAIR' },
      'archive, column group: Nowhere is it "ill".',
    ],
    [archive, { suffixes: 'FLAIR' }, 'bids: Nothing says which participants are positive.'],
    [archive, { masks: 'lesions', positive: '1' }, '--positive: It gives values, but no column.'],
    [
      archive,
      { masks: 'tumours', suffixes: 'FLAIR' },
      'archive/derivatives/tumours: There is no such derivative. There are lesions.',
    ],
    [
      without(archive, /participants/),
      { label: 'lesion', suffixes: 'FLAIR' },
      'archive/participants.tsv: There is no such file, so there are no labels.',
    ],
    [
      { 'participants.tsv': bytes('participant_id\n') },
      { label: 'x' },
      'archive: There are no folders sub-XX with files of volumes.',
    ],
    [
      { ...archive, 'participants.tsv': bytes('participant_id\tlesion\nsub-01\t1\n01\t0\n') },
      { label: 'lesion', suffixes: 'FLAIR' },
      'archive/participants.tsv, line 3: sub-01 is there twice.',
    ],
    [
      { ...archive, 'participants.tsv': bytes('participant_id\tlesion\nsub-01\tn/a\n') },
      { label: 'lesion', suffixes: 'FLAIR' },
      'archive: None of its sessions can be used. Left out, as lesion is not known',
    ],
  ] as [
    Files,
    Settings,
    string,
  ][])('and all else are refused where they are not clear: %#', async (files, settings, message) => {
    await expect(find(files, settings)).rejects.toThrow(message);
  });

  test('that a session lacks leave it out, which is said', async () => {
    const files = without(archive, /sub-02_FLAIR/);
    const { studies, notes } = await find(files, { label: 'lesion', suffixes: 'FLAIR' });
    expect(studies).toHaveLength(4);
    expect(notes[0]).toBe('sub-02 was left out: there is no file _FLAIR.');
  });

  test('on other grids are refused', async () => {
    const files: Files = {
      'sub-1/anat/sub-1_T1w.nii': flat(1),
      'sub-1/anat/sub-1_T2w.nii': createVolume(new Float32Array(27), [3, 3, 3]),
      'participants.tsv': bytes('participant_id\tx\nsub-1\t1\n'),
    };
    await expect(prepared(files, { label: 'x', suffixes: 'T1w,T2w' })).rejects.toThrow(
      'archive/sub-1/anat/sub-1_T2w.nii: It has 3 × 3 × 3 voxels',
    );
  });
});

describe('masks among the images', () => {
  test('are found, and are no channels', async () => {
    const files: Files = {
      'sub-1/anat/sub-1_T1w.nii': flat(1),
      'sub-1/anat/sub-1_label-L_desc-T1lesion_mask.nii': flat(2),
      'sub-2/anat/sub-2_T1w.nii': flat(1),
      'sub-2/anat/sub-2_label-L_desc-T1lesion_mask.nii': flat(0),
      'sub-2/anat/sub-2_label-brain_mask.nii': flat(1),
      'sub-3/anat/sub-3_T1w.nii': flat(1),
    };
    await expect(find(files, { masks: '.' })).rejects.toThrow('with --mask-entities');
    const { channels, notes } = await find(files, { masks: '.', maskEntities: 'label-L' });
    expect([channels, notes]).toEqual([['T1w'], ['Left out, as there is no mask: sub-3.']]);
    const cases = await prepared(files, { masks: '.', maskEntities: 'label-L' });
    expect(cases.map(({ labels, mask }) => [labels[0], mask!.data[0]])).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });
});

describe('entities', () => {
  const file = (name: string) => parseBidsName(`${name}.nii.gz`, name)!;

  test('are read from names', () => {
    const { entities, suffix } = file('sub-01_ses-2_acq-mprage_run-01_T1w');
    expect([...entities]).toEqual([
      ['sub', '01'],
      ['ses', '2'],
      ['acq', 'mprage'],
      ['run', '01'],
    ]);
    expect(suffix).toBe('T1w');
    for (const name of [
      'T1w.nii.gz',
      'sub-01_T1w.json',
      'sub-01_acq-a-b_T1w.nii',
      'sub-01.nii',
      'sub-01_x_T1w.nii',
    ]) {
      expect(parseBidsName(name, name), name).toBeUndefined();
    }
  });

  test.each([
    ['run-1', ['sub-1_run-01_T1w', 'sub-1_run-2_T1w'], ['sub-1_run-01_T1w']],
    // Who was scanned once has no run.
    ['run-1', ['sub-1_T1w'], ['sub-1_T1w']],
    ['run-1', ['sub-1_run-2_T1w'], []],
    [
      'acq-hi,run-1',
      ['sub-1_acq-hi_T1w', 'sub-1_acq-hi_run-1_T1w', 'sub-1_acq-lo_T1w'],
      ['sub-1_acq-hi_run-1_T1w'],
    ],
    ['acq-', ['sub-1_acq-hi_T1w', 'sub-1_T1w'], ['sub-1_T1w']],
    ['', ['sub-1_acq-hi_T1w', 'sub-1_T1w'], ['sub-1_acq-hi_T1w', 'sub-1_T1w']],
  ])('%j of %j choose %j', (wanted, names, chosen) => {
    const matches = bestMatches(names.map(file), parseEntities(wanted || undefined, '--entities'));
    expect(matches.map(({ path }) => path)).toEqual(chosen);
  });
});
