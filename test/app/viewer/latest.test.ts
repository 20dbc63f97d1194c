/** Work asked for faster than it is done. */
import { expect, it } from 'vitest';
import { Latest } from '../../../src/app/viewer/latest.ts';

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

it('does one thing at a time, and of what waits only the last', async () => {
  const done: number[] = [];
  let release = () => {};
  const latest = new Latest<number>(
    async (request) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      done.push(request);
    },
    () => {},
  );
  for (const request of [1, 2, 3, 4]) latest.ask(request);
  release();
  await turn();
  expect(done).toEqual([1]);
  release();
  await turn();
  expect(done).toEqual([1, 4]);
  latest.ask(5);
  release();
  await turn();
  expect(done).toEqual([1, 4, 5]);
});

it('says what failed and goes on', async () => {
  const failed: unknown[] = [];
  const done: number[] = [];
  const latest = new Latest<number>(
    async (request) => {
      if (request === 1) throw new Error('one');
      done.push(request);
    },
    (error) => failed.push(error),
  );
  latest.ask(1);
  latest.ask(2);
  await turn();
  expect(failed).toEqual([new Error('one')]);
  expect(done).toEqual([2]);
});
