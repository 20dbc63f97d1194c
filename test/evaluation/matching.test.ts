import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundingBoxes, boxIou } from '../../src/evaluation/boxes.ts';
import { findCandidates, measureAt, truthOf } from '../../src/evaluation/candidates.ts';
import { connectedComponents, connectedRuns } from '../../src/evaluation/components.ts';
import { matchMasks } from '../../src/evaluation/matching.ts';
import { voxelCount } from '../../src/volume/volume.ts';
import { masks } from './support.ts';

/** What is predicted and true along one row, at thresholds 0 and 1: 1 is a candidate, 2 is kept. */
function measured(predicted: readonly number[], mask: readonly number[], limit = 1 / 8) {
  const data = {
    heatmap: Float32Array.from(predicted),
    mask: Uint8Array.from(mask),
    shape: [1, 1, mask.length] as const,
    spacing: [1, 1, 1] as const,
  };
  const truth = truthOf(data, 26);
  if (!truth) throw new Error('There is a mask.');
  return measureAt(findCandidates(data, 0, 26, truth), truth, 1, limit);
}

describe('matching', () => {
  it('is by intersection over union, strictly above the limit', () => {
    // One voxel of eight: exactly 1/8.
    expect(measured([2, 2, 2, 2, 2, 2, 2, 2], [1, 0, 0, 0, 0, 0, 0, 0])).toMatchObject({
      precision: 0,
      recall: 0,
      f1: 0,
    });
    expect(measured([2, 2, 2, 2, 2, 2, 2, 0], [1, 0, 0, 0, 0, 0, 0, 0])).toMatchObject({
      precision: 1,
      recall: 1,
      f1: 1,
    });
  });

  it('lets several share a partner', () => {
    // One true lesion of seven voxels, two predicted ones in it of three each.
    expect(measured([2, 2, 2, 0, 2, 2, 2], [1, 1, 1, 1, 1, 1, 1])).toMatchObject({ precision: 1, recall: 1 });
    expect(measured([2, 2, 2, 2, 2, 2, 2], [1, 1, 1, 0, 1, 1, 1])).toMatchObject({ precision: 1, recall: 1 });
  });

  it('counts what is kept alone', () => {
    // Found, a false alarm, one that is not kept, a lesion that is missed.
    expect(measured([2, 0, 2, 0, 1, 0, 0], [1, 0, 0, 0, 1, 0, 1])).toEqual({
      precision: 1 / 2,
      recall: 1 / 3,
      f1: 2 / 5,
      overlap: 2 / 5,
      matched: [[1, 1]],
    });
  });

  it('gives zeros, not nothing, where nothing is predicted', () => {
    expect(measured([0, 1, 0], [1, 1, 0])).toEqual({
      precision: 0,
      recall: 0,
      f1: 0,
      overlap: 0,
      matched: [],
    });
  });

  it('pairs a lesion with the candidate that overlaps it best', () => {
    expect(measured([2, 2, 0, 2, 2, 2], [1, 1, 1, 1, 1, 1]).matched).toEqual([[6, 3]]);
    // One voxel of 1 in it, and two of 8: both overlap it by a sixth. The larger is taken, on whichever side it lies.
    const predicted = [2, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2];
    const lesion = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    expect(measured(predicted, lesion).matched).toEqual([[6, 8]]);
    expect(measured(predicted.toReversed(), lesion.toReversed()).matched).toEqual([[6, 8]]);
  });

  it('finds what counting voxel by voxel finds', () => {
    const two = masks(4).chain(({ mask, shape }) =>
      fc
        .array(fc.constantFrom(0, 1), { minLength: voxelCount(shape), maxLength: voxelCount(shape) })
        .map((other) => ({ mask, other: Uint8Array.from(other), shape })),
    );
    fc.assert(
      fc.property(two, fc.constantFrom(6, 18, 26), ({ mask, other, shape }, connectivity) => {
        const [a, b] = [mask, other].map((m) => connectedComponents(m, shape, connectivity));
        const expected: unknown[] = [];
        for (let p = 1; p <= a.count; p++) {
          for (let t = 1; t <= b.count; t++) {
            const shared = a.labels.filter((label, i) => label === p && b.labels[i] === t).length;
            const union = a.labels.filter((label, i) => label === p || b.labels[i] === t).length;
            if (shared > 0) expected.push({ predicted: p, truth: t, shared, iou: shared / union });
          }
        }
        const pairs = matchMasks(
          connectedRuns(mask, shape, connectivity),
          connectedRuns(other, shape, connectivity),
        );
        const sorted = pairs.toSorted((x, y) => x.predicted - y.predicted || x.truth - y.truth);
        expect(sorted).toEqual(expected);
      }),
    );
  });
});

describe('bounding boxes', () => {
  it('are the smallest around their components', () => {
    fc.assert(
      fc.property(masks(4), ({ mask, shape }) => {
        const { labels, count } = connectedComponents(mask, shape);
        const [, height, width] = shape;
        const at = (i: number) => [
          Math.floor(i / (height * width)),
          Math.floor(i / width) % height,
          i % width,
        ];
        const expected = Array.from({ length: count }, (_, c) => {
          const own = [...labels.keys()].filter((i) => labels[i] === c + 1).map(at);
          return {
            from: [0, 1, 2].map((axis) => Math.min(...own.map((p) => p[axis]))),
            to: [0, 1, 2].map((axis) => Math.max(...own.map((p) => p[axis])) + 1),
          };
        });
        expect(boundingBoxes(connectedRuns(mask, shape), shape)).toEqual(expected);
      }),
    );
  });

  it('overlap by their voxels', () => {
    const a = { from: [0, 0, 0], to: [2, 2, 2] } as const;
    expect(boxIou(a, a)).toBe(1);
    expect(boxIou(a, { from: [1, 1, 1], to: [3, 3, 3] })).toBe(1 / 15);
    expect(boxIou(a, { from: [2, 0, 0], to: [3, 2, 2] })).toBe(0);
    expect(boxIou(a, { from: [3, 3, 0], to: [4, 4, 2] })).toBe(0);
  });

  it('of the candidates are measured against the true one', () => {
    // In a plane: an L of three voxels has a box of four, two of which are in the true one of two; one voxel far away.
    const data = {
      heatmap: Float32Array.of(2, 0, 0, 2, 2, 2, 0, 0),
      shape: [1, 2, 4] as const,
      spacing: [1, 1, 1] as const,
      box: { from: [0, 0, 0], to: [1, 2, 1] } as const,
    };
    const truth = truthOf(data, 6);
    if (!truth) throw new Error('There is a box.');
    expect(measureAt(findCandidates(data, 0, 6, truth), truth, 1, 1 / 8)).toEqual({
      precision: 1 / 2,
      recall: 1,
      f1: 2 / 3,
      overlap: 1 / 2,
      matched: [],
    });
  });
});
