import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Findings } from '../../../src/app/desk/findings.ts';
import type { LesionList, Place, Stroke, ThresholdChoice } from '../../../src/app/protocol.ts';
import { hysteresis } from '../../../src/evaluation/binarisation.ts';
import { paintRuns } from '../../../src/evaluation/components.ts';
import { lesions } from '../../../src/evaluation/lesions.ts';
import type { Shape, Vector } from '../../../src/volume/volume.ts';
import { voxelCount } from '../../../src/volume/volume.ts';
import { heatmaps } from '../../evaluation/support.ts';

/** Voxels of 2 × 3 × 0.5 mm along axes 0, 1, 2. */
const geometry = { affine: [0.5, 0, 0, -7, 0, 3, 0, 4, 0, 0, 2, 10, 0, 0, 0, 1] };

/** One row of voxels, 0.5 mm apart. */
function row(...values: number[]): Findings {
  return new Findings(Float32Array.from(values), { shape: [1, 1, values.length], geometry });
}

const at = (...columns: number[]): Vector[] => columns.map((w) => [0, 0, w]);
const erase = (...columns: number[]): Stroke => ({ points: at(...columns), radius: 0.1, tool: 'erase' });
const restore = (...columns: number[]): Stroke => ({ points: at(...columns), radius: 0.1, tool: 'restore' });

/** The mask as a picture, decisions as + and −. */
function seen(findings: Findings, voxels: number): string {
  const { labels } = paintRuns(findings.runs, voxels);
  return Array.from(labels, (label) => {
    if (label === 0) return '.';
    const decision = findings.decisions.get(label);
    return decision === undefined ? String(label) : decision === 'accepted' ? '+' : '-';
  }).join('');
}

/** The number of the lesion that holds a voxel of a row. */
function lesionOf(findings: Findings, column: number): number {
  return paintRuns(findings.runs, column + 1).labels[column];
}

describe('thresholds', () => {
  it('give the lesions of the evaluation, by falling maximum', () => {
    fc.assert(
      fc.property(
        heatmaps(5),
        fc.array(fc.tuple(fc.integer({ min: -4, max: 9 }), fc.integer({ min: -4, max: 9 })), {
          minLength: 1,
          maxLength: 3,
        }),
        ({ heatmap, shape }, choices) => {
          const findings = new Findings(heatmap, { shape, geometry });
          for (const choice of choices) {
            const [low, high] = choice.sort((a, b) => a - b);
            const list = findings.threshold({ low, high });
            const segmentation = hysteresis(heatmap, shape, { low, high });
            const expected = lesions(segmentation, heatmap, geometry);
            expect([...list.lesions].sort((a, b) => a.number - b.number)).toEqual(expected);
            expect(paintRuns(findings.runs, heatmap.length)).toEqual(segmentation.components);
            for (let i = 1; i < expected.length; i++) {
              expect(list.lesions[i - 1].maximum).toBeGreaterThanOrEqual(list.lesions[i].maximum);
            }
            expect(list).toMatchObject({ low, high, painted: 0, canUndo: false, canRedo: false });
          }
        },
      ),
    );
  });

  it('find nothing before there are any, and τ′ never exceeds τ', () => {
    const findings = row(1, 5, 1);
    expect(findings.list.lesions).toEqual([]);
    expect(findings.threshold({ low: 9, high: 2 })).toMatchObject({ low: 2, high: 2 });
    expect(findings.list.lesions).toHaveLength(1);
  });

  it('are laid on new values when these come', () => {
    const findings = row(0, 9, 0, 0, 6, 0);
    findings.threshold({ low: 1, high: 5 });
    findings.decide(lesionOf(findings, 4), 'accepted');
    findings.setHeatmap(Float32Array.of(0, 4, 0, 8, 7, 0));
    expect(seen(findings, 6)).toBe('...++.');
    expect(findings.list.lesions.map(({ maximum }) => maximum)).toEqual([8]);
  });

  it('are laid on rows that had nothing in them before', () => {
    const findings = new Findings(Float32Array.of(0, 9, 0, 0), { shape: [1, 2, 2], geometry });
    findings.threshold({ low: 1, high: 5 });
    findings.setHeatmap(Float32Array.of(0, 0, 7, 6));
    expect(seen(findings, 4)).toBe('..11');
    expect(findings.threshold({ low: 6.5, high: 6.5 }).lesions.map(({ voxels }) => voxels)).toEqual([1]);
  });
});

describe('decisions', () => {
  const values = [0, 9, 4, 0, 2, 0, 6, 3, 0];

  it('go with the lesion whose peak they were made on, through all thresholds', () => {
    const findings = row(...values);
    findings.threshold({ low: 1, high: 5 });
    findings.decide(lesionOf(findings, 6), 'rejected');
    expect(seen(findings, 9)).toBe('.11.' + '..--.');
    findings.threshold({ low: 3.5, high: 5 });
    expect(seen(findings, 9)).toBe('.11...-..');
    // Where it is no lesion the decision waits.
    findings.threshold({ low: 3.5, high: 8 });
    expect(seen(findings, 9)).toBe('.11......');
    findings.threshold({ low: 1, high: 5 });
    expect(seen(findings, 9)).toBe('.11.' + '..--.');
    expect(() => findings.decide(3, 'accepted')).toThrow(RangeError);
  });

  it('of lesions that become one: the latest counts, and a new one takes the place of all', () => {
    const findings = row(...values);
    findings.threshold({ low: 2, high: 5 });
    findings.decide(lesionOf(findings, 1), 'accepted');
    findings.decide(lesionOf(findings, 6), 'rejected');
    findings.threshold({ low: -1, high: 5 });
    expect(seen(findings, 9)).toBe('---------');
    findings.threshold({ low: 2, high: 5 });
    expect(seen(findings, 9)).toBe('.++...--.');
    findings.threshold({ low: -1, high: 5 });
    findings.decide(1, 'accepted');
    findings.threshold({ low: 2, high: 5 });
    expect(seen(findings, 9)).toBe('.++...22.');
  });

  it('are taken back, and a step that changes nothing is none', () => {
    const findings = row(...values);
    findings.threshold({ low: 2, high: 5 });
    expect(findings.decide(1, undefined).canUndo).toBe(false);
    findings.decide(1, 'accepted');
    findings.decide(1, 'accepted');
    expect(findings.touched).toBe(true);
    expect(findings.decide(1, undefined).lesions.some(({ decision }) => decision)).toBe(false);
    expect(findings.touched).toBe(false);
    findings.undo();
    expect(seen(findings, 9)).toBe('.++...22.');
    expect(findings.undo().canUndo).toBe(false);
  });

  it('stay on what is left of a lesion whose peak was painted away, part by part', () => {
    const findings = row(0, 5, 5, 9, 5, 5, 0, 7, 0);
    findings.threshold({ low: 1, high: 6 });
    findings.decide(lesionOf(findings, 3), 'rejected');
    findings.paint(erase(3));
    expect(seen(findings, 9)).toBe('.--.--.3.');
    expect(findings.changes().decisions).toMatchObject([{ voxel: [0, 0, 3], lesions: [1, 2] }]);
    // One part is judged anew; the other keeps what was said of the whole.
    findings.decide(1, 'accepted');
    expect(seen(findings, 9)).toBe('.++.--.3.');
    findings.decide(1, undefined);
    expect(seen(findings, 9)).toBe('.11.--.3.');
    findings.undo();
    findings.undo();
    expect(seen(findings, 9)).toBe('.--.--.3.');
    findings.decide(2, undefined);
    expect(seen(findings, 9)).toBe('.--.22.3.');
    findings.paint(restore(3));
    expect(seen(findings, 9)).toBe('.-----.2.');
  });
});

describe('paint', () => {
  it('parts a lesion, and keeps a part that does not reach above τ', () => {
    const findings = row(0, 9, 3, 3, 3, 0);
    findings.threshold({ low: 1, high: 5 });
    const list = findings.paint(erase(2));
    expect(seen(findings, 6)).toBe('.1.22.');
    expect(list.painted).toBe(1);
    expect(list.lesions.map(({ number, voxels, maximum }) => [number, voxels, maximum])).toEqual([
      [1, 1, 9],
      [2, 2, 3],
    ]);
    // A voxel has 3 mm³.
    expect(list.lesions.map(({ volume }) => volume)).toEqual([3, 6]);
    findings.paint(restore(2));
    expect(seen(findings, 6)).toBe('.1111.');
    expect(findings.list.painted).toBe(0);
  });

  it('stays under every threshold, and says how much of it lesions would have', () => {
    const findings = row(0, 9, 3, 3, 3, 0);
    findings.threshold({ low: 4, high: 5 });
    findings.paint(erase(0, 2));
    expect(seen(findings, 6)).toBe('......');
    expect(findings.changes().paintedAway).toEqual({
      voxels: 3,
      volume: 9,
      fromLesions: { voxels: 1, volume: 3 },
      strokes: 1,
    });
    findings.threshold({ low: 1, high: 5 });
    expect(seen(findings, 6)).toBe('...11.');
    expect(findings.changes().paintedAway.fromLesions).toEqual({ voxels: 2, volume: 6 });
  });

  it('gives back nothing that was not taken', () => {
    const findings = row(0, 9, 0);
    findings.threshold({ low: 1, high: 5 });
    expect(findings.paint(restore(0, 2))).toMatchObject({ painted: 0, canUndo: false });
    findings.paint(erase(1));
    expect(findings.paint(restore(0)).painted).toBe(1);
    findings.undo();
    expect(seen(findings, 3)).toBe('.1.');
  });

  it('is undone a stroke at a time, however many pieces it came in', () => {
    const findings = row(9, 9, 9, 9, 9, 9);
    findings.threshold({ low: 1, high: 5 });
    findings.paint(erase(0));
    findings.paint(erase(1));
    findings.paint({ ...erase(1, 2), continues: true });
    findings.paint({ ...erase(2, 3), continues: true });
    expect(seen(findings, 6)).toBe('....11');
    expect(findings.changes().paintedAway.strokes).toBe(2);
    findings.undo();
    expect(seen(findings, 6)).toBe('.11111');
    expect(findings.redo().canRedo).toBe(false);
    expect(seen(findings, 6)).toBe('....11');
    findings.undo();
    findings.undo();
    expect(seen(findings, 6)).toBe('111111');
    expect(findings.changes().paintedAway).toMatchObject({ voxels: 0, strokes: 0 });
  });

  it('does not join a stroke to the one before because its beginning changed nothing', () => {
    const findings = row(9, 9, 9, 9);
    findings.threshold({ low: 1, high: 5 });
    findings.paint(erase(0));
    findings.paint(erase(0));
    findings.paint({ ...erase(0, 1), continues: true });
    findings.paint({ ...erase(1, 2), continues: true });
    findings.undo();
    expect(seen(findings, 4)).toBe('.111');
  });

  it('goes on as a stroke of its own after something else was done', () => {
    const findings = row(9, 9, 9, 9);
    findings.threshold({ low: 1, high: 5 });
    findings.paint(erase(0));
    findings.decide(1, 'accepted');
    findings.paint({ ...erase(1), continues: true });
    findings.undo();
    expect(seen(findings, 4)).toBe('.+++');
    findings.undo();
    findings.undo();
    findings.paint({ ...erase(2), continues: true });
    findings.undo();
    expect(seen(findings, 4)).toBe('1111');
  });

  it('forgets the oldest steps when all together hold too much', () => {
    const place: Place = { shape: [1, 1, 10], geometry };
    const findings = new Findings(new Float32Array(10).fill(9), place, { remembered: 5 });
    findings.threshold({ low: 1, high: 5 });
    for (const [from, to] of [
      [0, 1],
      [2, 3],
      [4, 6],
    ]) {
      findings.paint(erase(from, to));
    }
    findings.undo();
    expect(findings.undo().canUndo).toBe(false);
    expect(seen(findings, 10)).toBe('..11111111');
    // One that alone is more is undone all the same.
    findings.paint(erase(2, 9));
    findings.undo();
    expect(seen(findings, 10)).toBe('..11111111');
  });
});

type Command =
  | { readonly kind: 'threshold'; readonly choice: ThresholdChoice }
  | {
      readonly kind: 'decide';
      readonly which: number;
      readonly decision: 'accepted' | 'rejected' | undefined;
    }
  | { readonly kind: 'paint'; readonly stroke: Stroke }
  | { readonly kind: 'undo' | 'redo' };

const coordinate = fc.double({ min: -1, max: 6, noNaN: true });
const point = fc.tuple(coordinate, coordinate, coordinate);
const stroke: fc.Arbitrary<Stroke> = fc.record({
  points: fc.array(point, { minLength: 1, maxLength: 3 }),
  radius: fc.double({ min: 0.2, max: 5, noNaN: true }),
  tool: fc.constantFrom('erase', 'erase', 'restore'),
});
const handiwork: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant('paint' as const), stroke }),
  fc.record({
    kind: fc.constant('decide' as const),
    which: fc.nat(20),
    decision: fc.constantFrom('accepted' as const, 'rejected' as const, undefined),
  }),
);
const steps: fc.Arbitrary<Command> = fc.oneof(
  { arbitrary: handiwork, weight: 3 },
  { arbitrary: fc.constantFrom<Command>({ kind: 'undo' }, { kind: 'redo' }), weight: 2 },
);
const anything = fc.oneof(
  { arbitrary: steps, weight: 3 },
  {
    arbitrary: fc.record({
      kind: fc.constant('threshold' as const),
      choice: fc.record({ low: fc.integer({ min: -1, max: 5 }), high: fc.integer({ min: 5, max: 8 }) }),
    }),
    weight: 1,
  },
);

function perform(findings: Findings, command: Command): LesionList {
  switch (command.kind) {
    case 'threshold':
      return findings.threshold(command.choice);
    case 'paint':
      return findings.paint(command.stroke);
    case 'decide': {
      const { lesions } = findings.list;
      if (lesions.length === 0) return findings.list;
      return findings.decide(lesions[command.which % lesions.length].number, command.decision);
    }
    default:
      return findings[command.kind]();
  }
}

/** All that is seen of the findings. */
const state = (findings: Findings, shape: Shape) => {
  const { canUndo, canRedo, ...list } = findings.list;
  return JSON.stringify([list, [...paintRuns(findings.runs, voxelCount(shape)).labels]]);
};

describe('whatever a person does', () => {
  it('the list speaks of the labels, and the mask is what thresholds mark without what was painted away', () => {
    fc.assert(
      fc.property(heatmaps(5), fc.array(anything, { maxLength: 12 }), ({ heatmap, shape }, commands) => {
        const findings = new Findings(heatmap, { shape, geometry });
        findings.threshold({ low: 2, high: 5 });
        for (const command of commands) {
          const list = perform(findings, command);
          const { low, high } = list;
          const { labels, count } = paintRuns(findings.runs, heatmap.length);
          const { mask } = hysteresis(heatmap, shape, { low, high });
          expect(list.lesions.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
            Array.from({ length: count }, (_, i) => i + 1),
          );
          const taken = [...mask].filter((marked, voxel) => marked === 1 && labels[voxel] === 0).length;
          expect([...labels].some((label, voxel) => label > 0 && mask[voxel] === 0)).toBe(false);
          expect(findings.changes().paintedAway).toMatchObject({
            voxels: list.painted,
            fromLesions: { voxels: taken },
          });
          expect(taken).toBeLessThanOrEqual(list.painted);
          for (const { number, voxels, maximum, peak, decision } of list.lesions) {
            const own = [...labels.keys()].filter((voxel) => labels[voxel] === number);
            expect(voxels).toBe(own.length);
            expect(maximum).toBe(Math.max(...own.map((voxel) => heatmap[voxel])));
            expect(labels[(peak[0] * shape[1] + peak[1]) * shape[2] + peak[2]]).toBe(number);
            expect(findings.decisions.get(number)).toBe(decision);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('undo and redo go through the same states, to the first and back', () => {
    fc.assert(
      fc.property(heatmaps(5), fc.array(steps, { maxLength: 14 }), ({ heatmap, shape }, commands) => {
        const findings = new Findings(heatmap, { shape, geometry });
        findings.threshold({ low: 2, high: 5 });
        // What was seen after each step that can be undone, and where among them one stands.
        let states = [state(findings, shape)];
        let now = 0;
        const check = (list: LesionList) => {
          expect(state(findings, shape)).toBe(states[now]);
          expect(list).toMatchObject({ canUndo: now > 0, canRedo: now < states.length - 1 });
        };
        for (const command of commands) {
          const before = findings.list;
          const list = perform(findings, command);
          if (command.kind === 'undo') now = Math.max(now - 1, 0);
          else if (command.kind === 'redo') now = Math.min(now + 1, states.length - 1);
          else if (list !== before) {
            states = [...states.slice(0, now + 1), state(findings, shape)];
            now++;
          }
          check(list);
        }
        while (now > 0) {
          now--;
          check(findings.undo());
        }
        while (now < states.length - 1) {
          now++;
          check(findings.redo());
        }
      }),
      { numRuns: 200 },
    );
  });

  it('all strokes undone under other thresholds leave these alone', () => {
    fc.assert(
      fc.property(heatmaps(5), fc.array(anything, { maxLength: 12 }), ({ heatmap, shape }, commands) => {
        const findings = new Findings(heatmap, { shape, geometry });
        for (const command of commands) perform(findings, command);
        findings.threshold({ low: 1, high: 6 });
        while (findings.list.canUndo) findings.undo();
        const fresh = new Findings(heatmap, { shape, geometry });
        fresh.threshold({ low: 1, high: 6 });
        expect(state(findings, shape)).toBe(state(fresh, shape));
        expect(findings.changes()).toEqual(fresh.changes());
        expect(findings.touched).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});
