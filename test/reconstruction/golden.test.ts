/**
 * Slices, profiles, second differences and heatmaps against an independent PyTorch program, to 1e-4 of their range.
 */
import { describe, expect, it } from 'vitest';
import type { Direction } from '../../src/geometry/directions.ts';
import { Stack, sliceArea } from '../../src/geometry/stack.ts';
import { parseFilter } from '../../src/reconstruction/filter.ts';
import { project, reconstruct } from '../../src/reconstruction/reconstruct.ts';
import type { Measurement } from '../../src/reconstruction/targets.ts';
import { meanResponse, pooledResponse } from '../../src/responses/pooled.ts';
import { createVolume, type Shape, type Vector } from '../../src/volume/volume.ts';
import { relativeError } from '../support/compare.ts';
import { golden, goldenArray } from '../support/golden.ts';

const shape: Shape = [golden.D, golden.H, golden.W];
const size = { rows: golden.hS, columns: golden.wS };
const volume = createVolume(goldenArray('volume'), shape);
const n = goldenArray('n');
const u = goldenArray('u');
const v = goldenArray('v');
const vector = (array: Float32Array, l: number): Vector => [array[3 * l], array[3 * l + 1], array[3 * l + 2]];
const directions: Direction[] = Array.from({ length: golden.L }, (_, index) => ({
  n: vector(n, index),
  u: vector(u, index),
  v: vector(v, index),
  index,
  slices: golden.M,
}));
const plain = parseFilter('second-difference');
const none = parseFilter('none');

describe('golden vectors', () => {
  it('slices', () => {
    const stack = new Stack(volume, directions[golden.angle], size, 1);
    expect(relativeError(stack.cut(0, stack.count), goldenArray('slices_angle11_fade'))).toBeLessThan(1e-4);
  });

  it('slice area', () => {
    expect(sliceArea(size)).toBeCloseTo(golden.area, 12);
    expect(plain.factor(1) / golden.L).toBeCloseTo(golden.scale, 12);
  });

  it('profiles and second differences', async () => {
    const response = meanResponse(size);
    const profiles: number[] = [];
    const differences: number[] = [];
    for (const direction of directions) {
      const [maps] = await response.respond(new Stack(volume, direction, size, 1));
      profiles.push(...maps.data);
      differences.push(...plain.apply(maps, 1).data);
    }
    expect(relativeError(profiles, goldenArray('p_fade'))).toBeLessThan(1e-4);
    expect(relativeError(differences, goldenArray('q_fade'))).toBeLessThan(1e-4);
  });

  it('heatmap of the mean response, on the volume’s grid and on another', async () => {
    const { data } = await reconstruct(volume, meanResponse(size), directions, plain);
    expect(relativeError(data, goldenArray('G_fade'))).toBeLessThan(1e-4);
    const other = await reconstruct(volume, meanResponse(size), directions, plain, { shape: [15, 17, 13] });
    expect(relativeError(other.data, goldenArray('G_fade_out_15x17x13'))).toBeLessThan(1e-4);
  });

  it('heatmap of a nonlinear response from its profiles', async () => {
    const p = goldenArray('p_nonlinear');
    async function* measurements(): AsyncGenerator<Measurement> {
      for (const [l, direction] of directions.entries()) {
        const count = golden.M + 2;
        const data = p.subarray(l * count, (l + 1) * count);
        yield { direction, margin: 1, maps: [{ data, count, kinds: 1, rows: 1, columns: 1 }] };
      }
    }
    const total = golden.L;
    const {
      heatmaps: [{ data }],
    } = await project(measurements(), [{ maps: 0, filter: plain }], { shape, total, size, planeMeasure: 1 });
    expect(relativeError(data, goldenArray('G_nonlinear'))).toBeLessThan(1e-4);
  });

  it.each([1, 2, 4, 8])('averaged and tomographic maps of slices pooled by %i', async (kernel) => {
    const response = pooledResponse(kernel, size);
    const averaged = await reconstruct(volume, response, directions, none);
    expect(relativeError(averaged.data, goldenArray(`averaged_pool${kernel}_cell`))).toBeLessThan(1e-4);
    const tomographic = await reconstruct(volume, response, directions, plain);
    expect(relativeError(tomographic.data, goldenArray(`tomographic_pool${kernel}_cell`))).toBeLessThan(1e-4);
  });
});
