/** nnU-Net's raw data sets and the Decathlon's tasks. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sourceFolder } from '../../src/cli/source-folder.ts';
import type { AdapterSettings } from '../../src/datasets/adapter.ts';
import { nnunet } from '../../src/datasets/nnunet.ts';
import { TonnoError, UsageError } from '../../src/errors.ts';
import { createVolume, type Volume } from '../../src/volume/volume.ts';
import { writeArchive } from '../support/archives.ts';
import { temporaryFolder } from '../support/cli.ts';
import { memoryFolder } from '../support/memory-folder.ts';

const folder = temporaryFolder();
const [raw, task] = ['nnunet', 'msd'].map((name) => join(folder, name));
beforeAll(async () => {
  await writeArchive('nnunet', raw);
  await writeArchive('msd', task);
});

async function prepareAll(path: string, settings: AdapterSettings = {}) {
  const archive = sourceFolder(path);
  const { studies } = await nnunet.find(archive, settings);
  const cases = [];
  for (const study of studies) {
    // As a thread gets it.
    cases.push(...(await nnunet.prepare(JSON.parse(JSON.stringify(study)), archive, settings)));
  }
  return cases;
}

const labelsOf = async (path: string, settings: AdapterSettings) =>
  (await prepareAll(path, settings)).map(({ labels }) => labels.join()).join('');

describe('nnU-Net', () => {
  it('finds the cases, the channels and what is left out', async () => {
    const { studies, ...found } = await nnunet.find(sourceFolder(raw), {});
    expect(found).toEqual({
      classes: ['label'],
      channels: ['T1', 'FLAIR'],
      notes: ['imagesTs has no labels and is left out (files: 2).'],
    });
    expect(studies.map(({ name, patient }) => [name, patient])).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => [`BLOB_00${n}`, `BLOB_00${n}`]),
    );
  });

  it('takes each channel’s file as it is, in the order of the channels', async () => {
    const [one] = await prepareAll(raw);
    const archive = sourceFolder(raw);
    for (const [i, image] of one.images.entries()) {
      const file = await archive.readVolume(`imagesTr/BLOB_001_000${i}.nii.gz`);
      expect(image).toEqual(file);
    }
    expect(one.images[0].data).not.toEqual(one.images[1].data);
    expect(one.mask!.geometry.affine).toEqual(one.images[0].geometry.affine);
  });

  // Cases hold nothing, something around, and a core as well, in turn; all of them have voxels to be ignored.
  it.each([
    [undefined, '011011'],
    ['whole', '011011'],
    ['core', '001001'],
    ['2', '001001'],
    ['core, whole', '011011'],
  ])('takes for the finding what --labels %s says, and never what is to be ignored', async (labels, expected) => {
    expect(await labelsOf(raw, { labels })).toBe(expected);
  });

  it('marks the voxels of the labels asked for, and no others', async () => {
    const archive = sourceFolder(raw);
    const [, , three] = await prepareAll(raw, { labels: 'core' });
    const { data } = await archive.readVolume('labelsTr/BLOB_003.nii.gz');
    expect([...new Set(data)].sort()).toEqual([0, 1, 2, 3]);
    expect(three.mask!.data).toEqual(data.map((value) => (value === 2 ? 1 : 0)));
  });

  it('finds patients in the cases’ names', async () => {
    const { studies } = await nnunet.find(sourceFolder(raw), { patient: '(\\d)$' });
    expect(studies.map(({ patient }) => patient)).toEqual(['1', '2', '3', '4', '5', '6']);
  });
});

describe('the Decathlon', () => {
  it('has the channels along the fourth axis, and says first the value and then the name', async () => {
    const { channels, notes, studies } = await nnunet.find(sourceFolder(task), {});
    expect([channels, studies.length]).toEqual([['T2', 'ADC'], 5]);
    expect(notes).toEqual(['imagesTs has no labels and is left out (files: 1).']);
    const [one] = await prepareAll(task);
    const { data, shape } = await sourceFolder(task).readVolume('imagesTr/blob_001.nii.gz');
    expect(one.images.map((image) => [image.channels, image.shape])).toEqual([
      [1, shape],
      [1, shape],
    ]);
    expect([...one.images[0].data, ...one.images[1].data]).toEqual([...data]);
    expect(await labelsOf(task, {})).toBe('10101');
    expect(await labelsOf(task, { labels: 'TZ' })).toBe('00100');
  });
});

describe('other layouts', () => {
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const volume = (value: number, channels = 1): Volume =>
    createVolume(new Float32Array(8 * channels).fill(value), [2, 2, 2], { channels });
  const about = { channel_names: { 0: 'CT' }, labels: { background: 0, tumour: 1 }, file_ending: '.nii.gz' };
  const archive = (json: unknown, files: Record<string, Volume> = {}) =>
    memoryFolder({
      'dataset.json': bytes(json),
      'imagesTr/a_0000.nii.gz': volume(5),
      'labelsTr/a.nii.gz': volume(1),
      ...files,
    });
  const names = async (json: unknown, files?: Record<string, Volume>, settings = {}) =>
    (await nnunet.find(archive(json, files), settings)).studies.map(({ name }) => name);

  it('of nnU-Net 1 list whole files that were split into channels since', async () => {
    const training = [{ image: './imagesTr/a.nii.gz', label: './labelsTr/a.nii.gz' }];
    const json = {
      modality: { 0: 'CT' },
      labels: { 0: 'background', 1: 'tumour' },
      training,
      numTraining: 1,
    };
    expect(await names(json)).toEqual(['a']);
  });

  it('name other endings, and files elsewhere', async () => {
    const nrrd = { ...about, file_ending: '.nrrd' };
    expect(await names(nrrd, { 'imagesTr/b_0000.nrrd': volume(1), 'labelsTr/b.nrrd': volume(1) })).toEqual([
      'b',
    ]);
    const dataset = { c: { images: ['scans/c.nii.gz'], label: 'drawn/c.nii.gz' } };
    const files = { 'scans/c.nii.gz': volume(7), 'drawn/c.nii.gz': volume(1) };
    const own = archive({ ...about, dataset }, files);
    const { studies } = await nnunet.find(own, {});
    const [{ name, images, labels }] = await nnunet.prepare(studies[0], own, {});
    expect([name, images[0].data[0], labels]).toEqual(['c', 7, [1]]);
  });

  it('say what does not add up', async () => {
    const { notes } = await nnunet.find(
      archive({ ...about, numTraining: 3 }, { 'labelsTr/z.nii.gz': volume(0) }),
      {},
    );
    expect(notes).toEqual([
      'Files of labelsTr that belong to no image, and are left out: 1.',
      'dataset.json speaks of 3 training cases, and there are 1.',
    ]);
  });

  it.each<[string, unknown, Record<string, Volume>, Record<string, string>, string]>([
    [
      'no label',
      about,
      { 'imagesTr/b_0000.nii.gz': volume(1) },
      {},
      'archive/labelsTr: There are no labels of b.',
    ],
    [
      'a channel missing',
      { ...about, channel_names: { 0: 'CT', 1: 'PET' } },
      {},
      {},
      'There is not one file for each of the 2 channels of a.',
    ],
    [
      'a channel too many',
      about,
      { 'imagesTr/a_0001.nii.gz': volume(1) },
      {},
      'There is not one file for each of the 1 channels of a.',
    ],
    [
      'channels from 1 on',
      { ...about, channel_names: { 1: 'CT' } },
      {},
      {},
      'It does not name the channels from "0" on.',
    ],
    ['pictures', { ...about, file_ending: '.png' }, {}, {}, 'Its files end in ".png".'],
    ['no case', { ...about, file_ending: '.nii' }, {}, {}, 'There is no case in it whose files end in .nii.'],
    ['no labels', { ...about, labels: undefined }, {}, {}, 'What it says under "labels" is no use'],
    [
      'only background',
      { ...about, labels: { background: 0 } },
      {},
      {},
      'It has no label but the background.',
    ],
    [
      'a label without value',
      { ...about, labels: { tumour: 'one' } },
      {},
      {},
      'Its label "tumour" has no value.',
    ],
    [
      'an unknown label',
      about,
      {},
      { labels: 'oedema' },
      '--labels oedema: There is no label "oedema" to be found. Choose from tumour (1).',
    ],
    ['the background', about, {}, { labels: 'background' }, 'There is no label "background" to be found.'],
    ['an expression that is none', about, {}, { patient: '(' }, 'It is no regular expression.'],
    ['an expression without a group', about, {}, { patient: 'a' }, 'It has no group'],
    ['an expression that fits nothing', about, {}, { patient: '(x)' }, 'It finds no patient in the case a.'],
    [
      'two cases of one name',
      about,
      { 'imagesTr/A_0000.nii.gz': volume(1), 'labelsTr/A.nii.gz': volume(1) },
      {},
      'Both labelsTr/A.nii.gz and labelsTr/a.nii.gz would be the case a.',
    ],
  ])('are refused with %s', async (_, json, files, settings, message) => {
    const error = await nnunet.find(archive(json, files), settings).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(TonnoError);
    expect(error instanceof UsageError).toBe(
      Object.keys(settings).length > 0 && !message.startsWith('It finds'),
    );
    expect(error.message).toContain(message);
  });

  it('are refused where it is another folder, or no JSON', async () => {
    await expect(nnunet.find(memoryFolder({ 'x/dataset.json': bytes(about) }), {})).rejects.toThrow(
      'archive: There is no dataset.json in it. Name the folder of the data set, which holds imagesTr and labelsTr.',
    );
    await expect(nnunet.find(memoryFolder({ 'dataset.json': bytes(about) }), {})).rejects.toThrow(
      'archive: It has no folder imagesTr and no folder labelsTr.',
    );
    const text = new TextEncoder().encode('{"labels": ');
    await expect(nnunet.find(memoryFolder({ 'dataset.json': text }), {})).rejects.toThrow(
      'archive/dataset.json: It is not JSON.',
    );
  });

  it.each([
    [
      'labels that nobody has named',
      { 'labelsTr/a.nii.gz': volume(7) },
      'There is a 7 in it, which dataset.json has no label for.',
    ],
    ['labels that are no whole numbers', { 'labelsTr/a.nii.gz': volume(0.5) }, 'There is a 0.5 in it'],
    [
      'more channels in a file than there are',
      { 'imagesTr/a_0000.nii.gz': volume(1, 3) },
      'It has 3 channels, and dataset.json names 1 for it.',
    ],
  ])('have bad studies: %s', async (_, files, message) => {
    const own = archive(about, files);
    const { studies } = await nnunet.find(own, {});
    await expect(nnunet.prepare(studies[0], own, {})).rejects.toThrow(message);
  });
});
