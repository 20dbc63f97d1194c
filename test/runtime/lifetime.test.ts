/** Sessions in processes of their own: none keeps its process from ending, and none takes it down. */
import { describe, expect, it } from 'vitest';
import { inProcess } from './support.ts';

const ended = { code: 0, signal: null, stderr: '' };

describe('a process ends by itself', () => {
  it('after close', async () => {
    const script = `
      const session = await openSession(models.matchedFilter, { threads: 2 });
      await session.run({ slices: image(2, 1, 64, 64) });
      await session.close();
      console.log('closed');`;
    expect(await inProcess(script)).toEqual({ ...ended, stdout: 'closed\n' });
  });

  it('after a close that nobody waits for', async () => {
    const script = `
      const session = await openSession(models.matchedFilter, { threads: 2 });
      const runs = [1, 2, 3, 4, 5].map((n) => session.run({ slices: image(n, 1, 64, 64) }));
      session.close();
      Promise.all(runs).then((answers) => console.log(answers.length));`;
    expect(await inProcess(script)).toEqual({ ...ended, stdout: '5\n' });
  });

  it('with a session left open, once its runs are done', async () => {
    const script = `
      const session = await openSession(models.matchedFilter, { threads: 2 });
      for (const n of [1, 2, 3, 4, 5]) {
        session.run({ slices: image(n, 1, 64, 64) }).then(({ logit }) => console.log(logit.data.length));
      }`;
    const { stdout, ...rest } = await inProcess(script);
    expect(rest).toEqual(ended);
    expect(stdout.trim().split('\n').sort()).toEqual(['1', '2', '3', '4', '5']);
  });

  it('with a session left open that never ran', async () => {
    const script = "await openSession(models.matchedFilter, { threads: 2 }); console.log('opened');";
    expect(await inProcess(script)).toEqual({ ...ended, stdout: 'opened\n' });
  });

  it('after models that the engine refuses, and after runs that it refuses', async () => {
    const script = `
      for (let i = 0; i < 3; i++) {
        await openSession(models.unknownOperator, { threads: 2 }).catch((error) => console.log(error.name));
      }
      const session = await openSession(models.arithmetic, { threads: 2 });
      await session.run({ a: image(1, 4) }).catch((error) => console.log(error.name));`;
    expect(await inProcess(script)).toEqual({ ...ended, stdout: 'EncoderError\n'.repeat(4) });
  });

  it('when it is told to while sessions are idle', async () => {
    const script = `
      const session = await openSession(models.matchedFilter, { threads: 2 });
      await session.run({ slices: image(2, 1, 64, 64) });
      process.exit(3);`;
    expect(await inProcess(script)).toEqual({ ...ended, code: 3, stdout: '' });
  });

  it('with an uncaught error of its own, which is shown', async () => {
    const script = `
      await openSession(models.matchedFilter, { threads: 2 });
      throw new Error('mine');`;
    const { code, stderr } = await inProcess(script);
    expect(code).toBe(1);
    expect(stderr).toContain('Error: mine');
  });

  const whileBusy = (then: string) => `
    const session = await openSession(models.matchedFilter, { threads: 2 });
    const runs = Array.from({ length: 40 }, () => session.run({ slices: image(8, 1, 96, 96) }));
    for (const run of runs) run.catch(() => {});
    await runs[0];
    ${then}`;

  it.each([
    ["throw new Error('mine');", 1, 'Error: mine'],
    ['process.exit(3);', 3, ''],
    ['session.close(); process.exit(4);', 4, ''],
    ['openSession(models.matchedFilter); process.exit(5);', 5, ''],
  ])('in the middle of runs, with its own exit code: %s', async (then, code, text) => {
    const ending = await inProcess(whileBusy(then));
    expect({ code: ending.code, signal: ending.signal }).toEqual({ code, signal: null });
    expect(ending.stderr).toContain(text);
    expect(ending.stderr).not.toContain('terminate called');
  });
});

it.skipIf(process.platform !== 'linux')(
  'twenty sessions and ten refused models leave no threads (counted on Linux)',
  async () => {
    const script = `
    import { readdirSync } from 'node:fs';
    const threads = () => readdirSync('/proc/self/task').length;
    await (await openSession(models.convolution, { threads: 2 })).close();
    const before = threads();
    const most = [];
    for (let i = 0; i < 10; i++) {
      const sessions = await Promise.all([1, 1].map((threads) => openSession(models.convolution, { threads })));
      most.push(threads());
      await sessions[0].run({ x: image(1, 1, 16, 16) });
      await Promise.all(sessions.map((session) => session.close()));
      await openSession(models.unknownOperator, { threads: 2 }).catch(() => {});
    }
    // A thread's entry goes a moment after the thread.
    for (let i = 0; i < 50 && threads() > before; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(Math.min(...most) - before, threads() - before);`;
    const { stdout, ...rest } = await inProcess(script);
    expect(rest).toEqual(ended);
    const [whileOpen, after] = stdout.trim().split(' ').map(Number);
    expect(whileOpen).toBeGreaterThanOrEqual(2);
    expect(after).toBeLessThanOrEqual(0);
  },
);
