/** When a running reconstruction is looked at. */
import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/app/engine/pace.ts';

/** The directions after which one looks, each taking `step` ms, a look of n directions `cost(n)` ms. */
function looks(count: number, step: number, cost: (done: number) => number, dearer = false) {
  const pace = new Pace(0, dearer);
  const seen: { readonly done: number; readonly at: number }[] = [];
  let [now, spent] = [0, 0];
  for (let done = 1; done <= count; done++) {
    now += step;
    if (!pace.due(done, now)) continue;
    seen.push({ done, at: now });
    pace.looked(done, now, now + cost(done));
    now += cost(done);
    spent += cost(done);
  }
  return { seen, share: spent / now };
}

describe('the first look', () => {
  it.each([1, 50, 5000])('is after four directions, at %i ms each', (step) => {
    expect(looks(20, step, () => 10).seen[0].done).toBe(4);
  });
});

describe('the looks after it', () => {
  it('take a twentieth of the time at most, once the first has paid itself off', () => {
    for (const cost of [5, 100, 1500]) {
      const { seen, share } = looks(2000, 100, () => cost);
      expect(seen.length).toBeGreaterThan(4);
      expect(share).toBeLessThan(0.05 + (cost * 1.05) / (2000 * 100));
    }
  });

  it('also where each costs as much as there are directions', () => {
    const { seen, share } = looks(2000, 100, (done) => done, true);
    expect(seen.length).toBeGreaterThan(4);
    expect(share).toBeLessThan(0.05);
  });

  it('come at growing intervals, of 0.4 to 20 s where they are cheap', () => {
    const { seen } = looks(4000, 50, () => 1);
    const intervals = seen.slice(1).map(({ at }, i) => at - seen[i].at);
    expect(intervals[0]).toBeGreaterThanOrEqual(400);
    expect(intervals[0]).toBeLessThan(500);
    expect(Math.max(...intervals)).toBeLessThan(20_200);
    expect(intervals.at(-1)).toBeGreaterThan(19_000);
    expect(intervals.every((interval, i) => i === 0 || interval >= intervals[i - 1] - 51)).toBe(true);
  });
});
