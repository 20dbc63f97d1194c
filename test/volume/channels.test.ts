import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VolumeError } from '../../src/errors.ts';
import { joinChannels } from '../../src/volume/channels.ts';
import { createVolume, type Shape, type Volume } from '../../src/volume/volume.ts';

const shape: Shape = [2, 3, 4];
const affine = [-1, 0, 0, 10, 0, 2, 0, -20, 0, 0, 3, 5, 0, 0, 0, 1];

function volume(name: string | undefined, { channels = 1, seed = 0, at = affine } = {}): Volume {
  const data = Float32Array.from({ length: channels * 24 }, (_, i) => seed + i);
  return { ...createVolume(data, shape, { channels, geometry: { affine: at } }), name };
}

describe('joining channels', () => {
  it('gives all channels in their order, in the place and under the name of the first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }), (counts) => {
        const volumes = counts.map((channels, i) => volume(`${i}.nii`, { channels, seed: 1000 * i }));
        const joined = joinChannels(volumes);
        expect(joined.channels).toBe(counts.reduce((a, b) => a + b));
        expect([...joined.data]).toEqual(volumes.flatMap(({ data }) => [...data]));
        expect(joined).toMatchObject({ name: '0.nii', shape, geometry: { affine } });
      }),
      { numRuns: 30 },
    );
  });

  it('leaves the volumes as they are, and one volume is itself', () => {
    const [a, b] = [volume('a'), volume('b', { seed: 100 })];
    const before = [a.data.slice(), b.data.slice()];
    const joined = joinChannels([a, b]);
    joined.data.fill(-1);
    expect([a.data, b.data]).toEqual(before);
    expect(joinChannels([a])).toBe(a);
  });

  it('takes affines that are rounded in different ways', () => {
    const at = affine.map((value, i) => (i < 12 ? value + 0.009 : value));
    expect(joinChannels([volume('a'), volume('b', { at })]).channels).toBe(2);
  });

  it.each([
    ['t2.nii', 't1.nii', 't2.nii: It has 2 × 3 × 5 voxels, and t1.nii has 2 × 3 × 4.'],
    [undefined, undefined, 'A channel: It has 2 × 3 × 5 voxels, and the first channel has 2 × 3 × 4.'],
  ])('refuses another shape, and says whose: %s', (name, first, text) => {
    const other = { ...createVolume(new Float32Array(30), [2, 3, 5], { geometry: { affine } }), name };
    const join = () => joinChannels([volume(first), other]);
    expect(join).toThrow(VolumeError);
    expect(join).toThrow(`${text} Resample the channels of a case to one grid.`);
  });

  it('refuses another place', () => {
    for (const i of [0, 3, 7, 10, 11]) {
      const at = affine.with(i, affine[i] + 0.02);
      const join = () => joinChannels([volume('a'), volume('b'), volume('c', { at })]);
      expect(join).toThrow(VolumeError);
      expect(join).toThrow(
        'c: It lies elsewhere in the world than a. Register and resample the channels of a case to one grid.',
      );
    }
    const nowhere = volume(undefined, { at: affine.map(() => 0) });
    expect(() => joinChannels([volume(undefined), nowhere])).toThrow(
      /^A channel: It lies elsewhere in the world than the first channel\./,
    );
  });
});
