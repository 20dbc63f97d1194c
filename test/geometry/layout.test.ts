import { describe, expect, it } from 'vitest';
import { cubeLayout, forSlicing, rowLayout } from '../../src/geometry/layout.ts';
import { sampleSlice } from '../../src/geometry/sampler.ts';
import type { Shape } from '../../src/volume/volume.ts';

const shape: Shape = [5, 6, 9];

describe('layouts', () => {
  it.each([
    ['rows', rowLayout(shape)],
    ['cubes', cubeLayout(shape)],
  ])('%s give every voxel a place of its own within the channel', (_, { z, y, x, channelLength }) => {
    const places = new Set<number>();
    for (const d of z) for (const h of y) for (const w of x) places.add(d + h + w);
    expect(places.size).toBe(5 * 6 * 9);
    expect(Math.max(...places)).toBeLessThan(channelLength);
  });

  it('rows are C order', () => {
    const { z, y, x } = rowLayout(shape);
    expect(z[3] + y[2] + x[7]).toBe((3 * 6 + 2) * 9 + 7);
  });

  it('a small volume stays as it is', () => {
    const volume = { data: new Float32Array(270), channels: 1, shape };
    expect(forSlicing(volume)).toBe(volume);
  });

  it('a large volume in cubes gives the same slices, to the bit', () => {
    const large: Shape = [101, 90, 75];
    const voxels = 101 * 90 * 75;
    const data = Float32Array.from({ length: 2 * voxels }, (_, i) => Math.sin(i));
    const volume = { data, channels: 2, shape: large };
    const cubes = forSlicing(volume);
    expect(cubes.data).not.toBe(data);
    const plane = { origin: [0.1, -0.2, 0.05], u: [0.9, 0.3, 0.4], v: [-0.5, 0.8, 0.6] } as const;
    const size = { rows: 60, columns: 70 };
    const [a, b] = [new Float32Array(2 * 4200), new Float32Array(2 * 4200)];
    sampleSlice(volume, plane, size, a);
    sampleSlice(cubes, plane, size, b);
    expect(b).toEqual(a);
    expect(a.some((value) => value !== 0)).toBe(true);
  });
});
