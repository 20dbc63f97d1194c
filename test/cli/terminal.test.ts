import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OverallProgress } from '../../src/cli/overall-progress.ts';
import { clock, Terminal } from '../../src/cli/terminal.ts';

const CLEAR = '\r\u001b[2K';
let stdout = '';
let stderr = '';

beforeEach(() => {
  stdout = '';
  stderr = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  for (const key of ['isTTY', 'columns'] as const) Reflect.deleteProperty(process.stderr, key);
});

/** A terminal of so many columns, or none. */
function attached(columns: number | undefined): void {
  for (const [key, value] of Object.entries({ isTTY: columns !== undefined, columns })) {
    Object.defineProperty(process.stderr, key, { value, configurable: true });
  }
}

test.each([
  [0, '0:00'],
  [0.4, '0:00'],
  [42, '0:42'],
  [59.6, '1:00'],
  [725, '12:05'],
  [3599.4, '59:59'],
  [3599.5, '1:00:00'],
  [3723, '1:02:03'],
  [360_000, '100:00:00'],
  [-5, '0:00'],
])('%d seconds are %s', (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});

describe('what goes where', () => {
  test('results go to stdout, the rest to stderr', () => {
    const terminal = new Terminal(false);
    terminal.log('working');
    terminal.warn('careful');
    terminal.print('a.nii.gz');
    terminal.result({ a: 1 });
    expect([stdout, stderr]).toEqual(['a.nii.gz\n', 'working\nwarning: careful\n']);
  });

  test('with --json stdout has one object and nothing else', () => {
    const terminal = new Terminal(true);
    terminal.log('working');
    terminal.print('a.nii.gz');
    terminal.result({ command: 'info', text: 'two\nlines' });
    expect(JSON.parse(stdout)).toEqual({ command: 'info', text: 'two\nlines' });
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(stderr).toBe('working\n');
  });
});

describe('the progress line', () => {
  const rate = { count: 2520, units: 'slices' };

  test.each([20, 40, 79, 80, 120, 200])('fits into %d columns', (columns) => {
    attached(columns);
    const terminal = new Terminal(false);
    terminal.progress('a-rather-long-name-of-a-case_image').update(60, 300, 'directions', rate);
    const line = stderr.replace(CLEAR, '');
    expect(stderr.startsWith(CLEAR)).toBe(true);
    expect(line).not.toMatch(/[\r\n]/);
    // The last column stays free: some terminals wrap when it is filled.
    expect(line.length).toBeLessThan(columns);
    if (columns < 100) expect(line).toHaveLength(columns - 1);
    expect(line.endsWith('…')).toBe(columns < 100);
  });

  test.each([0, 1, 2, 3])('survives a terminal that says it has %d columns', (columns) => {
    attached(columns);
    new Terminal(false).draw('x'.repeat(200));
    const line = stderr.replace(CLEAR, '');
    expect(line.length).toBeLessThanOrEqual(columns === 0 ? 79 : Math.max(1, columns - 1));
  });

  test('says how far it is, how fast, and how long it will take', () => {
    attached(200);
    vi.useFakeTimers({ toFake: ['performance'] });
    const progress = new Terminal(false).progress('scan');
    vi.advanceTimersByTime(30_000);
    progress.update(60, 300, 'directions', rate);
    expect(stderr).toBe(`${CLEAR}scan ███░░░░░░░░░░░░░ 60/300 directions · 84 slices/s · 2:00 left`);
  });

  test('of one of several cases says how long all of them will take, from those that are done', () => {
    attached(80);
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(1000);
    const cases = new OverallProgress(new Terminal(false), 40, 30);
    cases.begin('first', 10);
    vi.advanceTimersByTime(60_000);
    cases.end();
    cases.begin('validation-12', 11);
    // A pass over the second half of a case, half done: three quarters of it.
    const part = cases.part(0.5, 0.5);
    const line = part.line();
    vi.advanceTimersByTime(45_000);
    line.update(60, 120, 'directions', rate, { left: part.left(60, 120) });
    // 105 s for 1.75 of 30 cases: 60 s for each of the 28.25 that are left.
    expect(stderr).toBe(
      `${CLEAR}12/40 validation-12 ███████░░░░░░░ 60/120 directions · 56 slices/s · 28:15 left`,
    );
    expect(new OverallProgress(new Terminal(false), 1, 1).part(0, 1).left(1, 2)).toBeUndefined();
  });

  test('is drawn at most ten times a second', () => {
    attached(200);
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(1000);
    const progress = new Terminal(false).progress('scan');
    for (let done = 1; done <= 1000; done++) {
      vi.advanceTimersByTime(1);
      progress.update(done, 1000, 'directions', rate);
    }
    expect(stderr.split(CLEAR)).toHaveLength(1 + 10);
  });

  test('is wiped before anything else is said, and at its end', () => {
    attached(80);
    const terminal = new Terminal(false);
    const progress = terminal.progress('scan');
    progress.update(1, 2, 'directions', rate);
    terminal.log('working');
    expect(stderr.endsWith(`left${CLEAR}working\n`)).toBe(true);
    terminal.draw('again');
    progress.end();
    expect(stderr.endsWith(`again${CLEAR}`)).toBe(true);
    progress.end();
    expect(stderr.endsWith(`again${CLEAR}`)).toBe(true);
  });

  test('is a plain line every half a minute where there is no terminal', () => {
    attached(undefined);
    vi.useFakeTimers({ toFake: ['performance'] });
    const progress = new Terminal(false).progress('scan');
    for (let second = 1; second <= 65; second++) {
      vi.advanceTimersByTime(1000);
      progress.update(second, 130, 'directions', { count: second * 5, units: 'slices' });
    }
    expect(stderr).toBe(
      [
        'scan: 30/130 directions · 5.0 slices/s · 1:40 left',
        'scan: 60/130 directions · 5.0 slices/s · 1:10 left',
        '',
      ].join('\n'),
    );
  });
});
