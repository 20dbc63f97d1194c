import { describe, expect, test } from 'vitest';
import {
  type GaussianBlob,
  lesionPhantom,
  type PhantomLesion,
  smoothBlobs,
  smoothPhantom,
} from '../../src/datasets/phantom.ts';
import { UsageError } from '../../src/errors.ts';
import { affineDeterminant, axisCodes, type Shape, spacing, type Volume } from '../../src/volume/volume.ts';

const at = ({ data, shape }: Volume, d: number, h: number, w: number) =>
  data[(d * shape[1] + h) * shape[2] + w];

function* voxels([depth, height, width]: Shape): Generator<[number, number, number]> {
  for (let d = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) for (let w = 0; w < width; w++) yield [d, h, w];
  }
}

/** (x − centre)/radii, so that a lesion is the unit ball. */
const level = ({ centre, radii }: PhantomLesion, voxel: readonly number[]) =>
  Math.hypot(...voxel.map((x, axis) => (x - centre[axis]) / radii[axis]));

describe('smoothPhantom', () => {
  test('vanishes from radius 0.95 outward', () => {
    const shape: Shape = [41, 41, 41];
    const volume = smoothPhantom(shape);
    let outside = 0;
    for (const voxel of voxels(shape)) {
      const radius = Math.hypot(...voxel.map((i) => i / 20 - 1));
      if (radius >= 0.95) outside = Math.max(outside, Math.abs(at(volume, ...voxel)));
    }
    expect(outside).toBeLessThan(1e-4);
    expect(volume.data.some((value) => value > 0.8)).toBe(true);
    expect(volume.data.some((value) => value < -0.3)).toBe(true);
  });

  test('is the sum of its Gaussians in align-corners coordinates, on any shape', () => {
    const blob: GaussianBlob = { centre: [0.5, -0.25, 0], sigma: 0.15, height: 2 };
    const volume = smoothPhantom([5, 9, 13], [blob]);
    expect(at(volume, 3, 3, 6)).toBeCloseTo(2, 6);
    const squared = (1 - 0.5) ** 2 + (0.75 + 0.25) ** 2 + (0.5 - 0) ** 2;
    expect(at(volume, 4, 7, 9)).toBeCloseTo(2 * Math.exp(-squared / (2 * 0.15 ** 2)), 12);
  });

  test('moves with its blobs', () => {
    const step = 2 / 32;
    const moved = smoothBlobs.map(({ centre: [a, b, c], ...blob }) => ({
      ...blob,
      centre: [a, b + step, c] as const,
    }));
    const before = smoothPhantom([33, 33, 33]);
    const after = smoothPhantom([33, 33, 33], moved);
    for (const h of [8, 16, 24]) expect(at(after, 15, h + 1, 18)).toBeCloseTo(at(before, 15, h, 18), 6);
  });
});

describe('lesionPhantom', () => {
  test('is the same for the same seed and another for the next one', () => {
    const shape: Shape = [32, 40, 36];
    const first = lesionPhantom({ shape, seed: 5, lesions: 1 });
    expect(lesionPhantom({ shape, seed: 5, lesions: 1 })).toEqual(first);
    expect(lesionPhantom({ shape, seed: 6, lesions: 1 }).image.data).not.toEqual(first.image.data);
  });

  test('has not changed since cohorts were made with it', () => {
    const words = new Uint32Array(lesionPhantom().image.data.buffer);
    expect(words.reduce((sum, word) => (Math.imul(sum, 31) + word) | 0, 0)).toBe(1778365860);
  });

  test('puts bright lesions where it says, in the body and apart from one another', () => {
    for (let seed = 0; seed < 4; seed++) {
      const { image, mask, lesions } = lesionPhantom({ seed });
      expect(lesions).toHaveLength(3);
      const wrong = [...voxels(mask.shape)].filter(
        (voxel) => at(mask, ...voxel) !== lesions.filter((lesion) => level(lesion, voxel) <= 1).length,
      );
      expect(wrong).toEqual([]);
      for (const { centre, radii, intensity } of lesions) {
        expect(Math.min(...radii)).toBeGreaterThanOrEqual(3);
        expect(Math.max(...radii)).toBeLessThanOrEqual(6);
        const [d, h, w] = centre.map(Math.round);
        // Texture, an organ and noise may all be against it.
        expect(Math.abs(at(image, d, h, w) - intensity)).toBeLessThan(0.9);
        expect(at(mask, d, h, w)).toBe(1);
      }
      const gaps = lesions.flatMap((a, i) =>
        lesions
          .slice(i + 1)
          .map(
            (b) =>
              Math.hypot(...a.centre.map((c, axis) => c - b.centre[axis])) -
              Math.max(...a.radii) -
              Math.max(...b.radii),
          ),
      );
      expect(Math.min(...gaps)).toBeGreaterThan(3);
    }
  });

  test('is a body of about 1 in air of 0, never negative, with distractors as bright as lesions', () => {
    const { image, mask } = lesionPhantom({ seed: 3 });
    expect(image.data.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    expect(at(image, 0, 0, 0)).toBe(0);
    expect(at(image, 63, 32, 63)).toBe(0);
    const body = Array.from(image.data.filter((value) => value > 0.2)).sort((a, b) => a - b);
    expect(body[body.length >> 1]).toBeGreaterThan(0.85);
    expect(body[body.length >> 1]).toBeLessThan(1.15);
    expect(image.data.some((value, i) => value > 2 && mask.data[i] === 0)).toBe(true);
  });

  test('without lesions is the same body', () => {
    const positive = lesionPhantom({ seed: 11 });
    const negative = lesionPhantom({ seed: 11, lesions: 0 });
    expect(negative.lesions).toEqual([]);
    expect(negative.mask.data.every((value) => value === 0)).toBe(true);
    const differing = [...voxels(positive.image.shape)].filter(
      (voxel) => at(positive.image, ...voxel) !== at(negative.image, ...voxel),
    );
    expect(differing.length).toBeGreaterThan(0);
    // Soft edges reach one voxel beyond the radii.
    for (const voxel of differing) {
      expect(Math.min(...positive.lesions.map((lesion) => level(lesion, voxel)))).toBeLessThan(1.5);
    }
  });

  test('takes away what its options set to nothing', () => {
    const { image } = lesionPhantom({ lesions: 0, organs: 0, tubes: 0, plates: 0, texture: 0, noise: 0 });
    expect(image.data.reduce((max, value) => Math.max(max, value), 0)).toBe(1);
    expect(at(image, 32, 32, 32)).toBe(1);
  });

  test('has the standard deviations that it is given', () => {
    const flat = { lesions: 0, organs: 0, tubes: 0, plates: 0 };
    const deviation = (options: { texture: number; noise: number }) => {
      const middle: number[] = [];
      for (let seed = 0; seed < 4; seed++) {
        const { image } = lesionPhantom({ ...flat, ...options, seed });
        for (const [d, h, w] of voxels([24, 24, 24])) middle.push(at(image, d + 20, h + 20, w + 20) - 1);
      }
      return Math.sqrt(middle.reduce((sum, value) => sum + value * value, 0) / middle.length);
    };
    expect(deviation({ texture: 0, noise: 0.1 })).toBeCloseTo(0.1, 2);
    const texture = deviation({ texture: 0.1, noise: 0 });
    expect(texture).toBeGreaterThan(0.07);
    expect(texture).toBeLessThan(0.13);
  });

  test('lies on 2 mm voxels around the origin, RAS+', () => {
    const { image, mask } = lesionPhantom({ shape: [24, 30, 40], lesions: 1 });
    expect(image.shape).toEqual([24, 30, 40]);
    expect(mask.geometry).toEqual(image.geometry);
    expect(spacing(image.geometry)).toEqual([2, 2, 2]);
    expect(axisCodes(image.geometry)).toBe('SAR');
    expect(affineDeterminant(image.geometry.affine)).toBe(8);
    const { affine } = image.geometry;
    expect([2 * 39 + 2 * affine[3], 2 * 29 + 2 * affine[7], 2 * 23 + 2 * affine[11]]).toEqual([0, 0, 0]);
  });

  test('refuses more lesions than find room', () => {
    expect(() => lesionPhantom({ shape: [16, 16, 16], lesions: 5 })).toThrow(UsageError);
    expect(() => lesionPhantom({ shape: [16, 16, 16], lesions: 5 })).toThrow(/of 5 lesions found room/);
  });
});
