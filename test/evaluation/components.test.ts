import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { type Connectivity, connectedComponents } from '../../src/evaluation/components.ts';
import { type Shape, voxelCount } from '../../src/volume/volume.ts';
import { masks } from './support.ts';

/** How many coordinates a neighbour may differ in by one. */
const steps: Record<Connectivity, number> = { 6: 1, 18: 2, 26: 3 };

/** Every pair of voxels that touch gets one label until nothing changes: slow and plain. */
function byRelabelling(
  mask: Uint8Array,
  [depth, height, width]: Shape,
  connectivity: Connectivity,
): number[] {
  const voxels = [...mask.keys()].filter((i) => mask[i] !== 0);
  const at = (i: number) => [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
  const labels = Array.from(mask, (value, i) => (value === 0 ? 0 : i + 1));
  expect(labels).toHaveLength(depth * height * width);
  for (let changed = true; changed; ) {
    changed = false;
    for (const i of voxels) {
      for (const j of voxels) {
        const distances = at(i).map((x, axis) => Math.abs(x - at(j)[axis]));
        if (Math.max(...distances) > 1 || distances.reduce((a, b) => a + b) > steps[connectivity]) continue;
        if (labels[j] < labels[i]) {
          labels[i] = labels[j];
          changed = true;
        }
      }
    }
  }
  const order = [...new Set(labels)].filter((label) => label > 0).sort((a, b) => a - b);
  return labels.map((label) => order.indexOf(label) + 1);
}

const connectivities = [6, 18, 26] as const;

describe.each(connectivities)('components of voxels with %i neighbours', (connectivity) => {
  it('are those of a relabelling of touching pairs, in scan order', () => {
    fc.assert(
      fc.property(masks(4), ({ mask, shape }) => {
        const { labels, count, sizes } = connectedComponents(mask, shape, connectivity);
        const expected = byRelabelling(mask, shape, connectivity);
        expect([...labels]).toEqual(expected);
        expect(count).toBe(Math.max(0, ...expected));
        expect([...sizes]).toEqual(
          Array.from({ length: count }, (_, i) => expected.filter((label) => label === i + 1).length),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('are one for a full mask and none for an empty one', () => {
    const shape: Shape = [3, 4, 5];
    expect(connectedComponents(new Uint8Array(60).fill(9), shape, connectivity)).toMatchObject({
      count: 1,
      sizes: new Int32Array([60]),
    });
    expect(connectedComponents(new Uint8Array(60), shape, connectivity).count).toBe(0);
  });

  it('do not touch across the edge of a row or plane', () => {
    const shape: Shape = [2, 2, 3];
    // The last voxel of a row and the first of the next; the last of a plane and the first of the next.
    expect(
      connectedComponents(Uint8Array.of(0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0), shape, connectivity).count,
    ).toBe(2);
    expect(
      connectedComponents(Uint8Array.of(0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0), shape, connectivity).count,
    ).toBe(2);
  });
});

describe('lesions that touch', () => {
  it.each([
    ['by a face', [0, 0, 1], { 6: 1, 18: 1, 26: 1 }],
    ['by an edge', [0, 1, 1], { 6: 2, 18: 1, 26: 1 }],
    ['by an edge across planes', [1, 1, 0], { 6: 2, 18: 1, 26: 1 }],
    ['by a corner', [1, 1, 1], { 6: 2, 18: 2, 26: 1 }],
    ['not at all', [2, 0, 0], { 6: 2, 18: 2, 26: 2 }],
  ] as const)('%s', (_, [d, h, w], expected) => {
    const shape: Shape = [3, 2, 2];
    const mask = new Uint8Array(voxelCount(shape));
    mask[0] = 1;
    mask[d * 4 + h * 2 + w] = 1;
    for (const connectivity of connectivities) {
      expect(connectedComponents(mask, shape, connectivity).count).toBe(expected[connectivity]);
    }
  });
});

it('has as many components as SciPy finds in a mask of many runs', () => {
  // scipy.ndimage.label on this mask of 40 × 41 × 43 voxels; the generator is the textbook's (Numerical Recipes).
  const shape: Shape = [40, 41, 43];
  let state = 12345;
  const mask = Uint8Array.from({ length: voxelCount(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 < 0.12 ? 1 : 0;
  });
  const counts = connectivities.map((connectivity) => connectedComponents(mask, shape, connectivity).count);
  expect(counts).toEqual([5600, 1907, 667]);
});

it('refuses a mask of another shape', () => {
  expect(() => connectedComponents(new Uint8Array(7), [2, 2, 2])).toThrow(UsageError);
  expect(() => connectedComponents(new Uint8Array(7), [2, 2, 2])).toThrow('It has 7 voxels, not 2 × 2 × 2.');
});
