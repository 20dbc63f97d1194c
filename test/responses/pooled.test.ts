import { describe, expect, it } from 'vitest';
import { axisDirections } from '../../src/geometry/directions.ts';
import { Stack } from '../../src/geometry/stack.ts';
import { meanResponse, pooledResponse } from '../../src/responses/pooled.ts';
import { createVolume } from '../../src/volume/volume.ts';

// Two slices of 4×6 pixels, planes of the volume themselves.
const volume = createVolume(
  Float32Array.from({ length: 48 }, (_, i) => i),
  [2, 4, 6],
);
const [direction] = axisDirections([2, 4, 6], [0]);
const size = { rows: 4, columns: 6 };
const stack = new Stack(volume, direction, size, 0);

describe('pooled responses', () => {
  it('mean: one number a slice', async () => {
    expect(await meanResponse(size).respond(stack)).toEqual([
      { data: Float32Array.of(11.5, 35.5), count: 2, kinds: 1, rows: 1, columns: 1 },
    ]);
  });

  it('pooled:2: the mean of each block of 2×2 pixels', async () => {
    const [maps] = await pooledResponse(2, size).respond(stack);
    expect(maps).toMatchObject({ count: 2, rows: 2, columns: 3 });
    expect([...maps.data.slice(0, 6)]).toEqual([3.5, 5.5, 7.5, 15.5, 17.5, 19.5]);
  });

  it('pooled:1 is the slice itself', async () => {
    expect((await pooledResponse(1, size).respond(stack))[0].data).toEqual(volume.data);
  });

  it('has no plane measure but for the mean', () => {
    expect(pooledResponse(2, size).planeMeasure).toBe(1);
    expect(meanResponse(size).planeMeasure).toBeCloseTo((4 * 24) / (3 * 5), 12);
  });

  it.each([3, 0, 1.5, 8])('refuses a kernel of %s, which does not divide the slice', (kernel) => {
    expect(() => pooledResponse(kernel, size)).toThrow(/does not divide slices of 4×6/);
  });
});
