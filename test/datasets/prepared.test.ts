/** What adapters promise of their cases, and names of studies. */
import { describe, expect, it } from 'vitest';
import type { PreparedCase } from '../../src/datasets/adapter.ts';
import { adapters } from '../../src/datasets/adapters.ts';
import { studyName, volumeStem } from '../../src/datasets/names.ts';
import { checkPrepared, isStudyName } from '../../src/datasets/prepared.ts';
import { VolumeError } from '../../src/errors.ts';
import { createVolume, type Shape, type Volume } from '../../src/volume/volume.ts';

const found = { classes: ['a', 'b'], channels: ['ct', 'pet'] };
function volume({
  shape = [2, 2, 2] as Shape,
  channels = 1,
  moved = 0,
  values = [0, 1],
  name = undefined as string | undefined,
} = {}): Volume {
  const data = Float32Array.from(
    { length: channels * shape[0] * shape[1] * shape[2] },
    (_, i) => values[i % 2],
  );
  const affine = [2, 0, 0, moved, 0, 2, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1];
  return { ...createVolume(data, shape, { channels, geometry: { affine } }), name };
}
const right: PreparedCase = {
  name: 'case-1',
  labels: [1, 0],
  images: [volume({ name: 'ct.nii' }), volume({ name: 'pet.nii' })],
  mask: volume({ name: 'mask.nii' }),
  box: { from: [0, 0, 0], to: [1, 2, 2] },
};
const check = (changed: Partial<PreparedCase>) => () =>
  checkPrepared([right, { ...right, ...changed }], found);

describe('prepared cases', () => {
  it('are taken as promised, rounded affines and all', () => {
    expect(check({})).not.toThrow();
    expect(check({ mask: undefined, box: undefined })).not.toThrow();
    expect(check({ images: [volume(), volume({ moved: 0.009 })] })).not.toThrow();
    // A mask is never joined to the images, and a tenth of a voxel is lost to rounding at times.
    expect(check({ mask: volume({ moved: 0.19 }) })).not.toThrow();
  });

  it.each<[string, Partial<PreparedCase>, string]>([
    [
      'channels apart',
      { images: [volume({ name: 'ct.nii' }), volume({ moved: 0.02, name: 'pet.nii' })] },
      'pet.nii: It lies elsewhere in the world than ct.nii: voxels are up to 0.0200 mm apart.',
    ],
    [
      'channels of other shapes',
      { images: [volume({ name: 'ct.nii' }), volume({ shape: [2, 2, 3] })] },
      'the channel of case case-1: It has 2 × 2 × 3 voxels, and ct.nii has 2 × 2 × 2.',
    ],
    [
      'a mask apart',
      { mask: volume({ moved: 0.21, name: 'mask.nii' }) },
      'mask.nii: It lies elsewhere in the world than ct.nii',
    ],
  ])('are bad with %s: that is the archive’s doing', (_, changed, message) => {
    expect(check(changed)).toThrow(VolumeError);
    expect(check(changed)).toThrow(message);
  });

  it.each<[string, Partial<PreparedCase>]>([
    ['a label too few', { labels: [1] }],
    ['a label that is none', { labels: [1, 2] }],
    ['a channel too few', { images: [volume()] }],
    ['two channels in one', { images: [volume(), volume({ channels: 2 })] }],
    ['a mask of other values', { mask: volume({ values: [0, 2] }) }],
    ['a mask of two channels', { mask: volume({ channels: 2 }) }],
    ['a box outside', { box: { from: [0, 0, 0], to: [3, 1, 1] } }],
    ['an empty box', { box: { from: [1, 0, 0], to: [1, 1, 1] } }],
    ['a name for no file', { name: 'a/b' }],
  ])('are a fault with %s', (_, changed) => {
    expect(check(changed)).toThrow(RangeError);
  });
});

describe('names', () => {
  it.each([
    ['case 1', 'case-1'],
    ['../../etc', 'etc'],
    ['.hidden', 'hidden'],
    ['Müller_ä/é', 'Müller_ä-é'],
    ['ok-1.2_3', 'ok-1.2_3'],
  ])('%s becomes %s', (text, name) => {
    expect(studyName(text)).toBe(name);
    expect(isStudyName(name)).toBe(true);
  });

  it.each(['', '.', '..', 'a/b', 'a b', 'a\\b', 'a:b', '.a', 'a\0'])('%j is none', (name) => {
    expect(isStudyName(name)).toBe(false);
  });

  it.each([
    ['a.nii.gz', 'a'],
    ['a.b.NII', 'a.b'],
    ['x.mha', 'x'],
    ['x.gz', undefined],
    ['x.json', undefined],
  ])('%s is the volume %s', (file, stem) => {
    expect(volumeStem(file)).toBe(stem);
  });
});

describe('all adapters', () => {
  it.each(Object.entries(adapters))('%s says what the command needs', (_, {
    summary,
    description,
    validation,
    options,
  }) => {
    expect(summary).not.toMatch(/\.$/);
    expect(description).toMatch(/^[A-Z].*\.$/);
    for (const share of Object.values(validation)) expect(share >= 0 && share < 1).toBe(true);
    expect(new Set(options.map(({ flags }) => flags)).size).toBe(options.length);
  });
});
