import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binaryCrossEntropy, meanLoss } from '../../src/training/loss.ts';

describe('torch.nn.functional.binary_cross_entropy_with_logits', () => {
  const logits = [-1000, -20, -1.5, -0.25, 0, 0.75, 3, 30, 1000];
  test.each([
    [
      0,
      [
        0,
        2.061153026033935e-9,
        0.20141327798275244,
        0.5759394198788436,
        Math.LN2,
        1.1368710061148999,
        3.048587351573742,
        30.000000000000092,
        1000,
      ],
    ],
    [
      1,
      [
        1000,
        20.000000002061153,
        1.7014132779827524,
        0.8259394198788436,
        Math.LN2,
        0.38687100611489994,
        0.04858735157374206,
        9.357622968839737e-14,
        0,
      ],
    ],
  ])('label %i', (label, losses) => {
    for (const [i, loss] of losses.entries()) {
      const own = binaryCrossEntropy(logits[i], label);
      expect(Math.abs(own - loss)).toBeLessThanOrEqual(1e-14 * Math.max(1, loss));
    }
    // What is left of e^−30 is not lost to the 1 that it is added to.
    expect(binaryCrossEntropy(30, 1) / 9.357622968839737e-14).toBeCloseTo(1, 12);
  });

  test('the mean over slices and classes', () => {
    const z = Float32Array.of(0.5, -1, 2, 0.25, -3, 4);
    expect(meanLoss(z, Float32Array.of(1, 0, 0, 0, 1, 1))).toBeCloseTo(1.1344905636852831, 12);
  });
});

const logit = fc.double({ min: -700, max: 700, noNaN: true });

test('never overflows, is never negative, and is the same with both signs turned', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, 1), (z, y) => {
      const loss = binaryCrossEntropy(z, y);
      expect(Number.isFinite(loss)).toBe(true);
      expect(loss).toBeGreaterThanOrEqual(0);
      expect(binaryCrossEntropy(-z, 1 - y)).toBe(loss);
    }),
  );
  for (const z of [-1000, 1000])
    for (const y of [0, 1]) expect(binaryCrossEntropy(z, y)).toBe(z > 0 === (y === 1) ? 0 : 1000);
});

test('its slope is σ(z) − y', () => {
  fc.assert(
    fc.property(fc.double({ min: -15, max: 15, noNaN: true }), fc.constantFrom(0, 1), (z, y) => {
      const h = 1e-5;
      const slope = (binaryCrossEntropy(z + h, y) - binaryCrossEntropy(z - h, y)) / (2 * h);
      expect(slope).toBeCloseTo(1 / (1 + Math.exp(-z)) - y, 7);
    }),
  );
});

test('losses of the two labels differ by the logit', () => {
  fc.assert(
    fc.property(logit, (z) => {
      expect(binaryCrossEntropy(z, 0) - binaryCrossEntropy(z, 1)).toBeCloseTo(z, 9);
    }),
  );
});

test('a logit that is no number makes the mean none', () => {
  const labels = Float32Array.of(0, 1);
  expect(meanLoss(Float32Array.of(0, Number.NaN), labels)).toBeNaN();
  expect(Number.isFinite(meanLoss(Float32Array.of(Number.POSITIVE_INFINITY, 0), labels))).toBe(false);
});
