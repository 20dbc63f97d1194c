import fc from 'fast-check';
import { expect, test } from 'vitest';
import { learningRate, type Schedule } from '../../src/training/schedule.ts';

const paper = { rate: 5e-5, finalRate: 1e-7, warmUp: 0 } satisfies Omit<Schedule, 'steps'>;

test('the paper’s rates (A.6), twelve steps by torch.optim.lr_scheduler.CosineAnnealingLR', () => {
  const expected = [
    5e-5, 4.914984936591225e-5, 4.665733382442175e-5, 4.269231419060436e-5, 3.7525000000000004e-5,
    3.15075351753079e-5, 2.5050000000000002e-5, 1.859246482469211e-5, 1.2575000000000008e-5,
    7.407685809395642e-6, 3.442666175578255e-6, 9.501506340877486e-7,
  ];
  for (const [step, rate] of expected.entries()) {
    expect(learningRate({ ...paper, steps: 12 }, step) / rate).toBeCloseTo(1, 10);
  }
});

test('begins with 5e-5 and ends with 1e-7 at the paper’s lengths', () => {
  for (const steps of [250_000, 187_500, 125_000, 62_500]) {
    const schedule = { ...paper, steps };
    expect(learningRate(schedule, 0)).toBe(5e-5);
    expect(learningRate(schedule, steps / 2)).toBeCloseTo((5e-5 + 1e-7) / 2, 15);
    expect(learningRate(schedule, steps - 1)).toBeCloseTo(1e-7, 12);
    expect(learningRate(schedule, steps)).toBe(1e-7);
  }
});

const schedules = fc
  .record({
    steps: fc.integer({ min: 1, max: 400 }),
    rate: fc.double({ min: 1e-4, max: 1, noNaN: true }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    warmUp: fc.nat(50),
  })
  .map(({ share, ...schedule }): Schedule => ({ ...schedule, finalRate: share * schedule.rate }));

test('never rises behind the warm-up, and never leaves its two rates', () => {
  fc.assert(
    fc.property(schedules, (schedule) => {
      const rates = Array.from({ length: schedule.steps }, (_, step) => learningRate(schedule, step));
      for (const [step, rate] of rates.entries()) {
        expect(rate).toBeLessThanOrEqual(schedule.rate * (1 + 1e-12));
        if (step < schedule.warmUp) continue;
        expect(rate).toBeGreaterThanOrEqual(schedule.finalRate * (1 - 1e-12));
        if (step > schedule.warmUp) expect(rate).toBeLessThanOrEqual(rates[step - 1] * (1 + 1e-12));
      }
    }),
    { numRuns: 50 },
  );
});

test('warms up in equal parts of the cosine, the last of them whole', () => {
  fc.assert(
    fc.property(schedules, fc.nat(400), (schedule, step) => {
      const cosine = learningRate({ ...schedule, warmUp: 0 }, step);
      const part = Math.min(1, (step + 1) / schedule.warmUp);
      expect(learningRate(schedule, step)).toBeCloseTo(part * cosine, 12);
    }),
  );
  const warm = { steps: 100, rate: 1, finalRate: 1, warmUp: 4 };
  expect([0, 1, 2, 3, 4].map((step) => learningRate(warm, step))).toEqual([0.25, 0.5, 0.75, 1, 1]);
});
