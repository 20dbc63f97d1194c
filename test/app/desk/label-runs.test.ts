import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstFrom, labelAt, markPlane, runAt } from '../../../src/app/desk/label-runs.ts';
import { connectedRuns, paintRuns } from '../../../src/evaluation/components.ts';
import { type Axis, extractPlane, type PlaneView } from '../../../src/report/planes.ts';
import { voxelCount } from '../../../src/volume/volume.ts';
import { masks } from '../../evaluation/support.ts';

/** Any of the 24 ways to look along an axis. */
const views = fc
  .tuple(fc.constantFrom<Axis>(0, 1, 2), fc.boolean(), fc.boolean(), fc.boolean())
  .map(([axis, swapped, rows, columns]): PlaneView => {
    const others = ([0, 1, 2] as const).filter((other) => other !== axis);
    const [down, right] = swapped ? others.reverse() : others;
    return {
      axis,
      name: '',
      rows: { axis: down, flipped: rows },
      columns: { axis: right, flipped: columns },
      sides: { left: '', right: '', top: '', bottom: '' },
    };
  });

describe('labels read from runs', () => {
  it('are those of the painted image, voxel by voxel', () => {
    fc.assert(
      fc.property(masks(5), ({ mask, shape }) => {
        const runs = connectedRuns(mask, shape, 6);
        const { labels } = paintRuns(runs, voxelCount(shape));
        expect(Array.from(labels, (_, voxel) => labelAt(runs, voxel))).toEqual([...labels]);
        for (const [voxel, label] of labels.entries()) {
          const run = runAt(runs, voxel);
          if (label === 0) expect(run).toBe(-1);
          else expect(runs.starts[run] <= voxel && voxel < runs.ends[run]).toBe(true);
        }
      }),
    );
  });

  it('are those of the painted image, plane by plane, however it is looked at', () => {
    fc.assert(
      fc.property(masks(5), views, fc.nat(), ({ mask, shape }, view, any) => {
        const runs = connectedRuns(mask, shape, 6);
        const { labels } = paintRuns(runs, voxelCount(shape));
        const index = any % shape[view.axis];
        const expected = extractPlane({ shape, channels: 1, data: Float32Array.from(labels) }, view, index);
        const marks = markPlane(runs, shape, view, index, (label) => label);
        expect({ ...marks, values: Float32Array.from(marks.values), extents: undefined }).toEqual(expected);
        for (const [i, mark] of marks.values.entries()) {
          if (mark === 0) continue;
          const { left, right, top, bottom } = marks.extents.get(mark) ?? {
            left: 1,
            right: 0,
            top: 1,
            bottom: 0,
          };
          const [x, y] = [i % marks.width, Math.floor(i / marks.width)];
          expect(left <= x && x <= right && top <= y && y <= bottom).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('finds the first run at a voxel or after it', () => {
  const starts = Int32Array.of(2, 5, 9);
  expect([0, 2, 3, 5, 9, 10].map((voxel) => firstFrom(starts, voxel))).toEqual([0, 0, 1, 1, 2, 3]);
  expect(firstFrom(new Int32Array(), 4)).toBe(0);
});
