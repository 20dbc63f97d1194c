import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Gate } from '../../src/runtime/gate.ts';

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await Promise.resolve();
};

it('never more than its places, first come first served, and nobody is forgotten', async () => {
  // Each piece of work comes after a while and takes a while, both in turns of the microtask queue.
  const work = fc.array(fc.record({ comes: fc.nat(40), takes: fc.nat(12) }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), work, async (places, pieces) => {
      const gate = new Gate(places);
      const came: number[] = [];
      const served: number[] = [];
      let inside = 0;
      let most = 0;
      await Promise.all(
        pieces.map(async ({ comes, takes }, piece) => {
          await turns(comes);
          came.push(piece);
          await gate.enter();
          served.push(piece);
          most = Math.max(most, ++inside);
          await turns(takes);
          inside--;
          gate.leave();
        }),
      );
      expect(most).toBeLessThanOrEqual(places);
      expect(served).toEqual(came);
      expect(inside).toBe(0);
    }),
    {
      numRuns: 500,
      examples: [
        // One that waited is let in just before another comes and finds a place free.
        [
          2,
          [
            { comes: 16, takes: 3 },
            { comes: 15, takes: 2 },
            { comes: 25, takes: 0 },
            { comes: 16, takes: 0 },
            { comes: 15, takes: 7 },
          ],
        ],
      ],
    },
  );
});

it('all places are used', async () => {
  const gate = new Gate(3);
  const entered: number[] = [];
  for (let i = 0; i < 5; i++) gate.enter().then(() => entered.push(i));
  await turns(5);
  expect(entered).toEqual([0, 1, 2]);
});

it('each leave lets one in, and a place that nobody waits for is kept', async () => {
  const gate = new Gate(1);
  const entered: number[] = [];
  for (let i = 0; i < 4; i++) gate.enter().then(() => entered.push(i));
  for (let left = 0; left < 4; left++) {
    await turns(5);
    expect(entered.length).toBe(left + 1);
    gate.leave();
  }
  gate.enter().then(() => entered.push(4));
  gate.enter().then(() => entered.push(5));
  await turns(5);
  expect(entered).toEqual([0, 1, 2, 3, 4]);
});
