import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createRun, isInterruption, messageOf } from '../../src/cli/run.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { DeviceError, UsageError, VolumeError } from '../../src/errors.ts';

let stderr = '';
beforeEach(() => {
  stderr = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

const run = () => createRun(() => new Terminal(false));
const listeners = () => process.listenerCount('SIGINT') + process.listenerCount('SIGTERM');

describe('how a command ends', () => {
  test.each<[string, unknown, number, string]>([
    ['an error of ours', new VolumeError('a.nii', 'It is empty.'), 1, 'error: a.nii: It is empty.\n'],
    [
      'a device',
      new DeviceError('device cuda', 'It is not there.'),
      1,
      'error: device cuda: It is not there.\n',
    ],
    ['wrong usage', new UsageError('--size', 'It is odd.'), 2, 'error: --size: It is odd.\n'],
    [
      'the file system',
      Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' }),
      1,
      'error: file: The disk is full. Make room or choose another place with --out.\n',
    ],
    [
      'a fault',
      new TypeError('x is no function'),
      1,
      'error: This is a fault in tonno: x is no function (Set TONNO_DEBUG=1 to see where.)\n',
    ],
    [
      'something thrown that is no error',
      'oh',
      1,
      'error: This is a fault in tonno: oh (Set TONNO_DEBUG=1 to see where.)\n',
    ],
  ])('with %s', async (_, error, code, message) => {
    const before = listeners();
    await run()(() => Promise.reject(error));
    expect([process.exitCode, stderr]).toEqual([code, message]);
    expect(listeners()).toBe(before);
  });

  test('done, it says nothing and listens to signals no longer', async () => {
    const before = listeners();
    await run()(async () => {
      expect(listeners()).toBe(before + 2);
    });
    expect([process.exitCode, stderr, listeners()]).toEqual([undefined, '', before]);
  });

  test('a fault shows where it is when that is asked for', () => {
    vi.stubEnv('TONNO_DEBUG', '1');
    expect(messageOf(new TypeError('x is no function'))).toMatch(
      /TypeError: x is no function\n +at .*run\.test\.ts/,
    );
    expect(messageOf(new VolumeError('a.nii', 'It is empty.'))).toBe('a.nii: It is empty.');
  });
});

describe('an interruption', () => {
  test.each([
    'SIGINT',
    'SIGTERM',
  ] as const)('by %s aborts the signal, and is told apart from failures', async (name) => {
    const command = run();
    await command(async () => {
      process.emit(name, name);
      expect(command.signal.aborted).toBe(true);
      expect(isInterruption(command.signal.reason, command.signal)).toBe(true);
      expect(isInterruption(new DOMException('stopped', 'AbortError'), command.signal)).toBe(true);
      expect(isInterruption(new VolumeError('a.nii', 'It is empty.'), command.signal)).toBe(false);
      command.signal.throwIfAborted();
    });
    expect(process.exitCode).toBe(1);
    expect(stderr).toBe(
      `Stopping; nothing unfinished is kept. (Once more to stop at once.)\nInterrupted by ${name}.\n`,
    );
  });

  test('does not hide a failure that came first', async () => {
    const command = run();
    await command(async () => {
      process.emit('SIGINT', 'SIGINT');
      throw new VolumeError('a.nii', 'It is empty.');
    });
    expect(stderr.endsWith('error: a.nii: It is empty.\n')).toBe(true);
  });

  test('is nothing before somebody interrupts', () => {
    const { signal } = new AbortController();
    expect(isInterruption(new DOMException('stopped', 'AbortError'), signal)).toBe(false);
  });

  test('a second one ends the process', async () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    await run()(async () => {
      process.emit('SIGINT', 'SIGINT');
      expect(kill).not.toHaveBeenCalled();
      process.emit('SIGINT', 'SIGINT');
      expect(kill).toHaveBeenCalledWith(process.pid, 'SIGKILL');
    });
  });
});
