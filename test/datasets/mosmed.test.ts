import { beforeAll, describe, expect, it } from 'vitest';
import type { AdapterSettings, Study } from '../../src/datasets/adapter.ts';
import { mosmed } from '../../src/datasets/mosmed.ts';
import { UsageError, VolumeError } from '../../src/errors.ts';
import { decodeNifti } from '../../src/formats/nifti.ts';
import { closeBall, openBall } from '../../src/volume/morphology.ts';
import { createVolume, type Volume } from '../../src/volume/volume.ts';
import { archiveFiles } from '../support/archives.ts';
import { memoryFolder } from '../support/memory-folder.ts';

const MASK = 'COVID19_1110/masks/study_0255_mask.nii.gz';

let files: Record<string, Uint8Array>;
beforeAll(async () => {
  files = await archiveFiles('mosmed');
});

async function prepare(name: string, settings: AdapterSettings = {}, change: Record<string, Volume> = {}) {
  const folder = memoryFolder({ ...files, ...change });
  const { studies } = await mosmed.find(folder, settings);
  const study = studies.find((one) => one.name === name)!;
  const [only, ...more] = await mosmed.prepare(JSON.parse(JSON.stringify(study)) as Study, folder, settings);
  expect(more).toEqual([]);
  return only;
}

/** Said of long arrays, which a test's own comparison takes its time for. */
const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.prototype.every.call(a, (value, i) => Object.is(value, b[i]));

const whole = async (path: string) => (await decodeNifti(files[path], path)).volume;

describe('MosMedData, as its archive is laid out', () => {
  it('has CT-0 and CT-1, those with masks for validation, the other positive ones for training', async () => {
    const { studies, classes, channels, notes } = await mosmed.find(memoryFolder(files), {});
    expect(studies.map(({ name, patient, split }) => [name, patient === name, split])).toEqual([
      ['study_0001', true, undefined],
      ['study_0002', true, undefined],
      ['study_0003', true, undefined],
      ['study_0254', true, undefined],
      ['study_0255', true, 'validation'],
      ['study_0256', true, 'validation'],
      ['study_0304', true, 'validation'],
      ['study_0305', true, 'train'],
      ['study_0937', true, 'train'],
      ['study_0938', true, 'train'],
    ]);
    expect([classes, channels]).toEqual([['label'], ['CT']]);
    expect(notes).toEqual([
      '2 studies of CT-2 left out, as in the paper.',
      '1 study of CT-3 left out, as in the paper.',
      '2 studies of CT-4 left out, as in the paper.',
    ]);
    const inner = Object.fromEntries(
      Object.entries(files).map(([path, bytes]) => [path.replace('COVID19_1110/', ''), bytes]),
    );
    expect((await mosmed.find(memoryFolder(inner), {})).studies).toHaveLength(10);
  });

  it('gives Hounsfield units as they are, and the label of the class', async () => {
    for (const [name, path, label, mask] of [
      ['study_0254', 'CT-0', 0, false],
      ['study_0256', 'CT-1', 1, true],
      ['study_0305', 'CT-1', 1, false],
    ] as const) {
      const only = await prepare(name);
      const image = await whole(`COVID19_1110/studies/${path}/${name}.nii.gz`);
      expect(only.images).toHaveLength(1);
      expect(only.images[0]).toMatchObject({ shape: image.shape, geometry: image.geometry });
      expect(same(only.images[0].data, image.data)).toBe(true);
      expect([only.name, only.labels, only.mask !== undefined]).toEqual([name, [label], mask]);
    }
  });

  it('declares what the paper does to the values, and its share of validation', () => {
    expect(mosmed.preprocessing).toEqual({ normalise: 'none', scale: [0.001], outside: 0 });
    expect(Math.round(mosmed.validation.positive * 684)).toBe(50);
    expect(Math.round(mosmed.validation.negative * 254)).toBe(50);
  });
});

describe('masks of MosMedData', () => {
  const close = [8, 3.75, 3.75] as const;

  it('lose their specks and keep what is large, by balls of millimetres', async () => {
    const drawn = await whole(MASK);
    const { mask, images } = await prepare('study_0255');
    expect(mask!.geometry).toEqual(images[0].geometry);
    const closed = closeBall(Uint8Array.from(drawn.data), drawn.shape, 20, close);
    expect(same(mask!.data, openBall(closed, drawn.shape, 10, close))).toBe(true);
    // Specks lie left of x = -50 mm, the large finding right of it; x falls along axis 2.
    const { affine } = drawn.geometry;
    const x = (i: number) => affine[0] * (i % 96) + affine[3];
    const left = (data: ArrayLike<number>) =>
      [...Array(data.length).keys()].filter((i) => data[i] === 1 && x(i) < -40);
    expect(left(drawn.data).length).toBeGreaterThan(0);
    expect(left(mask!.data)).toEqual([]);
    const right = (data: Float32Array) => data.filter((value, i) => value === 1 && x(i) > -40).length;
    expect(right(mask!.data) / right(drawn.data)).toBeGreaterThan(0.9);
  });

  it('are as they were drawn without balls, and of other sizes with others', async () => {
    const drawn = await whole(MASK);
    const { mask } = await prepare('study_0255', { closing: '0', opening: '0' });
    expect(same(mask!.data, drawn.data)).toBe(true);
    const opened = await prepare('study_0255', { closing: '0', opening: '6' });
    expect(same(opened.mask!.data, openBall(Uint8Array.from(drawn.data), drawn.shape, 6, close))).toBe(true);
    const voxels = await prepare('study_0255', { closing: '2', opening: '1.5', ball: 'voxels' });
    const closed = closeBall(Uint8Array.from(drawn.data), drawn.shape, 2);
    expect(same(voxels.mask!.data, openBall(closed, drawn.shape, 1.5))).toBe(true);
  });

  it('are only closed where the opening would leave nothing', async () => {
    // Of 14 slices none has ten on either side.
    const drawn = await whole(MASK);
    const { mask, ...rest } = await prepare('study_0255', { ball: 'voxels' });
    expect(rest).toMatchObject({
      notes: ['An opening of 10 voxels would leave nothing of its mask, which is only closed.'],
    });
    expect(await prepare('study_0256')).not.toHaveProperty('notes');
    expect(same(mask!.data, closeBall(Uint8Array.from(drawn.data), drawn.shape, 20))).toBe(true);
    expect(mask!.data.includes(1)).toBe(true);
  });

  it('are refused on another grid', async () => {
    const drawn = await whole(MASK);
    const moved = { ...drawn, geometry: { affine: drawn.geometry.affine.with(3, 0) } };
    await expect(prepare('study_0255', {}, { [MASK]: moved })).rejects.toThrow(
      'archive/COVID19_1110/masks/study_0255_mask.nii.gz: It lies elsewhere in the world than archive/COVID19_1110/studies/CT-1/study_0255.nii.gz: voxels are up to 178 mm apart.',
    );
    await expect(
      prepare('study_0255', {}, { [MASK]: createVolume(new Float32Array(1), [1, 1, 1]) }),
    ).rejects.toThrow(VolumeError);
  });

  it('are passed over where there is no such study in CT-1, and that is said', async () => {
    const more = {
      ...files,
      'COVID19_1110/masks/study_1064_mask.nii.gz': files[MASK],
      'COVID19_1110/masks/._study_0255_mask.nii.gz': files[MASK],
    };
    const { notes } = await mosmed.find(memoryFolder(more), {});
    expect(notes.at(-1)).toBe('Masks passed over, since there is no such study in CT-1: study_1064.');
  });
});

describe('what cannot be used of MosMedData', () => {
  const without = (part: string) =>
    memoryFolder(Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes(part))));

  it.each([
    ['/masks/', 'archive: It holds no folder masks. Download and unpack the whole archive.'],
    ['/CT-0/', 'archive: It holds no folder studies/CT-0.'],
    ['/studies/', 'archive: It holds no folder studies. Name the folder'],
  ])('a download without %s', async (part, message) => {
    await expect(mosmed.find(without(part), {})).rejects.toThrow(message);
  });

  it.each<[AdapterSettings, string]>([
    [{ closing: '-1' }, '--closing -1: It must be a number of at least 0.'],
    [{ opening: 'ten' }, '--opening ten: It must be a number of at least 0.'],
    [{ opening: '' }, '--opening : It must be a number of at least 0.'],
    [{ ball: 'cm' }, '--ball cm: There is no such unit. Give mm or voxels.'],
  ])('the settings %j', async (settings, message) => {
    const attempt = mosmed.find(memoryFolder(files), settings);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
  });
});
