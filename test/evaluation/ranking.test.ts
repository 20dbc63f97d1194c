import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averagePrecision } from '../../src/evaluation/average-precision.ts';
import { frocScores } from '../../src/evaluation/candidates.ts';
import { concordance } from '../../src/evaluation/concordance.ts';
import { froc, highestAlarms, meanCurve } from '../../src/evaluation/froc.ts';

/** Precision and recall anew at every distinct value. */
function byThresholds(values: readonly number[], mask: readonly number[]): number {
  const total = mask.filter((m) => m !== 0).length;
  let [sum, before] = [0, 0];
  for (const threshold of [...new Set(values)].sort((a, b) => b - a)) {
    const marked = values.filter((v) => v >= threshold).length;
    const hits = values.filter((v, i) => v >= threshold && mask[i] !== 0).length;
    sum += ((hits - before) / total) * (hits / marked);
    before = hits;
  }
  return sum;
}

describe('average precision', () => {
  it('is scikit-learn’s', () => {
    // The example in its documentation of average_precision_score; 0.83….
    expect(averagePrecision(Float32Array.of(0.1, 0.4, 0.35, 0.8), Uint8Array.of(0, 0, 1, 1))).toBeCloseTo(
      5 / 6,
      15,
    );
  });

  it('lets equal values enter together', () => {
    expect(averagePrecision(Float32Array.of(1, 1, 1, 1), Uint8Array.of(1, 0, 0, 0))).toBe(1 / 4);
  });

  it('is that of all thresholds', () => {
    const voxel = fc.tuple(fc.integer({ min: -4, max: 4 }), fc.constantFrom(0, 0, 1, 7));
    fc.assert(
      fc.property(fc.array(voxel, { minLength: 1, maxLength: 60 }), (voxels) => {
        const [values, mask] = [voxels.map(([v]) => v), voxels.map(([, m]) => m)];
        const found = averagePrecision(Float32Array.from(values), Uint8Array.from(mask));
        if (mask.every((m) => m === 0)) expect(found).toBeUndefined();
        else expect(found).toBeCloseTo(byThresholds(values, mask), 13);
      }),
    );
  });
});

describe('FROC', () => {
  const missed = Number.NEGATIVE_INFINITY;

  it('is what it is by hand', () => {
    // Two volumes: at 1/8, 1/4 and 1/2 a volume the second lesion is behind the second false positive (.5).
    const found = froc([
      { falsePositives: Float32Array.of(0.3, 0.8), lesions: Float32Array.of(0.9, 0.4) },
      { falsePositives: Float32Array.of(0.5), lesions: Float32Array.of() },
    ]);
    expect(found?.mean).toBeCloseTo((3 * 0.5 + 4 * 1) / 7, 15);
    expect(found?.curve.sensitivity[0]).toBe(0.5);
    expect(found?.curve.sensitivity.at(-1)).toBe(1);
  });

  it('never finds what no candidate matches, and gives ties to the false positive', () => {
    const own = (lesions: number[]) =>
      froc([{ falsePositives: Float32Array.of(0.5), lesions: Float32Array.from(lesions) }])?.mean;
    expect(own([missed])).toBe(0);
    // One false positive is allowed from one a volume on.
    expect(own([0.5])).toBeCloseTo(4 / 7, 15);
    expect(own([0.6, missed])).toBeCloseTo(1 / 2, 15);
  });

  it('matches strictly above the limit', () => {
    const candidates = (iou: number) => ({
      maxima: Float32Array.of(3),
      sizes: Int32Array.of(8),
      pairs: [{ predicted: 1, truth: 1, shared: 1, iou }],
    });
    expect(frocScores(candidates(1 / 8), 1, 1 / 8)).toEqual({
      falsePositives: Float32Array.of(3),
      lesions: Float32Array.of(missed),
    });
    expect(frocScores(candidates(1 / 7), 1, 1 / 8)).toEqual({
      falsePositives: Float32Array.of(),
      lesions: Float32Array.of(3),
    });
  });

  it('is none without a lesion', () => {
    expect(froc([{ falsePositives: Float32Array.of(1), lesions: Float32Array.of() }])).toBeUndefined();
  });

  it('rises, and is that of counting at each threshold', () => {
    const scores = fc
      .array(fc.integer({ min: 0, max: 12 }), { maxLength: 12 })
      .map((s) => Float32Array.from(s));
    const volumes = fc.array(fc.record({ falsePositives: scores, lesions: scores }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(volumes, (drawn) => {
        const found = froc(drawn);
        const lesions = drawn.flatMap((v) => [...v.lesions]);
        if (!found) {
          expect(lesions).toHaveLength(0);
          return;
        }
        found.curve.falsePositives.forEach((rate, i) => {
          let best = 0;
          for (let threshold = -0.5; threshold < 14; threshold++) {
            const alarms = drawn.flatMap((v) => [...v.falsePositives]).filter((s) => s > threshold).length;
            const hits = lesions.filter((s) => s > threshold).length;
            if (alarms / drawn.length <= rate) best = Math.max(best, hits / lesions.length);
          }
          expect(found.curve.sensitivity[i]).toBeCloseTo(best, 14);
        });
        // What can be left out of a volume changes nothing.
        const short = drawn.map((v) => ({
          ...v,
          falsePositives: highestAlarms(v.falsePositives, drawn.length),
        }));
        expect(froc(short)).toEqual(found);
        expect(meanCurve([found.curve, found.curve])).toEqual(found.curve);
      }),
    );
  });

  it('keeps the highest false positives of a volume that has very many', () => {
    const many = Float32Array.from({ length: 100 }, (_, i) => i);
    expect([...highestAlarms(many, 1)]).toEqual(Array.from({ length: 17 }, (_, i) => 83 + i));
  });
});

describe('concordance', () => {
  it('is 1 for equal pairs and less for a bias', () => {
    expect(
      concordance([
        [1, 1],
        [2, 2],
        [4, 4],
      ]),
    ).toBe(1);
    // s_xy = s_x² = s_y² = 2/3 and means 1 apart: (4/3) / (4/3 + 1).
    expect(
      concordance([
        [1, 2],
        [2, 3],
        [3, 4],
      ]),
    ).toBeCloseTo(4 / 7, 15);
    expect(
      concordance([
        [1, 3],
        [2, 2],
        [3, 1],
      ]),
    ).toBe(-1);
  });

  it('is none for fewer than three pairs or without any spread', () => {
    expect(
      concordance([
        [1, 1],
        [2, 2],
      ]),
    ).toBeUndefined();
    expect(
      concordance([
        [1, 1],
        [1, 1],
        [1, 1],
      ]),
    ).toBeUndefined();
  });
});
